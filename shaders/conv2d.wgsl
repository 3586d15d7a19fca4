// conv2d: slide a kernel over the image, with zeros around it. The gradient is this very shader, with the kernel flipped in both
// axes and its channels swapped.
//
//   x: [n, h, w, ci]   W: [kh, kw, ci, co]   b: [co]   y: [n, h', w', co]
//
//   y[r, s, o]  = b[o] + sum over i, j, c of  x[r + i - top, s + j - left, c] * W[i, j, c, o]
//   dx[r, s, c] =        sum over i, j, o of dy[r - i + top, s - j + left, o] * W[i, j, c, o]
//
// Tensors are NHWC, four channels to a vec4 (a "quad"). The kernel is packed as [kh, kw, ci, co], ci and co filled up with
// zeros to multiples of four: kernel[((i * kw + j) * ci + c) * co4 + o4].
//
// A stride, a dilation, an x that is upsampled first, a y whose windows are summed up afterwards, and conv_transpose change only
// which pixels meet (src/engine/exec/gpu/phases.rs): W's taps are chosen, turned and added up beforehand, and step, phase,
// stride, dilation and offset say the rest.
//
// tiled: a product of matrices, pixels x (taps, channels) times (taps, channels) x outputs. A workgroup of 64 threads computes a
// tile: 8 x 8 threads one of 64 pixels x 16 quads (LARGE), or 32 x 8 or 16 x 8; 4 across and 16 down 64 x 4, where y has few channels; 16
// across and 4 down 16 x 16, where it has few pixels. Tap by tap, 16 channels at a time, it fetches what the tile needs into
// workgroup memory; each thread keeps its outputs in registers. Of a LARGE tile: pixels ty, ty + 8, ..., quads tx and tx + 8.
//
//                     kernel: 16 channels x 16 quads
//                      +-----------+-----------+
//                      | .   tx    | .  tx + 8 |
//                      +-----------+-----------+
//   x: 64 pixels    +--+-----------+-----------+
//   x 16 channels   |..|     a0    |     b0    |  ty
//                   |..|     a1    |     b1    |  ty + 8
//                   |..|    ...    |    ...    |  ...
//                   |..|     a7    |     b7    |  ty + 56
//                   +--+-----------+-----------+
//
// one_channel: y has one channel. A workgroup computes 8 pixels; 8 threads share a pixel's input channels, and the first
// of them adds up their sums, always in the same order.
//
// sum_products: y has one channel and x many. First each pixel of x is multiplied with all taps, as a convolution of one tap
// with an output channel for each of the kernel's taps; then each output sums up the products that are meant for it. Of an x
// that is upsampled each pixel is multiplied once, for all its copies.
//
// gather_taps: x has one channel. First each output's taps are laid side by side; then they are multiplied with the kernel,
// as a convolution of one tap with an input channel for each of the kernel's taps.
//
// grouped: in groups of channels that see nothing of each other. The kernel is packed as [kh, kw, ci of a group, co]. A thread
// owns a quad of y, whose channels may belong to four groups; if each channel is a group of its own (DEPTHWISE), to just the
// four of x's quad in the same place.

// Params and the other bindings: conv2d_params.wgsl.
@group(0) @binding(4) var<storage, read> kernel: array<vec4<f32>>;

override LARGE: bool = true;
override PIXELS: u32 = 64; // of a tile: DOWN times 8 if LARGE, else times 4 or 2
override QUADS: u32 = 16;  // ACROSS times 2 if LARGE, else ACROSS
override ACROSS: u32 = 8;  // threads side by side; DOWN of them below each other
override DOWN: u32 = 8;
override DEPTHWISE: bool = false;

const CHUNK = 4u; // quads of x's channels fetched at a time
var<workgroup> xs: array<vec4<f32>, 256>; // [CHUNK][PIXELS]
var<workgroup> ws: array<vec4<f32>, 256>; // [4 * CHUNK][QUADS]

