//! `unet-lens article` as its tests call it.

use super::{fixture, unet_lens};
use std::path::Path;

/// What the command prints.
pub fn made(folder: &Path, model: &str, arguments: &[&str]) -> String {
    let mut command = unet_lens(folder);
    let output = command.args(["article", "--model"]).arg(fixture(model)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Words that an English page cannot do without.
pub const ENGLISH: [&str; 24] = [
    "the", "of", "and", "filter", "filters", "seed", "layer", "layers", "from", "to", "dead", "step", "noise", "which",
    "picture", "pictures", "is", "channels", "brain", "aliased", "answers", "shuffled", "command", "time",
];

/// What a reader sees or hears of a page: its texts and those of its pictures, without commands.
pub fn spoken(html: &str) -> String {
    let mut text = String::new();
    for (i, part) in html.split('<').enumerate() {
        let (tag, rest) = if i == 0 { ("", part) } else { part.split_once('>').unwrap_or((part, "")) };
        for attribute in ["alt=\"", "aria-label=\"", "aria-valuetext=\"", "data-text=\""] {
            text += tag.split_once(attribute).map_or("", |(_, value)| value.split('"').next().unwrap());
            text.push(' ');
        }
        if !tag.starts_with("code") && !rest.starts_with("unet-lens") {
            text += rest;
            text.push(' ');
        }
    }
    text
}
