//! `.keras` files with something changed in them.
#![allow(dead_code)] // each test file uses a part of this

use super::fixture;
use serde_json::Value;
use std::io::{Cursor, Read, Write};
use unet_lens::Error;
use unet_lens::network::{Network, keras};

/// A file in a zip archive.
pub fn entry(archive: &[u8], name: &str) -> Vec<u8> {
    let mut bytes = vec![];
    zip::ZipArchive::new(Cursor::new(archive)).unwrap().by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// A zip archive of these files.
pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A `.keras` file of the fixtures with a change to its architecture and its weights file.
pub fn edited(
    file: &str,
    architecture: impl FnOnce(&mut Value),
    weights: impl FnOnce(&mut Vec<u8>),
) -> Result<Network, Error> {
    let archive = std::fs::read(fixture(file)).unwrap();
    let mut config: Value = serde_json::from_slice(&entry(&archive, "config.json")).unwrap();
    let mut bytes = entry(&archive, "model.weights.h5");
    architecture(&mut config);
    weights(&mut bytes);
    let config = config.to_string().into_bytes();
    keras::load_bytes("x.keras", zip_of(&[("config.json", &config), ("model.weights.h5", &bytes)]))
}

/// The entry of a layer.
pub fn layer_entry<'a>(config: &'a mut Value, name: &str) -> &'a mut Value {
    let layers = config["config"]["layers"].as_array_mut().unwrap();
    layers.iter_mut().find(|l| l["config"]["name"] == name).unwrap()
}

/// Some bytes replaced by others.
pub fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = bytes.windows(from.len()).position(|w| w == from).expect("these bytes are in the file");
    bytes[at..at + to.len()].copy_from_slice(to);
}

/// The problem that a file has, without the file's name.
pub fn problem(result: Result<Network, Error>) -> String {
    match result {
        Err(Error::File { problem, .. }) => problem,
        Err(other) => panic!("not Error::File: {other:?}"),
        Ok(_) => panic!("it loads"),
    }
}

/// Each of these words must be in the message.
pub fn assert_says(found: &str, expected: &[&str]) {
    for words in expected {
        assert!(found.contains(words), "'{words}' is not in the message: {found}");
    }
}
