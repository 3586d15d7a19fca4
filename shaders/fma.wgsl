// How many multiply-accumulates a second can this adapter do at all? Nothing is read, so nothing but arithmetic counts.
//
// Three chains of four: enough to keep the arithmetic units busy, few enough to stay in registers everywhere. Each round
// and thread does 16 * 3 * 4 of them.

struct Params {
    rounds: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn fma_rate(@builtin(global_invocation_id) id: vec3<u32>) {
    let m = vec4(0.999, 0.998, 0.997, 0.996);
    var a = vec4(f32(id.x));
    var b = a + 1.0;
    var c = a + 2.0;
    for (var round = 0u; round < params.rounds; round++) {
        for (var k = 0; k < 16; k++) {
            a = fma(a, m, m);
            b = fma(b, m, m);
            c = fma(c, m, m);
        }
    }
    y[id.x % 64] = a + b + c;
}
