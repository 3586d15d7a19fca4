//! Which nodes the backward pass appends, and where it ends.

use unet_lens::engine::autodiff::{gradient, pull_back};
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::memory::{Limit, Memory};
use unet_lens::engine::exec::reference::{Reference, evaluate};
use unet_lens::engine::graph::{Graph, NodeId};
use unet_lens::engine::ops::{Conv2d, Kernel, Sides, Window};
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor, Tensor64};

fn appended(g: &Graph, first: usize) -> Vec<String> {
    g.nodes().skip(first).map(|(_, node)| format!("{} ({})", node.name, node.op.name())).collect()
}

/// `loss = mean(relu(3 x) * 3 x)`, from which gradients go back to any node on the way, and no further.
#[test]
fn the_walk_ends_where_it_was_sent() {
    let mut g = Graph::new();
    let x = g.input("x", Shape::new(1, 1, 2, 1)).unwrap();
    let scaled = g.scale("scaled", x, 3.0).unwrap();
    let relu = g.relu("relu", scaled).unwrap();
    let product = g.mul("product", relu, scaled).unwrap();
    let loss = g.mean("loss", product).unwrap();
    let first = g.len();
    let to = |wrt: NodeId| {
        let mut g = g.clone();
        let gradients = gradient(&mut g, loss, wrt).unwrap();
        (
            appended(&g, first),
            [x, scaled, relu, product, loss].map(|id| gradients.of(id).is_some()),
            g,
            gradients.of_wrt(),
        )
    };
    let (nodes, known, ..) = to(product);
    assert_eq!(nodes, ["d loss (fill)", "d product (spread)"]);
    assert_eq!(known, [false, false, false, true, true]);
    let (nodes, known, ..) = to(relu);
    assert_eq!(known, [false, false, true, true, true]);
    assert!(!nodes.iter().any(|node| node.contains("relu_grad")), "{nodes:?}");
    let (nodes, known, graph, dx) = to(x);
    assert_eq!(known, [true; 5]);
    assert_eq!(nodes.iter().filter(|node| node.ends_with("(add)")).count(), 1, "the two uses of 3 x: {nodes:?}");
    // At -1 the ReLU is off; at 2 the loss is 9 x² / 2 and its slope 9 x.
    let at = Tensor64 { shape: Shape::new(1, 1, 2, 1), data: vec![-1.0, 2.0] };
    assert_eq!(evaluate(&graph, &[(x, &at)], &[dx])[0].data, [0.0, 18.0]);

    // What arrives at a stop goes no further: without the way through the ReLU half of it is left.
    let mut stopped = g.clone();
    let dy = stopped.fill("dy", Shape::new(1, 1, 1, 1), 1.0).unwrap();
    let gradients = pull_back(&mut stopped, loss, dy, x, &[relu]).unwrap();
    assert!(gradients.of(relu).is_some());
    assert_eq!(evaluate(&stopped, &[(x, &at)], &[gradients.of_wrt()])[0].data, [0.0, 9.0]);
    let mut nowhere = g.clone();
    let dy = nowhere.fill("dy", Shape::new(1, 1, 1, 1), 1.0).unwrap();
    let gradients = pull_back(&mut nowhere, loss, dy, x, &[product]).unwrap();
    assert_eq!(gradients.of(x), None);
}

#[test]
fn what_has_no_gradient_is_said() {
    let mut g = Graph::new();
    let x = g.input("x", Shape::new(2, 1, 2, 1)).unwrap();
    let other = g.input("other", Shape::new(2, 1, 2, 1)).unwrap();
    let loss = g.mean("loss", x).unwrap();
    let rms = g.rms("rms", x).unwrap();
    let said = |loss, wrt| gradient(&mut g.clone(), loss, wrt).unwrap_err().to_string();
    assert_eq!(said(x, x), "the loss must be one number per image, not of shape 2x1x2x1");
    assert_eq!(said(loss, other), "loss does not depend on other");
    assert!(said(rms, x).contains("rms: no gradient is taken of the backward pass's own ops"));
    let mut itself = g.clone();
    let of = gradient(&mut itself, loss, loss).unwrap().of_wrt();
    assert_eq!(evaluate(&itself, &[], &[of])[0].data, [1.0, 1.0], "d loss / d loss");
}

