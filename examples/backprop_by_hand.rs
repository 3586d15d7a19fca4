//! Backprop, start to finish, in one sitting: build a small net, take its gradient, check it, climb it.
//!
//! `cargo run --release --example backprop_by_hand`

use unet_lens::Result;
use unet_lens::engine::autodiff::gradient;
use unet_lens::engine::exec::reference::evaluate;
use unet_lens::engine::graph::Graph;
use unet_lens::engine::ops::{Conv2d, Kernel, Window};
use unet_lens::engine::tensor::{Shape, Tensor64};

fn main() -> Result<()> {
    // 1. A net of two layers. An image of 6x6 pixels comes in; a convolution looks for vertical edges, ReLU keeps what it
    //    found, a max pool keeps the strongest of four, and a second convolution smooths. Each line adds one node.
    let mut graph = Graph::new();
    let image = graph.input("image", Shape::new(1, 6, 6, 1))?;
    let edges = graph.conv2d("edges", image, conv(&[-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0])?)?;
    let found = graph.relu("found", edges)?;
    let pooled = graph.max_pool("pooled", found, Window::new(2, 2))?;
    let smooth = graph.conv2d("smooth", pooled, conv(&[0.0, 0.1, 0.0, 0.1, 0.6, 0.1, 0.0, 0.1, 0.0])?)?;

    // 2. One number to ask about: how much edge is there, on average?
    let loss = graph.mean("loss", smooth)?;
    let forward_nodes = graph.len();

    // 3. The gradient of that number with respect to every pixel. No new machinery: one walk backwards over the nodes above
    //    appends ordinary nodes, and each of them answers one of those above.
    let d_image = gradient(&mut graph, loss, image)?.of_wrt();
    println!("{:<10} {:<14} shape        answers", "node", "op");
    for (id, node) in graph.nodes() {
        let answers = node.answers.map_or("", |y| &graph[y].name);
        let line = if id.0 == forward_nodes { "--- backward ---\n" } else { "" };
        println!("{line}{:<10} {:<14} {:<12} {answers}", node.name, node.op.name(), node.shape);
    }

    // 4. An image to begin with, and the gradient there.
    let mut x = Tensor64 { shape: graph.shape(image), data: (0..36).map(|i| f64::from(i * 7 % 11) / 10.0).collect() };
    let slope = evaluate(&graph, &[(image, &x)], &[d_image]).remove(0);

    // 5. Is it true? Move one pixel a little up, a little down, and see what the loss does.
    let loss_at = |x: &Tensor64| evaluate(&graph, &[(image, x)], &[loss]).remove(0).data[0];
    println!("\n{:<8} {:>12} {:>12}", "pixel", "backprop", "difference");
    let h = 1e-6;
    for pixel in [0, 7, 14, 21, 35] {
        let moved = |by: f64| {
            let mut moved = x.clone();
            moved.data[pixel] += by;
            loss_at(&moved)
        };
        let difference = (moved(h) - moved(-h)) / (2.0 * h);
        println!("{pixel:<8} {:>12.8} {difference:>12.8}", slope.data[pixel]);
        assert!((slope.data[pixel] - difference).abs() < 1e-6, "backprop is wrong at pixel {pixel}");
    }

    // 6. So follow it: a small step uphill, again and again. This is all that there is to making a filter's picture.
    println!();
    for step in 0..=20 {
        if step % 5 == 0 {
            println!("after {step:>2} steps the loss is {:.4}", loss_at(&x));
        }
        let slope = evaluate(&graph, &[(image, &x)], &[d_image]).remove(0);
        x = x.zip(&slope, |x, dx| x + 5.0 * dx);
    }

    // 7. The picture: the net likes edges, so edges have grown.
    for row in x.data.chunks(6) {
        println!("{}", row.iter().map(|v| format!("{v:>7.2}")).collect::<String>());
    }
    Ok(())
}

/// A 3x3 convolution from one channel to one.
fn conv(kernel: &[f32]) -> Result<Conv2d> {
    Ok(Conv2d::same(Kernel::new(3, 3, 1, 1, kernel.into())?, None))
}
