// sum over some of an image's axes. And softmax: positive numbers that add up to 1 over some axes, larger where x is.
//
//   sum:      x: [n, h, w, c]   y: the same, but 1 for each axis of the sum
//             y = sum of x
//   softmax:  x, y: [n, h, w, c]
//             y = exp(x - m) / sum of exp(x - m)       m the largest x, so that no exp overflows
//
// What is summed up together is a *box* of x: of each axis of the sum all of it, of the others one row, one column, one quad
// (four channels). LANES threads share a box: thread t takes quads t, t + LANES and so on; then the threads' sums meet,
// always in the same order, so that the result is the same run after run. How many threads there are follows from the box, not
// from the number of images. The prelude is functions.wgsl.

struct Params {
    boxes: vec2<u32>, // rows and columns of boxes in an image
    box: vec2<u32>,   // rows and columns of a box
    x: vec2<u32>,     // rows and columns of x
    c4: u32,          // quads per pixel of x
    channels: u32,    // of x
    boxes4: u32,      // boxes per pixel: 1 if channels are summed up, else c4
    box4: u32,        // quads of a box per pixel: c4 if channels are summed up, else 1
    count: u32,       // boxes in all images
    deep: u32,        // 1 if channels are summed up, else 0
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;

override LANES: u32 = 1;
const THREADS = 256u;
const LOWEST = vec4(-3.4028234e38);
var<workgroup> shared_by_lanes: array<vec4<f32>, 256>;

// Which box a thread works at.
fn box_of(group: vec3<u32>, groups: vec3<u32>, t: u32) -> u32 {
    return ((group.y * groups.x + group.x) * THREADS + t) / LANES;
}

// Quads of a box; none if there is no such box.
fn quads(box: u32) -> u32 {
    return select(0u, params.box.x * params.box.y * params.box4, box < params.count);
}

// Where quad k of a box lies in x.
fn place(box: u32, k: u32) -> u32 {
    let q = box % params.boxes4 + k % params.box4;
    let column = box / params.boxes4 % params.boxes.y + k / params.box4 % params.box.y;
    let above = box / params.boxes4 / params.boxes.y;
    let row = above % params.boxes.x + k / params.box4 / params.box.y;
    return ((above / params.boxes.x * params.x.x + row) * params.x.y + column) * params.c4 + q;
}

// Which of that quad's channels count: the last quad of a pixel may hold others.
fn counts(at: u32) -> vec4<bool> {
    return vec4(at % params.c4 * 4) + vec4(0u, 1u, 2u, 3u) < vec4(params.channels);
}

// The sum of what the box's threads hold; of all four channels together, if channels are summed up.
fn sum_of_lanes(t: u32, own: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    shared_by_lanes[t] = select(own, vec4((own.x + own.y) + (own.z + own.w)), params.deep == 1);
    for (var half = LANES / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if t % LANES < half {
            shared_by_lanes[t] += shared_by_lanes[t + half];
        }
    }
    workgroupBarrier();
    return shared_by_lanes[t / LANES * LANES];
}

// The same for the largest.
fn largest_of_lanes(t: u32, own: vec4<f32>) -> vec4<f32> {
    workgroupBarrier();
    shared_by_lanes[t] = select(own, vec4(max(max(own.x, own.y), max(own.z, own.w))), params.deep == 1);
    for (var half = LANES / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if t % LANES < half {
            shared_by_lanes[t] = max(shared_by_lanes[t], shared_by_lanes[t + half]);
        }
    }
    workgroupBarrier();
    return shared_by_lanes[t / LANES * LANES];
}

@compute @workgroup_size(256)
fn sum(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let box = box_of(group, groups, t);
    var own = vec4(0.0);
    for (var k = t % LANES; k < quads(box); k += LANES) {
        let at = place(box, k);
        own += select(vec4(0.0), x[at], counts(at));
    }
    let total = sum_of_lanes(t, own);
    if t % LANES == 0 && box < params.count {
        y[box] = select(total, vec4(total.x, 0.0, 0.0, 0.0), params.deep == 1);
    }
}

@compute @workgroup_size(256)
fn softmax(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let box = box_of(group, groups, t);
    var largest = LOWEST;
    for (var k = t % LANES; k < quads(box); k += LANES) {
        let at = place(box, k);
        largest = max(largest, select(LOWEST, x[at], counts(at)));
    }
    let m = largest_of_lanes(t, largest);
    var own = vec4(0.0);
    for (var k = t % LANES; k < quads(box); k += LANES) {
        let at = place(box, k);
        own += select(vec4(0.0), exponential(x[at] - m), counts(at));
    }
    let total = sum_of_lanes(t, own);
    for (var k = t % LANES; k < quads(box); k += LANES) {
        let at = place(box, k);
        y[at] = select(vec4(0.0), exponential(x[at] - m) / total, counts(at));
    }
}
