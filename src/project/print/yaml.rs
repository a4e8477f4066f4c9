//! JSON values as block YAML that every parser reads back as the same values.

use serde_json::Value;

use crate::project::scalar;

/// A document.
pub(super) fn render(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, 0, &mut out);
    out
}

/// An entry of a mapping that stands below another key.
pub(super) fn render_entry(key: &str, value: &Value, out: &mut String) {
    indent(1, out);
    write_key(key, value, 1, out);
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                indent(depth, out);
                write_key(key, value, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(depth, out);
                out.push_str("- ");
                write_item(item, depth, out);
            }
        }
        value => {
            out.push_str(&inline(value, depth));
            out.push('\n');
        }
    }
}

fn write_key(key: &str, value: &Value, depth: usize, out: &mut String) {
    out.push_str(&quoted_if_needed(key));
    out.push(':');
    if is_block(value) {
        out.push('\n');
        write_value(value, depth + 1, out);
    } else {
        out.push(' ');
        out.push_str(&inline(value, depth + 1));
        out.push('\n');
    }
}

/// The first key of a mapping stands beside the dash.
fn write_item(item: &Value, depth: usize, out: &mut String) {
    match item {
        Value::Object(map) if !map.is_empty() => {
            for (number, (key, value)) in map.iter().enumerate() {
                if number > 0 {
                    indent(depth + 1, out);
                }
                write_key(key, value, depth + 1, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_value(item, depth + 1, out);
        }
        item => {
            out.push_str(&inline(item, depth + 1));
            out.push('\n');
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    (0..depth).for_each(|_| out.push_str("  "));
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn inline(value: &Value, depth: usize) -> String {
    match value {
        Value::String(text) if is_block_text(text) => block_text(text, depth),
        Value::String(text) => quoted_if_needed(text),
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        value => value.to_string(),
    }
}

/// Several lines that a literal block can hold as they are.
fn is_block_text(text: &str) -> bool {
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && text
            .chars()
            .all(|c| plain(c) && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
}

fn block_text(text: &str, depth: usize) -> String {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    let mut out = String::from(match ends {
        0 => "|-\n",
        1 => "|\n",
        _ => "|+\n",
    });
    let lines = body
        .split('\n')
        .chain(std::iter::repeat_n("", ends.saturating_sub(1)));
    for line in lines {
        if !line.is_empty() {
            indent(depth, &mut out);
            out.push_str(line);
        }
        out.push('\n');
    }
    out.pop();
    out
}

fn quoted_if_needed(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        serde_json::to_string(text).unwrap_or_default()
    }
}

/// A text that means itself without quotes.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let like_another_type = scalar::resolve_plain(text).is_some();
    // Readers of YAML 1.1 take these for booleans.
    let old_boolean = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "<<" | "="
    );
    !like_another_type
        && !old_boolean
        && !"-?:,[]{}#&*!|>'\"%@`".contains(first)
        && !text.ends_with([' ', ':'])
        && !text.starts_with([' ', '='])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(char::is_control)
        && !text.contains(['\u{2028}', '\u{2029}', '\u{feff}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back_as_it_was() {
        let value = serde_json::json!({
            "plain": "a b", "number": "012", "yes": "yes", "date": "2024-01-01", "empty": "", "colon": "a: b",
            "lines": "one\n  two\n", "kept": "one\n\ntwo\n\n", "cut": "a\nb", "odd": " lead\nx", "tab": "a\tb",
            "list": [{"a": 1, "b": [1, [2, 3]]}, [], {}, null, true, "- x", "#"], "nested": {"x": {"y": {}}},
            "hash": "a #b", "1": 1.5, "quote": "\"'", "dash": "-x",
        });
        let text = render(&value);
        let document = crate::project::yaml::parse(&text, 0).unwrap().remove(0);
        assert_eq!(document.to_json(), value, "{text}");
    }
}
