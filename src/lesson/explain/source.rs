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
    /// The whole function, with what is said above it.
    #[serde(skip)]
    pub excerpt: String,
}

macro_rules! files {
    ($($name:ident: $file:literal),*) => {
        $(const $name: (&str, &str) = ($file, include_str!(concat!("../../../", $file)));)*
    };
}

files! {
    AUTODIFF: "src/engine/autodiff.rs", BY_HAND: "examples/backprop_by_hand.rs",
    ADD: "src/engine/ops/add.rs", ASCENT: "src/engine/ops/ascent.rs", BATCH_NORM: "src/engine/ops/batch_norm.rs",
    CONCAT: "src/engine/ops/concat.rs", CONV2D: "src/engine/ops/conv2d.rs", CONV_TRANSPOSE: "src/engine/ops/conv_transpose.rs",
    MAX_POOL: "src/engine/ops/max_pool.rs", MEAN: "src/engine/ops/mean.rs", MUL: "src/engine/ops/mul.rs",
    PERMUTE: "src/engine/ops/permute.rs", POINTWISE: "src/engine/ops/pointwise.rs", RELU: "src/engine/ops/relu.rs",
    RESHAPE: "src/engine/ops/reshape.rs", SIGMOID: "src/engine/ops/sigmoid.rs", SLICE: "src/engine/ops/slice.rs",
    SOFTMAX: "src/engine/ops/softmax.rs", SUM: "src/engine/ops/sum.rs", TRANSFORM: "src/engine/ops/transform.rs",
    UPSAMPLE: "src/engine/ops/upsample.rs",
    ASCENT_WGSL: "shaders/ascent.wgsl", BROADCAST_WGSL: "shaders/broadcast.wgsl", CONCAT_WGSL: "shaders/concat.wgsl",
    CONV2D_WGSL: "shaders/conv2d.wgsl", MAX_POOL_WGSL: "shaders/max_pool.wgsl", MEAN_WGSL: "shaders/mean.wgsl",
    POINTWISE_WGSL: "shaders/pointwise.wgsl", RESHAPE_WGSL: "shaders/reshape.wgsl", SAME_WGSL: "shaders/same.wgsl",
    SIGMOID_WGSL: "shaders/sigmoid.wgsl", SLICE_WGSL: "shaders/slice.wgsl", SUM_WGSL: "shaders/sum.wgsl",
    TRANSFORM_WGSL: "shaders/transform.wgsl", UNPOOL_WGSL: "shaders/unpool.wgsl", UPSAMPLE_WGSL: "shaders/upsample.wgsl"
}

