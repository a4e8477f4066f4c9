//! JSON values as block YAML, in the style of docker compose.

mod style;

use serde_json::Value;

use crate::project::scalar;
use style::{Place, Style};

/// A key may be so long and stand in front of its colon.
const LONGEST_SIMPLE_KEY: usize = 128;

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
    // What is long or has several lines cannot stand in front of a colon.
    if key.len() > LONGEST_SIMPLE_KEY || key.contains('\n') {
        out.push_str("? ");
        out.push_str(&text(key, depth + 1, Place::Value));
        out.push('\n');
        indent(depth, out);
    } else {
        out.push_str(&text(key, depth, Place::Key));
    }
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
        Value::String(string) => text(string, depth, Place::Value),
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => scalar::format_float(float),
            _ => number.to_string(),
        },
        value => value.to_string(),
    }
}

fn text(text: &str, depth: usize, place: Place) -> String {
    match style::of(text, place) {
        Style::Plain => text.to_owned(),
        Style::Single => format!("'{}'", text.replace('\'', "''")),
        Style::Double => style::double_quoted(text),
        Style::Literal => block_text(text, depth),
    }
}

fn block_text(text: &str, depth: usize) -> String {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    let mut out = String::from("|");
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    out.push_str(match ends {
        0 => "-\n",
        1 if !body.is_empty() => "\n",
        _ => "+\n",
    });
    // The last line end of a text without any other line is the one that is kept.
    let blank = ends.saturating_sub(usize::from(!body.is_empty()));
    let lines = (!body.is_empty())
        .then(|| body.split('\n'))
        .into_iter()
        .flatten();
    for line in lines.chain(std::iter::repeat_n("", blank)) {
        if !line.is_empty() {
            indent(depth, &mut out);
            out.push_str(line);
        }
        out.push('\n');
    }
    out.pop();
    out
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
            "breaks": "\n", "breaks and text": "\n\na\n", "space": "a \nb", "bell": "\u{7}", "face": "\u{1f600}", "bom": "\u{feff}a",
            "sixty": "1:30", "line\nkey": "v", "merge": "<<", "word": "yEs", "del": "\u{7f}", "next": "\u{85}", "line": "a\u{2028}b",
            "hash": "a #b", "1": 1.5, "quote": "\"'", "dash": "-x",
        });
        let text = render(&value);
        let document = crate::project::yaml::parse(&text, 0).unwrap().remove(0);
        assert_eq!(document.to_json(), value, "{text}");
    }
}
