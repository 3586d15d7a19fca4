//! Figures, image files and .npy files.

mod common;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use unet_lens::Error;
use unet_lens::activations::{Activation, Channel, overview};
use unet_lens::files::{check_writable_dir, write_whole};
use unet_lens::mri::Sampling;
use unet_lens::picture::{Color, Colormap, Figure, Panel, Plot, Series, grid, npy, read_image, share_range};
use unet_lens::restore::{Attempt, Example, Restored, figure};
use unet_lens::tensor::{Shape, Tensor};

const VIEW: Colormap = Colormap::Viridis;
const NAN_GREY: Color = [0xa0; 3];

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
    let save = |name: &str, figure: Figure| {
        let bytes = figure.to_png();
        println!("{name}: {}x{}, {} kB", figure.width(), figure.height(), bytes.len() / 1000);
        std::fs::write(dir.join(name), bytes).unwrap();
    };
    let mut sixteen = filters(16, 128);
    sixteen[5] = Panel::blank("dead").label("5");
    sixteen[11] = Panel::blank("dead").label("11");
    sixteen[12].picture = Panel::map(128, 128, vec![0.25; 128 * 128]).picture;
    sixteen[14].picture = Panel::map(128, 128, vec![f32::NAN; 128 * 128]).picture;
    save("grid16.png", grid("conv2d_7 (16 filters), 200 steps from noise, rate 0.1", &sixteen, 8, VIEW));
    save("grid16-gray.png", grid("conv2d_7", &filters(16, 128), 8, Colormap::Gray));
    let mut holes = texture(64, 3);
    holes.iter_mut().step_by(7).take(200).for_each(|v| *v = f32::NAN);
    let mut five = filters(5, 64);
    five[2].picture = Panel::map(64, 64, holes).picture;
    five.iter_mut().for_each(|p| p.note = "loss −3.2 → 41.7".into());
    save("grid5.png", grid("encoder/conv2d_1 — 5 µ-filters, 3×3, σ² = 1, ñé", &five, 8, Colormap::Magma));
    save("grid1.png", grid("A title that is much too long for a figure of one panel only", &filters(1, 128), 8, VIEW));
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
    save("dead.png", grid("all dead", &[Panel::blank("dead").label("0"), Panel::blank("dead").label("1")], 8, VIEW));
    save("small.png", grid("16×16", &filters(16, 16), 8, Colormap::Coolwarm));

    let single = |n, seed| Panel::map(n, n, texture(n, seed)).axes(true).colorbar();
    save("single.png", grid("Filter 12 of conv2d_7", &[single(128, 3)], 8, VIEW));
    let tiny = texture(200, 4).iter().map(|v| v * 3e-6).collect();
    let tiny = Panel::map(200, 200, tiny).axes(false).colorbar().label("dx, the gradient").note("step 200 of 200");
    save("single-signed.png", grid("Gradient with respect to the image", &[tiny], 1, Colormap::Coolwarm));
    let constant = Panel::map(30, 60, vec![0.0; 1800]).axes(true).colorbar();
    save("single-constant.png", grid("A constant map, 30×60", &[constant], 1, VIEW));

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
    save("mixed.png", grid("", &mixed, 2, VIEW));

    let words = "some rather long words for a small place ".repeat(3);
    let mut crowded = filters(6, 24);
    crowded.iter_mut().for_each(|p| *p = p.clone().title(&words).label(&words).note(&words).axes(false).colorbar());
    save("crowded.png", grid(&words, &crowded, 3, VIEW));
    save("narrow.png", grid(&words, &[Panel::map(200, 2, vec![1.0; 400]).label("a narrow one").axes(true)], 3, VIEW));

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
}

/// The colours of a picture of h x w in the figure, each of whose pixels must be one block of s x s; `x`, `y` is its
/// corner.
fn blocks(figure: &Figure, (x, y): (usize, usize), (h, w): (usize, usize), s: usize) -> Vec<Color> {
    let block = |i: usize| {
        let (bx, by) = (x + i % w * s, y + i / w * s);
        let color = figure.pixel(bx, by);
        for (dx, dy) in (0..s * s).map(|j| (j % s, j / s)) {
            assert_eq!(figure.pixel(bx + dx, by + dy), color, "pixel ({}, {}) at ({dx}, {dy})", i % w, i / w);
        }
        color
    };
    (0..h * w).map(block).collect()
}

