//! Names that strangers chose: what of them may be shown, and what a file may be called after them.

use std::borrow::Cow;
use std::collections::HashSet;

/// The most bytes of a file's name before its extension. File systems take 255.
const LONGEST: usize = 200;

/// What a terminal obeys instead of showing it: control characters, and those that turn the direction of what follows.
pub fn is_order(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text as it may be printed: orders to the terminal are spelled out, `\u{1b}`; only lines and tabs stay.
///
/// ```
/// use unet_lens::names::shown;
/// assert_eq!(shown("layer 'a\u{1b}[2J'\n"), "layer 'a\\u{1b}[2J'\n");
/// ```
pub fn shown(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| !is_order(c) || c == '\n' || c == '\t';
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for c in text.chars() {
        match is_kept(c) {
            true => shown.push(c),
            false => shown.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(shown)
}

/// Names of files, no two alike, not even where upper and lower case are the same.
///
/// ```
/// use unet_lens::names::FileNames;
/// let mut names = FileNames::new(&["index"]);
/// let all = ["a/b", "a_b", "A:B", "conv", "Index"].map(|layer| names.of(layer));
/// assert_eq!(all, ["a_b", "a_b-2", "A_B-3", "conv", "Index-2"]);
/// ```
pub struct FileNames(HashSet<String>);

impl FileNames {
    /// `taken`: names that stand for something else.
    pub fn new(taken: &[&str]) -> FileNames {
        FileNames(taken.iter().map(|name| name.to_lowercase()).collect())
    }

    /// A name like `wanted`, of characters that a file's name may hold everywhere, and not too long.
    pub fn of(&mut self, wanted: &str) -> String {
        let is_special = |c: char| is_order(c) || "/\\:*?\"<>|".contains(c);
        let mut name: String = wanted.chars().map(|c| if is_special(c) { '_' } else { c }).collect();
        if name.len() > LONGEST {
            let cut = (0..=LONGEST).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
            name.truncate(cut);
        }
        if name.is_empty() {
            name.push('_');
        }
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut all = std::iter::once(name.clone()).chain(numbered);
        let free = all.find(|name| !self.0.contains(&name.to_lowercase())).expect("there is always another number");
        self.0.insert(free.to_lowercase());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters_and_stay_apart() {
        let long = "é".repeat(150);
        let mut names = FileNames::new(&[]);
        let (first, second) = (names.of(&long), names.of(&format!("{long}, another")));
        assert_eq!((first.len(), second.len()), (200, 202));
        assert_ne!(first, second);
        assert_eq!(FileNames::new(&[]).of(""), "_");
    }

    #[test]
    fn a_number_that_is_taken_is_not_given() {
        let mut names = FileNames::new(&[]);
        assert_eq!(["a-2", "a", "a"].map(|name| names.of(name)), ["a-2", "a", "a-3"]);
    }
}
