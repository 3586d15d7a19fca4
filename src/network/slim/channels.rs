//! What became of the channels of a layer's output.

use crate::engine::ops::Function;
use crate::network::Activation;
use std::sync::Arc;

/// A channel of the whole network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Channel {
    /// It is this channel of the slim network.
    Kept(usize),
    /// It is gone. Everywhere it was this number.
    Constant(f64),
}

/// The channels of a layer's output, as those of the whole network and as those of the slim one.
#[derive(Debug, Clone, Default)]
pub(super) struct Channels {
    pub whole: Vec<Channel>,
    /// Channels of the slim network.
    pub count: usize,
    /// Those of them that are the same number everywhere, with that number: it stands for all that are gone.
    pub constant: Vec<(usize, f64)>,
    /// The layers that channels were taken from.
    pub from: Vec<usize>,
}

impl Channels {
    pub fn all(count: usize) -> Channels {
        Channels { whole: (0..count).map(Channel::Kept).collect(), count, ..Channels::default() }
    }

    pub fn is_whole(&self) -> bool {
        self.from.is_empty()
    }

    /// Those of several, one after the other.
    pub fn concat(all: &[&Channels]) -> Channels {
        let mut joined = Channels::default();
        for one in all {
            let first = joined.count;
            joined.whole.extend(one.whole.iter().map(|channel| match *channel {
                Channel::Kept(i) => Channel::Kept(first + i),
                gone => gone,
            }));
            joined.constant.extend(one.constant.iter().map(|&(i, value)| (first + i, value)));
            joined.from.extend(&one.from);
            joined.count += one.count;
        }
        joined
    }

    /// Every constant through `f`, which gets the channel's number in the whole network, if it is one. `None`, if what stands for
    /// all that are gone would be zero.
    pub fn through(&self, f: impl Fn(Option<usize>, f64) -> Option<f64>) -> Option<Channels> {
        let mut after = self.clone();
        for (i, channel) in after.whole.iter_mut().enumerate() {
            if let Channel::Constant(value) = channel {
                *value = f(Some(i), *value)?;
            }
        }
        for (_, value) in &mut after.constant {
            *value = f(None, *value)?;
        }
        after.constant.iter().all(|(_, value)| *value != 0.0 && value.is_finite()).then_some(after)
    }

    /// For each channel of the slim network what it gets of a weight per channel of the whole one.
    pub fn picked<T: Clone>(&self, weights: &[T], constant: T) -> Arc<[T]> {
        let mut picked = vec![constant; self.count];
        for (channel, weight) in self.whole.iter().zip(weights) {
            if let Channel::Kept(i) = channel {
                picked[*i] = weight.clone();
            }
        }
        picked.into()
    }
}

impl Activation {
    /// `f(x)` of an activation that looks at each number by itself and is known here as a function of one number.
    pub(super) fn of_number(self, x: f64) -> Option<f64> {
        match self {
            Activation::Linear => Some(x),
            Activation::Relu => Some(x.max(0.0)),
            Activation::Sigmoid => Some(1.0 / (1.0 + (-x).exp())),
            Activation::Pointwise(Function::Log | Function::Reciprocal | Function::Sqrt) => None,
            Activation::Pointwise(function) => Some(function.value(x)),
            Activation::Clip { least, most } if least <= most => Some(x.max(least).min(most)),
            _ => None,
        }
    }
}
