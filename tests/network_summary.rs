//! What is said of a network: its table of layers, its layers' names, which sizes it takes; and pictures padded to such a size.

mod common;

use common::archive::{assert_says, edited, layer_entry};
use serde_json::{Value, json};
use unet_lens::engine::ops::{Kernel, Sides, Window};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::network::pad::Padded;
use unet_lens::network::{Activation, Convolution, Kind, Layer, Network, Padding, Pool, summary, unet};

fn layer(name: &str, class: &str, kind: Kind, inputs: Vec<usize>, (trainable, non_trainable): (usize, usize)) -> Layer {
    let (name, class) = (name.to_string(), class.to_string());
    Layer { name, class, kind, inputs, channels_first: None, trainable, non_trainable }
}

fn network(layers: Vec<Layer>) -> Network {
    let output = layers.len() - 1;
    Network { name: "net".to_string(), file: "file".to_string(), layers, output, warnings: vec![] }
}

/// An image, open or of a size, and layers in a row.
fn row(h: Option<usize>, w: Option<usize>, kinds: Vec<Kind>) -> Network {
    let image = Kind::Input { h, w, c: 2 };
    let all = [image].into_iter().chain(kinds).enumerate();
    network(
        all.map(|(i, kind)| layer(&format!("l{i}"), "Class", kind, (0..i).rev().take(1).collect(), (0, 0))).collect(),
    )
}

fn refused() -> Kind {
    Kind::Refused { why: "it is a riddle".to_string() }
}

fn halved() -> Kind {
    let two = Window::new(2, 2);
    Kind::Pool { pool: Pool::Max, window: two, stride: two, padding: Padding::Valid }
}

/// Halved, doubled and laid beside itself: its sides must be even.
fn even(h: Option<usize>, w: Option<usize>) -> Network {
    network(vec![
        layer("image", "InputLayer", Kind::Input { h, w, c: 2 }, vec![], (0, 0)),
        layer("half", "MaxPooling2D", halved(), vec![0], (0, 0)),
        layer("twice", "UpSampling2D", Kind::Upsample { h: 2, w: 2 }, vec![1], (5, 3)),
        layer("both", "Concatenate", Kind::Concat { axis: -1 }, vec![2, 0], (1234, 0)),
    ])
}

/// Keras' `model.summary()`.
#[test]
fn the_table_of_layers_is_as_keras_prints_it() {
    let summary = summary::summary(&even(None, Some(6))).unwrap();
    let parameters: Vec<usize> = summary.layers.iter().map(|row| row.parameters).collect();
    assert_eq!((parameters, summary.trainable, summary.non_trainable), (vec![0, 0, 8, 1234], 1239, 3));
    let text = summary.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0] == "Model: \"net\"" && lines[2].starts_with("Layer (type)"), "{text}");
    assert_says(&text, &["Total params: 1,242 ", "Trainable params: 1,239 ", "Non-trainable params: 3 "]);
    let words: Vec<Vec<&str>> = lines[4..8].iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[2], ["twice", "(UpSampling2D)", "(None,", "None,", "6,", "2)", "8", "half"]);
    assert_eq!(words[3], ["both", "(Concatenate)", "(None,", "None,", "6,", "4)", "1,234", "twice,", "image"]);
    // Lines are as long as the longest row; double ones stand below the head and the last layer.
    let longest = lines[2..8].iter().filter(|line| !line.starts_with('=')).map(|line| line.len()).max().unwrap();
    let drawn: Vec<(usize, char)> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.chars().all(|c| "_=".contains(c)))
        .map(|(i, line)| (i, line.chars().next().unwrap()))
        .collect();
    assert_eq!(drawn, [(1, '_'), (3, '='), (8, '='), (12, '_')], "{text}");
    assert!(drawn.iter().all(|&(i, _)| lines[i].len() == longest), "{text}");
}

/// A side that the file leaves open is open in the layers that have it.
#[test]
fn open_sides_stay_open() {
    for (h, w) in [(None, None), (None, Some(6)), (Some(8), None), (Some(8), Some(6))] {
        let rows = summary::summary(&even(h, w)).unwrap().layers;
        let half = |n: Option<usize>| n.map(|n| n / 2);
        let right = [(h, w, 2), (half(h), half(w), 2), (h, w, 2), (h, w, 4)];
        for (row, (h, w, c)) in rows.iter().zip(right) {
            assert_eq!(row.output, Some(vec![h, w, Some(c)]), "{}", row.name);
        }
    }
    // A mean over the image has no sides.
    let mean = Kind::Reduce { by: unet_lens::network::Reduction::Mean, axes: vec![1, 2], keep: false };
    let rows = summary::summary(&row(None, None, vec![mean])).unwrap().layers;
    assert_eq!(rows[1].output, Some(vec![Some(2)]));
}

