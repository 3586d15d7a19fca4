// max_pool: of each window of h x w pixels only the largest value goes on, channel by channel. And its gradient.
//
//   x: [n, h, w, c]   y: [n, h / window.h, w / window.w, c]
//
//   y  = the largest x of the window
//   dx = dy where x is the window's first maximum, else 0
//
// The forward pass remembers the winner: its place in the window, counted in reading order, a byte per channel and a word
// per quad of y. The gradient gathers: each dx asks the winner of its window "was it me?".
//
//   window 2x2:   0 1     winners word:  | c3 | c2 | c1 | c0 |
//                 2 3
//
// A thread owns a quad (four channels) of y, or of dx. On its way out dx goes through an epilogue.

struct Params {
    count: u32,  // quads of the output
    c4: u32,     // quads per pixel
    h: u32,      // rows and columns of x and dx
    w: u32,
    window_h: u32,
    window_w: u32,
    scale_at: u32, // in constants: scale, then shift
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> signs: array<u32>; // of the epilogue; max_pool writes its winners here
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> winners: array<u32>;
@group(0) @binding(5) var<storage, read> constants: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> add: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> gate: array<u32>;

override WINNERS: bool = false;

@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let c = i % params.c4;
    let pixel = i / params.c4;
    let columns = params.w / params.window_w;
    // The rows of all images lie one below the other, so the image's number is not needed.
    let row = pixel / columns * params.window_h;
    let column = pixel % columns * params.window_w;
    var best = x[(row * params.w + column) * params.c4 + c];
    var winner = vec4(0u);
    for (var k = 1u; k < params.window_h * params.window_w; k++) {
        let r = row + k / params.window_w;
        let s = column + k % params.window_w;
        let v = x[(r * params.w + s) * params.c4 + c];
        let better = v > best; // of equal values the first wins
        best = select(best, v, better);
        winner = select(winner, vec4(k), better);
    }
    y[i] = best;
    if WINNERS {
        signs[i] = winner.x | (winner.y << 8) | (winner.z << 16) | (winner.w << 24);
    }
}

// Here the output is dx and x is dy.
@compute @workgroup_size(64)
fn max_pool_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let c = i % params.c4;
    let pixel = i / params.c4;
    let row = pixel / params.w;
    let column = pixel % params.w;
    let columns = params.w / params.window_w;
    let window = (row / params.window_h * columns + column / params.window_w) * params.c4 + c;
    let me = row % params.window_h * params.window_w + column % params.window_w;
    let winner = (vec4(winners[window]) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
    epilogue(i, channels(0, params.scale_at + c, params.c4), select(vec4(0.0), x[window], winner == vec4(me)));
}
