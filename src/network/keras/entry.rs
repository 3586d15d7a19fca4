//! A layer in the list of its model, before it is known what calls it.

use serde_json::Value;

/// A layer's place among those of its model.
#[derive(Clone)]
pub struct Place {
    pub name: String,
    pub class: String,
    /// How many layers of the same class come before it in the file.
    pub nth_of_class: usize,
}

/// One entry of a model's list of layers.
pub struct Entry<'a> {
    pub value: &'a Value,
    pub class: String,
    pub place: Place,
}

impl Entry<'_> {
    pub fn is_model(&self) -> bool {
        is_model(&self.class, &self.value["config"])
    }
}

/// Keras writes the class of a model that its user derived from Model; its layers tell what it is.
pub fn is_model(class: &str, config: &Value) -> bool {
    let has_layers = config["layers"].is_array() && config.get("input_layers").is_some();
    ["Model", "Functional", "Sequential"].contains(&class) || has_layers
}
