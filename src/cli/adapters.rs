//! `unet-lens adapters`

use crate::Result;
use crate::exec::{self, Backend};

pub(super) fn run() -> Result<()> {
    let (executor, notice) = exec::open(Backend::Auto, None)?;
    let mut text = String::new();
    if let Some(notice) = notice {
        text += &format!("{notice}\n");
    }
    text += &format!("--backend auto picks: {}\n", executor.describe());
    super::print(&text)
}