/// The corner of the first panel: where its colour first is.
fn corner(figure: &Figure, color: Color) -> (usize, usize) {
    let at = figure.colors().position(|c| c == color).expect("the colour is in the figure");
    (at % figure.width(), at / figure.width())
}

/// No text lies over another, none reaches out of the figure or is cut, and the figure's edge is white.
fn is_tidy(figure: &Figure) {
    edge_is_white(figure);
    let texts = figure.texts();
    for (i, a) in texts.iter().enumerate() {
        let (w, h) = (figure.width() as i32, figure.height() as i32);
        assert!(a.left >= 0 && a.top >= 0 && a.right <= w && a.bottom <= h, "{a:?} reaches out of {w}x{h}");
        for b in &texts[..i] {
            let apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
            assert!(apart, "{a:?} lies over {b:?}");
        }
    }
}

fn edge_is_white(figure: &Figure) {
    let (w, h) = (figure.width(), figure.height());
    let along = (0..w).flat_map(|x| [(x, 0), (x, h - 1)]);
    let down = (0..h).flat_map(|y| [(0, y), (w - 1, y)]);
    for (x, y) in along.chain(down) {
        assert_eq!(figure.pixel(x, y), [255; 3], "pixel ({x}, {y}) of {w}x{h}");
    }
}

/// The figures of README.md are there and small, and each choice of the climb stands in the command of one of them.
#[test]
fn figures_of_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let shown: Vec<&str> =
        readme.split("](docs/pictures/").skip(1).map(|rest| rest.split_once(')').unwrap().0).collect();
    let mut there: Vec<String> = (fs::read_dir(root.join("docs/pictures")).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut sorted = shown.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, there);
    for name in shown {
        let bytes = fs::metadata(root.join("docs/pictures").join(name)).unwrap().len();
        assert!(bytes <= 400_000, "{name} has {bytes} bytes");
    }
    // The commands right before and right after each group of figures.
    let blocks: Vec<&str> = readme.split("\n\n").collect();
    let is_figure = |block: &str| block.starts_with("![");
    let mut beside: Vec<(&str, Vec<String>)> = vec![];
    for (i, block) in blocks.iter().enumerate().filter(|(_, block)| is_figure(block)) {
        let around = [blocks[i - 1], blocks[i + 1]].into_iter().flat_map(commands);
        beside.push((block, around.collect()));
    }
    for (option, figure) in [
        ("--objective square", "fourier.png"),
        ("--parameter fourier", "fourier.png"),
        ("--jitter", "fourier.png"),
        ("--l2", "fourier.png"),
        ("--optimizer adam", "adam.png"),
        ("--rate", "adam.png"),
        ("--tv", "adam.png"),
        ("--negative", "negative.png"),
        ("--neuron", "neuron.png"),
        ("--rescue", "rescue.png"),
        ("dream", "dream.png"),
        ("restore", "brain.png"),
    ] {
        let (_, commands) = beside.iter().find(|(block, _)| block.contains(figure)).unwrap();
        assert!(commands.iter().any(|command| command.contains(option)), "no {option} beside {figure}: {commands:?}");
    }
    // They are commands of this program: it gets as far as to look for its network.
    let all: Vec<String> = blocks.iter().flat_map(|block| commands(block)).collect();
    assert!(all.len() > 8, "{all:?}");
    for command in all {
        let arguments = command.split(' ').chain(["--model", "no such network.h5"]);
        let output = common::unet_lens(root).args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {error}");
        assert!(error.contains("no such network.h5"), "{command}: {error}");
    }
}

/// The arguments of the commands in a part of README.md that draw something: in lines of their own, and between backticks.
fn commands(block: &str) -> Vec<String> {
    let lines = if block.starts_with("    ") { block.replace("\\\n", " ") } else { String::new() };
    let flat = block.replace('\n', " ");
    let quoted = flat.split('`').skip(1).step_by(2).filter(|_| lines.is_empty());
    let arguments = lines.lines().chain(quoted).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let command = |line: String| {
        let rest = ["cargo run --release -- ", "unet-lens "].iter().find_map(|before| line.strip_prefix(before));
        let own = rest.or(line.starts_with("--layer ").then_some(&*line))?;
        (own.starts_with("--layer ") || own.starts_with("dream ") || own.starts_with("restore "))
            .then(|| own.to_string())
    };
    arguments.filter_map(command).filter(|command| !command.contains("NAME")).collect()
}

