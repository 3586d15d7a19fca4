// sigmoid: squashes every number into (0, 1). And its gradient.
//
//   y  = 1 / (1 + exp(-x))
//   dx = dy * y * (1 - y)
//
// A thread owns a quad (four channels) of the result.

struct Params {
    count: u32, // quads
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> remembered: array<vec4<f32>>;

@compute @workgroup_size(64)
fn sigmoid(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    // By the half that cannot overflow: exp(-|x|) is at most 1.
    let small = exp(-abs(x[i]));
    y[i] = select(vec4(1.0), small, x[i] < vec4(0.0)) / (1.0 + small);
}

// Here the output is dx, x is dy, and y is remembered.
@compute @workgroup_size(64)
fn sigmoid_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let dy = x[i];
    y[i] = dy * remembered[i] * (1.0 - remembered[i]);
}
