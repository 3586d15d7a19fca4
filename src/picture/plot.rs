//! Line plots: a few named lines, for losses and memory.

use super::figure::{BLACK, Color, Figure, WHITE};
use super::text::{Align, Text};
use super::ticks::ticks;

/// Points joined by straight lines; a point that is not finite leaves a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// Values at 0, 1, 2...
    pub fn counted(name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Series {
        Series { name: name.into(), points: values.into_iter().enumerate().map(|(i, y)| (i as f64, y)).collect() }
    }
}

/// What to plot, and what to write on it. Names make a legend; where there is one series, its name may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plot {
    pub title: String,
    pub x: String,
    pub y: String,
    pub series: Vec<Series>,
    /// Let the y axis begin at 0 (for sizes), not near the least value.
    pub from_zero: bool,
}

const WIDTH: f32 = 800.0;
const HEIGHT: f32 = 500.0;
const SIZE: f32 = 15.0;
const TICK: f32 = 4.0;
const LINE: f32 = 2.0;

impl Plot {
    pub fn draw(&self) -> Figure {
        let mut figure = Figure::new(WIDTH as usize, HEIGHT as usize);
        let (xs, ys) = (self.range(|p| p.0), self.range(|p| p.1));
        // Room of 5% around the data, as matplotlib leaves it.
        let room = |(lo, hi): (f64, f64)| (lo - 0.05 * (hi - lo), hi + 0.05 * (hi - lo));
        let (x0, x1) = room(xs);
        let (y0, y1) = room(ys);
        let y0 = if self.from_zero { ys.0.min(0.0) } else { y0 };

        let title = Text::fit(&self.title, SIZE * 1.2, WIDTH - 80.0);
        let y_name = Text::fit(&self.y, SIZE, HEIGHT - 120.0);
        let x_name = Text::fit(&self.x, SIZE, WIDTH - 200.0);
        let (across, up) = (ticks(x0, x1, 9, false), ticks(y0, y1, 8, false));
        let widest = up.labels.iter().map(|l| Text::line(l, SIZE).width()).fold(0.0, f32::max);
        let left = (12.0 + y_name.height() + 8.0 + widest + TICK + 6.0).round();
        let right = WIDTH - 28.0;
        let top = (14.0 + title.height() + 10.0 + if up.power.is_some() { SIZE } else { 0.0 }).round();
        let bottom = (HEIGHT - 12.0 - x_name.height() - SIZE * 1.3 - TICK - 8.0).round();
        let px = |x: f64| left + ((x - x0) / (x1 - x0)) as f32 * (right - left);
        let py = |y: f64| bottom - ((y - y0) / (y1 - y0)) as f32 * (bottom - top);

        for (at, label) in across.at.iter().zip(&across.labels) {
            let x = px(*at).round() as i32;
            figure.fill(x, top as i32, 1, (bottom - top) as i32, [0xe6; 3]);
            figure.fill(x, bottom as i32, 1, TICK as i32 + 1, BLACK);
            Text::line(label, SIZE).draw(&mut figure, x as f32 + 0.5, bottom + TICK + 4.0, Align::Center, BLACK);
        }
        for (at, label) in up.at.iter().zip(&up.labels) {
            let y = py(*at).round() as i32;
            figure.fill(left as i32, y, (right - left) as i32, 1, [0xe6; 3]);
            figure.fill(left as i32 - TICK as i32 - 1, y, TICK as i32 + 1, 1, BLACK);
            let end = left - TICK - 6.0;
            Text::line(label, SIZE).draw_middle(&mut figure, end, y as f32 + 0.5, Align::Right, BLACK);
        }
        let mut drawn: Vec<(f32, f32)> = Vec::new();
        for (i, series) in self.series.iter().enumerate() {
            for run in series.points.split(|(x, y)| !(x.is_finite() && y.is_finite())) {
                let run: Vec<_> = run.iter().map(|&(x, y)| (px(x) + 0.5, py(y) + 0.5)).collect();
                figure.lines(&run, LINE, color(i));
                drawn.extend(between(&run));
            }
        }
        figure.frame(left as i32, top as i32, (right - left) as i32, (bottom - top) as i32, BLACK);
        self.draw_legend(&mut figure, &drawn, (left, top, right, bottom));

        let middle = (left + right) / 2.0;
        title.draw(&mut figure, middle.min(WIDTH / 2.0), 14.0, Align::Center, BLACK);
        x_name.draw(&mut figure, middle, HEIGHT - 12.0 - x_name.height(), Align::Center, BLACK);
        y_name.draw_upwards(&mut figure, 12.0 + y_name.height() / 2.0, (top + bottom) / 2.0, BLACK);
        if let Some(power) = &up.power {
            Text::line(power, SIZE).draw(&mut figure, left, top - SIZE * 1.35, Align::Left, BLACK);
        }
        if let Some(power) = &across.power {
            let y = HEIGHT - 12.0 - SIZE * 1.2;
            Text::line(power, SIZE).draw(&mut figure, right, y, Align::Right, BLACK);
        }
        figure
    }