@compute @workgroup_size(64)
fn tiled(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let tile = params.first_group + group.y * groups.x + group.x;
    let across = (params.co4 + QUADS - 1) / QUADS;
    let first_pixel = tile / across * PIXELS;
    let first_quad = tile % across * QUADS;
    let image = params.x_image + group.z;
    let bank = (params.bank_image + group.z) * params.bank;
    if first_pixel >= params.grid.x * params.grid.y {
        return;
    }
    let tx = t % ACROSS;
    let ty = t / ACROSS;
    var a0 = vec4(0.0);
    var a1 = vec4(0.0);
    var a2 = vec4(0.0);
    var a3 = vec4(0.0);
    var a4 = vec4(0.0);
    var a5 = vec4(0.0);
    var a6 = vec4(0.0);
    var a7 = vec4(0.0);
    var b0 = vec4(0.0);
    var b1 = vec4(0.0);
    var b2 = vec4(0.0);
    var b3 = vec4(0.0);
    var b4 = vec4(0.0);
    var b5 = vec4(0.0);
    var b6 = vec4(0.0);
    var b7 = vec4(0.0);
    let mine = corner(first_pixel + t % PIXELS);
    for (var tap = 0u; tap < params.taps.x * params.taps.y; tap++) {
        let at = place(image, mine + tap_at(tap));
        for (var q = 0u; q < params.ci4; q += CHUNK) {
            let chunk = min(CHUNK, params.ci4 - q);
            workgroupBarrier();
            for (var k = t / PIXELS; k < chunk; k += 64 / PIXELS) {
                var v = vec4(0.0);
                if at >= 0 {
                    v = x[u32(at) + q + k];
                }
                xs[k * PIXELS + t % PIXELS] = v;
            }
            let quad = first_quad + t % QUADS;
            for (var k = t / QUADS; k < chunk * 4; k += 64 / QUADS) {
                var v = vec4(0.0);
                if quad < params.co4 {
                    v = kernel[bank + ((tap * params.ci4 + q) * 4 + k) * params.co4 + quad];
                }
                ws[k * QUADS + t % QUADS] = v;
            }
            workgroupBarrier();
            for (var k = 0u; k < chunk; k++) {
                let x0 = xs[k * PIXELS + ty];
                let x1 = xs[k * PIXELS + ty + DOWN];
                var x2 = vec4(0.0);
                var x3 = vec4(0.0);
                if PIXELS > 2 * DOWN {
                    x2 = xs[k * PIXELS + ty + 2 * DOWN];
                    x3 = xs[k * PIXELS + ty + 3 * DOWN];
                }
                let w0 = ws[(k * 4 + 0) * QUADS + tx];
                let w1 = ws[(k * 4 + 1) * QUADS + tx];
                let w2 = ws[(k * 4 + 2) * QUADS + tx];
                let w3 = ws[(k * 4 + 3) * QUADS + tx];
                a0 = times(x0, w0, w1, w2, w3, a0);
                a1 = times(x1, w0, w1, w2, w3, a1);
                if PIXELS > 2 * DOWN {
                    a2 = times(x2, w0, w1, w2, w3, a2);
                    a3 = times(x3, w0, w1, w2, w3, a3);
                }
                if LARGE {
                    let x4 = xs[k * PIXELS + ty + 4 * DOWN];
                    let x5 = xs[k * PIXELS + ty + 5 * DOWN];
                    let x6 = xs[k * PIXELS + ty + 6 * DOWN];
                    let x7 = xs[k * PIXELS + ty + 7 * DOWN];
                    a4 = times(x4, w0, w1, w2, w3, a4);
                    a5 = times(x5, w0, w1, w2, w3, a5);
                    a6 = times(x6, w0, w1, w2, w3, a6);
                    a7 = times(x7, w0, w1, w2, w3, a7);
                    let v0 = ws[(k * 4 + 0) * QUADS + tx + ACROSS];
                    let v1 = ws[(k * 4 + 1) * QUADS + tx + ACROSS];
                    let v2 = ws[(k * 4 + 2) * QUADS + tx + ACROSS];
                    let v3 = ws[(k * 4 + 3) * QUADS + tx + ACROSS];
                    b0 = times(x0, v0, v1, v2, v3, b0);
                    b1 = times(x1, v0, v1, v2, v3, b1);
                    b2 = times(x2, v0, v1, v2, v3, b2);
                    b3 = times(x3, v0, v1, v2, v3, b3);
                    b4 = times(x4, v0, v1, v2, v3, b4);
                    b5 = times(x5, v0, v1, v2, v3, b5);
                    b6 = times(x6, v0, v1, v2, v3, b6);
                    b7 = times(x7, v0, v1, v2, v3, b7);
                }
            }
        }
    }
    let p = first_pixel + ty;
    let c = first_quad + tx;
    finish(group.z, grid_place(p), c, a0);
    finish(group.z, grid_place(p + DOWN), c, a1);
    if PIXELS > 2 * DOWN {
        finish(group.z, grid_place(p + 2 * DOWN), c, a2);
        finish(group.z, grid_place(p + 3 * DOWN), c, a3);
    }
    if LARGE {
        finish(group.z, grid_place(p + 4 * DOWN), c, a4);
        finish(group.z, grid_place(p + 5 * DOWN), c, a5);
        finish(group.z, grid_place(p + 6 * DOWN), c, a6);
        finish(group.z, grid_place(p + 7 * DOWN), c, a7);
        finish(group.z, grid_place(p), c + ACROSS, b0);
        finish(group.z, grid_place(p + DOWN), c + ACROSS, b1);
        finish(group.z, grid_place(p + 2 * DOWN), c + ACROSS, b2);
        finish(group.z, grid_place(p + 3 * DOWN), c + ACROSS, b3);
        finish(group.z, grid_place(p + 4 * DOWN), c + ACROSS, b4);
        finish(group.z, grid_place(p + 5 * DOWN), c + ACROSS, b5);
        finish(group.z, grid_place(p + 6 * DOWN), c + ACROSS, b6);
        finish(group.z, grid_place(p + 7 * DOWN), c + ACROSS, b7);
    }
}

