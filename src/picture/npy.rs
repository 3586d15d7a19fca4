//! NumPy's .npy files: a magic word, the version, the length of a header, the header (a Python literal such as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`), the values. See `numpy.lib.format`.

use std::path::Path;

use crate::engine::tensor::{Shape, Tensor};
use crate::files::{read_whole, write_whole};
use crate::{Error, Result};

const SUPPORTED: &str =
    "supported are arrays of float32, float64, integers or bool of shape [H,W], [N,H,W] or [N,H,W,C]";
const COMPLEX: &str = "of complex numbers, arrays of shape [H,W] or [N,H,W] are supported: one image, or one after another; \
     measurements of several coils must be combined first";
const MOST_BYTES: u64 = 4 << 30;
const MAGIC: &[u8] = b"\x93NUMPY";

/// What an array holds, as f32.
pub enum Numbers {
    Real(Tensor),
    /// `[n, h, w, 2]`: real and imaginary parts.
    Complex(Tensor),
}

/// Reads an array of real numbers, of shape `[H,W]`, `[N,H,W]` or `[N,H,W,C]`, missing axes being 1, and makes its values f32.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    match read_numbers(&path)? {
        Numbers::Real(tensor) => Ok(tensor),
        Numbers::Complex(_) => Err(Error::file(
            path,
            format!("holds complex numbers, of which numpy.abs gives the magnitudes; {SUPPORTED}"),
        )),
    }
}

/// Reads such an array, or one of complex numbers, of shape `[H,W]` or `[N,H,W]`.
pub fn read_numbers(path: impl AsRef<Path>) -> Result<Numbers> {
    let path = path.as_ref();
    from_bytes(&read_whole(path, MOST_BYTES)?).map_err(|problem| Error::file(path, problem))
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

fn from_bytes(bytes: &[u8]) -> Result<Numbers, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| format!("is not an .npy file; {SUPPORTED}"))?;
    let broken = || "is a broken .npy file: its header cannot be read".to_owned();
    // The length has two bytes in version 1, four later.
    let (length, rest) = match *rest {
        [1, _, a, b, ref rest @ ..] => (u16::from_le_bytes([a, b]) as usize, rest),
        [2 | 3, _, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]) as usize, rest),
        _ => return Err(broken()),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(broken)?;
    let header = String::from_utf8_lossy(header).replace('"', "'");
    let kind = entry(&header, "descr").ok_or_else(broken)?;
    let kind = kind.strip_prefix('\'').and_then(|k| k.split('\'').next());
    let kind = kind.ok_or_else(|| format!("holds records; {SUPPORTED}"))?;
    let fortran = entry(&header, "fortran_order").ok_or_else(broken)?.starts_with("True");
    let sizes = entry(&header, "shape").and_then(|s| s.strip_prefix('(')?.split(')').next()).ok_or_else(broken)?;
    let sizes = sizes.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::parse);
    let sizes = sizes.collect::<Result<Vec<u64>, _>>().map_err(|_| broken())?;
    let shape = shape(&sizes)?;
    // A complex number is two floats, c8 two f4.
    let (kind, parts) = match kind.trim_start_matches(ORDERS) {
        "c8" => (kind.replace("c8", "f4"), 2),
        "c16" => (kind.replace("c16", "f8"), 2),
        _ => (kind.to_string(), 1),
    };
    if parts == 2 && shape.c > 1 {
        return Err(format!("holds complex numbers of shape {sizes:?}; {COMPLEX}"));
    }
    let values = values(data, &kind, shape.len().saturating_mul(parts))?;
    let values = if fortran { from_fortran(shape, parts, &values) } else { values };
    Ok(match parts {
        1 => Numbers::Real(Tensor::new(shape, values)),
        _ => Numbers::Complex(Tensor::new(shape.with_c(2), values)),
    })
}

/// The marks of the order of bytes in a type's name.
const ORDERS: [char; 4] = ['<', '>', '|', '='];

/// What follows the key in the header.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    Some(header.split_once(&format!("'{key}'"))?.1.trim_start().strip_prefix(':')?.trim_start())
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

/// `count` values of NumPy's type `kind`, such as "<f4", in the file's order.
fn values(data: &[u8], kind: &str, count: usize) -> Result<Vec<f32>, String> {
    // Most files are little-endian; for the others each value's bytes are turned around.
    macro_rules! convert {
        ($type:ty) => {{
            const SIZE: usize = size_of::<$type>();
            if (data.len() / SIZE) < count {
                return Err(format!(
                    "is cut short: {count} values of type {kind} do not fit in its {} bytes",
                    data.len()
                ));
            }
            let numbers = data.chunks_exact(SIZE).take(count).map(|bytes| {
                let bytes: [u8; SIZE] = bytes.try_into().expect("of this size");
                (if kind.starts_with('>') { <$type>::from_be_bytes(bytes) } else { <$type>::from_le_bytes(bytes) })
                    as f32
            });
            Ok(numbers.collect())
        }};
    }
    match kind.trim_start_matches(ORDERS) {
        "f4" => convert!(f32),
        "f8" => convert!(f64),
        "u1" | "b1" => convert!(u8),
        "u2" => convert!(u16),
        "u4" => convert!(u32),
        "u8" => convert!(u64),
        "i1" => convert!(i8),
        "i2" => convert!(i16),
        "i4" => convert!(i32),
        "i8" => convert!(i64),
        _ => Err(format!("holds values of NumPy's type {kind}; {SUPPORTED}")),
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
