//! What an explanation says of networks that are small enough to tell each fact beforehand, and which filter is chosen.

#[path = "common/layers.rs"]
mod layers;

use approx::assert_relative_eq;
use layers::{chain, conv, convolution, network};
use std::sync::Arc;
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::exec::reference::Reference;
use unet_lens::engine::graph::NodeId;
use unet_lens::engine::ops::Window;
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::ascent::{Objective, Recipe};
use unet_lens::lesson::explain::{Explanation, NodeFacts, explain};
use unet_lens::network::{Activation, Array, Convolution, Kind, Merge, Network, Padding, Pool};

/// The same with positive weights of no meaning.
fn any(k: usize, ci: usize, co: usize, activation: Activation) -> Kind {
    let weights: Vec<f32> = (0..k * k * ci * co).map(|i| if i % 3 == 0 { 1.0 } else { 0.5 }).collect();
    conv(k, ci, co, &weights, activation)
}

/// Down through a pool and up by a transpose, and beside it across a skip.
fn u() -> Network {
    let stride = Window::new(2, 2);
    let up = Convolution { stride, ..convolution(2, 2, 3, &[0.25; 24]) };
    let up = Kind::ConvTranspose { conv: up, output_padding: None, activation: Activation::Sigmoid };
    let pool = Kind::Pool { pool: Pool::Max, window: stride, stride, padding: Padding::Valid };
    network(
        layers::image(2),
        vec![
            (any(3, 2, 3, Activation::Relu), vec![0]),
            (pool, vec![1]),
            (any(1, 3, 3, Activation::Relu), vec![2]),
            (up, vec![3]),
            (Kind::Concat { axis: -1 }, vec![1, 4]),
            (any(3, 5, 2, Activation::Sigmoid), vec![5]),
        ],
    )
}

/// `relu(x)` goes into a convolution and past it, twice in a row.
fn residual(last: Kind) -> Network {
    network(
        layers::image(1),
        vec![
            (any(3, 1, 1, Activation::Relu), vec![0]),
            (any(3, 1, 1, Activation::Relu), vec![1]),
            (Kind::Merge(Merge::Add), vec![1, 2]),
            (any(3, 1, 1, Activation::Relu), vec![3]),
            (Kind::Merge(Merge::Add), vec![3, 4]),
            (last, vec![5]),
        ],
    )
}

fn image(h: usize, w: usize, c: usize) -> Tensor {
    Tensor::new(Shape::new(1, h, w, c), (0..h * w * c).map(|i| ((i * 7 % 11) as f32 - 4.0) / 8.0).collect())
}

fn explained(network: &Network, filter: usize, image: &Tensor) -> Explanation {
    explain(&Reference::default(), network, network.output, filter, image).unwrap()
}

fn name(e: &Explanation, id: Option<usize>) -> &str {
    id.map_or("", |id| &e.node(id).name)
}

const SAME: &str = "y[r,s,o] = b[o] + Σ x[r+i-kh/2, s+j-kw/2, c] W[i,j,c,o]";
const SAME_BACK: &str = "dx[r,s,c] = Σ dy[r-i+kh/2, s-j+kw/2, o] W[i,j,c,o]";
const UP: &str = "y[r·sh+i·dh-top, s·sw+j·dw-left, c] += x[r,s,o] W[i,j,c,o]";
const UP_BACK: &str = "dx[r,s,o] = Σ dy[r·sh+i·dh-top, s·sw+j·dw-left, c] W[i,j,c,o]";

