// broadcast: values repeated along the axes of an image of which they have only one entry. And add and mul of two values, of
// which each may be repeated.
//
//   a, b: [n, h, w, c], each of h, w, c may be 1   y: [n, h, w, c]
//
//   y = a            (broadcast)
//   y = a + b        (add)
//   y = a * b        (mul)
//
// A thread owns a quad (four channels) of the result.

struct Params {
    a: vec4<u32>, // quads from one image, row, column and quad of a to the next: 0 along an axis of one entry
    b: vec4<u32>, // the same of b
    count: u32,   // quads of y
    c4: u32,      // quads per pixel of y
    h: u32,       // rows and columns of y
    w: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>;

// Image, row, column and quad of y's quad i.
fn place(i: u32) -> vec4<u32> {
    let pixel = i / params.c4;
    let row = pixel / params.w; // counted through all images
    return vec4(row / params.h, row % params.h, pixel % params.w, i % params.c4);
}

// What quad i of y gets of a. A single channel stands for all.
fn of_a(i: u32) -> vec4<f32> {
    let v = a[dot(params.a, place(i))];
    return select(v, v.xxxx, params.a.w == 0);
}

fn of_b(i: u32) -> vec4<f32> {
    let v = b[dot(params.b, place(i))];
    return select(v, v.xxxx, params.b.w == 0);
}

@compute @workgroup_size(64)
fn broadcast(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = of_a(i);
}

@compute @workgroup_size(64)
fn add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = of_a(i) + of_b(i);
}

@compute @workgroup_size(64)
fn mul(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = of_a(i) * of_b(i);
}
