//! Filters that were planted behind other layers, in kernels of other sizes, and of two layers: every verdict is the right one, and two
//! disjoint halves of the stimuli give the same.

mod common;
#[path = "common/measured.rs"]
mod measured;
#[path = "common/planted.rs"]
mod planted;

use measured::{assert_planted, data, found, found_of_last};
use planted::{
    ONES, POINTS, Planted, behind_a_max_pool, behind_a_pool, gabor, gabors, gaussian, of_filters, of_two_layers, others,
};
use unet_lens::engine::ops::Function;
use unet_lens::findings::{FilterFindings, Proven, Reason, Verdict};
use unet_lens::network::Activation;

const SIDE: usize = 64;

/// A grating as large as the kernel, at 45 degrees, with a bias that only such a grating overcomes: phantoms have nothing like it.
/// `deviation` is that of the data, as the filter gets them.
fn asleep_on_the_data(side: usize, frequency: f64, deviation: f64) -> Planted {
    let wave = |i: usize| {
        let across = ((i / side) as f64 + (i % side) as f64) * 0.5f64.sqrt();
        (2.0 * std::f64::consts::PI * frequency * across).cos()
    };
    let kernel: Vec<f64> = (0..side * side).map(wave).collect();
    let mean = kernel.iter().sum::<f64>() / kernel.len() as f64;
    let kernel: Vec<f64> = kernel.iter().map(|v| v - mean).collect();
    let best = 2f64.sqrt() * deviation * kernel.iter().map(|v| v * v).sum::<f64>();
    Planted::new("dead on the data, awake for a grating", kernel, -0.7 * best, Verdict::Dead)
}

#[test]
fn planted_filters_of_all_kinds_are_found_behind_a_norm_and_a_pool() {
    const KERNEL: usize = 11;
    let data = data(&behind_a_pool(&gabors(KERNEL, [0.1; 3]), KERNEL, 128, 1.0), 128, 1);
    let deviation = data.facts.deviation;
    let mut planted = gabors(KERNEL, [0.12, 0.18, 0.28]);
    planted.extend(others(KERNEL));
    // Of the frequencies that are shown the sixth, which a place sees at twice as many cycles.
    let shown = 2.0 * unet_lens::findings::frequencies()[5];
    planted.push(asleep_on_the_data(KERNEL, shown, 2.0 * deviation));
    let all = (KERNEL * KERNEL) as f64;
    let of = |name: &str, value: f64, bias: f64, verdict: Verdict| {
        Planted::new(name, vec![value; KERNEL * KERNEL], bias, verdict)
    };
    planted.push(of("a border, by zero padding", -1.0, all, Verdict::Border).reading(ONES));
    planted.push(of("a detector of noise", 1.0, -0.02, Verdict::Noise).reading(POINTS));
    // Gratings give a point up to 15.4 deviations, and noise now and then more.
    let network = behind_a_pool(&planted, KERNEL, 128, 16.5 * deviation);
    let found = found_of_last(&network, &data);
    let layer = &found.layers[0];
    assert_planted(&planted, &layer.filters, 2.0);
    assert_eq!(found.kappa, Some(1.0), "two halves of the stimuli");
    let of = |name: &str| &layer.filters[planted.iter().position(|filter| filter.name == name).unwrap()];
    assert_eq!(of("dead by bias").reason, Reason::Dead { proven: true, wakes: false });
    assert_eq!(of("dead on the data alone").reason, Reason::Dead { proven: false, wakes: false });
    assert_eq!(of("dead on the data, awake for a grating").reason, Reason::Dead { proven: false, wakes: true });
    assert_eq!(of("on by bias").life.proven, Some(Proven::On));
    assert_eq!(of("on by bias").second, Some(Verdict::Line));
    let border = of("a border, by zero padding").border;
    assert!(border.vanishes.unwrap() > 0.99 && border.auc > 0.99, "{border:?}");
}

