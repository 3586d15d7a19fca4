//! Weights in files that were changed byte by byte: how they are stored, where they are looked for, and how much of them is read.

mod common;

use common::archive::{assert_says, edited, entry, layer_entry, problem, replace};
use common::{fixture, network};
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use unet_lens::Error;
use unet_lens::network::{Kind, Network, keras};

/// How HDF5 describes numbers of single precision: class 1 (floating point), version 1, 4 bytes, 32 bits, and where sign, exponent
/// and mantissa lie.
const SINGLE: [u8; 20] = [0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(fixture(file)).unwrap()
}

/// All places of these bytes get others.
fn replace_all(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&i| bytes[i..].starts_with(from)).collect();
    assert!(!places.is_empty(), "these bytes are in the file");
    places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
}

/// A whole-model file after this change.
fn changed(file: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<Network, Error> {
    let mut bytes = bytes(file);
    change(&mut bytes);
    keras::load_bytes("x.h5", bytes)
}

fn words(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn count(network: &Network, layer: &str) -> (usize, usize) {
    let layer = network.layers.iter().find(|l| l.name == layer).unwrap();
    (layer.trainable, layer.non_trainable)
}

#[test]
fn numbers_are_single_or_double() {
    let mut half = SINGLE;
    (half[2], half[4], half[10], half[12], half[13], half[15], half[16]) = (15, 2, 16, 10, 5, 10, 15);
    let integer = [0x10, 0x08, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0];
    let text = [0x13, 0, 0, 0, 4, 0, 0, 0];
    for (kind, said) in [(&half[..], "float16"), (&integer, "int32"), (&text, "no numbers")] {
        let why = problem(changed("tiny.h5", |file| replace(file, &SINGLE, kind)));
        assert_says(&why, &["layer 'bn_down'", &format!("its values are {said}; supported are float32 and float64")]);
    }
}

/// A weight that is stored in pieces of 3 x 3 x 2 x 2^24 numbers.
#[test]
fn pieces_are_not_too_large() {
    let piece = |outputs: u32| [3u32, 3, 2, outputs, 4].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let why = problem(changed("keras/unet_gzip.h5", |file| replace(file, &piece(3), &piece(1 << 24))));
    assert_says(&why, &["layer 'down' (Conv2D): the weight kernel", "stored in pieces of more than 64 MiB"]);
}

/// `bias`, and where Keras had to make it unique, `bias_1`.
#[test]
fn weights_are_known_by_the_ends_of_their_names() {
    let whole = network("tiny.h5");
    let called = |name: &str| changed("tiny.h5", |file| replace_all(file, b"bias:0", name.as_bytes()));
    for name in ["bias_1", "bias_0", "bias:1"] {
        let network = called(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(count(&network, "code"), count(&whole, "code"));
    }
    for name in ["bias_x", "bias_:", "bias1:", "bia:00", "mybias"] {
        assert_says(&problem(called(name)), &["the weight bias is missing from the file"]);
    }
    // The list of names itself is known by its name.
    let why = problem(changed("tiny.h5", |file| replace_all(file, b"weight_names", b"weight_nomes")));
    assert_says(&why, &["is missing from the file"]);
}

/// Keras makes "conv2d" of "Conv2D", and leaves a name that is in snake case as it is.
#[test]
fn layers_lie_under_the_names_of_their_classes() {
    for class in ["batch_normalization", "Batch-Normalization"] {
        let other = |config: &mut Value| {
            for name in ["bn_down", "bn_up"] {
                layer_entry(config, name)["class_name"] = json!(class);
            }
        };
        let network = edited("keras/unet_k3.keras", other, |_| {}).unwrap();
        // Four numbers for each of 3 and of 4 channels; whatever they are.
        assert_eq!((count(&network, "bn_down"), count(&network, "bn_up")), ((12, 0), (16, 0)), "{class}");
    }
}

/// A layer without a group in the file has no weights; a group that cannot be read is damage.
#[test]
fn what_is_missing_is_not_what_is_damaged() {
    let renamed = |file: &mut Vec<u8>| {
        replace_all(file, b"\"name\": \"pool\"", b"\"name\": \"loop\"");
        replace_all(file, b"[[[\"pool\", 0, 0, {}]]]", b"[[[\"loop\", 0, 0, {}]]]");
    };
    let network = changed("tiny.h5", renamed).unwrap();
    assert_eq!(count(&network, "loop"), (0, 0));
    // The nodes that list what is in a group.
    let damage = |file: &mut Vec<u8>| replace_all(file, b"SNOD", b"SNAD");
    assert_says(&problem(changed("tiny.h5", damage)), &["damaged or cut short"]);
    assert_says(&problem(edited("keras/unet_k3.keras", |_| {}, damage)), &["damaged or cut short"]);
}

/// An archive whose files are stored as they are, as Keras writes them.
fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut archive = zip::ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in entries {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// What is stored as it is is read where it lies, and nothing beside it.
#[test]
fn a_file_in_an_archive_ends_where_it_ends() {
    let archive = bytes("keras/unet_k3.keras");
    let (config, weights) = (entry(&archive, "config.json"), entry(&archive, "model.weights.h5"));
    let load = |weights: &[u8]| {
        keras::load_bytes("x.keras", stored(&[("model.weights.h5", weights), ("config.json", &config)]))
    };
    let kernel = |network: &Network| match &network.layers[1].kind {
        Kind::Conv2d { conv, .. } => conv.kernel.values().to_vec(),
        kind => panic!("{kind:?}"),
    };
    let first = kernel(&network("keras/unet_k3.keras"));
    assert_eq!(kernel(&load(&weights).unwrap()), first);
    // The first kernel is said to lie over the end: in the archive there is something behind it.
    let data: Vec<u8> = first.iter().flat_map(|v| v.to_le_bytes()).collect();
    let at = weights.windows(data.len()).position(|w| w == data).unwrap() as u64;
    for (from_end, fits) in [(data.len() as u64, true), (data.len() as u64 - 4, false), (0, false)] {
        let mut moved = weights.clone();
        let place = moved.len() as u64 - from_end;
        replace(&mut moved, &words(&[at, data.len() as u64]), &words(&[place, data.len() as u64]));
        match fits {
            true => assert!(load(&moved).is_ok(), "{from_end}"),
            false => assert_says(&problem(load(&moved)), &["damaged or cut short"]),
        }
    }
}

/// An architecture of 32 MiB is read, one of a byte more is not.
#[test]
fn the_architecture_has_a_longest_length() {
    let archive = bytes("keras/unet_k3.keras");
    let (mut config, weights) = (entry(&archive, "config.json"), entry(&archive, "model.weights.h5"));
    config.resize(32 << 20, b' ');
    let load = |config: &[u8]| {
        keras::load_bytes("x.keras", stored(&[("config.json", config), ("model.weights.h5", &weights)]))
    };
    assert!(load(&config).is_ok());
    config.push(b' ');
    assert_says(&problem(load(&config)), &["config.json unpacks to more than 32.0 MiB"]);
}

/// Of weights that are packed so much is unpacked as the architecture asks for, and 64 MiB.
#[test]
fn no_more_is_unpacked_than_was_asked_for() {
    let archive = bytes("keras/unet_k3.keras");
    let mut weights = entry(&archive, "model.weights.h5");
    weights.resize(66 << 20, 0);
    let load = |filters: usize| {
        let mut config: Value = serde_json::from_slice(&entry(&archive, "config.json")).unwrap();
        layer_entry(&mut config, "code")["config"]["filters"] = json!(filters);
        let config = config.to_string().into_bytes();
        let mut archive = zip::ZipWriter::new(Cursor::new(vec![]));
        for (name, bytes) in [("config.json", &config), ("model.weights.h5", &weights)] {
            let fastest = zip::write::SimpleFileOptions::default().compression_level(Some(1));
            archive.start_file(name, fastest).unwrap();
            archive.write_all(bytes).unwrap();
        }
        problem(keras::load_bytes("x.keras", archive.finish().unwrap().into_inner()))
    };
    // 32 bytes for each of the 3 x 3 x 3 x 65536 numbers of the kernel: then it is seen that they are not there.
    assert_says(&load(65536), &["has shape [3, 3, 3, 5], expected [3, 3, 3, 65536]"]);
    assert_says(&load(6), &["model.weights.h5 unpacks to more than 64.0 MiB"]);
}

/// A file whose second kernel is said to have so many inputs, after a layer that nobody knows; and as long as that.
fn with_inputs(inputs: u64, length: usize) -> Vec<u8> {
    let mut bytes = bytes("tiny.h5");
    replace(&mut bytes, b"\"MaxPooling2D\"", b"\"MyOwnPooling\"");
    replace(&mut bytes, &words(&[3, 3, 5, 7]), &words(&[3, 3, inputs, 7]));
    bytes.resize(length, 0);
    bytes
}

/// Nothing packs better than 1 : 1032, so a file of `n` bytes has at most `1032 n / 4` numbers of 4 bytes.
#[test]
fn a_file_has_no_more_numbers_than_fit_into_it() {
    let whole = network("tiny.h5");
    let all = whole.layers.iter().map(|l| l.trainable + l.non_trainable).sum::<usize>();
    let others = all - 3 * 3 * 5 * 7;
    let length = (37_800..).find(|n| (258 * n - others).is_multiple_of(63)).unwrap();
    let inputs = ((258 * length - others) / 63) as u64;
    let why = |inputs: u64| problem(keras::load_bytes("x.h5", with_inputs(inputs, length)));
    let (just, more) = (why(inputs), why(inputs + 1));
    assert!(!just.contains("more than fit"), "{just}");
    assert_says(&more, &[&format!("the file tells of {} weights, more than fit", 258 * length + 63)]);
}

/// A network whose weights have 512 MiB, and one whose architecture is 16 MiB long, of which 32 times as much may be made, in an
/// address space of 800 MiB: half of what is left of it is less.
#[cfg(target_os = "linux")]
#[test]
fn what_a_file_makes_is_counted_before_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let archive = bytes("keras/unet_k3.keras");
    let mut config = entry(&archive, "config.json");
    config.resize(16 << 20, b' ');
    let long = common::archive::zip_of(&[
        ("config.json", &config),
        ("model.weights.h5", &entry(&archive, "model.weights.h5")),
    ]);
    let large = with_inputs((512 << 20) / 4 / 63, 1 << 20);
    for (name, bytes, words) in [
        ("long.keras", long, "the architecture needs 512.0 MiB of memory"),
        ("large.h5", large, "all its weights together needs 512.0 MiB of memory"),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 819200 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_unet-lens")])
            .args(["summary", "--model", name])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert_says(&said, &[words]);
    }
}
