//! Panels in rows under one title.
//!
//! ```text
//!                    title
//!      title                     title             only as high as the row needs
//! tick +---------+ bar tick  tick +---------+ bar tick
//!      | picture |                | picture |      a column is as wide as its widest panel
//!      +---------+                +---------+
//!         ticks                      ticks
//!         label                      label
//!         note                       note
//! ```

use super::colormap::Colormap;
use super::figure::{BLACK, Color, Figure, GRID};
use super::panel::{Panel, Picture};
use super::text::{Align, Text};
use super::ticks::{Ticks, ticks};

/// The colour of values that are not numbers.
const NOT_A_NUMBER: Color = [0xa0; 3];
const BOX: Color = [0xf4; 3];
const GREY_TEXT: Color = [0x66; 3];
/// Length of a tick, pixels.
const TICK: f32 = 4.0;

/// Draws panels in rows of `columns` (fewer panels make a narrower figure), under a title that may be empty. Each map
/// has its own range unless it states one. Each pixel of a picture becomes a square of s x s pixels, s a whole
/// number, so that pictures are sharp and about 256 pixels high (384 in up to four columns, 512 in one, 128 in more than
/// twelve). Pictures of more than twice that are made smaller, a mean of s x s pixels becoming one. In a figure of
/// pictures of several sizes the small ones are enlarged to the largest.
pub fn grid(title: &str, panels: &[Panel], columns: usize, colormap: Colormap) -> Figure {
    let target = match columns.clamp(1, panels.len().max(1)) {
        1 => 512,
        2..=4 => 384,
        5..=12 => 256,
        _ => 128,
    };
    grid_of(target, title, panels, columns, colormap)
}

/// The same with pictures about `target` pixels high.
pub fn grid_of(target: usize, title: &str, panels: &[Panel], columns: usize, colormap: Colormap) -> Figure {
    let columns = columns.clamp(1, panels.len().max(1));
    let sizes = panels.iter().filter_map(Panel::size).map(|(h, w)| Scale::to(target, (h, w)).of((h, w)));
    let (h, w) = sizes.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1))).unwrap_or((target, target));
    let place = (h, w);
    // Room for captions under very narrow pictures.
    let w = w.max(target / 4);

    // Lettering grows with the figure, since a wide one is seen scaled down.
    let size = ((columns * w) as f32 / 80.0).clamp(14.0, 26.0);
    let gap = (size * 1.2).round();
    let cell = |p| Cell::new(p, colormap, Scale::into(place, target, Panel::size(p)), (w as f32, h as f32), size);
    let cells: Vec<Cell> = panels.iter().map(cell).collect();
    let most = |part: fn(&Cell) -> f32, cells: &[&Cell]| cells.iter().map(|c| part(c)).fold(0.0, f32::max).ceil();
    // Where each column's place for pictures begins, and how much is needed on its right.
    let mut starts = Vec::new();
    let (mut x, mut right) = (0.0, 0.0);
    for column in 0..columns {
        let column: Vec<&Cell> = cells.iter().skip(column).step_by(columns).collect();
        x += gap + most(|c| c.left, &column);
        starts.push(x as i32);
        right = most(|c| c.right, &column);
        x += w as f32 + right;
    }
    let width = x + gap;
    // Centred over the pictures, not over what stands beside them.
    let middle = (starts[0] as f32 + width - gap - right) / 2.0;
    let title = Text::fit(title, size * 1.25, 2.0 * middle.min(width - middle) - 2.0 * gap);
    let head = gap + if title.height() > 0.0 { title.height() + gap * 0.6 } else { 0.0 };
    let rows: Vec<Vec<&Cell>> = cells.chunks(columns).map(|row| row.iter().collect()).collect();
    let around = |row: &[&Cell]| (most(|c| c.above(), row), most(|c| c.below(), row));
    let height = head + rows.iter().map(|row| around(row).0 + h as f32 + around(row).1 + gap).sum::<f32>();

    let mut figure = Figure::new(width as usize, height.ceil() as usize);
    title.draw(&mut figure, middle, gap, Align::Center, BLACK);
    let mut y = head.round();
    for row in rows {
        let (above, below) = around(&row);
        y += above;
        for (cell, x) in row.iter().zip(&starts) {
            cell.draw(&mut figure, *x, y as i32);
        }
        y += h as f32 + below + gap;
    }
    figure
}

/// How many times a picture is enlarged, and how many of its pixels then become one; one of the two is 1.
#[derive(Clone, Copy)]
struct Scale {
    up: usize,
    down: usize,
}

impl Scale {
    /// About `target` pixels for the longer side of a picture of h x w.
    fn to(target: usize, (h, w): (usize, usize)) -> Scale {
        let side = h.max(w).max(1);
        Scale { up: (target / side).max(1), down: side.div_ceil(2 * target) }
    }

