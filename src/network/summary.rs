//! The table of layers, as Keras prints it.

use super::unet::{Outcome, fitting, image_shape, shown, survey};
use super::{Kind, Network};
use crate::engine::tensor::Shape;
use crate::numbers::thousands;
use crate::{Error, Result};

/// The table of layers, as Keras' `model.summary()` prints it. Below it stands what cannot be computed, and why.
///
/// # Errors
/// If the network has no input.
pub fn table(network: &Network) -> Result<String> {
    let shapes = shapes(network)?;
    let mut rows = vec![[
        "Layer (type)".to_string(),
        "Output shape".to_string(),
        "Param #".to_string(),
        "Connected to".to_string(),
    ]];
    let mut problems = String::new();
    for (i, layer) in network.layers.iter().enumerate() {
        let output = match &shapes[i] {
            Known::Dims(dims) => {
                let length = |length: &Option<usize>| length.map_or("None".to_string(), |length| length.to_string());
                format!("(None, {})", dims.iter().map(length).collect::<Vec<_>>().join(", "))
            }
            Known::Problem(why) => {
                problems += &format!("{why}\n");
                "?".to_string()
            }
            Known::Nothing => "?".to_string(),
        };
        let from = layer.inputs.iter().map(|&x| network.layers[x].name.as_str()).collect::<Vec<_>>().join(", ");
        rows.push([
            format!("{} ({})", layer.name, layer.class),
            output,
            thousands(layer.trainable + layer.non_trainable),
            from,
        ]);
    }
    let width = |i: usize| rows.iter().map(|row| row[i].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let line = |c: &str| c.repeat(widths.iter().sum::<usize>() + 6) + "\n";
    let mut text = format!("Model: \"{}\"\n{}", network.name, line("_"));
    for (i, row) in rows.iter().enumerate() {
        let [a, b, c, d] = row;
        let row = format!("{a:<w0$}  {b:<w1$}  {c:>w2$}  {d}", w0 = widths[0], w1 = widths[1], w2 = widths[2]);
        text += &format!("{}\n", row.trim_end());
        if i == 0 {
            text += &line("=");
        }
    }
    let trainable: usize = network.layers.iter().map(|layer| layer.trainable).sum();
    let non_trainable: usize = network.layers.iter().map(|layer| layer.non_trainable).sum();
    let total = |name: &str, count: usize| {
        format!("{name}: {} ({:.2} MB)\n", thousands(count), count as f64 * 4.0 / (1024.0 * 1024.0))
    };
    text += &line("=");
    text += &total("Total params", trainable + non_trainable);
    text += &total("Trainable params", trainable);
    text += &total("Non-trainable params", non_trainable);
    text += &line("_");
    if !problems.is_empty() {
        text += "Not computed, nor what comes from it:\n";
        text += &problems;
    }
    Ok(text)
}

/// What is known of a layer's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Its lengths as Keras has them, the images left out; `None` where it depends on the image's size, which the file leaves open.
    Dims(Vec<Option<usize>>),
    Problem(String),
    /// It comes from what is not known.
    Nothing,
}

/// What is known of each layer's output.
///
/// # Errors
/// If the network has no input.
pub fn shapes(network: &Network) -> Result<Vec<Known>> {
    let shape = own_shape(network)?;
    let shapes = output_shapes(network, shape)?;
    let Some(other) = other_shape(network, shape) else { return Ok(shapes) };
    let both = shapes.into_iter().zip(output_shapes(network, other)?);
    let open = |(one, other): (Known, Known)| match (one, other) {
        (Known::Dims(one), Known::Dims(other)) => {
            Known::Dims(one.into_iter().zip(other).map(|(a, b)| a.filter(|_| a == b)).collect())
        }
        (one, _) => one,
    };
    Ok(both.map(open).collect())
}

fn output_shapes(network: &Network, image: Shape) -> Result<Vec<Known>> {
    let (graph, outcomes) = survey(network, image)?;
    let known = |outcome| match outcome {
        Outcome::Built(value) => Known::Dims(value.dims(graph.shape(value.node)).into_iter().map(Some).collect()),
        Outcome::Failed(Error::File { problem, .. }) => Known::Problem(problem),
        Outcome::Failed(error) => Known::Problem(error.to_string()),
        Outcome::Missing => Known::Nothing,
    };
    Ok(outcomes.into_iter().map(known).collect())
}

/// The shape that the network is looked at with: its own, or one that fits most of it.
fn own_shape(network: &Network) -> Result<Shape> {
    image_shape(network, &shown(network), None).or_else(|_| image_shape(network, &[], None))
}

/// A larger image, where the network leaves the size open.
fn other_shape(network: &Network, shape: Shape) -> Option<Shape> {
    let size = network.layers.iter().find_map(|layer| match layer.kind {
        Kind::Input { h, w, .. } => Some((h, w)),
        _ => None,
    });
    let (h, w) = size.map(|(h, w)| (h.unwrap_or(shape.h + 1), w.unwrap_or(shape.w + 1)))?;
    let (h, w) =
        if (h, w) == (shape.h, shape.w) { return None } else { fitting(network, &shown(network), (h, w)).ok()? };
    Some(Shape { h, w, ..shape })
}
