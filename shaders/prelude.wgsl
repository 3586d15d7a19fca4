// The prelude of every shader whose results go through an epilogue: what happens to each value on its way out. Defined in
// src/engine/plan/epilogue.rs; this is the same for four channels at a time. It is put in front of the shader's own file,
// which declares y, signs, add, gate and constants.
//
//   y = y + bias[c]
//   y = y + add
//   y = max(y, 0)               relu; the signs are remembered for the backward pass
//   y = scale[c] y + shift[c]   batch_norm, forward and backward
//   y = y where gate, else 0    relu's gradient: dx = dy where the relu's y was positive
//
// Signs have a word per quad (four channels), in the same place: bit k tells whether channel k of the quad is positive.

override BIAS: bool = false;
override ADD: bool = false;
override RELU: bool = false;
override SIGNS: bool = false;
override AFFINE: bool = false;
override GATE: bool = false;

// What the epilogue needs of a quad of channels, the same for all pixels.
struct Channels {
    bias: vec4<f32>,
    scale: vec4<f32>,
    shift: vec4<f32>,
}

// Those of the quad whose bias and scale lie at these places in `constants`; its shift lies `c4` quads behind its scale.
fn channels(bias_at: u32, scale_at: u32, c4: u32) -> Channels {
    var own: Channels;
    if BIAS {
        own.bias = constants[bias_at];
    }
    if AFFINE {
        own.scale = constants[scale_at];
        own.shift = constants[scale_at + c4];
    }
    return own;
}

// Finishes quad i of y.
fn epilogue(i: u32, own: Channels, head: vec4<f32>) {
    var v = head;
    if BIAS {
        v += own.bias;
    }
    if ADD {
        v += add[i];
    }
    if RELU {
        let positive = v > vec4(0.0);
        if SIGNS {
            signs[i] = pack(positive);
        }
        v = select(vec4(0.0), v, positive | is_nan(v));
    }
    if AFFINE {
        v = fma(own.scale, v, own.shift);
    }
    if GATE {
        v = select(vec4(0.0), v, unpack(gate[i]));
    }
    y[i] = v;
}

// A NaN stays one, so that it is seen, not hidden. Tested on the bits, since a shader compiler may assume that no NaN occurs.
fn is_nan(v: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(v) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

fn pack(positive: vec4<bool>) -> u32 {
    return dot(select(vec4(0u), vec4(1u, 2u, 4u, 8u), positive), vec4(1u));
}

fn unpack(word: u32) -> vec4<bool> {
    return (vec4(word) & vec4(1u, 2u, 4u, 8u)) != vec4(0u);
}

