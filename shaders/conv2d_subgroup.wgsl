// conv2d where a subgroup has 8 lanes and workgroup memory is no faster than other memory, as on a CPU. Slide a kernel over
// the image, with zeros around it. The gradient is this very shader, with the kernel flipped in both axes and its channels
// swapped.
//
//   x: [n, h, w, ci]   W: [kh, kw, ci, co]   b: [co]   y: [n, h', w', co]
//
//   y[r, s, o]  = b[o] + sum over i, j, c of  x[r + i - top, s + j - left, c] * W[i, j, c, o]
//   dx[r, s, c] =        sum over i, j, o of dy[r - i + top, s - j + left, o] * W[i, j, c, o]
//
// Tensors are NHWC, four channels to a vec4 (a "quad"). The kernel is packed as [co / T, kh, kw, ci, T] with T = 64 (WIDE) or 32,
// ci filled up with zeros to a multiple of four, co to one of T: what a subgroup reads lies in one piece, in the order in which
// it is read. It is a texture, 8192 texels wide, since such an adapter fetches a texel in half the time of a buffer's vec4.
//
// A stride, a dilation, an x that is upsampled first, a y whose windows are summed up afterwards, and conv_transpose change only
// which pixels meet (src/engine/exec/gpu/phases.rs): W's taps are chosen, turned and added up beforehand, and step, phase,
// stride, dilation and offset say the rest.
//
// A subgroup computes 32 pixels, or 16 where there are no more (HALF), x 16 quads (WIDE) or 8. A lane owns one quad, or two that
// lie 8 apart: it keeps a sum for each of them and each pixel. Nothing is fetched twice: for four channels each lane fetches its
// quads' columns of the kernel and 4 of the 32 pixels of x, and hands the pixels round by subgroupBroadcast.
//
//                   kernel: 4 channels x 16 quads
//                        lane 0   ...   lane 7   lane 0   ...   lane 7
//                      +--------+-----+--------+--------+-----+--------+
//   x: lane 0 fetches  | w0..w3 |     | w0..w3 | u0..u3 |     | u0..u3 |
//      pixels 0, 8,    +--------+-----+--------+--------+-----+--------+
//      16, 24       +--+--------+-----+--------+--------+-----+--------+
//                   |..|  a.p0  |     |  a.p0  |  f.p0  |     |  f.p0  |  pixel 0
//                   |..|   ...  |     |   ...  |   ...  |     |   ...  |
//                   |..|  e.p7  |     |  e.p7  |  i.p7  |     |  i.p7  |  pixel 31
//                   +--+--------+-----+--------+--------+-----+--------+

// Params and the other bindings: conv2d_params.wgsl.
@group(0) @binding(4) var kernel: texture_2d<f32>;

override HALF: bool = false;      // 16 pixels
override WIDE: bool = false;      // 16 quads

@compute @workgroup_size(8)
fn subgroup(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let quads = select(8u, 16u, WIDE);
    let tile = params.first_group + group.y * groups.x + group.x;
    let across = (params.co4 + quads - 1) / quads;
    let p = tile / across * select(32u, 16u, HALF);
    let c = tile % across * quads + lane;
    let image = params.x_image + group.z;
    if p >= params.grid.x * params.grid.y {
        return;
    }
    var a: Eight;
    var b: Eight;
    var d: Eight;
    var e: Eight;
    var f: Eight;
    var g: Eight;
    var h: Eight;
    var i: Eight;
    var row = (params.bank_image + group.z) * params.bank + tile % across * (params.taps.x * params.taps.y * params.ci4 * 4 * quads) + lane;
    let corner0 = corner(p + lane);
    let corner1 = corner(p + lane + 8);
    let corner2 = corner(p + lane + 16);
    let corner3 = corner(p + lane + 24);
    for (var tap = 0u; tap < params.taps.x * params.taps.y; tap++) {
        let ij = vec2<i32>(vec2(tap / params.taps.y, tap % params.taps.y) * params.dilation);
        let at0 = place(image, corner0 + ij);
        let at1 = place(image, corner1 + ij);
        let at2 = place(image, corner2 + ij);
        let at3 = place(image, corner3 + ij);
        for (var q = 0u; q < params.ci4; q++) {
            let w = rows(row, quads);
            let x0 = fetch(at0, q);
            let x1 = fetch(at1, q);
            eight(&a, x0, w);
            eight(&b, x1, w);
            if WIDE {
                let u = rows(row + 8, quads);
                eight(&f, x0, u);
                eight(&g, x1, u);
                if !HALF {
                    let x2 = fetch(at2, q);
                    let x3 = fetch(at3, q);
                    eight(&d, x2, w);
                    eight(&e, x3, w);
                    eight(&h, x2, u);
                    eight(&i, x3, u);
                }
            } else if !HALF {
                eight(&d, fetch(at2, q), w);
                eight(&e, fetch(at3, q), w);
            }
            row += 4 * quads;
        }
    }
    let first = vec2(p / params.grid.y, p % params.grid.y);
    finish_all(group.z, first, c, a, b, d, e);
    if WIDE {
        finish_all(group.z, first, c + 8, f, g, h, i);
    }
}

