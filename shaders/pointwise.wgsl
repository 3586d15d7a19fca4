// What is done value by value: add, relu, batch_norm and relu's gradient, alone or one after the other. And fill.
//
//   y = x                       (same)     or one number everywhere (fill)
//   y = y + add
//   y = max(y, 0)               relu; the signs are remembered for the backward pass
//   y = scale[c] y + shift[c]   batch_norm, forward and backward
//   y = y where gate > 0        relu's gradient: dx = dy where the relu's y was positive, else 0
//
// Tensors are NHWC, four channels to a vec4 (a "quad"); the last quad of a pixel is filled up with channels that do not
// count. A thread owns quad i of y. Signs have a word per quad, in the same place: bit k tells whether channel k of the
// quad is positive.

struct Params {
    count: u32,    // quads of y
    c4: u32,       // quads per pixel
    value: f32,    // of fill
    scale_at: u32, // in constants: scale, then shift
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> signs: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> constants: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> add: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> gate: array<u32>;

override ADD: bool = false;
override RELU: bool = false;
override SIGNS: bool = false;
override AFFINE: bool = false;
override GATE: bool = false;

// A NaN stays one, so that it is seen, not hidden. Tested on the bits, since a shader compiler may assume that no NaN occurs.
fn is_nan(v: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(v) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

fn pack(positive: vec4<bool>) -> u32 {
    return dot(select(vec4(0u), vec4(1u, 2u, 4u, 8u), positive), vec4(1u));
}

fn unpack(word: u32) -> vec4<bool> {
    return (vec4(word) & vec4(1u, 2u, 4u, 8u)) != vec4(0u);
}

// What happens to quad i (of channels 4c..4c+4) on its way out.
fn ends(i: u32, c: u32, head: vec4<f32>) {
    var v = head;
    if ADD {
        v += add[i];
    }
    if RELU {
        let positive = v > vec4(0.0);
        if SIGNS {
            signs[i] = pack(positive);
        }
        v = select(vec4(0.0), v, positive | is_nan(v));
    }
    if AFFINE {
        v = fma(constants[params.scale_at + c], v, constants[params.scale_at + params.c4 + c]);
    }
    if GATE {
        v = select(vec4(0.0), v, unpack(gate[i]));
    }
    y[i] = v;
}

@compute @workgroup_size(64)
fn same(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    ends(i, i % params.c4, x[i]);
}

@compute @workgroup_size(64)
fn fill(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    ends(i, i % params.c4, vec4(params.value));
}
