//! What is printed: results to stdout, all else to stderr. Names from files go through here too, and a terminal obeys none of them.
//! Colours are for terminals: what goes to a file or a pipe is plain, and so is all where `NO_COLOR` is set, unless `--color` says
//! otherwise.

use crate::names::{is_order, shown};
use crate::{Error, Result};
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// What is as it should be; what is to be known; what is wrong.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const NOTE: Style = AnsiColor::Yellow.on_default();
pub(super) const WRONG: Style = AnsiColor::Red.on_default().bold();
const NAME: Style = Style::new().bold();

/// Text in pieces, each of one style.
#[derive(Default)]
pub(super) struct Text(Vec<(Style, String)>);

impl Text {
    pub fn styled(&mut self, style: Style, text: &str) {
        self.0.push((style, text.to_string()));
    }

    /// As a terminal gets it, or plain.
    fn written(&self, in_color: bool) -> String {
        let piece = |(style, text): &(Style, String)| match in_color && *style != Style::new() {
            true => format!("{style}{}{style:#}", shown(text)),
            false => shown(text).into_owned(),
        };
        self.0.iter().map(piece).collect()
    }
}

impl std::ops::AddAssign<&str> for Text {
    fn add_assign(&mut self, text: &str) {
        self.styled(Style::new(), text);
    }
}

/// From now on colours are used always, never, or where they are seen.
pub(super) fn use_colors(choice: ColorChoice) {
    choice.write_global();
}

fn in_color(choice: ColorChoice) -> bool {
    choice != ColorChoice::Never
}

/// Prints to stdout. A reader that closed the pipe has seen enough: that ends the program quietly.
pub(super) fn print(text: &str) -> Result<()> {
    write_out(&shown(text))
}

pub(super) fn print_text(text: &Text) -> Result<()> {
    write_out(&text.written(in_color(AutoStream::choice(&std::io::stdout()))))
}

/// Prints a JSON document, on a line.
pub(super) fn print_json(document: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(document).expect("names and numbers");
    // In JSON, too, nothing is an order to the terminal.
    let spelled = |c: char| if is_order(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    write_out(&(text.chars().map(spelled).collect::<String>() + "\n"))
}

fn write_out(text: &str) -> Result<()> {
    let mut out = AutoStream::always(std::io::stdout().lock());
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::file("standard output", error)),
        Ok(()) => Ok(()),
    }
}

/// Says something on stderr. That nobody hears it changes nothing.
pub fn tell(text: &str) {
    say(NAME, text);
}

/// Says on stderr why the program ends.
pub fn fail(error: &Error) {
    say(WRONG, &error.to_string());
}

fn say(style: Style, text: &str) {
    let mut line = Text::default();
    line.styled(style, "unet-lens:");
    line += " ";
    let warning = "warning:";
    let rest = text.strip_prefix(warning);
    if rest.is_some() {
        line.styled(NOTE, warning);
    }
    line += rest.unwrap_or(text);
    let written = line.written(in_color(AutoStream::choice(&std::io::stderr())));
    let _ = writeln!(AutoStream::always(std::io::stderr().lock()), "{written}");
}

/// indicatif draws on stderr, and only if that is a terminal.
pub(super) fn progress_bar(name: &str, quiet: bool) -> ProgressBar {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() };
    let style = ProgressStyle::with_template("{prefix:<14} {wide_bar} {percent:>3}%  {eta} left");
    bar.set_style(style.expect("the template is valid"));
    bar.set_prefix(name.to_string());
    bar
}
