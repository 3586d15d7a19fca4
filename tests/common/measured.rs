//! What is measured of networks whose filters are known, and whether it is what was planted.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use crate::common;
use crate::planted::Planted;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::findings::{Data, FilterFindings, Measured, measure};
use unet_lens::network::{Network, unet};
use unet_lens::picture::npy;

/// Images of one size as a file, pixel after pixel.
pub fn of_values(network: &Network, shape: &[usize; 4], values: &[f32]) -> Data {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.npy");
    npy::write(&path, shape, values).unwrap();
    Data::read(&path, network, 64).unwrap()
}

/// 24 phantoms, as the program makes them, the same in every channel.
pub fn data(network: &Network, side: usize, channels: usize) -> Data {
    let mut values = vec![];
    for i in 0..24 {
        for v in unet_lens::mri::phantom(3, i, (side, side)) {
            values.extend(std::iter::repeat_n(0.1 + 0.8 * v, channels));
        }
    }
    of_values(network, &[24, side, side, channels], &values)
}

/// What an executor finds of these layers; `None`, and a word on why, where there is none.
pub fn found_on(backend: Backend, network: &Network, layers: &[usize], data: &Data) -> Option<Measured> {
    let executor = common::open(backend)?;
    let cancel = Cancel::default();
    let mut watch = Watch { cancel: &cancel, progress: &mut |_, _| {} };
    Some(measure(&*executor, network, layers, data, 0, &mut watch).unwrap())
}

/// Of all layers, on the CPU.
pub fn found(network: &Network, data: &Data) -> Measured {
    found_on(Backend::Cpu, network, &unet::convolutions(network), data).unwrap()
}

/// The layer of planted filters alone, so that kappa is theirs.
pub fn found_of_last(network: &Network, data: &Data) -> Measured {
    found_on(Backend::Cpu, network, &unet::convolutions(network)[1..], data).unwrap()
}

/// Every verdict as it was planted, with its orientation to 5 degrees and its frequency to 10%, where it has one. `finer`: image
/// pixels for one of the filter's places.
pub fn assert_planted(planted: &[Planted], filters: &[FilterFindings], finer: f64) {
    assert_eq!(planted.len(), filters.len());
    for (planted, found) in planted.iter().zip(filters) {
        let name = &planted.name;
        assert_eq!(
            found.verdict, planted.verdict,
            "{name}: {}, second {:?}; {:?}",
            found.reason, found.second, found.tuning
        );
        if let Some(degrees) = planted.orientation {
            let found = found.tuning.as_ref().unwrap().orientation;
            let turn = (found - degrees).rem_euclid(180.0);
            assert!(turn.min(180.0 - turn) < 5.0, "{name}: {found} degrees, not {degrees}");
        }
        if let Some(frequency) = planted.frequency {
            let found = found.tuning.as_ref().unwrap().frequency;
            let ratio = found * finer / frequency;
            assert!((0.9..1.1).contains(&ratio), "{name}: {found} cycles per pixel, not {}", frequency / finer);
        }
    }
}
