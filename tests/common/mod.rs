//! What the tests share.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

pub mod archive;
pub mod article;
pub mod lesson;
pub mod ops;

use std::path::{Path, PathBuf};
use unet_lens::Error;
use unet_lens::engine::exec::gpu::{Gpu, adapters};
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::{self, Backend, Executor};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::network::{Network, keras};

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

pub fn network(name: &str) -> Network {
    keras::load(fixture(name)).unwrap()
}

/// The program, to be run in a folder.
pub fn unet_lens(folder: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command.current_dir(folder).timeout(std::time::Duration::from_secs(300));
    command
}

/// The names in a folder and below, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut all = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true => all.extend(names(&path).into_iter().map(|inner| format!("{name}/{inner}"))),
            false => all.push(name),
        }
    }
    all.sort();
    all
}

/// The shape in the header of an .npy file of float32 values in C order, and the values.
pub fn npy(path: &Path) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"), "{}", path.display());
    let data = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..data]).unwrap();
    assert!(header.contains("'descr': '<f4'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split_once("'shape': (").unwrap().1.split_once(')').unwrap().0;
    let shape: Vec<usize> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    let values: Vec<f32> = bytes[data..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(shape.iter().product::<usize>(), values.len());
    (shape, values)
}

/// Arrays that Keras computed.
pub struct Expected(hdf5::Hdf5File);

impl Expected {
    pub fn open(name: &str) -> Expected {
        Expected(hdf5::Hdf5File::open(fixture(name)).unwrap())
    }

    pub fn floats(&self, path: &str) -> Vec<f32> {
        let dataset = self.0.dataset(path).unwrap();
        match dataset.read_array::<f32>() {
            Ok(values) => values.iter().copied().collect(),
            Err(_) => dataset.read_array::<f64>().unwrap().iter().map(|&v| v as f32).collect(),
        }
    }

    pub fn numbers(&self, path: &str) -> Vec<usize> {
        self.0.dataset(path).unwrap().read_array::<i32>().unwrap().iter().map(|&v| v as usize).collect()
    }

    /// A dataset of one image, `[1, h, w, c]`.
    pub fn tensor(&self, path: &str) -> Tensor {
        let shape: Vec<usize> = self.0.dataset(path).unwrap().shape().iter().map(|&n| n as usize).collect();
        Tensor::new(Shape::new(shape[0], shape[1], shape[2], shape[3]), self.floats(path))
    }
}

/// The executor, or for the GPU `None` with a word on why: then the test is skipped, except in CI.
pub fn open(backend: Backend) -> Option<Box<dyn Executor>> {
    match exec::open(backend, None, None) {
        Ok((executor, _)) => Some(executor),
        Err(error) if backend == Backend::Gpu && std::env::var_os("CI").is_none_or(|ci| ci.is_empty()) => {
            eprintln!("skipped on the GPU: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The largest difference, as a share of the largest expected magnitude; and where it is.
pub fn difference(got: &[f32], expected: &[f32]) -> (f64, usize) {
    assert_eq!(got.len(), expected.len());
    let largest = expected.iter().fold(0.0f64, |m, &v| m.max(f64::from(v).abs())).max(1e-30);
    let (mut worst, mut at) = (0.0, 0);
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        let d = (f64::from(g) - f64::from(e)).abs() / largest;
        if d.is_nan() || d > worst {
            (worst, at) = (d, i);
        }
    }
    (worst, at)
}

/// Pearson's correlation; 1 for two equal constants.
pub fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |v: &[f32]| v.iter().map(|&x| f64::from(x)).sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(&x, &y)| f(f64::from(x) - ma, f64::from(y) - mb)).sum()
    };
    let (ab, aa, bb) = (sum(&|x, y| x * y), sum(&|x, _| x * x), sum(&|_, y| y * y));
    if a == b { 1.0 } else { ab / (aa * bb).sqrt() }
}

/// The preferred adapter as it is, and with nothing but WebGPU's promises. None where there is none, except on CI.
pub fn gpus() -> Vec<Gpu> {
    match Gpu::open(None, Limit::default()) {
        Ok(gpu) => vec![gpu, Gpu::open_minimal(None, Limit::default()).unwrap()],
        Err(Error::Device(_)) if adapters().is_empty() && std::env::var("CI").unwrap_or_default().is_empty() => {
            eprintln!("skipped: no GPU adapter (install mesa-vulkan-drivers)");
            vec![]
        }
        Err(e) => panic!("{e}"),
    }
}
