//! Every sentence of the pages, in English and Spanish. The compiler sees to it that neither lacks one. Here are those of the
//! lesson.

pub mod article;
mod en;
mod es;
mod exercises;
pub mod findings;
mod ops;
mod terminal;
mod tour;

use crate::lesson::explain::Explanation;
use crate::numbers;
use exercises::ExerciseText;
pub use terminal::Terminal;
use tour::Stop;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    Es,
}

impl Lang {
    pub fn strings(self) -> &'static Strings {
        match self {
            Lang::En => &en::EN,
            Lang::Es => &es::ES,
        }
    }
}

/// The same explanation, its nodes and formulas in this language.
pub fn translated(explanation: &Explanation, lang: Lang) -> Explanation {
    match lang {
        Lang::En => explanation.clone(),
        Lang::Es => es::translated(explanation),
    }
}

/// A formula of an op in this language.
pub(super) fn formula(formula: &'static str, lang: Lang) -> String {
    match lang {
        Lang::En => formula.to_string(),
        Lang::Es => es::formula(formula).to_string(),
    }
}

/// What this program says in English, such as what computes: in this language.
pub fn in_language(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => text.to_string(),
        Lang::Es => es::in_spanish(text),
    }
}

/// What is said about an op.
pub struct OpText {
    /// Empty if its name says it.
    pub title: &'static str,
    /// What it does.
    pub forward: &'static str,
    /// Why its gradient is what it is.
    pub backward: &'static str,
    /// What it must remember, and why.
    pub remembers: &'static str,
}

