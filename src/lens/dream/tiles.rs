//! Pictures that are too large to be climbed at once: the gradient tile by tile.
//!
//! ```text
//!   |<- margin ->|<---- core ---->|<- margin ->|
//!   +------------+----------------+------------+      a tile; of its gradient only the core is used
//!                                 |<---- core ---->|  the next tile's core; the tiles overlap by two margins
//! ```
//!
//! What a pixel's gradient depends on ends somewhere: at twice the layer's reach, since the pixel moves outputs that far
//! away, and they look as far again. With a margin of that much the cores' gradients are what the whole picture's would be.
//! Where such a margin would leave too little of a tile, it is smaller; then cores differ a little from the whole at
//! their edges, and so the edges lie elsewhere in every step.
//!
//! Pools must cut a tile as they cut the whole: tiles lie multiples of what the pools divide apart. Their size is one that the
//! network takes, which in a network without padding is no multiple (188, 204, 220 ...).

use crate::engine::ops::Window;
use crate::network::{Border, Convolution, Kind, Network, Size, unet};
use crate::{Error, Result};

/// The size of the picture, padded to what fits the network, and that of the tiles.
pub(super) struct Sizes {
    pub whole: Window,
    pub tile: Window,
}

impl Sizes {
    /// For tiles of at most `most` rows and columns, if the network takes any that small. A picture that the network takes in no
    /// padded size is climbed in tiles of the network's own size.
    ///
    /// # Errors
    /// If the network cannot be built.
    pub fn new(network: &Network, layer: usize, (h, w): (usize, usize), most: usize) -> Result<Sizes> {
        let multiple = unet::size_multiple(network);
        let smaller = |whole: usize, multiple: usize| {
            let over = whole.saturating_sub(most).div_ceil(multiple) * multiple;
            if over < whole { whole - over } else { whole - (whole - 1) / multiple * multiple }
        };
        match unet::fitting(network, &[layer], (h, w)) {
            Ok((h, w)) => {
                let tile = (smaller(h, multiple.h), smaller(w, multiple.w));
                let (tile_h, tile_w) = unet::fitting(network, &[layer], tile)?;
                let fits =
                    (h - tile_h.min(h)).is_multiple_of(multiple.h) && (w - tile_w.min(w)).is_multiple_of(multiple.w);
                let tile = if fits { Window::new(tile_h.min(h), tile_w.min(w)) } else { Window::new(h, w) };
                Ok(Sizes { whole: Window::new(h, w), tile })
            }
            Err(Error::Usage(_)) => {
                let own = unet::image_shape(network, &[layer], None)?;
                let larger = |side: usize, own: usize, multiple: usize| {
                    own + side.saturating_sub(own).div_ceil(multiple) * multiple
                };
                let whole = Window::new(larger(h, own.h, multiple.h), larger(w, own.w, multiple.w));
                Ok(Sizes { whole, tile: Window::new(own.h, own.w) })
            }
            Err(other) => Err(other),
        }
    }
}

/// Rows and columns of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// The size of one tile.
    pub size: Window,
    /// Around the core; no axis has any along which one tile is enough.
    pub margin: Window,
    /// Rows and columns of a core: as far as one tile is from the next, so that pools divide all of them alike.
    pub core: Window,
}

/// Where one tile lies along one axis, and which part of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    /// The core's first pixel and the one behind its last, counted in the picture.
    pub core: (usize, usize),
}

impl Tiling {
    /// Tiles of `size` for a picture of `whole`, which is larger by multiples of `multiple` or as large.
    pub fn new(whole: Window, size: Window, multiple: Window, reach: usize) -> Tiling {
        let margin = |whole: usize, size: usize, multiple: usize| {
            let margin = (2 * reach).next_multiple_of(multiple).min(size / 4 / multiple * multiple);
            if size < whole { margin } else { 0 }
        };
        let (h, w) = (margin(whole.h, size.h, multiple.h), margin(whole.w, size.w, multiple.w));
        // The size of a network without padding is no multiple.
        let core = |size: usize, margin: usize, multiple: usize| {
            let inside = size - 2 * margin;
            if inside < multiple { inside } else { inside / multiple * multiple }
        };
        let core = Window::new(core(size.h, h, multiple.h), core(size.w, w, multiple.w));
        Tiling { size, margin: Window::new(h, w), core }
    }

    /// The tiles of a picture of `whole`, each a span of rows and one of columns. The first cores end at `first` (or at the
    /// picture's end), which is a multiple of what the pools divide, above 0.
    pub fn tiles(&self, whole: Window, first: Window) -> Vec<(Span, Span)> {
        let core = self.core;
        let rows = spans(whole.h, self.size.h, self.margin.h, core.h, first.h);
        let columns = spans(whole.w, self.size.w, self.margin.w, core.w, first.w);
        rows.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column))).collect()
    }
}

fn spans(whole: usize, size: usize, margin: usize, core: usize, first: usize) -> Vec<Span> {
    if size >= whole {
        return vec![Span { start: 0, core: (0, whole) }];
    }
    let mut spans = vec![];
    let (mut at, mut end) = (0, first.min(core));
    while at < whole {
        end = end.min(whole);
        spans.push(Span { start: at.saturating_sub(margin).min(whole - size), core: (at, end) });
        (at, end) = (end, end + core);
    }
    spans
}

