//! Pictures: PNG files whose chunks are changed and then have right sums, JPEG files, and changes to the bytes of both.

use super::bytes::{self, edge, put};
use super::fixture;
use image::codecs::jpeg::JpegEncoder;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::io::{Cursor, Read, Write};

pub struct Seeds(Vec<Vec<u8>>);

impl Seeds {
    /// Small pictures of every kind, and those of the fixtures that are not large.
    pub fn make() -> Seeds {
        let (w, h) = (19, 13);
        let value = |x: u32, y: u32| (x * 29 + y * y * 7) as u8;
        let gray = image::GrayImage::from_fn(w, h, |x, y| image::Luma([value(x, y)]));
        let color = image::RgbImage::from_fn(w, h, |x, y| image::Rgb([value(x, y), value(y, x), 7]));
        let clear = image::RgbaImage::from_fn(w, h, |x, y| image::Rgba([value(x, y), 9, 200, value(y, x)]));
        let deep = image::ImageBuffer::from_fn(w, h, |x, y| image::Luma([u16::from(value(x, y)) * 250]));
        let mut all = vec![];
        for picture in [gray.clone().into(), color.clone().into(), clear.into(), image::DynamicImage::ImageLuma16(deep)]
        {
            let mut bytes = Cursor::new(vec![]);
            picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            all.push(bytes.into_inner());
        }
        for depth in [png::BitDepth::One, png::BitDepth::Two, png::BitDepth::Four, png::BitDepth::Eight] {
            all.push(palette(depth));
        }
        for quality in [20, 95] {
            let mut bytes = vec![];
            JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&color).unwrap();
            all.push(bytes);
        }
        let mut bytes = vec![];
        JpegEncoder::new(&mut bytes).encode_image(&gray).unwrap();
        all.push(bytes);
        // Progressive, with restarts.
        let mut bytes = vec![];
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
        encoder.set_progressive(true);
        encoder.set_restart_interval(1);
        encoder.encode(color.as_raw(), w as u16, h as u16, jpeg_encoder::ColorType::Rgb).unwrap();
        all.push(bytes);
        all.extend(["cmyk.jpg", "brain.png"].map(|name| std::fs::read(fixture(name)).unwrap()));
        Seeds(all)
    }

    /// The bytes of a case and the end of its name.
    pub fn case(&self, rng: &mut ChaCha8Rng) -> (Vec<u8>, String) {
        let other = &self.0[rng.random_range(0..self.0.len())];
        let mut bytes = self.0[rng.random_range(0..self.0.len())].clone();
        let is_png = bytes.starts_with(b"\x89PNG");
        match (is_png, rng.random_range(0..4)) {
            (true, 0..3) => bytes = png_of(&chunks(rng, parted(&bytes))),
            (false, 0..2) => segments(rng, &mut bytes),
            _ => bytes::change(rng, &mut bytes, other),
        }
        (bytes, if is_png { "png" } else { "jpg" }.to_string())
    }
}

fn palette(depth: png::BitDepth) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, 16, 8);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_palette(vec![1; 6]);
    encoder.set_trns(vec![0, 128]);
    encoder.write_header().unwrap().write_image_data(&vec![0; 16 * depth as usize]).unwrap();
    bytes
}

type Chunk = ([u8; 4], Vec<u8>);

/// A PNG file's chunks (W3C PNG, 5.3).
fn parted(bytes: &[u8]) -> Vec<Chunk> {
    let (mut rest, mut all) = (&bytes[8..], vec![]);
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        all.push((rest[4..8].try_into().unwrap(), rest[8..8 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    all
}

/// The file of these chunks, with right lengths and sums.
fn png_of(chunks: &[Chunk]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        bytes.extend((data.len() as u32).to_be_bytes());
        let start = bytes.len();
        bytes.extend(kind);
        bytes.extend(data);
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[start..]);
        bytes.extend(sum.sum().to_be_bytes());
    }
    bytes
}

const KINDS: [&[u8; 4]; 14] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"iCCP", b"eXIf", b"zTXt", b"iTXt", b"acTL", b"fcTL",
    b"fdAT", b"sBIT",
];

fn chunks(rng: &mut ChaCha8Rng, mut all: Vec<Chunk>) -> Vec<Chunk> {
    for _ in 0..bytes::few(rng) {
        let (i, j) = (rng.random_range(0..all.len()), rng.random_range(0..all.len()));
        match rng.random_range(0..8) {
            // Width, height, depth, colour type, interlace.
            0..=2 => {
                let (at, width, value) = [
                    (0, 4, edge(rng)),
                    (4, 4, edge(rng)),
                    (8, 1, 1 << rng.random_range(0..6)),
                    (9, 1, rng.random_range(0..8)),
                    (12, 1, rng.random_range(0..3)),
                ][rng.random_range(0..5)];
                put(&mut all[0].1, at, width, value, false);
            }
            3 => bytes::change(rng, &mut all[i].1, &[]),
            4 => all.swap(i, j),
            5 => all.insert(j, all[i].clone()),
            6 => all[i].0 = *KINDS[rng.random_range(0..KINDS.len())],
            // What is packed, changed.
            _ => {
                let mut data = vec![];
                let packed = &all[i].1;
                let _ = flate2::read::ZlibDecoder::new(&packed[..]).take(1 << 20).read_to_end(&mut data);
                bytes::change(rng, &mut data, &[]);
                let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::fast());
                encoder.write_all(&data).unwrap();
                all[i].1 = encoder.finish().unwrap();
            }
        }
    }
    all
}

/// Changes what stands behind the markers of a JPEG file.
fn segments(rng: &mut ChaCha8Rng, bytes: &mut [u8]) {
    let markers: Vec<usize> =
        (0..bytes.len().saturating_sub(20)).filter(|&i| bytes[i] == 0xff && bytes[i + 1] >= 0xc0).collect();
    for _ in 0..bytes::few(rng) {
        let at = markers[rng.random_range(0..markers.len())];
        match rng.random_range(0..3) {
            0 => bytes[at + 1] = rng.random_range(0xc0..=0xff),
            1 => put(bytes, at + 2, 2, edge(rng), false),
            _ => bytes[at + rng.random_range(4..20)] = edge(rng) as u8,
        }
    }
}