/// In sentences, `{}` is where a number or a name goes, in the order of their mention.
pub struct Strings {
    pub language: Lang,
    pub lang: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub intro: [&'static str; 3],
    /// Which way the loss goes.
    pub climbed: &'static str,
    /// Why this filter: how many there are, its zeros, those of filter 0.
    pub chosen: &'static str,
    /// To the example that is to be read first: its file, its lines.
    pub by_hand: &'static str,
    pub source_of: &'static str,
    pub source_title: &'static str,
    pub dead: &'static str,
    pub contents: &'static str,

    pub u_title: &'static str,
    pub u_text: [&'static str; 2],
    pub u_forward: &'static str,
    pub u_backward: &'static str,
    pub after: &'static str,
    pub ascent_title: &'static str,
    /// What is said of the ops that make a step of the gradient.
    pub ascent: [(&'static str, &'static str); 3],
    pub choose_channel: &'static str,
    pub silent_channel: &'static str,
    pub same_channel: &'static str,
    pub scale: &'static str,
    pub exact_zero: &'static str,
    pub previous: &'static str,
    pub next: &'static str,
    pub place: &'static str,
    pub keys: &'static str,
    pub status: &'static str,
    pub forward: &'static str,
    pub backward: &'static str,
    pub value_of: &'static str,
    pub gradient_of: &'static str,
    pub strongest: &'static str,
    pub channel: &'static str,
    pub shape: &'static str,
    pub work: &'static str,
    pub time: &'static str,
    pub step: &'static str,
    pub in_step: &'static str,
    pub in_steps: &'static str,
    pub never_written: &'static str,
    pub rms: &'static str,
    pub zeros: &'static str,
    pub arrives: &'static str,
    pub by_its_rule: &'static str,
    pub remembers: &'static str,
    pub close_up: &'static str,
    pub seed_of_gradient: &'static str,

    pub skip_title: &'static str,
    pub skip_text: [&'static str; 3],
    pub skip_none: &'static str,
    pub skip_by: &'static str,
    pub skip_share: &'static str,
    pub skip_sum: &'static str,
    pub zero: &'static str,

    pub ops_title: &'static str,
    pub ops_text: [&'static str; 2],
    pub example: &'static str,
    pub change: &'static str,
    pub input: &'static str,
    pub kernel: &'static str,
    pub scale_shift: &'static str,
    pub factor: &'static str,
    pub matrix: &'static str,
    pub output: &'static str,
    pub arriving: &'static str,
    pub leaving: &'static str,
    /// The gradients of a value's two uses.
    pub parts: [&'static str; 2],
    /// Why a convolution's gradient turns the kernel.
    pub turned: [&'static str; 2],
    pub difference: &'static str,
    pub chain: &'static str,
    pub chain_none: &'static str,
    pub kink: &'static str,
    pub row: &'static str,
    pub column: &'static str,

    pub memory_title: &'static str,
    pub memory_text: [&'static str; 3],
    pub memory_numbers: &'static str,
    pub memory_axis: &'static str,
    pub memory_step: &'static str,
    pub memory_working: &'static str,
    pub memory_kept: &'static str,
    pub kept_title: &'static str,
    pub kept_none: &'static str,
    pub kept_columns: [&'static str; 5],
    pub kinds: [(&'static str, &'static str); 3],

    pub frames_title: &'static str,
    pub frames_text: [&'static str; 3],
    pub frame: &'static str,
    pub frame_gradient: &'static str,

    pub code_title: &'static str,
    pub code_text: [&'static str; 2],
    pub code_columns: [&'static str; 5],
    pub made: &'static str,

    pub others_title: &'static str,
    pub others_text: &'static str,
    pub others_filter: &'static str,
    pub others_own: &'static str,
    pub others_dead: &'static str,
    pub others_gradient: &'static str,
    pub others_border: &'static str,
    pub dead_title: &'static str,
    pub dead_text: [&'static str; 2],
    pub dead_none: &'static str,
    pub border_title: &'static str,
    pub border_text: &'static str,
    pub border_numbers: &'static str,

    pub exercises_title: &'static str,
    pub exercises_text: [&'static str; 2],
    pub exercises_state: &'static str,
    pub exercise_progress: &'static str,
    pub exercise_solved: &'static str,
    pub predict: &'static str,
    pub write_rule: &'static str,
    pub check: &'static str,
    pub solution: &'static str,
    pub yours: &'static str,
    pub pixel: &'static str,
    pub verdicts: Verdicts,

    pub tour_label: &'static str,
    pub tour_play: &'static str,
    pub tour_pause: &'static str,
    pub tour_next: &'static str,
    pub tour_stop: &'static str,
    pub tour_about: &'static str,
    pub tour_at: &'static str,

    pub terminal: Terminal,
}

/// What is said to an answer.
pub struct Verdicts {
    pub exact: &'static str,
    pub close: &'static str,
    pub wrong: &'static str,
    pub differs: &'static str,
    pub more: &'static str,
    pub more_one: &'static str,
    pub no_number: &'static str,
    pub no_rule: &'static str,
    pub slow: &'static str,
    pub nothing: &'static str,
}

impl Strings {
    /// What is said about the op or topic of this name; `None` if it is no forward op.
    pub fn op(&self, name: &str) -> Option<&'static OpText> {
        ops::text(name, self.language)
    }

    /// What an example is called: a topic's own title, or the name of its op.
    pub fn title<'n>(&self, topic: &str, op: &'n str) -> &'n str {
        self.op(topic).map(|text| text.title).filter(|title| !title.is_empty()).unwrap_or(op)
    }

    /// What is said about the exercise of this name.
    pub fn exercise(&self, id: &str) -> &'static ExerciseText {
        exercises::text(id, self.language)
    }

    /// The stops of the tour.
    pub fn tour(&self) -> &'static [Stop] {
        tour::stops(self.language)
    }

    /// 12.5%; in Spanish with a space that does not break.
    pub fn percent(&self, share: f64) -> String {
        let text = numbers::percent(share);
        match self.language {
            Lang::En => text,
            Lang::Es => text.replace('%', "\u{a0}%"),
        }
    }

    /// "signs", "winners" or "values", in this language.
    pub fn kind(&self, kind: &str) -> &'static str {
        self.kinds.iter().find(|(name, _)| *name == kind).map_or("", |(_, text)| text)
    }
}

/// Puts each of `values` where the next `{}` is.
pub fn fill(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut out = parts.next().unwrap_or("").to_string();
    for (i, part) in parts.enumerate() {
        out += values.get(i).unwrap_or(&"");
        out += part;
    }
    out
}
