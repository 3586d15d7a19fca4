//! A file inside a file.

use hdf5::error::{Error, Result};
use hdf5::storage::{DynStorage, Storage, StorageBuffer};

/// The `len` bytes of `whole` from `start` on, as a file of their own.
pub struct Part {
    pub whole: DynStorage,
    pub start: u64,
    pub len: u64,
}

impl Storage for Part {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer> {
        let needed = len as u64;
        match offset.checked_add(needed) {
            Some(end) if end <= self.len => self.whole.read_range(self.start.saturating_add(offset), len),
            _ => Err(Error::UnexpectedEof { offset, needed, available: self.len.saturating_sub(offset) }),
        }
    }
}
