//! How much memory there is, and what to say when it is not enough.

use crate::plan::Plan;
use crate::tensor::Shape;
use crate::{Error, Result};

/// Bytes that the system could give to this program now.
pub fn available() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.available_memory()
}

/// The error of a plan that needs more than there is.
pub fn error(plan: &Plan, needed: u64, free: u64) -> Error {
    too_much(plan.inputs.first().map_or(Shape::new(1, 1, 1, 1), |&v| plan.value(v).shape), needed, free)
}

/// # Errors
/// If `needed` bytes, which these images take, are more than there are.
pub fn check(images: Shape, needed: u64) -> Result<()> {
    let free = available();
    if needed > free { Err(too_much(images, needed, free)) } else { Ok(()) }
}

fn too_much(images: Shape, needed: u64, free: u64) -> Error {
    Error::Memory(format!(
        "{} of {}x{} pixels {} of memory, {} are available; take smaller images or fewer",
        if images.n == 1 { "1 image".to_string() } else { format!("{} images", images.n) },
        images.h,
        images.w,
        format_args!("{} {}", if images.n == 1 { "needs" } else { "need" }, human(needed)),
        human(free)
    ))
}

/// 1536 MiB as "1.5 GiB".
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
