//! Durations as Compose reads them and as Go writes them.

use std::fmt;

use super::model::GoDuration;

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000 * MICROSECOND;
const SECOND: i64 = 1_000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Reads a duration of a Compose file.
#[must_use]
pub fn parse(text: &str) -> Option<GoDuration> {
    parse_go(text)
}

/// Reads `1h30m`, `1.5s`, `2d` …; `None` for anything else.
#[must_use]
pub fn parse_go(text: &str) -> Option<GoDuration> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(GoDuration(0));
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        total += amount(number, unit_nanoseconds(unit)?)?;
        rest = tail;
    }
    let nanoseconds = i64::try_from(total).ok()?;
    Some(GoDuration(if negative {
        -nanoseconds
    } else {
        nanoseconds
    }))
}

fn unit_nanoseconds(unit: &str) -> Option<i64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => WEEK,
        _ => return None,
    })
}

fn amount(number: &str, unit: i64) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 19 {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let digits = &fraction[..fraction.len().min(18)];
    let part: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let scale = 10_i128.pow(u32::try_from(digits.len()).ok()?);
    Some(whole * i128::from(unit) + part * i128::from(unit) / scale)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if size == 0 {
            return f.write_str("0s");
        }
        let below_second = [
            (MICROSECOND, 1, "ns"),
            (MILLISECOND, MICROSECOND, "µs"),
            (SECOND, MILLISECOND, "ms"),
        ];
        for (limit, unit, name) in below_second {
            if size < limit.unsigned_abs() {
                return write!(f, "{}{name}", decimal(size, unit.unsigned_abs()));
            }
        }
        let (hours, rest) = (size / HOUR.unsigned_abs(), size % HOUR.unsigned_abs());
        let (minutes, rest) = (rest / MINUTE.unsigned_abs(), rest % MINUTE.unsigned_abs());
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(rest, SECOND.unsigned_abs()))
    }
}

/// `size` in `unit`, with as many decimals as it needs.
fn decimal(size: u64, unit: u64) -> String {
    let (whole, rest) = (size / unit, size % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!(
        "{whole}.{}",
        format!("{rest:0width$}").trim_end_matches('0')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_go_writes_it() {
        for (text, written) in [
            ("90s", "1m30s"),
            ("120s", "2m0s"),
            ("1.5h", "1h30m0s"),
            ("500ms", "500ms"),
            ("1d", "24h0m0s"),
            ("0", "0s"),
        ] {
            assert_eq!(parse_go(text).expect(text).to_string(), written);
        }
    }

    #[test]
    fn a_number_without_unit_is_no_duration() {
        for text in ["", "10", "s", "1x", "-", "1..5s"] {
            assert_eq!(parse_go(text), None, "{text}");
        }
    }
}
