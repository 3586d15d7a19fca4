//! Changes that know nothing of what the bytes mean.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Numbers at which programs err.
const EDGES: &[u64] = &[
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    64,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 7,
    u64::MAX,
];

pub fn edge(rng: &mut ChaCha8Rng) -> u64 {
    EDGES[rng.random_range(0..EDGES.len())]
}

/// Mostly one; seldom many.
pub fn few(rng: &mut ChaCha8Rng) -> usize {
    let mut count = 1;
    while count < 12 && rng.random_range(0..3) == 0 {
        count += 1;
    }
    count
}

/// Writes the low bytes of a number, as many as fit.
pub fn put(bytes: &mut [u8], at: usize, width: usize, value: u64, little: bool) {
    let (low, high) = (value.to_le_bytes(), value.to_be_bytes());
    let value = if little { &low[..width] } else { &high[8 - width..] };
    let at = at.min(bytes.len());
    for (to, from) in bytes[at..].iter_mut().zip(value) {
        *to = *from;
    }
}

/// Changes some bytes. `other` is what a piece may be taken from.
pub fn change(rng: &mut ChaCha8Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..few(rng) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        let end = (at + rng.random_range(1..=64)).min(bytes.len());
        match rng.random_range(0..12) {
            0 | 1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes[at] = rng.random(),
            3..=5 => {
                let (width, value, little) = (1 << rng.random_range(0..4), edge(rng), rng.random());
                put(bytes, at, width, value, little);
            }
            6 => bytes.truncate(at),
            7 => drop(bytes.drain(at..end)),
            8 => {
                let piece = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            9 => {
                let piece = bytes[at..end].to_vec();
                let to = rng.random_range(0..bytes.len());
                bytes[to..].iter_mut().zip(piece).for_each(|(to, from)| *to = from);
            }
            10 if !other.is_empty() => {
                let from = rng.random_range(0..other.len());
                let piece = other[from..(from + end - at).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            _ => bytes[at..end].fill(if rng.random() { 0 } else { 0xff }),
        }
    }
}