/// Of 4 x 6 pixels. A convolution multiplies so often as there are outputs, rows, columns and inputs; the transpose so often as its
/// convolution would: 6 pixels, 2 x 2 taps, 3 to 2 channels.
#[test]
fn the_way_forward_by_hand() {
    let (network, x) = (u(), image(4, 6, 2));
    let e = explained(&network, 1, &x);
    assert_eq!((&e.network[..], &e.layer[..], e.filter, e.image, e.dead), ("net", "layer6", 1, [1, 4, 6, 2], false));
    assert_eq!(e.backend, "reference, f64");
    // Its name, op, shape, multiplications, formula, rule, and who read it: of what is used twice nobody alone.
    let rows = [
        ("layer0", "input", [4, 6, 2], 0, "x", "", "layer1 before activation"),
        ("layer1 before activation", "conv2d", [4, 6, 3], 24 * 9 * 2 * 3, SAME, SAME_BACK, "layer1"),
        ("layer1", "relu", [4, 6, 3], 0, "y = max(x, 0)", "dx = dy (y > 0)", ""),
        (
            "layer2",
            "max_pool",
            [2, 3, 3],
            0,
            "y = max x[window]",
            "dx[p] = dy (p = argmax x[window])",
            "layer3 before activation",
        ),
        ("layer3 before activation", "conv2d", [2, 3, 3], 6 * 3 * 3, SAME, SAME_BACK, "layer3"),
        ("layer3", "relu", [2, 3, 3], 0, "y = max(x, 0)", "dx = dy (y > 0)", "layer4 before activation"),
        ("layer4 before activation", "conv_transpose", [4, 6, 2], 6 * 4 * 3 * 2, UP, UP_BACK, "layer4"),
        ("layer4", "sigmoid", [4, 6, 2], 0, "y = 1 / (1 + exp(-x))", "dx = dy y (1 - y)", "layer5"),
        ("layer5", "concat", [4, 6, 5], 0, "y = [a, b]", "[da, db] = dy", "layer6 before activation"),
        ("layer6 before activation", "conv2d", [4, 6, 1], 24 * 9 * 5, SAME, SAME_BACK, "layer6"),
        ("layer6", "sigmoid", [4, 6, 1], 0, "y = 1 / (1 + exp(-x))", "dx = dy y (1 - y)", "loss"),
        ("loss", "mean", [1, 1, 1], 0, "y = Σ x / count", "dx = dy / count", ""),
    ];
    assert_eq!(e.forward.len(), rows.len());
    for (node, (called, op, [h, w, c], macs, formula, rule, reader)) in e.forward.iter().zip(rows) {
        assert_eq!((&node.name[..], node.op, node.shape, node.macs), (called, op, [1, h, w, c], macs));
        assert_eq!((node.formula, node.rule, name(&e, node.reader)), (formula, rule, reader), "{called}");
        assert_eq!(node.topic, if op == "input" { None } else { Some(op) });
        assert!(node.answers.is_none() && node.remembers.is_none());
        assert_eq!(name(&e, node.gradient), format!("d {called}"));
    }
    // What is measured, of the values themselves.
    for node in e.nodes() {
        let data = &e.values[&node.id].data;
        let square = data.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / data.len() as f64;
        assert_relative_eq!(node.rms, square.sqrt(), max_relative = 1e-12);
        // Less than a millionth of the largest counts as zero.
        let least = data.iter().fold(0.0f32, |m, v| m.max(v.abs())) * 1e-6;
        let zeros = data.iter().filter(|v| v.abs() <= least).count() as f64 / data.len() as f64;
        assert_relative_eq!(node.zeros, zeros);
    }
    assert_eq!(e.loss, f64::from(e.values[&11].data[0]));
}

