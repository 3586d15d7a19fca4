//! Commands as they are typed, for whoever repeats one.

use super::choices::{BACKENDS, name_of};
use super::{Machine, ModelFile};
use crate::engine::exec::Backend;

impl Machine {
    /// The options that were given, as they are typed, each with a space before it: whoever repeats a command needs them.
    pub fn arguments(&self) -> String {
        let Machine { model: ModelFile { model, lambdas }, backend, threads: _, memory } = self;
        let mut text = String::new();
        if let Some(path) = model {
            text += &format!(" --model {}", quoted(&path.to_string_lossy()));
        }
        for (layer, meaning) in lambdas {
            text += &format!(" --lambda {}", quoted(&format!("{layer}={meaning}")));
        }
        if *backend != Backend::Auto {
            text += &format!(" --backend {}", name_of(BACKENDS, *backend));
        }
        memory.iter().for_each(|bytes| text += &format!(" --memory {bytes}"));
        text
    }
}

/// A word as a shell reads it: in quotes, if it holds what means something there.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:,=+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
