// pointwise: a function of each value by itself. And pointwise_grad, its gradient.
//
//   y  = f(x)
//   dx = dy f'(x)
//
// Which function is a pipeline constant, so each has a pipeline with nothing but its own code. The formulas are those of
// src/engine/ops/pointwise.rs, written so that nothing overflows or cancels: 1 - tanh(x)^2, for one, would lose its last
// digits where tanh(x) is near 1. The prelude is functions.wgsl.
//
// A thread owns a quad (four channels) of the result. Channels that fill up the last quad of a pixel are left 0: whoever
// multiplies them with 0 must not meet 1/0 there.

struct Params {
    count: u32,    // quads
    c4: u32,       // quads per pixel
    channels: u32,
    slope: f32,    // the functions' settings: of the general relu, the leaky relu and the hard sigmoid; alpha of the elu
    threshold: f32, // of the general relu
    largest: f32,  // of the general relu
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>; // read by the gradient alone

override FUNCTION: u32 = 0;

const RELU = 0u;
const LEAKY_RELU = 1u;
const ELU = 2u;
const SELU = 3u;
const TANH = 4u;
const EXP = 5u;
const SOFTPLUS = 6u;
const SOFTSIGN = 7u;
const SILU = 8u;
const GELU = 9u;
const GELU_BY_TANH = 10u;
const HARD_SIGMOID = 11u;
const HARD_SWISH = 12u;
const MISH = 13u;
const ABS = 14u;
const SQRT = 15u;
const RECIPROCAL = 16u;
const LOG = 17u;

const ZERO = vec4(0.0);
const ONE = vec4(1.0);
const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

@compute @workgroup_size(64)
fn pointwise(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = counted(i, keep_nan(x[i], value(x[i])));
}

// Here the output is dx.
@compute @workgroup_size(64)
fn pointwise_grad(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = id.y * groups.x * 64 + id.x;
    if i >= params.count {
        return;
    }
    y[i] = counted(i, dy[i] * slope(x[i]));
}

// Quad i's channels, those that do not count as 0.
fn counted(i: u32, v: vec4<f32>) -> vec4<f32> {
    let c = vec4(i % params.c4 * 4) + vec4(0u, 1u, 2u, 3u);
    return select(ZERO, v, c < vec4(params.channels));
}

// f(x)
fn value(x: vec4<f32>) -> vec4<f32> {
    switch FUNCTION {
        case RELU: {
            let low = select(x, params.slope * (x - params.threshold), x <= vec4(params.threshold));
            return select(low, vec4(params.largest), x >= vec4(params.largest));
        }
        case LEAKY_RELU: {
            return select(params.slope * x, x, x > ZERO);
        }
        case ELU: {
            return select(params.slope * exponential_minus_1(x), x, x >= ZERO);
        }
        case SELU: {
            return SELU_SCALE * select(SELU_ALPHA * exponential_minus_1(x), x, x >= ZERO);
        }
        case TANH: {
            // (1 - e) / (1 + e), e = exp(-2 |x|)
            let e = exponential_minus_1(-2.0 * abs(x));
            return -sign(x) * e / (2.0 + e);
        }
        case EXP: {
            return exponential(x);
        }
        case SOFTPLUS: {
            return max(x, ZERO) + log_1_plus(exponential(-abs(x)));
        }
        case SOFTSIGN: {
            return x / (1.0 + abs(x));
        }
        case SILU: {
            return x * sigmoid(x);
        }
        case GELU: {
            return x * normal_below(x);
        }
        case GELU_BY_TANH: {
            // (1 + tanh(u)) / 2 = sigmoid(2 u)
            return x * sigmoid(2.0 * gelu_inner(x));
        }
        case HARD_SIGMOID: {
            return hard_sigmoid(params.slope, x);
        }
        case HARD_SWISH: {
            return x * hard_sigmoid(1.0 / 6.0, x);
        }
        case MISH: {
            return x * tanh_softplus(x).above;
        }
        case ABS: {
            return abs(x);
        }
        case SQRT: {
            return sqrt(x);
        }
        case LOG: {
            return logarithm(x);
        }
        default: {
            return 1.0 / x;
        }
    }
}

// f'(x)
fn slope(x: vec4<f32>) -> vec4<f32> {
    switch FUNCTION {
        case RELU: {
            let low = select(ONE, vec4(params.slope), x <= vec4(params.threshold));
            return select(low, ZERO, x >= vec4(params.largest));
        }
        case LEAKY_RELU: {
            return select(vec4(params.slope), ONE, x > ZERO);
        }
        case ELU: {
            return select(params.slope * exponential(x), ONE, x >= ZERO);
        }
        case SELU: {
            return SELU_SCALE * select(SELU_ALPHA * exponential(x), ONE, x >= ZERO);
        }
        case TANH: {
            // 1 - tanh(x)^2 = 4 sigmoid(2 x) sigmoid(-2 x)
            return 4.0 * sigmoid_slope(2.0 * x);
        }
        case EXP: {
            return exponential(x);
        }
        case SOFTPLUS: {
            return sigmoid(x);
        }
        case SOFTSIGN: {
            return 1.0 / ((1.0 + abs(x)) * (1.0 + abs(x)));
        }
        case SILU: {
            return sigmoid(x) + x * sigmoid_slope(x);
        }
        case GELU: {
            return normal_below(x) + x * bell(x) * 0.3989422804014327; // 1 / sqrt(2 pi)
        }
        case GELU_BY_TANH: {
            // Far out the sigmoid is flat, and its slope would be 0 times infinity.
            let near = clamp(x, vec4(-100.0), vec4(100.0));
            let u = 2.0 * gelu_inner(near);
            let inner_slope = 1.5957691216057308 * (1.0 + 0.134145 * near * near); // 2 sqrt(2 / pi), 3 * 0.044715
            return sigmoid(u) + near * sigmoid_slope(u) * inner_slope;
        }
        case HARD_SIGMOID: {
            return select(ZERO, vec4(params.slope), abs(params.slope * x) < vec4(0.5));
        }
        case HARD_SWISH: {
            return hard_sigmoid(1.0 / 6.0, x) + select(ZERO, x / 6.0, abs(x) < vec4(3.0));
        }
        case MISH: {
            // t + x (1 - t^2) sigmoid(x),  t = tanh(softplus(x))
            let t = tanh_softplus(x);
            return t.above + x * t.below * (1.0 + t.above) * sigmoid(x);
        }
        case ABS: {
            return sign(x);
        }
        case SQRT: {
            return 0.5 / sqrt(x);
        }
        case LOG: {
            return 1.0 / x;
        }
        default: {
            return -1.0 / (x * x);
        }
    }
}

// 1 / (1 + exp(-x)), by the half that cannot overflow.
fn sigmoid(x: vec4<f32>) -> vec4<f32> {
    let small = exponential(-abs(x));
    return select(ONE, small, x < ZERO) / (1.0 + small);
}

// sigmoid(x) (1 - sigmoid(x))
fn sigmoid_slope(x: vec4<f32>) -> vec4<f32> {
    let small = exponential(-abs(x));
    return small / ((1.0 + small) * (1.0 + small));
}

fn hard_sigmoid(slope: f32, x: vec4<f32>) -> vec4<f32> {
    return clamp(slope * x + 0.5, ZERO, ONE);
}

// sqrt(2 / pi) (x + 0.044715 x^3)
fn gelu_inner(x: vec4<f32>) -> vec4<f32> {
    return 0.7978845608028654 * (x + 0.044715 * x * x * x);
}

// t = tanh(log(1 + exp(x))) and 1 - t.
struct TanhSoftplus {
    above: vec4<f32>,
    below: vec4<f32>,
}

// With e = exp(x): t = ((1 + e)^2 - 1) / ((1 + e)^2 + 1) = e (e + 2) / (e (e + 2) + 2); for x > 0 both divided by e^2.
fn tanh_softplus(x: vec4<f32>) -> TanhSoftplus {
    let e = exponential(-abs(x));
    let is_positive = x > ZERO;
    let above = select(e * (e + 2.0), 1.0 + 2.0 * e, is_positive);
    let below = select(vec4(2.0), 2.0 * e * e, is_positive);
    return TanhSoftplus(above / (above + below), below / (above + below));
}

// exp(-x^2 / 2). The square of x's front half is exact, so no digit of a large exponent is lost.
fn bell(x: vec4<f32>) -> vec4<f32> {
    let near = clamp(x, vec4(-20.0), vec4(20.0));
    let front = bitcast<vec4<f32>>(bitcast<vec4<u32>>(near) & vec4(0xfffff000u));
    return exponential(-0.5 * front * front) * exponential(-0.5 * (near - front) * (near + front));
}

// The probability that a standard normal variable is below x: erfc(-x / sqrt(2)) / 2, with erfc(z) = t exp(-z^2 + polynomial in
// t), t = 1 / (1 + z / 2), to 1.2e-7 of itself everywhere (Press et al., Numerical Recipes in C, 2nd edition, section 6.2).
fn normal_below(x: vec4<f32>) -> vec4<f32> {
    let t = 1.0 / (1.0 + 0.5 * 0.7071067811865476 * abs(x));
    var p = vec4(0.17087277);
    p = fma(p, t, vec4(-0.82215223));
    p = fma(p, t, vec4(1.48851587));
    p = fma(p, t, vec4(-1.13520398));
    p = fma(p, t, vec4(0.27886807));
    p = fma(p, t, vec4(-0.18628806));
    p = fma(p, t, vec4(0.09678418));
    p = fma(p, t, vec4(0.37409196));
    p = fma(p, t, vec4(1.00002368));
    p = fma(p, t, vec4(-1.26551223));
    let tail = 0.5 * t * exponential(p) * bell(x);
    return select(1.0 - tail, tail, x < ZERO);
}
