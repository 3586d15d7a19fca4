//! Model files of Keras 2 and Keras 3: what loads, and how it looks. The files are made by `fixtures/keras/make_keras_files.py`,
//! which says what is in them.

mod common;

use common::archive::{assert_says, edited, entry, layer_entry, replace, zip_of};
use common::{fixture, network};
use serde_json::{Value, json};
use unet_lens::Error;
use unet_lens::engine::ops::{Function, Window};
use unet_lens::engine::tensor::Shape;
use unet_lens::network::{Activation, Convolution, Kind, Layer, Network, Padding, Pool, keras, summary, unet};

/// "name class inputs kind", weights as their sizes.
fn describe(network: &Network) -> Vec<String> {
    let one = |layer: &Layer| {
        let kind = match &layer.kind {
            Kind::Conv2d { conv: Convolution { kernel, bias, stride, padding, dilation, groups }, activation } => {
                assert!(bias.as_ref().is_none_or(|b| b.len() == kernel.co));
                assert_eq!((*stride, *dilation, *groups), (Window::ONE, Window::ONE, 1));
                assert!(*padding == Padding::Same || (kernel.kh, kernel.kw) == (1, 1));
                let (kh, kw, ci, co) = (kernel.kh, kernel.kw, kernel.ci, kernel.co);
                format!("{kh}x{kw} {ci}->{co} bias:{} {activation:?}", bias.is_some())
            }
            Kind::Pool { pool: Pool::Max, window, stride, padding } => {
                assert_eq!(window, stride);
                format!("MaxPool {window} {padding:?}")
            }
            Kind::BatchNorm { axis: -1 | 3, scale, shift } => format!("BatchNorm {} {}", scale.len(), shift.len()),
            kind => format!("{kind:?}"),
        };
        format!("{} {} {:?} {kind}", layer.name, layer.class, layer.inputs)
    };
    network.layers.iter().map(one).collect()
}

/// Every number of a network: kernels, biases, scales, shifts.
fn numbers(network: &Network) -> Vec<f32> {
    let one = |layer: &Layer| match &layer.kind {
        Kind::Conv2d { conv, .. } => [&conv.kernel.values()[..], conv.bias.as_deref().unwrap_or(&[])].concat(),
        Kind::BatchNorm { scale, shift, .. } => scale.iter().chain(&**shift).map(|&v| v as f32).collect(),
        _ => vec![],
    };
    network.layers.iter().flat_map(one).collect()
}

/// The weights as Keras has them, one after the other.
fn expected_weights(network: &str) -> Vec<f32> {
    let file = hdf5::Hdf5File::open(fixture(&format!("keras/{network}.expected.h5"))).unwrap();
    file.dataset("weights").unwrap().read_array::<f32>().unwrap().into_iter().collect()
}

const NETWORKS: [(&str, &[&str]); 5] = [
    (
        "unet",
        &[
            "unet_k3.h5",
            "unet_k3.keras",
            "unet_k2.h5",
            "unet_k2.keras",
            "unet_2_2.h5",
            "unet_bytes.h5",
            "unet_gzip.h5",
            "unet_order.h5",
            "unet_2_13.keras",
        ],
    ),
    ("fit", &["fit_k3.h5", "fit_k3.keras", "fit_k2.h5"]),
    ("seq", &["seq_k3.h5", "seq_k3.keras", "seq_k2.h5", "seq_2_0.h5", "seq_f64.h5"]),
    ("bn", &["bn_k3.keras", "bn_k2.h5"]),
    ("kernels", &["kernels_k3.h5", "kernels_k2.keras"]),
];

/// Center and scale of each batch norm in the fixtures; those that are not named have both.
fn center_and_scale(layer: &str) -> (bool, bool) {
    match layer {
        "bn_1" => (true, false),
        "bn_2" => (false, true),
        "bn_3" => (false, false),
        _ => (true, true),
    }
}

