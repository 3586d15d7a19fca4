//! NumPy's .npy files: a magic word, the version, the length of a header, the header (a Python literal such as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`), the values. See `numpy.lib.format`.

mod literal;

use std::fs::Metadata;
use std::io::Read;
use std::path::Path;

use crate::engine::exec::memory::Limit;
use crate::engine::tensor::{Shape, Tensor};
use crate::files::{self, write_whole};
use crate::numbers::data_size;
use crate::{Error, Result};

const SUPPORTED: &str =
    "supported are arrays of float32, float64, integers or bool of shape [H,W], [N,H,W] or [N,H,W,C]";
const COMPLEX: &str = "of complex numbers, arrays of shape [H,W] or [N,H,W] are supported: one image, or one after another; \
     measurements of several coils must be combined first";
const MOST_BYTES: u64 = 4 << 30;
const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header, bytes. Of four axes it has 128; of records, which are refused, a few thousand.
const MOST_HEADER: u32 = 1 << 16;
/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// What an array holds, as f32.
pub enum Numbers {
    Real(Tensor),
    /// `[n, h, w, 2]`: real and imaginary parts.
    Complex(Tensor),
}

/// Reads an array of real numbers, of shape `[H,W]`, `[N,H,W]` or `[N,H,W,C]`, missing axes being 1, and makes its values f32.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    read_within(path, Limit::default())
}

/// The same, if there is room for the values.
pub fn read_within(path: impl AsRef<Path>, limit: Limit) -> Result<Tensor> {
    match read_numbers_within(&path, limit)? {
        Numbers::Real(tensor) => Ok(tensor),
        Numbers::Complex(_) => Err(Error::file(
            path,
            format!("holds complex numbers, of which numpy.abs gives the magnitudes; {SUPPORTED}"),
        )),
    }
}

/// Reads such an array, or one of complex numbers, of shape `[H,W]` or `[N,H,W]`.
pub fn read_numbers(path: impl AsRef<Path>) -> Result<Numbers> {
    read_numbers_within(path, Limit::default())
}

/// The same, if there is room for the values. The header is read first: what it tells must be in the file.
pub fn read_numbers_within(path: impl AsRef<Path>, limit: Limit) -> Result<Numbers> {
    let path = path.as_ref();
    let mut file = files::open(path)?;
    let problem = |problem: String| Error::file(path, problem);
    let header = Header::read(&mut file).map_err(problem)?;
    let count = header.shape.len().saturating_mul(header.parts);
    let needed = (count as u64).saturating_mul(header.kind.bytes as u64);
    // Of a pipe nobody knows how much is in it.
    let left = file.metadata().ok().filter(Metadata::is_file).map(|about| about.len().saturating_sub(header.len));
    if let Some(left) = left.filter(|&left| left < needed) {
        return Err(problem(header.cut_short(count, left)));
    }
    if needed > MOST_BYTES {
        return Err(problem(format!("has {} of values, the most that is read is 4 GiB", data_size(needed))));
    }
    let copies = if header.fortran { 2 } else { 1 };
    limit.check_bytes(&format!("reading {}", path.display()), count as u64 * 4 * copies)?;
    let values = header.values(&mut file, count, left.is_some()).map_err(problem)?;
    let (shape, parts) = (header.shape, header.parts);
    let values = if header.fortran { from_fortran(shape, parts, &values) } else { values };
    Ok(match parts {
        1 => Numbers::Real(Tensor::new(shape, values)),
        _ => Numbers::Complex(Tensor::new(shape.with_c(2), values)),
    })
}

/// Writes f32 values of a given shape, in C order.
///
/// # Panics
/// If the number of values is not that of the shape.
pub fn write(path: impl AsRef<Path>, shape: &[usize], values: &[f32]) -> Result<()> {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "the shape {shape:?} has another number of values");
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    // Spaces until the values begin at a multiple of 64 bytes.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((padded as u16 + 1).to_le_bytes());
    bytes.extend(format!("{header:padded$}\n").bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    write_whole(path, &bytes)
}

/// What the header tells.
struct Header {
    shape: Shape,
    /// A complex number is two floats.
    parts: usize,
    kind: Kind,
    fortran: bool,
    /// Bytes before the values.
    len: u64,
}

/// A type of numbers.
struct Kind {
    /// As NumPy calls it, "<f4".
    name: String,
    bytes: usize,
    to_f32: fn(&[u8]) -> f32,
}

impl Kind {
    /// The type of a number, or of the parts of a complex one.
    fn named(name: &str) -> Option<Kind> {
        // Most files are little-endian; in the others each value's bytes are the other way round.
        macro_rules! kind {
            ($type:ty) => {{
                let little = |bytes: &[u8]| <$type>::from_le_bytes(bytes.try_into().expect("of this size")) as f32;
                let big = |bytes: &[u8]| <$type>::from_be_bytes(bytes.try_into().expect("of this size")) as f32;
                (size_of::<$type>(), if name.starts_with('>') { big as fn(&[u8]) -> f32 } else { little })
            }};
        }
        let (bytes, to_f32) = match name.strip_prefix(['<', '>', '|', '=']).unwrap_or(name) {
            "f4" | "c8" => kind!(f32),
            "f8" | "c16" => kind!(f64),
            "u1" | "b1" => kind!(u8),
            "u2" => kind!(u16),
            "u4" => kind!(u32),
            "u8" => kind!(u64),
            "i1" => kind!(i8),
            "i2" => kind!(i16),
            "i4" => kind!(i32),
            "i8" => kind!(i64),
            _ => return None,
        };
        Some(Kind { name: name.to_string(), bytes, to_f32 })
    }
}

