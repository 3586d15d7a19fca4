//! Pages: one file each, with everything in it. The frame and the style that all pages share are here; what a page says
//! is in a file of its own ([`lesson`], [`article`], [`findings`]). A page opens without a network, reads without JavaScript, and prints.

mod article;
mod cards;
mod channels;
mod does;
mod findings;
mod grids;
mod layout;
mod lesson;
pub mod live;
mod network;
mod plots;
pub mod strings;
mod u;
mod way;

pub use article::{Article, Climbed, Dreamt, Part, article};
pub use does::{Does, Passed, Skip};
pub use findings::{FindingsPage, findings, findings_figures};
pub use lesson::{Lesson, lesson};

use crate::numbers::number;
use crate::picture::Figure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use strings::article::ArticleText;
use strings::fill;

const STYLE: &str = include_str!("style.css");

/// The parts of a page.
pub struct Document<'a> {
    /// "en" or "es"
    pub lang: &'a str,
    pub title: &'a str,
    /// Rules of this page alone, such as its embedded pictures.
    pub css: &'a str,
    pub body: Markup,
    /// What the script works with.
    pub data: &'a serde_json::Value,
    pub script: &'a str,
}

/// The whole page. A rule in its head forbids the browser to fetch anything.
pub fn document(page: Document) -> String {
    document_that_may(page, "")
}

/// The same for a page whose scripts may do more: `policy` is added to the rule.
fn document_that_may(page: Document, policy: &str) -> String {
    const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
    let markup = html! {
        (DOCTYPE)
        html lang=(page.lang) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content={ (POLICY) (policy) };
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (page.title) }
                style { (PreEscaped(STYLE)) (PreEscaped(page.css)) }
            }
            body {
                (page.body)
                script type="application/json" id="data" { (PreEscaped(json(page.data))) }
                script { (PreEscaped(page.script)) }
            }
        }
    };
    markup.into_string()
}

/// JSON that can stand inside a script element: nothing in it ends the element or opens a comment.
fn json(data: &serde_json::Value) -> String {
    data.to_string().replace('<', "\\u003c")
}

/// Stands where a part would be that a network cannot have.
fn skipped(why: &str, t: &ArticleText) -> Markup {
    html! { p.warning { (fill(t.skipped, &[why])) } }
}

/// A picture as an address that holds the picture itself.
pub fn data_url(figure: &Figure) -> String {
    png_url(&figure.to_png())
}

/// The same for the bytes of a PNG file.
pub fn png_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

/// And of a JPEG file.
pub fn jpeg_url(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
}

/// A value to four digits.
fn number4(value: f32) -> String {
    number(value.into(), 4)
}

/// 11, 12
pub fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