    /// Least and greatest finite value; never empty.
    fn range(&self, part: fn(&(f64, f64)) -> f64) -> (f64, f64) {
        let points = self.series.iter().flat_map(|s| &s.points).filter(|p| p.0.is_finite() && p.1.is_finite());
        let (lo, hi) = points.map(part).fold((f64::INFINITY, -f64::INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
        super::range::whole((lo, hi), false)
    }

    /// In the corner where it hides the fewest points.
    fn draw_legend(&self, figure: &mut Figure, drawn: &[(f32, f32)], (left, top, right, bottom): (f32, f32, f32, f32)) {
        let names: Vec<(usize, Text)> = (self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty()))
            .map(|(i, s)| (i, Text::fit(&s.name, SIZE * 0.95, (right - left) * 0.45)))
            .collect();
        if names.is_empty() {
            return;
        }
        let (pad, key) = (8.0, 28.0);
        let widest = names.iter().map(|(_, t)| t.width()).fold(0.0, f32::max);
        let (w, h) = (pad * 3.0 + key + widest, pad + names.iter().map(|(_, t)| t.height() + 3.0).sum::<f32>());
        let corners = [right - w - pad, left + pad].into_iter().flat_map(|x| [(x, top + pad), (x, bottom - h - pad)]);
        let hidden = |&(x, y): &(f32, f32)| {
            let inside = |p: &&(f32, f32)| p.0 > x - pad && p.0 < x + w + pad && p.1 > y - pad && p.1 < y + h + pad;
            drawn.iter().filter(inside).count()
        };
        let (x, mut y) = corners.min_by_key(hidden).expect("there are four corners");
        for row in y as i32..(y + h) as i32 {
            for column in x as i32..(x + w) as i32 {
                figure.mix(column, row, WHITE, 0.8);
            }
        }
        figure.frame(x as i32, y as i32, w as i32, h as i32, [0xcc; 3]);
        y += pad / 2.0 + 1.0;
        for (i, name) in names {
            let middle = (y + name.height() / 2.0).round();
            figure.lines(&[(x + pad, middle), (x + pad + key, middle)], LINE, color(i));
            name.draw(figure, x + pad * 2.0 + key, y, Align::Left, BLACK);
            y += name.height() + 3.0;
        }
    }
}

/// matplotlib's colours of lines ("tab10").
fn color(series: usize) -> Color {
    colorous::CATEGORY10[series % colorous::CATEGORY10.len()].into_array()
}

/// Points along the lines about every 8 pixels.
fn between(run: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let mut dots: Vec<_> = run.first().copied().into_iter().collect();
    for pair in run.windows(2) {
        let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
        let n = ((bx - ax).hypot(by - ay) / 8.0).ceil().max(1.0);
        dots.extend((1..=n as usize).map(|i| (ax + (bx - ax) * i as f32 / n, ay + (by - ay) * i as f32 / n)));
    }
    dots
}
