//! The table of layers, as Keras prints it.

use super::unet::{graph_to, image_shape};
use super::{Kind, Network};
use crate::Result;
use crate::numbers::thousands;

/// The table of layers, as Keras' `model.summary()` prints it.
pub fn table(network: &Network) -> Result<String> {
    let shape = image_shape(network, None)?;
    let built = graph_to(network, network.output, None, shape)?;
    let mut rows = vec![[
        "Layer (type)".to_string(),
        "Output shape".to_string(),
        "Param #".to_string(),
        "Connected to".to_string(),
    ]];
    for (layer, node) in network.layers.iter().zip(&built.layers) {
        let output = node.map_or("not used".to_string(), |node| {
            let s = built.graph.shape(node);
            let fixed = matches!(network.layers[0].kind, Kind::Input { h: Some(_), w: Some(_), .. });
            if fixed { format!("(None, {}, {}, {})", s.h, s.w, s.c) } else { format!("(None, None, None, {})", s.c) }
        });
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
    Ok(text)
}
