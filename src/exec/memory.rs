//! How much memory a job may take, and what to say when that is not enough.

use crate::plan::Plan;
use crate::{Error, Result};

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

    /// # Errors
    /// If `needed` bytes for this plan are more than the limit.
    pub fn check(self, plan: &Plan, needed: u64) -> Result<()> {
        if needed <= self.bytes {
            return Ok(());
        }
        let image = plan.inputs.first().map_or(crate::tensor::Shape::new(1, 1, 1, 1), |&v| plan.value(v).shape);
        Err(Error::Memory(format!(
            "{} image{} of {}x{} pixels need {} of memory, {}",
            image.n,
            if image.n == 1 { "" } else { "s" },
            image.h,
            image.w,
            human(needed),
            if self.by_default {
                format!(
                    "{} may be taken (half of what is free): take a smaller --size, or raise --memory if you know better",
                    human(self.bytes)
                )
            } else {
                format!("--memory allows {}: raise it or take a smaller --size", human(self.bytes))
            }
        )))
    }
}

impl Default for Limit {
    fn default() -> Limit {
        Limit::new(None)
    }
}

/// Bytes that the system could give to this program now.
pub fn available() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.available_memory()
}

/// 1610612736 as "1.5 GiB".
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
