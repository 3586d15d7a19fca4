// What is done value by value: add, relu, batch_norm and relu's gradient, alone or one after the other. And fill and constant,
// what they are done to being the same number everywhere or part of the graph.
//
//   y = epilogue(x)               (same)
//   y = epilogue(one number)      (fill)
//   y = epilogue(x)               (constant)     x of one image, the same for all, or of all
//
// Tensors are NHWC, four channels to a vec4 (a "quad"); the last quad of a pixel is filled up with channels that do not
// count. A thread owns quad i of y.

struct Params {
    count: u32,    // quads of y
    c4: u32,       // quads per pixel
    value: f32,    // of fill
    scale_at: u32, // in constants: scale, then shift
    x_quads: u32,  // quads of x (constant)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> signs: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> constants: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> add: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> gate: array<u32>;

// What the epilogue needs of quad i's channels.
fn own(i: u32) -> Channels {
    return channels(0, params.scale_at + i % params.c4, params.c4);
}

@compute @workgroup_size(64)
fn same(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    epilogue(i, own(i), x[i]);
}

@compute @workgroup_size(64)
fn fill(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    epilogue(i, own(i), vec4(params.value));
}

@compute @workgroup_size(64)
fn constant(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    epilogue(i, own(i), x[i % params.x_quads]);
}