    /// The picture is drawn as large as fits into the place that the figure's largest picture takes.
    fn into(place: (usize, usize), target: usize, size: Option<(usize, usize)>) -> Scale {
        let (h, w) = size.unwrap_or((1, 1));
        let Scale { up, down } = Scale::to(target, (h, w));
        Scale { up: if down > 1 { 1 } else { up.max((place.0 / h).min(place.1 / w)) }, down }
    }

    /// Pixels in the figure.
    fn of(self, (h, w): (usize, usize)) -> (usize, usize) {
        ((h * self.up).div_ceil(self.down), (w * self.up).div_ceil(self.down))
    }
}

/// A panel with everything measured.
struct Cell<'a> {
    panel: &'a Panel,
    colormap: Colormap,
    /// Values of the colour map's ends.
    ends: (f64, f64),
    scale: Scale,
    /// Width and height of the place for the picture, pixels; a smaller picture is centred in it.
    place: (f32, f32),
    size: f32,
    title: Text,
    label: Text,
    note: Text,
    axes: Option<(Ticks, Ticks)>,
    bar: Option<Ticks>,
    /// Needed beside the picture for tick labels and colour bar.
    left: f32,
    right: f32,
}

impl<'a> Cell<'a> {
    fn new(panel: &'a Panel, colormap: Colormap, scale: Scale, place: (f32, f32), size: f32) -> Cell<'a> {
        let colormap = panel.colormap.unwrap_or(colormap);
        let (h, w) = panel.size().unwrap_or((0, 0));
        let ends = panel.ends(colormap);
        let (rows, columns) = scale.of((h, w));
        let count = |pixels: usize, ems: f32| (pixels as f32 / (ems * size)) as usize + 1;
        let axes = (panel.axes && h > 0).then(|| {
            let end = |n: usize| n as f64 - 0.5;
            (ticks(-0.5, end(w), count(columns, 5.0).min(9), true), ticks(-0.5, end(h), count(rows, 3.0).min(9), true))
        });
        let is_map = matches!(panel.picture, Picture::Map { .. });
        let bar = (panel.colorbar && is_map && h > 0).then(|| ticks(ends.0, ends.1, count(rows, 2.5).min(9), false));
        let widest = |t: &Ticks| t.labels.iter().map(|l| Text::line(l, size).width()).fold(0.0, f32::max);
        let left = axes.as_ref().map_or(0.0, |(_, y)| widest(y) + TICK + size * 0.4);
        let right = bar.as_ref().map_or(0.0, |bar| {
            let power = bar.power.as_ref().map_or(0.0, |p| Text::line(p, size).width());
            size * 2.0 + (widest(bar) + TICK + size * 0.4).max(power - size)
        });
        // Captions may reach a little into the gap to the next panel.
        let room = place.0 + size * 0.5;
        Cell {
            title: Text::fit(&panel.title, size * 1.1, room),
            label: Text::fit(&panel.label, size, room),
            note: Text::fit(&panel.note, size * 0.8, room),
            panel,
            colormap,
            ends,
            scale,
            place,
            size,
            axes,
            bar,
            left,
            right,
        }
    }

    fn above(&self) -> f32 {
        if self.title.height() > 0.0 { self.under_title() + self.title.height() } else { self.power() }
    }

    /// Needed over the picture for the colour bar's power of ten.
    fn power(&self) -> f32 {
        if self.bar.as_ref().is_some_and(|bar| bar.power.is_some()) { self.size * 1.5 } else { 0.0 }
    }

    /// From the title to the picture's place; the power of ten lies beside the title or, where that is broader than the
    /// picture, under it.
    fn under_title(&self) -> f32 {
        let picture = self.panel.size().map_or(self.place.0, |size| self.scale.of(size).1 as f32);
        let is_over_bar = self.title.width() > picture + self.size;
        (self.size * 0.3).max(if is_over_bar { self.power() } else { self.power() - self.title.height() })
    }

    fn ticks_below(&self) -> f32 {
        if self.axes.is_some() { TICK + self.size * 1.5 } else { self.size * 0.25 }
    }

    fn below(&self) -> f32 {
        self.ticks_below() + self.label.height() + self.note.height()
    }

    /// Draws it with the picture's place at (x, y).
    fn draw(&self, figure: &mut Figure, x: i32, y: i32) {
        let (place_w, place_h) = (self.place.0 as i32, self.place.1 as i32);
        let center = x as f32 + self.place.0 / 2.0;
        let top = y as f32 - self.title.height() - self.under_title();
        self.title.draw(figure, center, top, Align::Center, BLACK);
        let (w, h) = match self.panel.size() {
            Some(size) => {
                let (h, w) = self.scale.of(size);
                (w as i32, h as i32)
            }
            None => (place_w, place_h),
        };
        let (x, y) = (x + (place_w - w) / 2, y + (place_h - h) / 2);
        self.draw_picture(figure, x, y, w, h);
        if let Some((along, down)) = &self.axes {
            self.draw_axes(figure, along, down, (x, y, w, h));
        }
        if let Some(ticks) = &self.bar {
            self.draw_bar(figure, ticks, x + w + self.size as i32, y, h);
        }
        let top = (y + h) as f32 + self.ticks_below();
        self.label.draw(figure, center, top, Align::Center, BLACK);
        self.note.draw(figure, center, top + self.label.height(), Align::Center, GREY_TEXT);
    }

    fn draw_picture(&self, figure: &mut Figure, x: i32, y: i32, w: i32, h: i32) {
        if let Picture::Blank { text } = &self.panel.picture {
            figure.fill(x, y, w, h, GRID);
            figure.fill(x + 1, y + 1, w - 2, h - 2, BOX);
            let room = (w as f32 - self.size * 0.4, h as f32 - self.size * 0.4);
            let word = Text::fit_box(text, self.size, room);
            word.draw_middle(figure, (x + w / 2) as f32, (y + h / 2) as f32, Align::Center, GREY_TEXT);
            return;
        }
        let (rows, columns) = self.panel.size().unwrap_or((0, 0));
        let Scale { up, down } = self.scale;
        for (row, top) in (0..rows).step_by(down).enumerate() {
            for (column, left) in (0..columns).step_by(down).enumerate() {
                let ends = (rows.min(top + down), columns.min(left + down));
                let color = self.color((top..ends.0).flat_map(|r| (left..ends.1).map(move |c| r * columns + c)));
                let s = up as i32;
                figure.fill(x + column as i32 * s, y + row as i32 * s, s, s, color);
            }
        }
    }

    /// The colour of the mean of the pixels with these numbers.
    fn color(&self, pixels: impl Iterator<Item = usize> + Clone) -> Color {
        let mean = |value: &dyn Fn(usize) -> f32| {
            let (sum, n) = pixels.clone().fold((0.0, 0.0), |(sum, n), i| (sum + f64::from(value(i)), n + 1.0));
            sum / n
        };
        match &self.panel.picture {
            Picture::Map { values, .. } => {
                let (value, (lo, hi)) = (mean(&|i| values[i]), self.ends);
                if value.is_finite() { self.colormap.rgb(((value - lo) / (hi - lo)) as f32) } else { NOT_A_NUMBER }
            }
            Picture::Color { rgb, .. } => std::array::from_fn(|c| mean(&|i| rgb[3 * i + c].into()).round() as u8),
            Picture::Blank { .. } => BOX,
        }
    }

    /// Ticks at pixel centres, row 0 on top, as `plt.imshow` has them.
    fn draw_axes(&self, figure: &mut Figure, along: &Ticks, down: &Ticks, (x, y, w, h): (i32, i32, i32, i32)) {
        let tick = TICK as i32;
        let at = |pixel: f64| ((pixel + 0.5) * self.scale.up as f64 / self.scale.down as f64) as i32;
        for (value, label) in along.at.iter().zip(&along.labels) {
            let tx = x + at(*value);
            if self.panel.grid {
                figure.fill(tx, y, 1, h, GRID);
            }
            figure.fill(tx, y + h, 1, tick + 1, BLACK);
            let top = (y + h + tick) as f32 + self.size * 0.2;
            Text::line(label, self.size).draw(figure, tx as f32 + 0.5, top, Align::Center, BLACK);
        }
        for (value, label) in down.at.iter().zip(&down.labels) {
            let ty = y + at(*value);
            if self.panel.grid {
                figure.fill(x, ty, w, 1, GRID);
            }
            figure.fill(x - tick - 1, ty, tick + 1, 1, BLACK);
            let right = (x - tick) as f32 - self.size * 0.4;
            Text::line(label, self.size).draw_middle(figure, right, ty as f32 + 0.5, Align::Right, BLACK);
        }
        figure.frame(x, y, w, h, BLACK);
    }

    fn draw_bar(&self, figure: &mut Figure, ticks: &Ticks, x: i32, y: i32, h: i32) {
        let w = self.size as i32;
        for row in 0..h {
            let t = 1.0 - (row as f32 + 0.5) / h as f32;
            figure.fill(x, y + row, w, 1, self.colormap.rgb(t));
        }
        figure.frame(x, y, w, h, BLACK);
        let (lo, hi) = self.ends;
        let right = (x + w) as f32 + TICK + self.size * 0.4;
        for (value, label) in ticks.at.iter().zip(&ticks.labels) {
            let ty = y + h - 1 - ((value - lo) / (hi - lo) * (h - 1) as f64).round() as i32;
            figure.fill(x + w, ty, TICK as i32 + 1, 1, BLACK);
            Text::line(label, self.size).draw_middle(figure, right, ty as f32 + 0.5, Align::Left, BLACK);
        }
        if let Some(power) = &ticks.power {
            Text::line(power, self.size).draw(figure, x as f32, y as f32 - self.size * 1.5, Align::Left, BLACK);
        }
    }
}
