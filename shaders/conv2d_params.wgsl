// The settings and buffers of the convolution shaders, put in front of conv2d.wgsl and conv2d_subgroup.wgsl, after the prelude.
// Each of them declares `kernel`, binding 4: a buffer in the one, a texture in the other.

struct Params {
    grid: vec2<u32>,     // rows and columns of the outputs computed in this run
    step: vec2<u32>,     // output (r, s) of the grid is y's pixel (r, s) * step + phase
    phase: vec2<u32>,
    y: vec2<u32>,        // rows and columns of y
    x: vec2<u32>,        // rows and columns of x
    stride: vec2<u32>,   // tap (i, j) of output (r, s) reads x's pixel (r, s) * stride + (i, j) * dilation + offset
    dilation: vec2<u32>,
    offset: vec2<i32>,
    taps: vec2<u32>,     // rows and columns of taps; there may be none
    up: vec2<u32>,       // each pixel of x counts as a block of so many (sum_products)
    of_group: vec2<u32>, // channels of x and of y that belong together (grouped)
    ci4: u32,            // quads (four channels) per pixel of x
    co4: u32,            // quads per pixel of y
    bank: u32,           // vec4s or texels per image of the kernel: 0 if one kernel is for all images
    bias_bank: u32,      // the same of the bias, which comes first in constants
    scale_at: u32,       // in constants: scale, then shift
    first_group: u32,    // workgroup 0 of this run computes what is number first_group among all
    x_image: u32,        // the first image of this run: in x,
    bank_image: u32,     // in the kernel's and the bias' bank,
    y_image: u32,        // and in y
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> signs: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> constants: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> add: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> gate: array<u32>;

override CONTINUES: bool = false; // y already holds the sum over an earlier part's channels

