//! Changes to an HDF5 file that keep most of it readable: what stands near the beginning of one of its structures, and the
//! addresses by which they name each other.

use super::bytes::{edge, few, put};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How the structures begin (HDF5 File Format Specification, III and IV).
const BEGINNINGS: [&[u8; 4]; 10] =
    [b"TREE", b"HEAP", b"SNOD", b"OHDR", b"OCHK", b"GCOL", b"FRHP", b"FHDB", b"BTHD", b"\x89HDF"];
/// So many bytes behind a beginning are changed.
const HEADER: usize = 96;

/// An HDF5 file with the places that are worth changing.
pub struct Marked {
    pub bytes: Vec<u8>,
    beginnings: Vec<usize>,
    /// Where eight bytes are an address in the file, by their look.
    addresses: Vec<usize>,
    /// Where a number below 256 stands in eight bytes or four, by its look: a size, a count, a rank.
    small: Vec<usize>,
}

impl Marked {
    pub fn new(bytes: Vec<u8>) -> Marked {
        let begins = |at: &usize| BEGINNINGS.iter().any(|word| bytes[*at..].starts_with(*word));
        let beginnings = (0..bytes.len()).filter(begins).collect();
        let word = |at: usize| bytes.get(at..at + 8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
        let address = |at: &usize| word(*at).is_some_and(|v| v >= 48 && v < bytes.len() as u64 && v.is_multiple_of(8));
        let small = |at: &usize| word(*at).is_some_and(|v| v & 0xffff_ffff > 0 && v & 0xffff_ffff < 256);
        let every = |step: usize| (0..bytes.len()).step_by(step);
        let (addresses, small) = (every(8).filter(address).collect(), every(4).filter(small).collect());
        Marked { beginnings, addresses, small, bytes }
    }

    /// A copy with changes.
    pub fn changed(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for _ in 0..few(rng) {
            let width = 1 << rng.random_range(0..4);
            let one = |rng: &mut ChaCha8Rng, list: &[usize]| match list.is_empty() {
                true => 0,
                false => list[rng.random_range(0..list.len())],
            };
            let word = |at: usize| bytes.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap()));
            match rng.random_range(0..8) {
                // A structure leads to another one: of another kind, to itself, in a circle.
                0 | 1 => {
                    let (to, from) = (one(rng, &self.addresses), one(rng, &self.addresses));
                    let value = word(from);
                    put(&mut bytes, to, 8, value, true);
                }
                2 => {
                    let (to, value) = (one(rng, &self.addresses), one(rng, &self.beginnings) as u64);
                    put(&mut bytes, to, 8, value, true);
                }
                3 => {
                    let to = one(rng, &self.addresses);
                    put(&mut bytes, to, width, edge(rng), true);
                }
                4 | 5 => {
                    let to = one(rng, &self.beginnings) + rng.random_range(4..HEADER);
                    let value = if rng.random() { edge(rng) } else { rng.random_range(0..32) };
                    put(&mut bytes, to, width, value, true);
                }
                6 => {
                    let to = one(rng, &self.small);
                    put(&mut bytes, to, width, edge(rng), true);
                }
                _ => {
                    let to = one(rng, &self.small);
                    let value = word(to);
                    let value =
                        [value.wrapping_add(1), value.wrapping_sub(1), value << 1, value >> 1][rng.random_range(0..4)];
                    put(&mut bytes, to, width, value, true);
                }
            }
        }
        bytes
    }
}
