//! Pools, and what changes sizes and shapes.

use super::{Builder, Value};
use crate::engine::graph::NodeId;
use crate::engine::ops::{self, Axes, Axis, Conv2d, Matrix, Sampling, Sides, Window};
use crate::engine::tensor::Shape;
use crate::network::{Border, Interpolation, Padding, Part, Pool, Reduction, Size};
use crate::{Error, Result};

impl Builder<'_> {
    pub(super) fn pool(
        &mut self,
        x: Value,
        pool: Pool,
        window: Window,
        stride: Window,
        padding: Padding,
    ) -> Result<Value> {
        let s = self.image(x)?;
        let pad = padding.sides(s.h, s.w, window, stride, Window::ONE);
        let windows = ops::Pool { window, stride, pad }.trimmed(s);
        let window = windows.window;
        if pool == Pool::Average {
            // The mean is put together from a kernel of ones and a map of how many pixels each window has.
            self.hold(window.h.saturating_mul(window.w).saturating_mul(s.c))?;
            self.hold(s.h.saturating_mul(s.w))?;
        }
        self.with_node(x, |b, x| match pool {
            Pool::Max => b.graph.max_pool(b.name, x, windows),
            Pool::Average => b.graph.average_pool(b.name, x, windows),
        })
    }

    pub(super) fn upsample(&mut self, x: Value, h: usize, w: usize) -> Result<Value> {
        self.image(x)?;
        self.with_node(x, |b, x| b.graph.upsample(b.name, x, Window::new(h, w)))
    }

    /// TensorFlow's `tf.image.resize`.
    pub(super) fn resize(&mut self, x: Value, to: Size, by: Interpolation) -> Result<Value> {
        let s = self.image(x)?;
        let to = match to {
            Size::Pixels(size) => size,
            Size::Factor(factor) => Window::new(s.h.saturating_mul(factor.h), s.w.saturating_mul(factor.w)),
        };
        let sampling = match by {
            Interpolation::Nearest => Sampling::Nearest,
            Interpolation::Bilinear => Sampling::Bilinear,
            Interpolation::BilinearFromCorners => Sampling::BilinearFromCorner,
        };
        for (n, m) in [(s.h, to.h), (s.w, to.w)] {
            self.hold(m.saturating_mul(n))?;
        }
        self.with_node(x, |b, x| {
            let rows = match to.h == s.h {
                true => x,
                false => {
                    let name = if to.w == s.w { b.name.to_string() } else { b.part("rows") };
                    b.graph.transform(&name, x, Axis::Down, Matrix::resize(s.h, to.h, sampling))?
                }
            };
            match to.w == s.w {
                true => Ok(rows),
                false => b.graph.transform(b.name, rows, Axis::Across, Matrix::resize(s.w, to.w, sampling)),
            }
        })
    }

    /// The rows or columns at these places, in this order.
    fn picked(&mut self, name: &str, x: NodeId, axis: Axis, places: &[usize]) -> Result<NodeId> {
        let s = self.graph.shape(x);
        let n = if axis == Axis::Down { s.h } else { s.w };
        self.hold(places.len().saturating_mul(n))?;
        let mut data = vec![0.0; places.len() * n];
        places.iter().enumerate().for_each(|(row, &place)| data[row * n + place] = 1.0);
        self.graph.transform(name, x, axis, Matrix::new(places.len(), n, data))
    }

    /// Reduces some of the axes to one value.
    pub(super) fn reduce(&mut self, name: &str, x: Value, by: Reduction, axes: &[i64], keep: bool) -> Result<Value> {
        let over = self.axes(x, axes)?;
        let is_over = [over.h, over.w, over.c];
        let kept: Vec<usize> =
            x.places().iter().zip(self.dims(x)).filter(|(p, _)| !is_over[**p]).map(|(_, d)| d).collect();
        if kept.is_empty() && !keep {
            return Err(Error::Usage("one number for an image is left over, which is not supported".to_string()));
        }
        let node = match by {
            Reduction::Mean => self.graph.mean_over(name, x.node, over)?,
            Reduction::Sum => self.graph.sum(name, x.node, over)?,
            Reduction::Max => self.most(name, x.node, over)?,
            Reduction::Min => {
                let minus = self.linear(&self.part("-x"), x.node, -1.0, 0.0)?;
                let most = self.most(&self.part("-y"), minus, over)?;
                self.linear(name, most, -1.0, 0.0)?
            }
        };
        match keep {
            true => Ok(Value { node, ..x }),
            false => self.as_dims(Value { node, ..x }, &kept),
        }
    }

    /// The largest value over the axes, which stay: of a max pool, for which they are laid end to end.
    pub(super) fn most(&mut self, name: &str, x: NodeId, axes: Axes) -> Result<NodeId> {
        let s = self.graph.shape(x);
        let over = [axes.h, axes.w, axes.c];
        let mut order = [0, 1, 2];
        order.sort_by_key(|&place| !over[place]);
        let together = axes.count(s);
        let moved = self.moved(&self.part("axes moved"), x, order)?;
        let rows = Shape { h: together, w: 1, c: s.image_len() / together, ..s };
        let flat = self.shaped(&self.part("in rows"), moved, rows)?;
        let most = self.graph.max_pool(name, flat, Window::new(together, 1))?;
        self.shaped(&self.part("in its shape"), most, axes.summed(s))
    }

    pub(super) fn crop(&mut self, x: Value, sides: Sides) -> Result<Value> {
        let s = self.image(x)?;
        let left = |n: usize, a: usize, b: usize| n.checked_sub(a + b).filter(|&n| n > 0);
        let size = left(s.h, sides.top, sides.bottom).zip(left(s.w, sides.left, sides.right));
        let Some((h, w)) = size else {
            let from = &self.graph[x.node].name;
            return Err(Error::Usage(format!(
                "nothing is left of {from} ({}x{}) when {}+{} rows and {}+{} columns are cut off; take a larger image",
                s.h, s.w, sides.top, sides.bottom, sides.left, sides.right
            )));
        };
        self.with_node(x, |b, x| match (h, w) == (s.h, s.w) {
            true => Ok(x),
            false => b.graph.crop(b.name, x, [sides.top, sides.left, 0], [h, w, s.c]),
        })
    }

    pub(super) fn pad(&mut self, x: Value, sides: Sides, with: Border) -> Result<Value> {
        let s = self.image(x)?;
        let Sides { top, bottom, left, right } = sides;
        let edge = match with {
            Border::Zeros => {
                let size = [s.h + top + bottom, s.w + left + right, s.c];
                return self.with_node(x, |b, x| match size == [s.h, s.w, s.c] {
                    true => Ok(x),
                    false => b.graph.pad(b.name, x, [top, left, 0], size),
                });
            }
            Border::Reflect => 1,
            Border::Symmetric => 0,
        };
        self.hold(s.h.saturating_add(s.w))?;
        // The mirrored rows and columns, each from its place.
        let mirrored = |n: usize, before: usize, after: usize| {
            let fits = before + edge <= n && after + edge <= n;
            let problem = || Error::Usage(format!("{before}+{after} mirrored pixels of {n}; take a larger image"));
            let front = (0..before).rev().map(|i| i + edge);
            let back = (0..after).map(|i| n - 1 - i - edge);
            fits.then(|| front.chain(0..n).chain(back).collect::<Vec<_>>()).ok_or_else(problem)
        };
        self.with_node(x, |b, x| {
            let rows = b.picked(&b.part("rows"), x, Axis::Down, &mirrored(s.h, top, bottom)?)?;
            b.picked(b.name, rows, Axis::Across, &mirrored(s.w, left, right)?)
        })
    }

    pub(super) fn slice(&mut self, x: Value, parts: &[Part]) -> Result<Value> {
        let x = self.in_order(x)?;
        let dims = self.dims(x);
        // The images first, and for ... as many whole axes as it stands for.
        let given = parts.iter().filter(|p| !matches!(p, Part::Rest | Part::New)).count();
        let rest = (dims.len() + 1).checked_sub(given);
        let rest = rest.ok_or_else(|| Error::Usage(format!("{given} parts of a tensor of {} axes", dims.len() + 1)))?;
        let mut all = vec![];
        for &part in parts {
            match part {
                Part::Rest => all.extend([Part::ALL].repeat(rest)),
                part => all.push(part),
            }
        }
        if !parts.contains(&Part::Rest) {
            all.extend([Part::ALL].repeat(rest));
        }
        if all.first() != Some(&Part::ALL) {
            return Err(Error::Usage("a slice of the images is not supported".to_string()));
        }
        let (mut node, mut axis, mut left) = (x.node, 0, vec![]);
        for part in &all[1..] {
            if *part == Part::New {
                left.push(1);
                continue;
            }
            let (n, place) = (dims[axis], x.places()[axis]);
            let stretch = part.stretch(n)?;
            node = self.taken(node, place, n, stretch)?;
            if !matches!(part, Part::Index(_)) {
                left.push(stretch.count);
            }
            axis += 1;
        }
        if left.is_empty() {
            return Err(Error::Usage("one number for an image is left over, which is not supported".to_string()));
        }
        self.as_dims(Value { node, ..x }, &left)
    }

    /// A stretch of the rows, columns or channels (0, 1, 2), which are `n`.
    fn taken(&mut self, x: NodeId, place: usize, n: usize, stretch: Stretch) -> Result<NodeId> {
        let name = self.part(["rows taken", "columns taken", "channels taken"][place]);
        let Stretch { start, step, count } = stretch;
        if stretch == (Stretch { start: 0, step: 1, count: n }) {
            return Ok(x);
        }
        if step == 1 {
            let s = self.graph.shape(x);
            let (mut first, mut size) = ([0; 3], [s.h, s.w, s.c]);
            (first[place], size[place]) = (start, count);
            return self.graph.crop(&name, x, first, size);
        }
        self.hold(count)?;
        let places: Vec<usize> = (0..count as i64).map(|i| (start as i64 + i * step) as usize).collect();
        match place {
            0 => self.picked(&name, x, Axis::Down, &places),
            1 => self.picked(&name, x, Axis::Across, &places),
            _ => {
                let kernel = self.selection(n, &places)?;
                self.graph.conv2d(&name, x, Conv2d::same(kernel, None))
            }
        }
    }

    /// Channel `o` is channel `o / times` of the input.
    pub(super) fn repeat(&mut self, x: Value, times: usize) -> Result<Value> {
        let s = self.image(x)?;
        self.hold(s.c.saturating_mul(times))?;
        let channels: Vec<usize> = (0..s.c * times).map(|o| o / times).collect();
        let kernel = self.selection(s.c, &channels)?;
        self.with_node(x, |b, x| b.graph.conv2d(b.name, x, Conv2d::same(kernel, None)))
    }

    pub(super) fn reshape(&mut self, x: Value, shape: &[i64]) -> Result<Value> {
        let all: usize = self.dims(x).iter().product();
        let known = shape.iter().filter(|&&n| n > 0).try_fold(1usize, |all, &n| all.checked_mul(n as usize));
        let known = known.unwrap_or(usize::MAX);
        let open = if shape.contains(&-1) { all / known } else { 1 };
        if known.checked_mul(open) != Some(all) {
            let from = self.dims(x);
            return Err(Error::Usage(format!(
                "{from:?} cannot be given the shape {shape:?}; take an image of the size that the network was trained with"
            )));
        }
        let dims: Vec<usize> = shape.iter().map(|&n| if n == -1 { open } else { n as usize }).collect();
        self.as_dims(x, &dims)
    }

    /// In the order of rows, columns, channels: the layer has turned its input as its data format says.
    pub(super) fn flatten(&mut self, x: Value) -> Result<Value> {
        let all = self.graph.shape(x.node).image_len();
        self.as_dims(Value { channels_first: false, ..x }, &[all])
    }

    pub(super) fn permute(&mut self, x: Value, order: &[usize]) -> Result<Value> {
        let x = self.in_order(x)?;
        let places = x.places();
        if order.len() != places.len() {
            return Err(Error::Usage(format!("an order of {} axes for {}", order.len(), places.len())));
        }
        let mut moved = [0, 1, 2];
        order.iter().zip(places).for_each(|(&from, &to)| moved[to] = places[from - 1]);
        self.with_node(x, |b, x| b.moved(b.name, x, moved))
    }

    pub(super) fn expand_dims(&mut self, x: Value, axis: i64) -> Result<Value> {
        let mut dims = self.dims(x);
        let count = dims.len() as i64 + 2;
        let at = if axis < 0 { axis + count } else { axis };
        if !(1..count).contains(&at) {
            return Err(Error::Usage(format!("a new axis {axis} of a tensor of {} axes", count - 1)));
        }
        dims.insert(at as usize - 1, 1);
        self.as_dims(x, &dims)
    }

    pub(super) fn squeeze(&mut self, x: Value, axes: &[i64]) -> Result<Value> {
        let x = self.in_order(x)?;
        let dims = self.dims(x);
        let gone = axes.iter().map(|&axis| x.place(axis)).collect::<Result<Vec<_>>>()?;
        let goes = |i: usize| if axes.is_empty() { dims[i] == 1 } else { gone.contains(&x.places()[i]) };
        if let Some(i) = (0..dims.len()).find(|&i| goes(i) && dims[i] != 1) {
            return Err(Error::Usage(format!("axis {} has length {}, not 1", i + 1, dims[i])));
        }
        let mut left: Vec<usize> = (0..dims.len()).filter(|&i| !goes(i)).map(|i| dims[i]).collect();
        if left.is_empty() {
            left.push(1);
        }
        self.as_dims(x, &left)
    }
}

