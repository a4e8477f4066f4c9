//! The tree of a Compose file: values with the place they were read from.

mod mapping;

pub(crate) use mapping::{Key, Mapping};

use super::source::Position;

/// A value and its place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Position,
    /// The place of the key in front of it, if it stands in a mapping.
    pub(crate) key_at: Position,
    pub(crate) directive: Directive,
}

/// What `!reset` and `!override` ask of a merge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Directive {
    /// Neither was written.
    #[default]
    None,
    /// `!reset`: forget what earlier files say, and this value too.
    Reset,
    /// `!override`: forget what earlier files say.
    Override,
}

/// A value as go-yaml would hand it to Compose.
#[derive(Debug, Clone, Default)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number beyond `i64`.
    Uint(u64),
    Float(f64),
    String(String),
    /// A date; Compose takes none anywhere but under `x-…`.
    Timestamp(String),
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

impl Node {
    pub(crate) fn new(value: Value, at: Position) -> Self {
        Self {
            value,
            at,
            key_at: at,
            directive: Directive::None,
        }
    }

    pub(crate) fn string(text: impl Into<String>, at: Position) -> Self {
        Self::new(Value::String(text.into()), at)
    }

    pub(crate) fn mapping(mapping: Mapping, at: Position) -> Self {
        Self::new(Value::Mapping(mapping), at)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub(crate) fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        match &mut self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub(crate) fn as_sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_sequence_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entry of a mapping; `None` for anything else.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }

    /// The type and value in an error message.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Null => "empty".into(),
            Value::Bool(value) => format!("the boolean `{value}`"),
            Value::Int(_) | Value::Uint(_) | Value::Float(_) => {
                format!("the number `{}`", self.go_string())
            }
            Value::String(text) if text.chars().count() > 40 => "a string".into(),
            Value::String(text) => format!("the string `{text}`"),
            Value::Timestamp(text) => format!("the date `{text}`"),
            Value::Sequence(_) => "a list".into(),
            Value::Mapping(_) => "a mapping".into(),
        }
    }

    /// The value as Go's `%v` prints it.
    pub(crate) fn go_string(&self) -> String {
        match &self.value {
            Value::Null => "<nil>".into(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Uint(value) => value.to_string(),
            Value::Float(value) => super::scalar::format_float(*value),
            Value::String(text) | Value::Timestamp(text) => text.clone(),
            Value::Sequence(items) => {
                format!(
                    "[{}]",
                    items
                        .iter()
                        .map(Node::go_string)
                        .collect::<Vec<_>>()
                        .join(" ")
                )
            }
            Value::Mapping(mapping) => {
                let mut entries: Vec<_> = mapping
                    .iter()
                    .map(|(k, v)| format!("{k}:{}", v.go_string()))
                    .collect();
                entries.sort();
                format!("map[{}]", entries.join(" "))
            }
        }
    }

    /// Tells whether two values are the same, wherever they stand.
    pub(crate) fn same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Uint(a), Value::Uint(b)) => a == b,
            #[expect(clippy::float_cmp, reason = "the same text gives the same bits")]
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::String(a), Value::String(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => {
                a == b
            }
            (Value::Sequence(a), Value::Sequence(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Value::Mapping(a), Value::Mapping(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| b.get(key).is_some_and(|b| a.same(b)))
            }
            _ => false,
        }
    }

    /// The value as JSON, for `x-…` keys.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Uint(value) => Json::from(*value),
            Value::Float(value) => Json::from(*value),
            Value::String(text) => Json::String(text.clone()),
            Value::Timestamp(text) => Json::String(super::scalar::rfc3339(text)),
            Value::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Mapping(mapping) => Json::Object(
                mapping
                    .iter()
                    .map(|(key, node)| (key.to_string(), node.to_json()))
                    .collect(),
            ),
        }
    }
}
