//! A serializer that writes Go's JSON straight into memory, without a tree in between.

use std::fmt::Write as _;

use serde::Serialize;
use serde::ser::{self, Serializer};

/// What is written, and whether values stand on lines of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// What Go writes, on one line.
    Compact,
    /// What Go writes, on many.
    Indented,
    /// Everything that we keep, on one line.
    Stored,
}

/// What becomes of a `$`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dollars {
    Plain,
    Doubled,
}

pub(super) struct Writer {
    out: String,
    layout: Layout,
    dollars: Dollars,
    depth: usize,
}

impl Writer {
    pub(super) fn new(layout: Layout, dollars: Dollars) -> Self {
        Self {
            out: String::with_capacity(1024),
            layout,
            dollars,
            depth: 0,
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        let mut start = 0;
        for (at, byte) in text.bytes().enumerate() {
            let length = match byte {
                b'"' | b'\\' | b'<' | b'>' | b'&' | 0..=0x1f => 1,
                b'$' if self.dollars == Dollars::Doubled => 1,
                // U+2028 and U+2029 are the only characters that begin so and end in A8 or A9.
                0xe2 if matches!(
                    text.as_bytes().get(at + 1..at + 3),
                    Some([0x80, 0xa8 | 0xa9])
                ) =>
                {
                    3
                }
                _ => continue,
            };
            self.out.push_str(&text[start..at]);
            start = at + length;
            self.escape(&text[at..start]);
        }
        self.out.push_str(&text[start..]);
        self.out.push('"');
    }

    fn escape(&mut self, char: &str) {
        self.out.push_str(match char {
            "\"" => "\\\"",
            "\\" => "\\\\",
            "\n" => "\\n",
            "\r" => "\\r",
            "\t" => "\\t",
            "\u{8}" => "\\b",
            "\u{c}" => "\\f",
            "<" => "\\u003c",
            ">" => "\\u003e",
            "&" => "\\u0026",
            "$" => "$$",
            "\u{2028}" => "\\u2028",
            "\u{2029}" => "\\u2029",
            control => {
                let code = control.bytes().next().unwrap_or_default();
                // Writing into a string cannot fail.
                let _ = write!(self.out, "\\u{code:04x}");
                return;
            }
        });
    }

    fn open(&mut self, bracket: char) -> Elements<'_> {
        let start = self.out.len();
        self.out.push(bracket);
        self.depth += 1;
        Elements {
            writer: self,
            start,
            state: State::Empty,
        }
    }

    fn colon(&mut self) {
        self.out.push_str(match self.layout {
            Layout::Compact | Layout::Stored => ":",
            Layout::Indented => ": ",
        });
    }

    fn line(&mut self) {
        if self.layout == Layout::Indented {
            self.out.push('\n');
            for _ in 0..self.depth {
                self.out.push_str("  ");
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum State {
    Empty,
    Filled,
    /// An env file: its path alone is written unless it says that it need not be there.
    EnvFile {
        path: Option<std::ops::Range<usize>>,
        optional: bool,
    },
}

/// The elements of a list, map or struct.
pub(super) struct Elements<'a> {
    writer: &'a mut Writer,
    /// Where the bracket stands.
    start: usize,
    state: State,
}

impl Elements<'_> {
    fn element(&mut self) {
        let first = match self.state {
            State::Empty => {
                self.state = State::Filled;
                true
            }
            State::Filled => false,
            State::EnvFile { .. } => self.writer.out.len() == self.start + 1,
        };
        if !first {
            self.writer.out.push(',');
        }
        self.writer.line();
    }

    fn key(&mut self, key: &str) {
        self.element();
        self.writer.text(key);
        self.writer.colon();
    }

    fn close(self, bracket: char) {
        let writer = self.writer;
        writer.depth -= 1;
        if let State::EnvFile {
            path,
            optional: false,
        } = self.state
        {
            if let Some(path) = path {
                writer.out.truncate(path.end);
                writer.out.drain(self.start..path.start);
            } else {
                writer.out.truncate(self.start);
                writer.out.push_str("null");
            }
            return;
        }
        if self.state != State::Empty {
            writer.line();
        }
        writer.out.push(bracket);
    }
}

type Written = Result<(), serde_json::Error>;

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = ser::Impossible<(), Self::Error>;
    type SerializeMap = Elements<'a>;
    type SerializeStruct = Elements<'a>;
    type SerializeStructVariant = ser::Impossible<(), Self::Error>;

    fn serialize_bool(self, value: bool) -> Written {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        let _ = write!(self.out, "{value}");
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        let _ = write!(self.out, "{value}");
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(value.into())
    }

    /// The shortest digits; an exponent below 1e-6 and from 1e21 on. What is no number is `null`.
    fn serialize_f64(self, value: f64) -> Written {
        if !value.is_finite() {
            return self.serialize_unit();
        }
        let size = value.abs();
        if size == 0.0 || (1e-6..1e21).contains(&size) {
            let _ = write!(self.out, "{value}");
            return Ok(());
        }
        let scientific = format!("{value:e}");
        match scientific.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                let _ = write!(self.out, "{mantissa}e+{exponent}");
            }
            _ => self.out.push_str(&scientific),
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        value.serialize(self)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.out.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(no_variant())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Self::Error> {
        Ok(self.open('['))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Self::Error> {
        Ok(self.open('['))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Self::Error> {
        Ok(self.open('['))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Self::Error> {
        Err(no_variant())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Self::Error> {
        Ok(self.open('{'))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, Self::Error> {
        let stored = self.layout == Layout::Stored;
        let mut elements = self.open('{');
        if name == "EnvFile" && !stored {
            elements.state = State::EnvFile {
                path: None,
                optional: false,
            };
        }
        Ok(elements)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Self::Error> {
        Err(no_variant())
    }
}

/// No type of the model is an enum with content.
fn no_variant() -> serde_json::Error {
    ser::Error::custom("a variant with content has no form in Go")
}

impl ser::SerializeSeq for Elements<'_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.element();
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Written {
        self.close(']');
        Ok(())
    }
}

impl ser::SerializeTuple for Elements<'_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleStruct for Elements<'_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeMap for Elements<'_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.element();
        key.serialize(&mut *self.writer)?;
        self.writer.colon();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Written {
        self.close('}');
        Ok(())
    }
}

impl ser::SerializeStruct for Elements<'_> {
    type Ok = ();
    type Error = serde_json::Error;

    /// A name that begins with `#` is none of Compose's: the field is for the stored form.
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
        if key.starts_with('#') && self.writer.layout != Layout::Stored {
            return Ok(());
        }
        self.key(key);
        let start = self.writer.out.len();
        value.serialize(&mut *self.writer)?;
        let end = self.writer.out.len();
        if let State::EnvFile { path, optional } = &mut self.state {
            match key {
                "path" => *path = Some(start..end),
                "required" => *optional = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn end(self) -> Written {
        self.close('}');
        Ok(())
    }
}
