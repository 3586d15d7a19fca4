// mul: two values of one shape, multiplied place by place.
//
//   y = a * b
//
// A thread owns a quad (four channels) of the result.

struct Params {
    count: u32, // quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;

@compute @workgroup_size(64)
fn mul(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = a[i] * b[i];
}
