// concat: the channels of several inputs side by side. Its gradient is slice.wgsl.
//
//   a: [n, h, w, ca]   b: [n, h, w, cb]   y: [n, h, w, ca + cb]
//
//   y = a's channels, then b's
//
// A thread owns a quad (four channels) of the result. concat runs once per input, and writes that input's channels only:
//
//   y's quads:   | a a a a | a a b b | b b b - |      run for b: start = 6, channels = 5

struct Params {
    count: u32,    // quads of the output
    c4: u32,       // quads per pixel of the output
    x4: u32,       // quads per pixel of the input
    start: u32,    // the output's channel that the input's channel 0 becomes
    channels: u32, // how many
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

@compute @workgroup_size(64)
fn concat(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let pixel = i / params.c4;
    var v = y[i];
    for (var k = 0u; k < 4; k++) {
        let c = i32(i % params.c4 * 4 + k) - i32(params.start); // channel of x
        if c >= 0 && c < i32(params.channels) {
            v[k] = x[pixel * params.x4 + u32(c) / 4][c % 4];
        } else if c >= i32(params.channels) {
            v[k] = 0.0; // of a later input, or beyond the last
        }
    }
    y[i] = v;
}