var<workgroup> sums: array<f32, 64>;

// Here the kernel is packed as [kh, kw, ci].
@compute @workgroup_size(64)
fn one_channel(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let p = (params.first_group + group.y * groups.x + group.x) * 8 + t / 8;
    let image = params.x_image + group.z;
    let bank = (params.bank_image + group.z) * params.bank;
    let mine = corner(p);
    var sum = vec4(0.0);
    for (var tap = 0u; tap < params.taps.x * params.taps.y; tap++) {
        let at = place(image, mine + tap_at(tap));
        if at >= 0 {
            for (var q = t % 8; q < params.ci4; q += 8) {
                sum = fma(x[u32(at) + q], kernel[bank + tap * params.ci4 + q], sum);
            }
        }
    }
    sums[t] = (sum.x + sum.y) + (sum.z + sum.w);
    workgroupBarrier();
    if t % 8 == 0 {
        var total = sums[t];
        for (var k = 1u; k < 8; k++) {
            total += sums[t + k];
        }
        finish(group.z, grid_place(p), 0, vec4(total, 0.0, 0.0, 0.0));
    }
}

// Here x holds products, a channel for each tap: product (i, j) of a pixel is meant for the output whose tap (i, j) it is.
@compute @workgroup_size(64)
fn sum_products(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = (params.first_group + id.y * groups.x) * 64 + id.x;
    let mine = corner(p);
    var sum = 0.0;
    for (var i = 0u; i < params.taps.x; i++) {
        for (var j = 0u; j < params.taps.y; j++) {
            let tap = i * params.taps.y + j;
            let at = mine + tap_at(tap);
            if all(at >= vec2(0)) && all(at < vec2<i32>(params.x * params.up)) {
                let pixel = vec2<u32>(at) / params.up;
                sum += x[(((params.x_image + id.z) * params.x.x + pixel.x) * params.x.y + pixel.y) * params.ci4 + tap / 4][tap % 4];
            }
        }
    }
    finish(id.z, grid_place(p), 0, vec4(sum, 0.0, 0.0, 0.0));
}

