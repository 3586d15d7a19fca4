//! A quick look at the convolution's speed: the U-Net's shapes, one and sixteen images. Median of several runs (MIN=1: the least).
//!
//! ```text
//! cargo bench --bench conv_quick [-- WORD]      only the shapes whose name has WORD in it; ALL=1: every algorithm
//! UNET_LENS_SIMD=avx2 RAYON_NUM_THREADS=1 cargo bench --bench conv_quick
//! ```

use std::time::Instant;
use unet_lens::engine::exec::cpu::aligned::Aligned;
use unet_lens::engine::exec::cpu::conv::{Algorithm, Geometry, Operands, Packed, PartShape};
use unet_lens::engine::exec::cpu::simd::{Level, fma_rate};
use unet_lens::engine::ops::Strided;

const NO: (usize, usize) = (1, 1);
const UP: (usize, usize) = (2, 2);

/// Name, h = w, parts (channels, upsampling), output channels, pool, whether each image has a kernel of its own.
type Shape = (&'static str, usize, &'static [(usize, (usize, usize))], usize, (usize, usize), bool);

const SHAPES: &[Shape] = &[
    ("forward", 128, &[(1, NO)], 64, NO, false),
    ("forward", 64, &[(64, NO)], 128, NO, false),
    ("forward", 32, &[(128, NO)], 256, NO, false),
    ("forward", 16, &[(256, NO)], 512, NO, false),
    ("forward", 32, &[(512, UP), (256, NO)], 128, NO, false),
    ("forward", 64, &[(128, UP), (128, NO)], 128, NO, false),
    ("forward", 128, &[(128, UP), (64, NO)], 64, NO, false),
    ("forward", 128, &[(64, NO)], 64, NO, false),
    ("forward", 128, &[(64, NO)], 1, NO, false),
    ("own", 64, &[(128, UP), (128, NO)], 1, NO, true),
    ("own", 128, &[(128, UP), (64, NO)], 1, NO, true),
    ("backward", 32, &[(128, NO)], 512, UP, false),
    ("backward", 32, &[(128, NO)], 256, NO, false),
    ("backward", 16, &[(512, NO)], 256, NO, false),
    ("backward", 32, &[(256, NO)], 128, NO, false),
    ("backward", 64, &[(128, NO)], 64, NO, false),
    ("backward", 128, &[(64, NO)], 1, NO, false),
    ("backward", 64, &[(1, NO)], 128, UP, true),
    ("backward", 64, &[(1, NO)], 128, NO, true),
];

/// Convolutions that no plain U-Net has, as a Keras file may: name, geometry.
fn others() -> Vec<(String, Geometry)> {
    let general =
        |(size, out): (usize, usize), k: usize, pad: isize, stride: usize, (ci, co): (usize, usize)| Geometry {
            kh: k,
            kw: k,
            conv_hw: (out, out),
            pad: (pad, pad),
            stride: (stride, stride),
            ..Geometry::new(size, size, (1, 1), ci, co)
        };
    let depthwise = |size, k, c, stride| Geometry {
        groups: c,
        stride: (stride, stride),
        conv_hw: (size / stride, size / stride),
        ..Geometry::new(size, size, (k, k), c, c)
    };
    let dilated = |d: usize| Geometry {
        dilation: (d, d),
        pad: (d as isize, d as isize),
        ..Geometry::new(32, 32, (3, 3), 128, 128)
    };
    let all = [
        ("3x3 valid", general((66, 64), 3, 0, 1, (64, 64))),
        ("3x3 stride 2", general((128, 64), 3, 0, 2, (64, 128))),
        ("3x3 stride 2", general((32, 16), 3, 0, 2, (256, 256))),
        ("4x4 stride 2", general((64, 32), 4, 1, 2, (64, 128))),
        ("7x7 stride 2", general((256, 128), 7, 3, 2, (3, 64))),
        ("1x1", general((64, 64), 1, 0, 1, (128, 128))),
        ("1x1 stride 2", general((64, 32), 1, 0, 2, (128, 256))),
        ("2x2", general((16, 16), 2, 0, 1, (512, 256))),
        ("2x2", general((32, 32), 2, 0, 1, (128, 128))),
        ("2x2", general((64, 64), 2, 0, 1, (64, 64))),
        ("2x2", general((128, 128), 2, 0, 1, (32, 32))),
        ("2x2", general((128, 128), 2, 0, 1, (16, 16))),
        ("2x2", general((8, 8), 2, 0, 1, (64, 64))),
        ("2x2", general((4, 4), 2, 0, 1, (256, 256))),
        ("small 3x3", Geometry::new(4, 4, (3, 3), 1024, 1024)),
        ("small 3x3", Geometry::new(8, 8, (3, 3), 256, 256)),
        ("small 3x3", Geometry::new(8, 8, (3, 3), 512, 512)),
        ("small 3x3", Geometry::new(8, 8, (3, 3), 1024, 1024)),
        ("small 3x3", Geometry::new(12, 12, (3, 3), 512, 512)),
        ("small 3x3", Geometry::new(16, 16, (3, 3), 512, 512)),
        ("small 3x3", Geometry::new(16, 16, (3, 3), 1024, 512)),
        ("deep 3x3", Geometry::new(32, 32, (3, 3), 512, 512)),
        ("deep 3x3", Geometry::new(16, 16, (3, 3), 1024, 1024)),
        ("backward deep 3x3", Geometry::new(8, 8, (3, 3), 1024, 1024)),
        ("backward deep 3x3", Geometry::new(8, 8, (3, 3), 512, 512)),
        ("backward deep 3x3", Geometry::new(16, 16, (3, 3), 1024, 1024)),
        ("backward deep 3x3", Geometry::new(32, 32, (3, 3), 512, 512)),
        ("3x3 dilation 2", dilated(2)),
        ("depthwise 3x3", depthwise(64, 3, 128, 1)),
        ("depthwise 3x3 stride 2", depthwise(64, 3, 128, 2)),
        ("depthwise 7x7", depthwise(64, 7, 96, 1)),
        ("3x3 in 32 groups", Geometry { groups: 32, ..Geometry::new(32, 32, (3, 3), 128, 128) }),
        ("3x3 in 4 groups", Geometry { groups: 4, ..Geometry::new(32, 32, (3, 3), 128, 128) }),
    ];
    all.map(|(name, g)| (format!("{name} {}: {} -> {}", g.h, g.ci(), g.co), g)).into()
}