#[test]
fn every_pixel_becomes_a_whole_block() {
    // 8 panels of 100x90: about 256 pixels, so twice as large.
    let mut values = texture(100, 1)[..9000].to_vec();
    values[0] = f32::NAN;
    let figure = grid("", &vec![Panel::map(100, 90, values.clone()); 8], 8, Colormap::Gray);
    let seen = blocks(&figure, corner(&figure, NAN_GREY), (100, 90), 2);
    // Brighter pixels have larger values.
    let mut order: Vec<usize> = (1..9000).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    assert!(order.windows(2).all(|pair| seen[pair[0]] <= seen[pair[1]]));
    assert!(figure.width() > 8 * 180 && figure.width() < 9 * 200, "{}", figure.width());
}

#[test]
fn half_a_percent_is_clipped_at_each_end() {
    // 0..=1000 in a row: 0.5% is 5, so 5 is black and 995 white, as with numpy.percentile.
    let mut values: Vec<f32> = (0..=1000).map(|v| v as f32).collect();
    (values[0], values[1000]) = (-1e30, 1e30);
    values.push(f32::INFINITY);
    let figure = grid("", &[Panel::map(1, 1002, values)], 8, Colormap::Gray);
    let (x, y) = corner(&figure, [0; 3]);
    let at = |i: usize| figure.pixel(x + i, y);
    assert_eq!([at(0), at(5), at(995), at(1000)], [[0; 3], [0; 3], [255; 3], [255; 3]]);
    assert!(at(8)[0] > 0 && at(992)[0] < 255);
    assert!((at(500)[0] as i32 - 128).abs() <= 1, "{:?}", at(500));
    assert_eq!(at(1001), NAN_GREY);
}

#[test]
fn signed_maps_are_centred_at_zero() {
    let values = (0..64).map(|i| if i < 60 { i as f32 / 60.0 } else { -0.001 }).collect();
    let figure = grid("", &[Panel::map(8, 8, values)], 8, Colormap::Coolwarm);
    let zero = Colormap::Coolwarm.rgb(0.5);
    assert!(zero.iter().all(|v| v.abs_diff(0xdd) <= 2), "light grey: {zero:?}");
    let (x, y) = corner(&figure, zero);
    assert_eq!(blocks(&figure, (x, y), (8, 8), 64)[0], zero);
    assert_eq!([Colormap::Coolwarm.rgb(0.0), Colormap::Coolwarm.rgb(1.0)], [[59, 76, 192], [180, 4, 38]]);
    // matplotlib's viridis
    assert_eq!([VIEW.rgb(-1.0), VIEW.rgb(f32::NAN), VIEW.rgb(2.0)], [[68, 1, 84], [68, 1, 84], [253, 231, 37]]);
}

#[test]
fn constant_and_nan_maps() {
    for value in [0.0, -7.5, 1e-30, f32::MAX, f32::MIN] {
        let figure = grid("", &[Panel::map(4, 4, vec![value; 16]).colorbar().axes(true)], 1, VIEW);
        edge_is_white(&figure);
        assert!(figure.colors().any(|c| c == VIEW.rgb(0.5)), "{value}");
    }
    let figure = grid("", &[Panel::map(4, 4, vec![f32::NAN; 16]).colorbar()], 1, VIEW);
    assert_eq!(figure.colors().filter(|&c| c == NAN_GREY).count(), 512 * 512);
    // The whole range of f32, and a constant map with one other pixel.
    grid("", &[Panel::map(1, 2, vec![f32::MIN, f32::MAX]).colorbar()], 1, VIEW);
    let mut one = vec![0.0; 900];
    one[450] = 1.0;
    assert!(grid("", &[Panel::map(30, 30, one)], 1, VIEW).colors().any(|c| c == VIEW.rgb(1.0)));
    // Nothing at all.
    edge_is_white(&grid("title", &[], 8, VIEW));
    edge_is_white(&grid("", &[Panel::map(0, 5, vec![]).axes(true).colorbar()], 0, VIEW));
}

