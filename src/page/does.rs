//! What the network does with a picture: restores it, or makes something else of it; and how the picture passes through.

use super::strings::article::ArticleText;
use super::strings::fill;
use super::{data_url, number4, skipped};
use crate::engine::tensor::{Shape, Tensor};
use crate::findings::Interval;
use crate::lens::activations::{Activation, Channel};
use crate::mri::restore::{Attempt, Restored};
use crate::network::Network;
use crate::numbers::{number, percent};
use crate::picture::{Colormap, Figure, Mix, Panel, grid, strip};
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
        /// Pictures that are no phantoms, each with what it is called, and their figure.
        others: Vec<Restored>,
        others_figure: Option<Figure>,
        /// The mean PSNR of aliased phantoms, and after the network; dB.
        gain: (f64, f64),
        /// Is it the built-in network, which was trained on phantoms like these? What another was trained on is not known.
        built_in: bool,
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

/// A skip, and the PSNR that is lost without what it carries.
pub struct Skip {
    pub from: String,
    pub to: String,
    /// So many phantoms were restored with it and without.
    pub images: usize,
    /// Their mean, in dB.
    pub lost: f64,
    /// The 95% interval of that mean, if there are enough phantoms to tell it.
    pub interval: Option<Interval>,
}

impl Skip {
    fn effect(&self, t: &ArticleText) -> String {
        let three = |value: f64| number(value, 3);
        let interval = self.interval.map(|i| fill(t.skips_interval, &[&three(i.low), &three(i.high)]));
        fill(t.skips_one, &[&self.from, &self.to, &three(self.lost), &interval.unwrap_or_default()])
    }
}

impl Does {
    /// What the network makes, drawn beside what it was made of. A list of numbers for each pixel, as heads that end with a
    /// `Reshape` give, is drawn as the picture that it is.
    pub fn makes(name: String, input: Tensor, output: Tensor, why: String, t: &ArticleText) -> Does {
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
            panel.title(title).label(format!("{h}×{w}×{c}")).note(t.mixed(c).unwrap_or_default())
        };
        let figure = (to.h > 1 && to.w > 1).then(|| {
            let before = panel(&input, &Mix::of(&input.data, from.c), &name).colormap(Colormap::Gray);
            grid("", &[before, panel(&output, &mix, t.makes_panel)], 2, Colormap::Viridis)
        });
        Does::Makes { name, input, output, seen: mix.seen, figure, why }
    }
}

