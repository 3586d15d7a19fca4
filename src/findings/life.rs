//! Is a filter ever on, ever off?

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Life {
    /// Share of positions with a positive value before the activation, over the data (over noise, without data).
    pub on: f64,
    /// The first gradient of the climb from seed 0 is zero everywhere.
    pub dead_at_seed: bool,
    /// Its mean activation, divided by that of the layer (Sokar et al. 2023, ReDo).
    pub dormant: f64,
    /// What holds for every image in the data's range.
    pub proven: Option<Proven>,
    pub lives_on_data: bool,
}

/// What interval bounds prove for every image in the data's range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    Dead,
    On,
}