/// Eleven orientations and other frequencies than anywhere else, through two norms and a maximum pool.
#[test]
fn planted_filters_are_found_behind_two_norms_and_a_maximum() {
    let mut planted = vec![];
    for (i, frequency) in [0.14, 0.2, 0.26].into_iter().enumerate() {
        for k in 0..11 {
            let degrees = 180.0 / 11.0 * f64::from(k) + 4.0;
            let name = format!("gabor at {degrees} degrees, {frequency} cycles per place");
            let kernel = gabor(9, degrees, frequency, 0.9 * (i as f64 + f64::from(k)));
            let bias = [0.0, 0.03, -0.02][k as usize % 3];
            planted.push(Planted::line(&name, kernel, bias, degrees).of_frequency(frequency));
        }
    }
    // No Gaussian: a maximum pool makes fine gratings brighter than the grey that they lie on, and brightness is what it answers to.
    let kinds = ["a Laplacian of Gaussian", "dead by bias", "on by bias"];
    planted.extend(others(9).into_iter().filter(|filter| kinds.contains(&&*filter.name)));
    let network = behind_a_max_pool(&planted, 9, 128);
    let found = found(&network, &data(&network, 128, 1));
    assert_planted(&planted, &found.layers[1].filters, 2.0);
    assert_eq!(found.kappa, Some(1.0));
}

#[test]
fn other_kernels_channels_and_activations() {
    let cases = [
        (7, 3, Activation::Pointwise(Function::LeakyRelu { slope: 0.2 }), [0.2, 0.24, 0.3]),
        (9, 1, Activation::Pointwise(Function::Elu { alpha: 1.0 }), [0.16, 0.2, 0.3]),
        (11, 2, Activation::Linear, [0.12, 0.2, 0.3]),
    ];
    for (side, channels, activation, frequencies) in cases {
        let mut planted = gabors(side, frequencies);
        let kinds = [Verdict::Line, Verdict::Spot, Verdict::Level];
        planted.extend(others(side).into_iter().filter(|filter| kinds.contains(&filter.verdict)));
        let network = of_filters(&planted, side, SIDE, channels, activation);
        let found = found(&network, &data(&network, SIDE, channels));
        assert_planted(&planted, &found.layers[0].filters, 1.0);
        assert_eq!(found.kappa, Some(1.0), "kernels of {side}x{side}");
    }
}

/// A Gaussian answers to the slowest grating most, by little, of a kernel that is small: of a sigma of 1.4 by 1.3%. A half whose two phases
/// lay a quarter apart would find the next grating better where an image does not hold whole periods, and the filter unclear.
#[test]
fn two_halves_agree_about_a_gaussian() {
    for side in [3, 5, 7, 9] {
        let planted = [Planted::new("a Gaussian", gaussian(side, side as f64 / 5.0), 0.0, Verdict::Level)];
        let network = of_filters(&planted, side, SIDE, 1, Activation::Relu);
        let found = found(&network, &data(&network, SIDE, 1));
        assert_planted(&planted, &found.layers[0].filters, 1.0);
        assert_eq!(found.kappa, Some(1.0), "a Gaussian of {side}x{side}");
    }
}

#[test]
fn noise_and_border_are_told_in_two_layers() {
    let plain = of_two_layers(SIDE, 1.0);
    let data = data(&plain, SIDE, 1);
    let network = of_two_layers(SIDE, 16.5 * data.facts.deviation);
    let found = found(&network, &data);
    assert_eq!(found.kappa, Some(1.0), "of both layers");
    assert_eq!(found_of_last(&network, &data).kappa, Some(1.0), "of the second alone");
    let [noise, border]: [&FilterFindings; 2] = [0, 1].map(|filter| &found.layers[1].filters[filter]);
    assert_eq!(noise.verdict, Verdict::Noise, "{} {:?}", noise.reason, noise.noise);
    assert_eq!(border.verdict, Verdict::Border, "{} {:?}", border.reason, border.border);
    assert!(border.border.vanishes.unwrap() > 0.99 && border.border.auc > 0.99, "{:?}", border.border);
}
