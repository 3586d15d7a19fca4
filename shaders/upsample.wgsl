// upsample, nearest neighbour: every pixel becomes a block of h x w equal pixels. And sum_pool, its gradient.
//
//   x: [n, h, w, c]   y: [n, h * window.h, w * window.w, c]
//
//   y[r, s, c]  = x[r / window.h, s / window.w, c]
//   dx[r, s, c] = sum of dy over the block that x[r, s, c] became
//
// A thread owns a quad (four channels) of the result. The rows of all images lie one below the other, so the image's
// number is not needed.

struct Params {
    count: u32,    // quads of the output
    c4: u32,       // quads per pixel
    w: u32,        // columns of the output
    window_h: u32,
    window_w: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

@compute @workgroup_size(64)
fn upsample(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let c = i % params.c4;
    let pixel = i / params.c4;
    let row = pixel / params.w / params.window_h;
    let column = pixel % params.w / params.window_w;
    y[i] = x[(row * (params.w / params.window_w) + column) * params.c4 + c];
}

// Here the output is dx and x is dy.
@compute @workgroup_size(64)
fn sum_pool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let c = i % params.c4;
    let pixel = i / params.c4;
    let row = pixel / params.w * params.window_h;
    let column = pixel % params.w * params.window_w;
    var sum = vec4(0.0);
    for (var r = row; r < row + params.window_h; r++) {
        for (var s = column; s < column + params.window_w; s++) {
            sum += x[(r * params.w * params.window_w + s) * params.c4 + c];
        }
    }
    y[i] = sum;
}
