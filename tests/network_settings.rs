//! What the settings of a layer mean, as Keras documents them.

mod common;
#[path = "common/entries.rs"]
mod entries;

use common::archive::{assert_says, edited, layer_entry};
use entries::{are, are_refused, kind, layer, model, x};
use serde_json::{Value, json};
use unet_lens::engine::ops::Function;
use unet_lens::network::{Activation, Kind, Network};

fn pointwise(function: Function) -> Kind {
    Kind::Activation(Activation::Pointwise(function))
}

fn relu(max: f32, threshold: f32) -> Kind {
    pointwise(Function::Relu { max, threshold, slope: 0.0 })
}

fn per_channel(scale: &[f64], shift: &[f64]) -> Kind {
    Kind::BatchNorm { axis: -1, scale: scale.into(), shift: shift.into() }
}

fn linear(scale: f64, shift: f64) -> Kind {
    Kind::Linear { scale, shift }
}

#[test]
fn activations_in_all_spellings() {
    let inner = |class: &str, config: Value| {
        layer("Activation", json!({"activation": {"class_name": class, "config": config}}))
    };
    are(
        "3.3.0",
        vec![
            (layer("ThresholdedReLU", json!({"theta": 0.5})), relu(f32::INFINITY, 0.5)),
            (layer("ThresholdedReLU", json!({})), relu(f32::INFINITY, 1.0)),
            (inner("Activation", json!({"activation": "tanh"})), pointwise(Function::Tanh)),
            // A layer inside of a layer inside of a layer.
            (
                inner("Activation", json!({"activation": {"class_name": "ReLU", "config": {"max_value": 6.0}}})),
                relu(6.0, 0.0),
            ),
            (inner("ReLU", json!({"max_value": 6.0})), relu(6.0, 0.0)),
            (inner("Softmax", json!({})), Kind::Activation(Activation::Softmax)),
            (layer("Activation", json!({"activation": "gelu"})), pointwise(Function::Gelu { approximate: false })),
            (layer("Activation", json!({"activation": "gelu_tanh"})), pointwise(Function::Gelu { approximate: true })),
            // Keras 3: relu6(x + 3) / 6; and 0.5 (x + 1) from -1 to 1.
            (
                layer("Activation", json!({"activation": "hard_sigmoid"})),
                pointwise(Function::HardSigmoid { slope: 1.0 / 6.0 }),
            ),
            (
                layer("Activation", json!({"activation": "sparse_sigmoid"})),
                pointwise(Function::HardSigmoid { slope: 0.5 }),
            ),
        ],
    );
    // Keras 2: clip(0.2 x + 0.5, 0, 1)
    are(
        "2.11.0",
        vec![(
            layer("Activation", json!({"activation": "hard_sigmoid"})),
            pointwise(Function::HardSigmoid { slope: 0.2 }),
        )],
    );
    are_refused(
        "3.3.0",
        vec![
            (inner("Activation", json!({"activation": "magic"})), "activation {\"class_name\":\"Activation\""),
            (layer("Activation", json!({"activation": "magic"})), "activation \"magic\" is not supported"),
        ],
    );
}

#[test]
fn norms_along_the_axis_that_they_have() {
    let group =
        |groups: Option<usize>, axis: i64| Kind::GroupNorm { groups, axis, epsilon: 1e-3, gamma: None, beta: None };
    let bare = |mut config: Value| {
        config["center"] = json!(false);
        config["scale"] = json!(false);
        config
    };
    are(
        "3.3.0",
        vec![
            // (x - mean) / sqrt(variance): x / 2 - 1, x / 4 + 1/2
            (
                layer("Normalization", json!({"mean": [2.0, -2.0], "variance": [4.0, 16.0]})),
                per_channel(&[0.5, 0.25], &[-1.0, 0.5]),
            ),
            (layer("Normalization", json!({"axis": null, "mean": 2.0, "variance": 4.0})), linear(0.5, -1.0)),
            (
                layer("Rescaling", json!({"scale": [1.0, 2.0, 3.0], "offset": 0.5})),
                per_channel(&[1.0, 2.0, 3.0], &[0.5; 3]),
            ),
            (layer("Rescaling", json!({"scale": 0.5})), linear(0.5, 0.0)),
            (layer("GroupNormalization", bare(json!({}))), group(Some(32), -1)),
            (layer("GroupNormalization", bare(json!({"groups": 2, "axis": 1}))), group(Some(2), 1)),
            // Of -1 groups Keras makes as many as there are channels; of one group it makes one.
            (layer("GroupNormalization", bare(json!({"groups": -1}))), group(None, -1)),
            (layer("GroupNormalization", bare(json!({"groups": 1}))), group(Some(1), -1)),
            (layer("Addons>InstanceNormalization", bare(json!({"groups": 4}))), group(None, -1)),
            (layer("Addons>GroupNormalization", bare(json!({"groups": 4}))), group(Some(4), -1)),
        ],
    );
    // Without a word the axis is the last.
    let unsaid = |config: &mut Value| {
        layer_entry(config, "bn_down")["config"].as_object_mut().unwrap().remove("axis").unwrap();
    };
    let network = edited("keras/unet_k3.keras", unsaid, |_| {}).unwrap();
    let norm = network.layers.iter().find(|l| l.name == "bn_down").unwrap();
    assert!(matches!(norm.kind, Kind::BatchNorm { axis: -1, .. }), "{:?}", norm.kind);
}

