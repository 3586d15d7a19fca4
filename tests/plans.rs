//! Which nodes become one step, by the table in `engine::plan` and the order of the epilogue; and that the step computes the same.

mod common;

use common::difference;
use common::ops::numbers;
use std::sync::Arc;
use unet_lens::Result;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Axes, Axis, Conv2d, ConvTranspose, Function, Kernel, Matrix, Pool, Sides, Window};
use unet_lens::engine::plan::{Head, Plan, Step, ValueId, ValueKind};
use unet_lens::engine::tensor::{Shape, Tensor, Tensor64};

const IMAGE: Shape = Shape { n: 2, h: 6, w: 4, c: 3 };

type Build<'b> = &'b dyn Fn(&mut Graph, NodeId) -> Result<Vec<NodeId>>;

fn conv(kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    let kernel = Kernel::new(kh, kw, ci, co, numbers(kh * kw * ci * co, 3).into()).unwrap();
    Conv2d::same(kernel, Some(numbers(co, 4).into()))
}

fn bare(kh: usize, kw: usize, ci: usize, co: usize) -> Conv2d {
    Conv2d { bias: None, ..conv(kh, kw, ci, co) }
}

fn doubles(n: usize, salt: u64) -> Arc<[f64]> {
    numbers(n, salt).into_iter().map(f64::from).collect()
}

/// A batch_norm with a shift, or without.
fn norm(g: &mut Graph, name: &str, x: NodeId, shifts: bool) -> Result<NodeId> {
    let c = g.shape(x).c;
    let shift = if shifts { doubles(c, 6) } else { vec![0.0; c].into() };
    g.batch_norm(name, x, doubles(c, 5), shift)
}

/// The plan of a graph of which the results are kept, after it computed what the graph says, node by node.
fn planned(build: Build) -> Plan {
    let mut g = Graph::new();
    let x = g.input("x", IMAGE).unwrap();
    let keep = build(&mut g, x).unwrap();
    let inputs: Vec<(NodeId, Tensor)> = (g.nodes())
        .filter(|(_, node)| node.op.name() == "input")
        .map(|(id, node)| (id, Tensor::new(node.shape, numbers(node.shape.len(), 7 + id.0 as u64))))
        .collect();
    let exact: Vec<(NodeId, Tensor64)> = inputs.iter().map(|(id, values)| (*id, values.into())).collect();
    let exact: Vec<(NodeId, &Tensor64)> = exact.iter().map(|(id, values)| (*id, values)).collect();
    let expected = evaluate(&g, &exact, &keep);
    let plan = Plan::compile(g, &keep, &[], &[]);
    let mut program = Cpu::new(Some(1), Limit::default()).unwrap().prepare(Arc::new(plan.clone())).unwrap();
    let known = |id: &NodeId| plan.data_of(*id).is_some();
    inputs.iter().filter(|(id, _)| known(id)).for_each(|(id, values)| program.write(*id, values).unwrap());
    program.run(1).unwrap();
    for (id, expected) in keep.iter().zip(&expected) {
        let expected: Vec<f32> = expected.data.iter().map(|&v| v as f32).collect();
        let (error, at) = difference(&program.read(*id).unwrap().data, &expected);
        assert!(error < 1e-5, "{} is off by {error} at {at}\n{plan}", plan.graph[*id].name);
    }
    plan
}

fn ops(plan: &Plan) -> Vec<String> {
    let of = |step: &Step| step.nodes.iter().map(|&id| plan.graph[id].op.name()).collect::<Vec<_>>().join(" + ");
    plan.steps.iter().map(of).collect()
}

#[track_caller]
fn steps(build: Build, expected: &[&str]) {
    assert_eq!(ops(&planned(build)), expected);
}

