//! What became of a climb, told from its losses and gradients.

/// What became of one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// The gradient is zero everywhere, from the seed on: no step leads anywhere.
    Dead,
    /// The climb ended with a gradient of zero, or below where it began: a step was too long, and the filter is off. (A climb down
    /// that ends with a gradient of zero has silenced the filter, which was its goal.)
    Fell {
        /// The first step after which it was so until the end, counted from 1.
        step: usize,
    },
    /// A loss or a gradient became NaN or infinite: the picture means nothing.
    NotFinite,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Verdict::Ok => f.pad("ok"),
            Verdict::Dead => f.pad("dead"),
            Verdict::Fell { step } => f.pad(&format!("fell at step {step}")),
            Verdict::NotFinite => f.pad("not finite"),
        }
    }
}

impl Verdict {
    /// Is the picture an answer of some kind, not just the seed or nothing at all? A climb that fell in its first step shows the
    /// seed with one step, or what came after it by chance.
    pub fn has_picture(self) -> bool {
        matches!(self, Verdict::Ok | Verdict::Fell { step: 2.. })
    }

    /// `losses`: the goal before the first step and after each; `rms`: the gradient's before each step. `down`: it was climbed
    /// down.
    pub(super) fn of(losses: &[f32], rms: &[f32], picture: &[f32], down: bool) -> Verdict {
        if losses.iter().chain(rms).chain(picture).any(|v| !v.is_finite()) {
            return Verdict::NotFinite;
        }
        if rms.first() == Some(&0.0) && rms.iter().all(|&rms| rms == 0.0) {
            return Verdict::Dead;
        }
        let is_below = |loss: &f32| if down { *loss > losses[0] } else { *loss < losses[0] };
        let from_step = |tail: usize, len: usize| (tail > 0).then(|| len - tail);
        let below = losses.iter().rev().take_while(|loss| is_below(loss)).count();
        let flat = if down { 0 } else { rms.iter().rev().take_while(|&&rms| rms == 0.0).count() };
        let steps = [from_step(below, losses.len()), from_step(flat, rms.len())];
        match steps.into_iter().flatten().min() {
            Some(step) => Verdict::Fell { step },
            None => Verdict::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_those_of_the_definition() {
        let verdict = |losses: &[f32], rms: &[f32]| Verdict::of(losses, rms, &[], false);
        assert_eq!(verdict(&[1.0, 2.0, 3.0], &[0.1, 0.2]), Verdict::Ok);
        assert_eq!(verdict(&[1.0, 1.0, 1.0], &[0.1, 0.2]), Verdict::Ok, "no higher, but not below");
        assert_eq!(verdict(&[0.0, 0.0, 0.0], &[0.0, 0.0]), Verdict::Dead);
        assert_eq!(verdict(&[1.0, 2.0, 0.5], &[0.1, 0.2]), Verdict::Fell { step: 2 });
        assert_eq!(verdict(&[1.0, 0.5, 0.4], &[0.1, 0.2]), Verdict::Fell { step: 1 });
        assert_eq!(verdict(&[1.0, 0.5, 1.5], &[0.1, 0.2]), Verdict::Ok, "it came back");
        assert_eq!(verdict(&[1.0, 0.0, 0.0, 0.0], &[0.1, 0.0, 0.0]), Verdict::Fell { step: 1 });
        assert_eq!(verdict(&[1.0, 2.0, 3.0, 3.0], &[0.1, 0.1, 0.0]), Verdict::Fell { step: 2 }, "no way on");
        assert_eq!(verdict(&[1.0, f32::NAN], &[0.1]), Verdict::NotFinite);
        assert_eq!(verdict(&[1.0], &[]), Verdict::Ok, "no step");
        assert_eq!(Verdict::of(&[1.0, 0.5], &[0.1], &[], true), Verdict::Ok);
        assert_eq!(Verdict::of(&[1.0, 0.0, 0.0], &[0.1, 0.0], &[], true), Verdict::Ok, "silenced");
        assert_eq!(Verdict::of(&[1.0, 1.5], &[0.1], &[], true), Verdict::Fell { step: 1 });
    }
}