impl Header {
    fn read(file: &mut impl Read) -> Result<Header, String> {
        let mut start = vec![];
        let mut read = |count: u64, to: &mut Vec<u8>| {
            to.clear();
            file.take(count).read_to_end(to).map_err(|e| format!("cannot read it: {e}"))
        };
        read(MAGIC.len() as u64, &mut start)?;
        match &start[..] {
            [] => return Err("is empty (0 bytes)".to_string()),
            MAGIC => {}
            _ => return Err(format!("is not an .npy file; {SUPPORTED}")),
        }
        let broken = || "is a broken .npy file: its header cannot be read".to_owned();
        read(2, &mut start)?;
        let version = *start.first().ok_or_else(broken)?;
        // The length has two bytes in version 1, four later.
        let digits: u64 = match version {
            1 => 2,
            2 | 3 => 4,
            _ => return Err(broken()),
        };
        read(digits, &mut start)?;
        let length = match start[..] {
            [a, b] => u32::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => return Err(broken()),
        };
        if length > MOST_HEADER {
            return Err(format!("is a broken .npy file: its header has {length} bytes, the most is {MOST_HEADER}"));
        }
        let mut text = vec![];
        read(length.into(), &mut text)?;
        if text.len() as u32 != length {
            return Err(broken());
        }
        let literal = literal::parse(std::str::from_utf8(&text).map_err(|_| broken())?).ok_or_else(broken)?;
        let name = literal.descr.ok_or_else(|| format!("holds records; {SUPPORTED}"))?;
        let kind = Kind::named(name).ok_or_else(|| format!("holds values of NumPy's type {name}; {SUPPORTED}"))?;
        let parts = if name.contains('c') { 2 } else { 1 };
        let shape = shape(&literal.shape)?;
        if parts == 2 && shape.c > 1 {
            return Err(format!("holds complex numbers of shape {:?}; {COMPLEX}", literal.shape));
        }
        let len = MAGIC.len() as u64 + 2 + digits + u64::from(length);
        Ok(Header { shape, parts, kind, fortran: literal.fortran_order, len })
    }

    /// The values in the file's order. `is_there`: the file is known to have them all.
    fn values(&self, file: &mut impl Read, count: usize, is_there: bool) -> Result<Vec<f32>, String> {
        let Kind { bytes, to_f32, .. } = self.kind;
        let mut values = Vec::with_capacity(if is_there { count } else { 0 });
        let mut piece = vec![];
        while values.len() < count {
            piece.clear();
            let wanted = ((count - values.len()) * bytes).min(PIECE);
            file.take(wanted as u64).read_to_end(&mut piece).map_err(|e| format!("cannot read it: {e}"))?;
            values.extend(piece.chunks_exact(bytes).map(to_f32));
            if piece.len() < wanted {
                let left = values.len() * bytes + piece.len() % bytes;
                return Err(self.cut_short(count, left as u64));
            }
        }
        Ok(values)
    }

    fn cut_short(&self, count: usize, left: u64) -> String {
        format!("is cut short: {count} values of type {} do not fit in its {left} bytes", self.kind.name)
    }
}

fn shape(found: &[u64]) -> Result<Shape, String> {
    let [n, h, w, c] = match *found {
        [h, w] => [1, h, w, 1],
        [n, h, w] => [n, h, w, 1],
        [n, h, w, c] => [n, h, w, c],
        _ => return Err(format!("holds an array of shape {found:?}; {SUPPORTED}")),
    };
    match [n, h, w, c].iter().try_fold(1u64, |product, &n| product.checked_mul(n)) {
        Some(0) => Err(format!("holds an array of shape {found:?}, which has no values")),
        Some(_) => Ok(Shape::new(n as usize, h as usize, w as usize, c as usize)),
        None => Err(format!("is a broken .npy file: it claims an array of shape {found:?}")),
    }
}

/// Brings values from the order in which the first axis runs fastest (Fortran's) into that in which the last one does (C's). Each
/// place has `parts` numbers, next to each other.
fn from_fortran(shape: Shape, parts: usize, values: &[f32]) -> Vec<f32> {
    let Shape { n, h, w, .. } = shape;
    let mut data = vec![0.0; values.len()];
    for (i, value) in values.chunks_exact(parts).enumerate() {
        let at = parts * shape.at(i % n, i / n % h, i / (n * h) % w, i / (n * h * w));
        data[at..at + parts].copy_from_slice(value);
    }
    data
}