#[test]
fn a_dead_filter_is_an_empty_box_with_a_word() {
    let figure = grid("", &[Panel::map(64, 64, texture(64, 1)), Panel::blank("dead")], 8, Colormap::Magma);
    let (x, y) = corner(&figure, [0xf4; 3]);
    let (cx, cy) = (x + 191, y + 191);
    let dark = |x: usize, y: usize| figure.pixel(x, y)[0] < 0xa0;
    assert!((cx - 25..cx + 25).any(|x| (cy - 10..cy + 10).any(|y| dark(x, y))), "no word in the middle");
    assert_eq!(figure.pixel(x - 1, y - 1), [0xb0; 3], "the border");
    assert!(!dark(x + 20, y + 20));
}

#[test]
fn text_stays_inside() {
    let long = "a_layer_with_a_very_long_name/".repeat(9);
    let words = "a title of many short words, and — ñé — some more of them ".repeat(5);
    for title in [long.as_str(), words.as_str(), "two\nlines", "WWWW", ""] {
        for (count, size) in [(1, 128), (3, 8), (8, 16), (9, 300)] {
            let mut panels = filters(count, size);
            panels[0] = panels[0].clone().title(title).label(title).note(title).axes(true).colorbar();
            panels[count - 1] = Panel::blank(title).label(title);
            is_tidy(&grid(title, &panels, 8, VIEW));
        }
        let series = vec![Series::counted(title, [1e9, -3e9, f64::NAN, 2.0]), Series::counted("", [])];
        let plot = Plot { title: title.into(), x: title.into(), y: title.into(), series, from_zero: true };
        is_tidy(&plot.draw());
    }
    is_tidy(&Plot::default().draw());
}

#[test]
fn texts_keep_apart() {
    let long = "a_layer_with_a_very_long_name/".repeat(3);
    // Grids as the commands draw them: many panels, few, small ones, with labels of every length.
    for (count, size) in [(128, 64), (16, 128), (5, 128), (1, 8), (2, 200)] {
        let mut panels = filters(count, size);
        is_tidy(&grid("uconv128", &panels, 8, VIEW));
        for (i, panel) in panels.iter_mut().enumerate() {
            panel.label = [format!("{i}, seed 123456"), format!("{i}, before relu"), long.clone()][i % 3].clone();
            panel.note = ["1.23e-7", "−0.000123", "a note that takes several words"][i % 3].into();
            panel.title = if i < 8 { ["|aliased − truth|", "x", &long][i % 3].into() } else { String::new() };
        }
        is_tidy(&grid(&long, &panels, 8, VIEW));
        is_tidy(&grid(&long, &panels, 16, VIEW));
        panels.iter_mut().step_by(2).for_each(|p| *p = p.clone().axes(true).colorbar());
        is_tidy(&grid(&long, &panels, 8, VIEW));
    }
    // Colour bars from tiny to huge, around zero and far from it; pictures of every form.
    for (lo, hi) in
        [(0.0, 1e-30), (-1e-7, 3e-5), (0.0, 0.07), (-0.3, 1234.5), (-1e9, 1e12), (0.0, 3e38), (99999.0, 100001.0)]
    {
        for (h, w) in [(8, 8), (1, 1), (1, 300), (300, 1), (128, 128), (30, 200), (1000, 700)] {
            let values = (0..h * w).map(|i| lo + (hi - lo) * (i as f32 / (h * w) as f32)).collect();
            let panel = Panel::map(h, w, values).range(lo, hi).axes(true).colorbar();
            is_tidy(&grid("filter 0", std::slice::from_ref(&panel), 1, VIEW));
            let labelled = panel.title("restored").label("PSNR 123.45 dB").note("SSIM 0.999");
            is_tidy(&grid("", &vec![labelled; 5], 5, Colormap::Coolwarm));
        }
    }
    for scale in [1e-30, 1e-5, 0.1, 1.0, 1234.5, 1e5, 1e7, 1e30] {
        for offset in [0.0, -1.0, 1000.0] {
            let curve = (0..200).map(|i| scale * (offset + (f64::from(i) / 30.0).sin()));
            let series = vec![Series::counted("filter 3", curve), Series::counted(&*long, [scale, offset])];
            let (x, y) = ("step".into(), "mean activation".into());
            is_tidy(&Plot { title: "The way up".into(), x, y, series, from_zero: offset == 0.0 }.draw());
            let points = (0..9).map(|i| (scale * (offset + f64::from(i)), 1.0)).collect();
            let series = vec![Series { name: String::new(), points }];
            is_tidy(&Plot { title: long.clone(), x: "bytes".into(), y: long.clone(), series, from_zero: false }.draw());
        }
    }
}

