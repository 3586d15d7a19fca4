//! `unet-lens adapters`

use crate::Result;
use crate::engine::exec::{self, Backend, gpu};

pub(super) fn run() -> Result<()> {
    let adapters = gpu::adapters();
    let mut text = match adapters.len() {
        0 => "no GPU adapters found\n".to_string(),
        _ => "GPU adapters, the one that --backend gpu takes first:\n".to_string(),
    };
    for adapter in &adapters {
        let driver = if adapter.driver.is_empty() { String::new() } else { format!(", driver {}", adapter.driver) };
        text += &format!("  {} ({}, {}{driver})\n", adapter.name, adapter.backend, adapter.kind);
    }
    let (executor, notice) = exec::open(Backend::Auto, None, None)?;
    text += &format!("--backend auto takes: {}\n", executor.describe());
    if let Some(notice) = notice {
        text += &format!("  since {notice}\n");
    }
    super::print(&text)
}
