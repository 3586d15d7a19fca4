//! The shaders, and what each binds.

/// A file in `shaders/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shader {
    Same,
    Sigmoid,
    Pointwise,
    Sum,
    MaxPool,
    Unpool,
    Upsample,
    Concat,
    Slice,
    Reshape,
    Broadcast,
    Mean,
    Ascent,
    Adam,
    Roll,
    TotalVariation,
    Transform,
    Conv2d,
    Conv2dSubgroup,
    Winograd,
    Fma,
}

/// How a shader uses a storage buffer, or a texture in place of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Read,
    /// Reads a texture of vec4s.
    Fetch,
}

use Access::{Fetch, Read, Write};

/// Quads per pixel.
pub(super) fn quads(channels: usize) -> usize {
    channels.div_ceil(4)
}

/// A shader's file with the prelude in front of it.
macro_rules! with_epilogue {
    ($file:literal) => {
        concat!(include_str!("../../../../shaders/prelude.wgsl"), include_str!($file))
    };
}

/// A convolution shader's files with the prelude and their settings in front of them.
macro_rules! convolution {
    ($($file:literal),+) => {
        concat!(
            include_str!("../../../../shaders/prelude.wgsl"),
            include_str!("../../../../shaders/conv2d_params.wgsl"),
            $(include_str!($file)),+
        )
    };
}

/// A shader's file with the functions like exp in front of it.
macro_rules! with_functions {
    ($file:literal) => {
        concat!(include_str!("../../../../shaders/functions.wgsl"), include_str!($file))
    };
}

impl Shader {
    pub const ALL: [Shader; 21] = [
        Shader::Same,
        Shader::Sigmoid,
        Shader::Pointwise,
        Shader::Sum,
        Shader::MaxPool,
        Shader::Unpool,
        Shader::Upsample,
        Shader::Concat,
        Shader::Slice,
        Shader::Reshape,
        Shader::Broadcast,
        Shader::Mean,
        Shader::Ascent,
        Shader::Adam,
        Shader::Roll,
        Shader::TotalVariation,
        Shader::Transform,
        Shader::Conv2d,
        Shader::Conv2dSubgroup,
        Shader::Winograd,
        Shader::Fma,
    ];

