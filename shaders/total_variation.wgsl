// total_variation: how much neighbouring pixels differ, per pixel. And its gradient.
//
//   x: [n, h, w, c]   y: [n, 1, 1, 1]
//
//   y        = (sum of |x[r + 1, s] - x[r, s]| + sum of |x[r, s + 1] - x[r, s]|) / (h w c)
//   dx[r, s] = dy / (h w c) * sum over the up to four neighbours v of sign(x[r, s] - v)
//
// total_variation: a workgroup sums one image, as in mean.wgsl. The gradient: a thread owns a quad (four channels) of dx.

struct Params {
    count: u32, // quads per image (total_variation), or of the output
    c4: u32,    // quads per pixel
    channels: u32,
    h: u32,
    w: u32,
    values: f32, // h w c
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>; // read by the gradient alone

override THREADS: u32 = 256;
var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(THREADS)
fn total_variation(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let image = group.x * params.count;
    var sum = vec4(0.0);
    for (var i = t; i < params.count; i += THREADS) {
        let v = x[image + i];
        let pixel = i / params.c4;
        var apart = vec4(0.0);
        if pixel / params.w + 1 < params.h {
            apart += abs(x[image + i + params.w * params.c4] - v);
        }
        if pixel % params.w + 1 < params.w {
            apart += abs(x[image + i + params.c4] - v);
        }
        // The last quad of a pixel may hold channels that do not count.
        let c = vec4(i % params.c4 * 4) + vec4(0u, 1u, 2u, 3u);
        sum += select(vec4(0.0), apart, c < vec4(params.channels));
    }
    sums[t] = (sum.x + sum.y) + (sum.z + sum.w);
    for (var half = THREADS / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if t < half {
            sums[t] += sums[t + half];
        }
    }
    if t == 0 {
        y[group.x] = vec4(sums[0] / params.values, 0.0, 0.0, 0.0);
    }
}

@compute @workgroup_size(64)
fn total_variation_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let v = x[i];
    let pixel = i / params.c4;
    let row = pixel / params.w; // counted through all images
    let r = row % params.h;
    let s = pixel % params.w;
    var signs = vec4(0.0);
    if r > 0 {
        signs += sign(v - x[i - params.w * params.c4]);
    }
    if r + 1 < params.h {
        signs += sign(v - x[i + params.w * params.c4]);
    }
    if s > 0 {
        signs += sign(v - x[i - params.c4]);
    }
    if s + 1 < params.w {
        signs += sign(v - x[i + params.c4]);
    }
    y[i] = dy[row / params.h].x / params.values * signs;
}