/// By its class, by its name, or by the name that it has where it is used again; and only if it has no weights.
#[test]
fn a_layer_without_weights_can_be_told_what_it_is() {
    let of = |counts: (usize, usize)| {
        let image = layer("image", "InputLayer", Kind::Input { h: None, w: None, c: 2 }, vec![], (0, 0));
        let riddle = |name: &str, class: &str, x: usize| layer(name, class, refused(), vec![x], counts);
        network(vec![image, riddle("a", "Riddle", 0), riddle("a#2", "Riddle", 1), riddle("b", "Secret", 2)])
    };
    for (name, told) in [
        ("a", [true, true, false]),
        ("a#2", [false, true, false]),
        ("b", [false, false, true]),
        ("Riddle", [true, true, false]),
        ("Secret", [false, false, true]),
    ] {
        let mut network = of((0, 0));
        network.set_lambda(name, "identity").unwrap();
        let found: Vec<bool> = network.layers[1..].iter().map(|l| matches!(l.kind, Kind::Identity)).collect();
        assert_eq!(found, told, "{name}");
    }
    for name in ["c", "a#3", "riddle", "InputLayer"] {
        assert_says(&of((0, 0)).set_lambda(name, "identity").unwrap_err().to_string(), &["there is a, a#2, b"]);
    }
    for counts in [(3, 3), (3, 0), (0, 3)] {
        let why = of(counts).set_lambda("a", "identity").unwrap_err().to_string();
        assert_says(&why, &["a: the network has no layer that can be told what it computes"]);
    }
}