#[test]
fn texts_of_the_jobs_keep_apart() {
    let activation = |name: &str, class: &str, (h, w, c): (usize, usize, usize)| {
        let channel = |number| Channel { number, map: texture(h.max(w), number)[..h * w].to_vec() };
        Activation {
            layer: 0,
            name: name.into(),
            class: class.into(),
            shape: Shape::new(1, h, w, c),
            means: (0..c).map(|i| [1.234e-9, -123456.0, 0.5][i % 3]).collect(),
            strongest: (0..c.min(16)).map(channel).collect(),
        }
    };
    let activations = [
        activation("input_3", "InputLayer", (128, 128, 1)),
        activation("conv64_1", "BatchNormalization", (128, 128, 64)),
        activation("max_pooling2d_5", "MaxPooling2D", (64, 64, 12345)),
        activation("encoder/block_4/second_convolution_with_a_long_name", "Conv2D", (8, 8, 512)),
        activation("x", "Activation", (1, 1, 3)),
        activation("up_sampling2d_7", "UpSampling2D", (16, 100, 64)),
    ];
    activations.iter().for_each(|a| is_tidy(&a.figure(VIEW)));
    is_tidy(&overview(&activations, VIEW));
    is_tidy(&overview(&activations[..1], VIEW));
    is_tidy(&overview(&activations[4..], VIEW));
    // The names of layers can be read: none is set much smaller than the others.
    let all = overview(&activations, VIEW);
    let names = ["input_3", "Normalization", "x", "pooling2d_5"];
    let height =
        |name: &&str| all.texts().iter().find(|t| t.text == *name).map(|t| (t.right - t.left) / name.len() as i32);
    let sizes: Vec<i32> = names.iter().map(|name| height(name).unwrap_or_else(|| panic!("no {name}"))).collect();
    assert!(sizes.iter().all(|&size| size >= 6), "{sizes:?}");

    for (h, w) in [(128, 128), (16, 12), (40, 300), (300, 40), (1, 9)] {
        let of = |name: &str, psnr: f64, ssim: Option<f64>| {
            let picture = texture(h.max(w), 2)[..h * w].to_vec();
            let truth = Tensor::new(Shape::new(1, h, w, 1), texture(h.max(w), 3)[..h * w].to_vec());
            let attempt = |psnr| Attempt { picture: picture.clone(), psnr, ssim };
            let example = Example { name: name.into(), truth, sampling: Sampling::default() };
            Restored { example, aliased: attempt(psnr), restored: attempt(-psnr) }
        };
        let long = "a scan of somebody's head with a very long name, 2024-01-01 (copy).png";
        let rows =
            [of("phantom 0", 22.22, Some(0.5)), of(long, f64::INFINITY, None), of(&"x".repeat(90), 1e-3, Some(1.0))];
        is_tidy(&figure(&rows, Colormap::Gray));
        is_tidy(&figure(&rows[1..2], VIEW));
    }
}

#[test]
fn large_pictures_shrink_and_small_ones_grow() {
    // Stripes of 0 and 1 become their mean; a figure does not grow with what is in it.
    let stripes = |h: usize, w: usize| Panel::map(h, w, (0..h * w).map(|i| (i % 2) as f32).collect()).range(0.0, 1.0);
    let figure = grid("", &[stripes(4000, 2000)], 1, VIEW);
    assert!(figure.height() < 1100 && figure.width() < 600, "{}x{}", figure.width(), figure.height());
    assert_eq!(figure.pixel(figure.width() / 2, figure.height() / 2), VIEW.rgb(0.5));
    edge_is_white(&grid("", &[stripes(3, 100_000).axes(true).colorbar()], 1, VIEW));
    let rgb: Vec<u8> = (0..2000 * 2000 * 3).map(|i| [10, 20, 30][i % 3]).collect();
    let figure = grid("", &[Panel::color(2000, 2000, rgb)], 1, VIEW);
    assert_eq!(figure.colors().filter(|&c| c == [10, 20, 30]).count(), 1000 * 1000);
    // Half the size beside the whole: drawn equally large.
    let pair = [stripes(400, 400), Panel::map(200, 200, vec![1.0; 200 * 200]).range(0.0, 1.0)];
    let figure = grid("", &pair, 8, VIEW);
    assert_eq!(figure.colors().filter(|&c| c == VIEW.rgb(1.0)).count(), 400 * 400 * 3 / 2);
}