/// The gradient of a convolution is a convolution, unless it leaps or an output lies in zeros alone.
#[test]
fn the_gradient_of_a_convolution_is_a_convolution() {
    let of = |conv: Conv2d| {
        let mut g = Graph::new();
        let x = g.input("x", Shape::new(1, 6, 6, 2)).unwrap();
        let y = g.conv2d("y", x, conv).unwrap();
        let loss = g.mean("loss", y).unwrap();
        let dx = gradient(&mut g, loss, x).unwrap().of_wrt();
        g[dx].op.name()
    };
    let plain = |groups: usize| {
        let kernel = Kernel::new(3, 3, 2 / groups, 4, vec![0.5; 72 / groups].into()).unwrap();
        Conv2d { groups, ..Conv2d::same(kernel, None) }
    };
    let pad = |top, bottom, left, right| Conv2d { pad: Sides { top, bottom, left, right }, ..plain(1) };
    let apart = Conv2d { dilation: Window::new(2, 1), pad: Sides { top: 4, ..Sides::NONE }, ..plain(1) };
    for conv in [plain(1), plain(2), pad(0, 0, 0, 0), pad(2, 2, 2, 2), apart] {
        assert_eq!(of(conv.clone()), "conv2d", "{conv:?}");
    }
    let leaping = Conv2d { stride: Window::new(1, 2), ..plain(1) };
    for conv in [leaping, pad(3, 0, 0, 0), pad(0, 3, 0, 0), pad(0, 0, 3, 0), pad(0, 0, 0, 3)] {
        assert_eq!(of(conv.clone()), "conv_transpose", "{conv:?}");
    }
}

/// The reference holds each node's result in eight bytes a value, and runs until what is traced first is known.
#[test]
fn what_the_reference_holds_and_runs() {
    let mut g = Graph::new();
    let x = g.input("x", Shape::new(2, 1, 3, 1)).unwrap();
    let doubled = g.scale("doubled", x, 2.0).unwrap();
    let mean = g.mean("mean", doubled).unwrap();
    let next = g.add("next", x, doubled).unwrap();
    let most = g.mean("of next", next).unwrap();
    let plan = std::sync::Arc::new(Plan::compile(g, &[doubled], &[mean, most], &[(x, next)]));
    let reference = Reference { limit: Limit::new(Some(1000)) };
    assert_eq!(reference.describe(), "reference, f64");
    let compiled = reference.compile(plan.clone()).unwrap();
    assert_eq!(compiled.memory(), Memory::host(8 * (6 + 6 + 2 + 6 + 2)));
    // As the CPU has it: four bytes for each value of one image.
    assert_eq!(compiled.image_bytes(plan.data_of(doubled).unwrap()), 4 * 3);
    let mut program = compiled.load().unwrap();
    program.write(x, &Tensor::new(Shape::new(2, 1, 3, 1), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).unwrap();
    assert_eq!(program.first_traced().unwrap(), [4.0, 10.0]);
    // Twice: each time x becomes 3 x.
    assert_eq!(program.run(2).unwrap(), [[[4.0, 10.0], [6.0, 15.0]], [[12.0, 30.0], [18.0, 45.0]]]);
    assert_eq!(program.first_traced().unwrap(), [36.0, 90.0]);
    assert_eq!(program.read(x).unwrap().data, [9.0, 18.0, 27.0, 36.0, 45.0, 54.0]);
    // 176 bytes are needed.
    assert!(Reference { limit: Limit::new(Some(176)) }.prepare(plan.clone()).is_ok());
    assert!(Reference { limit: Limit::new(Some(175)) }.prepare(plan).is_err());
}
