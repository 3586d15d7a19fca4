// max_pool: of each window of pixels only the largest value goes on, channel by channel. Around the image is minus infinity,
// which never wins. And its gradient.
//
//   x: [n, h, w, c]   y: [n, h', w', c]
//
//   y     = the largest x of the window
//   dx[p] = the sum of dy over the windows whose first maximum is p
//
// Where windows cut all of the image up, max_pool remembers the winners, and unpool.wgsl is the gradient. A winner is its place
// in the window, counted in reading order, a byte per channel and a word per quad (four channels) of y:
//
//   window 2x2:   0 1     winners word:  | c3 | c2 | c1 | c0 |
//                 2 3
//
// Where windows overlap, the gradient gathers: each dx looks for the winner in all windows that it lies in, and asks "was it
// me?". A thread owns a quad of y, or of dx.

struct Params {
    out: vec2<u32>,    // rows and columns of y and dy
    size: vec2<u32>,   // rows and columns of x and dx
    window: vec2<u32>,
    stride: vec2<u32>, // from one window to the next
    pad: vec2<u32>,    // rows above the image and columns to the left of it
    first: u32,        // quad of the result of this run
    count: u32,        // quads of the result up to the end of this run
    c4: u32,           // quads per pixel
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> winners: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>; // read by the gradient alone

override WINNERS: bool = false;

// The largest values of a window's quad, and where in the window the first of them stand.
struct Largest {
    value: vec4<f32>,
    place: vec4<u32>,
}

// The winners of quad c, in the window at row and column `window` among all windows.
fn largest(image: u32, window: vec2<u32>, c: u32) -> Largest {
    let corner = vec2<i32>(window * params.stride) - vec2<i32>(params.pad);
    let first = vec2<u32>(max(corner, vec2(0)));
    let end = min(vec2<u32>(corner + vec2<i32>(params.window)), params.size);
    var best = x[((image * params.size.x + first.x) * params.size.y + first.y) * params.c4 + c];
    var place = vec4(place_in_window(corner, first));
    for (var r = first.x; r < end.x; r++) {
        for (var s = first.y; s < end.y; s++) {
            let v = x[((image * params.size.x + r) * params.size.y + s) * params.c4 + c];
            let better = v > best; // of equal values the first wins
            best = select(best, v, better);
            place = select(place, vec4(place_in_window(corner, vec2(r, s))), better);
        }
    }
    return Largest(best, place);
}

fn place_in_window(corner: vec2<i32>, pixel: vec2<u32>) -> u32 {
    let at = vec2<u32>(vec2<i32>(pixel) - corner);
    return at.x * params.window.y + at.y;
}

@compute @workgroup_size(64)
fn max_pool(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = params.first + id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let pixel = i / params.c4;
    let row = pixel / params.out.y; // counted through all images
    let best = largest(row / params.out.x, vec2(row % params.out.x, pixel % params.out.y), i % params.c4);
    y[i] = best.value;
    if WINNERS {
        winners[i] = best.place.x | (best.place.y << 8) | (best.place.z << 16) | (best.place.w << 24);
    }
}

// Here the output is dx.
@compute @workgroup_size(64)
fn max_pool_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = params.first + id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    let c = i % params.c4;
    let pixel = i / params.c4;
    let image = pixel / params.size.y / params.size.x;
    let me = vec2(pixel / params.size.y % params.size.x, pixel % params.size.y);
    // The windows that it lies in: those from which it is not further than a window's size away.
    let reach = me + params.pad;
    let first = select(vec2(0u), (reach - params.window) / params.stride + vec2(1u), reach >= params.window);
    let last = min(reach / params.stride, params.out - vec2(1u));
    var sum = vec4(0.0);
    for (var r = first.x; r <= last.x; r++) {
        for (var s = first.y; s <= last.y; s++) {
            let corner = vec2<i32>(vec2(r, s) * params.stride) - vec2<i32>(params.pad);
            let was_me = largest(image, vec2(r, s), c).place == vec4(place_in_window(corner, me));
            sum += select(vec4(0.0), dy[((image * params.out.x + r) * params.out.y + s) * params.c4 + c], was_me);
        }
    }
    y[i] = sum;
}
