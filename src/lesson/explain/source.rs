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
    /// The GPU's entry points, forward and backward.
    pub shaders: Vec<Place>,
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
        $(const $name: (&str, &str) = ($file, include_str!(concat!("../../../", $file)));)*
    };
}

files! {
    ADD: "src/engine/ops/add.rs", BATCH_NORM: "src/engine/ops/batch_norm.rs", CONCAT: "src/engine/ops/concat.rs", CONV2D: "src/engine/ops/conv2d.rs",
    MAX_POOL: "src/engine/ops/max_pool.rs", MEAN: "src/engine/ops/mean.rs", RELU: "src/engine/ops/relu.rs", SIGMOID: "src/engine/ops/sigmoid.rs",
    SLICE: "src/engine/ops/slice.rs", UPSAMPLE: "src/engine/ops/upsample.rs", ASCENT: "src/engine/ops/ascent.rs", SAME_WGSL: "shaders/same.wgsl",
    CONCAT_WGSL: "shaders/concat.wgsl", CONV2D_WGSL: "shaders/conv2d.wgsl", MAX_POOL_WGSL: "shaders/max_pool.wgsl", UNPOOL_WGSL: "shaders/unpool.wgsl",
    SLICE_WGSL: "shaders/slice.wgsl",
    MEAN_WGSL: "shaders/mean.wgsl", SIGMOID_WGSL: "shaders/sigmoid.wgsl", UPSAMPLE_WGSL: "shaders/upsample.wgsl",
    ASCENT_WGSL: "shaders/ascent.wgsl"
}

/// Where op `op` (a name in the graph) is; `None` for inputs, which are not computed.
pub fn source(op: &'static str) -> Option<Source> {
    type Function = ((&'static str, &'static str), &'static str);
    let (file, gradient, shaders): (_, _, &[Function]) = match op {
        "add" => (ADD, None, &[(SAME_WGSL, "same")]),
        "batch_norm" => (BATCH_NORM, None, &[(SAME_WGSL, "same")]),
        "concat" => (CONCAT, Some((SLICE, "reference")), &[(CONCAT_WGSL, "concat"), (SLICE_WGSL, "slice")]),
        "conv2d" => (CONV2D, None, &[(CONV2D_WGSL, "tiled")]),
        "max_pool" => {
            (MAX_POOL, Some((MAX_POOL, "grad_reference")), &[(MAX_POOL_WGSL, "max_pool"), (UNPOOL_WGSL, "unpool")])
        }
        "mean" => (MEAN, Some((MEAN, "spread_reference")), &[(MEAN_WGSL, "mean"), (MEAN_WGSL, "spread")]),
        "relu" => (RELU, Some((RELU, "grad_reference")), &[(SAME_WGSL, "same")]),
        "sigmoid" => {
            (SIGMOID, Some((SIGMOID, "grad_reference")), &[(SIGMOID_WGSL, "sigmoid"), (SIGMOID_WGSL, "sigmoid_grad")])
        }
        "upsample" => (
            UPSAMPLE,
            Some((UPSAMPLE, "sum_pool_reference")),
            &[(UPSAMPLE_WGSL, "upsample"), (UPSAMPLE_WGSL, "sum_pool")],
        ),
        "rms" | "normalise" | "step" => {
            let forward = find(ASCENT, &format!("{op}_reference"));
            let shaders = find(ASCENT_WGSL, op).into_iter().collect();
            return Some(Source { op, forward, rule: None, gradient: None, shaders });
        }
        _ => return None,
    };
    Some(Source {
        op,
        forward: find(file, "reference"),
        rule: find(file, "gradient"),
        gradient: gradient.and_then(|(file, name)| find(file, name)),
        shaders: shaders.iter().filter_map(|&(shader, name)| find(shader, name)).collect(),
    })
}

/// The line where function `name` begins.
fn find((file, text): (&'static str, &'static str), name: &str) -> Option<Place> {
    let text_there = format!("fn {name}(");
    let line = text.lines().position(|line| line.contains(&text_there))? + 1;
    Some(Place { file, line, text: text_there })
}
