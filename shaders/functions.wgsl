// The prelude of shaders with functions like exp in them: WGSL's own may be off by thousands of the last place's steps, and
// may lose a NaN. These are right to about 1e-7 of their result, and of NaN they are NaN.
//
//   exp(x) = 2^n (1 + m),   n = round(x / ln 2),   m = exp(x - n ln 2) - 1,   |x - n ln 2| <= ln 2 / 2
//
// m is a polynomial, with the coefficients of S. L. Moshier's Cephes library, expf.c (https://www.netlib.org/cephes/).

struct Exponential {
    n: vec4<f32>,
    m: vec4<f32>,
}

fn split(x: vec4<f32>) -> Exponential {
    // Beyond these exp(x) is 0 or infinite.
    let z = clamp(x, vec4(-104.0), vec4(89.0));
    let n = floor(fma(z, vec4(1.44269504), vec4(0.5)));
    // ln 2 in two pieces: n times the first is exact.
    let r = (z - n * 0.693359375) - n * -2.12194440e-4;
    var p = vec4(1.9875691500e-4);
    p = fma(p, r, vec4(1.3981999507e-3));
    p = fma(p, r, vec4(8.3334519073e-3));
    p = fma(p, r, vec4(4.1665795894e-2));
    p = fma(p, r, vec4(1.6666665459e-1));
    p = fma(p, r, vec4(5.0000001201e-1));
    return Exponential(n, fma(p * r, r, r));
}

// 2^n for whole n from -126 to 127.
fn power_of_two(n: vec4<f32>) -> vec4<f32> {
    return bitcast<vec4<f32>>((vec4<i32>(n) + vec4(127)) << vec4(23u));
}

// exp(x). 2^n itself may be too large or too small where the result is not, so it comes in two factors.
fn exponential(x: vec4<f32>) -> vec4<f32> {
    let e = split(x);
    let half = floor(e.n * 0.5);
    return keep_nan(x, (1.0 + e.m) * power_of_two(half) * power_of_two(e.n - half));
}

// exp(x) - 1 for x <= 0, exact near 0, too.
fn exponential_minus_1(x: vec4<f32>) -> vec4<f32> {
    let e = split(min(x, vec4(0.0)));
    let power = power_of_two(max(e.n, vec4(-126.0)));
    return keep_nan(x, fma(power, e.m, power - 1.0));
}

// log(1 + x) for x from -1/3 to 1: 2 (s + s^3/3 + s^5/5 + ...), |s| = |x / (2 + x)| <= 1/3. What is left out is below 2e-9 of it.
fn log_1_plus(x: vec4<f32>) -> vec4<f32> {
    let s = x / (2.0 + x);
    let s2 = s * s;
    var sum = vec4(1.0 / 15.0);
    sum = fma(sum, s2, vec4(1.0 / 13.0));
    sum = fma(sum, s2, vec4(1.0 / 11.0));
    sum = fma(sum, s2, vec4(1.0 / 9.0));
    sum = fma(sum, s2, vec4(1.0 / 7.0));
    sum = fma(sum, s2, vec4(1.0 / 5.0));
    sum = fma(sum, s2, vec4(1.0 / 3.0));
    return 2.0 * fma(sum * s2, s, s);
}

// log(x) = e ln 2 + log(1 + m) with x = 2^e (1 + m), m from sqrt(1/2) - 1 to sqrt(2) - 1, so that near x = 1 nothing is lost.
fn logarithm(x: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(x);
    let mantissa = bitcast<vec4<f32>>((bits & vec4(0x007fffffu)) | vec4(0x3f800000u));
    let is_large = mantissa > vec4(1.41421356);
    let e = vec4<f32>(vec4<i32>(bits >> vec4(23u)) - vec4(127)) + select(vec4(0.0), vec4(1.0), is_large);
    let m = select(mantissa, mantissa * 0.5, is_large) - 1.0;
    let y = fma(e, vec4(0.693359375), fma(e, vec4(-2.12194440e-4), log_1_plus(m)));
    // Minus infinity at 0, infinity at infinity, and NaN below 0.
    let outside = select(sqrt(x), select(-1.0 / abs(x), x, x > vec4(1.0)), x >= vec4(0.0));
    return select(outside, y, (x > vec4(0.0)) & (x <= vec4(3.4e38)));
}

// y, but NaN where x is. Tested on the bits, since a shader compiler may assume that no NaN occurs.
fn keep_nan(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
    return select(y, x, (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u));
}

