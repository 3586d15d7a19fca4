//! A figure: pixels to draw on.

use tiny_skia::{FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Stroke, Transform};

/// Red, green, blue.
pub type Color = [u8; 3];

pub(super) const WHITE: Color = [255; 3];
pub(super) const BLACK: Color = [0; 3];
/// matplotlib's colour of grid lines.
pub(super) const GRID: Color = [0xb0; 3];

/// An RGB image on a white background.
pub struct Figure {
    // Every pixel is opaque.
    pixels: Pixmap,
    texts: Vec<Lettered>,
}

/// Where a line of text stands in a figure: the pixels from `left` to before `right`, `top` to before `bottom`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lettered {
    pub text: String,
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Figure {
    /// A white figure; at least one pixel.
    pub(super) fn new(width: usize, height: usize) -> Figure {
        let mut pixels = Pixmap::new(width.max(1) as u32, height.max(1) as u32).expect("a figure fits in memory");
        pixels.fill(tiny_skia::Color::WHITE);
        Figure { pixels, texts: vec![] }
    }

    pub fn width(&self) -> usize {
        self.pixels.width() as usize
    }

    pub fn height(&self) -> usize {
        self.pixels.height() as usize
    }

    pub fn pixel(&self, x: usize, y: usize) -> Color {
        let p = self.pixels.pixels()[y * self.width() + x];
        [p.red(), p.green(), p.blue()]
    }

    /// All lines of text, as they were drawn.
    pub fn texts(&self) -> &[Lettered] {
        &self.texts
    }

    pub(super) fn note(&mut self, text: Lettered) {
        self.texts.push(text);
    }

    /// All colours, row by row.
    pub fn colors(&self) -> impl Iterator<Item = Color> + Clone + '_ {
        self.pixels.pixels().iter().map(|p| [p.red(), p.green(), p.blue()])
    }

    /// The inside of the polygon with these corners.
    pub(super) fn shape(&mut self, corners: &[(f32, f32)], [r, g, b]: Color, opacity: f32) {
        let Some(&(x, y)) = corners.first() else { return };
        let mut path = PathBuilder::new();
        path.move_to(x, y);
        corners[1..].iter().for_each(|&(x, y)| path.line_to(x, y));
        path.close();
        let Some(path) = path.finish() else { return };
        let mut paint = Paint::default();
        paint.set_color_rgba8(r, g, b, (255.0 * opacity).round() as u8);
        self.pixels.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    }

    /// Mixes a colour in: `amount` 0 leaves the pixel, 1 replaces it. Outside of the figure nothing happens.
    pub(super) fn mix(&mut self, x: i32, y: i32, color: Color, amount: f32) {
        if x < 0 || y < 0 || x as usize >= self.width() || y as usize >= self.height() {
            return;
        }
        let old = self.pixel(x as usize, y as usize);
        let [r, g, b] =
            std::array::from_fn(|i| (old[i] as f32 + (color[i] as f32 - old[i] as f32) * amount).round() as u8);
        let at = y as usize * self.width() + x as usize;
        self.pixels.pixels_mut()[at] = PremultipliedColorU8::from_rgba(r, g, b, 255).expect("opaque");
    }

    pub(super) fn fill(&mut self, x: i32, y: i32, w: i32, h: i32, [r, g, b]: Color) {
        let (width, height) = (self.pixels.width() as i32, self.pixels.height() as i32);
        let (x0, x1) = (x.clamp(0, width), (x + w).clamp(0, width));
        let color = PremultipliedColorU8::from_rgba(r, g, b, 255).expect("opaque");
        for row in y.max(0)..(y + h).min(height) {
            let start = (row * width) as usize;
            self.pixels.pixels_mut()[start + x0 as usize..start + x0.max(x1) as usize].fill(color);
        }
    }

    /// A line of one pixel around a rectangle, outside of it.
    pub(super) fn frame(&mut self, x: i32, y: i32, w: i32, h: i32, color: Color) {
        self.fill(x - 1, y - 1, w + 2, 1, color);
        self.fill(x - 1, y + h, w + 2, 1, color);
        self.fill(x - 1, y, 1, h, color);
        self.fill(x + w, y, 1, h, color);
    }

    /// Smooth straight lines from point to point; one point alone is a dot.
    pub(super) fn lines(&mut self, points: &[(f32, f32)], width: f32, [r, g, b]: Color) {
        let Some(&(x0, y0)) = points.first() else { return };
        let mut path = PathBuilder::new();
        path.move_to(x0, y0);
        points[1..].iter().for_each(|&(x, y)| path.line_to(x, y));
        if points.len() == 1 {
            path = PathBuilder::new();
            path.push_circle(x0, y0, width);
        }
        let Some(path) = path.finish() else { return };
        let mut paint = Paint::default();
        paint.set_color_rgba8(r, g, b, 255);
        let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Default::default() };
        self.pixels.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
    }
}
