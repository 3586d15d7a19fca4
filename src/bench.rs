//! How long a step of the climb, or the forward pass, takes, kernel by kernel, on several executors side by side.
//!
//! Work is counted as the definition of a convolution does: `n h w kh kw ci co` multiply-accumulates. An algorithm that
//! needs fewer (Winograd's F(4x4, 3x3) needs a quarter) can therefore be faster than the machine's limit for the counted
//! work, and its share of the limit above 100%.

use crate::engine::exec::{Compiled, Executor};
use crate::engine::graph::{Graph, NodeId};
use crate::engine::plan::{Head, Plan, ValueId};
use crate::engine::tensor::{Shape, Tensor};
use crate::lens::ascent::{self, Objective, Recipe};
use crate::network::{Network, unet};
use crate::{Error, Result};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// A step of the climb of filters of a convolution (its index among the layers).
    Climb(usize),
    /// The forward pass of the whole network.
    Forward,
}

/// What was measured of one job.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The layer that was climbed; none for a forward pass.
    pub layer: Option<String>,
    /// Filters that are climbed at once, an image for each; or images of the forward pass.
    pub images: usize,
    /// The steps of the plan, in the order in which they run.
    pub kernels: Vec<Kernel>,
    pub backends: Vec<Measured>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Kernel {
    /// The last node that the kernel computes.
    pub name: String,
    /// The ops that were fused into it.
    pub ops: String,
    /// The output's images, rows, columns, channels.
    pub shape: String,
    /// Multiply-accumulates, as the definition counts them; 0 for what is no convolution.
    pub macs: u64,
    /// Bytes that the kernel reads and writes at least: its inputs, its weights, its output and what it remembers, once.
    pub bytes: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    pub backend: String,
    /// Seconds to make the job ready: kernels packed, shaders compiled.
    pub ready: f64,
    /// Multiply-accumulates per second when it does nothing else, measured in the same run.
    pub limit: f64,
    /// Bytes per second, read and written, when it does nothing else, measured in the same run.
    pub bandwidth: f64,
    /// Seconds of each kernel: medians.
    pub kernels: Vec<f64>,
    /// Seconds of one whole step of the climb, or of the forward pass: median.
    pub step: f64,
}

impl Measured {
    /// The least seconds that the kernel could take: by its multiplications or by its bytes, whichever takes longer (the
    /// "roofline" of Williams, Waterman and Patterson, CACM 52, 2009).
    pub fn least(&self, kernel: &Kernel) -> f64 {
        (kernel.macs as f64 / self.limit).max(kernel.bytes as f64 / self.bandwidth)
    }
}

/// Measures `job` with so many images at once, on each executor in turn, `rounds` times.
///
/// The results are compared first: a benchmark of wrong kernels would be worth nothing.
///
/// # Errors
/// If the executors' results differ, the memory is not enough, or a device fails.
pub fn measure(
    executors: &[Box<dyn Executor>],
    network: &Network,
    job: Job,
    images: usize,
    image: Shape,
    rounds: usize,
) -> Result<Report> {
    let ready = validate(executors, &Setup::new(network, job, 1, image)?)?;
    let setup = Setup::new(network, job, images, image)?;
    let mut programs = vec![];
    for executor in executors {
        let mut program = executor.prepare(setup.plan.clone())?;
        program.write(setup.image, &setup.seeds)?;
        program.run(2)?; // warm
        programs.push(program);
    }
    let limits: Vec<f64> = executors.iter().map(|e| e.fma_rate().map(|flops| flops / 2.0)).collect::<Result<_>>()?;
    let bandwidths: Vec<f64> = executors.iter().map(|executor| bandwidth(&**executor)).collect::<Result<_>>()?;
    let mut kernels = vec![vec![]; programs.len()];
    let mut steps = vec![vec![]; programs.len()];
    for _ in 0..rounds {
        // In turn, so that what else the machine does hits all alike.
        for (i, program) in programs.iter_mut().enumerate() {
            kernels[i].push(program.profile()?);
            let start = Instant::now();
            program.run(2)?;
            steps[i].push(start.elapsed().as_secs_f64() / 2.0);
        }
    }
    let backends = (0..executors.len()).map(|i| {
        let of_kernel = |k: usize| median(kernels[i].iter().map(|round| round[k]).collect());
        Measured {
            backend: executors[i].describe(),
            ready: ready[i],
            limit: limits[i],
            bandwidth: bandwidths[i],
            kernels: (0..setup.plan.steps.len()).map(of_kernel).collect(),
            step: median(std::mem::take(&mut steps[i])),
        }
    });
    let layer = match job {
        Job::Climb(layer) => Some(network.layers[layer].name.clone()),
        Job::Forward => None,
    };
    Ok(Report {
        layer,
        images,
        kernels: facts(&*executors[0].compile(setup.plan.clone())?),
        backends: backends.collect(),
    })
}

