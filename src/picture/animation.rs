//! Animations: GIF files, a frame after the other.

use super::figure::Figure;
use crate::files::write_whole;
use crate::{Error, Result};
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, ImageError, RgbaImage};
use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// From 1 (best) to 30 (fastest): how carefully the 256 colours of a frame are chosen that has more.
const SPEED: i32 = 10;
/// How long the last frame stays.
const PAUSE: Duration = Duration::from_secs(2);

/// A GIF file in the making, to run for ever. The file is written when it is complete. The same frames give the same bytes.
pub struct Animation {
    path: PathBuf,
    bytes: Bytes,
    encoder: GifEncoder<Bytes>,
    delay: Duration,
    /// The frame to come: only the last one stays longer.
    waiting: Option<RgbaImage>,
}

/// What has been written so far; the encoder would not give it back.
#[derive(Clone, Default)]
struct Bytes(Rc<RefCell<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Animation {
    /// An animation that will be written to `path`, each frame to be seen for `delay`.
    pub fn new(path: impl AsRef<Path>, delay: Duration) -> Animation {
        let bytes = Bytes::default();
        let mut encoder = GifEncoder::new_with_speed(bytes.clone(), SPEED);
        encoder.set_repeat(Repeat::Infinite).expect("nothing has been written yet");
        Animation { path: path.as_ref().to_path_buf(), bytes, encoder, delay, waiting: None }
    }

    /// Adds a figure. All frames must be of one size.
    pub fn figure(&mut self, figure: &Figure) -> Result<()> {
        self.frame(figure.width(), figure.height(), figure.colors())
    }

    /// Adds a picture, `[h, w, 3]`, values in [0, 1].
    pub fn picture(&mut self, h: usize, w: usize, rgb: &[f32]) -> Result<()> {
        let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
        self.frame(w, h, rgb.chunks_exact(3).map(|p| [byte(p[0]), byte(p[1]), byte(p[2])]))
    }

    fn frame(&mut self, width: usize, height: usize, colors: impl Iterator<Item = [u8; 3]> + Clone) -> Result<()> {
        if width > usize::from(u16::MAX) || height > usize::from(u16::MAX) {
            let most = u16::MAX;
            return Err(Error::file(
                &self.path,
                format!("a GIF has at most {most} rows and columns, not {height}x{width}"),
            ));
        }
        let rounded = few_colors(colors.clone());
        let rgba = colors.flat_map(|[r, g, b]| [r & rounded, g & rounded, b & rounded, 255]).collect();
        let next = RgbaImage::from_raw(width as u32, height as u32, rgba).expect("as many values as the size says");
        let last = self.waiting.replace(next);
        self.encode(last, self.delay)
    }

    /// Writes the file.
    pub fn save(mut self) -> Result<()> {
        let last = self.waiting.take();
        self.encode(last, PAUSE)?;
        drop(self.encoder);
        write_whole(&self.path, &self.bytes.0.borrow())
    }

    fn encode(&mut self, frame: Option<RgbaImage>, delay: Duration) -> Result<()> {
        let Some(frame) = frame else { return Ok(()) };
        let frame = Frame::from_parts(frame, 0, 0, Delay::from_saturating_duration(delay));
        self.encoder.encode_frame(frame).map_err(|e: ImageError| Error::file(&self.path, e))
    }
}

/// Which bits of the colours to keep so that there are at most 256, as many as a frame of a GIF can have: a figure's colours
/// need to lose only the last one or two. A photograph has too many at any rate; then all bits, and the encoder chooses.
fn few_colors(colors: impl Iterator<Item = [u8; 3]> + Clone) -> u8 {
    let mut mask = 0xff;
    while mask != 0xf0 {
        let mut known = HashSet::new();
        let mut fits = |color: [u8; 3]| {
            known.insert(color.map(|v| v & mask));
            known.len() <= 256
        };
        if colors.clone().all(&mut fits) {
            return mask;
        }
        mask <<= 1;
    }
    0xff
}
