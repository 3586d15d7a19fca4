//! Filters beside the one that is explained: a dead one, and one that lights up at the border.

use super::super::strings::{Strings, fill};
use super::super::{data_url, u};
use crate::engine::tensor::Tensor;
use crate::lesson::explain::{Other, Others, zeros};
use crate::picture::Signed;
use maud::{Markup, html};

/// The largest side of a map, pixels.
const SIDE: usize = 64;

pub(super) fn section(others: &Others, s: &Strings) -> Markup {
    let dead = others.dead.as_ref();
    let shown = [Some(&others.own), dead.map(|(other, _)| other), others.border.as_ref()];
    let scale = Signed::of(shown.into_iter().flatten().flat_map(|other| other.map.data.iter().copied()));
    html! {
        h2 { (s.others_title) }
        p { (s.others_text) }
        div.others.wide {
            (figure(&others.own, s.others_own, scale, s))
            @if let Some(other) = &others.border { (figure(other, s.others_border, scale, s)) }
            @if let Some((other, gradient)) = dead {
                (figure(other, s.others_dead, scale, s))
                figure { (map(gradient, s.others_gradient, scale)) figcaption { (s.others_gradient) br; (s.percent(zeros(&gradient.data))) " " (s.zeros) } }
            }
        }
        (u::legend(scale, s))
        h3 { (s.dead_title) }
        @match dead {
            Some((other, _)) => @for text in s.dead_text { p { (fill(text, &[&other.filter.to_string(), &other.layer])) } },
            None => p { (s.dead_none) },
        }
        h3 { (s.border_title) }
        p { (s.border_text) }
        @if let Some(other) = &others.border {
            p { (fill(s.border_numbers, &[&other.filter.to_string(), &s.percent(other.border), &s.percent(other.ring)])) }
        }
    }
}

fn figure(other: &Other, what: &str, scale: Signed, s: &Strings) -> Markup {
    let name = fill(s.others_filter, &[&other.filter.to_string(), &other.layer]);
    html! {
        figure {
            (map(&other.map, &name, scale))
            figcaption { strong { (what) } br; (name) br; (s.percent(zeros(&other.map.data))) " " (s.zeros) }
        }
    }
}

/// The first channel.
fn map(tensor: &Tensor, label: &str, scale: Signed) -> Markup {
    let (h, w, c) = (tensor.shape.h, tensor.shape.w, tensor.shape.c);
    let first: Vec<f32> = tensor.data.iter().step_by(c).copied().collect();
    html! { img src=(data_url(&scale.strip(h, w, &[first], SIDE))) alt=(label); }
}
