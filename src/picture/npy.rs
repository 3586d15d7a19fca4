//! NumPy's .npy files.

use std::path::Path;

use npyz::{DType, NpyFile, Order, WriterBuilder};

use crate::files::{read_whole, write_whole};
use crate::tensor::{Shape, Tensor};
use crate::{Error, Result};

const SUPPORTED: &str =
    "supported are arrays of float32, float64, integers or bool of shape [H,W], [N,H,W] or [N,H,W,C]";
const MOST_BYTES: u64 = 4 << 30;
/// NumPy's own limit (`numpy.load`, `max_header_size`).
const MOST_HEADER: usize = 10_000;

/// Reads an array of shape [H,W], [N,H,W] or [N,H,W,C], missing axes being 1, and makes its values f32.
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
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes);
    let written = options.begin_nd().and_then(|mut writer| {
        writer.extend(values)?;
        writer.finish()
    });
    written.expect("memory takes all writes");
    write_whole(path, &bytes)
}

fn from_bytes(bytes: &[u8]) -> Result<Tensor, String> {
    // Magic, version, and the header's length, which is not to be believed.
    let length = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => u16::from_le_bytes([*a, *b]) as usize,
        [0x93, b'N', b'U', b'M', b'P', b'Y', _, _, a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]) as usize,
        _ => return Err(format!("is not an .npy file; {SUPPORTED}")),
    };
    if length > MOST_HEADER {
        return Err(format!("is a broken .npy file: its header claims {length} bytes"));
    }
    let mut rest = bytes;
    let file = NpyFile::new(&mut rest).map_err(|e| format!("is a broken .npy file: {e}"))?;
    let shape = shape(file.shape())?;
    let DType::Plain(kind) = file.dtype() else { return Err(format!("holds records; {SUPPORTED}")) };
    let kind = kind.to_string();
    let order = file.order();
    drop(file);
    let values = values(rest, &kind, shape.len())?;
    let data = if order == Order::C { values } else { from_fortran(shape, &values) };
    Ok(Tensor::new(shape, data))
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

/// From the order in which the first axis runs fastest.
fn from_fortran(shape: Shape, values: &[f32]) -> Vec<f32> {
    let Shape { n, h, w, .. } = shape;
    let mut data = vec![0.0; shape.len()];
    for (i, value) in values.iter().enumerate() {
        data[shape.at(i % n, i / n % h, i / (n * h) % w, i / (n * h * w))] = *value;
    }
    data
}