fn epsilon(layer: &str) -> f64 {
    match layer {
        "bn_0" => 0.1,
        "bn_1" => 0.01,
        "bn_3" => 0.0001,
        "bn_up" => 0.02,
        _ => 0.001,
    }
}

#[test]
fn weights_are_those_that_keras_has() {
    for (name, files) in NETWORKS {
        let all = expected_weights(name);
        let network = network(&format!("keras/{}", files[0]));
        let mut left = &all[..];
        let mut take = |n: usize| {
            let (head, tail) = left.split_at(n);
            left = tail;
            head
        };
        for layer in &network.layers {
            match &layer.kind {
                Kind::Conv2d { conv: Convolution { kernel, bias, .. }, .. } => {
                    assert_eq!(take(kernel.len()), &kernel.values()[..], "{name} {} kernel", layer.name);
                    if let Some(bias) = bias {
                        assert_eq!(take(bias.len()), &bias[..], "{name} {} bias", layer.name);
                    }
                }
                Kind::BatchNorm { scale, shift, .. } => {
                    let (n, (center, scaled)) = (scale.len(), center_and_scale(&layer.name));
                    let gamma = if scaled { take(n) } else { &vec![1.0; n] };
                    let beta = if center { take(n) } else { &vec![0.0; n] };
                    let (mean, variance) = (take(n), take(n));
                    for c in 0..n {
                        let s = gamma[c] as f64 / (variance[c] as f64 + epsilon(&layer.name)).sqrt();
                        assert_eq!(scale[c], s, "{name} {} scale {c}", layer.name);
                        let t = beta[c] as f64 - mean[c] as f64 * s;
                        assert_eq!(shift[c], t, "{name} {} shift {c}", layer.name);
                    }
                }
                _ => {}
            }
        }
        assert!(left.is_empty(), "{name}: {} weights are left over", left.len());
        let counted = network.layers.iter().map(|l| l.trainable + l.non_trainable).sum::<usize>();
        assert_eq!(counted, all.len(), "{name}: parameters");
    }
}

