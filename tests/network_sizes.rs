//! Sizes of images: which fit a network is found by trying, and said.

mod common;

use common::archive::{assert_says, edited, layer_entry};
use common::network;
use serde_json::json;
use unet_lens::network::{Network, keras, unet};

/// A network of the fixtures, its image's size left open.
fn open_size(name: &str, channels: usize) -> Network {
    let open = |config: &mut serde_json::Value| {
        layer_entry(config, "image")["config"]["batch_shape"] = json!([null, null, null, channels]);
    };
    edited(&format!("keras/layers/{name}_k3.keras"), open, |_| {}).unwrap()
}

fn size(network: &Network, asked: Option<(usize, usize)>) -> Result<(usize, usize), String> {
    let shape = unet::image_shape(network, &[network.output], asked).map_err(|e| e.to_string())?;
    Ok((shape.h, shape.w))
}

/// The crop of U-Net 2015: `n - 5` pixels of the skip meet `2 (floor(n / 2) - 2)` that came back. So `n` is odd.
#[test]
fn a_cropped_skip_that_does_not_fit_names_both_layers() {
    let network = open_size("crop_skip", 2);
    assert_eq!(size(&network, Some((13, 11))), Ok((13, 11)));
    assert_eq!(size(&network, Some((7, 201))), Ok((7, 201)));
    let why = size(&network, Some((12, 11))).unwrap_err();
    let says =
        ["an image of 12x11 pixels", "layer 'cat' (Concatenate)", "crop (7x6x3) and up (8x6x3)", "11x11 and 13x11"];
    assert_says(&why, &says);
    assert_says(&size(&network, Some((12, 14))).unwrap_err(), &["12x14", "11x13 and 13x15"]);
    // Too small for the crop, which is said as well.
    assert_says(&size(&network, Some((5, 11))).unwrap_err(), &["5x11", "take a larger image", "sizes that work: 7x11"]);
    // Near 128, where the size is left open; the smallest that a picture can be padded to.
    assert_eq!(size(&network, None), Ok((129, 129)));
    assert_eq!(unet::fitting(&network, &[network.output], (20, 31)).unwrap(), (21, 31));
    assert_eq!(unet::fitting(&network, &[network.output], (1, 1)).unwrap(), (7, 7));
}

#[test]
fn pools_that_must_divide_are_said_as_multiples() {
    let network = network("unet.h5");
    assert_eq!(unet::size_multiple(&network), unet_lens::engine::ops::Window::new(8, 8));
    let why = size(&network, Some((44, 67))).unwrap_err();
    assert_says(&why, &["44x67", "rows in multiples of 8, columns in multiples of 8", "40x64 and 48x72"]);
    assert_eq!(unet::fitting(&network, &[network.output], (44, 67)).unwrap(), (48, 72));
    let why = size(&network, Some((3, 8))).unwrap_err();
    assert!(why.contains("work: 8x8 ("), "there is none below: {why}");
}

/// A dense head takes one size; the layers before it take any.
#[test]
fn a_size_is_asked_of_the_layers_that_are_looked_at() {
    let network = network("keras/layers/head_classes_k3.keras");
    assert_eq!(size(&network, None), Ok((13, 11)));
    let why = size(&network, Some((40, 40))).unwrap_err();
    assert_says(&why, &["40x40", "layer 'hidden' (Dense)", "channels"]);
    let last = unet::convolution(&network, "last").unwrap();
    assert_eq!(unet::image_shape(&network, &[last], Some((40, 40))).unwrap().h, 40);
}

/// Of a network without padding the smallest size may be far from what was asked for; of one that takes a single size, no other
/// is named.
#[test]
fn the_smallest_size_and_the_only_one_are_said() {
    let wide = |config: &mut serde_json::Value| {
        layer_entry(config, "image")["config"]["batch_shape"] = json!([null, null, null, 2]);
        layer_entry(config, "inside")["config"]["dilation_rate"] = json!([40, 40]);
        layer_entry(config, "crop")["config"]["cropping"] = json!([[80, 81], [80, 81]]);
    };
    let network = edited("keras/layers/crop_skip_k3.keras", wide, |_| {}).unwrap();
    assert_says(&size(&network, Some((9, 9))).unwrap_err(), &["9x9", "sizes that work: 163x163"]);
    assert_eq!(size(&network, Some((163, 163))), Ok((163, 163)));

    let network = common::network("keras/layers/prelu_k3.keras");
    let own = size(&network, None).unwrap();
    let why = size(&network, Some((own.0 + 9, own.1 + 9))).unwrap_err();
    assert!(why.ends_with(&format!("sizes that work: {}x{}", own.0, own.1)), "{why}");
}

#[test]
fn no_size_is_too_large_to_be_refused() {
    let network = open_size("crop_skip", 2);
    for size in [(usize::MAX, 3), (3, usize::MAX), (usize::MAX, usize::MAX), (1 << 40, 1 << 40), (0, 0)] {
        let error = unet::image_shape(&network, &[network.output], Some(size)).unwrap_err();
        assert!(error.to_string().contains(&size.0.to_string()), "{error}");
    }
}

/// Models inside models, each twice: 2^n layers, were there no end.
#[test]
fn models_inside_models_are_bounded() {
    let tensor = |name: &str, node: usize| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, node, 0]}});
    let call = |name: &str, node: usize| json!({"args": [tensor(name, node)], "kwargs": {}});
    let input = json!({"class_name": "InputLayer", "inbound_nodes": [],
                       "config": {"name": "in", "batch_shape": [null, 8, 8, 1]}});
    for (depth, words) in [(9, ""), (15, "more than 20000 models"), (40, "16 deep")] {
        let mut inner = json!({"class_name": "ReLU", "config": {"name": "inner"}});
        for _ in 0..depth {
            inner["inbound_nodes"] = json!([call("in", 0), call("inner", 0)]);
            inner = json!({"class_name": "Functional", "config": {
                "name": "inner", "layers": [input, inner], "input_layers": [["in", 0, 0]], "output_layers": [["inner", 1, 0]]}});
        }
        let result = edited("keras/unet_k3.keras", |config| *config = inner, |_| {});
        match words {
            "" => assert_eq!(result.unwrap().layers.len(), 1 + (1 << depth)),
            words => assert_says(&result.unwrap_err().to_string(), &[words]),
        }
    }
    assert!(keras::load("no such file").is_err());
}