/// Each gradient with the rule that it completes, the node whose rule it is, its multiplications, and what it remembers.
#[test]
fn the_way_back_by_hand() {
    let (network, x) = (u(), image(4, 6, 2));
    let e = explained(&network, 1, &x);
    let rows = [
        ("d loss", "fill", "d loss / d loss = 1", "loss", 0, None),
        ("d layer6", "spread", "dx = dy / count", "loss", 0, None),
        (
            "d layer6 before activation",
            "sigmoid_grad",
            "dx = dy y (1 - y)",
            "layer6",
            0,
            Some(("values", "layer6", 24 * 4)),
        ),
        ("d layer5", "conv2d", SAME_BACK, "layer6 before activation", 24 * 9 * 5, None),
        ("d layer1", "slice", "[da, db] = dy", "layer5", 0, None),
        ("d layer4", "slice", "[da, db] = dy", "layer5", 0, None),
        (
            "d layer4 before activation",
            "sigmoid_grad",
            "dx = dy y (1 - y)",
            "layer4",
            0,
            Some(("values", "layer4", 48 * 4)),
        ),
        ("d layer3", "conv2d", UP_BACK, "layer4 before activation", 144, None),
        // A bit for each of up to eight channels; of a pool for each pixel of the window.
        ("d layer3 before activation", "relu_grad", "dx = dy (y > 0)", "layer3", 0, Some(("signs", "layer3", 6))),
        ("d layer2", "conv2d", SAME_BACK, "layer3 before activation", 54, None),
        (
            "d layer1",
            "max_pool_grad",
            "dx[p] = dy (p = argmax x[window])",
            "layer2",
            0,
            Some(("winners", "layer2", 6 * 4)),
        ),
        ("d layer1", "add", "dx = dx₁ + dx₂", "layer1", 0, None),
        ("d layer1 before activation", "relu_grad", "dx = dy (y > 0)", "layer1", 0, Some(("signs", "layer1", 24))),
        ("d layer0", "conv2d", SAME_BACK, "layer1 before activation", 24 * 9 * 2 * 3, None),
    ];
    assert_eq!(e.backward.len(), rows.len());
    for (node, (called, op, formula, answers, macs, remembers)) in e.backward.iter().zip(rows) {
        assert_eq!((&node.name[..], node.op, node.formula, node.macs), (called, op, formula, macs));
        assert_eq!((name(&e, node.answers), node.rule, node.topic, node.gradient), (answers, "", None, None));
        let found = node.remembers.as_ref().map(|r| (r.kind, &e.node(r.of).name[..], r.bytes));
        assert_eq!(found, remembers, "{called}");
        if let Some(r) = &node.remembers {
            assert_eq!((Some(r.from), Some(r.until)), (e.node(r.of).step, node.step), "{called}");
        }
    }
    let ascent: Vec<(&str, &str)> = e.ascent.iter().map(|node| (node.op, node.formula)).collect();
    assert_eq!(
        ascent,
        [("rms", "y = sqrt(Σ x² / count)"), ("normalise", "y = x / (rms + epsilon)"), ("step", "y = x + rate g"),]
    );
    // All that must be kept, in the order of its making.
    let kept: Vec<(&str, &str)> = e.kept().iter().map(|value| (value.kind, &e.node(value.node).name[..])).collect();
    assert_eq!(
        kept,
        [("signs", "layer1"), ("winners", "layer2"), ("signs", "layer3"), ("values", "layer4"), ("values", "layer6")]
    );
    // The two ways that the gradient comes back: shares of the whole.
    let [skip] = &e.skips[..] else { panic!("{:?}", e.skips) };
    assert_eq!((name(&e, Some(skip.node)), e.node(skip.gradient).op), ("layer1", "add"));
    let total = &e.values[&skip.gradient].data;
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    for (stream, (by, op)) in skip.streams.iter().zip([("layer5", "slice"), ("layer2", "max_pool_grad")]) {
        assert_eq!((name(&e, Some(stream.by)), e.node(stream.gradient).op), (by, op));
        let data = &e.values[&stream.gradient].data;
        assert_relative_eq!(stream.share.unwrap(), product(data, total) / product(total, total), epsilon = 1e-12);
        assert_relative_eq!(stream.rms, (product(data, data) / data.len() as f64).sqrt(), epsilon = 1e-12);
    }
    assert_eq!(skip.streams.len(), 2);
}

