//! The climb: what Python asks for, and what became of it.

use crate::network::{Images, Network, array, choice, tensor};
use crate::watched::watched;
use numpy::{PyArray2, PyArray4};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use unet_lens::Error;
use unet_lens::cli::choices::{GOALS, OPTIMIZERS, PARAMETERS};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::gallery::{self, Captions, Gallery, Init, Kinds, Starts, check_channels, check_figure};
use unet_lens::lens::ascent::{Climb, Job, Recipe, draw_filters};
use unet_lens::network::unet;
use unet_lens::page::strings::Lang;
use unet_lens::picture::Colormap;

/// The arguments of `Network.climb`, by their names.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Asked<'py> {
    filters: Option<Vec<usize>>,
    count: usize,
    steps: usize,
    seed: u64,
    init: Option<Images<'py>>,
    phantom: bool,
    size: Option<(usize, usize)>,
    rate: Option<f32>,
    optimizer: String,
    objective: String,
    negative: bool,
    neuron: Option<(usize, usize)>,
    tv: f32,
    l2: f32,
    jitter: usize,
    parameter: String,
    rescue: Option<u32>,
    keep_best: bool,
    noise: f32,
}

impl Asked<'_> {
    fn recipe(&self) -> PyResult<Recipe> {
        let optimizer = choice("optimizer", OPTIMIZERS, &self.optimizer)?;
        Ok(Recipe {
            steps: self.steps,
            rate: self.rate.unwrap_or(optimizer.rate()),
            optimizer,
            goal: choice("objective", GOALS, &self.objective)?,
            negative: self.negative,
            neuron: self.neuron,
            before_relu: false,
            tv: self.tv,
            l2: self.l2,
            jitter: self.jitter,
            seed: self.seed,
            parameter: choice("parameter", PARAMETERS, &self.parameter)?,
            keep_frames: false,
            keep_best: self.keep_best,
        })
    }

    fn init(&self) -> PyResult<Init> {
        Ok(match &self.init {
            Some(images) => Init::Pictures(tensor(images)?),
            None if self.phantom => Init::Phantom,
            None => Init::Noise,
        })
    }
}

/// The filters of a layer, climbed.
#[pyclass(frozen, module = "unet_lens._native")]
pub struct Climbs {
    layer: String,
    image: Shape,
    climbs: Vec<Climb>,
    captions: Captions,
}

pub fn climb(network: &Network, py: Python, layer: &str, asked: Asked) -> PyResult<Climbs> {
    let (recipe, init) = (asked.recipe()?, asked.init()?);
    let Asked { filters, count, phantom, size, noise, rescue, .. } = asked;
    watched(py, |watch| {
        let loaded = &network.loaded;
        let layer = unet::convolution(loaded, layer)?;
        let name = &loaded.layers[layer].name;
        let all = unet::filters(loaded, layer);
        let filters = match filters {
            Some(filters) => filters,
            None => draw_filters(recipe.seed, name, all, count),
        };
        if let Some(beyond) = filters.iter().find(|&&filter| filter >= all) {
            return Err(Error::Usage(format!("filter {beyond}: {name} has {all} filters, counted from 0")));
        }
        if phantom {
            check_channels(loaded)?;
        }
        let image = init.shape(loaded, &[layer], size)?;
        init.check(filters.len(), name)?;
        let executor = network.executor()?;
        let job = Job::new(&*executor, loaded, layer, &filters, image, recipe)?;
        check_figure(filters.len(), image)?;
        let starts = Starts {
            executor: &*executor,
            network: loaded,
            layer,
            filters: &filters,
            image,
            init: &init,
            noise,
            parameter: recipe.parameter,
        };
        let Gallery { climbs, why, still, end } = gallery::climb(job, &starts, recipe, rescue, watch)?;
        let captions = Captions { lang: Lang::En, why, kinds: Kinds::new(), still };
        end.map(|()| Climbs { layer: name.clone(), image, climbs, captions })
    })
}

#[pymethods]
impl Climbs {
    #[getter]
    fn layer(&self) -> &str {
        &self.layer
    }

    #[getter]
    fn filters(&self) -> Vec<usize> {
        self.climbs.iter().map(|climb| climb.filter).collect()
    }

    #[getter]
    fn pictures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let data = self.climbs.iter().flat_map(|climb| &climb.picture).copied().collect();
        array(py, Tensor::new(self.image.with_n(self.climbs.len()), data))
    }

    #[getter]
    fn losses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.rows(py, |climb| climb.losses.clone())
    }

    #[getter]
    fn rms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.rows(py, |climb| climb.rms.clone())
    }

    #[getter]
    fn verdicts(&self) -> Vec<String> {
        self.climbs.iter().map(|climb| climb.verdict.to_string()).collect()
    }

    #[getter]
    fn shown(&self) -> Vec<usize> {
        self.climbs.iter().map(|climb| climb.shown).collect()
    }

    #[getter]
    fn rescued(&self) -> Vec<Option<String>> {
        self.climbs.iter().map(|climb| climb.rescued.map(|how| how.to_string())).collect()
    }

    /// The figure, as the bytes of a PNG file.
    fn png<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let figure = || self.captions.figure(&self.layer, &self.climbs, self.image, Colormap::Viridis);
        PyBytes::new(py, &py.detach(|| figure().to_png()))
    }
}

impl Climbs {
    /// A row for each filter.
    fn rows<'py>(&self, py: Python<'py>, of: impl Fn(&Climb) -> Vec<f32>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let rows: Vec<Vec<f32>> = self.climbs.iter().map(of).collect();
        PyArray2::from_vec2(py, &rows).map_err(|why| PyValueError::new_err(why.to_string()))
    }
}
