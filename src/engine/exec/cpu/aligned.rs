//! Memory for f32s that starts on a cache line.

use crate::engine::values::Memory;
use std::ops::{Deref, DerefMut};

/// A fixed number of f32s that start on a cache line (64 bytes), so that no register-wide load touches two lines.
/// Large `Vec`s start 16 bytes after one, where every load of an AVX-512 register touches two.
#[derive(Default)]
pub struct Aligned {
    memory: Memory,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Aligned {
        let memory = Memory::zeros(len + 16);
        let start = memory.values().as_ptr().align_offset(64).min(16);
        Aligned { memory, start, len }
    }
}

impl From<&[f32]> for Aligned {
    fn from(values: &[f32]) -> Aligned {
        let mut aligned = Aligned::zeros(values.len());
        aligned.copy_from_slice(values);
        aligned
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory.values()[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory.values_mut()[self.start..][..self.len]
    }
}
