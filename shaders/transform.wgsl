// transform: a matrix applied along the rows or the columns of each image.
//
//   x: [n, h, w, c]   M: [h', h] or [w', w]   y: [n, h', w, c] or [n, h, w', c]
//
//   down:    y[r', s, c] = sum over r of M[r', r] * x[r, s, c]
//   across:  y[r, s', c] = sum over s of M[s', s] * x[r, s, c]
//
// Both are one loop: of x lying as [outer, length, inner], in quads, y[o, k', i] = sum over k of M[k', k] * x[o, k, i].
// A thread owns a quad (four channels) of the result.

struct Params {
    first: u32,  // quad of y of this run
    count: u32,  // quads of y up to the end of this run
    rows: u32,   // of M: k'
    length: u32, // k
    inner: u32,  // quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> matrix: array<f32>;

@compute @workgroup_size(64)
fn transform(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = params.first + id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let row = i / params.inner % params.rows;
    let first = i / params.inner / params.rows * params.length * params.inner + i % params.inner;
    var sum = vec4(0.0);
    for (var k = 0u; k < params.length; k++) {
        sum = fma(vec4(matrix[row * params.length + k]), x[first + k * params.inner], sum);
    }
    y[i] = sum;
}