/// How many channels the layer `it` is known to give, as a layer after it says that cannot be: its groups do not fit.
fn channels(network_of: impl FnOnce(Value) -> Network) -> String {
    let mut after = layer("Conv2D", json!({"filters": 3, "kernel_size": 1, "groups": 2}));
    after["config"]["name"] = json!("after");
    after["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = json!("it");
    match &network_of(after).layers.last().unwrap().kind {
        Kind::Refused { why } => why.split("here ").nth(1).unwrap().split(" and").next().unwrap().to_string(),
        kind => panic!("{kind:?}"),
    }
}

/// Along which axis the channels lie side by side tells how many there are: twice 4, or what only the image tells.
#[test]
fn channels_side_by_side_are_counted() {
    let two = |axis: Option<i64>| {
        let mut both = layer("Concatenate", axis.map_or(json!({}), |axis| json!({ "axis": axis })));
        both["inbound_nodes"] = json!([{"args": [[x(), x()]], "kwargs": {}}]);
        both
    };
    for (axis, known) in [(None, "8"), (Some(-1), "8"), (Some(3), "8"), (Some(1), "?"), (Some(2), "?"), (Some(-2), "?")]
    {
        let found = channels(|after| model("3.3.0", &[two(axis), after], 0));
        assert_eq!(found, known, "{axis:?}");
    }
    // The image is channels, rows, columns: its first axis has 8.
    let mut pool = layer("MaxPooling2D", json!({"data_format": "channels_first"}));
    pool["config"]["name"] = json!("pool");
    for (axis, known) in [(1, "16"), (3, "?"), (-1, "?"), (-3, "?")] {
        let found = channels(|after| model("3.3.0", &[pool.clone(), two(Some(axis)), after], 0));
        assert_eq!(found, known, "channels first, {axis}");
    }
}

#[test]
fn there_is_a_most_of_channels() {
    let of = |channels: usize| {
        let image = json!({"class_name": "InputLayer", "inbound_nodes": [], "config": {
            "name": "image", "batch_shape": [null, 8, 6, channels]}});
        let mut both = layer("Concatenate", json!({}));
        both["inbound_nodes"] = json!([{"args": [[x(), x()]], "kwargs": {}}]);
        let change = |config: &mut Value| {
            config["config"]["layers"] = json!([image, both]);
            config["config"]["input_layers"] = json!([["image", 0, 0]]);
            config["config"]["output_layers"] = json!([["it", 0, 0]]);
        };
        edited("keras/unet_k3.keras", change, |_| {}).unwrap().layers.remove(1).kind
    };
    assert!(matches!(of(32768), Kind::Concat { axis: -1 }));
    let Kind::Refused { why } = of(32769) else { panic!("it is no mistake") };
    assert_says(&why, &["layer 'it' (Concatenate)", "65538 channels are not supported (supported: up to 65536)"]);
}

/// Groups divide the channels that come in and those that go out.
#[test]
fn groups_divide_what_comes_in_and_what_goes_out() {
    for (filters, groups) in [(6, 3), (6, 4), (3, 2), (8, 8)] {
        let entry = layer("Conv2D", json!({"filters": filters, "kernel_size": 1, "groups": groups}));
        let Kind::Refused { why } = kind("3.3.0", entry, 0) else { panic!("{filters} {groups}") };
        assert_says(&why, &[&format!("groups {groups} is not supported"), &format!("here 4 and {filters}")]);
    }
}

/// A long value is not written out: 200 characters of it are.
#[test]
fn a_long_setting_is_cut_in_the_message() {
    let said = |letters: usize| {
        let entry = layer("Activation", json!({"activation": "a".repeat(letters)}));
        let Kind::Refused { why } = kind("3.3.0", entry, 0) else { panic!("{letters}") };
        why
    };
    // With its two quotes.
    assert_says(&said(198), &[&format!("activation \"{}\" is not supported", "a".repeat(198))]);
    assert_says(&said(199), &[&format!("activation \"{}... is not supported", "a".repeat(199))]);
    assert_says(&said(900), &[&format!("activation \"{}... is not supported", "a".repeat(199))]);
}

#[test]
fn a_tensor_of_no_size_is_no_shape() {
    let reshape = |shape: Value| kind("3.3.0", layer("Reshape", json!({ "target_shape": shape })), 0);
    assert!(matches!(reshape(json!([48, -1])), Kind::Reshape(shape) if shape == [48, -1]));
    for shape in [json!([0, 192]), json!([-2, 96]), json!([-1, -1]), json!([1.5]), json!(192)] {
        let found = reshape(shape.clone());
        assert!(matches!(&found, Kind::Refused { why } if why.contains("target_shape")), "{shape}: {found:?}");
    }
}