/// `np.pad(x, ((before, after), ...), mode="reflect")`, where half of what is missing, rounded down, comes before.
#[test]
fn pictures_are_padded_on_all_sides_alike() {
    let image = Tensor::new(Shape::new(1, 3, 2, 1), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let padded = Padded::to_size(&image, (7, 2));
    // Rows 2, 1, 0, 1, 2, 1, 0.
    assert_eq!(padded.image.data, [5.0, 6.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 3.0, 4.0, 1.0, 2.0]);
    assert_eq!(padded.crop(&padded.image), image);
    // Columns 0, 1, 0, 1, 0, 1: two before, two after.
    let padded = Padded::to_size(&image, (4, 6));
    assert_eq!(padded.image.data[..6], [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    // No row before, one after: the one before the last.
    assert_eq!(padded.image.data[18..], [3.0, 4.0, 3.0, 4.0, 3.0, 4.0]);
    assert_eq!(padded.crop(&padded.image), image);
    let one = Tensor::new(Shape::new(1, 1, 1, 2), vec![1.0, 2.0]);
    assert_eq!(Padded::to_size(&one, (2, 3)).image.data, [1.0, 2.0].repeat(6));
}

#[test]
fn what_is_computed_from_no_image_is_refused() {
    let image = layer("image", "InputLayer", Kind::Input { h: None, w: None, c: 2 }, vec![], (0, 0));
    let alone = layer("alone", "Add", Kind::Merge(unet_lens::network::Merge::Add), vec![], (0, 0));
    let why = unet::graph_to(&network(vec![image, alone]), 1, None, Shape::new(1, 4, 4, 2)).unwrap_err();
    assert_says(&why.to_string(), &["alone does not depend on an input"]);
}

/// A transposed convolution of two groups: its kernel has the filters of one.
#[test]
fn the_filters_of_all_groups_are_counted() {
    let kernel = Kernel::new(1, 1, 3, 2, vec![1.0; 6].into()).unwrap();
    let (stride, dilation, padding) = (Window::ONE, Window::ONE, Padding::Same);
    let conv = Convolution { kernel, bias: None, stride, padding, dilation, groups: 2 };
    let network =
        row(None, None, vec![Kind::ConvTranspose { conv, output_padding: None, activation: Activation::Linear }]);
    let built = unet::graph_to(&network, 1, None, Shape::new(1, 4, 4, 2)).unwrap();
    assert_eq!((unet::filters(&network, 1), built.graph.shape(built.output).c), (6, 6));
}

/// A depthwise convolution of two channels, each twice, gives four: a layer after it whose groups do not fit says so.
#[test]
fn a_depthwise_convolution_tells_its_channels() {
    let file = "keras/layers/depthwise_k3.keras";
    let network = common::network(file);
    let depthwise = network.layers.iter().position(|l| l.class == "DepthwiseConv2D").unwrap();
    let Kind::Conv2d { conv, .. } = &network.layers[depthwise].kind else { panic!() };
    let (channels, name) = (conv.kernel.co, network.layers[depthwise].name.clone());
    let wrong = |config: &mut Value| {
        let mut after = layer_entry(config, &name).clone();
        after["class_name"] = json!("Conv2D");
        after["name"] = json!("after");
        after["config"] = json!({"name": "after", "filters": 3, "kernel_size": 1, "groups": 2});
        after["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = json!(name);
        config["config"]["layers"].as_array_mut().unwrap().push(after);
    };
    let network = edited(file, wrong, |_| {}).unwrap();
    let after = network.layers.iter().find(|l| l.name == "after").unwrap();
    let Kind::Refused { why } = &after.kind else { panic!("{:?}", after.kind) };
    assert_says(why, &[&format!("here {channels} and 3")]);
}

fn said(network: &Network, size: (usize, usize)) -> String {
    unet::image_shape(network, &[network.output], Some(size)).expect_err("it fits").to_string()
}

fn crop(rows: usize) -> Kind {
    Kind::Crop(Sides { top: rows, bottom: 0, left: 0, right: 0 })
}

/// As many layers as make the search for a size give up after a hundred.
fn long(mut kinds: Vec<Kind>) -> Network {
    kinds.extend((0..1000 - kinds.len()).map(|_| Kind::Identity));
    row(None, None, kinds)
}

#[test]
fn sizes_are_multiples_of_what_all_pools_need() {
    let pool = |h: usize, w: usize| Kind::Pool {
        pool: Pool::Max,
        window: Window::new(h, w),
        stride: Window::new(h, w),
        padding: Padding::Same,
    };
    for (kinds, right) in [
        (vec![pool(2, 1), pool(3, 1)], (6, 1)),
        (vec![pool(4, 3), Kind::Upsample { h: 2, w: 3 }, pool(3, 2)], (12, 6)),
        (vec![Kind::Upsample { h: 2, w: 2 }, pool(4, 2)], (2, 1)),
        (vec![pool(4, 1), Kind::Upsample { h: 4, w: 1 }, pool(6, 1)], (12, 1)),
        // Half as large after the first pool, a quarter after the second.
        (vec![Kind::Upsample { h: 2, w: 1 }, pool(4, 1), pool(2, 1)], (4, 1)),
    ] {
        assert_eq!(unet::size_multiple(&row(None, None, kinds)), Window::new(right.0, right.1));
    }
    // The size that a file says is taken as it is.
    let shape = unet::image_shape(&row(Some(13), Some(11), vec![halved()]), &[1], None).unwrap();
    assert_eq!((shape.h, shape.w), (13, 11));
}

#[test]
fn the_nearest_sizes_are_said() {
    let network = even(None, None);
    let multiples = " (rows in multiples of 2, columns in multiples of 2)";
    assert!(said(&network, (7, 9)).ends_with(&format!("the nearest sizes that work: 6x8 and 8x10{multiples}")));
    assert!(said(&network, (1, 9)).ends_with(&format!("the nearest sizes that work: 2x10{multiples}")));
    // What need not be a multiple is not said to be one: 151 rows and more.
    let words = "; the nearest sizes that work: 151x5";
    assert!(said(&row(None, None, vec![crop(150)]), (100, 5)).ends_with(words));
    // With pools of two that take what is odd as well.
    let two = Window::new(2, 2);
    let pool = || Kind::Pool { pool: Pool::Max, window: two, stride: two, padding: Padding::Same };
    for columns in [4, 5] {
        let why = said(&row(None, None, vec![crop(150), pool()]), (100, columns));
        assert!(why.ends_with(&format!("; the nearest sizes that work: 151x{columns}")), "{why}");
    }
    // Only the file's own size is as far as that, if it is no smaller and fits.
    let own = |kinds: Vec<Kind>| row(Some(200), Some(200), kinds);
    let flat = || Kind::Reshape(vec![80_000]);
    let none = "; no size within 64 pixels works";
    for (kinds, size, words) in [
        (vec![flat()], (1, 1), "; the nearest sizes that work: 200x200"),
        (vec![flat()], (200, 1), "; the nearest sizes that work: 200x200"),
        (vec![flat()], (1, 300), none),
        (vec![flat()], (300, 1), none),
        (vec![flat()], (500, 500), none),
        (vec![crop(900)], (1, 1), none),
    ] {
        let why = said(&own(kinds), size);
        assert!(why.ends_with(words), "{size:?}: {why}");
    }
}

#[test]
fn in_a_long_network_the_next_multiples_are_tried() {
    let block = || Kind::SpaceToDepth(20);
    let multiples = " (rows in multiples of 20, columns in multiples of 20)";
    for (kinds, size, words) in [
        (vec![block()], (50, 68), format!("; the nearest sizes that work: 40x60 and 60x80{multiples}")),
        (vec![block()], (10, 50), format!("; the nearest sizes that work: 20x60{multiples}")),
        (vec![block()], (50, 10), format!("; the nearest sizes that work: 60x20{multiples}")),
        // 40 rows are cut off before: of 60 there are 20 left, of 40 none.
        (vec![crop(40), block()], (50, 50), format!("; the nearest sizes that work: 60x60{multiples}")),
        (vec![crop(900), block()], (50, 50), "; none of the sizes that were tried works".to_string()),
    ] {
        let why = said(&long(kinds), size);
        assert!(why.ends_with(&words), "{size:?}: {why}");
    }
}

/// Of 4500 layers 22 sizes are tried: 32 rows are found at once, 16 at the sixteenth try below, of one column. A size without
/// columns is no size to be tried.
#[test]
fn only_sizes_with_pixels_are_tried() {
    let mut kinds = vec![Kind::Identity; 4500];
    kinds[0] = Kind::Reshape(vec![32, -1]);
    let why = said(&row(None, None, kinds), (31, 1));
    assert!(why.ends_with("; the nearest sizes that work: 16x1 and 32x1"), "{why}");
}
