//! Weights: where each of the two formats keeps them, and reading them.

use std::sync::Arc;

use hdf5::error::Error as H5Error;
use hdf5::group::Group;
use hdf5::{Attribute, Dataset, Datatype, Hdf5File};

use super::config::LayerConfig;
use super::{Fallible, damaged};

/// How the datasets of weights are named.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// `model_weights/LAYER/` with the attribute `weight_names`, paths below it: "LAYER/kernel:0" in Keras 2,
    /// "LAYER/kernel" in Keras 3. (Keras' `save_weights_to_hdf5_group`.)
    WholeModel,
    /// `layers/CLASS_N/vars/I`: weight I of the N-th layer of its class, in the order of the architecture: "conv2d",
    /// "conv2d_1", "conv2d_2". (Keras' `_save_container_state`.) Keras 2.12 and 2.13 say
    /// `_layer_checkpoint_dependencies` for `layers`, and may skip numbers there.
    Archive,
}

/// The weights of one layer, not read yet.
pub struct LayerWeights {
    group: Group,
    /// Paths below `group`, in Keras' order.
    names: Vec<String>,
    layout: Layout,
}

/// The place of the weights of `layer`; `None` if the file has none.
pub fn find(file: &Hdf5File, layout: Layout, layer: &LayerConfig) -> Fallible<Option<LayerWeights>> {
    let group = match layout {
        Layout::WholeModel => below(file, &format!("model_weights/{}", layer.name))?,
        Layout::Archive => match below(file, "layers")? {
            Some(layers) => nth_of_class(&layers, layer)?,
            None => match below(file, "_layer_checkpoint_dependencies")? {
                Some(layers) => nth_of_class(&layers, layer)?,
                None => None,
            },
        },
    };
    let Some(group) = group else { return Ok(None) };
    let names = match layout {
        Layout::WholeModel => names(&group)?,
        Layout::Archive => vec![],
    };
    Ok(Some(LayerWeights { group, names, layout }))
}

impl LayerWeights {
    /// Weight number `index` of the layer, called `name`, of the given shape, as f32 in the file's order (rows first).
    pub fn read(&self, index: usize, name: &str, shape: &[usize]) -> Fallible<Arc<[f32]>> {
        let missing = || format!("the weight {name} is missing from the file; save the model again with model.save");
        let path = match self.layout {
            Layout::WholeModel => self.names.iter().find(|path| is_called(path, name)).ok_or_else(missing)?.clone(),
            Layout::Archive => format!("vars/{index}"),
        };
        let dataset = dataset(&self.group, &path).map_err(|e| if is_missing(&e) { missing() } else { damaged(&e) })?;
        let found = dataset.shape();
        if !found.iter().copied().eq(shape.iter().map(|&d| d as u64)) {
            return Err(format!(
                "the weight {name} has shape {found:?}, expected {shape:?}; the file's weights and architecture differ"
            ));
        }
        read(&dataset).map_err(|e| format!("the weight {name}: {e}"))
    }
}

fn read(dataset: &Dataset) -> Fallible<Arc<[f32]>> {
    let count = dataset.num_elements().map_err(|e| damaged(&e))? as usize;
    let supported = "supported are float32 and float64";
    match dataset.dtype() {
        Datatype::FloatingPoint { size: 4, .. } => {
            let mut values: Arc<[f32]> = std::iter::repeat_n(0.0, count).collect();
            // Nobody else has this Arc yet.
            let buffer = Arc::get_mut(&mut values).expect("a new Arc has one owner");
            dataset.read_into(buffer).map_err(|e| damaged(&e))?;
            Ok(values)
        }
        Datatype::FloatingPoint { size: 8, .. } => {
            let values = dataset.read_array::<f64>().map_err(|e| damaged(&e))?;
            Ok(values.iter().map(|&v| v as f32).collect())
        }
        Datatype::FloatingPoint { size, .. } => Err(format!("its values are float{}; {supported}", 8 * *size as usize)),
        Datatype::FixedPoint { size, .. } => Err(format!("its values are int{}; {supported}", 8 * *size as usize)),
        _ => Err(format!("its values are no numbers; {supported}")),
    }
}

/// The text in an attribute, whether of fixed or variable length; an empty array of numbers is no text.
pub fn strings(attribute: &Attribute) -> Fallible<Vec<String>> {
    match &attribute.decoded_strings {
        Some(strings) => Ok(strings.clone()),
        None if attribute.num_elements().is_ok_and(|n| n == 0) => Ok(vec![]),
        None if attribute.shape.is_empty() => Ok(vec![attribute.read_string().map_err(|e| damaged(&e))?]),
        None => attribute.read_strings().map_err(|e| damaged(&e)),
    }
}

/// The attribute `weight_names`, which Keras splits into `weight_names0`, `weight_names1`, ... when it is long.
fn names(group: &Group) -> Fallible<Vec<String>> {
    let attributes = group.attributes().map_err(|e| damaged(&e))?;
    let find = |name: &str| attributes.iter().find(|a| a.name == name);
    let whole = find("weight_names").into_iter();
    let parts = (0..attributes.len()).map_while(|i| find(&format!("weight_names{i}")));
    Ok(whole.chain(parts).map(strings).collect::<Fallible<Vec<_>>>()?.concat())
}

/// Whether the last part of "conv/kernel:0" or "conv/kernel" is `name`, maybe made unique as "kernel_1:0".
fn is_called(path: &str, name: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    let last = last.split(':').next().unwrap_or(last);
    match last.strip_prefix(name).map(|rest| (rest, rest.strip_prefix('_'))) {
        Some(("", _)) => true,
        Some((_, Some(digits))) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    }
}

/// Of the groups "conv2d", "conv2d_1", ... the one of the N-th Conv2D.
fn nth_of_class(layers: &Group, layer: &LayerConfig) -> Fallible<Option<Group>> {
    // Keras' to_snake_case, for the two classes that have weights.
    let class = match layer.class.as_str() {
        "Conv2D" => "conv2d",
        _ => "batch_normalization",
    };
    let number = |name: &str| match name.strip_prefix(class)? {
        "" => Some(0),
        rest => rest.strip_prefix('_')?.parse::<u32>().ok(),
    };
    let (groups, _) = layers.member_names().map_err(|e| damaged(&e))?;
    let mut numbered = groups.into_iter().filter_map(|g| Some((number(&g)?, g))).collect::<Vec<_>>();
    numbered.sort();
    match numbered.get(layer.nth_of_class) {
        Some((_, name)) => layers.group(name).map(Some).map_err(|e| damaged(&e)),
        None => Ok(None),
    }
}

/// The group at `path`, if there is one.
fn below(file: &Hdf5File, path: &str) -> Fallible<Option<Group>> {
    match file.group(path) {
        Ok(group) => Ok(Some(group)),
        Err(e) if is_missing(&e) => Ok(None),
        Err(e) => Err(damaged(&e)),
    }
}

/// The dataset at `path` below `group`.
fn dataset(group: &Group, path: &str) -> Result<Dataset, H5Error> {
    match path.split_once('/') {
        Some((first, rest)) => dataset(&group.group(first)?, rest),
        None => group.dataset(path),
    }
}

fn is_missing(error: &H5Error) -> bool {
    matches!(error, H5Error::GroupNotFound(_) | H5Error::DatasetNotFound(_))
}
