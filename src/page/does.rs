//! What the network does with a picture: restores it, or makes something else of it; and how the picture passes through.

use super::{data_url, number4, skipped};
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::activations::Activation;
use crate::mri::restore::{Attempt, Restored};
use crate::numbers::percent;
use crate::picture::{Colormap, Figure, Mix, Panel, grid, mixed, strip};
use maud::{Markup, html};

/// Channels of a layer that are shown, and their largest side in pixels.
const CHANNELS: usize = 8;
const CHANNEL: usize = 64;

/// What was found when pictures were given to the network.
pub enum Does {
    /// It makes aliased pictures better.
    Restores {
        results: Vec<Restored>,
        figure: Figure,
        /// The mean PSNR of aliased phantoms, and after the network; dB.
        gain: (f64, f64),
    },
    /// It makes something else.
    Makes {
        /// What the picture is called.
        name: String,
        input: Tensor,
        output: Tensor,
        /// The part of the output's variance that its picture shows, 0 to 1.
        seen: f64,
        /// Both; `None` if the output is no picture.
        figure: Option<Figure>,
        /// Why nothing is restored.
        why: String,
    },
}

/// A picture on its way through the layers.
pub struct Passed {
    /// What the picture is called.
    pub name: String,
    pub layers: Vec<Activation>,
}

impl Does {
    /// What the network makes, drawn beside what it was made of. A list of numbers for each pixel, as heads that end with a
    /// `Reshape` give, is drawn as the picture that it is.
    pub fn makes(name: String, input: Tensor, output: Tensor, why: String) -> Does {
        let from = input.shape;
        let output = match output.shape {
            Shape { h: all, w: 1, .. } => match (1..=32).find(|k| (from.h / k) * (from.w / k) == all) {
                Some(k) => Tensor::new(Shape { h: from.h / k, w: from.w / k, ..output.shape }, output.data),
                None => output,
            },
            _ => output,
        };
        let to = output.shape;
        let mix = Mix::of(&output.data, to.c);
        let panel = |tensor: &Tensor, mix: &Mix, title: &str| {
            let Shape { h, w, c, .. } = tensor.shape;
            let panel = match c {
                1 => Panel::map(h, w, tensor.data.clone()).colorbar(),
                _ => Panel::color(h, w, mix.rgb(&tensor.data)),
            };
            panel.title(title).label(format!("{h}×{w}×{c}")).note(mixed(c).unwrap_or_default())
        };
        let figure = (to.h > 1 && to.w > 1).then(|| {
            let before = panel(&input, &Mix::of(&input.data, from.c), &name).colormap(Colormap::Gray);
            grid("", &[before, panel(&output, &mix, "what the network makes of it")], 2, Colormap::Viridis)
        });
        Does::Makes { name, input, output, seen: mix.seen, figure, why }
    }
}