/// The epilogue's order is add, relu, batch_norm, gate; what comes in another order begins a step of its own.
#[test]
fn the_order_of_the_epilogue() {
    let after_conv = |g: &mut Graph, x: NodeId| g.conv2d("conv", x, conv(3, 3, 3, 3));
    steps(
        &|g, x| {
            let y = after_conv(g, x)?;
            let y = g.add("add", y, x)?;
            let y = g.relu("relu", y)?;
            let y = norm(g, "norm", y, true)?;
            let open = g.relu("open", x)?;
            Ok(vec![g.relu_grad("gate", y, open)?])
        },
        &["relu", "conv2d + add + relu + batch_norm + relu_grad"],
    );
    // The other way round: what is added to may stand on either side.
    steps(
        &|g, x| {
            let y = after_conv(g, x)?;
            Ok(vec![g.add("add", x, y)?])
        },
        &["conv2d + add"],
    );
    steps(
        &|g, x| {
            let y = after_conv(g, x)?;
            let y = g.relu("relu", y)?;
            Ok(vec![g.add("add", y, x)?])
        },
        &["conv2d + relu", "add"],
    );
    steps(
        &|g, x| {
            let y = after_conv(g, x)?;
            let y = g.add("add", y, x)?;
            let other = g.scale("other", x, 2.0)?;
            let y = g.add("again", y, other)?;
            let y = g.relu("relu", y)?;
            Ok(vec![g.relu("relu again", y)?])
        },
        &["conv2d + add", "scale", "add + relu", "relu"],
    );
    // A batch_norm right after a convolution is folded into it, however many there are; after the relu there is room for one.
    steps(
        &|g, x| {
            let y = after_conv(g, x)?;
            let y = norm(g, "a", y, true)?;
            let y = norm(g, "b", y, true)?;
            let y = g.relu("relu", y)?;
            let y = norm(g, "c", y, true)?;
            Ok(vec![norm(g, "d", y, true)?])
        },
        &["conv2d + batch_norm + batch_norm + relu + batch_norm", "batch_norm"],
    );
    // Behind the gate a batch_norm may still come, if it has no shift and there was none before.
    for (before, shifts, expected) in [
        (false, false, &["relu", "conv2d + relu + relu_grad + batch_norm"][..]),
        (false, true, &["relu", "conv2d + relu + relu_grad", "batch_norm"]),
        (true, false, &["relu", "conv2d + relu + batch_norm + relu_grad", "batch_norm"]),
    ] {
        steps(
            &|g, x| {
                let open = g.relu("open", x)?;
                let y = after_conv(g, x)?;
                let y = g.relu("relu", y)?;
                let y = if before { norm(g, "before", y, true)? } else { y };
                let y = g.relu_grad("gate", y, open)?;
                Ok(vec![norm(g, "after", y, shifts)?])
            },
            expected,
        );
    }
    // And nothing after that: neither another one, nor another gate.
    steps(
        &|g, x| {
            let open = g.relu("open", x)?;
            let y = after_conv(g, x)?;
            let y = g.relu_grad("gate", y, open)?;
            let y = norm(g, "after", y, false)?;
            let y = norm(g, "again", y, false)?;
            Ok(vec![g.relu_grad("last", y, open)?])
        },
        &["relu", "conv2d + relu_grad + batch_norm", "batch_norm + relu_grad"],
    );
    steps(
        &|g, x| {
            let open = g.relu("open", x)?;
            let minus = g.scale("minus", x, -1.0)?;
            let other = g.relu("other", minus)?;
            let y = after_conv(g, x)?;
            let y = g.relu_grad("gate", y, open)?;
            Ok(vec![g.relu_grad("other gate", y, other)?])
        },
        &["relu", "scale", "relu", "conv2d + relu_grad", "relu_grad"],
    );
    // Its own signs are written when the step is done: what reads them cannot be added to it, though it stands later in the graph.
    steps(
        &|g, x| {
            let dy = g.input("dy", IMAGE)?;
            let y = after_conv(g, x)?;
            let r = g.relu("relu", y)?;
            let y = norm(g, "norm", r, true)?;
            let gate = g.relu_grad("gate", dy, r)?;
            Ok(vec![g.add("add", y, gate)?])
        },
        &["conv2d + relu + batch_norm", "relu_grad", "add"],
    );
    // Nor can they open a gate of its own, by way of another relu.
    steps(
        &|g, x| {
            let dy = g.input("dy", IMAGE)?;
            let y = after_conv(g, x)?;
            let r = g.relu("relu", y)?;
            let y = norm(g, "norm", r, true)?;
            let gate = g.relu_grad("gate", dy, r)?;
            let open = g.relu("open", gate)?;
            Ok(vec![g.relu_grad("last", y, open)?])
        },
        &["conv2d + relu + batch_norm", "relu_grad", "relu", "relu_grad"],
    );
    // The gate is what the signs decide on, not the value that they are of.
    steps(
        &|g, x| {
            let y = after_conv(g, x)?;
            let open = g.relu("open", y)?;
            Ok(vec![g.relu_grad("gate", x, open)?])
        },
        &["conv2d + relu", "relu_grad"],
    );
}

