//! The architecture in a file: models inside models, layers that are used twice, names, versions, and what cannot be.

mod common;

use common::archive::{assert_says, edited, entry, layer_entry, problem, zip_of};
use common::{fixture, network};
use serde_json::{Value, json};
use unet_lens::Error;
use unet_lens::network::{Interpolation, Kind, Network, keras};

fn tensor(layer: &str, node: usize, number: usize) -> Value {
    json!({"class_name": "__keras_tensor__", "config": {"keras_history": [layer, node, number]}})
}

/// A layer that is called once with each of these lists of tensors.
fn layer(class: &str, name: &str, settings: Value, calls: Vec<Vec<Value>>) -> Value {
    let mut config = settings;
    config["name"] = json!(name);
    let calls: Vec<Value> = calls
        .into_iter()
        .map(|mut x| json!({"args": if x.len() == 1 { json!([x.remove(0)]) } else { json!([x]) }, "kwargs": {}}))
        .collect();
    json!({"module": "keras.layers", "class_name": class, "name": name, "config": config, "inbound_nodes": calls})
}

fn image(name: &str) -> Value {
    layer("InputLayer", name, json!({"batch_shape": [null, 8, 6, 4]}), vec![])
}

/// What a functional model is made of; its inputs and outputs as names of layers.
fn functional(name: &str, layers: Vec<Value>, inputs: &[&str], output: &str) -> Value {
    let ends = |names: &[&str]| names.iter().map(|name| json!([name, 0, 0])).collect::<Vec<_>>();
    json!({"name": name, "layers": layers, "input_layers": ends(inputs), "output_layers": ends(&[output])})
}

fn sequential(layers: Vec<Value>) -> Value {
    json!({"class_name": "Sequential", "config": {"name": "chain", "layers": layers}})
}

/// A file of this architecture, in which no weights are looked for.
fn load(architecture: &Value, version: &str) -> Result<Network, Error> {
    let weights = entry(&std::fs::read(fixture("keras/unet_k3.keras")).unwrap(), "model.weights.h5");
    let (config, version) = (architecture.to_string(), json!({ "keras_version": version }).to_string());
    let files: [(&str, &[u8]); 3] =
        [("config.json", config.as_bytes()), ("metadata.json", version.as_bytes()), ("model.weights.h5", &weights)];
    keras::load_bytes("x.keras", zip_of(&files))
}

/// A functional model of `image` and these layers, the last of which is its output.
fn of(layers: Vec<Value>) -> Result<Network, Error> {
    let last = layers.last().unwrap()["name"].as_str().unwrap().to_string();
    let layers = [image("image")].into_iter().chain(layers).collect();
    load(&json!({"class_name": "Functional", "config": functional("model", layers, &["image"], &last)}), "3.3.0")
}

fn names(network: &Network) -> Vec<&str> {
    network.layers.iter().map(|layer| &*layer.name).collect()
}

fn relu(name: &str, from: &[&str]) -> Value {
    layer("ReLU", name, json!({}), from.iter().map(|from| vec![tensor(from, 0, 0)]).collect())
}

/// The first use of a layer has its name, the second is `name#2`; so are a model's, before the names of its layers.
#[test]
fn what_is_used_twice_is_numbered() {
    let inner = functional("inner", vec![image("a"), relu("b", &["a"])], &["a"], "b");
    let twice = layer("Functional", "inner", inner, vec![vec![tensor("image", 0, 0)], vec![tensor("inner", 0, 0)]]);
    let mut last = relu("r", &["inner"]);
    last["inbound_nodes"] = json!([
        {"args": [tensor("inner", 1, 0)], "kwargs": {}},
        {"args": [tensor("r", 0, 0)], "kwargs": {}},
        {"args": [tensor("r", 1, 0)], "kwargs": {}},
    ]);
    assert_eq!(names(&of(vec![twice, last]).unwrap()), ["image", "inner/b", "inner#2/b", "r", "r#2", "r#3"]);
    // Of a layer that is used twice the weights are counted once.
    for file in ["shared_k3", "nested_twice_k3"] {
        let network = network(&format!("keras/layers/{file}.keras"));
        let (again, first): (Vec<_>, Vec<_>) =
            network.layers.iter().filter(|l| l.class == "Conv2D").partition(|l| l.name.contains('#'));
        assert!(!again.is_empty() && again.iter().all(|l| l.trainable + l.non_trainable == 0), "{file}");
        assert!(first.iter().all(|l| l.trainable + l.non_trainable > 0), "{file}");
    }
}

