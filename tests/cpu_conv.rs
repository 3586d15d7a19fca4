//! The CPU convolution against plain loops in f64, at all kinds of shapes: every SIMD level of this machine, every algorithm.

#[path = "common/conv.rs"]
mod conv;

use conv::{ALL, Case, NOTHING, With, general, generals, part};
use unet_lens::engine::exec::cpu::conv::{Algorithm, Geometry};
use unet_lens::engine::exec::cpu::simd::Level;

#[test]
fn one_pixel() {
    for (ci, co) in [(1, 1), (1, 5), (5, 1), (3, 33), (17, 16)] {
        for k in [1, 3, 7] {
            Case::random(Geometry::new(1, 1, (k, k), ci, co), 2, ALL, 1).check();
        }
    }
}

#[test]
fn kernels_of_all_sizes() {
    for kernel in [(1, 1), (3, 3), (5, 5), (7, 7), (3, 5), (7, 1)] {
        for (h, w) in [(5, 7), (9, 4), (2, 13)] {
            Case::random(Geometry::new(h, w, kernel, 6, 7), 1, ALL, 2).check();
        }
    }
}

#[test]
fn channels_that_fill_no_register() {
    for ci in [1, 7, 8, 15, 16, 17, 40] {
        for co in [1, 2, 3, 4, 8, 9, 15, 16, 17, 31, 32, 33, 67] {
            Case::random(Geometry::new(6, 5, (3, 3), ci, co), 1, ALL, 3).check();
        }
    }
}

#[test]
fn images_of_all_sizes() {
    for h in 1..10 {
        for w in [1, 2, 3, 4, 5, 8, 11] {
            Case::random(Geometry::new(h, w, (3, 3), 5, 6), 2, ALL, 4).check();
        }
    }
}

#[test]
fn many_channels() {
    // More than one block of the Winograd product's sums, and a block that isn't full.
    Case::random(Geometry::new(7, 9, (3, 3), 300, 40), 1, NOTHING, 5).check();
    let g = Geometry { parts: vec![part(140, 2, 2), part(130, 1, 1)], ..Geometry::new(6, 4, (3, 3), 1, 20) };
    Case::random(g, 2, ALL, 5).check();
}

#[test]
fn many_tiles() {
    // More than one chunk of Winograd tiles, and chunks that span images.
    Case::random(Geometry::new(22, 23, (3, 3), 300, 9), 3, ALL, 6).check();
}

#[test]
fn parts_upsampled_and_concatenated() {
    let lists = [
        vec![part(5, 1, 1), part(3, 1, 1)],
        vec![part(5, 2, 2), part(3, 1, 1)],
        vec![part(4, 1, 1), part(18, 2, 2), part(3, 1, 1)],
        vec![part(9, 2, 2)],
        vec![part(2, 3, 1), part(1, 1, 2), part(6, 2, 2), part(1, 6, 4)],
        vec![part(17, 2, 2), part(16, 2, 2)],
    ];
    for parts in lists {
        for pool in [(1, 1), (2, 2), (3, 2)] {
            for co in [1, 3, 19] {
                let g = Geometry { parts: parts.clone(), pool, ..Geometry::new(6, 8, (3, 3), 1, co) };
                Case::random(g, 2, ALL, 7).check();
                let g = Geometry { parts: parts.clone(), pool, ..Geometry::new(12, 4, (5, 3), 1, co) };
                Case::random(g, 1, NOTHING, 7).check();
            }
        }
    }
}

#[test]
fn pooled() {
    for pool in [(2, 2), (3, 2), (1, 4), (5, 5)] {
        for (h, w) in [(4, 4), (5, 5), (7, 6), (8, 9), (12, 10)] {
            for (ci, co) in [(1, 20), (20, 1), (17, 35)] {
                if h >= pool.0 && w >= pool.1 {
                    let g = Geometry { pool, ..Geometry::new(h, w, (3, 3), ci, co) };
                    Case::random(g, 2, ALL, 8).check();
                }
            }
        }
    }
}

#[test]
fn a_window_larger_than_the_image_leaves_nothing() {
    let case = Case::random(Geometry { pool: (2, 2), ..Geometry::new(1, 5, (3, 3), 4, 4) }, 2, ALL, 9);
    assert!(case.run(Level::best(), Algorithm::Direct).out.is_empty());
    case.check();
}

#[test]
fn each_image_its_own_kernel() {
    let with = With { bias_per_image: true, ..ALL };
    for (ci, co, pool) in [(20, 1, (1, 1)), (1, 40, (1, 1)), (1, 40, (2, 2)), (20, 1, (2, 2)), (18, 18, (1, 1))] {
        let g = Geometry { bank: 3, pool, ..Geometry::new(6, 7, (3, 3), ci, co) };
        Case::random(g, 3, with, 11).check();
    }
    let g = Geometry { bank: 2, parts: vec![part(16, 2, 2), part(3, 1, 1)], ..Geometry::new(4, 6, (3, 3), 1, 1) };
    Case::random(g, 2, with, 12).check();
}

#[test]
fn any_stride_padding_and_dilation() {
    for g in generals() {
        for (ci, co) in [(1, 1), (3, 20), (17, 2), (20, 36), (9, 8)] {
            for bank in [1, 2] {
                let g = Geometry { parts: vec![part(ci, 1, 1)], co, bank, ..g.clone() };
                let bias_per_image = bank > 1;
                Case::random(g, 2, With { bias_per_image, ..ALL }, 16).check();
            }
        }
    }
}

#[test]
fn groups() {
    for g in generals() {
        for (ci, co, groups) in
            [(2, 2, 2), (5, 5, 5), (40, 40, 40), (6, 18, 6), (33, 66, 33), (6, 4, 2), (32, 64, 4), (48, 9, 3)]
        {
            for bank in [1, 2] {
                let g = Geometry { parts: vec![part(ci, 1, 1)], co, groups, bank, ..g.clone() };
                let bias_per_image = bank > 1;
                Case::random(g, 2, With { bias_per_image, ..ALL }, 17).check();
            }
        }
    }
}

/// Parts and pools with a padding of their own: where tiles begin at even places, pairs of upsampled pixels lie differently. Kernels of
/// two rows or columns are completed by zeros on one side or the other.
#[test]
fn parts_and_pools_with_any_padding() {
    let lists = [vec![part(9, 2, 2), part(5, 1, 1)], vec![part(20, 2, 2)], vec![part(20, 1, 1)]];
    for pads in [[0; 4], [1, 0, 0, 1], [0, 1, 0, 1], [1; 4], [2; 4], [3, 1, 1, 3]] {
        for pool in [(1, 1), (2, 2), (3, 2)] {
            for kernel in [(3, 3), (2, 2), (2, 3), (3, 2)] {
                for parts in lists.clone() {
                    let g = Geometry { parts, pool, co: 19, ..general((8, 10), kernel, pads, ((1, 1), (1, 1))) };
                    Case::random(g, 2, ALL, 18).check();
                }
            }
        }
    }
}