/// The section's content.
pub(super) fn does(does: &Result<&Does, String>) -> Markup {
    match does {
        Err(why) => skipped(why),
        Ok(Does::Restores { results, figure, gain }) => restores(results, figure, *gain),
        Ok(Does::Makes { name, input, output, seen, figure, why }) => {
            let (from, to) = (input.shape, output.shape);
            let (lo, hi) = output.data.iter().fold((f32::MAX, f32::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
            html! {
                p {
                    "The network takes pictures of " (channels(from.c)) ". Given " (name) " at " (from.h) "×" (from.w)
                    " pixels, it makes " (to.h) "×" (to.w) " of " (channels(to.c)) ", with values from " (number4(lo)) " to "
                    (number4(hi)) "."
                }
                @if let Some(figure) = figure {
                    figure {
                        img.picture.paper src=(data_url(figure)) alt=(format!("On the left {name}, on the right what the network makes of it."));
                        figcaption {
                            "What goes in, and what comes out"
                            @if to.c > 3 {
                                ": of " (to.c) " channels the first three principal components as red, green and blue, which hold "
                                (percent(*seen)) " of the variance"
                            } @else if to.c == 3 { ": the three channels as red, green and blue" }
                            @else if let Some(colors) = mixed(to.c) { ": " (colors) }
                        }
                    }
                } @else { p.warning { "What comes out is a list of numbers and no picture." } }
                p.hint { "Left out: how it restores pictures with most of k-space missing, since " (why) "." }
            }
        }
    }
}

fn channels(c: usize) -> String {
    if c == 1 { "one channel".to_string() } else { format!("{c} channels") }
}

fn restores(results: &[Restored], figure: &Figure, gain: (f64, f64)) -> Markup {
    let score = |a: &Attempt| {
        let ssim = a.scores.and_then(|scores| scores.ssim).map_or("–".to_string(), |v| format!("{v:.3}"));
        let psnr = if a.psnr().is_finite() { format!("{:.2} dB", a.psnr()) } else { "∞ dB".to_string() };
        [psnr, ssim]
    };
    let better = results.iter().filter(|r| r.restored.psnr() > r.aliased.psnr()).count();
    let is_own = results.len() == 1;
    html! {
        p {
            "A scanner in a hurry leaves out most of its measurements, and the picture comes back with copies of itself laid over it "
            "(aliased). The network brings aliased phantoms, drawings of circles and rectangles, nearer to the truth: from a PSNR of "
            (format!("{:.1}", gain.0)) " dB to " (format!("{:.1}", gain.1)) " dB on average. "
            @if is_own && better == 1 { "The picture here came nearer, too." }
            @else if is_own { "The picture here did not come nearer." }
            @else { "Here " (better) " of " (results.len()) " came nearer." }
        }
        div.scroll.wide { img.picture-wide.paper src=(data_url(figure))
            alt="A row for each picture: aliased, restored, the truth, and what the first two lack."; }
        div.scroll {
            table.facts {
                caption {
                    "How near they come to the truth. PSNR measures the error, SSIM the likeness of structure, at most 1; higher "
                    "is better."
                }
                thead { tr { @for t in ["Picture", "Aliased, PSNR", "SSIM", "Restored, PSNR", "SSIM"] { th scope="col" { (t) } } } }
                tbody {
                    @for r in results {
                        tr { th scope="row" { (r.example.name) } @for v in score(&r.aliased).into_iter().chain(score(&r.restored)) { td { (v) } } }
                    }
                }
            }
        }
    }
}

/// The section's content.
pub(super) fn travel(passed: &Result<&Passed, String>) -> Markup {
    let Passed { name, layers } = match passed {
        Ok(passed) => *passed,
        Err(why) => return skipped(why),
    };
    let size = |a: &Activation| (a.shape.h, a.shape.w);
    let is_map = |a: &&Activation| a.shape.h > 1 && a.shape.w > 1;
    let smallest = layers.iter().filter(is_map).min_by_key(|a| a.shape.h * a.shape.w);
    html! {
        p {
            "At the top " (name) " goes in, and each row is what a layer makes of it: its strongest channels, bright where the channel "
            "answers. "
            @match (smallest, layers.first()) {
                (Some(least), Some(first)) if size(least) != size(first) => {
                    "The maps are smallest at " (least.name) ": " (least.shape.h) "×" (least.shape.w) " where "
                    (first.shape.h) "×" (first.shape.w) " pixels went in, so that only a rough map of where something is remains there."
                }
                _ => { "All maps are as large as what went in." }
            }
        }
        @for activation in layers {
            @let Shape { h, w, c, .. } = activation.shape;
            @let shown: Vec<_> = activation.strongest.iter().take(CHANNELS).collect();
            @let numbers: Vec<String> = shown.iter().map(|channel| channel.number.to_string()).collect();
            @let maps: Vec<Vec<f32>> = shown.iter().map(|channel| channel.map.clone()).collect();
            @let strongest = shown.first().map_or(0.0, |channel| activation.means[channel.number]);
            figure.travel {
                img.strip style=(format!("max-width:{}px;--tiles:{}", 88 * maps.len(), maps.len())) src=(data_url(&strip(h, w, &maps, Colormap::Viridis, false, CHANNEL)))
                    alt=(format!("{}: channels {} side by side, bright where they answer", activation.name, numbers.join(", ")));
                figcaption {
                    strong { (activation.name) } ", " (activation.class) ", " (h) "×" (w) "×" (c) ": " (if maps.len() == 1 { "channel" } else { "channels" }) " " (numbers.join(", "))
                    "; the strongest has a mean of " (number4(strongest))
                }
            }
        }
    }
}
