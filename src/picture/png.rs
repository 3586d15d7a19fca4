//! PNG files out; PNG and JPEG files in.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::Path;

use image::codecs::{jpeg::JpegDecoder, png::PngDecoder};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageResult, Limits};
use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::figure::{Color, Figure};
use crate::engine::exec::memory::Limit;
use crate::files::{read_whole, write_whole};
use crate::{Error, Result};

impl Figure {
    /// The bytes of a PNG file: with a palette if there are at most 256 colours. The same figure gives the same bytes.
    pub fn to_png(&self) -> Vec<u8> {
        let mut known = HashMap::<Color, u8>::new();
        for color in self.colors() {
            known.entry(color).or_insert(0);
            if known.len() > 256 {
                return self.encode(&self.colors().flatten().collect::<Vec<u8>>(), None);
            }
        }
        // Colours that are near each other in brightness get numbers near each other, for the filter.
        let mut palette: Vec<Color> = known.keys().copied().collect();
        palette.sort_unstable_by_key(|&[r, g, b]| (2 * r as u32 + 4 * g as u32 + b as u32, r, g));
        known = palette.iter().copied().zip(0..=255).collect();
        self.encode(&self.colors().map(|color| known[&color]).collect::<Vec<u8>>(), Some(palette.concat()))
    }

    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path, &self.to_png())
    }

    fn encode(&self, data: &[u8], palette: Option<Vec<u8>>) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, self.width() as u32, self.height() as u32);
        encoder.set_color(if palette.is_some() { ColorType::Indexed } else { ColorType::Rgb });
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::High);
        // What came out smallest for grids; without a palette, enlarged pixels are found again best unfiltered.
        encoder.set_filter(if palette.is_some() { Filter::Adaptive } else { Filter::NoFilter });
        palette.into_iter().for_each(|p| encoder.set_palette(p));
        let mut writer = encoder.write_header().expect("a figure has a size, and memory takes all writes");
        writer.write_image_data(data).expect("the data are of the figure's size");
        drop(writer);
        file
    }
}

/// A picture from a file: red, green, blue in [0, 1], as they are in the file (sRGB, not linear).
pub struct Photo {
    pub h: usize,
    pub w: usize,
    /// [h, w, 3]
    pub rgb: Vec<f32>,
}

impl Photo {
    /// Luma [h, w] in [0, 1] with the weights of ITU-R BT.601, as Pillow's `convert("L")` and so Keras' `load_img` use.
    pub fn luma(&self) -> Vec<f32> {
        self.rgb.chunks_exact(3).map(|p| 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]).collect()
    }
}

const SUPPORTED: &str = "supported are PNG and JPEG files, grey or colour";
/// The largest picture that is read: 50 million pixels, and files of 256 MiB.
const MOST_PIXELS: u64 = 50_000_000;
const MOST_BYTES: u64 = 256 << 20;

/// Reads a PNG file (8 or 16 bits, grey, colour or palette; what is transparent is laid on white) or a JPEG file
/// (grey or colour, turned upright as its camera noted).
pub fn read_image(path: impl AsRef<Path>) -> Result<Photo> {
    read_image_within(path, Limit::default())
}

/// The same, if there is room for the picture.
pub fn read_image_within(path: impl AsRef<Path>, limit: Limit) -> Result<Photo> {
    let path = path.as_ref();
    let check = |start: &[u8], len: u64| {
        format_of(path, start)?;
        limit.check_bytes(&format!("reading {}", path.display()), len)
    };
    decode_within(path, &read_whole(path, MOST_BYTES, check)?, limit)
}

/// The same, of bytes that are there already; messages call them `path`.
pub fn decode_image(path: impl AsRef<Path>, bytes: &[u8]) -> Result<Photo> {
    decode_within(path.as_ref(), bytes, Limit::default())
}

/// What kind of file it is, by how it begins.
fn format_of(path: &Path, bytes: &[u8]) -> Result<ImageFormat> {
    image::guess_format(bytes)
        .map_err(|_| Error::file(path, format!("is not an image that is known here; {SUPPORTED}")))
}

