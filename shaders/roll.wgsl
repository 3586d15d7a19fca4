// roll: an image moved down and to the right; what leaves at one side comes in at the other.
//
//   x: [n, h, w, c]   by: [n, k, 2, 1], whole numbers   y: [n, h, w, c]
//
//   y[r, s] = x[(r - down) mod h, (s - right) mod w]      down, right = by[0, 0], by[0, 1], of each image its own
//
// A thread owns a quad (four channels) of the result.

struct Params {
    count: u32,  // quads of y
    c4: u32,     // quads per pixel
    h: u32,
    w: u32,
    entries: u32, // k
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> by: array<vec4<f32>>; // a number is a quad of its own

// Never negative, as % would be.
fn modulo(i: i32, n: i32) -> i32 {
    return ((i % n) + n) % n;
}

@compute @workgroup_size(64)
fn roll(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let pixel = i / params.c4;
    let row = pixel / params.w; // counted through all images
    let image = row / params.h;
    let shift = image * params.entries * 2;
    let r = modulo(i32(row % params.h) - i32(by[shift].x), i32(params.h));
    let s = modulo(i32(pixel % params.w) - i32(by[shift + 1].x), i32(params.w));
    y[i] = x[((image * params.h + u32(r)) * params.w + u32(s)) * params.c4 + i % params.c4];
}