/// The section's content.
pub(super) fn does(does: &Result<&Does, String>, t: &ArticleText) -> Markup {
    match does {
        Err(why) => skipped(why, t),
        Ok(Does::Restores { results, figure, others, others_figure, gain, built_in }) => {
            restores(results, figure, (others, others_figure.as_ref()), (*gain, *built_in), t)
        }
        Ok(Does::Makes { name, input, output, seen, figure, why }) => {
            let (from, to) = (input.shape, output.shape);
            let (lo, hi) = output.data.iter().fold((f32::MAX, f32::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
            let size = |s: Shape| format!("{}×{}", s.h, s.w);
            let (taken, made) = (t.of_channels(from.c), t.of_channels(to.c));
            html! {
                p { (fill(t.makes, &[&taken, name, &size(from), &size(to), &made, &number4(lo), &number4(hi)])) }
                @if let Some(figure) = figure {
                    figure {
                        img.picture.paper src=(data_url(figure)) alt=(fill(t.makes_alt, &[name]));
                        figcaption {
                            (t.makes_caption)
                            @if to.c > 3 { (fill(t.components, &[&to.c.to_string(), &percent(*seen)])) }
                            @else if to.c == 3 { (t.three_channels) }
                            @else if let Some(colors) = t.mixed(to.c) { ": " (colors) }
                        }
                    }
                } @else { p.warning { (t.numbers_alone) } }
                p.hint { (fill(t.no_restoring, &[why])) }
            }
        }
    }
}

fn restores(
    results: &[Restored],
    figure: &Figure,
    (others, others_figure): (&[Restored], Option<&Figure>),
    (gain, built_in): ((f64, f64), bool),
    t: &ArticleText,
) -> Markup {
    let score = |a: &Attempt| {
        let ssim = a.scores.and_then(|scores| scores.ssim).map_or("–".to_string(), |v| format!("{v:.3}"));
        let psnr = if a.psnr().is_finite() { format!("{:.2} dB", a.psnr()) } else { "∞ dB".to_string() };
        [psnr, ssim]
    };
    let is_better = |r: &&Restored| r.restored.psnr() > r.aliased.psnr();
    let better = results.iter().filter(is_better).count();
    let short = |v: f64| format!("{v:.1}");
    let [trained, others_lead] = if built_in { t.of_its_training } else { t.of_unknown_training };
    let here = match (results.len(), better) {
        (1, 1) => t.own_better.to_string(),
        (1, _) => t.own_worse.to_string(),
        (all, better) => fill(t.came_nearer, &[&better.to_string(), &all.to_string()]),
    };
    let other = |r: &Restored| {
        let text = if is_better(&r) { t.other_better } else { t.other_worse };
        fill(text, &[&r.example.name, &short(r.aliased.psnr()), &short(r.restored.psnr())])
    };
    html! {
        p { (fill(t.restores, &[trained, &short(gain.0), &short(gain.1)])) (here) }
        div.scroll.wide { img.picture-wide.paper src=(data_url(figure)) alt=(t.restore_alt); }
        @if let Some(figure) = others_figure {
            p { (others_lead) @for r in others { " " (other(r)) } }
            div.scroll.wide { img.picture-wide.paper src=(data_url(figure)) alt=(t.restore_alt); }
        }
        div.scroll {
            table.facts {
                caption { (t.restore_caption) }
                thead { tr { @for title in t.restore_columns { th scope="col" { (title) } } } }
                tbody {
                    @for r in results.iter().chain(others) {
                        tr { th scope="row" { (r.example.name) } @for v in score(&r.aliased).into_iter().chain(score(&r.restored)) { td { (v) } } }
                    }
                }
            }
        }
    }
}

/// The section's content.
pub(super) fn travel(passed: &Result<&Passed, String>, network: &Network, skips: &[Skip], t: &ArticleText) -> Markup {
    let Passed { name, layers } = match passed {
        Ok(passed) => *passed,
        Err(why) => return skipped(why, t),
    };
    let size = |a: &Activation| (a.shape.h, a.shape.w);
    let is_map = |a: &&Activation| a.shape.h > 1 && a.shape.w > 1;
    let smallest = layers.iter().filter(is_map).min_by_key(|a| a.shape.h * a.shape.w);
    let effects: String = skips.iter().map(|skip| skip.effect(t)).collect();
    let shown = skips.first().map_or(0, |skip| skip.images).to_string();
    html! {
        p {
            (fill(t.travel, &[name]))
            @match (smallest, layers.first()) {
                (Some(least), Some(first)) if size(least) != size(first) => {
                    @let of = |a: &Activation| format!("{}×{}", a.shape.h, a.shape.w);
                    (fill(t.travel_smallest, &[&least.name, &of(least), &of(first)]))
                }
                _ => { (t.travel_same) }
            }
        }
        @if !effects.is_empty() { p { (fill(t.skips_effect, &[&shown, effects.trim_end()])) " " (t.skips_chance) } }
        @for activation in layers {
            @match streams(activation, layers, network) {
                Some(streams) => { @for (from, skip, channels) in streams {
                    (row(activation, &channels, Some((from, skip)), t))
                } }
                None => {
                    @let shown: Vec<(usize, &Channel)> = activation.strongest.iter().map(|c| (c.number, c)).collect();
                    (row(activation, &shown, None, t))
                }
            }
        }
    }
}

/// What a layer that joins channels reads, from each of its inputs apart: the layer's name, whether it comes by a skip, and its
/// strongest channels as the joined layer counts them. `None` for other layers.
#[allow(clippy::type_complexity)]
fn streams<'a>(
    joined: &Activation,
    layers: &'a [Activation],
    network: &Network,
) -> Option<Vec<(&'a str, bool, Vec<(usize, &'a Channel)>)>> {
    let inputs = &network.layers[joined.layer].inputs;
    let of = |&input: &usize| layers.iter().find(|activation| activation.layer == input);
    let parts: Vec<&Activation> = inputs.iter().map(of).collect::<Option<_>>()?;
    let channels: usize = parts.iter().map(|part| part.shape.c).sum();
    let sizes = parts.iter().all(|part| (part.shape.h, part.shape.w) == (joined.shape.h, joined.shape.w));
    if parts.len() < 2 || channels != joined.shape.c || !sizes {
        return None;
    }
    let nearest = *inputs.iter().max()?;
    let mut before = 0;
    let mut streams = vec![];
    for part in parts {
        let strongest = part.strongest.iter().map(|channel| (before + channel.number, channel)).collect();
        streams.push((&*part.name, part.layer != nearest, strongest));
        before += part.shape.c;
    }
    Some(streams)
}

/// Channels of a layer, each with its number in it; and where they come from, if that is one of several.
fn row(activation: &Activation, channels: &[(usize, &Channel)], from: Option<(&str, bool)>, t: &ArticleText) -> Markup {
    let Shape { h, w, c, .. } = activation.shape;
    let shown = &channels[..channels.len().min(CHANNELS)];
    let numbers: Vec<String> = shown.iter().map(|(number, _)| number.to_string()).collect();
    let numbers = numbers.join(", ");
    let maps: Vec<Vec<f32>> = shown.iter().map(|(_, channel)| channel.map.clone()).collect();
    let strongest = shown.first().map_or(0.0, |(number, _)| activation.means[*number]);
    let of = if maps.len() == 1 { t.travel_one } else { t.travel_many };
    html! {
        figure.travel data-skip[from.is_some_and(|(_, skip)| skip)] {
            img.strip style=(format!("max-width:{}px;--tiles:{}", 88 * maps.len(), maps.len())) src=(data_url(&strip(h, w, &maps, Colormap::Viridis, false, CHANNEL)))
                alt=(fill(t.travel_alt, &[&activation.name, &numbers]));
            figcaption {
                strong { (activation.name) } ", " (activation.class) ", " (h) "×" (w) "×" (c)
                @if let Some((from, skip)) = from { ", " (fill(if skip { t.travel_skip } else { t.travel_rest }, &[from])) }
                ": " (fill(of, &[&numbers])) "; " (fill(t.strongest, &[&number4(strongest)]))
            }
        }
    }
}