    pub fn source(self) -> &'static str {
        match self {
            Shader::Same => with_epilogue!("../../../../shaders/same.wgsl"),
            Shader::Sigmoid => include_str!("../../../../shaders/sigmoid.wgsl"),
            Shader::Pointwise => with_functions!("../../../../shaders/pointwise.wgsl"),
            Shader::Sum => with_functions!("../../../../shaders/sum.wgsl"),
            Shader::MaxPool => include_str!("../../../../shaders/max_pool.wgsl"),
            Shader::Unpool => with_epilogue!("../../../../shaders/unpool.wgsl"),
            Shader::Upsample => include_str!("../../../../shaders/upsample.wgsl"),
            Shader::Concat => include_str!("../../../../shaders/concat.wgsl"),
            Shader::Slice => include_str!("../../../../shaders/slice.wgsl"),
            Shader::Reshape => include_str!("../../../../shaders/reshape.wgsl"),
            Shader::Broadcast => include_str!("../../../../shaders/broadcast.wgsl"),
            Shader::Mean => include_str!("../../../../shaders/mean.wgsl"),
            Shader::Ascent => include_str!("../../../../shaders/ascent.wgsl"),
            Shader::Adam => include_str!("../../../../shaders/adam.wgsl"),
            Shader::Roll => include_str!("../../../../shaders/roll.wgsl"),
            Shader::TotalVariation => include_str!("../../../../shaders/total_variation.wgsl"),
            Shader::Transform => include_str!("../../../../shaders/transform.wgsl"),
            Shader::Conv2d => {
                convolution!("../../../../shaders/conv2d.wgsl", "../../../../shaders/conv2d_few_threads.wgsl")
            }
            Shader::Conv2dSubgroup => convolution!("../../../../shaders/conv2d_subgroup.wgsl"),
            Shader::Winograd => with_epilogue!("../../../../shaders/winograd.wgsl"),
            Shader::Fma => include_str!("../../../../shaders/fma.wgsl"),
        }
    }

    /// Bindings 1, 2, ...; binding 0 is the uniform `Params`.
    pub fn bindings(self) -> &'static [Access] {
        match self {
            Shader::Fma => &[Write],
            Shader::Upsample | Shader::Concat | Shader::Slice | Shader::Reshape | Shader::Sum | Shader::Mean => {
                &[Write, Read]
            }
            Shader::Sigmoid
            | Shader::Pointwise
            | Shader::Broadcast
            | Shader::Ascent
            | Shader::Roll
            | Shader::TotalVariation
            | Shader::Transform => &[Write, Read, Read],
            Shader::MaxPool => &[Write, Write, Read, Read],
            Shader::Adam => &[Write, Read, Read, Read, Read],
            Shader::Same | Shader::Winograd => &[Write, Write, Read, Read, Read, Read],
            Shader::Unpool | Shader::Conv2d => &[Write, Write, Read, Read, Read, Read, Read],
            Shader::Conv2dSubgroup => &[Write, Write, Read, Fetch, Read, Read, Read],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::*;
    use super::*;
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    fn params_size(shader: Shader) -> usize {
        match shader {
            Shader::Same => size_of::<SameParams>(),
            Shader::Pointwise => size_of::<PointwiseParams>(),
            Shader::Sum => size_of::<SumParams>(),
            Shader::Unpool => size_of::<UnpoolParams>(),
            Shader::Slice => size_of::<SliceParams>(),
            Shader::Reshape => size_of::<ReshapeParams>(),
            Shader::Broadcast => size_of::<BroadcastParams>(),
            Shader::Sigmoid => size_of::<SigmoidParams>(),
            Shader::MaxPool => size_of::<MaxPoolParams>(),
            Shader::Upsample => size_of::<UpsampleParams>(),
            Shader::Concat => size_of::<ConcatParams>(),
            Shader::Mean => size_of::<MeanParams>(),
            Shader::Ascent => size_of::<AscentParams>(),
            Shader::Adam => size_of::<AdamParams>(),
            Shader::Roll => size_of::<RollParams>(),
            Shader::TotalVariation => size_of::<TotalVariationParams>(),
            Shader::Transform => size_of::<TransformParams>(),
            Shader::Conv2d | Shader::Conv2dSubgroup => size_of::<Conv2dParams>(),
            Shader::Winograd => size_of::<WinogradParams>(),
            Shader::Fma => size_of::<FmaParams>(),
        }
    }

    #[test]
    fn every_shader_is_valid_and_has_the_params_and_bindings_that_rust_gives_it() {
        for shader in Shader::ALL {
            let module = naga::front::wgsl::parse_str(shader.source()).unwrap_or_else(|e| panic!("{shader:?}: {e}"));
            let needs = match shader {
                Shader::Conv2dSubgroup => Capabilities::SUBGROUP,
                _ => Capabilities::empty(),
            };
            let mut validator = Validator::new(ValidationFlags::all(), needs);
            validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE);
            validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
            validator.validate(&module).unwrap_or_else(|e| panic!("{shader:?}: {e:?}"));
            let mut layouter = naga::proc::Layouter::default();
            layouter.update(module.to_ctx()).unwrap();
            for (_, variable) in module.global_variables.iter() {
                let Some(binding) = variable.binding else { continue };
                match variable.space {
                    naga::AddressSpace::Uniform => {
                        assert_eq!(binding.binding, 0, "{shader:?}");
                        assert_eq!(layouter[variable.ty].size as usize, params_size(shader), "{shader:?}: Params");
                    }
                    naga::AddressSpace::Storage { access } => {
                        let expected = shader.bindings()[binding.binding as usize - 1];
                        let writes = access.contains(naga::StorageAccess::STORE);
                        assert_eq!(writes, expected == Write, "{shader:?}: binding {}", binding.binding);
                    }
                    naga::AddressSpace::Handle => {
                        assert_eq!(shader.bindings()[binding.binding as usize - 1], Fetch, "{shader:?}");
                    }
                    other => panic!("{shader:?}: a binding in {other:?}"),
                }
            }
        }
    }

    /// The other compiler of WGSL, which browsers use, is stricter here and there.
    #[test]
    fn every_shader_is_accepted_by_tint() {
        let folder = tempfile::tempdir().unwrap();
        for shader in Shader::ALL {
            // naga needs no word for subgroup operations, and knows none.
            let extension = if shader == Shader::Conv2dSubgroup { "enable subgroups;\n" } else { "" };
            let path = folder.path().join(format!("{shader:?}.wgsl"));
            std::fs::write(&path, format!("{extension}{}", shader.source())).unwrap();
            let tint = std::process::Command::new("tint").args(["--format", "wgsl"]).arg(&path).output();
            let output = match tint {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    eprintln!("skipped: there is no tint on the PATH (https://dawn.googlesource.com/dawn)");
                    return;
                }
                other => other.unwrap(),
            };
            assert!(output.status.success(), "{shader:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// WebGPU promises 8 storage buffers to a shader.
    #[test]
    fn no_shader_binds_more_than_is_promised() {
        let promised = wgpu::Limits::default().max_storage_buffers_per_shader_stage as usize;
        assert!(Shader::ALL.iter().all(|shader| shader.bindings().len() <= promised));
    }
}
