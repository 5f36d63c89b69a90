//! Times and sizes as people read them: three digits and a unit.

/// A time in seconds.
pub fn time(seconds: f64) -> String {
    scaled(seconds, &[(1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s")])
}

/// A number of bytes.
pub fn bytes(count: usize) -> String {
    match count {
        0..1000 => format!("{count} B"),
        _ => scaled(count as f64, &[(1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")]),
    }
}

/// A number in the greatest of ascending units that it fills.
fn scaled(number: f64, units: &[(f64, &str)]) -> String {
    let filled = units.iter().rev().find(|(size, _)| number >= size * 0.9995).or(units.first());
    let Some((size, unit)) = filled else { return number.to_string() };
    let amount = number / size;
    let digits = if amount < 9.995 { 2 } else { usize::from(amount < 99.95) };
    format!("{amount:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits() {
        for (seconds, shown) in [
            (0.0, "0.00 ns"),
            (1.5e-8, "15.0 ns"),
            (9.999e-7, "1.00 us"),
            (0.0012345, "1.23 ms"),
            (0.12345, "123 ms"),
            (0.99999, "1.00 s"),
            (125.0, "125 s"),
        ] {
            assert_eq!(time(seconds), shown);
        }
        assert_eq!((bytes(0), bytes(999), bytes(8_000_000)), ("0 B".into(), "999 B".into(), "8.00 MB".into()));
    }
}