#[test]
fn a_shared_range_makes_equal_values_equal_colours() {
    let mut row = [Panel::map(1, 2, vec![0.0, 1.0]), Panel::map(1, 2, vec![1.0, 3.0])];
    share_range(&mut row);
    assert_eq!(row[0].range, row[1].range);
    let (lo, hi) = row[0].range.unwrap();
    assert!(lo.abs() < 0.02 && (hi - 3.0).abs() < 0.04, "{lo}..{hi}");
}

#[test]
fn the_same_figure_gives_the_same_small_file() {
    let draw = || grid("conv2d_7", &filters(16, 128), 8, VIEW).to_png();
    let bytes = draw();
    assert!(bytes == draw());
    assert!(bytes.len() < 400_000, "{} bytes", bytes.len());
    // It reads back as what was drawn, with a palette and without.
    let dir = tempfile::tempdir().unwrap();
    let two = [Panel::map(64, 64, texture(64, 1)), Panel::map(64, 64, texture(64, 2)).colormap(Colormap::Magma)];
    for figure in [grid("one map", &filters(2, 16), 2, VIEW), grid("two maps", &two, 2, VIEW)] {
        figure.save(dir.path().join("f.png")).unwrap();
        let photo = read_image(dir.path().join("f.png")).unwrap();
        assert_eq!((photo.h, photo.w), (figure.height(), figure.width()));
        let read: Vec<Color> =
            photo.rgb.chunks(3).map(|p| std::array::from_fn(|i| (p[i] * 255.0).round() as u8)).collect();
        assert!(read.into_iter().eq(figure.colors()));
    }
}

fn encode(image: impl Into<image::DynamicImage>, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn images_of_every_supported_kind() {
    use image::ImageFormat::{Jpeg, Png};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    let read = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        read_image(&path).unwrap()
    };
    let close = |a: &[f32], b: &[f32], most: f32| {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= most), "{a:?} is not {b:?}");
    };
    let gray = read(encode(image::GrayImage::from_fn(3, 2, |x, y| image::Luma([(x * 100 + y) as u8])), Png));
    assert_eq!((gray.h, gray.w), (2, 3));
    close(&gray.luma(), &[0.0, 100.0, 200.0, 1.0, 101.0, 201.0].map(|v| v / 255.0), 1e-6);
    let deep = image::ImageBuffer::from_fn(2, 1, |x, _| image::Luma([x as u16 * 1001]));
    close(&read(encode(deep, Png)).luma(), &[0.0, 1001.0 / 65535.0], 1e-6);
    let rgb = image::RgbImage::from_pixel(1, 1, image::Rgb([10, 20, 30]));
    close(&read(encode(rgb, Png)).luma(), &[(0.299 * 10.0 + 0.587 * 20.0 + 0.114 * 30.0) / 255.0], 1e-6);
    // Half-transparent black and wholly transparent red, on white.
    let alpha =
        image::RgbaImage::from_fn(2, 1, |x, _| image::Rgba(if x == 0 { [0, 0, 0, 51] } else { [255, 0, 0, 0] }));
    close(&read(encode(alpha, Png)).rgb, &[0.8, 0.8, 0.8, 1.0, 1.0, 1.0], 1e-6);
    let photo = image::RgbImage::from_pixel(20, 10, image::Rgb([200, 100, 50]));
    let photo = read(encode(photo, Jpeg));
    assert_eq!((photo.h, photo.w), (10, 20));
    close(&photo.rgb[..3], &[200.0, 100.0, 50.0].map(|v| v / 255.0), 0.02);
    close(
        &read(encode(image::GrayImage::from_pixel(9, 9, image::Luma([77])), Jpeg)).luma()[..1],
        &[77.0 / 255.0],
        0.01,
    );
}

/// The message of an error about this very file.
fn problem<T>(result: unet_lens::Result<T>, path: &Path) -> String {
    match result {
        Err(Error::File { file, problem }) if file == path.display().to_string() => problem,
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("{} was taken", path.display()),
    }
}

