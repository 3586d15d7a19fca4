//! Streams of random numbers that are the same on every machine and in every release (ChaCha with 8 rounds).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A random stream of its own for each seed, name (a layer's, or what is drawn) and number.
pub fn stream(seed: u64, name: &str, number: u64) -> ChaCha8Rng {
    // FNV-1a, 64 bit.
    let name = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&name.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(number);
    rng
}