impl Part {
    /// All of an axis.
    pub const ALL: Part = Part::Range { start: None, stop: None, step: 1 };

    /// Which of `n` places, as Python has it.
    fn stretch(self, n: usize) -> Result<Stretch> {
        let problem = |what: String| Err(Error::Usage(format!("{what} of an axis of length {n}")));
        let all = n as i64;
        match self {
            Part::Range { step: 0, .. } => problem("every 0th place".to_string()),
            Part::Range { start, stop, step } => {
                let end = |v: i64| if v < 0 { v + all } else { v };
                let (first, last) = match step > 0 {
                    true => (end(start.unwrap_or(0)).clamp(0, all), stop.map_or(all, end).clamp(0, all)),
                    false => (start.map_or(all - 1, end).clamp(-1, all - 1), stop.map_or(-1, end).clamp(-1, all - 1)),
                };
                let span = if step > 0 { last - first } else { first - last };
                match usize::try_from(first).ok().filter(|_| span > 0) {
                    Some(start) => {
                        let count = (span as u64).div_ceil(step.unsigned_abs()) as usize;
                        Ok(Stretch { start, step: if count == 1 { 1 } else { step }, count })
                    }
                    None => problem("nothing is left".to_string()),
                }
            }
            Part::Index(i) => match usize::try_from(if i < 0 { i + all } else { i }) {
                Ok(start) if start < n => Ok(Stretch { start, step: 1, count: 1 }),
                _ => problem(format!("place {i}")),
            },
            Part::Share { which, of } => match n.is_multiple_of(of) {
                true => Ok(Stretch { start: which * (n / of), step: 1, count: n / of }),
                false => problem(format!("{of} equal parts")),
            },
            Part::Rest | Part::New => Ok(Stretch { start: 0, step: 1, count: n }),
        }
    }
}

/// Places `start`, `start + step` and so on, `count` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    start: usize,
    step: i64,
    count: usize,
}
