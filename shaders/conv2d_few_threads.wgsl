// few_threads: the tile of `tiled` (conv2d.wgsl), by a quarter of its threads or fewer. A thread owns 16 pixels x 4 quads: 64 sums of a
// quad each, more than a GPU's thread keeps in registers. It is meant for a processor that stands in for a GPU (SwiftShader,
// in the page of the living lesson): there a value from memory costs as much as five multiply-accumulates, and a thread with a larger tile
// of its own reads each value less often: 32 quads for 256 quads of products, where `tiled` reads 64. The sums are the same, in the same order.
//
// Put behind conv2d.wgsl, whose workgroup memory and functions it uses.

override THREADS: u32 = PIXELS / 16 * (QUADS / 4);

// A thread's quads of one pixel.
struct Quads {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

// The kernel's rows of four of x's channels, for those quads.
struct Rows {
    x: Quads,
    y: Quads,
    z: Quads,
    w: Quads,
}

fn row(at: u32) -> Quads {
    return Quads(ws[at], ws[at + QUADS / 4], ws[at + QUADS / 4 * 2], ws[at + QUADS / 4 * 3]);
}

fn times_rows(x: vec4<f32>, k: Rows, y: Quads) -> Quads {
    return Quads(
        times(x, k.x.a, k.y.a, k.z.a, k.w.a, y.a),
        times(x, k.x.b, k.y.b, k.z.b, k.w.b, y.b),
        times(x, k.x.c, k.y.c, k.z.c, k.w.c, y.c),
        times(x, k.x.d, k.y.d, k.z.d, k.w.d, y.d),
    );
}

fn finish_quads(z: u32, p: u32, c: u32, y: Quads) {
    let at = grid_place(p);
    finish(z, at, c, y.a);
    finish(z, at, c + QUADS / 4, y.b);
    finish(z, at, c + QUADS / 4 * 2, y.c);
    finish(z, at, c + QUADS / 4 * 3, y.d);
}

@compute @workgroup_size(THREADS)
fn few_threads(
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
    // Pixels ty, ty + apart, ..., quads tx, tx + QUADS / 4, ...
    let tx = t % (QUADS / 4);
    let ty = t / (QUADS / 4);
    let apart = PIXELS / 16;
    var a0 = Quads();
    var a1 = Quads();
    var a2 = Quads();
    var a3 = Quads();
    var a4 = Quads();
    var a5 = Quads();
    var a6 = Quads();
    var a7 = Quads();
    var a8 = Quads();
    var a9 = Quads();
    var a10 = Quads();
    var a11 = Quads();
    var a12 = Quads();
    var a13 = Quads();
    var a14 = Quads();
    var a15 = Quads();
    for (var tap = 0u; tap < params.taps.x * params.taps.y; tap++) {
        for (var q = 0u; q < params.ci4; q += CHUNK) {
            let chunk = min(CHUNK, params.ci4 - q);
            workgroupBarrier();
            for (var p = t; p < PIXELS; p += THREADS) {
                let at = place(image, corner(first_pixel + p) + tap_at(tap));
                for (var k = 0u; k < chunk; k++) {
                    var v = vec4(0.0);
                    if at >= 0 {
                        v = x[u32(at) + q + k];
                    }
                    xs[k * PIXELS + p] = v;
                }
            }
            for (var i = t; i < chunk * 4 * QUADS; i += THREADS) {
                let quad = first_quad + i % QUADS;
                var v = vec4(0.0);
                if quad < params.co4 {
                    v = kernel[bank + ((tap * params.ci4 + q) * 4 + i / QUADS) * params.co4 + quad];
                }
                ws[i] = v;
            }
            workgroupBarrier();
            for (var k = 0u; k < chunk; k++) {
                let w = k * 4 * QUADS + tx;
                let rows = Rows(row(w), row(w + QUADS), row(w + 2 * QUADS), row(w + 3 * QUADS));
                let p = k * PIXELS + ty;
                a0 = times_rows(xs[p], rows, a0);
                a1 = times_rows(xs[p + apart], rows, a1);
                a2 = times_rows(xs[p + 2 * apart], rows, a2);
                a3 = times_rows(xs[p + 3 * apart], rows, a3);
                a4 = times_rows(xs[p + 4 * apart], rows, a4);
                a5 = times_rows(xs[p + 5 * apart], rows, a5);
                a6 = times_rows(xs[p + 6 * apart], rows, a6);
                a7 = times_rows(xs[p + 7 * apart], rows, a7);
                a8 = times_rows(xs[p + 8 * apart], rows, a8);
                a9 = times_rows(xs[p + 9 * apart], rows, a9);
                a10 = times_rows(xs[p + 10 * apart], rows, a10);
                a11 = times_rows(xs[p + 11 * apart], rows, a11);
                a12 = times_rows(xs[p + 12 * apart], rows, a12);
                a13 = times_rows(xs[p + 13 * apart], rows, a13);
                a14 = times_rows(xs[p + 14 * apart], rows, a14);
                a15 = times_rows(xs[p + 15 * apart], rows, a15);
            }
        }
    }
    let p = first_pixel + ty;
    let c = first_quad + tx;
    finish_quads(group.z, p, c, a0);
    finish_quads(group.z, p + apart, c, a1);
    finish_quads(group.z, p + 2 * apart, c, a2);
    finish_quads(group.z, p + 3 * apart, c, a3);
    finish_quads(group.z, p + 4 * apart, c, a4);
    finish_quads(group.z, p + 5 * apart, c, a5);
    finish_quads(group.z, p + 6 * apart, c, a6);
    finish_quads(group.z, p + 7 * apart, c, a7);
    finish_quads(group.z, p + 8 * apart, c, a8);
    finish_quads(group.z, p + 9 * apart, c, a9);
    finish_quads(group.z, p + 10 * apart, c, a10);
    finish_quads(group.z, p + 11 * apart, c, a11);
    finish_quads(group.z, p + 12 * apart, c, a12);
    finish_quads(group.z, p + 13 * apart, c, a13);
    finish_quads(group.z, p + 14 * apart, c, a14);
    finish_quads(group.z, p + 15 * apart, c, a15);
}
