//! The opened adapter: pipelines, buffers, and what went wrong.

use super::adapter::AdapterInfo;
use super::shader::{Access, Shader};
use crate::numbers::data_size;
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

/// Which compute pipeline: the file, the entry point, and the values of its `override` constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PipelineKey {
    pub shader: Shader,
    pub entry: &'static str,
    pub overrides: Vec<(&'static str, u32)>,
}

/// Texels (vec4s) in a row of a texture, and the most rows: as WebGPU promises them.
const TEXTURE: u64 = 8192;

/// Bytes of a texture that holds so many numbers, whole rows.
pub(super) fn texture_bytes(numbers: usize) -> u64 {
    (numbers as u64 / 4).div_ceil(TEXTURE) * TEXTURE * 16
}

/// What a shader reads or writes.
pub(super) enum Resource {
    Buffer(wgpu::Buffer),
    Texture(wgpu::TextureView),
}

struct Module {
    module: wgpu::ShaderModule,
    bindings: wgpu::BindGroupLayout,
    layout: wgpu::PipelineLayout,
}

pub(super) struct Device {
    pub info: AdapterInfo,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    /// Subgroup operations may be used, and every subgroup has 8 lanes.
    pub subgroups_of_8: bool,
    modules: [OnceLock<Module>; Shader::ALL.len()],
    pipelines: Mutex<HashMap<PipelineKey, wgpu::ComputePipeline>>,
    /// Bound where a shader's flags say that it reads or writes nothing.
    unread: wgpu::Buffer,
    unwritten: wgpu::Buffer,
    problem: Arc<Mutex<Option<Error>>>,
    /// Why the device was lost, if it was: nothing that it is told any more has an effect.
    lost: Arc<OnceLock<String>>,
}

