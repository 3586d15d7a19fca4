//! Colour maps: a number from 0 to 1 becomes a colour.

/// matplotlib's colour maps of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colormap {
    /// Dark blue, green, yellow; even to the eye, and for the colour-blind.
    Viridis,
    /// Black to white.
    Gray,
    /// Black, purple, orange, light yellow.
    Magma,
    /// Dark blue, grey, yellow; made for the colour-blind.
    Cividis,
    /// Blue, light grey, red; for signed values: 0 is in the middle.
    Coolwarm,
}

/// Colours of one map. With the 50 or so greys of lettering and boxes they fit in the 256 of a PNG palette, which
/// halves the files of figures with one colour map.
const LEVELS: f32 = 200.0;

impl Colormap {
    /// The colour of `t`, 0 to 1; outside, that of the nearer end; of NaN, that of 0.
    pub fn rgb(self, t: f32) -> [u8; 3] {
        let t = ((t.clamp(0.0, 1.0).max(0.0) * (LEVELS - 1.0)).round() / (LEVELS - 1.0)) as f64;
        match self {
            Colormap::Viridis => colorous::VIRIDIS.eval_continuous(t).into_array(),
            Colormap::Magma => colorous::MAGMA.eval_continuous(t).into_array(),
            Colormap::Cividis => colorous::CIVIDIS.eval_continuous(t).into_array(),
            Colormap::Gray => [(t * 255.0).round() as u8; 3],
            Colormap::Coolwarm => coolwarm(t),
        }
    }

    /// Whether the map is for signed values, with 0 in the middle.
    pub fn signed(self) -> bool {
        self == Colormap::Coolwarm
    }
}

/// Control points at equal distances, straight lines between them: K. Moreland, "Diverging Color Maps for Scientific
/// Visualization" (2009), table CoolWarmFloat33, as in matplotlib's `_cm._coolwarm_data`.
fn coolwarm(t: f64) -> [u8; 3] {
    #[rustfmt::skip]
    const POINTS: [u32; 33] = [
        0x3b4cc0, 0x445acc, 0x4d68d7, 0x5775e1, 0x6282ea, 0x6c8ef1, 0x779af7, 0x82a5fb, 0x8db0fe, 0x98b9ff, 0xa3c2ff,
        0xaec9fd, 0xb8d0f9, 0xc2d5f4, 0xccd9ee, 0xd5dbe6, 0xdddddd, 0xe5d8d1, 0xecd3c5, 0xf1ccb9, 0xf5c4ad, 0xf7bba0,
        0xf7b194, 0xf7a687, 0xf49a7b, 0xf18d6f, 0xec7f63, 0xe57058, 0xde604d, 0xd55042, 0xcb3e38, 0xc0282f, 0xb40426,
    ];
    let place = t * (POINTS.len() - 1) as f64;
    let i = (place as usize).min(POINTS.len() - 2);
    let [_, a @ ..] = POINTS[i].to_be_bytes();
    let [_, b @ ..] = POINTS[i + 1].to_be_bytes();
    std::array::from_fn(|c| (a[c] as f64 + (b[c] as f64 - a[c] as f64) * (place - i as f64)).round() as u8)
}
