//! How much memory there is, and what to say when it is not enough.

use crate::Error;
use crate::plan::Plan;

/// Bytes that the system could give to this program now.
pub fn available() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.available_memory()
}

/// The error of a plan that needs more than there is.
pub fn error(plan: &Plan, needed: u64, free: u64) -> Error {
    let image = plan.inputs.first().map_or(crate::tensor::Shape::new(1, 1, 1, 1), |&v| plan.value(v).shape);
    Error::Memory(format!(
        "{} image{} of {}x{} pixels need {} of memory, {} are available; take a smaller --size or a smaller picture",
        image.n,
        if image.n == 1 { "" } else { "s" },
        image.h,
        image.w,
        human(needed),
        human(free)
    ))
}

/// 1536 MiB as "1.5 GiB".
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
