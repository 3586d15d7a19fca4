//! All numbers that a page computes with, each array once, one after the other.

use crate::engine::values::Values;
use serde::Serialize;
use std::collections::HashMap;

/// Where an array lies: from byte `at` on, `len` numbers of this kind, little-endian.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub at: usize,
    pub len: usize,
    /// "f16", where that is exact; else "f32" or "f64".
    pub kind: &'static str,
}

#[derive(Default)]
pub struct Arrays {
    pub bytes: Vec<u8>,
    pub places: Vec<Place>,
    /// The same array comes again and again, for every layer that can be climbed: by its address.
    known: HashMap<(usize, usize), usize>,
    /// And the same numbers, made anew for each graph.
    equal: HashMap<(&'static str, Vec<u8>), usize>,
    /// Keeps alive what `known` knows by its address.
    held: Vec<Values>,
}

impl Arrays {
    /// The number of a kernel, in 16 bits where that changes none of its weights.
    pub fn kernel(&mut self, values: &Values) -> usize {
        let key = (values.as_ptr() as usize, values.len());
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let short: Option<Vec<[u8; 2]>> = values.iter().map(|&v| half(v).map(u16::to_le_bytes)).collect();
        let number = match short {
            Some(short) => self.add("f16", short.concat(), values.len()),
            None => self.f32(values),
        };
        self.known.insert(key, number);
        self.held.push(values.clone());
        number
    }

    pub fn f32(&mut self, values: &[f32]) -> usize {
        self.add("f32", values.iter().flat_map(|v| v.to_le_bytes()).collect(), values.len())
    }

    pub fn f64(&mut self, values: &[f64]) -> usize {
        self.add("f64", values.iter().flat_map(|v| v.to_le_bytes()).collect(), values.len())
    }

    fn add(&mut self, kind: &'static str, bytes: Vec<u8>, len: usize) -> usize {
        *self.equal.entry((kind, bytes)).or_insert_with_key(|(_, bytes)| {
            // Typed arrays begin at multiples of their numbers' size.
            self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
            self.places.push(Place { at: self.bytes.len(), len, kind });
            self.bytes.extend(bytes);
            self.places.len() - 1
        })
    }
}

/// The number in 16 bits (IEEE 754's binary16), if it has them all.
fn half(value: f32) -> Option<u16> {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let (exponent, fraction) = ((bits >> 23 & 0xff) as i32 - 127, bits & 0x7f_ffff);
    if value == 0.0 {
        return Some(sign);
    }
    match exponent {
        // Normal numbers keep 10 bits of the fraction.
        -14..=15 if fraction.trailing_zeros() >= 13 => {
            Some(sign | ((exponent + 15) as u16) << 10 | (fraction >> 13) as u16)
        }
        // Below them the leading 1 is written out, further and further to the right.
        -24..=-15 => {
            let shift = (13 - 14 - exponent) as u32;
            let whole = fraction | 0x80_0000;
            (whole.trailing_zeros() >= shift).then(|| sign | (whole >> shift) as u16)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::half;

    /// Every number of 16 bits comes back, worked out from its definition; what lies between two of them does not.
    #[test]
    fn all_halves() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
            let magnitude = match exponent {
                0 => fraction * 2f64.powi(-24),
                31 => continue, // infinities and NaNs
                e => (1024.0 + fraction) * 2f64.powi(i32::from(e) - 25),
            };
            let value = if bits & 0x8000 == 0 { magnitude } else { -magnitude } as f32;
            assert_eq!(half(value), Some(bits), "{value:e}");
            assert_eq!(half(value * 1.000_001 + f32::from_bits(1)), None, "{value:e}");
        }
        for value in [65536.0, 1e-9, f32::INFINITY, f32::NAN, 0.1] {
            assert_eq!(half(value), None, "{value:e}");
        }
    }
}
