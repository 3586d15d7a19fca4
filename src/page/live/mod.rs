//! The living part of the lesson: the page computes. It holds the network's weights, the graph of each climb as data, the same as
//! plans of this project's own shaders (`docs/live.md`), and a runner in JavaScript: on the reader's GPU by WebGPU, or in a worker.
//!
//! In reading order: `model` and `steps` make the graphs and plans, `plans`, `nodes` and `arrays` write them down; of the scripts `numbers.js` is how
//! kernels are packed, `gpu.js` and `cpu.js` compute, `climb.js` climbs, and the others are what the reader sees.

mod arrays;
mod model;
mod nodes;
#[cfg(test)]
mod packing;
mod plans;
mod section;
mod steps;
mod texts;

use super::strings::Lang;
use crate::engine::tensor::{Shape, Tensor};
use crate::mri;
use crate::network::Network;
use crate::picture::Colormap;
use crate::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use maud::{Markup, PreEscaped, html};
use model::{Model, model};
use serde_json::json;
use std::io::Write;

/// Where the numbers of a page in a folder lie, beside it.
pub const NUMBERS: &str = "numbers.bin";

/// Run by the page and by its worker.
const SHARED: [&str; 4] =
    [include_str!("numbers.js"), include_str!("functions.js"), include_str!("breaks.js"), include_str!("looks.js")];
const WORKER: [&str; 2] = [include_str!("cpu.js"), include_str!("worker.js")];
const PAGE: [&str; 16] = [
    include_str!("random.js"),
    include_str!("gpu.js"),
    include_str!("look.js"),
    include_str!("engines.js"),
    include_str!("climb.js"),
    include_str!("draw.js"),
    include_str!("state.js"),
    include_str!("starts.js"),
    include_str!("sent.js"),
    include_str!("play.js"),
    include_str!("terms.js"),
    include_str!("inside.js"),
    include_str!("opened.js"),
    include_str!("routes.js"),
    include_str!("broken.js"),
    include_str!("main.js"),
];

/// What a page that computes has more than others.
pub struct Live {
    pub title: &'static str,
    pub section: Markup,
    pub css: &'static str,
    pub script: String,
    /// What its scripts may do besides: have a worker, and in a folder load the numbers.
    pub policy: &'static str,
    /// The numbers, if they are to lie beside the page.
    pub numbers: Option<Vec<u8>>,
}

/// What is chosen when the page opens.
pub struct Start<'a> {
    pub layer: &'a str,
    pub filter: usize,
    /// The image that the recorded lesson starts from.
    pub image: &'a Tensor,
}

/// The living part for a network. `beside`: its numbers are to lie in a file beside the page.
///
/// # Errors
/// If none of its convolutions can be computed from such an image.
pub fn live(network: &Network, start: &Start, beside: bool, lang: Lang) -> Result<Live> {
    let Model { mut facts, mut arrays } = model(network, start.image.shape, lang)?;
    let Shape { h, w, .. } = start.image.shape;
    facts["start"] = json!({
        "layer": start.layer, "filter": start.filter, "image": arrays.f32(&start.image.data),
        "phantom": arrays.f32(&mri::phantom(0, 0, (h, w))),
    });
    facts["look"] = json!(include_str!("look.wgsl"));
    facts["arrays"] = json!(arrays.places);
    facts["beside"] = json!(beside.then_some(NUMBERS));
    facts["colours"] = json!({ "viridis": colours(Colormap::Viridis), "coolwarm": colours(Colormap::Coolwarm) });
    facts["strings"] = json!(texts::all(lang));
    let numbers = (!beside).then(|| packed(&arrays.bytes)).transpose()?;
    let facts = packed(facts.to_string().as_bytes())?;
    let section = html! {
        (section::section(lang))
        script type="text/plain" id="live-facts" { (PreEscaped(facts)) }
        @if let Some(numbers) = &numbers { script type="text/plain" id="live-numbers" { (PreEscaped(numbers)) } }
    };
    let worker = [SHARED.concat(), WORKER.concat()].concat();
    let source = json!(worker).to_string().replace('<', "\\u003c");
    let script = format!("(() => {{\nconst WORKER = {source};\n{}{}}})();\n", SHARED.concat(), PAGE.concat());
    let policy = if beside { "; connect-src 'self'" } else { "" };
    Ok(Live {
        title: texts::text(lang, "title"),
        section,
        css: include_str!("live.css"),
        script,
        policy,
        numbers: beside.then_some(arrays.bytes),
    })
}

/// Compressed, as text.
fn packed(bytes: &[u8]) -> Result<String> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map(|packed| STANDARD.encode(packed)).map_err(|e| Error::Usage(format!("the page cannot be packed: {e}")))
}

/// 256 colours of a map, as numbers one after the other.
fn colours(map: Colormap) -> Vec<u8> {
    (0..256).flat_map(|i| map.rgb(i as f32 / 255.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shader_of_the_drawing_is_valid() {
        use naga::valid::{Capabilities, ValidationFlags, Validator};
        let module = naga::front::wgsl::parse_str(include_str!("look.wgsl")).unwrap();
        Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).unwrap();
    }

    /// What the scripts say is there, in both languages.
    #[test]
    fn every_text_is_there() {
        let mut said = 0;
        for script in PAGE {
            for key in script.split("says(\"").skip(1).map(|rest| rest.split_once('"').unwrap().0) {
                assert!([Lang::En, Lang::Es].iter().all(|&lang| !texts::text(lang, key).is_empty()), "{key}");
                said += 1;
            }
        }
        assert!(said > 30, "only {said} texts were found");
    }
}
