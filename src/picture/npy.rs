//! NumPy's .npy files: a magic word, the version, the length of a header, the header (a Python literal such as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`), the values. See `numpy.lib.format`.

use std::path::Path;

use crate::engine::tensor::{Shape, Tensor};
use crate::files::{read_whole, write_whole};
use crate::{Error, Result};

const SUPPORTED: &str =
    "supported are arrays of float32, float64, integers or bool of shape [H,W], [N,H,W] or [N,H,W,C]";
const MOST_BYTES: u64 = 4 << 30;
const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads an array of shape `[H,W]`, `[N,H,W]` or `[N,H,W,C]`, missing axes being 1, and makes its values f32.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
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

fn from_bytes(bytes: &[u8]) -> Result<Tensor, String> {
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
    let shape = shape(&sizes.collect::<Result<Vec<u64>, _>>().map_err(|_| broken())?)?;
    let values = values(data, kind, shape.len())?;
    Ok(Tensor::new(shape, if fortran { from_fortran(shape, &values) } else { values }))
}

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
    match kind.trim_start_matches(['<', '>', '|', '=']) {
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

/// Brings values from the order in which the first axis runs fastest (Fortran's) into that in which the last one does (C's).
fn from_fortran(shape: Shape, values: &[f32]) -> Vec<f32> {
    let Shape { n, h, w, .. } = shape;
    let mut data = vec![0.0; shape.len()];
    for (i, value) in values.iter().enumerate() {
        data[shape.at(i % n, i / n % h, i / (n * h) % w, i / (n * h * w))] = *value;
    }
    data
}