/// An op that does no work by itself is a step's head, with the epilogue behind it.
#[test]
fn what_begins_a_step() {
    let all = |g: &mut Graph, y: NodeId, x: NodeId| -> Result<Vec<NodeId>> {
        let y = g.add("add", y, x)?;
        Ok(vec![g.relu("relu", y)?])
    };
    steps(
        &|g, x| {
            let y = g.scale("scale", x, -0.5)?;
            Ok(vec![norm(g, "norm", y, true)?])
        },
        &["scale", "batch_norm"],
    );
    steps(
        &|g, x| {
            let y = norm(g, "norm", x, true)?;
            Ok(vec![g.scale("scale", y, -0.5)?])
        },
        &["batch_norm", "scale"],
    );
    steps(
        &|g, x| {
            let y = g.pointwise("tanh", x, Function::Tanh)?;
            all(g, y, x)
        },
        &["tanh", "add + relu"],
    );
    steps(
        &|g, x| {
            let y = g.fill("fill", IMAGE, 0.25)?;
            all(g, y, x)
        },
        &["fill + add + relu"],
    );
    // Spread twice: the number is divided by 72 and by 12 values.
    let plan = planned(&|g, _| {
        let one = g.fill("one", Shape::new(2, 1, 1, 1), 36.0)?;
        Ok(vec![g.spread("spread", one, IMAGE)?])
    });
    assert_eq!(ops(&plan), ["fill + spread"]);
    assert!(matches!(plan.steps[0].head, Head::Fill { value: 0.5 }));
    // What is no constant any more is spread by itself.
    steps(
        &|g, x| {
            let one = g.fill("one", Shape::new(2, 1, 1, 1), 36.0)?;
            let mean = g.mean("mean", x)?;
            let sum = g.add("sum", one, mean)?;
            Ok(vec![g.spread("spread", sum, IMAGE)?])
        },
        &["mean", "fill + add", "spread"],
    );
    steps(
        &|g, x| {
            let y = g.fill("fill", IMAGE, 0.25)?;
            let mean = g.mean("mean", x)?;
            let y = g.mul("mul", y, mean)?;
            all(g, y, x)
        },
        &["fill", "mean", "mul", "add + relu"],
    );
    // An add that repeats one of its inputs.
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, conv(1, 1, 3, 3))?;
            let row = g.sum("row", x, Axes { h: true, w: false, c: false })?;
            let y = g.add("add", y, row)?;
            Ok(vec![g.relu("relu", y)?])
        },
        &["conv2d", "sum", "add", "relu"],
    );
    steps(
        &|g, x| {
            let row = g.sum("row", x, Axes { h: true, w: false, c: false })?;
            let y = g.add("add", row, x)?;
            Ok(vec![g.relu("relu", y)?])
        },
        &["sum", "add", "relu"],
    );
    // A value that is read twice, or kept, ends its step.
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, conv(1, 1, 3, 3))?;
            let r = g.relu("relu", y)?;
            Ok(vec![y, norm(g, "norm", r, true)?])
        },
        &["conv2d", "relu + batch_norm"],
    );
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, conv(1, 1, 3, 3))?;
            Ok(vec![g.add("twice", y, y)?])
        },
        &["conv2d", "add"],
    );
    // What nobody asked for is not computed, and no input is read for it.
    let plan = planned(&|g, x| {
        let other = g.input("other", IMAGE)?;
        g.add("nobody's", x, other)?;
        Ok(vec![g.relu("relu", x)?])
    });
    assert_eq!((ops(&plan), plan.inputs.len()), (vec!["relu".to_string()], 1));
}

