// What makes a gradient a step: rms, normalise, step.
//
//   rms       = sqrt(mean of dx^2)         per image
//   normalise = dx / (rms + epsilon)       every step has the same length, whatever the layer's scale
//   step      = image + rate * normalise
//
// rms: a workgroup sums one image, as in mean.wgsl. The other two: a thread owns a quad (four channels).

struct Params {
    count: u32,       // quads per image (rms), or of the output
    image_quads: u32, // quads per image (normalise)
    c4: u32,          // quads per pixel
    channels: u32,
    values: f32,      // h w c
    factor: f32,      // epsilon (normalise) or rate (step)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> other: array<vec4<f32>>; // rms (normalise) or the gradient (step)

override THREADS: u32 = 256;
var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(THREADS)
fn rms(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let image = group.x * params.count;
    var sum = vec4(0.0);
    for (var i = t; i < params.count; i += THREADS) {
        let c = vec4(i % params.c4 * 4) + vec4(0u, 1u, 2u, 3u);
        let v = select(vec4(0.0), x[image + i], c < vec4(params.channels));
        sum = fma(v, v, sum);
    }
    sums[t] = (sum.x + sum.y) + (sum.z + sum.w);
    for (var half = THREADS / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if t < half {
            sums[t] += sums[t + half];
        }
    }
    if t == 0 {
        y[group.x] = vec4(sqrt(sums[0] / params.values), 0.0, 0.0, 0.0);
    }
}

@compute @workgroup_size(64)
fn normalise(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = x[i] / (other[i / params.image_quads].x + params.factor);
}

@compute @workgroup_size(64)
fn step(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = fma(vec4(params.factor), other[i], x[i]);
}
