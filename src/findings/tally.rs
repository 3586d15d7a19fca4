//! What is kept of a unit's responses: sums that grow while images stream by. Everything is kept for two halves of the stimuli
//! apart, so that verdicts of each half can be compared.

use super::probe::Response;
use super::stimuli::{FREQUENCIES, GRATINGS, ORIENTATIONS, PHASES, half_of, split};
use super::units::Unit;

/// Gratings of different orientation or frequency.
pub const PATTERNS: usize = ORIENTATIONS * FREQUENCIES;

/// A kind of image whose responses are kept one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    Bars,
    White,
    Coloured,
    Data,
}

const SERIES: usize = 4;

/// Of one unit; lists run over filters fastest.
#[derive(Debug, Clone)]
pub struct Tally {
    pub filters: usize,
    /// Places at which tuning is read.
    places: usize,
    /// At these places what the filters answer to the data's mean as a grey: what responses are counted from.
    base_before: Vec<f32>,
    base_after: Vec<f32>,
    /// `[half, pattern, filter]`: sums of squares over places and phases of the response before the activation less the grey's:
    /// all of it, and where it is above.
    pub changed: Vec<f64>,
    pub excited: Vec<f64>,
    /// `[grating, filter]`: how far the response after the activation is above the grey's, 0 where it is below; mean over places.
    pub gratings: Vec<f32>,
    /// `[series][image, filter]`: the same for other images.
    series: [Vec<f32>; SERIES],
    /// `[grey, filter]`: mean response before the activation.
    pub greys: Vec<f32>,
    /// `[half, filter]` of the data: places above zero before the activation, and the sum after it.
    pub on: Vec<u64>,
    pub sum_after: Vec<f64>,
    /// `[half]`: places that were counted.
    pub counted: [u64; 2],
    /// `[filter]` of greys, over all places.
    pub least_grey: Vec<f32>,
    /// `[filter]` of all but the data.
    pub most_other: Vec<f32>,
    /// `[filter]` after the activation over all images and places.
    pub least_after: Vec<f32>,
    pub most_after: Vec<f32>,
}

impl Tally {
    pub fn new(unit: &Unit) -> Tally {
        let filters = unit.filters();
        let places = unit.inside.0.len() * unit.inside.1.len();
        Tally {
            filters,
            places,
            base_before: vec![],
            base_after: vec![],
            changed: vec![0.0; 2 * PATTERNS * filters],
            excited: vec![0.0; 2 * PATTERNS * filters],
            gratings: vec![0.0; GRATINGS * filters],
            series: Default::default(),
            greys: vec![],
            on: vec![0; 2 * filters],
            sum_after: vec![0.0; 2 * filters],
            counted: [0; 2],
            least_grey: vec![f32::INFINITY; filters],
            most_other: vec![f32::NEG_INFINITY; filters],
            least_after: vec![f32::INFINITY; filters],
            most_after: vec![f32::NEG_INFINITY; filters],
        }
    }

    /// `[image, filter]`: how far the response is above the grey's, 0 where it is below; mean over places.
    pub fn series(&self, which: Series) -> &[f32] {
        &self.series[which as usize]
    }

    /// The values at the places where tuning is read, a place after the other.
    fn inside<'v>(unit: &'v Unit, values: &'v [f32]) -> impl Iterator<Item = &'v [f32]> {
        let (w, c) = (unit.shape.w, unit.shape.c);
        let at = move |(r, s): (usize, usize)| &values[(r * w + s) * c..][..c];
        unit.inside.0.iter().flat_map(move |&r| unit.inside.1.iter().map(move |&s| (r, s))).map(at)
    }

    /// The data's mean as a grey; to be seen before all others.
    pub fn see_base(&mut self, unit: &Unit, response: Response) {
        self.base_before = Tally::inside(unit, response.before).flatten().copied().collect();
        self.base_after = Tally::inside(unit, response.after).flatten().copied().collect();
        self.extremes(response);
    }

