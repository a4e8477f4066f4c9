//! Sizes: `512m`, `1.5GiB`, `64 kb`.

use super::model::ByteSize;

/// Reads a size; `None` for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<ByteSize> {
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let number = text[..=last].strip_suffix(' ').unwrap_or(&text[..=last]);
    // Go allows an underscore between two digits.
    let misplaced = number.starts_with('_')
        || number.ends_with('_')
        || number.contains("__")
        || number.contains("._")
        || number.contains("_.");
    let number = if misplaced {
        number.to_owned()
    } else {
        number.replace('_', "")
    };
    let number: f64 = number
        .parse()
        .ok()
        .filter(|n: &f64| *n >= 0.0 && n.is_finite())?;
    let unit = text[last + 1..].to_ascii_lowercase();
    let factor: f64 = match unit.as_str() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1024.0 * 1024.0,
        "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tb" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "p" | "pb" | "pib" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(ByteSize(super::decode::go_int(number * factor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in [
            ("512m", 536_870_912),
            ("1.5kb", 1536),
            ("64", 64),
            ("2 GiB", 2_147_483_648),
            ("1b", 1),
        ] {
            assert_eq!(parse(text), Some(ByteSize(bytes)), "{text}");
        }
        for text in ["", "m", "-1", "1x", "1kbb", "1bb"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