/// A sum over windows belongs to the convolution before it, if that has no bias, which it would count for each pixel.
#[test]
fn sums_after_convolutions() {
    let after = |conv: Conv2d| {
        move |g: &mut Graph, x: NodeId| {
            let y = g.conv2d("conv", x, conv.clone())?;
            Ok(vec![g.sum_pool("pool", y, Window::new(3, 2))?])
        }
    };
    steps(&after(bare(3, 3, 3, 5)), &["conv2d + sum_pool"]);
    steps(&after(conv(3, 3, 3, 5)), &["conv2d", "sum_pool"]);
    let strided = Conv2d { pad: Sides { top: 2, bottom: 0, left: 1, right: 1 }, ..bare(3, 3, 3, 5) };
    steps(&after(strided), &["conv2d", "sum_pool"]);
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, bare(3, 3, 3, 5))?;
            let y = norm(g, "norm", y, false)?;
            let y = g.sum_pool("pool", y, Window::new(2, 2))?;
            let y = norm(g, "after", y, true)?;
            Ok(vec![g.sum_pool("pool again", y, Window::new(3, 2))?])
        },
        &["conv2d + batch_norm + sum_pool + batch_norm", "sum_pool"],
    );
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, bare(3, 3, 3, 5))?;
            let y = g.sum_pool("pool", y, Window::new(2, 2))?;
            Ok(vec![g.sum_pool("pool again", y, Window::new(3, 2))?])
        },
        &["conv2d + sum_pool", "sum_pool"],
    );
    // With its shift the batch_norm makes a bias.
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, bare(3, 3, 3, 5))?;
            let y = norm(g, "norm", y, true)?;
            Ok(vec![g.sum_pool("pool", y, Window::new(2, 2))?])
        },
        &["conv2d + batch_norm", "sum_pool"],
    );
}

/// Upsamplings and concatenations that only plain convolutions read are never written out.
#[test]
fn what_convolutions_read_in_parts() {
    let two = Window::new(2, 1);
    let up = |g: &mut Graph, x: NodeId| g.upsample("up", x, two);
    let plan = planned(&|g, x| {
        let wide = up(g, x)?;
        let other = g.conv2d("other", wide, conv(1, 1, 3, 2))?;
        let both = g.concat("both", &[wide, other])?;
        Ok(vec![g.conv2d("conv", both, conv(3, 3, 5, 4))?])
    });
    assert_eq!(ops(&plan), ["conv2d", "conv2d"]);
    let Head::Conv { parts, .. } = &plan.steps[1].head else { panic!("{plan}") };
    let read: Vec<(&str, Window)> =
        parts.iter().map(|part| (&*plan.graph[plan.value(part.value).node].name, part.up)).collect();
    assert_eq!(read, [("x", two), ("other", Window::ONE)]);
    // Kept, or read by another op as well: where it is there, it is read.
    let reads = |plan: &Plan, i: usize| -> Vec<String> {
        plan.steps[i].reads().map(|id| plan.graph[plan.value(id).node].name.clone()).collect()
    };
    let plan = planned(&|g, x| {
        let wide = up(g, x)?;
        Ok(vec![wide, g.conv2d("conv", wide, conv(3, 3, 3, 4))?])
    });
    assert_eq!(
        (ops(&plan), reads(&plan, 1)),
        (vec!["upsample".to_string(), "conv2d".to_string()], vec!["up".to_string()])
    );
    steps(
        &|g, x| {
            let wide = up(g, x)?;
            let y = g.conv2d("conv", wide, conv(3, 3, 3, 3))?;
            Ok(vec![g.add("add", y, wide)?])
        },
        &["upsample", "conv2d + add"],
    );
    // Three parts, one more than a convolution reads.
    steps(
        &|g, x| {
            let wide = up(g, x)?;
            let both = g.concat("both", &[wide, wide, wide])?;
            Ok(vec![g.conv2d("conv", both, conv(3, 3, 9, 4))?])
        },
        &["upsample", "concat", "conv2d"],
    );
    let plan = planned(&|g, x| {
        let both = g.concat("both", &[x, x])?;
        let y = g.conv2d("conv", both, conv(3, 3, 6, 4))?;
        let pooled = g.max_pool("pool", both, Window::new(2, 2))?;
        Ok(vec![y, pooled])
    });
    assert_eq!(
        (ops(&plan).join(", "), reads(&plan, 1)),
        ("concat, conv2d, max_pool".to_string(), vec!["both".to_string()])
    );
    let leaping = Conv2d { stride: two, ..conv(3, 3, 3, 4) };
    steps(
        &|g, x| {
            let wide = up(g, x)?;
            Ok(vec![g.conv2d("conv", wide, leaping.clone())?])
        },
        &["upsample", "conv2d"],
    );
}