// The kernel's columns of a lane's quad, for four channels.
struct Rows {
    w0: vec4<f32>,
    w1: vec4<f32>,
    w2: vec4<f32>,
    w3: vec4<f32>,
}

fn rows(at: u32, quads: u32) -> Rows {
    return Rows(texel(at), texel(at + quads), texel(at + 2 * quads), texel(at + 3 * quads));
}

fn texel(at: u32) -> vec4<f32> {
    return textureLoad(kernel, vec2(at % 8192, at / 8192), 0);
}

// Quad q of x's channels that begin at `at`.
fn fetch(at: i32, q: u32) -> vec4<f32> {
    return select(vec4(0.0), x[u32(max(at, 0)) + q], at >= 0);
}

// Sums of 8 pixels, for this lane's quad.
struct Eight {
    p0: vec4<f32>,
    p1: vec4<f32>,
    p2: vec4<f32>,
    p3: vec4<f32>,
    p4: vec4<f32>,
    p5: vec4<f32>,
    p6: vec4<f32>,
    p7: vec4<f32>,
}

// Adds to the sums of 8 pixels what four channels give. Of x each lane holds another pixel's.
fn eight(y: ptr<function, Eight>, x: vec4<f32>, w: Rows) {
    (*y).p0 = times(subgroupBroadcast(x, 0u), w, (*y).p0);
    (*y).p1 = times(subgroupBroadcast(x, 1u), w, (*y).p1);
    (*y).p2 = times(subgroupBroadcast(x, 2u), w, (*y).p2);
    (*y).p3 = times(subgroupBroadcast(x, 3u), w, (*y).p3);
    (*y).p4 = times(subgroupBroadcast(x, 4u), w, (*y).p4);
    (*y).p5 = times(subgroupBroadcast(x, 5u), w, (*y).p5);
    (*y).p6 = times(subgroupBroadcast(x, 6u), w, (*y).p6);
    (*y).p7 = times(subgroupBroadcast(x, 7u), w, (*y).p7);
}

// Finishes a quad's pixels.
fn finish_all(z: u32, first: vec2<u32>, c: u32, a: Eight, b: Eight, d: Eight, e: Eight) {
    if c >= params.co4 {
        return;
    }
    let own = channels((params.bank_image + z) * params.bias_bank + c, params.scale_at + c, params.co4);
    var at = finish_eight(z, first, c, own, a);
    at = finish_eight(z, at, c, own, b);
    if !HALF {
        at = finish_eight(z, at, c, own, d);
        at = finish_eight(z, at, c, own, e);
    }
}

// Finishes 8 pixels that follow each other; the next one is returned.
fn finish_eight(z: u32, first: vec2<u32>, c: u32, own: Channels, y: Eight) -> vec2<u32> {
    var at = first;
    finish(z, at, c, own, y.p0);
    at = next(at);
    finish(z, at, c, own, y.p1);
    at = next(at);
    finish(z, at, c, own, y.p2);
    at = next(at);
    finish(z, at, c, own, y.p3);
    at = next(at);
    finish(z, at, c, own, y.p4);
    at = next(at);
    finish(z, at, c, own, y.p5);
    at = next(at);
    finish(z, at, c, own, y.p6);
    at = next(at);
    finish(z, at, c, own, y.p7);
    return next(at);
}

// The output after this one.
fn next(at: vec2<u32>) -> vec2<u32> {
    let right = at.y + 1;
    return select(vec2(at.x, right), vec2(at.x + 1, 0), right == params.grid.y);
}

// Where output p's tap (0, 0) lies in x: row and column. Far outside if there is no output p.
fn corner(p: u32) -> vec2<i32> {
    if p >= params.grid.x * params.grid.y {
        return vec2(-0x40000000);
    }
    return vec2<i32>(vec2(p / params.grid.y, p % params.grid.y) * params.stride) + params.offset;
}

// Where in memory the channels of x's pixel (row, column) begin, in quads; -1 outside the image, where x is zero.
fn place(image: u32, at: vec2<i32>) -> i32 {
    if any(at < vec2(0)) || any(at >= vec2<i32>(params.x)) {
        return -1;
    }
    return i32(((image * params.x.x + u32(at.x)) * params.x.y + u32(at.y)) * params.ci4);
}

// y + the four channels of x times four rows of the kernel: 16 multiply-accumulates.
fn times(x: vec4<f32>, w: Rows, y: vec4<f32>) -> vec4<f32> {
    return fma(vec4(x.w), w.w3, fma(vec4(x.z), w.w2, fma(vec4(x.y), w.w1, fma(vec4(x.x), w.w0, y))));
}

// Finishes quad c of the output at row and column `at` of the grid.
fn finish(z: u32, at: vec2<u32>, c: u32, own: Channels, sum: vec4<f32>) {
    if at.x >= params.grid.x {
        return;
    }
    let pixel = at * params.step + params.phase;
    let i = (((params.y_image + z) * params.y.x + pixel.x) * params.y.y + pixel.y) * params.co4 + c;
    var v = sum;
    if CONTINUES {
        v += y[i];
    }
    epilogue(i, own, v);
}
