//! Model files that are refused, at once or when a layer is needed that cannot be computed; and how the refusal reads.

mod common;

use common::archive::{assert_says, edited, entry, layer_entry, problem, replace, zip_of};
use common::{fixture, network};
use serde_json::{Value, json};
use unet_lens::Error;
use unet_lens::engine::ops::Window;
use unet_lens::engine::tensor::Shape;
use unet_lens::network::{Activation, Interpolation, Kind, Network, Size, keras, summary, unet};

/// The problem after a change to one layer's entry: of the file, or when all of the network is asked for.
fn with_layer(name: &str, change: impl FnOnce(&mut Value)) -> String {
    match edited("keras/unet_k3.keras", |config| change(layer_entry(config, name)), |_| {}) {
        Ok(network) => refusal(&network).to_string(),
        refused => problem(refused),
    }
}

fn from(layer: &str) -> Value {
    json!([{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": [layer, 0, 0]}}], "kwargs": {}}])
}

#[test]
fn weights_without_an_architecture() {
    let says = ["weights only", "architecture is missing", "model.save(", "model.keras_model.save("];
    assert_says(&problem(keras::load(fixture("keras/refused/weights_only.h5"))), &says);
    // What Keras 3 saves as NAME.weights.h5.
    let inner = entry(&std::fs::read(fixture("keras/unet_k3.keras")).unwrap(), "model.weights.h5");
    assert_says(&problem(keras::load_bytes("x.weights.h5", inner)), &says);
}

#[test]
fn files_that_are_no_models() {
    let of = |bytes: &[u8]| problem(keras::load_bytes("x.h5", bytes.to_vec()));
    assert_says(&of(b""), &["the file is empty"]);
    assert_says(&of(b"hello\nworld"), &["neither a Keras .h5 file", "'hello'", "model.save"]);
    assert_says(&of(&[0xff, 0xd8, 0xff, 0xe0]), &["neither a Keras .h5 file", "model.save"]);
    assert_says(&of(&[7; 5000]), &["neither a Keras .h5 file"]);
    assert_says(&of(b"PK\x03\x04 and then nothing"), &["damaged or cut short"]);
    assert_says(&of(&zip_of(&[("readme.txt", b"hello")])), &["no .keras file", "config.json", "model.save"]);
    assert_says(&of(&zip_of(&[("config.json", b"{}")])), &["no .keras file", "model.weights.h5"]);
    assert_says(&of(&zip_of(&[("config.json", b"{oh")])), &["damaged", "JSON"]);
    assert_says(&problem(keras::load(fixture("no_such.h5"))), &["no such file", "check its path"]);
    assert_says(&problem(keras::load(fixture("keras"))), &["this is a folder", "name the .h5 or .keras file"]);
    assert_says(&problem(keras::load(fixture("tiny_reference.h5"))), &["holds no Keras model", "model.save"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("saved_model.pb"), "x").unwrap();
    assert_says(&problem(keras::load(folder.path())), &["SavedModel", "model.save('NAME.h5')"]);
}

#[test]
fn a_file_cut_short_is_refused() {
    for name in ["tiny.h5", "keras/unet_gzip.h5", "keras/unet_k3.keras"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for part in 0..60 {
            let len = bytes.len() * part / 60;
            let found = problem(keras::load_bytes(name, bytes[..len].to_vec()));
            let clear = ["empty", "cut short", "neither"].iter().any(|words| found.contains(words));
            assert!(clear, "{name} cut at {len}: {found}");
        }
    }
    // The same from a file on disk, which is read piece by piece.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &std::fs::read(fixture("tiny.h5")).unwrap()[..20_000]).unwrap();
    assert_says(&problem(keras::load(file.path())), &["cut short", "20000 bytes of the 37792"]);
}

#[test]
fn files_without_an_image_are_refused() {
    for (file, expected) in [
        ("two_inputs", &["2 inputs [\"left\", \"right\"]", "one is supported"][..]),
        ("k2_two_inputs", &["2 inputs [\"left\", \"right\"]", "one is supported"]),
        ("conv3d", &["layer 'volume' (InputLayer)", "[null,4,6,6,1]", "[null, height, width, channels]"]),
        ("k2_conv3d", &["layer 'volume' (InputLayer)", "[null,4,6,6,1]", "[null, height, width, channels]"]),
        ("lstm", &["layer 'series' (InputLayer)", "[null,6,4]", "[null, height, width, channels]"]),
        ("k2_lstm", &["layer 'series' (InputLayer)", "[null,6,4]", "[null, height, width, channels]"]),
    ] {
        let path = fixture(&format!("keras/refused/{file}.keras"));
        let error = keras::load(&path).err().unwrap_or_else(|| panic!("{file} loads"));
        assert_says(&error.to_string(), expected);
        assert!(error.to_string().starts_with(&path.display().to_string()), "the file's name comes first: {error}");
        assert_eq!(error.exit_code(), 1);
    }
}

/// What stands in the way of the network's output.
fn refusal(network: &Network) -> Error {
    let (h, w) = (16, 12);
    let c = unet::image_channels(network).unwrap();
    unet::graph_to(network, network.output, None, Shape::new(1, h, w, c)).expect_err("it can be computed")
}

#[test]
fn layers_are_refused_when_they_are_needed() {
    for file in ["unknown_lambda", "k2_unknown_lambda"] {
        let path = fixture(&format!("keras/refused/{file}.keras"));
        let mut network = keras::load(&path).unwrap();
        let error = refusal(&network);
        let says =
            ["layer 'mirror' (Lambda)", "Python code, which is not run", "for instance 'mirror=identity'", "scale:2"];
        assert_says(&error.to_string(), &says);
        assert!(error.to_string().starts_with(&path.display().to_string()), "the file's name comes first: {error}");
        assert_eq!(error.exit_code(), 1);
        // What needs it says so, and the table of layers is there all the same.
        assert_says(
            &unet::convolution(&network, "final").unwrap_err().to_string(),
            &["final is computed from", "'mirror'"],
        );
        assert!(unet::convolutions(&network).is_empty());
        let table = summary::table(&network).unwrap();
        assert!(table.lines().any(|l| l.starts_with("mirror (Lambda)") && l.contains(" ? ")), "{table}");
        assert!(table.lines().any(|l| l.starts_with("final (Conv2D)") && l.contains(" ? ")), "{table}");
        assert_says(
            &table,
            &["Total params: 2 ", "Not computed, nor what comes from it", "Python code, which is not run"],
        );
        network.set_lambda("mirror", "identity").unwrap();
        assert!(unet::convolution(&network, "final").is_ok());
        assert!(!summary::table(&network).unwrap().contains('?'));
    }

    // A head that is not known: all that is before it can be shown.
    let network =
        edited("keras/unet_k3.keras", |config| layer_entry(config, "final")["class_name"] = json!("MyHead"), |_| {})
            .unwrap();
    assert_says(
        &refusal(&network).to_string(),
        &["layer 'final' (MyHead)", "class are not supported", "docs/networks.md"],
    );
    let names = |layers: Vec<usize>| layers.iter().map(|&i| network.layers[i].name.clone()).collect::<Vec<_>>();
    assert_eq!(names(unet::convolutions(&network)), ["down", "code", "up_conv"]);
    assert_eq!(names(unet::shown(&network)).last().unwrap(), "bn_up");
    let up_conv = unet::convolution(&network, "up_conv").unwrap();
    assert!(unet::graph_to(&network, up_conv, Some(&[3]), Shape::new(1, 16, 12, 2)).is_ok());
    // Its weights are counted all the same.
    let mut bytes = std::fs::read(fixture("keras/unet_k2.h5")).unwrap();
    let class = |name: &str| format!("\"class_name\": \"{name}\", \"config\": {{\"name\": \"final\"");
    replace(&mut bytes, class("Conv2D").as_bytes(), class("MyHead").as_bytes());
    let mut network = keras::load_bytes("x.h5", bytes).unwrap();
    let last = network.layers.last().unwrap();
    assert_eq!((&*last.class, last.trainable), ("MyHead", 3 * 3 * 4 + 1));
    assert_says(&network.set_lambda("final", "relu").unwrap_err().to_string(), &["has no layer that can be told"]);
}

#[test]
fn what_a_lambda_layer_can_be_told() {
    let mut network = network("keras/layers/lambdas_k3.keras");
    let mut kind = |meaning: &str| {
        network
            .set_lambda("twice", meaning)
            .map(|()| network.layers.iter().find(|l| l.name == "twice").unwrap().kind.clone())
    };
    assert!(matches!(kind("identity").unwrap(), Kind::Identity));
    assert!(matches!(kind("scale:2").unwrap(), Kind::Linear { scale: 2.0, shift: 0.0 }));
    assert!(matches!(kind("shift:-1").unwrap(), Kind::Linear { scale: 1.0, shift: -1.0 }));
    assert!(matches!(kind("shift:1e-3,scale:-2.5").unwrap(), Kind::Linear { scale: -2.5, shift: 1e-3 }));
    assert!(matches!(kind("relu").unwrap(), Kind::Activation(Activation::Relu)));
    assert!(matches!(kind("concat").unwrap(), Kind::Concat { axis: -1 }));
    assert!(matches!(kind("repeat:8").unwrap(), Kind::Repeat(8)));
    let Kind::Resize { to: Size::Pixels(size), by: Interpolation::Bilinear } = kind("resize:32x24").unwrap() else {
        panic!()
    };
    assert_eq!(size, Window::new(32, 24));
    for wrong in [
        "",
        "twice",
        "scale",
        "scale:",
        "scale:x",
        "scale:inf",
        "scale:1,scale:2",
        "scale:2,",
        "repeat:0",
        "repeat:-1",
        "repeat:99999999",
        "resize:3",
        "resize:3x",
        "resize:0x3",
        "shift:1,mirror:2",
    ] {
        let error = kind(wrong).unwrap_err();
        assert_says(&error.to_string(), &["twice: ", &format!("'{wrong}' is not known"), "scale:2,shift:-1"]);
        assert_eq!(error.exit_code(), 2);
    }
    let found = network.set_lambda("thrice", "identity").unwrap_err().to_string();
    assert_says(&found, &["thrice", "there is identity, twice, to_one, back, to_two, to_half"]);
    let found = network.set_lambda("first", "identity").unwrap_err().to_string();
    assert_says(&found, &["first is not a layer that can be told"]);
}

/// What is said about a layer after a change to its settings, or that it is computed.
fn said(layer: &str, class: &str, settings: Value) -> String {
    let change = |config: &mut Value| {
        let entry = layer_entry(config, layer);
        entry["class_name"] = json!(class);
        entry["config"] = json!({ "name": layer });
        entry["config"].as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    };
    match edited("keras/unet_k3.keras", change, |_| {}) {
        Ok(network) => {
            let at = network.layers.iter().position(|l| l.name == layer).unwrap();
            let built = unet::graph_to(&network, at, None, Shape::new(1, 16, 12, 2));
            built.map_or_else(|e| e.to_string(), |built| format!("computed: {}", built.graph.shape(built.output)))
        }
        refused => problem(refused),
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let numbers = [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("2"),
        json!([2, 2, 2]),
        json!([2]),
        json!([0, 2]),
        json!(65537),
        json!({}),
    ];
    for value in &numbers {
        for (layer, class, key) in [
            ("code", "Conv2D", "strides"),
            ("code", "Conv2D", "dilation_rate"),
            ("code", "Conv2D", "kernel_size"),
            ("pool", "Conv2DTranspose", "strides"),
            ("pool", "MaxPooling2D", "pool_size"),
            ("pool", "AveragePooling2D", "strides"),
            ("up", "UpSampling2D", "size"),
        ] {
            let mut settings = json!({"filters": 5, "kernel_size": 3, "padding": "same"});
            settings[key] = value.clone();
            assert_says(
                &said(layer, class, settings),
                &[&format!("layer '{layer}' ({class}): {key} {value} is not supported")],
            );
        }
    }
    for (layer, class, settings, words) in [
        (
            "code",
            "Conv2D",
            json!({"filters": 5, "kernel_size": 3, "padding": "causal"}),
            "padding \"causal\" is not supported",
        ),
        (
            "code",
            "Conv2D",
            json!({"filters": 5, "kernel_size": 3, "groups": 2}),
            "groups 2 is not supported (supported: groups that divide the channels, here 3 and 5)",
        ),
        ("code", "Conv2D", json!({"filters": 5, "kernel_size": 3, "groups": 0}), "groups 0 is not supported"),
        (
            "code",
            "Conv2D",
            json!({"filters": 5, "kernel_size": 3, "data_format": "nhwc"}),
            "data_format \"nhwc\" is not supported",
        ),
        (
            "code",
            "Conv2D",
            json!({"filters": 5, "kernel_size": 3, "activation": "magic"}),
            "activation \"magic\" is not supported",
        ),
        ("code", "Conv2D", json!({"filters": 5}), "kernel_size is missing"),
        (
            "code",
            "Conv2D",
            json!({"filters": 5, "kernel_size": 3, "activation": {"class_name": "PReLU", "config": {}}}),
            "activation PReLU is not supported",
        ),
        (
            "pool",
            "Conv2DTranspose",
            json!({"filters": 5, "kernel_size": 3, "strides": 2, "output_padding": 2}),
            "output_padding 2 is not supported (supported: less than the strides)",
        ),
        (
            "pool",
            "Conv2DTranspose",
            json!({"filters": 5, "kernel_size": 3, "strides": 2, "output_padding": [0, 2]}),
            "output_padding [0,2] is not supported",
        ),
        (
            "pool",
            "DepthwiseConv2D",
            json!({"kernel_size": 3, "depth_multiplier": 0}),
            "depth_multiplier 0 is not supported",
        ),
        (
            "pool",
            "MaxPooling2D",
            json!({"pool_size": 20}),
            "a window of 20x20 pixels does not fit an input of 16x12 pixels; take a larger image",
        ),
        (
            "up",
            "UpSampling2D",
            json!({"interpolation": "bicubic"}),
            "interpolation \"bicubic\" is not supported (supported: 'nearest', 'bilinear')",
        ),
        ("up", "Resizing", json!({"height": 4}), "width null is not supported"),
        (
            "up",
            "Resizing",
            json!({"height": 4, "width": 4, "crop_to_aspect_ratio": true}),
            "crop_to_aspect_ratio true is not supported",
        ),
        ("pool", "Cropping2D", json!({"cropping": -1}), "cropping -1 is not supported"),
        ("pool", "Cropping2D", json!({"cropping": [[1, 2, 3], [0, 0]]}), "cropping [[1,2,3],[0,0]] is not supported"),
        (
            "pool",
            "Cropping2D",
            json!({"cropping": 6}),
            "nothing is left of bn_down (16x12) when 6+6 rows and 6+6 columns are cut off; take a larger image",
        ),
        ("pool", "ZeroPadding2D", json!({"padding": 1e10}), "padding 10000000000.0 is not supported"),
        ("pool", "Reshape", json!({"target_shape": [-1, -1]}), "target_shape [-1,-1] is not supported"),
        ("pool", "Reshape", json!({"target_shape": [5, -1]}), "[16, 12, 3] cannot be given the shape [5, -1]"),
        ("pool", "Reshape", json!({"target_shape": [2, 2, 2, 2, 36]}), "a tensor of 6 axes is not supported"),
        ("pool", "Reshape", json!({"target_shape": [4294967295u32, 4294967295u32, -1]}), "cannot be given the shape"),
        ("pool", "Permute", json!({"dims": [1, 1, 2]}), "dims [1,1,2] is not supported"),
        ("pool", "Permute", json!({"dims": [2, 1]}), "an order of 2 axes for 3"),
        ("pool", "Softmax", json!({"axis": 0}), "axis 0 is that of the images"),
        ("pool", "Softmax", json!({"axis": 4}), "axis 4 of a tensor of 4 axes"),
        ("pool", "Softmax", json!({"axis": []}), "it names no axis"),
        ("pool", "ReLU", json!({"max_value": -1}), "max_value -1 is not supported"),
        ("pool", "LeakyReLU", json!({"alpha": "x"}), "alpha \"x\" is not supported"),
        ("pool", "Rescaling", json!({"scale": [1, 2, 3], "offset": [1, 2]}), "2 numbers for 3 channels"),
        ("pool", "Rescaling", json!({"scale": [1, 2]}), "layer 'pool'"),
        ("pool", "Normalization", json!({"axis": [1, 2, 3]}), "axis [1,2,3] is not supported"),
        ("pool", "Normalization", json!({"mean": [1, 2], "variance": [1]}), "variance [1] is not supported"),
        ("bn_down", "BatchNormalization", json!({"epsilon": -1}), "epsilon -1 is not supported"),
        ("bn_down", "BatchNormalization", json!({"axis": [1, 2]}), "axis [1,2] is not supported"),
        ("bn_down", "BatchNormalization", json!({"renorm": true}), "renorm true is not supported"),
        ("cat", "Concatenate", json!({"axis": 1.5}), "axis 1.5 is not supported"),
        ("cat", "Concatenate", json!({"axis": 0}), "axis 0 is that of the images"),
        ("cat", "Concatenate", json!({"axis": 1}), "up (16x12x5) and bn_down (16x12x3) cannot be laid side by side"),
        ("pool", "LSTM", json!({"units": 5}), "layers of this class are not supported"),
    ] {
        let found = said(layer, class, settings.clone());
        assert!(found.contains(words), "{class} {settings}: '{words}' is not in the message: {found}");
    }
    assert_eq!(said("pool", "Reshape", json!({"target_shape": [-1, 3]})), "computed: 1x192x1x3");
}

#[test]
fn connections_that_cannot_be() {
    let found = with_layer("pool", |l| l["inbound_nodes"] = from("nowhere"));
    assert_says(&found, &["layer 'pool' (MaxPooling2D)", "'nowhere'", "not in the file"]);
    let found = with_layer("down", |l| l["inbound_nodes"] = from("bn_down"));
    assert_says(&found, &["[\"down\", \"bn_down\"]", "circle"]);
    let found = with_layer("down", |l| l["inbound_nodes"] = from("down"));
    assert_says(&found, &["[\"down\"]", "circle"]);
    let found = with_layer("down", |l| l["inbound_nodes"] = json!([]));
    assert_says(&found, &["layer 'down' (Conv2D)", "has no input"]);
    let found = with_layer("cat", |l| l["inbound_nodes"] = from("bn_down"));
    assert_says(&found, &["layer 'cat' (Concatenate)", "1 inputs, expected two or more"]);
    let found = with_layer("bn_down", |l| l["inbound_nodes"][0]["kwargs"] = json!({"training": true}));
    assert_says(&found, &["layer 'bn_down'", "training true"]);
    let found = with_layer("pool", |l| l["name"] = json!("down"));
    assert_says(&found, &["two layers are named 'down'"]);
    let found =
        problem(edited("keras/unet_k3.keras", |c| c["config"]["output_layers"] = json!(["gone", 0, 0]), |_| {}));
    assert_says(&found, &["the model's output", "'gone'"]);
    let mine = edited("keras/unet_k3.keras", |c| c["class_name"] = json!("MyNet"), |_| {}).unwrap();
    let table = |n: &Network| summary::table(n).unwrap();
    assert_eq!(table(&mine), table(&network("keras/unet_k3.keras")), "a class of its own, made of layers");
    let found =
        problem(edited("keras/unet_k3.keras", |c| *c = json!({"class_name": "MyNet", "config": {"depth": 3}}), |_| {}));
    assert_says(&found, &["class 'MyNet'", "Functional, Model, Sequential"]);
    let found = with_layer("code", |l| l["registered_name"] = json!("mine>Conv2D"));
    assert_says(&found, &["layer 'code'", "'mine>Conv2D'"]);
}

#[test]
fn weights_that_do_not_fit() {
    let found = with_layer("code", |l| l["config"]["filters"] = json!(6));
    assert_says(&found, &["layer 'code' (Conv2D)", "kernel", "[3, 3, 3, 5]", "expected [3, 3, 3, 6]"]);
    let found = with_layer("input", |l| l["config"]["batch_shape"] = json!([null, 16, 12, 4]));
    assert_says(&found, &["layer 'down' (Conv2D)", "kernel", "[3, 3, 2, 3]", "expected [3, 3, 4, 3]"]);
    let found = with_layer("pool", |l| {
        l["class_name"] = json!("BatchNormalization");
        l["config"] = json!({"name": "pool"});
    });
    assert_says(&found, &["has shape [4], expected [3]"]);
    let found = with_layer("pool", |l| {
        l["class_name"] = json!("Conv2D");
        l["config"] = json!({"name": "pool", "filters": 3, "kernel_size": 3, "padding": "same"});
    });
    assert_says(&found, &["shape"]);
    let found = with_layer("final", |l| {
        l["class_name"] = json!("BatchNormalization");
        l["config"] = json!({"name": "final"});
    });
    assert_says(&found, &["layer 'final' (BatchNormalization)", "weights are missing", "model.save"]);
    let bias = with_h5_bytes("tiny.h5", b"down/bias:0", b"down/bIas:0");
    assert_says(&bias, &["layer 'down' (Conv2D)", "bias is missing", "model.save"]);
}

/// The problem of a file in which bytes are replaced.
fn with_h5_bytes(file: &str, from: &[u8], to: &[u8]) -> String {
    let mut bytes = std::fs::read(fixture(file)).unwrap();
    replace(&mut bytes, from, to);
    problem(keras::load_bytes(file, bytes))
}

#[test]
fn absurd_sizes_are_not_allocated() {
    let found = with_layer("code", |l| l["config"]["filters"] = json!(1_000_000_000_000_u64));
    assert_says(&found, &["layer 'code'", "filters 1000000000000", "1 to 65536"]);
    let found = problem(edited(
        "keras/unet_k3.keras",
        |config| {
            layer_entry(config, "down")["config"]["filters"] = json!(5_000);
            layer_entry(config, "code")["config"]["filters"] = json!(60_000);
        },
        |_| {},
    ));
    assert_says(&found, &["layer 'down' (Conv2D)", "[3, 3, 2, 3]", "expected [3, 3, 2, 5000]"]);
    // A kernel that says it has 10^12 entries, in the file's own words.
    let dims = |d: [u64; 4]| d.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let mut bytes = std::fs::read(fixture("tiny.h5")).unwrap();
    replace(&mut bytes, &dims([3, 3, 5, 7]), &dims([3, 3, 1 << 37, 7]));
    let found = problem(keras::load_bytes("tiny.h5", bytes.clone()));
    assert_says(&found, &["layer 'code' (Conv2D)", "[3, 3, 137438953472, 7]", "expected [3, 3, 5, 7]"]);
    // The same after a layer of which nobody knows how many channels leave it.
    replace(&mut bytes, b"\"MaxPooling2D\"", b"\"MyOwnPooling\"");
    let found = problem(keras::load_bytes("tiny.h5", bytes));
    assert_says(&found, &["weights, more than fit"]);
}
