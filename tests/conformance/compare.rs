//! Answers compared by their meaning.

use serde_json::Value;

/// JSON: the order of members is free, and `1` is `1.0`.
pub(crate) fn first_difference(want: &str, got: &str) -> Result<(), String> {
    if want.trim().is_empty() || got.trim().is_empty() {
        return same_lines(want, got);
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
    differ(&read(want)?, &read(got)?, "")
}

fn differ(want: &Value, got: &Value, path: &str) -> Result<(), String> {
    match (want, got) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, want) in a {
                let path = format!("{path}.{key}");
                let got = b
                    .get(key)
                    .ok_or_else(|| format!("{path} is missing: {want}"))?;
                differ(want, got, &path)?;
            }
            match b.keys().find(|key| !a.contains_key(*key)) {
                Some(key) => Err(format!("{path}.{key} is not wanted: {}", b[key])),
                None => Ok(()),
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs
                .try_for_each(|(index, (want, got))| differ(want, got, &format!("{path}[{index}]")))
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        _ if want == got => Ok(()),
        _ => Err(format!("{path}: {want} is wanted, not {got}")),
    }
}

/// Text: the order of lines is free, since Go's maps have none.
pub(crate) fn same_lines(want: &str, got: &str) -> Result<(), String> {
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    let (want, got) = (sorted(want), sorted(got));
    if want == got {
        return Ok(());
    }
    let missing = want.iter().find(|line| !got.contains(line));
    let surplus = got.iter().find(|line| !want.contains(line));
    Err(format!(
        "the line {missing:?} is missing, {surplus:?} is not wanted"
    ))
}
