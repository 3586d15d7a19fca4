// conv2d with a 3x3 kernel by Winograd's method F(4x4, 3x3): fewer multiplications, more additions.
//
//   x: [n, h, w, ci]   W: [3, 3, ci, co]   y: [n, h', w', co]
//
// One dimension first. Four outputs y of a kernel g of three taps need six inputs d:
//
//   y[r] = d[r] g[0] + d[r+1] g[1] + d[r+2] g[2],   r = 0..3              12 multiplications
//
// y's numbers are coefficients of a product of polynomials (read backwards), and a product of polynomials can be taken
// point by point: evaluate, multiply, interpolate. Six points will do, 0, p, -p, q, -q and infinity:
//
//   v = B d   (six numbers)    u = G g   (six numbers)    y = A (v u)      6 multiplications
//
// In two dimensions, rows and then columns: of 6x6 inputs come 4x4 outputs with 36 multiplications instead of 144. Additions
// over channels happen between B and A, so the 36 places are 36 products of matrices, tiles x channels times channels x
// outputs: conv2d.wgsl does them, as 36 images with a bank of 36 kernels of one tap.
//
//   input:     V[place, tile, c] = (B d B')[place] of each tile's 6x6 inputs d, which overlap by two pixels
//   conv2d:    M[place, tile, o] = sum over c of V[place, tile, c] * U[place, c, o];   U = G W G', made once on the CPU
//   output:    y = A M A', 4x4 outputs of each tile, and the epilogue
//
// The points decide how large the rounding errors get. p = 2/3 and q = 3/2 keep B, G and A near 1 (p q = 1): with 768
// channels the error is a quarter of that of the usual points 1 and 2.

