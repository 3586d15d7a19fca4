//! A graph's nodes as data: each with its op, what it reads and its settings, in the words of `src/engine/ops/`.

use super::arrays::Arrays;
use crate::engine::graph::{Graph, Node};
use crate::engine::ops::kernel::View;
use crate::engine::ops::{Axis, Function, Kernel, Op, Pool, Sides, Window};
use crate::page::strings::{Lang, in_language};
use serde_json::{Value, json};

pub fn nodes(graph: &Graph, arrays: &mut Arrays, lang: Lang) -> Value {
    graph.nodes().map(|(_, one)| node(one, arrays, lang)).collect()
}

fn node(node: &Node, arrays: &mut Arrays, lang: Lang) -> Value {
    let mut facts = settings(&node.op, arrays);
    let shape = node.shape;
    facts["op"] = json!(node.op.name());
    facts["name"] = json!(in_language(&node.name, lang));
    facts["in"] = node.inputs.iter().map(|id| id.0).collect();
    facts["shape"] = json!([shape.h, shape.w, shape.c]);
    if let Some(answers) = node.answers {
        facts["answers"] = json!(answers.0);
    }
    facts
}

fn window(window: Window) -> Value {
    json!([window.h, window.w])
}

fn corner(pad: Sides) -> Value {
    json!([pad.top, pad.left])
}

fn pool(pool: Pool) -> Value {
    json!({ "window": window(pool.window), "stride": window(pool.stride), "pad": corner(pool.pad) })
}

/// A kernel as the file has it, and what is made of it.
pub fn kernel(kernel: &Kernel, arrays: &mut Arrays) -> Value {
    let (source, of, views) = kernel.source();
    let view = |view: &View| match view {
        View::Flipped { groups } => json!({ "view": "flipped", "groups": groups }),
        View::Outputs { start, len } => json!({ "view": "outputs", "start": start, "len": len }),
        View::OwnOutputs { groups, .. } => json!({ "view": "own_outputs", "groups": groups }),
        View::OwnInputs { groups, .. } => json!({ "view": "own_inputs", "groups": groups }),
        View::Scaled { scale } => json!({ "view": "scaled", "scale": arrays.f64(scale) }),
    };
    let views: Value = views.iter().map(view).collect();
    json!({ "array": arrays.kernel(source), "of": of, "views": views })
}

fn settings(op: &Op, arrays: &mut Arrays) -> Value {
    match op {
        Op::Fill { value, .. } => json!({ "value": value }),
        Op::Constant { data, .. } => json!({ "data": arrays.f32(data) }),
        Op::Conv2d(conv) => json!({
            "kernel": kernel(&conv.kernel, arrays),
            "bias": conv.bias.as_ref().map(|bias| arrays.f32(bias)),
            "stride": window(conv.stride),
            "pad": corner(conv.pad),
            "dilation": window(conv.dilation),
            "groups": conv.groups,
        }),
        Op::ConvTranspose(conv) => json!({
            "kernel": kernel(&conv.kernel, arrays),
            "bias": conv.bias.as_ref().map(|bias| arrays.f32(bias)),
            "stride": window(conv.stride),
            "pad": corner(conv.pad),
            "dilation": window(conv.dilation),
            "groups": conv.groups,
        }),
        Op::BatchNorm { scale, shift } => json!({ "scale": arrays.f64(scale), "shift": arrays.f64(shift) }),
        Op::Pointwise(f) | Op::PointwiseGrad(f) => {
            let is_gradient = matches!(op, Op::PointwiseGrad(_));
            json!({ "f": Op::Pointwise(*f).name(), "p": numbers(*f), "gradient": is_gradient })
        }
        Op::Softmax(axes) | Op::Sum(axes) => json!({ "axes": [axes.h, axes.w, axes.c] }),
        Op::MaxPool(windows) | Op::MaxPoolGrad(windows) => pool(*windows),
        Op::Upsample(size) | Op::SumPool(size) => json!({ "window": window(*size) }),
        Op::Slice { start, .. } => json!({ "start": start }),
        Op::Pad { before, .. } => json!({ "before": before }),
        Op::Permute(order) => json!({ "order": order }),
        Op::Scale { factor } => json!({ "factor": factor }),
        Op::Transform { axis, matrix } => json!({
            "down": *axis == Axis::Down,
            "rows": matrix.rows,
            "columns": matrix.columns,
            "data": arrays.f32(&matrix.values()),
        }),
        Op::Input(_)
        | Op::Relu
        | Op::ReluGrad
        | Op::Sigmoid
        | Op::SigmoidGrad
        | Op::Concat
        | Op::Reshape(_)
        | Op::Mean
        | Op::Spread(_)
        | Op::Broadcast(_)
        | Op::Add
        | Op::Mul
        | Op::Roll
        | Op::TotalVariation
        | Op::TotalVariationGrad
        | Op::Rms
        | Op::Normalise { .. }
        | Op::Adam { .. }
        | Op::Step { .. } => json!({}),
    }
}

/// A function's settings; of no bound at all, null.
fn numbers(f: Function) -> Value {
    match f {
        Function::Relu { slope, threshold, max } => json!([slope, threshold, max.is_finite().then_some(max)]),
        Function::LeakyRelu { slope } | Function::HardSigmoid { slope } => json!([slope]),
        Function::Elu { alpha } => json!([alpha]),
        Function::Selu
        | Function::Tanh
        | Function::Exp
        | Function::Softplus
        | Function::Softsign
        | Function::Silu
        | Function::Gelu { .. }
        | Function::HardSwish
        | Function::Mish
        | Function::Abs
        | Function::Log
        | Function::Sqrt
        | Function::Reciprocal => json!([]),
    }
}