#[test]
fn bad_images_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let good = encode(image::GrayImage::from_pixel(40, 40, image::Luma([9])), image::ImageFormat::Png);
    let header = |w: u32, h: u32, frames: u32| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, w, h);
        if frames > 1 {
            encoder.set_animated(frames, 0).unwrap();
        }
        let mut writer = encoder.write_header().unwrap();
        (0..if frames > 1 { frames } else { 0 })
            .for_each(|_| writer.write_image_data(&vec![0; (w * h) as usize]).unwrap());
        // No picture fits in so little data.
        writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 3, 0]).unwrap();
        drop(writer);
        bytes
    };
    // Start, frame header of 8 bits, 16x16, four components.
    let cmyk = [0xff, 0xd8, 0xff, 0xc0, 0, 20, 8, 0, 16, 0, 16, 4, 1, 17, 0, 2, 17, 0, 3, 17, 0, 4, 17, 0, 0xff, 0xd9];
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("huge.png", header(20_000, 20_000, 1), "20000x20000"),
        ("no-data.png", header(7_000, 7_000, 1), "broken"),
        ("header.png", header(20_000, 20_000, 1)[..33].to_vec(), "broken"),
        ("empty.png", vec![], "0 bytes"),
        ("text.png", b"this is not an image".to_vec(), "PNG and JPEG"),
        ("short.png", good[..good.len() / 2].to_vec(), "broken"),
        ("animated.png", header(4, 4, 2), "animated"),
        ("moving.gif", gif, "GIF"),
        ("cmyk.jpg", cmyk.to_vec(), "CMYK"),
        ("cut.jpg", vec![0xff, 0xd8, 0xff, 0xe0, 0, 16], "broken"),
    ];
    for (name, bytes, words) in cases {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = problem(read_image(&path), &path);
        assert!(message.contains(words), "{name}: {message}");
    }
    assert!(problem(read_image(dir.path()), dir.path()).contains("folder"));
    let missing = dir.path().join("missing.png");
    assert!(problem(read_image(&missing), &missing).contains("no such file"));
}

/// `bytes` with some changed, the same ones for the same `seed`.
fn damaged(bytes: &[u8], seed: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(1);
    for _ in 0..1 + seed % 4 {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        let at = (state >> 8) as usize % bytes.len();
        bytes[at] = (state >> 3) as u8;
    }
    bytes.truncate(if seed.is_multiple_of(5) { bytes.len() - state as usize % 20 } else { bytes.len() });
    bytes
}

#[test]
fn damaged_files_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let rgb = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([(x * 16) as u8, (y * 16) as u8, 90]));
    let path = dir.path().join("array.npy");
    npy::write(&path, &[2, 4], &[1.0; 8]).unwrap();
    let array = fs::read(&path).unwrap();
    let files = [encode(rgb.clone(), image::ImageFormat::Png), encode(rgb, image::ImageFormat::Jpeg), array];
    for seed in 0..600 {
        fs::write(&path, damaged(&files[seed as usize % 3], seed)).unwrap();
        let _ = (read_image(&path), npy::read(&path));
    }
}