/// Bytes per second of an op that does little else than read and write: a ReLU of 64 MB, which no cache holds.
fn bandwidth(executor: &dyn Executor) -> Result<f64> {
    let shape = Shape::new(1, 512, 512, 64);
    let mut graph = Graph::new();
    let x = graph.input("x", shape)?;
    let y = graph.relu("y", x)?;
    let mut program = executor.prepare(Arc::new(Plan::compile(graph, &[y], &[], &[])))?;
    program.write(x, &Tensor::new(shape, vec![1.0; shape.len()]))?;
    let mut best = f64::INFINITY;
    for _ in 0..4 {
        let start = Instant::now();
        program.run(1)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok((shape.len() * 8) as f64 / best)
}

/// Bytes as the first executor stores them.
fn facts(compiled: &dyn Compiled) -> Vec<Kernel> {
    let plan = compiled.plan();
    plan.steps
        .iter()
        .map(|step| {
            let ops: Vec<&str> = step.nodes.iter().map(|&n| plan.graph[n].op.name()).collect();
            let shape = plan.value(step.output).shape;
            let of_value = |id: ValueId| plan.value(id).shape.n * compiled.image_bytes(id);
            let values: usize = step.reads().chain(step.writes()).map(of_value).sum();
            let weights =
                if let Head::Conv { conv, .. } = &step.head { conv.kernel.bank * conv.kernel.len() * 4 } else { 0 };
            Kernel {
                name: step.nodes.last().map_or(String::new(), |&n| plan.graph[n].name.clone()),
                ops: ops.join(" + "),
                shape: shape.to_string(),
                macs: plan.macs(step),
                bytes: (values + weights) as u64,
            }
        })
        .collect()
}

/// A job as a plan.
struct Setup {
    name: String,
    plan: Arc<Plan>,
    /// Where `seeds` are written to before the first run.
    image: NodeId,
    seeds: Tensor,
    /// What the executors must agree on.
    result: NodeId,
}

impl Setup {
    fn new(network: &Network, job: Job, images: usize, image: Shape) -> Result<Setup> {
        match job {
            Job::Climb(layer) => {
                let name = network.layers[layer].name.clone();
                let filters: Vec<usize> = (0..unet::filters(network, layer)).cycle().take(images).collect();
                let seeds = ascent::noise(0, &name, &filters, image, ascent::NOISE);
                // The gradient of several images is not read: as in a climb it needs no room of its own.
                let objective = Objective::new(network, layer, &filters, image, &Recipe::default(), images == 1)?;
                let Objective { plan, image, gradient: result, .. } = objective;
                Ok(Setup { name, plan, image, seeds, result })
            }
            Job::Forward => {
                let numbers: Vec<usize> = (0..images).collect();
                let seeds = ascent::noise(0, "forward", &numbers, image, 1.0);
                let built = unet::graph_to(network, network.output, None, image.with_n(images))?;
                let plan = Arc::new(Plan::compile(built.graph, &[built.output], &[], &[]));
                Ok(Setup { name: "forward pass".into(), plan, image: built.image, seeds, result: built.output })
            }
        }
    }
}

/// All executors must compute the same, but for the few pixels around a kink that rounding decides. Gives the seconds that each
/// needed to get ready.
fn validate(executors: &[Box<dyn Executor>], setup: &Setup) -> Result<Vec<f64>> {
    let (mut first, mut ready): (Option<Tensor>, _) = (None, vec![]);
    for executor in executors {
        let start = Instant::now();
        let mut program = executor.prepare(setup.plan.clone())?;
        ready.push(start.elapsed().as_secs_f64());
        program.write(setup.image, &setup.seeds)?;
        program.run(1)?;
        let result = program.read(setup.result)?;
        let Some(first) = &first else {
            first = Some(result);
            continue;
        };
        let squares = |a: &[f32]| a.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        let difference: Vec<f32> = result.data.iter().zip(&first.data).map(|(a, b)| a - b).collect();
        let error = (squares(&difference) / squares(&first.data).max(1e-30)).sqrt();
        if error.is_nan() || error > 0.05 {
            return Err(Error::Device(format!(
                "{}: the results of {} and {} differ by {:.1}%: not measured",
                setup.name,
                executors[0].describe(),
                executor.describe(),
                error * 100.0
            )));
        }
    }
    Ok(ready)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
