//! `unet-lens adapters`

use super::Json;
use crate::Result;
use crate::engine::exec::{self, Backend, gpu};
use serde_json::json;

#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    print: Json,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let adapters = gpu::adapters();
    let (executor, notice) = exec::open(Backend::Auto, None, None)?;
    if options.print.json {
        return super::print_json(&json!({ "adapters": adapters, "auto": executor.describe(), "since": notice }));
    }
    let mut text = match adapters.len() {
        0 => "no GPU adapters found\n".to_string(),
        _ => "GPU adapters, the one that --backend gpu takes first:\n".to_string(),
    };
    for adapter in &adapters {
        let driver = if adapter.driver.is_empty() { String::new() } else { format!(", driver {}", adapter.driver) };
        text += &format!("  {} ({}, {}{driver})\n", adapter.name, adapter.backend, adapter.kind);
    }
    text += &format!("--backend auto takes: {}\n", executor.describe());
    if let Some(notice) = notice {
        text += &format!("  since {notice}\n");
    }
    super::print(&text)
}