// Here x has one channel, and y gets a channel for each tap: what output p's tap (i, j) sees. A thread owns a quad of y.
@compute @workgroup_size(64)
fn gather_taps(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = (params.first_group + id.y * groups.x) * 64 + id.x;
    let p = index / params.co4;
    let q = index % params.co4;
    let mine = corner(p);
    var v = vec4(0.0);
    for (var k = 0u; k < 4; k++) {
        let tap = q * 4 + k;
        let at = place(params.x_image + id.z, mine + tap_at(tap));
        if at >= 0 && tap < params.taps.x * params.taps.y {
            v[k] = x[at].x;
        }
    }
    finish(id.z, grid_place(p), q, v);
}

@compute @workgroup_size(64)
fn grouped(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = (params.first_group + id.y * groups.x) * 64 + id.x;
    let p = index / params.co4;
    let q = index % params.co4;
    let image = params.x_image + id.z;
    let bank = (params.bank_image + id.z) * params.bank;
    let mine = corner(p);
    let inputs = params.of_group.x;
    // Where in x's pixel the group of each of y's channels begins.
    let group = (vec4(q * 4) + vec4(0u, 1u, 2u, 3u)) / params.of_group.y * inputs;
    var sum = vec4(0.0);
    for (var tap = 0u; tap < params.taps.x * params.taps.y; tap++) {
        let at = place(image, mine + tap_at(tap));
        if at >= 0 {
            if DEPTHWISE {
                sum = fma(x[u32(at) + q], kernel[bank + tap * params.co4 + q], sum);
            } else {
                for (var c = 0u; c < inputs; c++) {
                    let v = vec4(of_pixel(at, group.x + c), of_pixel(at, group.y + c), of_pixel(at, group.z + c), of_pixel(at, group.w + c));
                    sum = fma(v, kernel[bank + (tap * inputs + c) * params.co4 + q], sum);
                }
            }
        }
    }
    finish(id.z, grid_place(p), q, sum);
}

// Channel c of x's pixel that begins at `at`. Channels that fill up y's last quad have no group: they get what x's last one has.
fn of_pixel(at: i32, c: u32) -> f32 {
    let real = min(c, params.ci4 * 4 - 1);
    return x[u32(at) + real / 4][real % 4];
}

// Row and column of output p in the grid.
fn grid_place(p: u32) -> vec2<u32> {
    return vec2(p / params.grid.y, p % params.grid.y);
}

// Where output p's tap (0, 0) lies in x: row and column. Far outside if there is no output p.
fn corner(p: u32) -> vec2<i32> {
    if p >= params.grid.x * params.grid.y {
        return vec2(-0x40000000);
    }
    return vec2<i32>(grid_place(p) * params.stride) + params.offset;
}

// How far from output p's tap (0, 0) its tap number `tap` lies in x.
fn tap_at(tap: u32) -> vec2<i32> {
    return vec2<i32>(vec2(tap / params.taps.y, tap % params.taps.y) * params.dilation);
}

// Where in memory the channels of x's pixel (row, column) begin, in quads; -1 outside the image, where x is zero.
fn place(image: u32, at: vec2<i32>) -> i32 {
    if any(at < vec2(0)) || any(at >= vec2<i32>(params.x)) {
        return -1;
    }
    return i32(((image * params.x.x + u32(at.x)) * params.x.y + u32(at.y)) * params.ci4);
}

// y + the four channels of x times four rows of the kernel: 16 multiply-accumulates.
fn times(x: vec4<f32>, w0: vec4<f32>, w1: vec4<f32>, w2: vec4<f32>, w3: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
    return fma(vec4(x.w), w3, fma(vec4(x.z), w2, fma(vec4(x.y), w1, fma(vec4(x.x), w0, y))));
}

// Finishes quad c of the output at row and column `at` of the grid.
fn finish(z: u32, at: vec2<u32>, c: u32, sum: vec4<f32>) {
    if at.x >= params.grid.x || c >= params.co4 {
        return;
    }
    let pixel = at * params.step + params.phase;
    let i = (((params.y_image + z) * params.y.x + pixel.x) * params.y.y + pixel.y) * params.co4 + c;
    var v = sum;
    if CONTINUES {
        v += y[i];
    }
    let bias_at = (params.bank_image + z) * params.bias_bank + c;
    epilogue(i, channels(bias_at, params.scale_at + c, params.co4), v);
}