type File = (&'static str, &'static str);
type Function = (File, &'static str);

/// Where op `op` (a name in the graph) is; `None` for what is not computed.
pub fn source(op: &'static str) -> Option<Source> {
    // Its file; what its functions' names begin with; its gradient's loops, where they are another op's; its shaders.
    let (file, prefix, gradient, shaders): (File, &str, Option<Function>, &[Function]) = match op {
        "input" | "fill" | "constant" => return None,
        "rms" | "normalise" | "step" => {
            let forward = find(ASCENT, &format!("{op}_reference"));
            let shaders = find(ASCENT_WGSL, op).into_iter().collect();
            return Some(Source { op, forward, rule: None, gradient: None, shaders });
        }
        "add" => (ADD, "", None, &[(SAME_WGSL, "same"), (BROADCAST_WGSL, "add")]),
        "batch_norm" => (BATCH_NORM, "", None, &[(SAME_WGSL, "same")]),
        "broadcast" => {
            (SUM, "broadcast_", Some((SUM, "reference")), &[(BROADCAST_WGSL, "broadcast"), (SUM_WGSL, "sum")])
        }
        "concat" => (CONCAT, "", Some((SLICE, "reference")), &[(CONCAT_WGSL, "concat"), (SLICE_WGSL, "slice")]),
        "conv2d" => (CONV2D, "", None, &[(CONV2D_WGSL, "tiled")]),
        "conv_transpose" => (CONV_TRANSPOSE, "", Some((CONV2D, "reference")), &[(CONV2D_WGSL, "tiled")]),
        "max_pool" => {
            let shaders = &[(MAX_POOL_WGSL, "max_pool"), (UNPOOL_WGSL, "unpool"), (MAX_POOL_WGSL, "max_pool_grad")];
            (MAX_POOL, "", Some((MAX_POOL, "grad_reference")), shaders)
        }
        "mean" => (MEAN, "", Some((MEAN, "spread_reference")), &[(MEAN_WGSL, "mean"), (MEAN_WGSL, "spread")]),
        "mul" => (MUL, "", None, &[(BROADCAST_WGSL, "mul")]),
        "pad" => (SLICE, "pad_", Some((SLICE, "reference")), &[(SLICE_WGSL, "slice")]),
        "permute" => (PERMUTE, "", None, &[(RESHAPE_WGSL, "permute")]),
        "relu" => (RELU, "", Some((RELU, "grad_reference")), &[(SAME_WGSL, "same")]),
        "reshape" => (RESHAPE, "", None, &[(RESHAPE_WGSL, "reshape")]),
        "scale" => (MUL, "scale_", None, &[(SAME_WGSL, "same")]),
        "sigmoid" => {
            let shaders = &[(SIGMOID_WGSL, "sigmoid"), (SIGMOID_WGSL, "sigmoid_grad")];
            (SIGMOID, "", Some((SIGMOID, "grad_reference")), shaders)
        }
        "slice" => (SLICE, "", Some((SLICE, "pad_reference")), &[(SLICE_WGSL, "slice")]),
        "softmax" => (SOFTMAX, "", None, &[(SUM_WGSL, "softmax")]),
        "sum" => (SUM, "", Some((SUM, "broadcast_reference")), &[(SUM_WGSL, "sum"), (BROADCAST_WGSL, "broadcast")]),
        "sum_pool" => {
            let shaders = &[(UPSAMPLE_WGSL, "sum_pool"), (UPSAMPLE_WGSL, "upsample")];
            (UPSAMPLE, "sum_pool_", Some((UPSAMPLE, "reference")), shaders)
        }
        "transform" => (TRANSFORM, "", None, &[(TRANSFORM_WGSL, "transform")]),
        "upsample" => {
            let shaders = &[(UPSAMPLE_WGSL, "upsample"), (UPSAMPLE_WGSL, "sum_pool")];
            (UPSAMPLE, "", Some((UPSAMPLE, "sum_pool_reference")), shaders)
        }
        // Each function of one number has a name of its own.
        _ => {
            let shaders = &[(POINTWISE_WGSL, "pointwise"), (POINTWISE_WGSL, "pointwise_grad")];
            (POINTWISE, "", Some((POINTWISE, "grad_reference")), shaders)
        }
    };
    Some(Source {
        op,
        forward: find(file, &format!("{prefix}reference")),
        rule: find(file, &format!("{prefix}gradient")),
        gradient: gradient.and_then(|(file, name)| find(file, name)),
        shaders: shaders.iter().filter_map(|&(shader, name)| find(shader, name)).collect(),
    })
}

/// The walk backwards, which asks each op for its rule and adds where a value was used twice.
pub fn walk() -> Place {
    find(AUTODIFF, "gradient").expect("the file has it")
}

/// The whole of the shortest way to see it: a net, its gradient, the check, the climb.
pub fn by_hand() -> Place {
    Place { file: BY_HAND.0, line: 1, text: "fn main(".to_string(), excerpt: BY_HAND.1.to_string() }
}

/// The rule that an exercise asks for.
pub(super) fn place(exercise: &str) -> Place {
    let (file, name) = match exercise {
        "sum" => (SUM, "gradient"),
        "relu" => (RELU, "grad_reference"),
        "max_pool" => (MAX_POOL, "grad_reference"),
        "upsample" => (UPSAMPLE, "gradient"),
        "concat" => (CONCAT, "gradient"),
        "conv2d" => (CONV2D, "gradient"),
        "normalise" => (ASCENT, "normalise_reference"),
        _ => return walk(),
    };
    find(file, name).expect("the file has it")
}

/// The line where function `name` begins, and the function.
fn find((file, text): File, name: &str) -> Option<Place> {
    let text_there = format!("fn {name}(");
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains(&text_there))?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    // Comments and attributes above belong to it; it ends with the first line that closes at its own depth.
    let above = lines[..at].iter().rev().take_while(|line| line.trim_start().starts_with(['/', '#', '@'])).count();
    let closes = |line: &&str| line.trim_start().starts_with('}') && indent(line) == indent(lines[at]);
    let length = lines[at..].iter().position(closes).map_or(1, |end| end + 1);
    let excerpt =
        lines[at - above..at + length].iter().map(|line| line.get(indent(lines[at])..).unwrap_or("").to_string());
    Some(Place { file, line: at + 1, text: text_there, excerpt: excerpt.collect::<Vec<_>>().join("\n") })
}