fn decode_within(path: &Path, bytes: &[u8], limit: Limit) -> Result<Photo> {
    let format = format_of(path, bytes)?;
    let broken = |e: ImageError| {
        Error::file(path, format!("is a broken or unusual {} file: {}", name(format), e.to_string().trim_end()))
    };
    match format {
        ImageFormat::Png => {
            if png_chunks(bytes).any(|(kind, data)| kind == b"PLTE" && !data.len().is_multiple_of(3)) {
                return Err(Error::file(path, "is a broken PNG file: its palette ends in the middle of a colour"));
            }
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits()).map_err(broken)?;
            if decoder.is_apng().map_err(broken)? {
                return Err(Error::file(path, format!("is an animated PNG; {SUPPORTED}, of one picture")));
            }
            decode(path, decoder, bytes.len(), limit)?.map_err(broken)
        }
        ImageFormat::Jpeg => {
            if jpeg_components(bytes) == Some(4) {
                return Err(Error::file(path, format!("is a CMYK JPEG; {SUPPORTED}: convert it to RGB")));
            }
            let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(broken)?;
            // The decoder fills what is missing with grey.
            if !jpeg_markers(bytes).any(|(marker, _)| marker == JPEG_END) {
                let what = "is a JPEG file that is cut short: its end is missing";
                return Err(Error::file(
                    path,
                    format!("{what} after {} bytes; copy or download it again", bytes.len()),
                ));
            }
            decode(path, decoder, bytes.len(), limit)?.map_err(broken)
        }
        other => Err(Error::file(path, format!("is a {} file; {SUPPORTED}: convert it", name(other)))),
    }
}

fn name(format: ImageFormat) -> String {
    format!("{format:?}").to_uppercase()
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(512 << 20);
    limits
}

/// `held`: bytes of the file, which are there meanwhile.
fn decode(path: &Path, mut decoder: impl ImageDecoder, held: usize, limit: Limit) -> Result<ImageResult<Photo>> {
    let (w, h) = decoder.dimensions();
    if w as u64 * h as u64 > MOST_PIXELS {
        let most = MOST_PIXELS / 1_000_000;
        return Err(Error::file(path, format!("has {w}x{h} pixels; the most is {most} million: scale it down")));
    }
    // As it is in the file, as red, green, blue and alpha, and as three floats; turned upright it is there twice.
    let color = decoder.color_type();
    let deep = color.bytes_per_pixel() > color.channel_count();
    let per_pixel = 2 * u64::from(color.bytes_per_pixel()) + if deep { 8 } else { 4 } + 12;
    limit.check_bytes(&format!("reading {}", path.display()), u64::from(w) * u64::from(h) * per_pixel + held as u64)?;
    let mut read = || {
        decoder.set_limits(limits())?;
        decoder.orientation()
    };
    let orientation = match read() {
        Ok(orientation) => orientation,
        Err(e) => return Ok(Err(e)),
    };
    Ok(DynamicImage::from_decoder(decoder).map(|mut image| {
        image.apply_orientation(orientation);
        photo(image)
    }))
}

fn photo(image: DynamicImage) -> Photo {
    let (h, w) = (image.height() as usize, image.width() as usize);
    let color = image.color();
    let deep = color.bytes_per_pixel() > color.channel_count();
    let rgb = if deep {
        image.into_rgba16().pixels().flat_map(|p| on_white(p.0.map(|v| v as f32 / 65535.0))).collect()
    } else {
        image.into_rgba8().pixels().flat_map(|p| on_white(p.0.map(|v| v as f32 / 255.0))).collect()
    };
    Photo { h, w, rgb }
}

fn on_white([r, g, b, alpha]: [f32; 4]) -> [f32; 3] {
    [r, g, b].map(|v| v * alpha + (1.0 - alpha))
}

/// A PNG's chunks, kind and data, as far as they are whole (W3C PNG, 5.3): length, kind, data, sum. The decoder is no judge of
/// them all: it panics at a palette of two and a half colours.
fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_at_checked(4)?;
        let (data, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        rest = after.get(4..).unwrap_or_default();
        Some((kind, data))
    })
}

/// A JPEG's markers, each with the bytes that follow it (ITU-T T.81, B.1.1). What lies between, a scan's data, is passed over:
/// there 0xff is followed by 0, or by a restart marker (0xd0 to 0xd7). Of markers that nothing follows only the end is given.
fn jpeg_markers(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 1 | 0xd0..=0xd8 | 0xff);
        let at = rest.windows(2).position(is_marker)?;
        let (marker, after) = (rest[at + 1], &rest[at + 2..]);
        let length = after.get(..2).map_or(0, |length| u16::from_be_bytes([length[0], length[1]]).into());
        rest = if marker == JPEG_END { &[] } else { after.get(length..).unwrap_or_default() };
        Some((marker, after))
    })
}

const JPEG_END: u8 = 0xd9;

/// Number of colour components in a JPEG's frame header (ITU-T T.81, B.2.2): 1 grey, 3 colour, 4 CMYK.
fn jpeg_components(bytes: &[u8]) -> Option<u8> {
    // SOF0 to SOF15, but not DHT, JPG and DAC.
    let is_frame = |marker: u8| matches!(marker, 0xc0..=0xcf) && ![0xc4, 0xc8, 0xcc].contains(&marker);
    jpeg_markers(bytes).find(|(marker, _)| is_frame(*marker)).and_then(|(_, after)| after.get(7).copied())
}
