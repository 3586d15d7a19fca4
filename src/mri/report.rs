//! How well images are restored: a figure, a table, and rows for a spreadsheet.

use crate::mri::restore::{Attempt, Restored, Scores};
use crate::picture::{Colormap, Figure, Panel, grid, share_range};

/// An image's name and scores: what remains of a [`Restored`] without its pictures.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Row {
    pub name: String,
    pub scale: f64,
    pub aliased: Option<Scores>,
    pub restored: Option<Scores>,
}

impl From<&Restored> for Row {
    fn from(result: &Restored) -> Row {
        let (name, scale) = (result.example.name.clone(), result.example.scale);
        Row { name, scale, aliased: result.aliased.scores, restored: result.restored.scores }
    }
}

/// What is written on a figure.
pub struct Words {
    pub aliased: &'static str,
    pub restored: &'static str,
    pub truth: &'static str,
    pub aliased_lacks: &'static str,
    pub restored_lacks: &'static str,
    pub zero_filled: &'static str,
    pub changed: &'static str,
    /// Of an error.
    pub mean: &'static str,
}

pub const ENGLISH: Words = Words {
    aliased: "aliased",
    restored: "restored",
    truth: "truth",
    aliased_lacks: "|aliased − truth|",
    restored_lacks: "|restored − truth|",
    zero_filled: "zero-filled",
    changed: "|restored − zero-filled|",
    mean: "mean",
};

/// The figure: a row for each image; aliased, restored and truth in the same colours, then what each lacks. Without truth: aliased,
/// restored, and what the network changed.
pub fn figure(results: &[Restored], colormap: Colormap) -> Figure {
    figure_in(results, colormap, &ENGLISH)
}

/// The same in other words.
pub fn figure_in(results: &[Restored], colormap: Colormap, words: &Words) -> Figure {
    let has_truth = results.iter().any(|result| result.example.truth.is_some());
    let titles = match has_truth {
        true => &[words.aliased, words.restored, words.truth, words.aliased_lacks, words.restored_lacks][..],
        false => &[words.zero_filled, words.restored, words.changed],
    };
    let mut panels = vec![];
    for (i, result) in results.iter().enumerate() {
        let row = row(result, words).into_iter().zip(titles);
        panels.extend(row.map(|(panel, title)| if i == 0 { panel.title(*title) } else { panel }));
    }
    let title = results.first().map_or("", |result| result.example.sampling.as_str());
    grid(title, &panels, titles.len(), colormap)
}

fn row(result: &Restored, words: &Words) -> Vec<Panel> {
    let (h, w) = result.example.size;
    let map = |values: &[f32]| Panel::map(h, w, values.to_vec());
    let scored = |a: &Attempt| match &a.scores {
        None => map(&a.picture),
        Some(scores) => {
            let note = format!("SSIM {}", similarity(scores.ssim));
            map(&a.picture).label(format!("PSNR {}", decibels(scores.psnr))).note(note)
        }
    };
    let error = |a: &[f32], b: &[f32]| {
        let error: Vec<f32> = a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect();
        let mean = error.iter().map(|&e| f64::from(e)).sum::<f64>() / error.len() as f64;
        map(&error).label(format!("{} {mean:.4}", words.mean))
    };
    let (aliased, restored) = (&result.aliased, &result.restored);
    let mut pictures = vec![scored(aliased), scored(restored)];
    let mut errors = match &result.example.truth {
        Some(truth) => {
            pictures.push(map(truth).label(&result.example.name));
            vec![error(&aliased.picture, truth), error(&restored.picture, truth)]
        }
        None => {
            pictures[0].label.clone_from(&result.example.name);
            vec![error(&restored.picture, &aliased.picture)]
        }
    };
    share_range(&mut pictures);
    share_range(&mut errors);
    errors.iter_mut().for_each(|p| p.range = p.range.map(|(_, most)| (0.0, most)));
    errors.iter_mut().next_back().into_iter().for_each(|last| last.colorbar = true);
    pictures.into_iter().chain(errors).collect()
}

/// The scores as a table, with their means. Empty if the truth is known of no image.
pub fn table(rows: &[Row]) -> String {
    let scored: Vec<(&str, [Scores; 2])> =
        rows.iter().filter_map(|row| Some((row.name.as_str(), [row.aliased?, row.restored?]))).collect();
    if scored.is_empty() {
        return String::new();
    }
    let width = scored.iter().map(|(name, _)| name.chars().count()).fold(7, usize::max);
    let mut text = format!("{:width$}  {:^29}  {:^29}\n", "", "aliased", "restored");
    text += &format!("{:width$}", "picture");
    (0..2).for_each(|_| text += &format!("  {:>11}  {:>6}  {:>8}", "PSNR", "SSIM", "NMSE"));
    text += "\n";
    let mut line = |name: &str, scores: [Scores; 2]| {
        text += &format!("{name:width$}");
        for s in scores {
            text += &format!("  {:>11}  {:>6}  {:>8}", decibels(s.psnr), similarity(s.ssim), share(s.nmse));
        }
        text += "\n";
    };
    scored.iter().for_each(|(name, scores)| line(name, *scores));
    if scored.len() > 1 {
        let n = scored.len() as f64;
        let mean = |which: usize| {
            let all = || scored.iter().map(|(_, scores)| scores[which]);
            let ssim: Option<f64> = all().map(|s| s.ssim).sum();
            let nmse: Option<f64> = all().map(|s| s.nmse).sum();
            let psnr = all().map(|s| s.psnr).sum::<f64>() / n;
            Scores { psnr, ssim: ssim.map(|s| s / n), nmse: nmse.map(|s| s / n) }
        };
        line("mean", [mean(0), mean(1)]);
    }
    text
}

/// The scores with all digits, a line for each image; what is not known is left empty.
pub fn csv(rows: &[Row]) -> String {
    let mut text =
        "image,scale,aliased_psnr,aliased_ssim,aliased_nmse,restored_psnr,restored_ssim,restored_nmse\n".to_string();
    for (i, row) in rows.iter().enumerate() {
        text += &format!("{i},{}", row.scale);
        for scores in [row.aliased, row.restored] {
            let numbers = [scores.map(|s| s.psnr), scores.and_then(|s| s.ssim), scores.and_then(|s| s.nmse)];
            numbers.iter().for_each(|v| text += &v.map_or(",".to_string(), |v| format!(",{v}")));
        }
        text += "\n";
    }
    text
}

fn decibels(psnr: f64) -> String {
    if psnr.is_infinite() { "∞ dB".to_string() } else { format!("{psnr:.2} dB") }
}

fn similarity(ssim: Option<f64>) -> String {
    ssim.map_or("–".to_string(), |s| format!("{s:.3}"))
}

fn share(nmse: Option<f64>) -> String {
    nmse.map_or("–".to_string(), |s| format!("{s:.4}"))
}