/// Zeros around an image that only convolutions read, and what is cut off their results, are a matter of the convolution's own padding.
#[test]
fn what_is_padded_and_cut_off() {
    let pad_of = |plan: &Plan| match &plan.steps[0].head {
        Head::Conv { conv, .. } => conv.pad,
        head => panic!("{head:?}"),
    };
    let sides = |top, bottom, left, right| Sides { top, bottom, left, right };
    let valid = Conv2d { pad: Sides::NONE, ..conv(3, 5, 3, 2) };
    // 6x4 pixels amid 9x9: two rows above and one below, one column to the left and four to the right.
    let plan = planned(&|g, x| {
        let wide = g.pad("pad", x, [2, 1, 0], [9, 9, 3])?;
        Ok(vec![g.conv2d("conv", wide, valid.clone())?])
    });
    assert_eq!((ops(&plan), pad_of(&plan)), (vec!["conv2d".to_string()], sides(2, 1, 1, 4)));
    let plan = planned(&|g, x| {
        let wide = g.pad("pad", x, [1, 1, 0], [7, 7, 3])?;
        Ok(vec![g.conv2d("conv", wide, conv(3, 5, 3, 2))?])
    });
    assert_eq!((ops(&plan), pad_of(&plan)), (vec!["conv2d".to_string()], sides(2, 1, 3, 4)));
    // One more on any side, and a window would see nothing but zeros.
    let (down, across) = (sides(0, 0, 2, 2), sides(1, 1, 0, 0));
    for (before, size, own) in [
        ([3, 0, 0], [9, 4, 3], down),
        ([0, 0, 0], [9, 4, 3], down),
        ([0, 5, 0], [6, 9, 3], across),
        ([0, 0, 0], [6, 9, 3], across),
    ] {
        steps(
            &|g, x| {
                let wide = g.pad("pad", x, before, size)?;
                Ok(vec![g.conv2d("conv", wide, Conv2d { pad: own, ..valid.clone() })?])
            },
            &["pad", "conv2d"],
        );
    }
    // A dilation reaches further; channels are no side.
    for (dilation, before, size) in
        [(Window::new(2, 1), [4, 4, 0], [14, 12, 3]), (Window::new(1, 2), [2, 8, 0], [10, 20, 3])]
    {
        let apart = Conv2d { dilation, ..valid.clone() };
        steps(
            &|g, x| {
                let wide = g.pad("pad", x, before, size)?;
                Ok(vec![g.conv2d("conv", wide, apart.clone())?])
            },
            &["conv2d"],
        );
    }
    steps(
        &|g, x| {
            let wide = g.pad("pad", x, [0, 0, 1], [6, 4, 4])?;
            Ok(vec![g.conv2d("conv", wide, conv(3, 3, 4, 2))?])
        },
        &["pad", "conv2d"],
    );
    steps(
        &|g, x| {
            let wide = g.pad("pad", x, [1, 1, 0], [8, 6, 3])?;
            let y = g.conv2d("conv", wide, conv(3, 3, 3, 2))?;
            Ok(vec![y, g.relu("relu", wide)?])
        },
        &["pad", "conv2d", "relu"],
    );

    // Rows 1 to 5 and columns 0 to 2 of a convolution that keeps the size.
    let plan = planned(&|g, x| {
        let y = g.conv2d("conv", x, conv(3, 3, 3, 2))?;
        Ok(vec![g.crop("crop", y, [1, 0, 0], [5, 3, 2])?])
    });
    assert_eq!((ops(&plan), pad_of(&plan)), (vec!["conv2d + slice".to_string()], sides(0, 1, 1, 0)));
    let plan = planned(&|g, x| {
        let y = g.conv2d("conv", x, conv(5, 3, 3, 2))?;
        let y = g.crop("crop", y, [2, 1, 0], [3, 2, 2])?;
        Ok(vec![g.relu("relu", y)?])
    });
    assert_eq!((ops(&plan), pad_of(&plan)), (vec!["conv2d + slice + relu".to_string()], sides(0, 1, 0, 0)));
    // More than its padding: it would have to begin inside of the image. Or a convolution that leaps, or some of the channels as well.
    for (start, size) in
        [([2, 0, 0], [4, 4, 2]), ([0, 0, 0], [4, 4, 2]), ([0, 2, 0], [6, 2, 2]), ([0, 0, 0], [6, 2, 2])]
    {
        steps(
            &|g, x| {
                let y = g.conv2d("conv", x, conv(3, 3, 3, 2))?;
                Ok(vec![g.crop("crop", y, start, size)?])
            },
            &["conv2d", "slice"],
        );
    }
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, Conv2d { stride: Window::new(2, 1), ..conv(3, 3, 3, 2) })?;
            Ok(vec![g.crop("crop", y, [1, 0, 0], [2, 4, 2])?])
        },
        &["conv2d", "slice"],
    );
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, conv(3, 3, 3, 2))?;
            Ok(vec![g.crop("crop", y, [1, 0, 1], [5, 4, 1])?])
        },
        &["conv2d", "slice"],
    );
    // Slices of channels are smaller convolutions, with their own kernels and biases.
    let plan = planned(&|g, x| {
        let y = g.conv2d("conv", x, conv(3, 3, 3, 5))?;
        Ok(vec![g.slice("low", y, 0, 2)?, g.slice("high", y, 2, 3)?])
    });
    assert_eq!(ops(&plan), ["conv2d + slice", "conv2d + slice"]);
    let channels = |step: &Step| match &step.head {
        Head::Conv { conv, .. } => (conv.kernel.co, conv.bias.as_ref().map(|bias| bias.to_vec())),
        head => panic!("{head:?}"),
    };
    let bias = numbers(5, 4);
    assert_eq!(channels(&plan.steps[0]), (2, Some(bias[..2].to_vec())));
    assert_eq!(channels(&plan.steps[1]), (3, Some(bias[2..].to_vec())));
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, conv(3, 3, 3, 5))?;
            Ok(vec![g.slice("low", y, 0, 2)?, g.relu("relu", y)?])
        },
        &["conv2d", "slice", "relu"],
    );
    let groups = Conv2d { groups: 3, ..conv(3, 3, 1, 6) };
    steps(
        &|g, x| {
            let y = g.conv2d("conv", x, groups.clone())?;
            Ok(vec![g.slice("low", y, 0, 2)?, g.slice("high", y, 2, 4)?])
        },
        &["conv2d", "slice", "slice"],
    );
}

