//! Figures, image files and .npy files.

use unet_lens::picture::{Colormap, Panel, Plot, Series, grid, npy, read_image, share_range};

/// A smooth texture with some noise, [n, n], different for each `seed`; zero mean.
fn texture(n: usize, seed: usize) -> Vec<f32> {
    let s = seed as f32;
    let (fx, fy) = (0.05 + 0.04 * (s * 1.7).sin().abs() + 0.01 * s, 0.04 + 0.3 * (s * 0.9).cos().abs());
    (0..n * n)
        .map(|i| {
            let (x, y) = ((i % n) as f32, (i / n) as f32);
            let noise = ((i as f32 * 12.9898 + s).sin() * 43758.547).fract() - 0.5;
            (fx * x + s).sin() * (fy * y).cos() + 0.6 * (fy * (x + y) - s).sin() + 0.25 * noise
        })
        .collect()
}

fn filters(count: usize, n: usize) -> Vec<Panel> {
    (0..count).map(|i| Panel::map(n, n, texture(n, i)).label(i.to_string())).collect()
}

/// Writes example figures to look at: `cargo test --test pictures gallery -- --ignored --nocapture`.
#[test]
#[ignore = "writes files to look at"]
fn gallery() {
    let dir = std::env::temp_dir().join("unet-lens-gallery");
    std::fs::create_dir_all(&dir).unwrap();
    let save = |name: &str, figure: unet_lens::picture::Figure| {
        let bytes = figure.to_png();
        println!("{name}: {}x{}, {} kB", figure.width(), figure.height(), bytes.len() / 1000);
        std::fs::write(dir.join(name), bytes).unwrap();
    };
    let view = Colormap::Viridis;

    let mut sixteen = filters(16, 128);
    sixteen[5] = Panel::blank("dead").label("5");
    sixteen[11] = Panel::blank("dead").label("11");
    sixteen[12].picture = Panel::map(128, 128, vec![0.25; 128 * 128]).picture;
    sixteen[14].picture = Panel::map(128, 128, vec![f32::NAN; 128 * 128]).picture;
    save("grid16.png", grid("conv2d_7 (16 filters), 200 steps from noise, rate 0.1", &sixteen, 8, view));
    save("grid16-gray.png", grid("conv2d_7", &filters(16, 128), 8, Colormap::Gray));
    let mut holes = texture(64, 3);
    holes.iter_mut().step_by(7).take(200).for_each(|v| *v = f32::NAN);
    let mut five = filters(5, 64);
    five[2].picture = Panel::map(64, 64, holes).picture;
    five.iter_mut().for_each(|p| p.sub = "loss −3.2 → 41.7".into());
    save("grid5.png", grid("encoder/conv2d_1 — 5 µ-filters, 3×3, σ² = 1, ñé", &five, 8, Colormap::Magma));
    save("grid1.png", grid("A title that is much too long for a figure of one panel only", &filters(1, 128), 8, view));
    let mut forty = filters(40, 96);
    forty.iter_mut().enumerate().filter(|(i, _)| i % 9 == 0).for_each(|(i, p)| {
        *p = Panel::blank("dead").label(format!("filter {i} of the layer with a very long name indeed"))
    });
    save(
        "grid40.png",
        grid(
            "bottleneck_conv2d_block_4_second_convolution_with_a_long_name/relu: ".repeat(4).trim(),
            &forty,
            8,
            Colormap::Cividis,
        ),
    );
    save("dead.png", grid("all dead", &[Panel::blank("dead").label("0"), Panel::blank("dead").label("1")], 8, view));
    save("small.png", grid("16×16", &filters(16, 16), 8, Colormap::Coolwarm));

    let single = |n, seed| Panel::map(n, n, texture(n, seed)).axes(true).colorbar();
    save("single.png", grid("Filter 12 of conv2d_7", &[single(128, 3)], 8, view));
    let tiny = texture(200, 4).iter().map(|v| v * 3e-6).collect();
    let tiny = Panel::map(200, 200, tiny).axes(false).colorbar().label("dx, the gradient").sub("step 200 of 200");
    save("single-signed.png", grid("Gradient with respect to the image", &[tiny], 1, Colormap::Coolwarm));
    let constant = Panel::map(30, 60, vec![0.0; 1800]).axes(true).colorbar();
    save("single-constant.png", grid("A constant map, 30×60", &[constant], 1, view));

    let mut rows = Vec::new();
    for row in 0..2 {
        let truth = texture(128, row + 3);
        let part = |f: f32| truth.iter().zip(texture(128, 9)).map(|(t, n)| t + f * n).collect::<Vec<f32>>();
        let mut three = [part(0.5), part(0.1), truth.clone()].map(|v| Panel::map(128, 128, v));
        share_range(&mut three);
        three[0].label = "PSNR 24.1 dB, SSIM 0.71".into();
        three[1].label = "PSNR 30.7 dB, SSIM 0.93".into();
        rows.extend(three);
        let error = texture(128, 9).iter().map(|v| v * 0.1).collect();
        rows.push(Panel::map(128, 128, error).colormap(Colormap::Coolwarm).range(-0.2, 0.2).colorbar());
    }
    for (panel, title) in rows.iter_mut().zip(["aliased", "restored", "truth", "error"]) {
        panel.title = title.into();
    }
    save("compare.png", grid("4× undersampled knee, radial mask", &rows, 4, Colormap::Gray));
    let rgb = (0..96 * 128).flat_map(|i| [(i % 128 * 2) as u8, (i / 128 * 2) as u8, 128]).collect();
    let mixed = [Panel::color(96, 128, rgb).title("photo").axes(false), single(128, 5).title("answer")];
    save("mixed.png", grid("", &mixed, 2, view));

    let curve =
        |a: f64, b: f64| (0..200).map(move |i| a * (1.0 - (-i as f64 / b).exp()) - 0.3 + 0.05 * (i as f64).sin());
    let series = (0..4).map(|i| Series::counted(format!("filter {i}"), curve(1.0 + i as f64, 20.0 + 15.0 * i as f64)));
    let losses = Plot {
        title: "Loss over the ascent".into(),
        x: "step".into(),
        y: "mean activation".into(),
        series: series.collect(),
        from_zero: false,
    };
    save("plot.png", losses.draw());
    let live: Vec<f64> = (0..60).map(|i| 1e6 * (1.0 + 8.0 * (-((i as f64 - 30.0) / 9.0).powi(2)).exp())).collect();
    let series = vec![Series::counted("", live)];
    let memory = Plot {
        title: "What backprop has to remember".into(),
        x: "node".into(),
        y: "live values, bytes".into(),
        series,
        from_zero: true,
    };
    save("memory.png", memory.draw());
    let dot = Plot { series: vec![Series::counted("one", [3.0])], title: "one point".into(), ..Default::default() };
    save("plot-one.png", dot.draw());
    let _ = (npy::read("x"), read_image("x"));
}