#[test]
fn dialects_of_one_network_load_alike() {
    for (name, files) in NETWORKS {
        let first = network(&format!("keras/{}", files[0]));
        for file in files {
            let network = network(&format!("keras/{file}"));
            let mut shape = describe(&network);
            if name == "seq" {
                // Keras 2 calls the input layer "a_input".
                shape[0] = shape[0].replace("a_input", "start");
            }
            // Written by Keras 2 in the order of depth, by the fixture backwards: the layers are the same.
            assert_eq!(sorted(shape), sorted(describe(&first)), "{file}");
            assert_eq!(sorted_bits(&network), sorted_bits(&first), "{file}: weights");
            // The plain list of layers of Keras 2.0 has no name.
            assert_eq!(network.name, if *file == "seq_2_0.h5" { "model" } else { name }, "{file}");
            assert_eq!(network.layers[network.output].name, first.layers[first.output].name, "{file}");
            assert!(network.warnings.is_empty(), "{file}: {:?}", network.warnings);
            let counts = |n: &Network| n.layers.iter().map(|l| (l.trainable, l.non_trainable)).collect::<Vec<_>>();
            assert_eq!(sorted(counts(&network)), sorted(counts(&first)), "{file}: parameters");
            for (i, layer) in network.layers.iter().enumerate() {
                assert!(layer.inputs.iter().all(|&from| from < i), "{file}: {} comes before its input", layer.name);
            }
        }
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items
}

fn sorted_bits(network: &Network) -> Vec<u32> {
    sorted(numbers(network).iter().map(|v| v.to_bits()).collect())
}

#[test]
fn the_unet_in_both_orders() {
    let expected = [
        "input InputLayer [] Input { h: Some(16), w: Some(12), c: 2 }",
        "down Conv2D [0] 3x3 2->3 bias:true Relu",
        "bn_down BatchNormalization [1] BatchNorm 3 3",
        "pool MaxPooling2D [2] MaxPool 2x2 Valid",
        "code Conv2D [3] 3x3 3->5 bias:true Relu",
        "up UpSampling2D [4] Upsample { h: 2, w: 2 }",
        "cat Concatenate [5, 2] Concat { axis: -1 }",
        "up_conv Conv2D [6] 3x3 8->4 bias:true Relu",
        "bn_up BatchNormalization [7] BatchNorm 4 4",
        "final Conv2D [8] 3x3 4->1 bias:true Linear",
    ];
    for file in ["keras/unet_k3.h5", "keras/unet_2_2.h5", "keras/unet_order.h5"] {
        let network = network(file);
        assert_eq!(describe(&network), expected, "{file}");
        assert_eq!(network.output, 9);
    }
}

#[test]
fn batch_norm_dropout_and_frozen_layers() {
    let network = network("keras/bn_k2.h5");
    let at = |name: &str| network.layers.iter().find(|l| l.name == name).unwrap();
    assert!(matches!(at("input").kind, Kind::Input { h: None, w: None, c: 2 }));
    assert!(matches!(at("drop_0").kind, Kind::Identity) && matches!(at("drop_1").kind, Kind::Identity));
    assert!(matches!(at("relu_0").kind, Kind::Activation(Activation::Relu)));
    assert!(matches!(at("relu_1").kind, Kind::Activation(Activation::Relu)));
    assert!(matches!(at("nothing").kind, Kind::Activation(Activation::Linear)));
    assert!(matches!(at("out").kind, Kind::Activation(Activation::Sigmoid)));
    let counts = |name: &str| (at(name).trainable, at(name).non_trainable);
    assert_eq!(counts("conv_0"), (3 * 3 * 2 * 3 + 3, 0));
    assert_eq!(counts("conv_1"), (0, 3 * 3 * 3 * 3), "frozen, without bias");
    assert_eq!(counts("bn_0"), (0, 12), "frozen");
    assert_eq!(counts("bn_1"), (3, 6));
    assert_eq!(counts("bn_3"), (0, 6));
}

#[test]
fn kernels_pools_and_activations() {
    let network = network("keras/kernels_k3.h5");
    let expected = [
        "input InputLayer [] Input { h: Some(18), w: Some(12), c: 1 }",
        "seven Conv2D [0] 7x7 1->2 bias:true Relu",
        "pool_3 MaxPooling2D [1] MaxPool 3x3 Same",
        "five Conv2D [2] 5x5 2->3 bias:true Relu",
        "pool_2x1 MaxPooling2D [3] MaxPool 2x1 Valid",
        "wide Conv2D [4] 3x5 3->2 bias:true Sigmoid",
        "up UpSampling2D [5] Upsample { h: 6, w: 3 }",
        "cat Concatenate [1, 6, 0] Concat { axis: 3 }",
        "one Conv2D [7] 1x1 5->2 bias:true Sigmoid",
    ];
    assert_eq!(describe(&network), expected);
}

#[test]
fn the_articles_unet() {
    let network = network("unet.h5");
    let sum = |f: fn(&Layer) -> usize| network.layers.iter().map(f).sum::<usize>();
    assert_eq!(sum(|l| l.trainable), 2_879_553);
    assert_eq!(sum(|l| l.non_trainable), 1_664);
    assert_eq!(network.layers.iter().filter(|l| l.class == "Conv2D").count(), 9);
    assert_eq!(network.layers[0].name, "input_3");
    assert_eq!(network.layers[network.output].name, "final_conv1");
    let text = describe(&network);
    assert!(
        text.iter().any(|l| l.starts_with("uconv256 Conv2D") && l.ends_with("3x3 768->128 bias:true Relu")),
        "{text:?}"
    );
    // From bytes, as the default network is embedded: the same.
    let bytes: &'static [u8] = std::fs::read(fixture("unet.h5")).unwrap().leak();
    let embedded = keras::load_bytes("the default network", bytes).unwrap();
    assert_eq!(numbers(&embedded), numbers(&network));
}

/// Small, fast, the same everywhere: SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[test]
fn random_damage_never_panics() {
    for (seed, name) in ["tiny.h5", "keras/unet_gzip.h5", "keras/unet_2_2.h5", "keras/seq_k3.keras"].iter().enumerate()
    {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let mut random = Random(seed as u64);
        let cases = std::env::var("DAMAGE_CASES").map_or(300, |n| n.parse().unwrap());
        for case in 0..cases {
            let mut damaged = bytes.clone();
            for _ in 0..1 + case % 40 {
                let at = random.below(damaged.len());
                damaged[at] = random.below(256) as u8;
            }
            // Loading may succeed: most bytes are weights.
            if let Err(e) = keras::load_bytes(name, damaged) {
                assert!(matches!(e, Error::File { .. }) && e.to_string().starts_with(name), "case {case}: {e}");
            }
        }
    }
}

/// The kind of one layer after a change to its settings.
fn kind_with(name: &str, changes: Value) -> Kind {
    let change = |config: &mut Value| {
        let settings = layer_entry(config, name)["config"].as_object_mut().unwrap();
        settings.extend(changes.as_object().unwrap().clone());
    };
    let network = edited("keras/unet_k3.keras", change, |_| {}).unwrap_or_else(|e| panic!("{e}"));
    network.layers.into_iter().find(|l| l.name == name).unwrap().kind
}

#[test]
fn settings_in_other_spellings() {
    let activation = |value: Value| match kind_with("code", json!({ "activation": value })) {
        Kind::Conv2d { activation, .. } => activation,
        other => panic!("{other:?}"),
    };
    assert_eq!(activation(json!(null)), Activation::Linear);
    assert_eq!(activation(json!("sigmoid")), Activation::Sigmoid);
    let function =
        json!({"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"});
    assert_eq!(activation(function), Activation::Relu);
    let layer = |config: Value| json!({"module": "keras.layers", "class_name": "ReLU", "config": config});
    let zero = json!({"type": "ndarray", "value": 0.0});
    assert_eq!(activation(layer(json!({"max_value": null, "negative_slope": zero}))), Activation::Relu);
    let sloped = Activation::Pointwise(Function::Relu { slope: 0.1, threshold: 0.0, max: f32::INFINITY });
    assert_eq!(activation(layer(json!({"negative_slope": 0.1}))), sloped);

    let kind = kind_with("code", json!({"kernel_size": 3, "strides": 1, "dilation_rate": 1, "data_format": null}));
    let Kind::Conv2d { conv, .. } = kind else { panic!("{kind:?}") };
    assert_eq!((conv.kernel.kh, conv.kernel.kw, conv.stride), (3, 3, Window::ONE));
    let kind = kind_with("pool", json!({"pool_size": 2, "strides": null, "padding": "same"}));
    let Kind::Pool { window, stride, padding: Padding::Same, .. } = kind else { panic!("{kind:?}") };
    assert_eq!((window, stride), (Window::new(2, 2), Window::new(2, 2)));
    assert!(matches!(kind_with("up", json!({"size": 4})), Kind::Upsample { h: 4, w: 4 }));
    for axis in [json!(3), json!([3]), json!([-1])] {
        assert!(matches!(kind_with("bn_up", json!({ "axis": axis })), Kind::BatchNorm { .. }));
    }
    let kind = kind_with("input", json!({"batch_shape": [null, null, null, 2]}));
    assert!(matches!(kind, Kind::Input { h: None, w: None, c: 2 }));
}

#[test]
fn weights_that_are_not_numbers_are_reported() {
    let weights = expected_weights("unet");
    let first = &weights[0..2];
    let bytes = |v: &[f32]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let bad = [f32::NAN, f32::INFINITY];
    let network = edited("keras/unet_k3.keras", |_| {}, |file| replace(file, &bytes(first), &bytes(&bad))).unwrap();
    assert_eq!(network.warnings, ["layer 'down': 2 of 54 values of kernel are NaN or infinite"]);
    let variance = &weights[3 * 3 * 2 * 3 + 3 + 9..][..3];
    let network =
        edited("keras/unet_k3.keras", |_| {}, |file| replace(file, &bytes(variance), &bytes(&[-1.0]))).unwrap();
    assert_says(&network.warnings.concat(), &["layer 'bn_down': 1 scales", "moving_variance"]);
}

/// Every value in the architecture in turn becomes something else; it may load, it must not panic.
#[test]
fn any_change_to_the_architecture_is_survived() {
    // All of them in unet; of the networks around every layer, as many as there is time for.
    changed("keras/unet_k3.keras", 0, 1, 300);
    let every = std::env::var("CHANGES_EVERY").map_or(29, |n| n.parse().unwrap());
    let files =
        std::fs::read_dir(fixture("keras/layers")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let files: Vec<String> = files.filter(|name| name.ends_with(".keras")).collect();
    for (i, file) in files.iter().enumerate() {
        changed(&format!("keras/layers/{file}"), i % every, every, 100);
    }
}

/// Every so manyth value of a file's architecture, of which there are `least` or more.
fn changed(file: &str, first: usize, every: usize, least: usize) {
    let archive = std::fs::read(fixture(file)).unwrap();
    let config: Value = serde_json::from_slice(&entry(&archive, "config.json")).unwrap();
    let mut paths = vec![];
    collect_paths(&config, String::new(), &mut paths);
    assert!(paths.len() > least, "{}", paths.len());
    let weights = entry(&archive, "model.weights.h5");
    let others = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!("relu"),
        json!([]),
        json!({}),
        json!([["cat", 0, 0]]),
        json!(0),
        json!(3),
        json!(65536),
        json!([2, 1]),
        json!([1, 2, 3]),
    ];
    for (i, path) in paths.iter().enumerate().skip(first).step_by(every) {
        let mut changed = config.clone();
        *changed.pointer_mut(path).unwrap() = others[i % others.len()].clone();
        let changed = changed.to_string().into_bytes();
        match keras::load_bytes("x.keras", zip_of(&[("config.json", &changed), ("model.weights.h5", &weights)])) {
            Ok(network) => {
                summary::table(&network).unwrap_or_else(|e| panic!("{file} {path}: {e}"));
                let c = unet::image_channels(&network).unwrap();
                _ = unet::graph_to(&network, network.output, None, Shape::new(1, 16, 12, c));
            }
            Err(error) => assert!(matches!(error, Error::File { .. }), "{path}: {error:?}"),
        }
    }
}

fn collect_paths(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(o) => o.iter().for_each(|(k, v)| collect_paths(v, format!("{path}/{k}"), paths)),
        Value::Array(a) => a.iter().enumerate().for_each(|(i, v)| collect_paths(v, format!("{path}/{i}"), paths)),
        _ => {}
    }
    paths.push(path);
}

#[test]
fn old_files_are_warned_of_where_bilinear_was_something_else() {
    let warnings = |file: &str| network(file).warnings.concat();
    let corners = warnings("keras/old/several_keras_2_2_4.h5");
    assert_says(&corners, &["layer 'up_sampling2d_1'", "bilinear as in Keras 2.2.4", "from the pixels' corners"]);
    let unsaid = warnings("keras/old/several_tf_1_14.h5");
    assert_says(&unsaid, &["layer 'up_sampling2d'", "TensorFlow before 1.15", "nearest is taken"]);
    for file in ["old/several_tf_1_15.h5", "old/operators_tf_1_15.h5", "layers/upsampling_k3.keras"] {
        assert_eq!(warnings(&format!("keras/{file}")), "", "{file}");
    }
}