/// At each step the bytes of what lives then; and of what is there only to be remembered: signs and winners always, values from
/// when the way forward has read them for the last time.
#[test]
fn memory_step_by_step() {
    let (network, x) = (u(), image(4, 6, 2));
    let mut e = explained(&network, 1, &x);
    let step = |called: &str| e.nodes().filter(|node| node.name == called).find_map(|node| node.step).unwrap();
    let last = |called: &str| e.nodes().filter(|node| node.name == called).filter_map(|node| node.step).max().unwrap();
    // From and until which step, and how many bytes.
    let remembered = [
        (step("layer1"), last("d layer1 before activation"), 24),
        (step("layer2"), last("d layer1"), 24),
        (step("layer3"), last("d layer3 before activation"), 6),
        (step("layer6 before activation") + 1, step("d layer4 before activation"), 192),
        (step("loss") + 1, step("d layer6 before activation"), 96),
    ];
    for (i, found) in e.plan.steps.iter().enumerate() {
        let here = remembered.iter().filter(|(from, until, _)| (*from..=*until).contains(&i));
        assert_eq!(found.remembered, here.map(|(.., bytes)| bytes).sum::<usize>(), "step {i}: {remembered:?}");
        let lives = e.plan.values.iter().filter(|value| (value.from..=value.until).contains(&i));
        assert_eq!(found.live, lives.map(|value| value.bytes).sum::<usize>(), "step {i}");
    }
    assert_eq!(e.plan.peak, e.plan.steps.iter().map(|step| step.live).max().unwrap());
    // Four bytes for each value of each node.
    let all: usize = e.nodes().map(|node| node.shape.iter().product::<usize>()).sum();
    assert_eq!((e.plan.unplanned, e.nodes().count()), (4 * all, 29));
    // What a step writes is a value of the last of its nodes, or signs or winners on the way.
    for found in &e.plan.steps {
        let first = &e.plan.values[found.writes[0]];
        assert_eq!((first.kind, Some(&first.node)), ("values", found.nodes.last()));
        assert!(found.writes[1..].iter().all(|&side| ["signs", "winners"].contains(&e.plan.values[side].kind)));
    }
    // Of the gradient of 5 channels each half is computed by itself: 24 pixels, 9 taps, 3 and 2 channels.
    let halves: Vec<u64> = e
        .steps(e.backward.iter().find(|node| node.name == "d layer5").unwrap())
        .into_iter()
        .map(|i| e.plan.steps[i].macs)
        .collect();
    assert_eq!(halves, [24 * 9 * 3, 24 * 9 * 2]);
    assert_eq!(e.plan.steps[0].macs, 24 * 9 * 2 * 3);

    // A step's time is said of the node that it ends with.
    assert!(e.nodes().all(|node| e.seconds(node).is_none()), "the reference has no clock");
    (0..).zip(&mut e.plan.steps).for_each(|(i, step)| step.seconds = Some(f64::from(i) + 0.5));
    let seconds = |called: &str| e.seconds(e.nodes().find(|node| node.name == called).unwrap());
    assert_eq!((seconds("layer1"), seconds("layer1 before activation"), seconds("layer0")), (Some(0.5), None, None));
    assert_eq!(
        (seconds("layer2"), seconds("layer5"), seconds("next image")),
        (Some(1.5), None, Some(e.plan.steps.len() as f64 - 0.5))
    );
}

/// The gradient of a sum is handed on to both of its inputs, and no node is made for that.
#[test]
fn sums_hand_on_their_gradient() {
    let network = residual(any(1, 1, 1, Activation::Linear));
    let e = explained(&network, 0, &image(4, 4, 1));
    let readers: Vec<(&str, &str)> = e
        .forward
        .iter()
        .map(|node| (&node.name[..], name(&e, node.reader)))
        .filter(|(.., by)| !by.is_empty())
        .collect();
    assert_eq!(
        readers,
        [
            ("layer0", "layer1 before activation"),
            ("layer1 before activation", "layer1"),
            ("layer2 before activation", "layer2"),
            ("layer2", "layer3"),
            ("layer4 before activation", "layer4"),
            ("layer4", "layer5"),
            ("layer5", "layer6"),
            ("layer6", "loss"),
        ]
    );
    // The last to read gave its gradient first.
    let skips: Vec<(&str, Vec<&str>)> = e
        .skips
        .iter()
        .map(|skip| (name(&e, Some(skip.node)), skip.streams.iter().map(|stream| name(&e, Some(stream.by))).collect()))
        .collect();
    assert_eq!(
        skips,
        [
            ("layer1", vec!["layer3", "layer2 before activation"]),
            ("layer3", vec!["layer5", "layer4 before activation"]),
        ]
    );
    assert_eq!(e.backward.iter().filter(|node| node.formula == "dx = dx₁ + dx₂").count(), 2);
    assert_eq!(name(&e, e.node(e.skips[1].gradient).answers), "layer3");

    // What is no less than zero, times -1, no relu lets through: there is no sum to have a share of.
    let dark = explained(&residual(conv(1, 1, 1, &[-1.0], Activation::Relu)), 0, &image(4, 4, 1));
    assert!(dark.dead && !e.dead && dark.skips.len() == 2);
    assert!(dark.skips[0].streams.iter().all(|stream| stream.share.is_none() && stream.rms == 0.0), "{:?}", dark.skips);
}

