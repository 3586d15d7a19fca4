//! Which GPUs there are, and which one is taken.

use crate::{Error, Result};
use serde::Serialize;
use std::sync::OnceLock;

/// A GPU (or a program that stands in for one), for people to choose from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdapterInfo {
    /// "NVIDIA GeForce RTX 4070", "llvmpipe (LLVM 15.0.6, 256 bits)".
    pub name: String,
    /// "Vulkan", "Metal" or "Dx12".
    pub backend: String,
    pub kind: AdapterKind,
    /// The driver's name and version, as far as it tells.
    pub driver: String,
}

/// In the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    Discrete,
    Integrated,
    Virtual,
    Other,
    /// Runs on the CPU.
    Software,
}

impl std::fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.pad(match self {
            AdapterKind::Discrete => "discrete",
            AdapterKind::Integrated => "integrated",
            AdapterKind::Virtual => "virtual",
            AdapterKind::Other => "unknown kind",
            AdapterKind::Software => "software",
        })
    }
}

impl From<wgpu::AdapterInfo> for AdapterInfo {
    fn from(info: wgpu::AdapterInfo) -> AdapterInfo {
        AdapterInfo {
            name: info.name,
            backend: format!("{:?}", info.backend),
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
                wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
                wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
                wgpu::DeviceType::Other => AdapterKind::Other,
                wgpu::DeviceType::Cpu => AdapterKind::Software,
            },
            driver: [info.driver, info.driver_info].join(" ").trim().to_string(),
        }
    }
}

/// All adapters, the preferred one first.
pub fn adapters() -> Vec<AdapterInfo> {
    found().iter().map(|(info, _)| info.clone()).collect()
}

/// Looks once.
fn found() -> &'static [(AdapterInfo, wgpu::Adapter)] {
    static FOUND: OnceLock<Vec<(AdapterInfo, wgpu::Adapter)>> = OnceLock::new();
    FOUND.get_or_init(look)
}

fn look() -> Vec<(AdapterInfo, wgpu::Adapter)> {
    // Some drivers complain on stderr of displays that nobody asked for.
    #[cfg(unix)]
    let _quiet = gag::Gag::stderr();
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    // Neither validation layers nor the loader's messages: they are for graphics programmers.
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let mut found: Vec<_> = adapters.into_iter().map(|adapter| (adapter.get_info().into(), adapter)).collect();
    found.retain(|(_, adapter)| {
        adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    });
    found.sort_by_key(|(info, _): &(AdapterInfo, _)| info.kind);
    found
}

/// The adapter whose number in [`adapters`] or part of whose name is `which`; without a choice the preferred one.
pub(super) fn choose(which: Option<&str>) -> Result<(AdapterInfo, wgpu::Adapter)> {
    let found = found();
    if found.is_empty() {
        return Err(Error::Device(
            "there is no GPU adapter. Install your graphics card's driver with Vulkan, Metal or DirectX 12 support; or a \
             software adapter (on Debian and Ubuntu: apt-get install mesa-vulkan-drivers); or run on the CPU"
                .to_string(),
        ));
    }
    let Some(which) = which else { return Ok(found[0].clone()) };
    let names: Vec<String> = found.iter().enumerate().map(|(i, (info, _))| format!("{i}: {}", info.name)).collect();
    let named = |info: &AdapterInfo| info.name.to_lowercase().contains(&which.to_lowercase());
    let place = match which.parse::<usize>() {
        Ok(i) if i < found.len() => Some(i),
        _ => found.iter().position(|(info, _)| named(info)),
    };
    match place {
        Some(i) => Ok(found[i].clone()),
        None => Err(Error::Device(format!("there is no GPU adapter \"{which}\"; there is {}", names.join(", ")))),
    }
}