    pub fn see_grey(&mut self, unit: &Unit, response: Response) {
        let mut sums = vec![0.0f64; self.filters];
        for values in Tally::inside(unit, response.before) {
            sums.iter_mut().zip(values).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        self.greys.extend(sums.iter().map(|sum| (sum / self.places as f64) as f32));
        for values in response.before.chunks_exact(self.filters) {
            self.least_grey.iter_mut().zip(values).for_each(|(least, &v)| *least = least.min(v));
        }
        self.extremes(response);
    }

    pub fn see_grating(&mut self, unit: &Unit, grating: usize, response: Response) {
        let (orientation, frequency, phase) = split(grating);
        let half = half_of(phase);
        let first = (half * PATTERNS + orientation * FREQUENCIES + frequency) * self.filters;
        let c = self.filters;
        let (changed, excited) = (&mut self.changed[first..][..c], &mut self.excited[first..][..c]);
        for (values, base) in Tally::inside(unit, response.before).zip(self.base_before.chunks_exact(c)) {
            let sums = changed.iter_mut().zip(excited.iter_mut());
            for ((changed, excited), (&v, &base)) in sums.zip(values.iter().zip(base)) {
                let more = f64::from(v) - f64::from(base);
                *changed += more * more;
                *excited += more.max(0.0) * more;
            }
        }
        let drive = self.drive(unit, response.after);
        self.gratings[grating * c..][..c].copy_from_slice(&drive);
        self.extremes(response);
    }

    /// Image `i` of a series; they come in order.
    pub fn see(&mut self, unit: &Unit, which: Series, i: usize, response: Response) {
        let drive = self.drive(unit, response.after);
        self.series[which as usize].extend(drive);
        if which != Series::Data {
            self.extremes(response);
            return;
        }
        self.see_life(i % 2, response);
        self.extremes_after(response);
    }

    /// An image of which it is only asked whether the filter wakes.
    pub fn see_other(&mut self, response: Response) {
        self.extremes(response);
    }

    /// Counts where filters are on.
    pub fn see_life(&mut self, half: usize, response: Response) {
        let c = self.filters;
        let own = half * c..(half + 1) * c;
        let (on, sums) = (&mut self.on[own.clone()], &mut self.sum_after[own]);
        for (before, after) in response.before.chunks_exact(c).zip(response.after.chunks_exact(c)) {
            on.iter_mut().zip(before).for_each(|(on, &v)| *on += u64::from(v > 0.0));
            sums.iter_mut().zip(after).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        self.counted[half] += (response.before.len() / c) as u64;
    }

    /// For each filter how far it is above its response to the grey, 0 where it is below; mean over places.
    fn drive(&self, unit: &Unit, after: &[f32]) -> Vec<f32> {
        let c = self.filters;
        let mut sums = vec![0.0f64; c];
        for (values, base) in Tally::inside(unit, after).zip(self.base_after.chunks_exact(c)) {
            let above = values.iter().zip(base).map(|(v, base)| (v - base).max(0.0));
            sums.iter_mut().zip(above).for_each(|(sum, v)| *sum += f64::from(v));
        }
        sums.iter().map(|sum| (sum / self.places as f64) as f32).collect()
    }

    fn extremes(&mut self, response: Response) {
        for values in response.before.chunks_exact(self.filters) {
            self.most_other.iter_mut().zip(values).for_each(|(most, &v)| *most = most.max(v));
        }
        self.extremes_after(response);
    }

    fn extremes_after(&mut self, response: Response) {
        for values in response.after.chunks_exact(self.filters) {
            self.least_after.iter_mut().zip(values).for_each(|(least, &v)| *least = least.min(v));
            self.most_after.iter_mut().zip(values).for_each(|(most, &v)| *most = most.max(v));
        }
    }

    /// The root of the mean of these sums of squares, of some halves: `[pattern]` of one filter.
    pub fn amplitudes(&self, sums: &[f64], filter: usize, halves: &[usize]) -> Vec<f64> {
        let count = (halves.len() * PHASES / 2 * self.places) as f64;
        let sum = |pattern: usize| -> f64 {
            halves.iter().map(|half| sums[(half * PATTERNS + pattern) * self.filters + filter]).sum()
        };
        (0..PATTERNS).map(|pattern| (sum(pattern) / count).sqrt()).collect()
    }

    /// Share of the data's places at which the filter is above zero before the activation.
    pub fn on_share(&self, filter: usize, halves: &[usize]) -> f64 {
        let on: u64 = halves.iter().map(|half| self.on[half * self.filters + filter]).sum();
        let counted: u64 = halves.iter().map(|&half| self.counted[half]).sum();
        on as f64 / counted.max(1) as f64
    }

    /// `[filter]`: the mean after the activation over the data.
    pub fn mean_after(&self, halves: &[usize]) -> Vec<f64> {
        let counted: u64 = halves.iter().map(|&half| self.counted[half]).sum();
        let sum = |filter: usize| halves.iter().map(|half| self.sum_after[half * self.filters + filter]).sum::<f64>();
        (0..self.filters).map(|filter| sum(filter) / counted.max(1) as f64).collect()
    }

    /// How far what comes out of the activation moves over all images and places.
    pub fn span(&self, filter: usize) -> f64 {
        f64::from(self.most_after[filter]) - f64::from(self.least_after[filter])
    }

    /// Its answer after the activation is the same for all that was shown, but for rounding.
    pub fn is_constant(&self, filter: usize) -> bool {
        let (least, most) = (self.least_after[filter], self.most_after[filter]);
        most - least <= 1e-6 * least.abs().max(most.abs())
    }
}

#[cfg(test)]
pub(in crate::findings) mod tests;
