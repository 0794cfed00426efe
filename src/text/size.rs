//! Sizes of memory, as people write and read them.

/// A size in bytes such as `64MiB`, `512 KB`, `1.5G`, `1048576`. `K`, `M`, `G`, `T` alone are binary, as for
/// PostgreSQL's memory settings.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked, and a fraction of a byte is nothing"
    )]
    (bytes.is_finite() && (0.0..1e18).contains(&bytes)).then_some(bytes as u64)
}

/// A size as [`parse`] takes it: in the largest binary unit that leaves no rest, `32GiB`, `64MiB`, `100000` bytes.
pub fn exact(bytes: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = UNITS.iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    whole.map_or_else(|| bytes.to_string(), |(shift, unit)| format!("{}{unit}", bytes >> shift))
}

/// An estimate in decimal units and at most three digits: `940 MB`, `1.4 GB`, `23 GB`.
pub fn roughly(bytes: f64) -> String {
    match bytes.max(0.0) / 1e6 {
        mb if mb < 999.5 => format!("{mb:.0} MB"),
        mb if mb < 9_950.0 => format!("{:.1} GB", mb / 1e3),
        mb => format!("{:.0} GB", mb / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_know_binary_and_decimal_units() {
        for (text, bytes) in [
            ("64MiB", Some(64 << 20)),
            ("64 MiB", Some(64 << 20)),
            ("64M", Some(64 << 20)),
            ("1.5GiB", Some(3 << 29)),
            ("512KB", Some(512_000)),
            ("1048576", Some(1 << 20)),
            ("-1M", None),
            ("many", None),
            ("1 PiB", None),
            ("", None),
        ] {
            assert_eq!(parse(text), bytes, "{text:?}");
        }
    }
    #[test]
    fn a_size_is_written_so_that_it_reads_back() {
        for (bytes, text) in [(32 << 30, "32GiB"), (3 << 29, "1536MiB"), (100_000, "100000"), (0, "0")] {
            assert_eq!(exact(bytes), text);
            assert_eq!(parse(text), Some(bytes));
        }
    }

    #[test]
    fn an_estimate_has_three_digits_at_most() {
        for (bytes, text) in
            [(0.0, "0 MB"), (140e6, "140 MB"), (999.6e6, "1.0 GB"), (1.44e9, "1.4 GB"), (23.4e9, "23 GB")]
        {
            assert_eq!(roughly(bytes), text);
        }
    }
}
