//! Findings that are made up: a test names what matters to it.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use unet_lens::findings::*;

/// A filter with a verdict and, if it is tuned, an orientation and a frequency.
pub fn filter(number: usize, verdict: Verdict, tuned: Option<(f64, f64)>) -> FilterFindings {
    let tuning = |(orientation, frequency)| Tuning {
        orientation,
        frequency,
        selectivity: 0.9,
        bandwidth: None,
        map: vec![],
        level: 0.0,
        bar: 0.0,
        edge: 0.0,
    };
    FilterFindings {
        filter: number,
        verdict,
        reason: Reason::Noise { auc: 0.5, threshold: 0.9 },
        second: None,
        life: Life { on: 0.5, dead_at_seed: false, dormant: 1.0, proven: None, lives_on_data: true },
        tuning: tuned.map(tuning),
        border: Border { auc: 0.5, auc_without: 0.5, vanishes: None, drive: 0.0, drive_without: 0.0, grating: 0.0 },
        noise: Noise { auc: 0.5 },
        look: None,
        trust: None,
        effect: Effect::default(),
        routes: None,
    }
}

pub fn layer(index: usize, depth: usize, decoder: bool, filters: Vec<FilterFindings>) -> LayerFindings {
    LayerFindings {
        layer: index,
        name: format!("layer{index}"),
        depth,
        stride: 1.0,
        receptive: 3,
        decoder,
        tuned_where: TunedWhere::Inside,
        line_threshold: 0.5,
        border_threshold: 0.6,
        noise_threshold: 0.9,
        filters,
        borders_by_chance: 0,
        chance: vec![],
    }
}

/// What is made of a climbed picture that is better than the data.
pub fn trust(picture: Vec<f32>, size: (usize, usize)) -> Trust {
    Trust {
        same_spectrum: 0.9,
        beats_data: true,
        gain_over_data: 2.0,
        way: 0.5,
        picture,
        second: vec![],
        size,
        best_patches: vec![],
    }
}
