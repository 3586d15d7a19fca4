// What the drawing of the U shows of a value: how strong each channel is, and a few channels as small pictures. Only the page has
// it: so much less is read back than the value itself.

struct Params {
    h: u32,
    w: u32,
    c4: u32,       // quads (four channels) per pixel
    channel: u32,
    rows: u32,     // of a picture
    columns: u32,
    at: u32,       // where the results of this value begin
    unused: u32,
    strip: vec4<u32>, // its strongest channels
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 64>;

// The sum of magnitudes of each channel of a quad: a workgroup for each quad.
@compute @workgroup_size(64)
fn strength(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    var sum = vec4(0.0);
    for (var p = t; p < params.h * params.w; p += 64) {
        sum += abs(x[p * params.c4 + group.x]);
    }
    sums[t] = sum;
    for (var half = 32u; half > 0; half /= 2) {
        workgroupBarrier();
        if t < half {
            sums[t] += sums[t + half];
        }
    }
    if t == 0 {
        for (var k = 0u; k < 4; k++) {
            results[params.at + group.x * 4 + k] = sums[0][k];
        }
    }
}

// A channel's values at evenly spaced pixels: a thread for each. One picture after the other: the channel's, then the strip's.
@compute @workgroup_size(64)
fn picture(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.rows * params.columns {
        return;
    }
    var channel = params.channel;
    if id.y > 0 {
        channel = params.strip[id.y - 1];
    }
    let r = id.x / params.columns * params.h / params.rows;
    let s = id.x % params.columns * params.w / params.columns;
    results[params.at + id.y * params.rows * params.columns + id.x] =
        x[(r * params.w + s) * params.c4 + channel / 4][channel % 4];
}
