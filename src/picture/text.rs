//! Lettering: DejaVu Sans, as in matplotlib, set by ab_glyph. Sizes are pixels per em.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use super::figure::{Color, Figure, Lettered};

static FONT: LazyLock<FontRef> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("fonts/DejaVuSans.ttf")).expect("the font is whole"));

/// From one baseline to the next, in ems.
const LINE: f32 = 1.2;
/// From the top of a line to its baseline, in ems.
const BASE: f32 = 0.93;

/// Where a text lies around its point.
#[derive(Clone, Copy)]
pub enum Align {
    Left,
    Center,
    Right,
}

/// Lines of one size.
pub struct Text {
    lines: Vec<String>,
    pub size: f32,
}

impl Text {
    /// One line, as wide as it gets.
    pub fn line(text: &str, size: f32) -> Text {
        Text { lines: text.lines().map(str::to_owned).collect(), size }
    }

    /// A text made to fit: smaller down to seven tenths, then on several lines, cut between words. Where a word is too
    /// long the text gets smaller, down to half, and then the word is cut.
    pub fn fit(text: &str, size: f32, max_width: f32) -> Text {
        let whole = Text::line(text, size);
        let factor = max_width / whole.width();
        if factor >= 1.0 {
            return whole;
        } else if factor >= 0.7 {
            return Text { size: size * factor * 0.995, ..whole };
        }
        let size = size * 0.8;
        let longest = text.split_whitespace().map(|word| width(word, size)).fold(0.0, f32::max);
        let size = size * (max_width / longest * 0.995).clamp(0.65, 1.0);
        let mut lines = Vec::new();
        for line in text.lines() {
            let mut current = String::new();
            for word in line.split_inclusive(' ') {
                if !current.is_empty() && width(&format!("{current}{}", word.trim_end()), size) > max_width {
                    lines.push(std::mem::take(&mut current));
                }
                for letter in word.chars() {
                    if !current.is_empty() && letter != ' ' && width(&format!("{current}{letter}"), size) > max_width {
                        lines.push(std::mem::take(&mut current));
                    }
                    current.push(letter);
                }
            }
            lines.push(current);
        }
        Text { lines: lines.iter().map(|l| l.trim().to_owned()).collect(), size }
    }

    /// The same for a box: smaller until it fits, and what is then still too long is left out.
    pub fn fit_box(text: &str, size: f32, (width, height): (f32, f32)) -> Text {
        let sizes = [1.0, 0.85, 0.7, 0.6].map(|part| size * part);
        let texts = sizes.map(|size| Text::fit(text, size, width));
        let fits = texts.iter().position(|text| text.height() <= height);
        let mut text = texts.into_iter().nth(fits.unwrap_or(sizes.len() - 1)).expect("one of them");
        let most = (height / (LINE * text.size)) as usize;
        if text.lines.len() > most {
            text.lines.truncate(most.max(1));
            text.lines.iter_mut().rev().take(1).for_each(|last| *last = "…".to_owned());
        }
        text
    }

    pub fn width(&self) -> f32 {
        self.lines.iter().map(|l| width(l, self.size)).fold(0.0, f32::max)
    }

    /// 0 for an empty text.
    pub fn height(&self) -> f32 {
        self.lines.len() as f32 * LINE * self.size
    }

    /// Draws it with its top at `y`.
    pub fn draw(&self, figure: &mut Figure, x: f32, y: f32, align: Align, color: Color) {
        for (i, line) in self.lines.iter().enumerate() {
            let base = (y + (i as f32 * LINE + BASE) * self.size).round();
            let seen = place(line, self.size, x, base, align, |x, y, amount| figure.mix(x, y, color, amount));
            seen.into_iter().for_each(|text| figure.note(text));
        }
    }

    /// Draws it with its middle at `y`.
    pub fn draw_middle(&self, figure: &mut Figure, x: f32, y: f32, align: Align, color: Color) {
        // Figures and capitals are 0.73 em high; their middle is what the eye takes for the middle of the line.
        let middle =
            (BASE - 0.73 / 2.0) * self.size + (self.lines.len().saturating_sub(1)) as f32 * LINE * self.size / 2.0;
        self.draw(figure, x, y - middle, align, color);
    }

    /// Draws it turned to the left, to be read upwards, centred at (x, y): x is the middle of the lines.
    pub fn draw_upwards(&self, figure: &mut Figure, x: f32, y: f32, color: Color) {
        for (i, line) in self.lines.iter().enumerate() {
            let base = (x - self.height() / 2.0 + (i as f32 * LINE + BASE) * self.size).round();
            let seen = place(line, self.size, 0.0, 0.0, Align::Center, |along, across, amount| {
                figure.mix(base as i32 + across, y as i32 - along, color, amount);
            });
            seen.into_iter().for_each(|Lettered { text, left, top, right, bottom }| {
                let (x, y) = (base as i32, y as i32);
                let (left, right, top, bottom) = (x + top, x + bottom, y - right + 1, y - left + 1);
                figure.note(Lettered { text, left, top, right, bottom });
            });
        }
    }
}

fn scale(size: f32) -> PxScale {
    PxScale::from(size * FONT.height_unscaled() / FONT.units_per_em().expect("the font states it"))
}

fn width(text: &str, size: f32) -> f32 {
    let mut end = 0.0;
    layout(text, size, |_, right| end = right);
    end
}

/// Calls `glyph` with each glyph, placed on a baseline at 0 from x = 0, and where the next one starts.
fn layout(text: &str, size: f32, mut glyph: impl FnMut(ab_glyph::Glyph, f32)) {
    let font = FONT.as_scaled(scale(size));
    let (mut x, mut last) = (0.0, None);
    for letter in text.chars().filter(|c| !c.is_control()) {
        let id = font.glyph_id(letter);
        x += last.map_or(0.0, |last| font.kern(last, id));
        let placed = id.with_scale_and_position(font.scale(), point(x, 0.0));
        x += font.h_advance(id);
        glyph(placed, x);
        last = Some(id);
    }
}

/// Calls `dot` with the pixels of a text and how much of each is covered, in steps of 1/15. Gives where it stands, if there is
/// anything to see.
fn place(
    text: &str,
    size: f32,
    x: f32,
    base: f32,
    align: Align,
    mut dot: impl FnMut(i32, i32, f32),
) -> Option<Lettered> {
    let mut seen: Option<Lettered> = None;
    let left = match align {
        Align::Left => x,
        Align::Center => x - width(text, size) / 2.0,
        Align::Right => x - width(text, size),
    };
    layout(text, size, |mut glyph, _| {
        glyph.position.x += left;
        if let Some(outline) = FONT.outline_glyph(glyph) {
            let (x0, y0) = (outline.px_bounds().min.x as i32, (outline.px_bounds().min.y + base) as i32);
            outline.draw(|x, y, amount| {
                let (x, y, amount) = (x0 + x as i32, y0 + y as i32, (amount.min(1.0) * 15.0).round() / 15.0);
                if amount > 0.0 {
                    let one = Lettered { text: String::new(), left: x, top: y, right: x + 1, bottom: y + 1 };
                    let s = seen.get_or_insert(Lettered { text: text.to_owned(), ..one });
                    (s.left, s.top) = (s.left.min(x), s.top.min(y));
                    (s.right, s.bottom) = (s.right.max(x + 1), s.bottom.max(y + 1));
                }
                dot(x, y, amount);
            });
        }
    });
    seen
}