/// An .npy file of version 1.
fn npy_file(kind: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    npy_header(&format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n"), data)
}

fn npy_header(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn npy_round_trip_and_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("a.npy");
    let values: Vec<f32> = (0..24).map(|v| v as f32 - 3.5).collect();
    for (shape, read) in [
        (vec![4, 6], Shape::new(1, 4, 6, 1)),
        (vec![2, 3, 4], Shape::new(2, 3, 4, 1)),
        (vec![1, 2, 3, 4], Shape::new(1, 2, 3, 4)),
    ] {
        npy::write(&path, &shape, &values).unwrap();
        let tensor = npy::read(&path).unwrap();
        assert_eq!((tensor.shape, &tensor.data), (read, &values));
    }
    let read = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        npy::read(&path).unwrap().data
    };
    let both = |kind: &str, little: &[u8], big: &[u8]| {
        assert_eq!(read(npy_file(&format!("<{kind}"), false, "(1, 2)", little)), [1.0, 2.0], "{kind}");
        assert_eq!(read(npy_file(&format!(">{kind}"), false, "(1, 2)", big)), [1.0, 2.0], "{kind}");
    };
    macro_rules! numbers {
        ($($kind:literal $type:ty),*) => {$({
            let [a, b] = [1u8, 2].map(|v| v as $type);
            both($kind, &[a.to_le_bytes(), b.to_le_bytes()].concat(), &[a.to_be_bytes(), b.to_be_bytes()].concat());
        })*};
    }
    numbers!("f4" f32, "f8" f64, "i2" i16, "i4" i32, "i8" i64, "u2" u16, "u4" u32, "u8" u64);
    assert_eq!(read(npy_file("|i1", false, "(1, 2)", &[255, 2])), [-1.0, 2.0]);
    assert_eq!(read(npy_file("|b1", false, "(1, 2)", &[1, 0])), [1.0, 0.0]);
    // numpy.asfortranarray([[0, 1, 2], [3, 4, 5]])
    assert_eq!(read(npy_file("|u1", true, "(2, 3)", &[0, 3, 1, 4, 2, 5])), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // numpy.asfortranarray(numpy.arange(8).reshape(2, 1, 2, 2))
    let cube = npy_file("|u1", true, "(2, 1, 2, 2)", &[0, 4, 2, 6, 1, 5, 3, 7]);
    assert_eq!(read(cube), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
}

#[test]
fn bad_npy_files_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    let long = [&b"\x93NUMPY\x02\0"[..], &u32::MAX.to_le_bytes(), b"{'descr': '<f4'"].concat();
    let cases = [
        (npy_file("<f4", false, "(8,)", &[0; 32]), "[8]"),
        (npy_file("<f4", false, "()", &[0; 4]), "[]"),
        (npy_file("<f4", false, "(1, 1, 1, 1, 1)", &[0; 4]), "[N,H,W,C]"),
        (npy_file("<c8", false, "(1, 2)", &[0; 16]), "<c8"),
        (npy_file("<f2", false, "(1, 2)", &[0; 4]), "float32"),
        (npy_file("<U4", false, "(1, 2)", &[0; 32]), "<U4"),
        (npy_file("|O", false, "(1, 2)", &[0; 32]), "|O"),
        (npy_file("<f4", false, "(2, 2)", &[0; 15]), "cut short"),
        (npy_file("<f4", false, "(1000000, 1000000)", &[0; 16]), "cut short"),
        (npy_file("<f4", false, "(4000000000, 4000000000, 4000000000)", &[0; 16]), "broken"),
        (npy_file("<f4", false, "(0, 5)", &[]), "no values"),
        (npy_file("<f4", false, "(-1, 5)", &[0; 16]), "broken"),
        (npy_header(&"[".repeat(9_999), &[]), "broken"),
        (npy_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}", &[0; 4]), "records"),
        (long, "broken"),
        (b"\x93NUMPY".to_vec(), "broken"),
        (b"some text, not an array".to_vec(), "not an .npy"),
        (vec![], "0 bytes"),
    ];
    for (i, (bytes, words)) in cases.into_iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let message = problem(npy::read(&path), &path);
        assert!(message.contains(words), "case {i}: {message}");
    }
    assert!(problem(npy::read(dir.path()), dir.path()).contains("folder"));
}

#[test]
fn files_are_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let names = |dir: &Path| fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let path = dir.path().join("a.txt");
    write_whole(&path, b"one").unwrap();
    write_whole(&path, b"two").unwrap();
    assert_eq!((fs::read(&path).unwrap(), names(dir.path()).len()), (b"two".to_vec(), 1));
    // Onto a folder; into a folder that is not there; below a file.
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    assert!(problem(write_whole(&folder, b"x"), &folder).contains("folder"));
    let lost = dir.path().join("none").join("a.txt");
    assert!(problem(write_whole(&lost, b"x"), &lost).contains("no such"));
    let below = path.join("b.txt");
    assert!(problem(write_whole(&below, b"x"), &below).contains("not a folder"));
    // A name that the system refuses: nothing is left.
    let long = dir.path().join("n".repeat(300));
    assert!(write_whole(&long, b"x").is_err());
    assert_eq!((names(dir.path()).len(), fs::read(&path).unwrap()), (2, b"two".to_vec()));
}

#[test]
fn folders_are_tried_before_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b");
    check_writable_dir(&deep).unwrap();
    assert_eq!(fs::read_dir(&deep).unwrap().count(), 0, "the probe is gone");
    check_writable_dir("").unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for under in [file.clone(), file.join("x/y")] {
        assert!(problem(check_writable_dir(&under), &file).contains("a file stands here"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&deep, fs::Permissions::from_mode(0o500)).unwrap();
        // Root may write everywhere.
        if fs::write(deep.join("try"), "x").is_err() {
            let message = problem(check_writable_dir(&deep), &deep);
            assert!(message.contains("permission"), "{message}");
        }
    }
}
