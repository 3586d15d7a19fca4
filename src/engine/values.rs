//! Numbers in memory: many of them lie in large pages, where the system has some.
//!
//! A processor knows the places of some hundreds of pages. A kernel of 1024 by 1024 channels lies in 9,000 pages of 4 KiB, and each
//! of its rows in another one; in pages of 2 MiB it lies in 18.

use std::ops::Deref;
use std::sync::Arc;

/// f32s, many of which lie in large pages.
#[derive(Debug)]
pub enum Memory {
    Heap(Vec<f32>),
    /// Straight from the system, in pages of 2 MiB if it has some.
    #[cfg(target_os = "linux")]
    LargePages(memmap2::MmapMut),
}

impl Memory {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Memory {
        #[cfg(target_os = "linux")]
        {
            const LARGE_PAGE: usize = 2 << 20;
            let bytes = len.saturating_mul(size_of::<f32>());
            if bytes >= 2 * LARGE_PAGE
                && let Ok(map) = memmap2::MmapMut::map_anon(bytes)
            {
                // Where there are no large pages this fails, and small ones do.
                let _ = map.advise(memmap2::Advice::HugePage);
                return Memory::LargePages(map);
            }
        }
        Memory::Heap(vec![0.0; len])
    }

    pub fn values(&self) -> &[f32] {
        match self {
            Memory::Heap(values) => values,
            #[cfg(target_os = "linux")]
            Memory::LargePages(map) => bytemuck::cast_slice(map),
        }
    }

    pub fn values_mut(&mut self) -> &mut [f32] {
        match self {
            Memory::Heap(values) => values,
            #[cfg(target_os = "linux")]
            Memory::LargePages(map) => bytemuck::cast_slice_mut(map),
        }
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::Heap(vec![])
    }
}

/// f32s that do not change, as a network's weights; copies share them.
#[derive(Debug, Clone, Default)]
pub struct Values(Arc<Memory>);

impl Values {
    /// `len` values, which `fill` writes into zeros.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn filled<E>(len: usize, fill: impl FnOnce(&mut [f32]) -> Result<(), E>) -> Result<Values, E> {
        let mut memory = Memory::zeros(len);
        fill(memory.values_mut())?;
        Ok(Values(Arc::new(memory)))
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.values()
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        **self == **other
    }
}

impl From<&[f32]> for Values {
    fn from(values: &[f32]) -> Values {
        let mut memory = Memory::zeros(values.len());
        memory.values_mut().copy_from_slice(values);
        Values(Arc::new(memory))
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Values {
        Values(Arc::new(Memory::Heap(values)))
    }
}

impl<const N: usize> From<[f32; N]> for Values {
    fn from(values: [f32; N]) -> Values {
        Vec::from(values).into()
    }
}

impl FromIterator<f32> for Values {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Values {
        Vec::from_iter(values).into()
    }
}
