//! "Several filters deal with borders."

use super::{UNKNOWN, row};
use crate::Result;
use crate::findings::ablation::Ablation;
use crate::findings::masked::{Removed, Site};
use crate::findings::stats::{mean, share};
use crate::findings::task::Task;
use crate::findings::{Answer, Claim, FilterFindings, How, LayerFindings, Text, Unit, Verdict};
use serde_json::json;

/// Several: more than two, as the word says.
const SEVERAL: usize = 3;
/// The outer ring, as a part of the image's side.
const RING: usize = 8;

/// PSNR that is lost without all border filters, image by image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WithoutBorders {
    pub ring: Vec<f64>,
    pub inside: Vec<f64>,
}

fn is_border(filter: &FilterFindings) -> bool {
    filter.verdict == Verdict::Border || filter.second == Some(Verdict::Border)
}

/// Replaces all border filters by their means at once. `None` without a truth, or if there is no border filter.
///
/// # Errors
/// If the device fails.
pub fn without(ablation: &mut Ablation, task: &Task, layers: &[LayerFindings]) -> Result<Option<WithoutBorders>> {
    let mut removed = Removed::new();
    for layer in layers {
        let borders: Vec<usize> = layer.filters.iter().filter(|f| is_border(f)).map(|f| f.filter).collect();
        if !borders.is_empty() && ablation.has(Site::Layer(layer.layer)) {
            removed.insert(Site::Layer(layer.layer), borders);
        }
    }
    if removed.is_empty() || task.truths.is_none() {
        return Ok(None);
    }
    let (h, w) = (task.shape.h, task.shape.w);
    let (down, across) = (h / RING, w / RING);
    let is_inside = |p: usize| {
        let (r, s) = (p / w % h, p % w);
        (down..h - down).contains(&r) && (across..w - across).contains(&s)
    };
    let mut lost = WithoutBorders::default();
    ablation.without(&removed, usize::MAX, |i, before, after| {
        lost.ring.extend(task.lost_where(i, before, after, &|p| !is_inside(p)));
        lost.inside.extend(task.lost_where(i, before, after, &is_inside));
    })?;
    Ok(Some(lost))
}

pub fn claim(layers: &[LayerFindings], without: Option<&WithoutBorders>) -> Claim {
    let count = layers.iter().flat_map(|layer| &layer.filters).filter(|filter| is_border(filter)).count();
    // Of the filters whose ring is told from the inside beyond chance: those of which the border is the cause, and the others.
    let by_cause = |layer: &LayerFindings| {
        let beyond = layer.filters.iter().filter(|f| f.border.auc > layer.border_threshold);
        let (caused, others): (Vec<_>, Vec<_>) = beyond.partition(|f| f.border.is_caused());
        (caused.len(), others.len())
    };
    let (caused, others) = layers.iter().map(by_cause).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    let filters: usize = layers.iter().map(|layer| layer.filters.len()).sum();
    let number = share(count, filters);
    let chance = share(layers.iter().map(|layer| layer.borders_by_chance).sum(), filters);
    let is_beyond = number.zip(chance).is_some_and(|(number, chance)| number.low > chance.value);
    let rows = layers.iter().map(|layer| {
        let (borders, (caused, others)) = (layer.filters.iter().filter(|f| is_border(f)).count(), by_cause(layer));
        json!({
            "layer": layer.name,
            "filters": layer.filters.len(),
            "border": borders,
            "by chance": layer.borders_by_chance,
            "ring told from the inside": caused + others,
            "caused by the border": caused,
            "by what lies there": others,
            "share": row(share(borders, layer.filters.len())),
        })
    });
    let lost = |values: fn(&WithoutBorders) -> &Vec<f64>| row(without.and_then(|without| mean(values(without))));
    Claim {
        id: "borders",
        sentence: Text::Borders,
        number: number.unwrap_or(UNKNOWN),
        unit: Unit::Share,
        bound: SEVERAL as f64 / filters.max(1) as f64,
        chance,
        answer: match number {
            None => Answer::CannotBeTold,
            Some(_) if count >= SEVERAL && is_beyond => Answer::Holds,
            Some(_) if count < SEVERAL => Answer::Fails,
            Some(_) => Answer::CannotBeTold,
        },
        how: How::Borders { tried: without.is_some() },
        details: json!({
            "border": count,
            "ring told from the inside": caused + others,
            "caused by the border": caused,
            "by what lies there": others,
            "PSNR lost in the ring, dB": lost(|without| &without.ring),
            "PSNR lost inside, dB": lost(|without| &without.inside),
            "layers": rows.collect::<Vec<_>>(),
        }),
    }
}
