//! The CPU executor: f32, SIMD, all cores.
//!
//! A batch is computed in groups of a few images, so that what a group leaves behind between two steps stays in the
//! cache. Buffers are as large as one group; only what must outlive it (the images, what is kept) has room for all.

pub mod aligned;
pub mod conv;
mod functions;
mod general;
mod heads;
mod images;
pub mod phases;
mod program;
pub mod simd;
mod waves;

use super::memory::Limit;
use super::{Compiled, Executor};
use crate::Result;
use crate::engine::plan::Plan;
use program::CpuCompiled;
pub(super) use program::image_bytes;
use rayon::ThreadPool;
use simd::Level;
use std::sync::Arc;

pub struct Cpu {
    level: Level,
    pool: Arc<ThreadPool>,
    limit: Limit,
}

impl Cpu {
    /// On `threads` threads (`None`: one per core), with the SIMD level that `UNET_LENS_SIMD` names, else the best.
    ///
    /// # Errors
    /// If the threads cannot be started, or the machine does not have that level.
    pub fn new(threads: Option<usize>, limit: Limit) -> Result<Cpu> {
        Cpu::with_level(threads, Level::from_env()?, limit)
    }

    /// The same with that SIMD level, which the machine must have.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn with_level(threads: Option<usize>, level: Level, limit: Limit) -> Result<Cpu> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
        let pool =
            pool.map_err(|why| crate::Error::Device(format!("cannot start threads: {why}; try a single one")))?;
        Ok(Cpu { level, pool: Arc::new(pool), limit })
    }
}

impl Executor for Cpu {
    fn describe(&self) -> String {
        let threads = self.pool.current_num_threads();
        format!("cpu, {}, {threads} thread{}", self.level, if threads == 1 { "" } else { "s" })
    }

    fn compile(&self, plan: Arc<Plan>) -> Result<Box<dyn Compiled>> {
        Ok(Box::new(CpuCompiled::new(plan, self.level, self.pool.clone())))
    }

    fn limit(&self) -> Limit {
        self.limit
    }

    fn fma_rate(&self) -> Result<f64> {
        Ok(simd::fma_rate(self.level, self.pool.current_num_threads()))
    }
}
