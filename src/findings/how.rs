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
    /// `turned`: the data could be turned by 90 degrees.
    Lines {
        turned: bool,
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

/// Is there a skip, and are there data?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skips {
    Told,
    NoSkip,
    NoData,
}

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
                f.write_str(match turned {
                    true => {
                        "The weights are fixed: tuning to gratings cannot turn with the data. What can be seen is whether horizontal \
                         lines gain where aliases lie above one another and vertical ones where they lie side by side. Whether a \
                         network trained on the other direction would prefer the other lines, one trained on one direction cannot tell."
                    }
                    false => {
                        "Whether the preference turns with the data cannot be told: the network restores no undersampled pictures."
                    }
                })
            }
            How::Spacing => f.write_str(
                "Slope of the preferred frequency, in octaves of cycles per image pixel, over the convolutions passed, of the line and \
                 spot filters before the first upsampling; below zero, and below what chance gives: further apart. Interval: bootstrap over filters. Chance: the \
                 same slope where the taps of every kernel are shuffled: what the pools do by themselves.",
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
                 chance. The border is the cause where more than half of the ring's response is gone in a larger, reflected canvas. \
                 Interval: Wilson's. Chance: the filters that the same places in the canvas, where no border is, would call border. \
                 PSNR is that of the outer eighth of the image on each side, and of the rest, with all border filters replaced by \
                 their means at once{}.",
                if tried { "" } else { "; it cannot be told here: it takes border filters and a truth" }
            ),
            How::Pruning { decibel, told } => write!(
                f,
                "What held-out images, never used before, lose when all filters whose pictures look like noise are replaced by their \
                 means at once; less than {} is the same quality. A picture looks like noise if its middle is the seed still (correlation {STILL_SEED} \
                 or more), or if its spectrum is as flat as that of 99 of 100 pictures of white noise. Where not all filters are ablated alone, a \
                 climb of one that is not drawn ends as soon as its picture does not look like noise; how often that says something else \
                 than the whole climb is among the rows. Interval: bootstrap over images. Chance: {} random sets of the same size in each \
                 layer.{}",
                same(decibel),
                RANDOM,
                if told { "" } else { " It cannot be told without data." }
            ),
            How::Skips { decibel, told } => write!(
                f,
                "What held-out images lose when all skips carry their mean alone (PSNR, or without a truth how far the output moves, as \
                 a share of its standard deviation); more than {} counts, where chance does not cost as much. Interval: bootstrap over images. Chance: as many channels \
                 as the skips carry, drawn at random from all layers, replaced by their means. Shares: the gradient of a filter's \
                 mean activation, by the first skip that it takes on its way back to the image; they sum up to 1, and one is \
                 negative where a route works against the others.{}",
                same(decibel),
                match told {
                    Skips::Told => "",
                    Skips::NoSkip => " It cannot be told: the network has no skip.",
                    Skips::NoData => " It cannot be told without data.",
                }
            ),
        }
    }
}
