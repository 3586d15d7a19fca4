//! Weights: where each of the two formats keeps them, and reading them.

use crate::engine::values::Values;

use hdf5::error::Error as H5Error;
use hdf5::group::Group;
use hdf5::{Attribute, Dataset, Datatype, Hdf5File};

use super::entry::Place;
use super::{Fallible, damaged};

/// The largest piece that a dataset may be stored in, bytes. Keras stores a weight as a whole and not in pieces; those of a
/// compressed dataset have about a megabyte.
pub const MOST_PIECE: usize = 64 << 20;

/// How the datasets of weights are named.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// `model_weights/LAYER/` with the attribute `weight_names`, paths below it: "LAYER/kernel:0" in Keras 2,
    /// "LAYER/kernel" in Keras 3. LAYER is the outermost model that a layer is in. (Keras' `save_weights_to_hdf5_group`.)
    WholeModel,
    /// `layers/CLASS_N/vars/I`: weight I of the N-th layer of its class, in the order of the architecture: "conv2d",
    /// "conv2d_1", "conv2d_2". The layers of a model inside the model lie in `layers` below its own. (Keras'
    /// `_save_container_state`.) Keras 2.12 and 2.13 say `_layer_checkpoint_dependencies` for `layers`, and may skip numbers
    /// there.
    Archive,
}

/// The weights of one layer, not read yet.
pub struct LayerWeights {
    group: Group,
    /// Paths below `group`, in Keras' order.
    paths: Vec<String>,
    layout: Layout,
}

/// The place of the weights of a layer; `None` if the file has none.
pub fn find(file: &Hdf5File, layout: Layout, place: &[Place]) -> Fallible<Option<LayerWeights>> {
    let (Some(outermost), Some(own)) = (place.first(), place.last()) else { return Ok(None) };
    match layout {
        Layout::WholeModel => {
            let Some(group) = below(file, &format!("model_weights/{}", outermost.name))? else { return Ok(None) };
            let mut paths = names(&group)?;
            if place.len() > 1 {
                // The weights of all layers of a model lie in the group of the outermost.
                paths.retain(|path| path.rsplit('/').nth(1) == Some(&own.name));
            }
            Ok(Some(LayerWeights { group, paths, layout }))
        }
        Layout::Archive => {
            let mut group = file.root_group().map_err(|e| damaged(&e))?;
            for place in place {
                match nth_of_class(&group, place)? {
                    Some(inner) => group = inner,
                    None => return Ok(None),
                }
            }
            let Some(vars) = group_in(&group, "vars")? else { return Ok(None) };
            let (_, mut paths) = vars.member_names().map_err(|e| damaged(&e))?;
            paths.sort_by_key(|name| name.parse::<usize>().unwrap_or(usize::MAX));
            Ok(Some(LayerWeights { group: vars, paths, layout }))
        }
    }
}

impl LayerWeights {
    /// Weight number `index` of the layer, called `name`, if it has this shape.
    pub fn locate(&self, index: usize, name: &str, shape: &[Option<usize>]) -> Fallible<Dataset> {
        let missing = || format!("the weight {name} is missing from the file; save the model again with model.save");
        let number = index.to_string();
        let is_it = |path: &&String| match self.layout {
            Layout::WholeModel => is_called(path, name),
            Layout::Archive => **path == number,
        };
        let path = self.paths.iter().find(is_it).ok_or_else(missing)?;
        let dataset = dataset(&self.group, path).map_err(|e| if is_missing(&e) { missing() } else { damaged(&e) })?;
        let found = dataset.shape();
        let fits =
            |(&found, expected): (&u64, &Option<usize>)| expected.is_none_or(|expected| expected as u64 == found);
        if found.len() != shape.len() || !found.iter().zip(shape).all(fits) {
            let length = |d: &Option<usize>| d.map_or("?".to_string(), |d| d.to_string());
            let expected = shape.iter().map(length).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "the weight {name} has shape {found:?}, expected [{expected}]; the file's weights and architecture differ"
            ));
        }
        Ok(dataset)
    }

    /// How many numbers there are, whatever they mean.
    pub fn count(&self) -> usize {
        let count = |path: &String| dataset(&self.group, path).ok()?.num_elements().ok();
        self.paths.iter().filter_map(count).sum::<u64>() as usize
    }
}

