//! Drawings made of a few marks: bars, lines, dots, sectors and words. A page shows them as SVG in the reader's colours; here they
//! are drawn as a figure in light ones.

use super::figure::{Color, Figure};
use super::text::{Align, Text};

/// What a mark is drawn with. Pages have colours of their own for all but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Ink,
    Soft,
    /// Of lines that lead the eye.
    Rule,
    Accent,
    Warm,
    Fixed(Color),
}

impl Paint {
    fn color(self) -> Color {
        match self {
            Paint::Ink => [0x1b, 0x1f, 0x24],
            Paint::Soft => [0x57, 0x60, 0x6a],
            Paint::Rule => [0xd0, 0xd7, 0xde],
            Paint::Accent => [0x0a, 0x5f, 0xb4],
            Paint::Warm => [0xb3, 0x48, 0x0f],
            Paint::Fixed(color) => color,
        }
    }
}

/// Where a word begins, ends or has its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Places in units, from the upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// `at` is on the line that letters stand on.
    Word {
        at: (f64, f64),
        anchor: Anchor,
        text: String,
        paint: Paint,
        bold: bool,
    },
    /// `about` is said where the pointer rests.
    Bar {
        at: (f64, f64),
        size: (f64, f64),
        paint: Paint,
        about: String,
    },
    Line {
        from: (f64, f64),
        to: (f64, f64),
        width: f64,
        paint: Paint,
    },
    Dot {
        at: (f64, f64),
        radius: f64,
        paint: Paint,
        opacity: f64,
    },
    Ring {
        at: (f64, f64),
        radius: f64,
        paint: Paint,
        dashed: bool,
    },
    /// From an angle to another, in degrees, anticlockwise from the right.
    Sector {
        at: (f64, f64),
        radius: f64,
        from: f64,
        to: f64,
        paint: Paint,
        about: String,
    },
}

/// Marks over one another, the first at the bottom.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    pub size: (f64, f64),
    /// What it is, for those who do not see it.
    pub label: String,
    pub marks: Vec<Mark>,
}

/// Of letters, in units.
pub const LETTERS: f64 = 12.0;
/// Steps of a circle that is drawn by straight lines.
const STEPS: usize = 72;

impl Drawing {
    pub fn word(&mut self, at: (f64, f64), anchor: Anchor, paint: Paint, text: impl Into<String>) {
        self.marks.push(Mark::Word { at, anchor, text: text.into(), paint, bold: false });
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), width: f64, paint: Paint) {
        self.marks.push(Mark::Line { from, to, width, paint });
    }

    /// On white, `scale` pixels for a unit.
    pub fn figure(&self, scale: f64) -> Figure {
        let mut figure = Figure::new((self.size.0 * scale).ceil() as usize, (self.size.1 * scale).ceil() as usize);
        let px = |(x, y): (f64, f64)| ((x * scale) as f32, (y * scale) as f32);
        for mark in &self.marks {
            match mark {
                Mark::Word { at, anchor, text, paint, .. } => {
                    let (x, y) = px(*at);
                    let align = match anchor {
                        Anchor::Start => Align::Left,
                        Anchor::Middle => Align::Center,
                        Anchor::End => Align::Right,
                    };
                    let size = (LETTERS * scale) as f32;
                    // Figures and capitals are 0.73 em high.
                    Text::line(text, size).draw_middle(&mut figure, x, y - 0.365 * size, align, paint.color());
                }
                Mark::Bar { at, size, paint, .. } => {
                    let ((x, y), (w, h)) = (px(*at), px(*size));
                    let (left, right) = (x.round() as i32, (x + w).round() as i32);
                    figure.fill(left, y.round() as i32, (right - left).max(1), h.round() as i32, paint.color());
                }
                Mark::Line { from, to, width, paint } => {
                    figure.lines(&[px(*from), px(*to)], (width * scale) as f32, paint.color());
                }
                Mark::Dot { at, radius, paint, opacity } => {
                    figure.shape(&circle(*at, *radius).map(px).collect::<Vec<_>>(), paint.color(), *opacity as f32);
                }
                Mark::Ring { at, radius, paint, dashed } => {
                    let points: Vec<(f32, f32)> = circle(*at, *radius).map(px).collect();
                    let closed = points.iter().chain(&points[..1]).copied().collect::<Vec<_>>();
                    let dashes = closed.windows(2).step_by(if *dashed { 2 } else { 1 });
                    dashes.for_each(|dash| figure.lines(dash, scale as f32, paint.color()));
                }
                Mark::Sector { at, radius, from, to, paint, .. } => {
                    let rim = (0..=STEPS).map(|i| from + (to - from) * i as f64 / STEPS as f64);
                    let points = std::iter::once(*at).chain(rim.map(|degrees| on_circle(*at, *radius, degrees)));
                    figure.shape(&points.map(px).collect::<Vec<_>>(), paint.color(), 1.0);
                }
            }
        }
        figure
    }
}

/// The place on a circle at an angle in degrees, anticlockwise from the right.
pub fn on_circle((x, y): (f64, f64), radius: f64, degrees: f64) -> (f64, f64) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (x + radius * cos, y - radius * sin)
}

fn circle(at: (f64, f64), radius: f64) -> impl Iterator<Item = (f64, f64)> {
    (0..STEPS).map(move |i| on_circle(at, radius, 360.0 * i as f64 / STEPS as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_where_they_are_asked_for() {
        let mut drawing = Drawing { size: (40.0, 40.0), label: String::new(), marks: vec![] };
        let blue = Paint::Fixed([0x00, 0x72, 0xb2]);
        drawing.marks.push(Mark::Bar { at: (2.0, 2.0), size: (6.0, 4.0), paint: blue, about: String::new() });
        drawing.marks.push(Mark::Dot { at: (30.0, 10.0), radius: 5.0, paint: Paint::Accent, opacity: 1.0 });
        let (at, paint) = ((20.0, 30.0), Paint::Warm);
        drawing.marks.push(Mark::Sector { at, radius: 8.0, from: 60.0, to: 120.0, paint, about: String::new() });
        drawing.word((2.0, 20.0), Anchor::Start, Paint::Ink, "H");
        let figure = drawing.figure(2.0);
        assert_eq!((figure.width(), figure.height()), (80, 80));
        let seen = [(8, 8), (60, 20), (40, 50), (40, 70), (78, 2)].map(|(x, y)| figure.pixel(x, y));
        assert_eq!(seen, [[0x00, 0x72, 0xb2], Paint::Accent.color(), Paint::Warm.color(), [255; 3], [255; 3]]);
        assert_eq!(figure.texts()[0].text, "H");
        assert!((38..=41).contains(&figure.texts()[0].bottom), "{:?}", figure.texts());
    }
}
