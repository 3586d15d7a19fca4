//! The table of layers, as Keras prints it.

use super::unet::{Outcome, fitting, image_shape, shown, survey};
use super::{Kind, Network};
use crate::engine::tensor::Shape;
use crate::numbers::thousands;
use crate::{Error, Result};
use serde::Serialize;

/// What there is to know of a network's layers. Written out it is the table that Keras' `model.summary()` prints; below it stands
/// what cannot be computed, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub name: String,
    pub layers: Vec<Row>,
    pub trainable: usize,
    pub non_trainable: usize,
    pub not_computed: Vec<String>,
}

/// A layer.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub name: String,
    pub class: String,
    /// The output's lengths without the images'; of each `None` where the file leaves it open. `None` where it is not known.
    pub output: Option<Vec<Option<usize>>>,
    pub parameters: usize,
    pub inputs: Vec<String>,
}

/// # Errors
/// If the network has no input.
pub fn summary(network: &Network) -> Result<Summary> {
    let shape = own_shape(network)?;
    let shapes = output_shapes(network, shape)?;
    let others = other_shape(network, shape).map(|other| output_shapes(network, other)).transpose()?;
    let mut not_computed = vec![];
    let mut layers = vec![];
    for (i, layer) in network.layers.iter().enumerate() {
        let output = match &shapes[i] {
            Known::Dims(dims) => {
                // A length that depends on the image's size is left open, as the file leaves that.
                let other = others.as_ref().map(|others| &others[i]);
                let open = |at: usize, length: usize| match other {
                    Some(Known::Dims(other)) if other[at] != length => None,
                    _ => Some(length),
                };
                Some(dims.iter().enumerate().map(|(at, &length)| open(at, length)).collect())
            }
            Known::Problem(why) => {
                not_computed.push(why.clone());
                None
            }
            Known::Nothing => None,
        };
        let inputs = layer.inputs.iter().map(|&x| network.layers[x].name.clone()).collect();
        let (name, class, parameters) =
            (layer.name.clone(), layer.class.clone(), layer.trainable + layer.non_trainable);
        layers.push(Row { name, class, output, parameters, inputs });
    }
    Ok(Summary {
        name: network.name.clone(),
        layers,
        trainable: network.layers.iter().map(|layer| layer.trainable).sum(),
        non_trainable: network.layers.iter().map(|layer| layer.non_trainable).sum(),
        not_computed,
    })
}

/// The summary, written out.
///
/// # Errors
/// As [`summary`].
pub fn table(network: &Network) -> Result<String> {
    summary(network).map(|summary| summary.to_string())
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let mut rows = vec![["Layer (type)", "Output shape", "Param #", "Connected to"].map(str::to_string)];
        for Row { name, class, output, parameters, inputs } in &self.layers {
            let length = |length: &Option<usize>| length.map_or("None".to_string(), |length| length.to_string());
            let output = output.as_ref().map_or("?".to_string(), |lengths| {
                format!("(None, {})", lengths.iter().map(length).collect::<Vec<_>>().join(", "))
            });
            rows.push([format!("{name} ({class})"), output, thousands(*parameters), inputs.join(", ")]);
        }
        let width = |i: usize| rows.iter().map(|row| row[i].len()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        let line = |c: &str| c.repeat(widths.iter().sum::<usize>() + 6);
        writeln!(f, "Model: \"{}\"\n{}", self.name, line("_"))?;
        for (i, [a, b, c, d]) in rows.iter().enumerate() {
            let row = format!("{a:<w0$}  {b:<w1$}  {c:>w2$}  {d}", w0 = widths[0], w1 = widths[1], w2 = widths[2]);
            writeln!(f, "{}", row.trim_end())?;
            if i == 0 {
                writeln!(f, "{}", line("="))?;
            }
        }
        let total = |name: &str, count: usize| {
            format!("{name}: {} ({:.2} MB)", thousands(count), count as f64 * 4.0 / (1024.0 * 1024.0))
        };
        writeln!(f, "{}", line("="))?;
        writeln!(f, "{}", total("Total params", self.trainable + self.non_trainable))?;
        writeln!(f, "{}", total("Trainable params", self.trainable))?;
        writeln!(f, "{}", total("Non-trainable params", self.non_trainable))?;
        writeln!(f, "{}", line("_"))?;
        if !self.not_computed.is_empty() {
            writeln!(f, "Not computed, nor what comes from it:")?;
        }
        self.not_computed.iter().try_for_each(|why| writeln!(f, "{why}"))
    }
}

/// What is known of a layer's output.
enum Known {
    /// Its lengths as Keras has them, the images left out.
    Dims(Vec<usize>),
    Problem(String),
    /// It comes from what is not known.
    Nothing,
}

fn output_shapes(network: &Network, image: Shape) -> Result<Vec<Known>> {
    let (graph, outcomes) = survey(network, image)?;
    let known = |outcome| match outcome {
        Outcome::Built(value) => Known::Dims(value.dims(graph.shape(value.node))),
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
