// adam: the direction of the step, from the running means of the gradient (m) and of its square (v).
//
//   y = (m / cm) / (sqrt(v / cv) + epsilon)       cm and cv: one number per image
//
// A thread owns a quad (four channels) of the result.

struct Params {
    count: u32,       // quads
    image_quads: u32, // quads per image
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> m: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> cm: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> cv: array<vec4<f32>>;

@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let image = i / params.image_quads;
    y[i] = (m[i] / cm[image].x) / (sqrt(v[i] / cv[image].x) + params.epsilon);
}