/// The gradient of a PReLU's alpha, which nobody asks for, is not shown: all that is shown leads to the image.
#[test]
fn gradients_of_constants_are_not_shown() {
    let alpha = Array { shape: vec![1, 1, 1], data: vec![0.5].into() };
    let network = chain(1, vec![Kind::PRelu { alpha }, any(1, 1, 1, Activation::Linear)]);
    let e = explained(&network, 0, &image(3, 4, 1));
    assert!(e.forward.iter().any(|node| node.op == "constant"));
    for node in &e.backward {
        assert!(e.nodes().any(|other| other.inputs.contains(&node.id)), "nothing reads {} ({})", node.name, node.op);
        assert_ne!(node.name, "d layer1 alpha");
    }
}

/// Two relus in a row: each gradient remembers the signs of its own.
#[test]
fn each_gradient_remembers_its_own() {
    let relu = || Kind::Activation(Activation::Relu);
    let scale = Kind::BatchNorm { axis: -1, scale: vec![2.0].into(), shift: vec![-0.25].into() };
    let kinds = vec![any(3, 1, 1, Activation::Linear), relu(), scale, relu(), any(3, 1, 1, Activation::Linear)];
    let network = chain(1, kinds);
    let e = explained(&network, 0, &image(5, 4, 1));
    let of = |node: &NodeFacts| node.remembers.as_ref().map(|r| (r.kind, e.node(r.of).name.clone()));
    let found: Vec<_> = e.backward.iter().filter(|node| node.op == "relu_grad").map(of).collect();
    assert_eq!(found, [Some(("signs", "layer4".to_string())), Some(("signs", "layer2".to_string()))]);
    assert_eq!(e.kept().len(), 2);
}

/// Beside the program, in which each node is kept, room for what is read from it: four bytes for each value.
#[test]
fn what_an_explanation_takes() {
    let (network, x) = (residual(any(1, 1, 1, Activation::Linear)), image(4, 6, 1));
    let objective = Objective::new(&network, 6, &[0], x.shape, &Recipe::default(), false).unwrap();
    let graph = &objective.plan.graph;
    let all: Vec<NodeId> = graph.nodes().map(|(id, _)| id).collect();
    let plan = Plan::compile((**graph).clone(), &all, &[objective.loss], &[]);
    let program = Reference::default().compile(Arc::new(plan)).unwrap().memory().host;
    let needed = program + graph.nodes().map(|(_, node)| 4 * node.shape.len() as u64).sum::<u64>();
    let with = |limit: u64| explain(&Reference { limit: Limit::new(Some(limit)) }, &network, 6, 0, &x).is_ok();
    assert!(with(needed) && !with(needed - 1), "{needed}");
}

/// A softmax's rule takes several nodes: the last completes it, those on the way are what they are.
#[test]
fn a_rule_of_several_nodes_is_completed_by_one() {
    let softmax = Kind::Softmax { axes: vec![-1] };
    let network = chain(1, vec![any(1, 1, 3, Activation::Linear), softmax, any(1, 3, 1, Activation::Linear)]);
    let e = explained(&network, 0, &image(2, 3, 1));
    let of = e.forward.iter().find(|node| node.op == "softmax").unwrap();
    let rule: Vec<&NodeFacts> = e.backward.iter().filter(|node| node.answers == Some(of.id)).collect();
    let (last, before) = rule.split_last().unwrap();
    assert_eq!((Some(last.id), last.formula), (e.node(of.inputs[0]).gradient, "dx = y (dy - Σ dy y)"));
    assert!(before.len() > 1 && before.iter().any(|node| node.op == "mul"));
    for node in before {
        let formula = match node.op {
            "mul" => "y = a b",
            "add" => "y = a + b",
            "sum" => "y = Σ x",
            "scale" => "y = factor x",
            "broadcast" => "y = x, repeated",
            op => panic!("{op}"),
        };
        assert_eq!(node.formula, formula, "{} ({})", node.name, node.op);
    }
}
