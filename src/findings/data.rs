//! The network's own kind of images.

use super::{DataFacts, DataKind, size};
use crate::engine::tensor::{Shape, Tensor};
use crate::mri::{Sampling, restore};
use crate::network::{Network, unet};
use crate::picture::read_images;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// What is taken for the data's mean, deviation and range where there is no data: those of pictures.
const PICTURES: (f64, f64, (f64, f64)) = (0.5, 0.25, (0.0, 1.0));

#[derive(Debug, Clone)]
pub struct Data {
    pub facts: DataFacts,
    /// Of one image.
    pub shape: Shape,
    /// `[h, w, c]` each, flat.
    pub images: Vec<Vec<f32>>,
}

impl Data {
    /// Aliased phantoms, if the network makes one grey picture of one grey picture; else nothing.
    ///
    /// # Errors
    /// If no size fits the network.
    pub fn standard(network: &Network, images: usize, seed: u64) -> Result<Data> {
        if !restores(network) {
            return Data::nothing(network);
        }
        let Shape { h, w, .. } = size::image_shape(network)?;
        let phantoms = restore::phantoms_of(images, seed, Sampling::default(), (h, w))?;
        let images: Vec<Vec<f32>> = phantoms.iter().map(|phantom| phantom.aliased().data).collect();
        Data::of(DataKind::Phantoms, "aliased phantoms".to_string(), Shape::new(1, h, w, 1), images)
    }

    /// Noise and gratings only.
    ///
    /// # Errors
    /// If no size fits the network.
    pub fn nothing(network: &Network) -> Result<Data> {
        let shape = size::image_shape(network)?;
        let (mean, deviation, range) = PICTURES;
        let name = "no data: noise and gratings only".to_string();
        let facts =
            DataFacts { kind: DataKind::Nothing, name, images: 0, size: (shape.h, shape.w), mean, deviation, range };
        Ok(Data { facts, shape, images: vec![] })
    }

    /// The first `most` images of an .npy or a picture, or of all those in a folder, in the order of their names.
    ///
    /// # Errors
    /// If they cannot be read, are of different sizes, or of one that does not fit the network; if there is only one, or all are
    /// the same everywhere.
    pub fn read(path: &Path, network: &Network, most: usize) -> Result<Data> {
        let channels = unet::image_channels(network)?;
        let mut images: Vec<Vec<f32>> = vec![];
        let mut first: Option<(PathBuf, Shape)> = None;
        for file in files(path)? {
            let tensor: Tensor = read_images(&file, channels)?;
            let shape = tensor.shape.with_n(1);
            match &first {
                Some((other, of)) if *of != shape => {
                    let what = format!(
                        "has {}x{} pixels, {} has {}x{}; all must be of one size",
                        shape.h,
                        shape.w,
                        other.display(),
                        of.h,
                        of.w
                    );
                    return Err(Error::file(&file, what));
                }
                Some(_) => {}
                None => {
                    let fits = unet::image_shape(network, &[], Some((shape.h, shape.w)));
                    fits.map_err(|why| Error::file(&file, why))?;
                    first = Some((file.clone(), shape));
                }
            }
            images.extend((0..tensor.shape.n).map(|n| tensor.image(n).to_vec()));
            if images.len() >= most {
                break;
            }
        }
        images.truncate(most);
        let Some((_, shape)) = first else {
            return Err(Error::file(path, "holds no image"));
        };
        if images.len() < 2 {
            let what =
                "is one image; what the data have in common takes two or more: name a folder, or an .npy of [N,H,W]";
            return Err(Error::file(path, what));
        }
        if images.iter().all(|image| image.iter().all(|v| *v == image[0])) {
            return Err(Error::file(path, "holds images that are the same everywhere; there is nothing to answer to"));
        }
        Data::of(DataKind::Files, path.display().to_string(), shape, images)
    }

    fn of(kind: DataKind, name: String, shape: Shape, images: Vec<Vec<f32>>) -> Result<Data> {
        let values = || images.iter().flatten().map(|&v| f64::from(v));
        let count = values().count() as f64;
        let mean = values().sum::<f64>() / count;
        let deviation = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        let range = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let size = (shape.h, shape.w);
        let facts = DataFacts { kind, name, images: images.len(), size, mean, deviation, range };
        Ok(Data { facts, shape, images })
    }

    /// The shape of one image, where there are any to try the network on.
    pub fn of_task(&self) -> Option<Shape> {
        (self.facts.kind != DataKind::Nothing).then_some(self.shape)
    }

    /// The shape of the stimuli: that of the data, or where those are large that of [`size::image_shape`].
    ///
    /// # Errors
    /// If no size fits the network.
    pub fn stimuli_shape(&self, network: &Network) -> Result<Shape> {
        let own = size::image_shape(network)?;
        let is_small = 2 * self.shape.pixels() <= 3 * own.pixels();
        Ok(if is_small { self.shape } else { own })
    }
}

/// Does the network make one grey picture of one grey picture of the same size?
pub fn restores(network: &Network) -> bool {
    let shape = |network: &Network| -> Result<bool> {
        let image = unet::image_shape(network, &[network.output], None)?;
        let built = unet::graph_to(network, network.output, None, image)?;
        Ok(image.c == 1 && built.graph.shape(built.output) == image)
    };
    shape(network).unwrap_or(false)
}

/// The file, or the pictures and arrays of the folder.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    const KNOWN: [&str; 4] = ["png", "jpg", "jpeg", "npy"];
    let entries =
        std::fs::read_dir(path).map_err(|why| Error::file(path, format!("cannot read this folder: {why}")))?;
    let is_known = |file: &PathBuf| {
        let extension = file.extension().map(|e| e.to_string_lossy().to_lowercase());
        file.is_file() && extension.is_some_and(|e| KNOWN.contains(&&*e))
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_known).collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::file(path, "is a folder without pictures (.png, .jpg) and arrays (.npy)"));
    }
    Ok(files)
}
