//! Models: those of the fixtures, with changes to their bytes, to the structure of their HDF5 files, to their architecture.

use super::archive::{entry, zip_of};
use super::hdf5::Marked;
use super::trial::Outcome;
use super::{bytes, fixture, json};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Executor;
use unet_lens::engine::exec::cpu::Cpu;
use unet_lens::engine::exec::memory::Limit;
use unet_lens::engine::plan::Plan;
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::lens::ascent::{Job, NOISE, Recipe, noise};
use unet_lens::network::{Network, keras, summary, unet};

/// Larger files are no use: most of them is weights.
const MOST_BYTES: u64 = 150_000;
/// What is computed in a moment: multiply-accumulates, values of an image.
const MOST_MACS: u64 = 5_000_000;
const MOST_VALUES: usize = 64 * 64 * 4;

enum Seed {
    /// The place of the architecture's text in the file, and what it says.
    H5 {
        file: Marked,
        text: Option<(std::ops::Range<usize>, Value)>,
    },
    Archive {
        bytes: Vec<u8>,
        config: Value,
        metadata: Vec<u8>,
        weights: Marked,
    },
}

pub struct Seeds {
    seeds: Vec<Seed>,
    /// Strings and keys of all architectures.
    words: Vec<String>,
    pub tools: Tools,
}

impl Seeds {
    pub fn read() -> Seeds {
        let mut files: Vec<PathBuf> = ["", "keras", "keras/layers"]
            .into_iter()
            .flat_map(|folder| std::fs::read_dir(fixture(folder)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "h5" || e == "keras"))
            .filter(|path| !path.display().to_string().contains("expected"))
            .filter(|path| path.metadata().unwrap().len() < MOST_BYTES)
            .collect();
        files.sort();
        let seeds: Vec<Seed> = files.iter().map(|path| seed(std::fs::read(path).unwrap())).collect();
        let mut words = vec![];
        for seed in &seeds {
            match seed {
                Seed::H5 { text: Some((_, config)), .. } | Seed::Archive { config, .. } => {
                    json::words(config, &mut words);
                }
                Seed::H5 { .. } => {}
            }
        }
        words.sort();
        words.dedup();
        Seeds { seeds, words, tools: Tools::new() }
    }

    fn one(&self, rng: &mut ChaCha8Rng) -> &Seed {
        &self.seeds[rng.random_range(0..self.seeds.len())]
    }

    pub fn case(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let other = match self.one(rng) {
            Seed::H5 { file, .. } => &file.bytes,
            Seed::Archive { bytes, .. } => bytes,
        };
        let kind = rng.random_range(0..20);
        match self.one(rng) {
            Seed::H5 { file, text } => match (kind, text) {
                (0..7, Some((place, config))) => {
                    let mut config = config.clone();
                    json::change(rng, &mut config, &self.words);
                    let mut changed = config.to_string().into_bytes();
                    // What is longer than it was is cut off: no JSON at all.
                    changed.resize(place.len(), b' ');
                    let mut bytes = if kind == 0 { file.changed(rng) } else { file.bytes.clone() };
                    bytes[place.clone()].copy_from_slice(&changed);
                    bytes
                }
                (0..15, _) => file.changed(rng),
                _ => {
                    let mut bytes = file.bytes.clone();
                    bytes::change(rng, &mut bytes, other);
                    bytes
                }
            },
            Seed::Archive { bytes, .. } if kind < 3 => {
                let mut bytes = bytes.clone();
                bytes::change(rng, &mut bytes, other);
                bytes
            }
            Seed::Archive { config, metadata, weights, .. } => {
                let mut config = config.clone();
                if kind < 13 {
                    json::change(rng, &mut config, &self.words);
                }
                let mut text = config.to_string().into_bytes();
                if kind == 13 {
                    bytes::change(rng, &mut text, other);
                }
                let weights = if kind > 11 { weights.changed(rng) } else { weights.bytes.clone() };
                zip_of(&[("metadata.json", metadata), ("config.json", &text), ("model.weights.h5", &weights)])
            }
        }
    }
}

fn seed(bytes: Vec<u8>) -> Seed {
    if bytes.starts_with(b"PK") {
        let config = serde_json::from_slice(&entry(&bytes, "config.json")).unwrap();
        let (metadata, weights) = (entry(&bytes, "metadata.json"), Marked::new(entry(&bytes, "model.weights.h5")));
        return Seed::Archive { bytes, config, metadata, weights };
    }
    let begins = b"{\"class_name\"";
    let text = bytes.windows(begins.len()).position(|window| window == begins).and_then(|start| {
        let mut values = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<Value>();
        let config = values.next()?.ok()?;
        Some((start..start + values.byte_offset(), config))
    });
    Seed::H5 { file: Marked::new(bytes), text }
}

/// What looks at a model.
pub struct Tools {
    cpu: Cpu,
}

impl Tools {
    pub fn new() -> Tools {
        Tools { cpu: Cpu::new(Some(1), Limit::new(Some(64 << 20))).unwrap() }
    }

    /// Reads a model; if that is possible the table of its layers, and if it is small what comes out of it and a step of a climb.
    pub fn look_at(&self, bytes: Vec<u8>) -> Outcome {
        let Ok(network) = keras::load_bytes("case", bytes) else { return Outcome::Refused };
        if summary::table(&network).is_err() {
            return Outcome::Taken;
        }
        let computed = self.predict(&network).is_some() | self.climb(&network).is_some();
        if computed { Outcome::Computed } else { Outcome::Taken }
    }

    fn predict(&self, network: &Network) -> Option<()> {
        let image = unet::image_shape(network, &[network.output], None).ok().filter(is_small)?;
        let built = unet::graph_to(network, network.output, None, image).ok()?;
        let plan = Arc::new(Plan::compile(built.graph, &[built.output], &[], &[]));
        is_quick(&plan).then_some(())?;
        let mut program = self.cpu.prepare(plan).ok()?;
        program.write(built.image, &Tensor::new(image, vec![0.5; image.len()])).ok()?;
        program.run(1).ok()?;
        let output = program.read(built.output).ok()?;
        assert_eq!(output.data.len(), output.shape.len());
        Some(())
    }

    fn climb(&self, network: &Network) -> Option<()> {
        let layer = *unet::convolutions(network).first()?;
        let image = unet::image_shape(network, &[layer], None).ok().filter(is_small)?;
        let built = unet::graph_to(network, layer, None, image).ok()?;
        is_quick(&Plan::compile(built.graph, &[built.output], &[], &[])).then_some(())?;
        let recipe = Recipe { steps: 1, ..Recipe::default() };
        let job = Job::new(&self.cpu, network, layer, &[0], image, recipe).ok()?;
        let mut watch = Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} };
        let seeds = noise(0, &network.layers[layer].name, &[0], image, NOISE);
        job.climb(&seeds, &mut watch).ok().map(drop)
    }
}

fn is_small(image: &Shape) -> bool {
    image.len() <= MOST_VALUES
}

fn is_quick(plan: &Plan) -> bool {
    let values = plan.graph.nodes().map(|(_, node)| node.shape.len() as u64).fold(0, u64::saturating_add);
    let macs = plan.steps.iter().map(|step| plan.macs(step)).fold(0, u64::saturating_add);
    values < MOST_MACS && macs < MOST_MACS
}
