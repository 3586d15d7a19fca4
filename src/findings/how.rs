//! How a claim was measured: for each what is counted, what chance is, and what is missing where it cannot be told.

use super::STILL_SEED;
use std::fmt;

/// Degrees: so close to horizontal or vertical a line counts as such.
pub const NEAR: f64 = 15.0;

/// With so many random sets chance is measured.
pub const RANDOM: u64 = 20;

/// Less than this is the same quality, in dB: the error's root mean square grows by less than 1.2%.
const SAME: f64 = 0.1;
/// The same without a truth: how far the output moves, as a share of its own standard deviation. What moves is then 26 dB below
/// what there is.
const SAME_OUTPUT: f64 = 0.05;

/// [`fmt::Display`] has the words, in English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// `turned`: what became of the lines when the data were turned by 90 degrees, where they can be.
    Lines {
        turned: Option<Turning>,
    },
    Spacing,
    /// `told`: there are pictures enough on both sides.
    Evenness {
        told: bool,
    },
    /// `tried`: there are border filters and a truth, so that it is known what is lost without them.
    Borders {
        tried: bool,
    },
    /// `decibel`: there is a truth. `told`: there are data.
    Pruning {
        decibel: bool,
        told: bool,
    },
    Skips {
        decibel: bool,
        told: Skips,
    },
}

/// How line filters answer to data whose aliases lie above one another, against the same data with aliases side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turning {
    pub horizontal: Change,
    pub vertical: Change,
}

/// `Untold`: the interval contains no change, or there are too few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    More,
    Less,
    Untold,
}

/// Does the preference of the filters turn with the data?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turns {
    Along,
    Against,
    Untold,
}

impl Turning {
    /// Along: the lines that lie as the aliases do answer more, and the others less.
    pub fn turns(self) -> Turns {
        match (self.horizontal, self.vertical) {
            (Change::More, Change::Less) => Turns::Along,
            (Change::Less, Change::More) => Turns::Against,
            _ => Turns::Untold,
        }
    }
}

/// Is there a skip, and are there data?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skips {
    Told,
    NoSkip,
    NoData,
}

/// Of an interval over images.
const FEW_IMAGES: &str = " (of fewer than five the least and the greatest, and nothing is answered)";

/// What counts as the same, in dB or as a share of the output's deviation.
pub fn same(decibel: bool) -> f64 {
    if decibel { SAME } else { SAME_OUTPUT }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            How::Lines { turned } => {
                write!(
                    f,
                    "Share of all filters that are lines within {NEAR} degrees of horizontal or vertical; most: more than half, as the \
                     word says. A line prefers one orientation of gratings more than 99 of 100 filters of the same kernels with their \
                     taps shuffled. Interval: Wilson's. Chance: as many lines, of even orientations. "
                )?;
                let Some(turning) = turned else {
                    return f.write_str(
                        "Whether the preference turns with the data cannot be told: the network restores no undersampled pictures.",
                    );
                };
                let change = |change: Change| match change {
                    Change::More => "more",
                    Change::Less => "less",
                    Change::Untold => "neither more nor less, as far as can be told",
                };
                write!(
                    f,
                    "The weights are fixed: tuning to gratings cannot turn with the data, but the answers to the data can. Where aliases lie \
                     above one another and not side by side, horizontal lines answer {}, vertical lines {}: {}. Whether a network trained \
                     on the other direction would prefer the other lines, one trained on one direction cannot tell.",
                    change(turning.horizontal),
                    change(turning.vertical),
                    match turning.turns() {
                        Turns::Along => "the preference turns with the data",
                        Turns::Against => "the preference turns, and against the data",
                        Turns::Untold => "that the preference turns with the data cannot be told",
                    }
                )
            }
            How::Spacing => f.write_str(
                "Slope of the preferred frequency, in octaves of cycles per image pixel, over the convolutions passed, of the line and \
                 spot filters before the first upsampling; below zero, and below what chance gives: further apart. Interval: bootstrap over filters. Chance: the \
                 same slope where the taps of every kernel are shuffled: what the pools do by themselves. How many filters prefer what is \
                 finer or coarser than all that was shown is among the rows: there the frequency is known to be beyond, and not where.",
            ),
            How::Evenness { told } => write!(
                f,
                "How much local energy varies over blocks of 16x16 pixels of the climbed pictures (standard deviation by mean), in the \
                 decoder by the encoder, geometric means; below 1: more even. Pictures that are still their seed are left out. \
                 Interval: bootstrap over filters. Chance: no difference, 1.{}",
                if told { "" } else { " It cannot be told: fewer than five pictures on one side are more than their seed." }
            ),
            How::Borders { tried } => write!(
                f,
                "Share of all filters whose verdict, first or second, is border; several: more than two, and the whole interval above \
                 chance. A border filter's ring is told from the inside beyond chance and answers more than the inside does to its best \
                 grating; and the border is the cause: more than half of the ring's response is gone in a larger, reflected canvas. \
                 Interval: Wilson's. Chance: the filters whose ring's places do the first two in the canvas, where no border is (a \
                 border's being the cause cannot be asked there: this is the most that chance gives). PSNR is that of the outer eighth of the image on each side, and of the rest, with all border filters replaced by \
                 their means at once{}.",
                if tried { "" } else { "; it cannot be told here: it takes border filters and a truth" }
            ),
            How::Pruning { decibel, told } => write!(
                f,
                "What held-out images, never used before, lose when all filters whose pictures look like noise, of those looked at, are \
                 replaced by their means at once; less than {} is the same quality. A picture looks like noise if its middle is the seed still (correlation {STILL_SEED} \
                 or more), or if its spectrum is as flat as that of 99 of 100 pictures of white noise. Where not all filters are ablated alone, a \
                 climb of one that is not drawn ends as soon as its picture does not look like noise; how often that says something else \
                 than the whole climb is among the rows. Interval: bootstrap over images{}. Chance: {} random sets of the same size in each \
                 layer. How many can go: in the order of taylor, layer by layer, each with its part of what may be lost; more may be found \
                 in another order.{}",
                same(decibel),
                FEW_IMAGES,
                RANDOM,
                if told { "" } else { " It cannot be told without data." }
            ),
            How::Skips { decibel, told } => write!(
                f,
                "What held-out images lose when all skips carry their mean alone (PSNR, or without a truth how far the output moves, as \
                 a share of its standard deviation); more than {} counts, where chance does not cost as much. Interval: bootstrap over images{}. Chance: as many channels \
                 as the skips carry, drawn at random from all layers, replaced by their means. Shares: the gradient of the mean activation \
                 of the filters that are drawn (of all that are ablated alone), by the first skip that it takes on its way back to the image; they sum up to 1, and one is \
                 negative where a route works against the others.{}",
                same(decibel),
                FEW_IMAGES,
                match told {
                    Skips::Told => "",
                    Skips::NoSkip => " It cannot be told: the network has no skip.",
                    Skips::NoData => " It cannot be told without data.",
                }
            ),
        }
    }
}
