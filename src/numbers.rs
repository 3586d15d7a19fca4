//! Numbers as people read them.

/// 0.000123 as "0.000123", 1.2e-7 as "1.2e-7", 3 as "3": at most `digits` that count.
pub fn number(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}").replace("-0", "0");
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-4..6).contains(&exponent) {
        let text = format!("{value:.*e}", digits - 1);
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(mantissa));
    }
    trimmed(&format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize)).to_string()
}

/// The text without zeros at the end of its fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// For a narrow column of a table, whose points stand below each other: "0.012345", and "1.23450e-7" where that would lose the
/// digits.
pub fn in_column(value: f32) -> String {
    match value.abs() {
        size if size != 0.0 && size.is_finite() && !(1e-4..1e6).contains(&size) => format!("{value:.5e}"),
        _ => format!("{value:.6}"),
    }
}

/// 2881217 as "2,881,217".
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).expect("digits")).collect();
    groups.join(",")
}

/// 0.4567 as "45.7%".
pub fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// 0.0123456 as "12.3 ms".
pub fn milliseconds(seconds: f64) -> String {
    format!("{} ms", number(seconds * 1e3, 3))
}

/// Multiply-accumulates: 1500000 as "1.5 MMAC".
pub fn macs(macs: u64) -> String {
    match macs {
        1_000_000_000.. => format!("{:.2} GMAC", macs as f64 / 1e9),
        1_000_000.. => format!("{:.1} MMAC", macs as f64 / 1e6),
        _ => format!("{:.1} kMAC", macs as f64 / 1e3),
    }
}

/// Bytes: 1610612736 as "1.5 GiB".
pub fn data_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_count() {
        let cases = [
            (0.0, 3, "0"),
            (-0.0, 3, "0"),
            (3.0, 3, "3"),
            (0.5, 3, "0.5"),
            (0.000123456, 3, "0.000123"),
            (-1.2e-7, 3, "-1.2e-7"),
            (0.0123456, 4, "0.01235"),
            (999_999.0, 3, "999999"),
            (1_234_567.0, 3, "1.23e6"),
            (f64::NAN, 3, "NaN"),
            (f64::NEG_INFINITY, 3, "-inf"),
        ];
        for (value, digits, text) in cases {
            assert_eq!(number(value, digits), text);
        }
    }

    #[test]
    fn columns_lose_no_digits() {
        let cases = [(0.0, "0.000000"), (0.0123456, "0.012346"), (1.2345e-7, "1.23450e-7"), (-2.5e6, "-2.50000e6")];
        for (value, text) in cases {
            assert_eq!(in_column(value), text);
        }
        assert_eq!(in_column(f32::INFINITY), "inf");
    }

    #[test]
    fn units() {
        assert_eq!([0, 999, 1000, 2_881_217].map(thousands), ["0", "999", "1,000", "2,881,217"]);
        assert_eq!(
            [0, 1023, 1024, 3 << 29, u64::MAX].map(data_size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 GiB", "16.0 EiB"]
        );
        assert_eq!([1500, 1_500_000, 2_345_000_000].map(macs), ["1.5 kMAC", "1.5 MMAC", "2.35 GMAC"]);
        assert_eq!((percent(0.4567), milliseconds(0.0123456)), ("45.7%".to_string(), "12.3 ms".to_string()));
    }
}