/// Backprop remembers signs and winners, where its windows cut the image up; else the whole input.
#[test]
fn what_is_remembered() {
    let kinds = |plan: &Plan, name: &str| {
        let of = |kind| plan.values.iter().any(|v| v.kind == kind && plan.graph[v.node].name == name);
        [ValueKind::Data, ValueKind::Signs, ValueKind::Winners].map(of)
    };
    let pooled = |pool: Pool| {
        planned(&move |g, x| {
            let wide = g.conv2d("conv", x, conv(3, 3, 3, 4))?;
            let y = g.max_pool("pool", wide, pool)?;
            let dy = g.input("dy", g.shape(y))?;
            Ok(vec![g.max_pool_grad("grad", dy, wide, pool)?])
        })
    };
    let plain = pooled(Pool::from(Window::new(3, 2)));
    assert_eq!(kinds(&plain, "pool"), [true, false, true], "{plain}");
    assert!(plain.steps.iter().any(|s| matches!(s.head, Head::Unpool { window, .. } if window == Window::new(3, 2))));
    let overlapping = Pool { stride: Window::new(3, 1), ..Pool::from(Window::new(3, 2)) };
    let rest = Pool::from(Window::new(4, 2));
    for pool in [overlapping, rest] {
        let plan = pooled(pool);
        assert_eq!(kinds(&plan, "conv"), [true, false, false], "{plan}");
        assert_eq!(ops(&plan), ["conv2d", "max_pool_grad"], "the pool itself is not asked");
        assert!(plan.steps.iter().all(|step| !matches!(step.head, Head::Unpool { .. })));
    }
    // A relu whose output nobody reads leaves its signs alone; the pool's gradient takes in what is added.
    let plan = planned(&|g, x| {
        let y = g.relu("relu", x)?;
        let dy = g.input("dy", IMAGE)?;
        let pool = g.max_pool("pool", y, Window::new(2, 2))?;
        let dpool = g.input("dpool", g.shape(pool))?;
        let from_pool = g.max_pool_grad("from pool", dpool, y, Window::new(2, 2))?;
        let from_conv = g.conv2d("from conv", dy, conv(3, 3, 3, 3))?;
        let both = g.add("both", from_conv, from_pool)?;
        Ok(vec![pool, g.relu_grad("dx", both, y)?])
    });
    assert_eq!(ops(&plan), ["relu", "max_pool", "conv2d", "max_pool_grad + add + relu_grad"], "{plan}");
    assert_eq!(kinds(&plan, "relu"), [true, true, false]);
}