/// Chains inside of a chain, of nothing but an input layer.
#[test]
fn there_is_a_most_of_models() {
    let image = image("image").to_string();
    let inner = json!({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config": {"name": "i"}}]}});
    let of = |models: usize| {
        // Itself is one.
        let inside = vec![inner.to_string(); models - 1].join(",");
        let config =
            format!(r#"{{"class_name":"Sequential","config":{{"name":"chain","layers":[{image},{inside}]}}}}"#);
        let weights = entry(&std::fs::read(fixture("keras/unet_k3.keras")).unwrap(), "model.weights.h5");
        keras::load_bytes("x.keras", zip_of(&[("config.json", config.as_bytes()), ("model.weights.h5", &weights)]))
    };
    assert_eq!(names(&of(20_000).unwrap()), ["image"]);
    assert_says(&problem(of(20_001)), &["more than 20000 models"]);
}

#[test]
fn models_are_so_many_deep() {
    let of = |depth: usize| {
        let chain = |inner: Value| json!([{"class_name": "InputLayer", "config": {"name": "i"}}, inner]);
        let mut inner = layer("ReLU", "relu", json!({}), vec![]);
        for _ in 0..depth {
            inner = json!({"class_name": "Sequential", "config": {"name": "s", "layers": chain(inner)}});
        }
        load(&sequential(vec![image("image"), inner]), "3.3.0")
    };
    let network = of(16).unwrap();
    assert_eq!(names(&network), ["image", &*("s/".repeat(16) + "relu")]);
    assert_says(&problem(of(17)), &["models inside models are 16 deep"]);
}

/// A model inside the model gets as many tensors as it has inputs.
#[test]
fn a_model_inside_gets_what_it_takes() {
    let of = |count: usize| {
        let sum = layer("Add", "sum", json!({}), vec![vec![tensor("a", 0, 0), tensor("b", 0, 0)]]);
        let inner = functional("inner", vec![image("a"), image("b"), sum], &["a", "b"], "sum");
        of(vec![layer("Functional", "inner", inner, vec![vec![tensor("image", 0, 0); count]])])
    };
    let two = of(2).unwrap();
    assert_eq!((names(&two), &two.layers[1].inputs), (vec!["image", "inner/sum"], &vec![0, 0]));
    for count in [1, 3] {
        let why = problem(of(count));
        assert_says(&why, &[&format!("the model 'inner' has 2 inputs and is given {count}")]);
    }
}

#[test]
fn a_chain_has_one_input() {
    let chain = load(&sequential(vec![image("image"), relu("r", &[])]), "3.3.0").unwrap();
    assert_eq!(names(&chain), ["image", "r"]);
    let why = problem(load(&sequential(vec![image("image"), relu("r", &[]), image("second")]), "3.3.0"));
    assert_says(&why, &["layer 'second' (InputLayer) is not the first; one input is supported"]);
    // The first is taken for the input of what is around it.
    let inside = json!({"class_name": "Sequential", "config": {"name": "s", "layers": [image("i"), relu("r", &[]), image("j")]}});
    let why = problem(load(&sequential(vec![image("image"), inside]), "3.3.0"));
    assert_says(&why, &["layer 'j' (InputLayer) is not the first"]);
}

/// A layer gives one tensor and is called as often as the file says.
#[test]
fn tensors_that_nothing_gives() {
    let of = |node: usize, number: usize| {
        of(vec![
            relu("first", &["image"]),
            relu("once", &["first"]),
            layer("ReLU", "r", json!({}), vec![vec![tensor("once", node, number)]]),
        ])
    };
    assert!(of(0, 0).is_ok());
    for number in [1, 19_999, 20_000, 1 << 40] {
        assert_says(&problem(of(0, number)), &[&format!("layer 'once' has no output {number}")]);
    }
    for node in [1, 2, 3, 1 << 40] {
        let words =
            format!("the input of layer 'r' (ReLU) comes from call {node} of layer 'once', which is called 1 times");
        assert_says(&problem(of(node, 0)), &[&words]);
    }
    // A circle is told by those on it, and not by those that lead to it or from it.
    let circle =
        |name: &str, from: [&str; 2]| layer("Add", name, json!({}), vec![from.map(|from| tensor(from, 0, 0)).to_vec()]);
    let why = problem(circular(vec![relu("end", &["b"]), circle("a", ["image", "b"]), circle("b", ["image", "a"])]));
    assert_says(&why, &["the layers [\"b\", \"a\"] wait for each other in a circle"]);
}

fn circular(layers: Vec<Value>) -> Result<Network, Error> {
    of(layers)
}

/// In bytes of UTF-8.
#[test]
fn names_have_500_bytes_at_most() {
    let of = |class: &str, name: &str| of(vec![layer(class, name, json!({}), vec![vec![tensor("image", 0, 0)]])]);
    let (fits, umlauts) = ("n".repeat(500), "ü".repeat(250));
    for (class, name) in [("ReLU", &*fits), ("ReLU", &umlauts), (&fits, "r"), (&fits, &fits)] {
        assert_eq!(of(class, name).unwrap().layers[1].name, name);
    }
    for (class, name) in [("ReLU", &*(fits.clone() + "n")), (&*(fits.clone() + "n"), "r")] {
        assert_says(&problem(of(class, name)), &["the name of a layer", "has 501 bytes, the most is 500"]);
    }
}

/// Where a file has no modules, a layer is known by its saying whether it is trainable; an input layer is one all the same.
#[test]
fn layers_are_told_from_operators_without_modules() {
    let without = |config: &mut Value| {
        for layer in config["config"]["layers"].as_array_mut().unwrap() {
            layer.as_object_mut().unwrap().remove("module").unwrap();
        }
    };
    let shown = |network: &Network| network.layers.iter().map(|l| format!("{:?}", l.kind)).collect::<Vec<_>>();
    let found = edited("keras/unet_k3.keras", without, |_| {}).unwrap();
    assert_eq!(shown(&found), shown(&network("keras/unet_k3.keras")));
    // So it is in a file of Keras 2, which writes connections otherwise and knows no such operators.
    let mut up = layer("UpSampling2D", "up", json!({"size": 2}), vec![]);
    up.as_object_mut().unwrap().remove("module");
    up["inbound_nodes"] = json!([[["image", 0, 0, {}]]]);
    assert!(matches!(of(vec![up]).unwrap().layers[1].kind, Kind::Upsample { h: 2, w: 2 }));
    // An operator has no weights, whatever there is under its name.
    let operator = |config: &mut Value| layer_entry(config, "final")["module"] = json!("keras.src.ops.nn");
    let found = edited("keras/unet_k3.keras", operator, |_| {}).unwrap();
    let last = found.layers.last().unwrap();
    assert!(matches!(&last.kind, Kind::Refused { why } if why.contains("the function 'conv2_d'")), "{:?}", last.kind);
    assert_eq!((last.trainable, last.non_trainable), (0, 0));
}

/// A model has both layers and inputs.
#[test]
fn what_has_only_layers_is_no_model() {
    for settings in [
        json!({"layers": [1, 2]}),
        json!({"input_layers": [["image", 0, 0]]}),
        json!({"layers": 3, "input_layers": []}),
    ] {
        let network = of(vec![layer("Mine", "mine", settings, vec![vec![tensor("image", 0, 0)]])]).unwrap();
        assert!(matches!(&network.layers[1].kind, Kind::Refused { why } if why.contains("'mine' (Mine)")));
    }
}

/// An object with the settings of a tensor is none if it says that it is something else: nothing that can be added.
#[test]
fn only_a_tensor_is_a_tensor() {
    let sum = |class: &str| {
        let mut sum = layer("Add", "sum", json!({}), vec![]);
        let mut other = tensor("image", 0, 0);
        other["class_name"] = json!(class);
        sum["module"] = json!("keras.src.ops.numpy");
        sum["inbound_nodes"] = json!([{"args": [tensor("image", 0, 0), other], "kwargs": {}}]);
        of(vec![sum]).unwrap().layers.remove(1).kind
    };
    assert!(matches!(sum("__keras_tensor__"), Kind::Merge(_)));
    assert!(matches!(sum("mine"), Kind::Refused { why } if why.contains("the operand")));
}

/// Keras measured from the pixels' corners until 2.3, where it was no part of TensorFlow; that part called itself -tf.
#[test]
fn which_keras_measured_from_the_corners() {
    let old = Interpolation::BilinearFromCorners;
    let now = Interpolation::Bilinear;
    for (version, right) in [
        ("1.2.2", old),
        ("2.0.8", old),
        ("2.2.4", old),
        ("2.3.1", old),
        ("2.2.4-tf", now),
        ("2.3.0-tf", now),
        ("2.4.0", now),
        ("2.11.0", now),
        ("3.3.0", now),
        ("", now),
    ] {
        let up = layer("UpSampling2D", "up", json!({"size": 2, "interpolation": "bilinear"}), vec![]);
        let network = load(&sequential(vec![image("image"), up]), version).unwrap();
        assert!(matches!(network.layers[1].kind, Kind::Resize { by, .. } if by == right), "{version}");
        assert_eq!(network.warnings.concat().contains("from the pixels' corners"), right == old, "{version}");
    }
}

/// `[null, 8, 6, 4]` has its channels first if the first layer says so that comes before the image is turned.
#[test]
fn the_first_layer_that_says_so_tells_of_the_image() {
    let pool = |name: &str, format: &str, from: &str| {
        layer("MaxPooling2D", name, json!({ "data_format": format }), vec![vec![tensor(from, 0, 0)]])
    };
    let size = |layers: Vec<Value>| match of(layers).unwrap().layers[0].kind {
        Kind::Input { h, w, c } => (h.unwrap(), w.unwrap(), c),
        ref kind => panic!("{kind:?}"),
    };
    let (first, last) = ("channels_first", "channels_last");
    let turned = || layer("Permute", "turned", json!({"dims": [3, 1, 2]}), vec![vec![tensor("image", 0, 0)]]);
    let mut operator = turned();
    (operator["module"], operator["class_name"]) = (json!("keras.src.ops.numpy"), json!("Transpose"));
    operator["config"]["axes"] = json!([0, 3, 1, 2]);
    assert_eq!(size(vec![pool("a", first, "image")]), (6, 4, 8));
    assert_eq!(size(vec![pool("a", last, "image")]), (8, 6, 4));
    assert_eq!(size(vec![relu("r", &["image"]), pool("a", first, "r")]), (6, 4, 8));
    assert_eq!(size(vec![pool("a", first, "image"), pool("b", last, "a")]), (6, 4, 8));
    for turned in [turned(), operator] {
        assert_eq!(size(vec![turned, pool("a", first, "turned")]), (8, 6, 4));
    }
}
