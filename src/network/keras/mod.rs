//! Files to networks: what Keras wrote, as a list of layers with their weights. The only folder that knows HDF5.

mod config;
mod entry;
mod file;
mod layers;
mod nodes;
mod part;
mod weights;
mod wiring;

use std::path::Path;

use hdf5::{Dataset, Hdf5File};
use rayon::prelude::*;

use crate::network::{Array, Interpolation, Kind, Layer, Network};
use crate::{Error, Result};
use config::Call;
use file::ModelFile;
use layers::{Dialect, Understood, understand};

/// A result whose error is a problem with the file, which [`load`] puts the file's name in front of.
type Fallible<T> = std::result::Result<T, String>;

/// A problem for a file that is not what its format says.
fn damaged(cause: &dyn std::fmt::Display) -> String {
    format!("the file is damaged or cut short ({cause}); copy or download it again")
}

/// Reads a model that Keras saved whole: `.h5` of Keras 2 or 3, or `.keras`. A layer that this program cannot compute is kept
/// as [`Kind::Refused`]; it stands in the way of what is computed from it only.
pub fn load(path: impl AsRef<Path>) -> Result<Network> {
    let path = path.as_ref();
    let name = path.display().to_string();
    file::open(path).and_then(|file| network(&name, file)).map_err(|problem| Error::file(path, problem))
}

/// The same from bytes, which are not copied; errors call them `name`.
pub fn load_bytes(name: &str, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Network> {
    file::open_bytes(bytes).and_then(|file| network(name, file)).map_err(|problem| Error::file(name, problem))
}

/// A layer with what is known of it before its weights are read.
struct Plan<'a> {
    call: &'a Call<'a>,
    understood: Understood,
    channels_first: Option<bool>,
    weights: Vec<(&'static str, Dataset)>,
    /// Numbers that a layer has which is not understood.
    unknown: usize,
}

/// Understand every layer first, then read all weights, on all cores.
fn network(name: &str, file: ModelFile) -> Fallible<Network> {
    let model = config::parse(&file.architecture)?;
    let dialect = Dialect {
        keras_3: major(&file.keras_version) >= 3,
        from_corners: stands_alone(&file.keras_version),
        channels_first: begins_channels_first(&model.calls),
    };
    let mut understood: Vec<Understood> = vec![];
    for call in &model.calls {
        let inputs = call.inputs.iter().map(|&i| understood[i].channels).collect::<Vec<_>>();
        understood.push(match understand(call, &inputs, dialect) {
            Ok(layer) => layer,
            // Without an image nothing can be computed.
            Err(why) if call.class == "InputLayer" => return Err(at(call, why)),
            Err(why) => Understood::plain(None, Kind::Refused { why: at(call, why) }),
        });
    }
    let asked = understood.iter().map(Understood::numbers).fold(0u64, u64::saturating_add);
    let weights = (file.weights)(asked)?;
    let place = (&weights.file, file.layout);
    let pairs: Vec<(&Call, Understood)> = model.calls.iter().zip(understood).collect();
    let found = pairs.into_par_iter().map(|(call, layer)| locate(place, call, layer, dialect).map_err(|e| at(call, e)));
    let plans = first_error(found.collect())?;

    // Nothing is allocated for weights before it is known that the file can hold them.
    let numbers = |plan: &Plan| plan.weights.iter().map(|(_, d)| d.num_elements().unwrap_or(u64::MAX)).sum::<u64>();
    let total = plans.iter().map(numbers).fold(0u64, u64::saturating_add);
    if total > weights.most_bytes / size_of::<f32>() as u64 {
        return Err(format!(
            "the file tells of {total} weights, more than fit into a file of this size or into 2 GiB; \
             save the model again with model.save"
        ));
    }
    file::room("all its weights together", total * size_of::<f32>() as u64)?;
    // One layer at a time, since a few of them hold most of the weights.
    let read = plans.par_iter().with_max_len(1).map(|plan| read_layer(plan).map_err(|e| at(plan.call, e)));
    let (layers, warnings): (Vec<_>, Vec<_>) = first_error(read.collect())?.into_iter().unzip();
    let mut warnings = warnings.concat();
    warnings.extend(about_bilinear(&file.keras_version, &model.calls, &layers));
    Ok(Network { name: model.name, file: name.to_string(), layers, output: model.output, warnings })
}

/// The first error in the order of the layers, on any number of cores.
fn first_error<T>(results: Vec<Fallible<T>>) -> Fallible<Vec<T>> {
    results.into_iter().collect()
}

/// The places of a layer's weights in the file.
fn locate<'a>(
    (file, layout): (&Hdf5File, weights::Layout),
    call: &'a Call,
    understood: Understood,
    dialect: Dialect,
) -> Fallible<Plan<'a>> {
    let channels_first = match call.class.as_str() {
        "InputLayer" => Some(dialect.channels_first),
        _ => layers::channels_first(call).unwrap_or(None),
    };
    let group = match call.is_operator || call.class == "InputLayer" {
        true => None,
        false => weights::find(file, layout, &call.place)?,
    };
    let mut weights = vec![];
    for (index, (name, shape)) in understood.weights.iter().enumerate() {
        let missing = "its weights are missing from the file; save the model again with model.save";
        weights.push((*name, group.as_ref().ok_or(missing)?.locate(index, name, shape)?));
    }
    let unknown = if weights.is_empty() && !call.is_again { group.map_or(0, |group| group.count()) } else { 0 };
    Ok(Plan { call, understood, channels_first, weights, unknown })
}