struct Params {
    tiles: vec2<u32>,  // rows and columns of tiles in an image
    x: vec2<u32>,      // rows and columns of x (input)
    up: vec2<u32>,     // each pixel of x counts as a block of so many (input)
    pad: vec2<u32>,    // rows of zeros above x and columns to the left of it (input)
    y: vec2<u32>,      // rows and columns of y (output)
    count: u32,        // tiles of this run
    first: u32,        // the first of these tiles, counted through all images
    c4: u32,           // quads (four channels) per pixel of x (input) or y (output)
    v4: u32,           // quads per tile of V (input)
    at: u32,           // the first of V's quads that x's channels go to (input)
    scale_at: u32,     // in constants: bias, scale, shift (output)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> signs: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> constants: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> add: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> gate: array<u32>;

override UP: bool = false;   // x is upsampled first
override POOL: bool = false; // the outputs' 2x2 windows are summed up

struct Six {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
    e: vec4<f32>,
    f: vec4<f32>,
}

struct Four {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

const P = 2.0 / 3.0;
const Q = 3.0 / 2.0;

// v = B d. Row 0 of B: the coefficients of (t - p)(t + p)(t - q)(t + q); row p: those of t (t + p)(t - q)(t + q); ...
fn b_times(d: Six) -> Six {
    let even_p = d.e - Q * Q * d.c;
    let odd_p = P * d.d - Q * d.b;
    let even_q = d.e - P * P * d.c;
    let odd_q = Q * d.d - P * d.b;
    return Six(
        d.a - (P * P + Q * Q) * d.c + d.e,
        even_p + odd_p,
        even_p - odd_p,
        even_q + odd_q,
        even_q - odd_q,
        d.b - (P * P + Q * Q) * d.d + d.f,
    );
}

// y = A m: column p of A is 1, p, p^2, p^3.
fn a_times(m: Six) -> Four {
    let sum_p = m.b + m.c;
    let difference_p = m.b - m.c;
    let sum_q = m.d + m.e;
    let difference_q = m.d - m.e;
    return Four(
        m.a + sum_p + sum_q,
        P * difference_p + Q * difference_q,
        P * P * sum_p + Q * Q * sum_q,
        P * P * P * difference_p + Q * Q * Q * difference_q + m.f,
    );
}

// Quad c of x's pixel (row, column); zero outside the image.
fn pixel(image: u32, row: i32, column: i32, c: u32) -> vec4<f32> {
    let inside = row >= 0 && column >= 0 && row < i32(params.x.x * params.up.x) && column < i32(params.x.y * params.up.y);
    var r = select(0u, u32(row), inside);
    var s = select(0u, u32(column), inside);
    if UP {
        r /= params.up.x;
        s /= params.up.y;
    }
    return select(vec4(0.0), x[((image * params.x.x + r) * params.x.y + s) * params.c4 + c], inside);
}

// Column s of a tile's 6x6 inputs, times B.
fn column(image: u32, row: i32, s: i32, c: u32) -> Six {
    return b_times(Six(
        pixel(image, row, s, c),
        pixel(image, row + 1, s, c),
        pixel(image, row + 2, s, c),
        pixel(image, row + 3, s, c),
        pixel(image, row + 4, s, c),
        pixel(image, row + 5, s, c),
    ));
}

// One row of V's 6x6 places, times B; `apart` quads lie between one place and the next.
fn put(at: u32, apart: u32, d: Six) {
    let v = b_times(d);
    y[at] = v.a;
    y[at + apart] = v.b;
    y[at + apart * 2] = v.c;
    y[at + apart * 3] = v.d;
    y[at + apart * 4] = v.e;
    y[at + apart * 5] = v.f;
}

// A thread owns a tile's quad of V: all 36 places.
@compute @workgroup_size(64)
fn input(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count * params.c4 {
        return;
    }
    let c = i % params.c4;
    let tile = i / params.c4;
    let of_image = params.tiles.x * params.tiles.y;
    let image = (params.first + tile) / of_image;
    let place = (params.first + tile) % of_image;
    let row = i32(place / params.tiles.y * 4) - i32(params.pad.x);
    let s = i32(place % params.tiles.y * 4) - i32(params.pad.y);
    let c0 = column(image, row, s, c);
    let c1 = column(image, row, s + 1, c);
    let c2 = column(image, row, s + 2, c);
    let c3 = column(image, row, s + 3, c);
    let c4 = column(image, row, s + 4, c);
    let c5 = column(image, row, s + 5, c);
    let at = tile * params.v4 + params.at + c;
    let apart = params.count * params.v4;
    put(at, apart, Six(c0.a, c1.a, c2.a, c3.a, c4.a, c5.a));
    put(at + apart * 6, apart, Six(c0.b, c1.b, c2.b, c3.b, c4.b, c5.b));
    put(at + apart * 12, apart, Six(c0.c, c1.c, c2.c, c3.c, c4.c, c5.c));
    put(at + apart * 18, apart, Six(c0.d, c1.d, c2.d, c3.d, c4.d, c5.d));
    put(at + apart * 24, apart, Six(c0.e, c1.e, c2.e, c3.e, c4.e, c5.e));
    put(at + apart * 30, apart, Six(c0.f, c1.f, c2.f, c3.f, c4.f, c5.f));
}

// One row of M's 6x6 places (here x), times A.
fn take(at: u32, apart: u32) -> Four {
    return a_times(Six(
        x[at],
        x[at + apart],
        x[at + apart * 2],
        x[at + apart * 3],
        x[at + apart * 4],
        x[at + apart * 5],
    ));
}

// A thread owns a tile's quad of y: 4x4 outputs, or their 2x2 sums.
@compute @workgroup_size(64)
fn output(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count * params.c4 {
        return;
    }
    let c = i % params.c4;
    let tile = params.first + i / params.c4;
    let of_image = params.tiles.x * params.tiles.y;
    let image = tile / of_image;
    let apart = params.count * params.c4;
    let r0 = take(i, apart);
    let r1 = take(i + apart * 6, apart);
    let r2 = take(i + apart * 12, apart);
    let r3 = take(i + apart * 18, apart);
    let r4 = take(i + apart * 24, apart);
    let r5 = take(i + apart * 30, apart);
    let c0 = a_times(Six(r0.a, r1.a, r2.a, r3.a, r4.a, r5.a));
    let c1 = a_times(Six(r0.b, r1.b, r2.b, r3.b, r4.b, r5.b));
    let c2 = a_times(Six(r0.c, r1.c, r2.c, r3.c, r4.c, r5.c));
    let c3 = a_times(Six(r0.d, r1.d, r2.d, r3.d, r4.d, r5.d));
    let place = vec2(tile % of_image / params.tiles.y, tile % params.tiles.y);
    let own = channels(c, params.scale_at + c, params.c4);
    if POOL {
        let r = place.x * 2;
        let s = place.y * 2;
        finish(image, r, s, c, own, c0.a + c0.b + c1.a + c1.b);
        finish(image, r + 1, s, c, own, c0.c + c0.d + c1.c + c1.d);
        finish(image, r, s + 1, c, own, c2.a + c2.b + c3.a + c3.b);
        finish(image, r + 1, s + 1, c, own, c2.c + c2.d + c3.c + c3.d);
    } else {
        let r = place.x * 4;
        let s = place.y * 4;
        finish(image, r, s, c, own, c0.a);
        finish(image, r, s + 1, c, own, c1.a);
        finish(image, r, s + 2, c, own, c2.a);
        finish(image, r, s + 3, c, own, c3.a);
        finish(image, r + 1, s, c, own, c0.b);
        finish(image, r + 1, s + 1, c, own, c1.b);
        finish(image, r + 1, s + 2, c, own, c2.b);
        finish(image, r + 1, s + 3, c, own, c3.b);
        finish(image, r + 2, s, c, own, c0.c);
        finish(image, r + 2, s + 1, c, own, c1.c);
        finish(image, r + 2, s + 2, c, own, c2.c);
        finish(image, r + 2, s + 3, c, own, c3.c);
        finish(image, r + 3, s, c, own, c0.d);
        finish(image, r + 3, s + 1, c, own, c1.d);
        finish(image, r + 3, s + 2, c, own, c2.d);
        finish(image, r + 3, s + 3, c, own, c3.d);
    }
}

// Finishes quad c of y's pixel (r, s).
fn finish(image: u32, r: u32, s: u32, c: u32, own: Channels, sum: vec4<f32>) {
    if r >= params.y.x || s >= params.y.y {
        return;
    }
    epilogue(((image * params.y.x + r) * params.y.y + s) * params.c4 + c, own, sum);
}
