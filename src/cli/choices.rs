//! The library's choices as the command line names them: a table each of values, their names and what `--help` says of them.

use crate::engine::exec::Backend;
use crate::findings::trial::Ablated;
use crate::lens::ascent::{Goal, Optimizer, Parameter};
use crate::mri::Axis;
use crate::page::strings::Lang;
use crate::picture::Colormap;
use anstream::ColorChoice;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Values with their names and their help, which may be empty.
pub(super) type Choices<T> = [(T, &'static str, &'static str)];

pub(super) static BACKENDS: &Choices<Backend> = &[
    (Backend::Auto, "auto", ""),
    (Backend::Cpu, "cpu", ""),
    (Backend::Gpu, "gpu", ""),
    (Backend::Reference, "reference", ""),
];

pub(super) static GOALS: &Choices<Goal> = &[
    (Goal::Mean, "mean", "The mean of the filter's map (Chollet 2016)"),
    (
        Goal::Square,
        "square",
        "The mean of its squares, as in DeepDream (Mordvintsev et al. 2015): what is strong counts more. A filter that is on \
         everywhere has the same gradient everywhere under mean, which teaches little",
    ),
];

pub(super) static OPTIMIZERS: &Choices<Optimizer> = &[
    (Optimizer::Ascent, "ascent", "The gradient divided by its RMS (Chollet 2016)"),
    (
        Optimizer::Adam,
        "adam",
        "A running mean of the gradient, divided pixel by pixel by its running RMS (Kingma and Ba 2015: b1 0.9, b2 0.999, \
         epsilon 1e-8)",
    ),
];

pub(super) static PARAMETERS: &Choices<Parameter> = &[
    (Parameter::Pixel, "pixel", "Its pixels"),
    (
        Parameter::Fourier,
        "fourier",
        "Waves, each as strong as 1/frequency, so that slow ones are not drowned by fast ones; it starts from noise of that \
         kind (Olah et al. 2017, and Lucid, which takes adam with it)",
    ),
];

pub(super) static AXES: &Choices<Axis> = &[
    (Axis::Rows, "rows", "rows of k-space are kept or left out: copies of the picture lie above one another"),
    (Axis::Columns, "columns", "columns of k-space: copies lie side by side"),
];

pub(super) static COLORMAPS: &Choices<Colormap> = &[
    (Colormap::Viridis, "viridis", "dark blue, green, yellow; even to the eye, and for the colour-blind"),
    (Colormap::Gray, "gray", "black to white"),
    (Colormap::Magma, "magma", "black, purple, orange, light yellow"),
    (Colormap::Cividis, "cividis", "dark blue, grey, yellow; made for the colour-blind"),
    (Colormap::Coolwarm, "coolwarm", "blue, light grey, red; for signed values: 0 is in the middle"),
];

pub(super) static COLORS: &Choices<ColorChoice> = &[
    (ColorChoice::Auto, "auto", "Where a terminal shows them and NO_COLOR is not set"),
    (ColorChoice::Always, "always", ""),
    (ColorChoice::Never, "never", ""),
];

pub(super) static ABLATED: &Choices<Ablated> = &[(Ablated::Drawn, "drawn", ""), (Ablated::All, "all", "")];

pub(super) static LANGS: &Choices<Lang> = &[(Lang::En, "en", ""), (Lang::Es, "es", "")];

/// Reads one of the names.
pub(super) fn one_of<T>(choices: &'static Choices<T>) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync,
{
    let possible =
        choices.iter().map(|(_, name, help)| PossibleValue::new(*name).help((!help.is_empty()).then_some(*help)));
    let value =
        |name: String| choices.iter().find(|choice| choice.1 == name).expect("the parser takes no other name").0;
    PossibleValuesParser::new(possible).map(value)
}

/// What the command line calls the value.
pub(super) fn name_of<T: Copy + PartialEq>(choices: &Choices<T>, value: T) -> &'static str {
    choices.iter().find(|choice| choice.0 == value).map_or("", |choice| choice.1)
}
