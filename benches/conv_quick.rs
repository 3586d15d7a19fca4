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
        "{:44}{:10}{:>9}{:>9}{:>11}{:>11}{:>8}",
        "shape", "algorithm", "pack ms", "n", "ms", "eff GMAC/s", "limit"
    );
    let (mut pack_total, mut forward_total, mut size_total) = (0.0, 0.0, 0);
    for shape in SHAPES {
        let name = format!("{} {}: {:?} -> {} pool {:?}", shape.0, shape.1, shape.2, shape.3, shape.4);
        if !name.contains(&filter) {
            continue;
        }
        let name = name.replace(", (1, 1))", ")").replace(", (2, 2))", " up)").replace(" pool (1, 1)", "");
        for n in [1, 16] {
            let g = geometry(shape, n);
            let kernel = noise(g.bank * g.kernel_len(), 1);
            let algorithms: Vec<_> = if std::env::var_os("ALL").is_some() {
                Algorithm::ALL.into_iter().filter(|a| a.supports(&g)).collect()
            } else {
                vec![Algorithm::choose(&g)]
            };
            for algorithm in algorithms {
                let start = Instant::now();
                let mut packed = Packed::with_algorithm(level, &g, algorithm);
                packed.pack(&kernel);
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
                    "{name:44}{algorithm:10}{:9.2}{n:9}{:11.3}{effective:11.0}{:7.0}%",
                    pack * 1e3,
                    seconds * 1e3,
                    100.0 * real / limit
                );
                if n == 1 {
                    pack_total += pack;
                    size_total += packed.bytes();
                    forward_total += if shape.0 == "forward" { seconds } else { 0.0 };
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
