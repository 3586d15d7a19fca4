//! A network and what can be asked of it.

use crate::climb::{Asked, Climbs};
use crate::error::raised;
use crate::watched::watched;
use numpy::{PyArray4, PyArrayMethods, PyReadonlyArray4, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use unet_lens::cli::choices::{BACKENDS, Choices, named};
use unet_lens::engine::exec::{self, Backend, Executor};
use unet_lens::engine::tensor::{Shape, Tensor};
use unet_lens::findings::task::Task;
use unet_lens::findings::{
    self, Data, claims,
    trial::{self, Ablated},
};
use unet_lens::gallery::{Init, phantom};
use unet_lens::lens::{activations, ascent};
use unet_lens::lesson::explain;
use unet_lens::network::summary::{self, Known};
use unet_lens::network::{Network as Loaded, keras, unet};
use unet_lens::{Error, Result, page};

/// A layer as Python sees it: name, class, lengths of its output, numbers that it has, filters, names of its inputs.
type Row = (String, String, Option<Vec<Option<usize>>>, usize, usize, Vec<String>);

/// Images `[n, h, w, c]`.
pub type Images<'py> = PyReadonlyArray4<'py, f32>;

#[pyclass(frozen, module = "unet_lens._native")]
pub struct Network {
    pub loaded: Loaded,
    backend: Backend,
    threads: Option<usize>,
    memory: Option<u64>,
}

/// The value of that name.
pub fn choice<T: Copy>(what: &str, choices: &Choices<T>, name: &str) -> PyResult<T> {
    let names = || choices.iter().map(|choice| choice.1).collect::<Vec<_>>().join(", ");
    named(choices, name).ok_or_else(|| PyValueError::new_err(format!("{what}={name:?}: it is one of {}", names())))
}

/// The images of an array, which Python made contiguous.
pub fn tensor(images: &Images) -> PyResult<Tensor> {
    let [n, h, w, c]: [usize; 4] = images.shape().try_into().expect("four axes");
    Ok(Tensor::new(Shape::new(n, h, w, c), images.as_slice()?.to_vec()))
}

/// A tensor as an array `[n, h, w, c]`.
pub fn array(py: Python<'_>, tensor: Tensor) -> PyResult<Bound<'_, PyArray4<f32>>> {
    let Shape { n, h, w, c } = tensor.shape;
    numpy::PyArray1::from_vec(py, tensor.data).reshape([n, h, w, c])
}

impl Network {
    /// What computes. It is opened for each job, so that the memory that is free is measured then. Where the user left the choice and a
    /// GPU fails, the CPU goes on.
    pub fn executor(&self) -> Result<Box<dyn Executor>> {
        let opened = match self.backend {
            Backend::Auto => exec::open_steady(self.threads, self.memory, |_| ()),
            backend => exec::open(backend, self.threads, self.memory),
        };
        Ok(opened?.0)
    }

    fn convolutions(&self, names: Option<Vec<String>>) -> Result<Vec<usize>> {
        match names {
            None => Ok(unet::convolutions(&self.loaded)),
            Some(names) => names.iter().map(|name| unet::convolution(&self.loaded, name)).collect(),
        }
    }

    /// # Errors
    /// If the layer has no such filter.
    fn check_filter(&self, layer: usize, filter: usize) -> Result<()> {
        let (name, count) = (&self.loaded.layers[layer].name, unet::filters(&self.loaded, layer));
        if filter < count {
            return Ok(());
        }
        Err(Error::Usage(format!("filter {filter}: {name} has {count} filters, counted from 0")))
    }
}

#[pymethods]
impl Network {
    /// From the file at `path`, from `data`, which errors call `name`, or, without either, the built-in one.
    #[new]
    #[expect(clippy::too_many_arguments, reason = "the Python half calls it, with all of them")]
    #[pyo3(signature = (path, data, name, lambdas, backend, threads, memory))]
    fn new(
        py: Python,
        path: Option<PathBuf>,
        data: Option<Vec<u8>>,
        name: &str,
        lambdas: Vec<(String, String)>,
        backend: &str,
        threads: Option<usize>,
        memory: Option<u64>,
    ) -> PyResult<Network> {
        let backend = choice("backend", BACKENDS, backend)?;
        let load = || -> Result<Loaded> {
            let mut loaded = match (path, data) {
                (Some(path), _) => keras::load(path)?,
                (None, Some(data)) => keras::load_bytes(name, data)?,
                (None, None) => keras::built_in()?,
            };
            lambdas.iter().try_for_each(|(name, meaning)| loaded.set_lambda(name, meaning))?;
            Ok(loaded)
        };
        let loaded = py.detach(load).map_err(raised)?;
        Ok(Network { loaded, backend, threads, memory })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.loaded.name
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.loaded.warnings.clone()
    }

    #[getter]
    fn channels(&self) -> PyResult<usize> {
        unet::image_channels(&self.loaded).map_err(raised)
    }

    #[getter]
    fn convolution_names(&self) -> Vec<String> {
        unet::convolutions(&self.loaded).into_iter().map(|layer| self.loaded.layers[layer].name.clone()).collect()
    }

    fn describe(&self, py: Python) -> PyResult<String> {
        py.detach(|| Ok(self.executor()?.describe())).map_err(raised)
    }

    fn summary(&self) -> PyResult<String> {
        summary::table(&self.loaded).map_err(raised)
    }

    fn svg(&self) -> PyResult<String> {
        page::svg(&self.loaded).map_err(raised)
    }

    fn layers(&self) -> PyResult<Vec<Row>> {
        let shapes = summary::shapes(&self.loaded).map_err(raised)?;
        let row = |(i, shape): (usize, Known)| {
            let layer = &self.loaded.layers[i];
            let dims = if let Known::Dims(dims) = shape { Some(dims) } else { None };
            let inputs = layer.inputs.iter().map(|&x| self.loaded.layers[x].name.clone()).collect();
            let numbers = layer.trainable + layer.non_trainable;
            (layer.name.clone(), layer.class.clone(), dims, numbers, unet::filters(&self.loaded, i), inputs)
        };
        Ok(shapes.into_iter().enumerate().map(row).collect())
    }

    fn predict<'py>(&self, py: Python<'py>, images: Images) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let images = tensor(&images)?;
        let output = watched(py, |watch| {
            unet::image_shape(&self.loaded, &[self.loaded.output], Some((images.shape.h, images.shape.w)))?;
            activations::predict(&*self.executor()?, &self.loaded, &images, watch)
        })?;
        array(py, output)
    }

    /// The gradient of a filter's mean with respect to each image.
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        layer: &str,
        filter: usize,
        images: Images,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let images = tensor(&images)?;
        let gradient = watched(py, |watch| {
            let layer = unet::convolution(&self.loaded, layer)?;
            self.check_filter(layer, filter)?;
            unet::image_shape(&self.loaded, &[layer], Some((images.shape.h, images.shape.w)))?;
            ascent::gradient(&*self.executor()?, &self.loaded, (layer, filter), &images, watch)
        })?;
        array(py, gradient)
    }

    /// For each layer its name and all its output, of one image.
    fn activations<'py>(
        &self,
        py: Python<'py>,
        images: Images,
        layers: Option<Vec<String>>,
    ) -> PyResult<Vec<(String, Bound<'py, PyArray4<f32>>)>> {
        let image = tensor(&images)?;
        let found = watched(py, |_| {
            let layers = match layers {
                None => unet::shown(&self.loaded),
                Some(names) => names.iter().map(|name| unet::layer(&self.loaded, name)).collect::<Result<_>>()?,
            };
            let size = Some((image.shape.h, image.shape.w));
            unet::image_shape(&self.loaded, &layers, size)?;
            activations::compute(&*self.executor()?, &self.loaded, &image, &layers, usize::MAX)
        })?;
        found.into_iter().map(|activation| Ok((activation.name.clone(), array(py, whole(&activation))?))).collect()
    }

    /// All that the lesson is told with, as JSON.
    fn explain(
        &self,
        py: Python,
        layer: Option<&str>,
        filter: Option<usize>,
        images: Option<Images>,
        seed: u64,
    ) -> PyResult<String> {
        let given = images.as_ref().map(tensor).transpose()?;
        watched(py, |_| {
            let layer = match layer {
                Some(name) => unet::convolution(&self.loaded, name)?,
                None => explain::default_layer(&self.loaded).ok_or_else(|| {
                    Error::Usage(format!("{} has no convolution, so there is no filter to explain", self.loaded.name))
                })?,
            };
            filter.map_or(Ok(()), |filter| self.check_filter(layer, filter))?;
            let size = given.as_ref().map(|image| (image.shape.h, image.shape.w));
            let shape = unet::image_shape(&self.loaded, &[layer], size)?;
            let executor = self.executor()?;
            executor.limit().check(shape, ascent::noise_bytes(shape))?;
            let name = &self.loaded.layers[layer].name;
            let start = |filter: usize| match &given {
                Some(given) => given.clone(),
                None => ascent::noise(seed, name, &[filter], shape, ascent::NOISE),
            };
            let (filter, image) = match filter {
                Some(filter) => (filter, start(filter)),
                None => {
                    let choice = explain::choose(&*executor, &self.loaded, layer, start)?;
                    (choice.filter, choice.image)
                }
            };
            let explanation = explain::explain(&*executor, &self.loaded, layer, filter, &image)?;
            Ok(serde_json::to_string(&explanation).expect("numbers and names"))
        })
    }

    /// The table of filters as CSV, and the claims as JSON.
    fn findings(
        &self,
        py: Python,
        layers: Option<Vec<String>>,
        data: Option<PathBuf>,
        images: usize,
        seed: u64,
    ) -> PyResult<(String, String)> {
        watched(py, |watch| {
            let (network, layers) = (&self.loaded, self.convolutions(layers)?);
            if layers.is_empty() {
                return Err(Error::Usage(format!(
                    "{} has no convolution, so there is no filter to look at",
                    network.name
                )));
            }
            let data = match &data {
                Some(path) => Data::read(path, network, images)?,
                None => Data::standard(network, images, seed)?,
            };
            let executor = self.executor()?;
            let mut layers = findings::measure(&*executor, network, &layers, &data, seed, watch)?.layers;
            let tasks = Task::of(network, data.facts.kind, data.shape, &data.images, seed)?;
            let mut progress = |_: &str, done: usize, total: usize| (watch.progress)(done, total);
            let claims = trial::run(
                &*executor,
                network,
                &mut layers,
                tasks.as_ref(),
                (seed, Ablated::Drawn),
                watch.cancel,
                &mut progress,
            )?;
            Ok((findings::csv(&layers), claims::json(&claims)))
        })
    }

    /// The first phantom of the seed, undersampled, as the network takes it.
    fn phantom<'py>(
        &self,
        py: Python<'py>,
        seed: u64,
        size: Option<(usize, usize)>,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let made = watched(py, |_| {
            let shape = unet::image_shape(&self.loaded, &[self.loaded.output], size)?;
            self.executor()?.limit().check(shape, Init::Phantom.bytes(shape))?;
            phantom(&self.loaded, (shape.h, shape.w), seed)
        })?;
        array(py, made)
    }

    fn climb(&self, py: Python, layer: &str, asked: Asked) -> PyResult<Climbs> {
        crate::climb::climb(self, py, layer, asked)
    }
}

/// The channels in their own order.
fn whole(activation: &activations::Activation) -> Tensor {
    let shape = activation.shape;
    let mut data = vec![0.0; shape.len()];
    for channel in &activation.strongest {
        let places = data.iter_mut().skip(channel.number).step_by(shape.c);
        places.zip(&channel.map).for_each(|(place, &value)| *place = value);
    }
    Tensor::new(shape, data)
}