/// The values of a weight as f32, in the file's order (rows first).
pub fn read(dataset: &Dataset) -> Fallible<Values> {
    let count = dataset.num_elements().map_err(|e| damaged(&e))? as usize;
    let supported = "supported are float32 and float64";
    match dataset.dtype() {
        Datatype::FloatingPoint { size: 4, .. } => {
            Values::filled(count, |values| dataset.read_into(values).map_err(|e| unreadable(&e)))
        }
        Datatype::FloatingPoint { size: 8, .. } => {
            let wide = dataset.read_array::<f64>().map_err(|e| unreadable(&e))?;
            Ok(wide.iter().map(|&v| v as f32).collect())
        }
        Datatype::FloatingPoint { size, .. } => Err(format!("its values are float{}; {supported}", 8 * *size as usize)),
        Datatype::FixedPoint { size, .. } => Err(format!("its values are int{}; {supported}", 8 * *size as usize)),
        _ => Err(format!("its values are no numbers; {supported}")),
    }
}

/// A problem with reading a dataset.
fn unreadable(cause: &H5Error) -> String {
    match cause {
        H5Error::ResourceLimit(_) => format!(
            "its values are stored in pieces of more than {} MiB; save the model again with model.save",
            MOST_PIECE >> 20
        ),
        H5Error::Context { source, .. } => unreadable(source),
        cause => damaged(cause),
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

/// The group of a layer in that of its model: "conv2d", "conv2d_1", "conv2d_2", by class.
fn nth_of_class(model: &Group, place: &Place) -> Fallible<Option<Group>> {
    let class = snake_case(&place.class);
    if let Some(layers) = group_in(model, "layers")? {
        return match place.nth_of_class {
            0 => group_in(&layers, &class),
            n => group_in(&layers, &format!("{class}_{n}")),
        };
    }
    // Keras 2.12 and 2.13 skip numbers.
    let Some(layers) = group_in(model, "_layer_checkpoint_dependencies")? else { return Ok(None) };
    let number = |name: &str| match name.strip_prefix(&class)? {
        "" => Some(0),
        rest => rest.strip_prefix('_')?.parse::<u32>().ok(),
    };
    let (groups, _) = layers.member_names().map_err(|e| damaged(&e))?;
    let mut numbered = groups.into_iter().filter_map(|g| Some((number(&g)?, g))).collect::<Vec<_>>();
    numbered.sort();
    match numbered.get(place.nth_of_class) {
        Some((_, name)) => group_in(&layers, name),
        None => Ok(None),
    }
}

/// "conv2d_transpose" of "Conv2DTranspose", "p_re_lu" of "PReLU", as Keras' `to_snake_case`.
fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut snake = String::new();
    for (i, &c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let next_is_small = letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
        // `(.)([A-Z][a-z]+)` and `([a-z])([A-Z])` get an underscore between.
        if c.is_ascii_uppercase() && before.is_some_and(|b| next_is_small || b.is_ascii_lowercase()) {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The group at `path`, if there is one.
fn below(file: &Hdf5File, path: &str) -> Fallible<Option<Group>> {
    match file.group(path) {
        Ok(group) => Ok(Some(group)),
        Err(e) if is_missing(&e) => Ok(None),
        Err(e) => Err(damaged(&e)),
    }
}

/// The group of that name in `group`, if there is one.
fn group_in(group: &Group, name: &str) -> Fallible<Option<Group>> {
    match group.group(name) {
        Ok(inner) => Ok(Some(inner)),
        Err(e) if is_missing(&e) => Ok(None),
        Err(e) => Err(damaged(&e)),
    }
}

/// The dataset at `path` below `group`.
fn dataset(group: &Group, path: &str) -> Result<Dataset, H5Error> {
    let (groups, name) = path.rsplit_once('/').map_or((None, path), |(groups, name)| (Some(groups), name));
    let mut inner = None;
    for part in groups.into_iter().flat_map(|groups| groups.split('/')) {
        inner = Some(inner.as_ref().unwrap_or(group).group(part)?);
    }
    inner.as_ref().unwrap_or(group).dataset(name)
}

fn is_missing(error: &H5Error) -> bool {
    matches!(error, H5Error::GroupNotFound(_) | H5Error::DatasetNotFound(_))
}

/// As Keras' own expressions have it, tried in Python.
#[test]
fn names_of_groups_are_those_of_keras() {
    for (class, snake) in [
        ("Conv2DTranspose", "conv2d_transpose"),
        ("PReLU", "p_re_lu"),
        ("LSTM2Cell", "lstm2_cell"),
        ("My_Head", "my__head"),
        ("my_head", "my_head"),
        ("A-b>C", "ab_c"),
    ] {
        assert_eq!(snake_case(class), snake);
    }
}
