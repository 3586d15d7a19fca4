//! Pictures as a contact sheet: one file for many, small because it is not exact, and grey if they are maps.

use super::range::range;
use super::strip::{reduced, reduced_colors};
use crate::{Error, Result};
use jpeg_encoder::{ColorType, Encoder, QuantizationTableType};

/// Pictures side by side in rows: maps from black to white, for a page to colour, or pictures in colours.
pub struct Sheet {
    pub columns: usize,
    pub rows: usize,
    /// The size of the whole sheet, in pixels.
    pub width: usize,
    /// Bytes of a pixel: 1 or 3.
    depth: usize,
    bytes: Vec<u8>,
}

impl Sheet {
    /// A sheet of maps `[h, w]`, each with its own range, about as many in a row as there are rows. Maps with a side above
    /// `most` are made smaller by a whole factor: each pixel is then the mean of a block.
    pub fn new(h: usize, w: usize, maps: &[Vec<f32>], most: usize) -> Sheet {
        let small = |map: &Vec<f32>, to: (usize, usize), factor: usize| {
            let small = reduced(map, (h, w), to, factor);
            let (lo, hi) = range(small.iter().copied(), false);
            small.iter().map(|&value| ((f64::from(value) - lo) / (hi - lo) * 255.0).round() as u8).collect()
        };
        Sheet::of((h, w), maps, most, 1, small)
    }

    /// Of pictures in colours `[h, w, 3]`.
    pub fn color(h: usize, w: usize, pictures: &[Vec<u8>], most: usize) -> Sheet {
        let small = |rgb: &Vec<u8>, to: (usize, usize), factor: usize| reduced_colors(rgb, (h, w), to, factor);
        Sheet::of((h, w), pictures, most, 3, small)
    }

    /// `small` gives the bytes of a picture at a smaller size.
    fn of<T>(
        (h, w): (usize, usize),
        pictures: &[T],
        most: usize,
        depth: usize,
        small: impl Fn(&T, (usize, usize), usize) -> Vec<u8>,
    ) -> Sheet {
        let factor = h.max(w).div_ceil(most).max(1);
        let size = (h.div_ceil(factor), w.div_ceil(factor));
        let columns = (1..).find(|c| c * c >= pictures.len()).unwrap_or(1);
        let rows = pictures.len().div_ceil(columns);
        let width = columns * size.1;
        let mut bytes = vec![0; rows * size.0 * width * depth];
        for (i, picture) in pictures.iter().enumerate() {
            let first = i / columns * size.0 * width + i % columns * size.1;
            for (row, values) in small(picture, size, factor).chunks((size.1 * depth).max(1)).enumerate() {
                bytes[(first + row * width) * depth..][..values.len()].copy_from_slice(values);
            }
        }
        Sheet { columns, rows, width, depth, bytes }
    }

    /// The bytes of a JPEG file. Its numbers are rounded to multiples of `step`, from 1: all of them alike, since whoever looks
    /// at enlarged pixels sees the fine pattern as well as the coarse one. The same sheet gives the same bytes.
    ///
    /// # Errors
    /// If it has more rows or columns than a JPEG file can have.
    pub fn to_jpeg(&self, step: u8) -> Result<Vec<u8>> {
        let height = self.bytes.len() / self.depth / self.width.max(1);
        let too_large = |_| Error::Usage(format!("{}x{height} pixels are too many for a JPEG file", self.width));
        let (w, h) = (u16::try_from(self.width).map_err(too_large)?, u16::try_from(height).map_err(too_large)?);
        let mut file = vec![];
        let mut encoder = Encoder::new(&mut file, 100);
        let table = || QuantizationTableType::Custom(Box::new([step.into(); 64]));
        encoder.set_quantization_tables(table(), table());
        encoder.set_optimized_huffman_tables(true);
        let colors = if self.depth == 1 { ColorType::Luma } else { ColorType::Rgb };
        encoder.encode(&self.bytes, w, h, colors).map_err(|why| Error::Usage(why.to_string()))?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_is_in_its_place() {
        let map = |i: usize| (0..11 * 6).map(|p| ((p / 6 * 3 + p % 6 * i) as f32 * 0.7).sin() * 100.0 - 7.0).collect();
        let maps: Vec<Vec<f32>> = (0..5).map(map).collect();
        let sheet = Sheet::new(11, 6, &maps, 128);
        assert_eq!((sheet.columns, sheet.rows), (3, 2));
        let decoded = image::load_from_memory(&sheet.to_jpeg(1).unwrap()).unwrap().into_luma8();
        assert_eq!((decoded.width(), decoded.height()), (18, 22));
        for (i, map) in maps.iter().enumerate() {
            let (lo, hi) = range(map.iter().copied(), false);
            for (at, &value) in map.iter().enumerate() {
                let (x, y) = (i % 3 * 6 + at % 6, i / 3 * 11 + at / 6);
                let expected = ((f64::from(value) - lo) / (hi - lo) * 255.0).clamp(0.0, 255.0);
                let got = f64::from(decoded.get_pixel(x as u32, y as u32)[0]);
                assert!((got - expected).abs() < 3.0, "map {i} at {at}: {got}, should be {expected}");
            }
        }
        assert!(sheet.to_jpeg(1).unwrap() == sheet.to_jpeg(1).unwrap());
        assert!(sheet.to_jpeg(40).unwrap().len() < sheet.to_jpeg(1).unwrap().len());
        let small = Sheet::new(100, 80, &vec![vec![0.5; 8000]; 20], 25);
        assert_eq!((small.columns, small.rows, small.width, small.bytes.len()), (5, 4, 5 * 20, 4 * 25 * 5 * 20));
    }

    #[test]
    fn colours_stay_in_their_places() {
        let pictures: Vec<Vec<u8>> = (0..3).map(|i| [200 - 60 * i, 40 + 70 * i, 90].repeat(9 * 5)).collect();
        let sheet = Sheet::color(9, 5, &pictures, 128);
        assert_eq!((sheet.columns, sheet.rows, sheet.width), (2, 2, 10));
        let decoded = image::load_from_memory(&sheet.to_jpeg(1).unwrap()).unwrap().into_rgb8();
        assert_eq!((decoded.width(), decoded.height()), (10, 18));
        for (i, picture) in pictures.iter().enumerate() {
            let got = decoded.get_pixel((i % 2 * 5 + 2) as u32, (i / 2 * 9 + 4) as u32);
            let apart = got.0.iter().zip(picture).map(|(&a, &b)| a.abs_diff(b)).max();
            assert!(apart < Some(4), "picture {i}: {got:?}");
        }
    }

    #[test]
    fn a_sheet_that_no_file_holds() {
        assert!(Sheet::new(1, 70_000, &[vec![0.0; 70_000]], 70_000).to_jpeg(1).is_err());
        assert!(Sheet::new(4, 4, &[], 4).to_jpeg(1).is_err());
    }
}
