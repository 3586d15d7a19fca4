// slice: a box of each image, cut out of rows, columns and channels. And pad, its gradient: a box amid zeros.
//
//   slice:  y[p] = x[start + p]
//   pad:    y[p] = x[p - before], 0 where x has no such place
//
// Both are one line, y[p] = x[p + start] or 0, where start is negative for pad. A thread owns a quad (four channels) of the
// result; its channels may lie in two quads of x:
//
//   x's quads:   | 0 1 2 3 | 4 5 6 7 |      start = 2:   y's quads:  | 2 3 4 5 | 6 7 . . |

struct Params {
    count: u32,      // quads of y
    c4: u32,         // quads per pixel of y
    channels: u32,   // of y
    h: u32,          // rows and columns of y
    w: u32,
    x_h: u32,        // rows and columns of x
    x_w: u32,
    x4: u32,         // quads per pixel of x
    x_channels: u32,
    start_row: i32,
    start_column: i32,
    start_channel: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

@compute @workgroup_size(64)
fn slice(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let pixel = i / params.c4;
    let row = pixel / params.w; // counted through all images
    let image = row / params.h;
    let r = i32(row % params.h) + params.start_row;
    let s = i32(pixel % params.w) + params.start_column;
    var v = vec4(0.0);
    if r >= 0 && s >= 0 && r < i32(params.x_h) && s < i32(params.x_w) {
        let at = ((image * params.x_h + u32(r)) * params.x_w + u32(s)) * params.x4;
        for (var k = 0u; k < 4; k++) {
            let c = i % params.c4 * 4 + k; // channel of y
            let meets = i32(c) + params.start_channel; // of x
            if c < params.channels && meets >= 0 && meets < i32(params.x_channels) {
                v[k] = x[at + u32(meets) / 4][meets % 4];
            }
        }
    }
    y[i] = v;
}
