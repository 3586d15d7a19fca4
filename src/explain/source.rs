//! Where each op is in the code. The source texts are compiled in, and lines are counted in them, so they are true.

use serde::Serialize;

/// The places of one op.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// As in the graph.
    pub op: &'static str,
    /// The reference loops.
    pub forward: Option<Place>,
    /// The rule that appends the gradient's nodes.
    pub rule: Option<Place>,
    /// The reference loops of the gradient, where it is another op.
    pub gradient: Option<Place>,
}

/// A line of a file to search for.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub file: &'static str,
    pub line: usize,
    /// What stands there.
    pub text: String,
}

macro_rules! files {
    ($($name:ident: $file:literal),*) => {
        $(const $name: (&str, &str) = ($file, include_str!(concat!("../../", $file)));)*
    };
}

files! {
    ADD: "src/ops/add.rs", BATCH_NORM: "src/ops/batch_norm.rs", CONCAT: "src/ops/concat.rs", CONV2D: "src/ops/conv2d.rs",
    MAX_POOL: "src/ops/max_pool.rs", MEAN: "src/ops/mean.rs", RELU: "src/ops/relu.rs", SIGMOID: "src/ops/sigmoid.rs",
    UPSAMPLE: "src/ops/upsample.rs", ASCENT: "src/ops/ascent.rs"
}

/// Where forward op `op` (a name in the graph) is; `None` for inputs, which are not computed.
pub fn source(op: &'static str) -> Option<Source> {
    let (file, gradient) = match op {
        "add" => (ADD, None),
        "batch_norm" => (BATCH_NORM, None),
        "concat" => (CONCAT, Some("slice_reference")),
        "conv2d" => (CONV2D, None),
        "max_pool" => (MAX_POOL, Some("grad_reference")),
        "mean" => (MEAN, Some("spread_reference")),
        "relu" => (RELU, Some("grad_reference")),
        "sigmoid" => (SIGMOID, Some("grad_reference")),
        "upsample" => (UPSAMPLE, Some("sum_pool_reference")),
        "rms" | "normalise" | "step" => {
            let name = format!("{op}_reference");
            return Some(Source { op, forward: find(ASCENT, &name), rule: None, gradient: None });
        }
        _ => return None,
    };
    Some(Source {
        op,
        forward: find(file, "reference"),
        rule: find(file, "gradient"),
        gradient: gradient.and_then(|name| find(file, name)),
    })
}

/// The line where function `name` begins.
fn find((file, text): (&'static str, &'static str), name: &str) -> Option<Place> {
    let text_there = format!("fn {name}(");
    let line = text.lines().position(|line| line.contains(&text_there))? + 1;
    Some(Place { file, line, text: text_there })
}
