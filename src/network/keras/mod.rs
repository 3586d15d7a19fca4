//! Files to networks: what Keras wrote, as a list of layers with their weights. The only folder that knows HDF5.

mod config;
mod file;
mod layers;
mod weights;

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::network::{Kind, Layer, Network};
use crate::{Error, Result};
use config::LayerConfig;
use file::ModelFile;
use layers::Settings;

/// A result whose error is a problem with the file, which [`load`] puts the file's name in front of.
type Fallible<T> = std::result::Result<T, String>;

/// A problem for a file that is not what its format says.
fn damaged(cause: &dyn std::fmt::Display) -> String {
    format!("the file is damaged or cut short ({cause}); copy or download it again")
}

/// Reads a model that Keras saved whole: `.h5` of Keras 2 or 3, or `.keras`.
pub fn load(path: impl AsRef<Path>) -> Result<Network> {
    let path = path.as_ref();
    file::open(path).and_then(network).map_err(|problem| Error::file(path, problem))
}

/// The same from bytes, which are not copied; errors call them `name`.
pub fn load_bytes(name: &str, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Network> {
    file::open_bytes(bytes).and_then(network).map_err(|problem| Error::file(name, problem))
}

/// A layer that is understood: its settings, the channels that enter it and those that leave it.
struct Plan<'a> {
    layer: &'a LayerConfig,
    settings: Settings,
    ci: usize,
    co: usize,
}

/// Understand every layer first, then read all weights, on all cores.
fn network(file: ModelFile) -> Fallible<Network> {
    let model = config::parse(&file.architecture)?;
    let mut plans: Vec<Plan> = vec![];
    for layer in &model.layers {
        let settings = Settings::parse(&layer.class, &layer.config).map_err(|e| at(layer, e))?;
        let inputs = layer.inputs.iter().map(|&i| plans[i].co).collect::<Vec<_>>();
        let co = settings.channels(&inputs).map_err(|e| at(layer, e))?;
        plans.push(Plan { layer, settings, ci: inputs.first().copied().unwrap_or(0), co });
    }
    // Nothing is allocated for weights before it is known that the file can hold them.
    let len = |shape: &[usize]| shape.iter().map(|&d| d as u64).product::<u64>();
    let total = plans.iter().flat_map(|p| p.settings.weights(p.ci)).map(|(_, shape)| len(&shape)).sum::<u64>();
    if total > file.most_bytes / size_of::<f32>() as u64 {
        return Err(format!(
            "the architecture tells of {total} weights, more than fit into a file of this size or into 2 GiB; \
             save the model again with model.save"
        ));
    }
    // One layer at a time, since a few of them hold most of the weights.
    let read = plans.par_iter().with_max_len(1).map(|plan| read_layer(&file, plan).map_err(|e| at(plan.layer, e)));
    let read = read.collect::<Vec<_>>().into_iter().collect::<Fallible<Vec<_>>>()?; // the first error, on any number of cores
    let (layers, warnings): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    Ok(Network { name: model.name, layers, output: model.output, warnings: warnings.concat() })
}

/// A layer with its weights, and what a user should know about them.
fn read_layer(file: &ModelFile, plan: &Plan) -> Fallible<(Layer, Vec<String>)> {
    let Plan { layer, settings, ci, .. } = plan;
    let wanted = settings.weights(*ci);
    let found = if wanted.is_empty() { None } else { weights::find(&file.weights, file.layout, layer)? };
    let frozen = layer.config["trainable"] == false;
    let (mut trainable, mut non_trainable) = (0, 0);
    let mut values: Vec<(&str, Arc<[f32]>)> = vec![];
    let mut warnings = vec![];
    for (index, (name, shape)) in wanted.iter().enumerate() {
        let missing = "its weights are missing from the file; save the model again with model.save";
        let read = found.as_ref().ok_or(missing)?.read(index, name, shape)?;
        let (bad, all) = (not_finite(&read), read.len());
        if bad > 0 {
            warnings.push(format!("layer '{}': {bad} of {all} values of {name} are NaN or infinite", layer.name));
        }
        let learned = !frozen && !name.starts_with("moving_");
        *(if learned { &mut trainable } else { &mut non_trainable }) += all;
        values.push((name, read));
    }
    let kind = settings.with_weights(*ci, |name| values.iter().find(|v| v.0 == name).map(|v| v.1.clone()));
    if let Kind::BatchNorm { scale, shift } = &kind
        && warnings.is_empty()
        && scale.iter().chain(&**shift).any(|v| !v.is_finite())
    {
        let why = "is moving_variance + epsilon positive?";
        warnings.push(format!(
            "layer '{}': {} scales are NaN or infinite; {why}",
            layer.name,
            scale.iter().filter(|v| !v.is_finite()).count()
        ));
    }
    let (name, class, inputs) = (layer.name.clone(), layer.class.clone(), layer.inputs.clone());
    Ok((Layer { name, class, kind, inputs, trainable, non_trainable }, warnings))
}

fn not_finite(values: &[f32]) -> usize {
    values.iter().filter(|v| !v.is_finite()).count()
}

fn at(layer: &LayerConfig, problem: String) -> String {
    format!("layer '{}' ({}): {problem}", layer.name, layer.class)
}