/// An output that can see this far sees all of any picture.
const FARTHEST: usize = 1 << 30;

/// How many pixels of the image away, along an axis, an output of `layer` can still see, at most.
pub fn reach(network: &Network, layer: usize) -> usize {
    let axis = |side: fn(Window) -> usize| {
        // For each layer: how far it sees, and how many pixels of the image its own pixels are apart.
        let mut known: Vec<(usize, usize)> = vec![];
        for l in &network.layers[..=layer] {
            let seen = l.inputs.iter().map(|&x| known[x].0).max().unwrap_or(0);
            let apart = l.inputs.first().map_or(1, |&x| known[x].1);
            let sees = |pixels: usize| seen.saturating_add(pixels.saturating_mul(apart));
            let of = |conv: &Convolution| side(Window::new(conv.kernel.kh, conv.kernel.kw)).saturating_sub(1);
            known.push(match &l.kind {
                Kind::Conv2d { conv, .. } | Kind::Separable { depthwise: conv, .. } => {
                    let reach = of(conv).saturating_mul(side(conv.dilation));
                    let stride = side(conv.stride);
                    // In the middle of its window, but for a stride, which may cut it off anywhere.
                    (sees(if stride == 1 { reach.div_ceil(2) } else { reach }), apart.saturating_mul(stride))
                }
                Kind::ConvTranspose { conv, .. } => {
                    let stride = side(conv.stride);
                    (sees(of(conv).saturating_mul(side(conv.dilation)) / stride + 1), (apart / stride).max(1))
                }
                Kind::Pool { window, stride, .. } => (sees(side(*window) - 1), apart.saturating_mul(side(*stride))),
                Kind::SpaceToDepth(block) => (sees(block - 1), apart.saturating_mul(*block)),
                Kind::Upsample { h, w } => (sees(1), (apart / side(Window::new(*h, *w))).max(1)),
                Kind::Resize { to: Size::Factor(factor), .. } => (sees(1), (apart / side(*factor)).max(1)),
                Kind::DepthToSpace(block) => (sees(1), (apart / block).max(1)),
                // These may see the whole image.
                Kind::Resize { to: Size::Pixels(_), .. }
                | Kind::LayerNorm { .. }
                | Kind::GroupNorm { .. }
                | Kind::UnitNorm { .. }
                | Kind::Softmax { .. }
                | Kind::Reduce { .. }
                | Kind::Slice(_)
                | Kind::Reshape(_)
                | Kind::Flatten
                | Kind::Permute(_)
                | Kind::ExpandDims(_)
                | Kind::Squeeze(_)
                | Kind::Pad { with: Border::Reflect | Border::Symmetric, .. } => (usize::MAX, apart),
                Kind::Concat { axis } if !matches!(axis, -1 | 1 | 3) => (usize::MAX, apart),
                Kind::Input { .. }
                | Kind::Refused { .. }
                | Kind::Identity
                | Kind::Dense { .. }
                | Kind::BatchNorm { .. }
                | Kind::Linear { .. }
                | Kind::Activation(_)
                | Kind::PRelu { .. }
                | Kind::Crop(_)
                | Kind::Pad { with: Border::Zeros, .. }
                | Kind::Concat { .. }
                | Kind::Repeat(_)
                | Kind::Merge(_) => (seen, apart),
            });
        }
        known[layer].0.min(FARTHEST)
    };
    axis(|w| w.h).max(axis(|w| w.w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_cover_the_picture_once_and_lie_inside_their_tiles_with_their_margins() {
        // The last two as in a network without padding: sizes that are no multiples.
        for (whole, side, reach) in
            [(64, 64, 9), (64, 32, 3), (160, 48, 100), (176, 32, 2), (32, 16, 40), (164, 36, 5), (68, 44, 30)]
        {
            let whole = Window::new(whole, whole + 16);
            let tiling = Tiling::new(whole, Window::new(side, side), Window::new(8, 8), reach);
            for first in [8, 16, 24] {
                let mut seen = vec![0; whole.h * whole.w];
                for (row, column) in tiling.tiles(whole, Window::new(first, first)) {
                    for (span, size, margin, whole) in [
                        (row, tiling.size.h, tiling.margin.h, whole.h),
                        (column, tiling.size.w, tiling.margin.w, whole.w),
                    ] {
                        assert!(span.start + size <= whole);
                        assert!(span.start <= span.core.0.saturating_sub(margin), "{span:?}");
                        assert!(span.start + size >= (span.core.1 + margin).min(whole), "{span:?}");
                        assert_eq!(span.start % 8, 0, "pools would cut it elsewhere");
                    }
                    for (y, x) in
                        (row.core.0..row.core.1).flat_map(|y| (column.core.0..column.core.1).map(move |x| (y, x)))
                    {
                        seen[y * whole.w + x] += 1;
                    }
                }
                assert!(seen.iter().all(|&times| times == 1));
            }
        }
    }
}