impl Device {
    /// `minimal`: only what WebGPU promises everywhere.
    pub fn open(info: AdapterInfo, adapter: &wgpu::Adapter, minimal: bool) -> Result<Device> {
        let mut limits = wgpu::Limits::default();
        let mut features = wgpu::Features::empty();
        if !minimal {
            limits.max_storage_buffer_binding_size = adapter.limits().max_storage_buffer_binding_size;
            limits.max_buffer_size = adapter.limits().max_buffer_size;
            features |= adapter.features() & (wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY);
        }
        let sizes = adapter.get_info();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("unet-lens"),
            required_features: features,
            required_limits: limits,
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::Device(format!("the GPU {} cannot be opened: {e}", info.name)))?;
        let problem: Arc<Mutex<Option<Error>>> = Arc::default();
        let note = |problem: &Mutex<Option<Error>>, error| {
            problem.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(error);
        };
        let name = info.name.clone();
        let slot = problem.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            note(&slot, match error {
                wgpu::Error::OutOfMemory { .. } => Error::Memory(format!(
                    "the GPU {name} has no memory left for this job: climb fewer filters at once or make the picture smaller"
                )),
                other => Error::Device(format!("the GPU {name} refused an order: {other}")),
            });
        }));
        let lost: Arc<OnceLock<String>> = Arc::default();
        let why = lost.clone();
        device.set_device_lost_callback(move |_, message| {
            let _ = why.set(message);
        });
        let empty = |label| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: 16,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        };
        Ok(Device {
            subgroups_of_8: features.contains(wgpu::Features::SUBGROUP)
                && sizes.subgroup_min_size == 8
                && sizes.subgroup_max_size == 8,
            unread: empty("unread"),
            unwritten: empty("unwritten"),
            modules: [const { OnceLock::new() }; Shader::ALL.len()],
            pipelines: Mutex::default(),
            info,
            device,
            queue,
            problem,
            lost,
        })
    }

    /// What went wrong since the last time, if anything did.
    pub fn check(&self) -> Result<()> {
        let problem = self.problem.lock().unwrap_or_else(|e| e.into_inner()).take();
        match self.lost.get() {
            Some(why) => Err(Error::Device(format!(
                "the GPU {} was lost ({why}): start again, with fewer filters at once or on the CPU",
                self.info.name
            ))),
            None => problem.map_or(Ok(()), Err),
        }
    }

    /// Makes an end of all that was done before, so that what went wrong there is not taken for a fault of what comes.
    ///
    /// # Errors
    /// If the device was lost.
    pub fn begin_anew(&self) -> Result<()> {
        let _ = self.device.poll(wgpu::PollType::Wait { submission_index: None, timeout: None });
        let _ = self.check();
        self.check()
    }

    /// The most bytes that one tensor may have.
    pub fn largest_binding(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// # Errors
    /// If no buffer of that size can be bound.
    pub fn buffer(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let largest = self.largest_binding();
        if bytes > largest {
            return Err(Error::Memory(format!(
                "{label} would need {}, but the GPU {} binds {} at most: climb fewer filters at once or make the \
                 picture smaller",
                data_size(bytes),
                self.info.name,
                data_size(largest)
            )));
        }
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size: bytes.max(16), usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        self.check().map_err(|error| match error {
            Error::Memory(text) => Error::Memory(format!("{label} needs {}: {text}", data_size(bytes))),
            error => error,
        })?;
        Ok(buffer)
    }

    /// A buffer with these contents.
    pub fn constant(&self, label: &str, bytes: &[u8], usage: wgpu::BufferUsages) -> Result<wgpu::Buffer> {
        let buffer = self.buffer(label, bytes.len() as u64, usage | wgpu::BufferUsages::COPY_DST)?;
        self.queue.write_buffer(&buffer, 0, bytes);
        Ok(buffer)
    }

    /// A texture with these numbers, four to a texel, row by row.
    ///
    /// # Errors
    /// If no texture holds so many.
    pub fn texture(&self, label: &str, numbers: &[f32]) -> Result<wgpu::TextureView> {
        let (rows, rest) = (numbers.len() as u64 / 4 / TEXTURE, numbers.len() as u64 / 4 % TEXTURE);
        if rows + rest.min(1) > TEXTURE {
            return Err(Error::Memory(format!(
                "{label} has {} values, but the GPU {} reads {} at most: run on the CPU",
                numbers.len(),
                self.info.name,
                TEXTURE * TEXTURE * 4
            )));
        }
        let extent = |width: u64, height: u64| wgpu::Extent3d {
            width: width as u32,
            height: height as u32,
            depth_or_array_layers: 1,
        };
        let texture = self.device.create_texture(&wgpu::TextureDescriptor {
            label: Some(label),
            size: extent(TEXTURE, (rows + rest.min(1)).max(1)),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let (whole, last) = numbers.split_at((rows * TEXTURE * 4) as usize);
        for (values, row, size) in [(whole, 0, extent(TEXTURE, rows)), (last, rows, extent(rest, 1))] {
            if !values.is_empty() {
                let origin = wgpu::Origin3d { x: 0, y: row as u32, z: 0 };
                let layout = wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(TEXTURE as u32 * 16),
                    rows_per_image: None,
                };
                let to = wgpu::TexelCopyTextureInfo { origin, ..texture.as_image_copy() };
                self.queue.write_texture(to, bytemuck::cast_slice(values), layout, size);
            }
        }
        self.check()?;
        Ok(texture.create_view(&Default::default()))
    }

    fn module(&self, shader: Shader) -> &Module {
        self.modules[shader as usize].get_or_init(|| {
            let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(&format!("{shader:?}")),
                source: wgpu::ShaderSource::Wgsl(shader.source().into()),
            });
            let entry = |binding: usize, ty| wgpu::BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty,
                count: None,
            };
            let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
            let mut entries = vec![entry(0, buffer(wgpu::BufferBindingType::Uniform))];
            entries.extend(shader.bindings().iter().enumerate().map(|(i, &access)| {
                entry(
                    i + 1,
                    match access {
                        Access::Write => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
                        Access::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
                        Access::Fetch => wgpu::BindingType::Texture {
                            sample_type: wgpu::TextureSampleType::Float { filterable: false },
                            view_dimension: wgpu::TextureViewDimension::D2,
                            multisampled: false,
                        },
                    },
                )
            }));
            let bindings = self
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
            let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(&bindings)],
                immediate_size: 0,
            });
            Module { module, bindings, layout }
        })
    }

    /// Compiles, in parallel, those of the pipelines that are not there yet.
    pub fn compile<'k>(&self, keys: impl Iterator<Item = &'k PipelineKey>) -> Result<()> {
        let known = |key: &&PipelineKey| self.pipelines().contains_key(*key);
        let mut missing: Vec<&PipelineKey> = vec![];
        for key in keys {
            if !known(&key) && !missing.contains(&key) {
                missing.push(key);
            }
        }
        let compiled: Vec<(PipelineKey, wgpu::ComputePipeline)> =
            missing.into_par_iter().map(|key| (key.clone(), self.build(key))).collect();
        self.check()?;
        self.pipelines().extend(compiled);
        Ok(())
    }

    fn pipelines(&self) -> std::sync::MutexGuard<'_, HashMap<PipelineKey, wgpu::ComputePipeline>> {
        self.pipelines.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn build(&self, key: &PipelineKey) -> wgpu::ComputePipeline {
        let module = self.module(key.shader);
        let constants: Vec<(&str, f64)> = key.overrides.iter().map(|&(name, value)| (name, value.into())).collect();
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(key.entry),
            layout: Some(&module.layout),
            module: &module.module,
            entry_point: Some(key.entry),
            compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
            cache: None,
        })
    }

    /// # Panics
    /// If it has not been compiled.
    pub fn pipeline(&self, key: &PipelineKey) -> wgpu::ComputePipeline {
        self.pipelines()[key].clone()
    }

    /// `resources`: for bindings 1, 2, ...; none where the shader's flags say that it is not used.
    pub fn bind(
        &self,
        shader: Shader,
        params: wgpu::BufferBinding<'_>,
        resources: &[Option<&Resource>],
    ) -> wgpu::BindGroup {
        let accesses = shader.bindings();
        assert_eq!(accesses.len(), resources.len(), "{shader:?}");
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        entries.extend(accesses.iter().zip(resources).enumerate().map(|(i, (access, resource))| {
            let resource = match (resource, access) {
                (Some(Resource::Buffer(buffer)), _) => buffer.as_entire_binding(),
                (Some(Resource::Texture(view)), _) => wgpu::BindingResource::TextureView(view),
                (None, Access::Write) => self.unwritten.as_entire_binding(),
                (None, Access::Read | Access::Fetch) => self.unread.as_entire_binding(),
            };
            wgpu::BindGroupEntry { binding: i as u32 + 1, resource }
        }));
        let layout = &self.module(shader).bindings;
        self.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
    }

    /// Waits until everything up to that submission (or everything) is done.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let polled = self.device.poll(wgpu::PollType::Wait { submission_index: submission, timeout: None });
        self.check()?;
        polled.map(|_| ()).map_err(|e| Error::Device(format!("the GPU {} does not answer: {e}", self.info.name)))
    }

    /// The contents of a buffer, or of the front of it.
    pub fn read(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<f32>> {
        let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
        let staging = self.buffer("what is read back", bytes, usage)?;
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes);
        self.queue.submit([encoder.finish()]);
        let (done, mapped) = std::sync::mpsc::channel();
        staging.slice(..bytes).map_async(wgpu::MapMode::Read, move |result| {
            // Nobody listens any more if waiting failed.
            let _ = done.send(result);
        });
        self.wait(None)?;
        let lost = || Error::Device(format!("the GPU {} did not give its result back", self.info.name));
        mapped.recv().map_err(|_| lost())?.map_err(|_| lost())?;
        let view = staging.slice(..bytes).get_mapped_range().map_err(|_| lost())?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }
}
