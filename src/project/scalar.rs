//! Plain scalars as go-yaml resolves them: YAML 1.1 octals, 1.2 booleans, dates.

use std::borrow::Cow;

use super::tree::Value;

/// What a plain scalar is besides a string: a number, a boolean, null or a date.
pub(crate) fn resolve_plain(text: &str) -> Option<Value> {
    let Some(first) = text.bytes().next() else {
        return Some(Value::Null);
    };
    match first {
        b't' | b'T' | b'f' | b'F' | b'n' | b'N' | b'~' => resolve_word(text),
        b'.' | b'+' | b'-' | b'0'..=b'9' => resolve_word(text).or_else(|| resolve_number(text)),
        _ => None,
    }
}

fn resolve_word(text: &str) -> Option<Value> {
    Some(match text {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        "~" | "null" | "Null" | "NULL" => Value::Null,
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Value::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn resolve_number(text: &str) -> Option<Value> {
    if is_timestamp(text) {
        return Some(Value::Timestamp(text.to_owned()));
    }
    let plain = if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    };
    if !text.starts_with('.')
        && let Some(value) = parse_integer(&plain)
    {
        return Some(value);
    }
    parse_float(&plain).map(Value::Float)
}

/// A whole number with Go's prefixes: `0x`, `0o`, `0b`, and a leading zero for octal.
fn parse_integer(plain: &str) -> Option<Value> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let lower = digits.get(..2).unwrap_or_default().to_ascii_lowercase();
    let (radix, digits) = match lower.as_str() {
        "0x" => (16, &digits[2..]),
        "0o" => (8, &digits[2..]),
        "0b" => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        let value = i64::try_from(-i128::from(size)).ok()?;
        return Some(Value::Int(value));
    }
    Some(i64::try_from(size).map_or(Value::Uint(size), Value::Int))
}

/// A decimal fraction with at most one exponent; what overflows is none.
fn parse_float(plain: &str) -> Option<f64> {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    plain.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// `2024-01-01`, alone or with a time of day.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let mut parts = date[5..].split('-');
    let number = |part: Option<&str>, high: u32| {
        part.filter(|p| matches!(p.len(), 1 | 2) && p.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|p| p.parse::<u32>().ok())
            .filter(|n| (1..=high).contains(n))
    };
    let year: u32 = date[..4].parse().unwrap_or(0);
    let month = number(parts.next(), 12);
    let days = match month {
        Some(2)
            if year.is_multiple_of(4)
                && (!year.is_multiple_of(100) || year.is_multiple_of(400)) =>
        {
            29
        }
        Some(2) => 28,
        Some(4 | 6 | 9 | 11) => 30,
        _ => 31,
    };
    let valid = month.is_some() && number(parts.next(), days).is_some() && parts.next().is_none();
    valid && time.is_none_or(is_time_of_day)
}

fn is_time_of_day(time: &str) -> bool {
    let with_zone = !time.starts_with(' ');
    let clock = &time[1..];
    let (clock, zone) = match clock.find(['Z', '+', '-']) {
        Some(at) => clock.split_at(at),
        None => (clock, ""),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts[..] else {
        return false;
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let below = |part: &str, limit: u32| {
        matches!(part.len(), 1 | 2) && part.parse::<u32>().is_ok_and(|n| n < limit)
    };
    let zone_fits = match zone.as_bytes() {
        [] => !with_zone,
        [b'Z'] => with_zone,
        [b'+' | b'-', rest @ ..] => with_zone && rest.len() == 5 && rest[2] == b':',
        _ => false,
    };
    below(hour, 24)
        && below(minute, 60)
        && below(second, 60)
        && zone_fits
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// A date as Go's JSON writes it.
pub(crate) fn rfc3339(text: &str) -> String {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let pad = |part: &str| format!("{part:0>2}");
    let date: Vec<String> = date.split('-').map(pad).collect();
    let time = time.map_or_else(
        || "00:00:00Z".to_owned(),
        |time| {
            let (clock, zone) = match time.find(['Z', '+', '-']) {
                Some(at) => time.split_at(at),
                None => (time, "Z"),
            };
            let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
            let clock: Vec<String> = clock.split(':').map(pad).collect();
            let fraction = fraction.trim_end_matches('0');
            let dot = if fraction.is_empty() { "" } else { "." };
            format!("{}{dot}{fraction}{zone}", clock.join(":"))
        },
    );
    format!("{}T{time}", date.join("-"))
}

/// A number as Go's `%v` prints it: the shortest digits, an exponent from a million on.
pub(crate) fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let value = resolve_plain(text).unwrap_or_else(|| Value::String(text.to_owned()));
        format!("{value:?}")
    }

    #[test]
    fn octal_hexadecimal_and_binary_are_numbers() {
        for (text, number) in [
            ("0644", 420),
            ("0o644", 420),
            ("0x1F", 31),
            ("0b11", 3),
            ("1_000", 1000),
            ("+5", 5),
            ("-0", 0),
        ] {
            assert_eq!(shown(text), format!("Int({number})"), "{text}");
        }
        assert_eq!(shown("08"), "Float(8.0)");
        assert_eq!(shown("18446744073709551615"), "Uint(18446744073709551615)");
    }

    #[test]
    fn booleans_are_those_of_yaml_1_2() {
        assert_eq!(shown("True"), "Bool(true)");
        for text in [
            "yes", "on", "y", "tRue", "1.2.3", "22:22", "1e400", "0x", "-", "1e",
        ] {
            assert_eq!(shown(text), format!("String({text:?})"), "{text}");
        }
    }

    #[test]
    fn a_date_is_not_a_string() {
        assert_eq!(shown("2024-01-01"), "Timestamp(\"2024-01-01\")");
        assert_eq!(shown("2024-13-01"), "String(\"2024-13-01\")");
        assert_eq!(
            shown("2024-01-01T10:00:00Z"),
            "Timestamp(\"2024-01-01T10:00:00Z\")"
        );
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        for (text, printed) in [
            ("1.10", "1.1"),
            ("1.0", "1"),
            ("1e3", "1000"),
            ("1e21", "1e+21"),
            ("0.000001", "1e-06"),
            ("-.inf", "-Inf"),
        ] {
            let Some(Value::Float(value)) = resolve_plain(text) else {
                panic!("{text}")
            };
            assert_eq!(format_float(value), printed);
        }
    }
}
