//! Values as they are typed: sizes, numbers, meanings of layers.

/// "to_one=scale:0.5" as the name of a layer and what it computes.
pub(super) fn parse_lambda(text: &str) -> Result<(String, String), String> {
    let (name, meaning) = text.split_once('=').ok_or("expected NAME=MEANING, like to_one=scale:0.5")?;
    Ok((name.to_string(), meaning.to_string()))
}

/// "128x96" as rows and columns.
pub(super) fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let side = |s: &str| s.trim().parse::<usize>().ok().filter(|&side| side > 0);
    text.split_once(['x', 'X'])
        .and_then(|(h, w)| Some((side(h)?, side(w)?)))
        .ok_or_else(|| "expected rows x columns, like 128x128".to_string())
}

/// "2GB", "500 MB" or "1.5GiB" as bytes.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: f64 = match text[number.len()..].to_ascii_lowercase().as_str() {
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "" | "b" => 1.0,
        _ => return Err("a size, like 500MB or 2GB".to_string()),
    };
    let bytes = number.trim().parse::<f64>().ok().map(|n| n * unit).filter(|b| b.is_finite() && *b >= 1.0);
    bytes.map(|b| b as u64).ok_or_else(|| "a size, like 500MB or 2GB".to_string())
}

/// A number that a computation can use.
pub(super) fn parse_finite(text: &str) -> Result<f32, String> {
    text.parse::<f32>().ok().filter(|v| v.is_finite()).ok_or_else(|| "expected a finite number".to_string())
}

/// A finite number above zero.
pub(super) fn parse_positive(text: &str) -> Result<f32, String> {
    parse_finite(text).ok().filter(|&v| v > 0.0).ok_or_else(|| "expected a number above 0".to_string())
}

/// A finite number, 0 or above.
pub(super) fn parse_weight(text: &str) -> Result<f32, String> {
    parse_finite(text).ok().filter(|&v| v >= 0.0).ok_or_else(|| "expected a number of 0 or above".to_string())
}
