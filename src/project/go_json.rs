//! JSON as Go's encoder writes it: the config hash is taken over these bytes.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, Formatter};

/// The value in Go's form, on one line.
pub(crate) fn compact(value: &Value) -> String {
    let mut out = Vec::with_capacity(1024);
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut out, GoFormatter { indent: None });
    // Writing into memory cannot fail.
    let _ = value.serialize(&mut serializer);
    String::from_utf8_lossy(&out).into_owned()
}

/// The value in Go's form, indented by two spaces.
pub(crate) fn pretty(value: &Value) -> String {
    let mut out = Vec::with_capacity(4096);
    let indent = Some(Indent {
        depth: 0,
        has_value: false,
    });
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, GoFormatter { indent });
    let _ = value.serialize(&mut serializer);
    String::from_utf8_lossy(&out).into_owned()
}

/// What of the model is not for Go's JSON: `x-…` keys and what only we keep.
pub(crate) fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for key in ["#extensions", "#value", "#environment"] {
                map.shift_remove(key);
            }
            if let Some(Value::Array(files)) = map.get_mut("env_file") {
                files.iter_mut().for_each(shorten_env_file);
            }
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// An env file that is required is its path alone, whatever its format.
fn shorten_env_file(file: &mut Value) {
    if let Value::Object(map) = file
        && !map.contains_key("required")
    {
        *file = map.shift_remove("path").unwrap_or_default();
    }
}

struct GoFormatter {
    indent: Option<Indent>,
}

struct Indent {
    depth: usize,
    has_value: bool,
}

impl GoFormatter {
    fn open<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if let Some(indent) = &mut self.indent {
            indent.depth += 1;
            indent.has_value = false;
        }
        writer.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if let Some(indent) = &mut self.indent {
            indent.depth -= 1;
            if indent.has_value {
                writer.write_all(b"\n")?;
                write_indent(writer, indent.depth)?;
            }
        }
        writer.write_all(bracket)
    }

    fn element<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if let Some(indent) = &self.indent {
            writer.write_all(b"\n")?;
            write_indent(writer, indent.depth)?;
        }
        Ok(())
    }

    fn end_element(&mut self) {
        if let Some(indent) = &mut self.indent {
            indent.has_value = true;
        }
    }
}

fn write_indent<W: ?Sized + io::Write>(writer: &mut W, depth: usize) -> io::Result<()> {
    (0..depth).try_for_each(|_| writer.write_all(b"  "))
}

impl Formatter for GoFormatter {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(number(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut start = 0;
        for (at, char) in fragment.char_indices() {
            let escape = match char {
                '<' => "\\u003c",
                '>' => "\\u003e",
                '&' => "\\u0026",
                '\u{2028}' => "\\u2028",
                '\u{2029}' => "\\u2029",
                _ => continue,
            };
            writer.write_all(&fragment.as_bytes()[start..at])?;
            writer.write_all(escape.as_bytes())?;
            start = at + char.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[start..])
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let text = match escape {
            CharEscape::Quote => "\\\"".to_owned(),
            CharEscape::ReverseSolidus => "\\\\".to_owned(),
            CharEscape::Solidus => "/".to_owned(),
            CharEscape::Backspace => "\\b".to_owned(),
            CharEscape::FormFeed => "\\f".to_owned(),
            CharEscape::LineFeed => "\\n".to_owned(),
            CharEscape::CarriageReturn => "\\r".to_owned(),
            CharEscape::Tab => "\\t".to_owned(),
            CharEscape::AsciiControl(byte) => format!("\\u{byte:04x}"),
        };
        writer.write_all(text.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.element(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.end_element();
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.element(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.indent.is_some() { b": " } else { b":" })
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.end_element();
        Ok(())
    }
}

/// The shortest digits; an exponent below 1e-6 and from 1e21 on.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => {
            format!("{mantissa}e+{exponent}")
        }
        _ => scientific,
    }
}