/// A layer with its weights, and what a user should know about them.
fn read_layer(plan: &Plan) -> Fallible<(Layer, Vec<String>)> {
    let Plan { call, understood, channels_first, unknown, .. } = plan;
    let frozen = call.config["trainable"] == false;
    let (mut trainable, mut non_trainable) = if frozen { (0, *unknown) } else { (*unknown, 0) };
    let mut values = vec![];
    let mut warnings = vec![];
    for (name, dataset) in &plan.weights {
        let data = weights::read(dataset).map_err(|e| format!("the weight {name}: {e}"))?;
        let (bad, all) = (not_finite(&data), data.len());
        if bad > 0 && !call.is_again {
            warnings.push(format!("layer '{}': {bad} of {all} values of {name} are NaN or infinite", call.name));
        }
        let learned = !frozen && !["moving_mean", "moving_variance", "mean", "variance"].contains(name);
        if !call.is_again {
            *(if learned { &mut trainable } else { &mut non_trainable }) += all;
        }
        values.push(Array { shape: dataset.shape().iter().map(|&d| d as usize).collect(), data });
    }
    let kind = (understood.make)(values)?;
    if let Kind::BatchNorm { scale, shift, .. } = &kind
        && warnings.is_empty()
        && scale.iter().chain(&**shift).any(|v| !v.is_finite())
    {
        let why = "is moving_variance + epsilon positive?";
        warnings.push(format!(
            "layer '{}': {} scales are NaN or infinite; {why}",
            call.name,
            scale.iter().filter(|v| !v.is_finite()).count()
        ));
    }
    let (name, class, inputs) = (call.name.clone(), call.class.clone(), call.inputs.clone());
    let channels_first = *channels_first;
    Ok((Layer { name, class, kind, inputs, channels_first, trainable, non_trainable }, warnings))
}

/// What old versions did with bilinear upsampling.
fn about_bilinear(keras_version: &str, calls: &[Call], layers: &[Layer]) -> Option<String> {
    let is_old = |layer: &&Layer| matches!(layer.kind, Kind::Resize { by: Interpolation::BilinearFromCorners, .. });
    if let Some(layer) = layers.iter().find(is_old) {
        return Some(format!(
            "layer '{}': bilinear as in Keras {keras_version}, which measured from the pixels' corners; later versions measure \
             from their centres and compute something else from this file",
            layer.name
        ));
    }
    let says_nothing = |call: &&Call| call.class == "UpSampling2D" && call.config["interpolation"].is_null();
    let call = calls.iter().find(says_nothing).filter(|_| keras_version.ends_with("-tf"))?;
    Some(format!(
        "layer '{}': TensorFlow before 1.15 did not write into its files whether an upsampling is bilinear; nearest is taken",
        call.name
    ))
}

/// Whether it is Keras 2 of the time when it was no part of TensorFlow, up to 2.3; that part called itself 2.2.4-tf.
fn stands_alone(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|n| n.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < (2, 4) && !version.ends_with("-tf"),
        _ => false,
    }
}

/// 2 of "2.15.0"; 2 where nothing is said, as in old files.
fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// Whether the image's channels come first: the first layer that says which way its own lie tells of the image too, unless
/// the image is turned before.
fn begins_channels_first(calls: &[Call]) -> bool {
    let turns = ["Permute", "Reshape"];
    let until_turned = calls.iter().take_while(|call| !turns.contains(&&*call.class) && !call.is_operator);
    let mut said = until_turned.filter_map(|call| layers::channels_first(call).ok().flatten());
    said.next().unwrap_or(false)
}

fn not_finite(values: &[f32]) -> usize {
    values.iter().filter(|v| !v.is_finite()).count()
}

fn at(call: &Call, problem: String) -> String {
    format!("layer '{}' ({}): {problem}", call.name, call.class)
}

/// The activation that Keras 3 calls so.
pub fn activation(name: &str) -> Option<crate::network::Activation> {
    layers::activation(name)
}
