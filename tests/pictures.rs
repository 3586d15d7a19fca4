//! Figures: what is drawn, where, and that nothing is cut or covered.

mod common;

use std::fs;
use std::path::Path;

use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::activations::{Activation, Channel, overview};
use unet_lens::mri::Sampling;
use unet_lens::mri::report::figure;
use unet_lens::mri::restore::{Attempt, Example, Restored, Scores};
use unet_lens::picture::{Color, Colormap, Figure, Panel, Plot, Series, grid, read_image, share_range};

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

/// What pages in Spanish write on their figures is drawn letter by letter, each with its mark.
#[test]
fn letters_with_accents_are_drawn() {
    let drawn = |letter: char| grid(&letter.to_string(), &[], 1, VIEW).colors().collect::<Vec<Color>>();
    let missing = drawn('\u{e000}');
    for (letter, bare) in "áéíóúüñÁÉÍÓÚÑ".chars().zip("aeiouunAEIOUN".chars()) {
        assert!(drawn(letter) != drawn(bare) && drawn(letter) != missing, "{letter}");
    }
    for sign in "¿¡«»×–−∞→°".chars() {
        assert!(drawn(sign) != missing && drawn(sign).iter().any(|c| *c != [255; 3]), "{sign}");
    }
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
            let truth = texture(h.max(w), 3)[..h * w].to_vec();
            let attempt = |psnr| Attempt { picture: picture.clone(), scores: Some(Scores { psnr, ssim, nmse: None }) };
            let example = Example::of_picture(name.into(), truth, (h, w), &vec![true; h * w]);
            let example = Example { sampling: Sampling::default().describe(), ..example };
            let output = Tensor::new(Shape::new(1, h, w, 1), picture.clone());
            Restored { example, aliased: attempt(psnr), restored: attempt(-psnr), output }
        };
        let long = "a scan of somebody's head with a very long name, 2024-01-01 (copy).png";
        let rows =
            [of("phantom 0", 22.22, Some(0.5)), of(long, f64::INFINITY, None), of(&"x".repeat(90), 1e-3, Some(1.0))];
        is_tidy(&figure(&rows, Colormap::Gray));
        is_tidy(&figure(&rows[1..2], VIEW));
        // The truth is not known.
        let unscored = rows.map(|mut row| {
            (row.example.truth, row.aliased.scores, row.restored.scores) = (None, None, None);
            row
        });
        is_tidy(&figure(&unscored, VIEW));
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