/// Rows and columns of what is printed, and what the numbers beside it mean.
#[test]
fn what_a_plan_says_of_itself() {
    let plan = planned(&|g, x| {
        let y = g.conv2d("conv", x, bare(3, 3, 3, 5))?;
        let y = g.sum_pool("pool", y, Window::new(2, 2))?;
        let turned = g.transform("turned", y, Axis::Down, Matrix::new(1, 3, vec![1.0; 3]))?;
        Ok(vec![turned])
    });
    assert_eq!(
        plan.to_string(),
        "step  result          computes           reads  writes\n   0  pool 2x3x2x5    conv2d + sum_pool  x      pool\n   \
         1  turned 2x1x2x5  transform          pool   turned\n"
    );
    // Each of 2 x 6 x 4 outputs, before they are summed, costs 3 x 3 x 3 x 5 products.
    assert_eq!([plan.macs(&plan.steps[0]), plan.macs(&plan.steps[1])], [2 * 6 * 4 * 135, 0]);
    let transposed = planned(&|g, x| {
        let Conv2d { kernel, bias, stride, pad, dilation, groups } = bare(3, 3, 2, 3);
        Ok(vec![g.conv_transpose(
            "back",
            x,
            ConvTranspose { kernel, bias, stride, pad, dilation, groups, h: 6, w: 4 },
        )?])
    });
    assert_eq!(transposed.macs(&transposed.steps[0]), 2 * 6 * 4 * 3 * 3 * 2 * 3);
    assert_eq!((plan.image(), plan.images()), (IMAGE, 2));
    let empty = Plan::compile(Graph::new(), &[], &[], &[]);
    assert_eq!((empty.image(), empty.images(), empty.steps.len()), (Shape::new(1, 1, 1, 1), 0, 0));

    // The input exists all the time, what is between from the step that writes it to the last that reads it.
    let find = |name: &str| plan.data_of(plan.graph.find(name).unwrap());
    let of = |name: &str| find(name).unwrap();
    assert_eq!(find("conv"), None);
    let lifetimes = plan.lifetimes();
    let life = |id: ValueId| (*lifetimes[id.0].start(), *lifetimes[id.0].end());
    assert_eq!([life(of("x")), life(of("pool")), life(of("turned"))], [(0, 2), (0, 1), (0, 2)]);
    assert!(plan.outlives(of("x")) && !plan.outlives(of("pool")) && plan.outlives(of("turned")));
}

/// Four values of a chain in which each one is needed by the next alone: two buffers do, as large as the largest in them.
#[test]
fn values_that_never_meet_share_a_buffer() {
    let plan = planned(&|g, x| {
        let a = g.sum("a", x, Axes::CHANNELS)?;
        let b = g.pointwise("b", a, Function::Tanh)?;
        let c = g.pointwise("c", b, Function::Exp)?;
        let d = g.sum("d", c, Axes::PLACES)?;
        Ok(vec![g.pointwise("e", d, Function::Abs)?])
    });
    let of = |name: &str| plan.data_of(plan.graph.find(name).unwrap()).unwrap().0;
    let placement = plan.place(|id| plan.value(id).shape.len());
    let buffer = |name: &str| placement.buffer_of[of(name)];
    assert_eq!(placement.sizes, [144, 48, 48, 2]);
    assert_eq!((buffer("a"), buffer("b"), buffer("c")), (1, 2, 1));
    assert_eq!((buffer("d"), buffer("e"), buffer("x")), (2, 3, 0));
    assert_eq!(placement.total(), 242);
    plan.check_placement(&placement).unwrap();
    let mut wrong = placement.clone();
    wrong.buffer_of[of("b")] = buffer("a");
    let why = plan.check_placement(&wrong).unwrap_err();
    assert_eq!(why, "the values of a (steps 0..=1) and the values of b (steps 1..=2) share buffer 1");
}
