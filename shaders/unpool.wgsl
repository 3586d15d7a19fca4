// unpool: the gradient of a max pool whose windows of h x w pixels cut all of the image up, by the winners that the pool has
// remembered (max_pool.wgsl says how they are written).
//
//   dy: [n, h / window.h, w / window.w, c]   dx: [n, h, w, c]
//
//   dx = dy where x is the window's first maximum, else 0
//
// The gradient gathers: each dx asks the winner of its window "was it me?". A thread owns a quad (four channels) of dx. On its
// way out dx goes through an epilogue.

struct Params {
    count: u32,    // quads of dx
    c4: u32,       // quads per pixel
    w: u32,        // columns of dx
    window_h: u32,
    window_w: u32,
    scale_at: u32, // in constants: scale, then shift
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>; // dx
@group(0) @binding(2) var<storage, read_write> signs: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> winners: array<u32>;
@group(0) @binding(5) var<storage, read> constants: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> add: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> gate: array<u32>;

@compute @workgroup_size(64)
fn unpool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let c = i % params.c4;
    let pixel = i / params.c4;
    // The rows of all images lie one below the other, so the image's number is not needed.
    let row = pixel / params.w;
    let column = pixel % params.w;
    let columns = params.w / params.window_w;
    let window = (row / params.window_h * columns + column / params.window_w) * params.c4 + c;
    let me = row % params.window_h * params.window_w + column % params.window_w;
    let winner = (vec4(winners[window]) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
    epilogue(i, channels(0, params.scale_at + c, params.c4), select(vec4(0.0), dy[window], winner == vec4(me)));
}
