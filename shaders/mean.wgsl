// mean of each image's values: the loss. And spread, its gradient.
//
//   x: [n, h, w, c]   y: [n, 1, 1, 1]
//
//   y  = (sum of x) / (h w c)
//   dx = dy / (h w c)  everywhere
//
// A workgroup sums one image. Thread t takes quads t, t + 256, t + 512 and so on; then the threads' sums meet, always in
// the same order, so that the result is the same run after run:
//
//   sums:  0 1 2 3 4 5 6 7        halves = 4:  0+4 1+5 2+6 3+7      halves = 2:  ...

struct Params {
    count: u32,    // quads per image (mean), or of the output (spread)
    c4: u32,       // quads per pixel
    channels: u32,
    values: f32,   // h w c
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

override THREADS: u32 = 256;
var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(THREADS)
fn mean(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
    let image = group.x * params.count;
    var sum = vec4(0.0);
    for (var i = t; i < params.count; i += THREADS) {
        // The last quad of a pixel may hold channels that do not count.
        let c = vec4(i % params.c4 * 4) + vec4(0u, 1u, 2u, 3u);
        sum += select(vec4(0.0), x[image + i], c < vec4(params.channels));
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

// Here the output is dx and x is dy. c4 is the number of quads per image.
@compute @workgroup_size(64)
fn spread(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = vec4(x[i / params.c4].x / params.values);
}
