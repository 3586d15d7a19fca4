//! The article's sentences about the network, each put to the test: a number with its interval, what chance would give, an answer.
//!
//! Each claim has a file: what is measured for it, and the answer as a function of the numbers alone.

pub mod borders;
pub mod evenness;
mod file;
pub mod lines;
pub mod pruning;
pub mod skips;
pub mod spacing;

pub use file::json;

use super::stats::quantile;
use super::{Answer, Interval};

/// What a number that cannot be told is: no number.
const UNKNOWN: Interval = Interval { value: f64::NAN, low: f64::NAN, high: f64::NAN };

/// Holds if the interval as a whole lies above the bound, fails if it lies below.
fn above(number: Interval, bound: f64) -> Answer {
    match () {
        () if number.low > bound => Answer::Holds,
        () if number.high < bound => Answer::Fails,
        () => Answer::CannotBeTold,
    }
}

/// Holds if the interval as a whole lies below the bound, fails if it lies above.
fn below(number: Interval, bound: f64) -> Answer {
    match above(number, bound) {
        Answer::Holds => Answer::Fails,
        Answer::Fails => Answer::Holds,
        Answer::CannotBeTold => Answer::CannotBeTold,
    }
}

/// What chance does as well is not said to hold.
fn unless(by_chance: bool, answer: Answer) -> Answer {
    if by_chance && answer == Answer::Holds { Answer::CannotBeTold } else { answer }
}

/// The mean of what random sets lose, and where 95 of 100 lie. `sorted`: from the least to the most.
fn spread(sorted: &[f64]) -> Interval {
    Interval {
        value: sorted.iter().sum::<f64>() / sorted.len() as f64,
        low: quantile(sorted, 0.025),
        high: quantile(sorted, 0.975),
    }
}

/// For details: no number, if it is none.
fn row(interval: Option<Interval>) -> serde_json::Value {
    interval.map_or(serde_json::Value::Null, |i| serde_json::json!({ "value": i.value, "low": i.low, "high": i.high }))
}
