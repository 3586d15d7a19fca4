//! `unet-lens completions` and `unet-lens man`: what is made of the command line's own description.

use crate::{Error, Result};
use clap::{Args, Command};
use clap_complete::Shell;

pub(super) const EXAMPLES: &str = "\
Examples:
  unet-lens completions bash > ~/.local/share/bash-completion/completions/unet-lens
  unet-lens completions zsh > ~/.zfunc/_unet-lens
  unet-lens completions fish > ~/.config/fish/completions/unet-lens.fish";

#[derive(Args)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

/// # Errors
/// If it cannot be printed.
pub(super) fn completions(command: &mut Command, options: &Options) -> Result<()> {
    let mut script = vec![];
    clap_complete::generate(options.shell, command, "unet-lens", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}

/// # Errors
/// If it cannot be printed.
pub(super) fn man(command: Command) -> Result<()> {
    let mut page = vec![];
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|why| Error::file("the manual page", why))?;
    super::print(&String::from_utf8_lossy(&page))
}
