//! How much memory a job may take, and what to say when that is not enough.

mod room;

use crate::engine::tensor::Shape;
use crate::numbers::data_size;
use crate::{Error, Result};

/// Bytes that a job takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of the computer's memory. A GPU without memory of its own takes from it, too.
    pub host: u64,
    /// Bytes of a GPU's own memory.
    pub device: u64,
}

impl Memory {
    pub const fn host(bytes: u64) -> Memory {
        Memory { host: bytes, device: 0 }
    }

    pub const fn device(bytes: u64) -> Memory {
        Memory { host: 0, device: bytes }
    }

    /// Bytes of both together, for people.
    pub const fn total(self) -> u64 {
        self.host.saturating_add(self.device)
    }
}

impl std::ops::Add for Memory {
    type Output = Memory;

    fn add(self, other: Memory) -> Memory {
        Memory { host: self.host.saturating_add(other.host), device: self.device.saturating_add(other.device) }
    }
}

/// The most that a job may take.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    bytes: u64,
    /// Half of what was free, since nobody said a number.
    by_default: bool,
}

impl Limit {
    /// `bytes`, or half of the memory that is free now.
    pub fn new(bytes: Option<u64>) -> Limit {
        Limit { bytes: bytes.unwrap_or_else(|| available() / 2), by_default: bytes.is_none() }
    }

    /// Is there room for so many bytes of something that is no image?
    ///
    /// # Errors
    /// [`Error::Limit`] with the numbers, if not.
    pub fn check_bytes(self, what: &str, needed: u64) -> Result<()> {
        if needed <= self.bytes {
            return Ok(());
        }
        Err(Error::Limit(format!("{what} needs {} of memory, {}", data_size(needed), self.describe())))
    }

    fn describe(self) -> String {
        let limit = data_size(self.bytes);
        match self.by_default {
            true => format!("{limit} may be taken, half of what is free"),
            false => format!("the limit is {limit}"),
        }
    }

    /// Each kind of memory is compared with what there is of it. How much memory a GPU has of its own no interface tells: there
    /// only a number that was asked for counts, else the GPU itself says when there is no more.
    ///
    /// # Errors
    /// [`Error::Limit`] with the numbers, if these images take more.
    pub fn check(self, images: Shape, needed: Memory) -> Result<()> {
        let device = if self.by_default { 0 } else { needed.device };
        let needed = needed.host.max(device);
        if needed <= self.bytes {
            return Ok(());
        }
        let (count, verb) =
            if images.n == 1 { ("1 image".to_string(), "needs") } else { (format!("{} images", images.n), "need") };
        Err(Error::Limit(format!(
            "{count} of {}x{} pixels {verb} {} of memory, {}; take smaller images or fewer",
            images.h,
            images.w,
            data_size(needed),
            self.describe()
        )))
    }
}

impl Default for Limit {
    fn default() -> Limit {
        Limit::new(None)
    }
}

/// Bytes that this process could take now: what the system has free, and what the limits leave that it was started under.
fn available() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.available_memory().min(room::left())
}
