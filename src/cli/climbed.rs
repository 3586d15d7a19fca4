//! What is said of climbs: a table for people, JSON for programs, a file for spreadsheets.

use super::terminal::{GOOD, NOTE, Text};
use crate::findings::WhyDead;
use crate::gallery::{Captions, Init};
use crate::lens::ascent::{Climb, Rescue, Verdict};
use crate::numbers::in_column;
use serde_json::{Value, json};
use std::path::PathBuf;

/// `init`: what the climbs began with.
pub(super) fn table(climbs: &[Climb], captions: &Captions, init: &Init, written: &[PathBuf]) -> Text {
    let mut text = Text::default();
    text += &format!("{:>6}  {:>12}  {:>12}  verdict\n", "filter", "before", "after");
    for climb in climbs {
        let (before, after) = ends(climb);
        text += &format!("{:>6}  {:>12}  {:>12}  ", climb.filter, in_column(before), in_column(after));
        text.styled(if climb.verdict == Verdict::Ok { GOOD } else { NOTE }, &climb.verdict.to_string());
        text += match climb.verdict {
            Verdict::Dead => match init {
                Init::Noise => ": no gradient at the seed, nothing to show",
                Init::Phantom => ": no gradient at the phantom, nothing to show",
                Init::Pictures(_) => ": no gradient at the picture of --init, nothing to show",
            },
            Verdict::NotFinite => ": a number became NaN or infinite; try a smaller --step-size or --noise",
            Verdict::Fell { step: 1 } => {
                ": its first step turned it off or left it below its start, nothing to show; --rescue 0 shortens its steps"
            }
            Verdict::Fell { .. } if climb.shown < climb.rms.len() => ", off or below its start from there on",
            Verdict::Fell { .. } => {
                ", off or below its start from there on; --keep-best draws the best step, --rescue 0 shortens its steps"
            }
            Verdict::Ok => "",
        };
        if climb.verdict == Verdict::Dead {
            text += said(captions.why.get(&climb.filter), init);
        }
        if climb.shown < climb.rms.len() && climb.verdict.has_picture() {
            text += &format!("; drawn: step {}", climb.shown);
        }
        match climb.rescued {
            None => {}
            Some(Rescue::Seed(seed)) => text += &format!(" from seed {seed}: dead from its own"),
            Some(Rescue::BeforeRelu) => text += " before the relu: dead after it, the numbers are from before it",
        }
        if climb.halved > 0 {
            text += &format!(" with steps of 1/{}: it fell with longer ones", 1u32 << climb.halved);
        }
        if captions.still.contains(&climb.filter) {
            text += "; in the middle the picture is still the seed, at most brighter or darker";
        }
        if let Some(kind) = captions.kinds.get(&climb.filter) {
            text += &format!("; measured: {kind}");
        }
        text += "\n";
    }
    written.iter().for_each(|path| text += &format!("{}\n", path.display()));
    text
}

/// The same numbers with all their digits. `after` is that of the picture which is drawn, the one of step `shown`.
pub(super) fn document(layer: &str, climbs: &[Climb], captions: &Captions, written: &[PathBuf]) -> Value {
    let dead_for = |climb: &Climb| {
        let is_dead = climb.verdict == Verdict::Dead;
        is_dead.then(|| captions.lang.article().dead_for(captions.why.get(&climb.filter).copied()))
    };
    let filter = |climb: &Climb| {
        let (before, after) = ends(climb);
        json!({
            "filter": climb.filter,
            "before": before,
            "after": after,
            "verdict": climb.verdict.to_string(),
            "dead": dead_for(climb),
            "shown": climb.shown,
            "rescued": climb.rescued.map(|how| how.to_string()),
            "halved": climb.halved,
            "still_seed": captions.still.contains(&climb.filter),
            "measured": captions.kinds.get(&climb.filter).map(|kind| kind.to_string()),
        })
    };
    json!({ "layer": layer, "filters": climbs.iter().map(filter).collect::<Vec<_>>(), "files": written })
}

/// The filter's mean activation before the first step, and that of the picture which is drawn.
fn ends(climb: &Climb) -> (f32, f32) {
    (climb.losses[0], climb.losses[climb.shown])
}

pub(super) fn csv(climbs: &[Climb]) -> String {
    let steps = climbs.first().map_or(0, |climb| climb.rms.len());
    let mut text = "filter,start,end,verdict".to_string();
    (1..=steps).for_each(|step| text += &format!(",rms_{step}"));
    for climb in climbs {
        let (start, end) = ends(climb);
        text += &format!("\n{},{start},{end},{}", climb.filter, climb.verdict);
        climb.rescued.iter().for_each(|how| text += &format!(" ({how})"));
        if climb.halved > 0 {
            text += &format!(" (steps of 1/{})", 1u32 << climb.halved);
        }
        if climb.shown < climb.rms.len() {
            text += &format!(" (shown: step {})", climb.shown);
        }
        climb.rms.iter().for_each(|rms| text += &format!(",{rms}"));
    }
    text + "\n"
}

/// What the table says of a dead filter besides.
fn said(why: Option<&WhyDead>, init: &Init) -> &'static str {
    match (why, init) {
        (Some(WhyDead::Proven), _) => "; off for every image in the range of phantoms, by interval bounds",
        (Some(WhyDead::LivesOnData), Init::Phantom) => "; it lives on other phantoms: another --seed, or --rescue 4",
        (Some(WhyDead::LivesOnData), _) => "; it lives on phantoms: --init phantom",
        (Some(WhyDead::OffOnData), _) => "; off on phantoms, too",
        (None, _) => "",
    }
}
