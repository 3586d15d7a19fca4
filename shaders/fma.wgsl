// How many multiply-accumulates a second can this adapter do at all? Nothing is read, so nothing but arithmetic counts.
//
// Three chains of four: enough to keep the arithmetic units busy, few enough to stay in registers everywhere. Each round
// and thread does 16 * 3 * 4 of them.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

fn once(a: vec4<f32>) -> vec4<f32> {
    return fma(a, vec4(0.999), vec4(0.5));
}

@compute @workgroup_size(64)
fn fma_rate(@builtin(global_invocation_id) id: vec3<u32>) {
    var a = vec4(f32(id.x));
    var b = a + 1.0;
    var c = a + 2.0;
    for (var round = 0u; round < params.rounds; round++) {
        // Written out, since a short loop would cost more than what it repeats.
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
        a = once(once(a));
        b = once(once(b));
        c = once(once(c));
    }
    y[id.x % 64] = a + b + c;
}