fn geometry(&(_, size, parts, co, pool, own): &Shape, n: usize) -> Geometry {
    let parts = parts.iter().map(|&(c, up)| PartShape { c, up }).collect();
    Geometry { parts, pool, bank: if own { n } else { 1 }, ..Geometry::new(size, size, (3, 3), 1, co) }
}

/// Values that look random and need no generator.
fn noise(len: usize, seed: usize) -> Aligned {
    let values: Vec<_> = (0..len).map(|i| ((i * 7919 + seed * 104_729) % 20_011) as f32 / 10_005.5 - 1.0).collect();
    Aligned::from(&values[..])
}

/// The median; with the environment variable MIN the least, for a machine that others use too.
fn middle(mut runs: Vec<f64>) -> f64 {
    runs.sort_by(f64::total_cmp);
    if std::env::var_os("MIN").is_some() { runs[0] } else { runs[runs.len() / 2] }
}

fn main() {
    // Inside the thread pool: handing work to it from outside costs some 20 microseconds each time.
    rayon::scope(|_| table());
}

fn table() {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let level = Level::from_env().expect("UNET_LENS_SIMD");
    let threads = rayon::current_num_threads();
    let limit = fma_rate(level, threads) / 2e9;
    println!("{level}, {threads} threads, limit {limit:.0} GMAC/s between registers\n");
    println!(
        "{:44}{:17}{:>9}{:>9}{:>11}{:>11}{:>8}",
        "shape", "algorithm", "pack ms", "n", "ms", "eff GMAC/s", "limit"
    );
    let (mut pack_total, mut forward_total, mut size_total) = (0.0, 0.0, 0);
    let shapes = SHAPES.iter().map(|shape| {
        let name = format!("{} {}: {:?} -> {} pool {:?}", shape.0, shape.1, shape.2, shape.3, shape.4);
        let name = name.replace(", (1, 1))", ")").replace(", (2, 2))", " up)").replace(" pool (1, 1)", "");
        (name, [1, 16].map(|n| (n, geometry(shape, n))))
    });
    let others = others().into_iter().map(|(name, g)| (name, [1, 16].map(|n| (n, g.clone()))));
    for (name, geometries) in shapes.chain(others).filter(|(name, _)| name.contains(&filter)) {
        for (n, g) in geometries {
            let kernel = noise(g.bank * g.kernel_len(), 1);
            let algorithms: Vec<_> = if std::env::var_os("ALL").is_some() {
                Algorithm::ALL.into_iter().filter(|a| a.supports(&g)).collect()
            } else {
                vec![Algorithm::choose(&g)]
            };
            for algorithm in algorithms {
                let start = Instant::now();
                let mut packed = Packed::with_algorithm(level, &g, algorithm);
                if name.contains("backward") && g.bank == 1 {
                    let swapped = [1, g.kh, g.kw, g.co, g.ci()];
                    packed.lend(&Strided::new(swapped, kernel[..].into()).expect("as long").flipped());
                }
                if !packed.is_packed() {
                    packed.pack(&kernel);
                }
                let pack = start.elapsed().as_secs_f64();
                let parts: Vec<_> = (0..g.parts.len()).map(|i| noise(n * g.part_len(i), i)).collect();
                let parts: Vec<&[f32]> = parts.iter().map(|p| &p[..]).collect();
                let (mut out, mut scratch) = (Aligned::zeros(n * g.out_len()), Aligned::zeros(packed.scratch_len(n)));
                let (bias, mut signs) = (noise(g.co, 3), vec![0; n * g.sign_bytes()]);
                let mut once = || {
                    let signs = Some(&mut signs[..]);
                    let mut epilogue = Operands { bias: Some(&bias), relu: true, signs, ..Operands::default() };
                    let start = Instant::now();
                    packed.run(n, &parts, &mut epilogue, &mut out, &mut scratch);
                    start.elapsed().as_secs_f64()
                };
                once();
                let seconds = middle((0..if n == 1 { 101 } else { 15 }).map(|_| once()).collect());
                let (effective, real) =
                    ((n * g.macs()) as f64 / seconds / 1e9, (n * packed.macs()) as f64 / seconds / 1e9);
                let algorithm = algorithm.to_string();
                println!(
                    "{name:44}{algorithm:17}{:9.2}{n:9}{:11.3}{effective:11.0}{:7.0}%",
                    pack * 1e3,
                    seconds * 1e3,
                    100.0 * real / limit
                );
                if n == 1 {
                    pack_total += pack;
                    size_total += packed.bytes();
                    forward_total += if name.starts_with("forward") { seconds } else { 0.0 };
                }
            }
        }
    }
    println!(
        "\npacking {:.0} ms, {} MB; forward at n = 1: {:.2} ms",
        pack_total * 1e3,
        size_total >> 20,
        forward_total * 1e3
    );
}
