// What makes a gradient a step: rms, normalise, step.
//
//   rms       = sqrt(mean of dx^2)         per image
//   normalise = dx / (rms + epsilon)       every step has the same length, whatever the layer's scale
//   step      = image + rate * normalise
//
// rms: a workgroup sums one image, as in mean.wgsl. The square of a number below 1e-19 is zero in single precision, and a
// gradient may well be that small; so all are first multiplied by a power of two that brings the largest near 1, which is
// exact, and the root is divided by it. The other two: a thread owns a quad (four channels).

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
var<workgroup> exponents: array<u32, 256>;

// Quad i of an image; the last one of a pixel may hold channels that do not count.
fn value(image: u32, i: u32) -> vec4<f32> {
    let c = vec4(i % params.c4 * 4) + vec4(0u, 1u, 2u, 3u);
    return select(vec4(0.0), x[image + i], c < vec4(params.channels));
}

@compute @workgroup_size(THREADS)
fn rms(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let image = group.x * params.count;
    // The exponents of the largest values; all ones for NaN and infinity.
    var largest = vec4(0u);
    for (var i = t; i < params.count; i += THREADS) {
        largest = max(largest, bitcast<vec4<u32>>(value(image, i)) & vec4(0x7f800000u));
    }
    exponents[t] = max(max(largest.x, largest.y), max(largest.z, largest.w));
    for (var half = THREADS / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if t < half {
            exponents[t] = max(exponents[t], exponents[t + half]);
        }
    }
    workgroupBarrier();
    // 2^127 / 2^exponent, within what single precision holds.
    let exponent = clamp(exponents[0], 0x00800000u, 0x7e800000u);
    let scale = bitcast<f32>(0x7f000000u - exponent);
    var sum = vec4(0.0);
    for (var i = t; i < params.count; i += THREADS) {
        let v = value(image, i) * scale;
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
        y[group.x] = vec4(sqrt(sums[0] / params.values) / scale, 0.0, 0.0, 0.0);
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
