//! Checks the keys and types of a model.

mod pattern;
mod table;

use std::collections::HashSet;

use super::error::{Fault, Outcome, Problem, Under as _};
use super::suggest;
use super::tree::{Mapping, Node, Value};

/// Checks a model against the Compose Specification.
pub(crate) fn check(model: &Node) -> Outcome<()> {
    table::PROJECT.check(model)
}

/// What a value may look like.
enum Shape {
    Types(Types),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A string of which some part matches.
    Pattern(pattern::Pattern),
    /// A whole number between two others.
    Range {
        low: i64,
        high: i64,
    },
    List {
        item: &'static Shape,
        unique: bool,
    },
    Object(&'static Object),
    /// One of several shapes.
    Either(&'static [&'static Shape]),
}

struct Object {
    /// Sorted by name.
    keys: &'static [(&'static str, &'static Shape)],
    required: &'static [&'static str],
    others: Others,
    /// The types that may stand in its place.
    or: Types,
}

/// Keys that are not listed.
enum Others {
    None,
    /// Those that begin with `x-`.
    Extensions,
    /// Names that the file chooses.
    Named {
        name: fn(&str) -> bool,
        shape: &'static Shape,
        closed: bool,
    },
    Anything,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Types(u8);

impl Types {
    const NONE: Self = Self(0);
    const STRING: Self = Self(1);
    const INTEGER: Self = Self(2);
    /// Whole or not.
    const NUMBER: Self = Self(6);
    const BOOLEAN: Self = Self(8);
    const NULL: Self = Self(16);
    const LIST: Self = Self(32);
    const OBJECT: Self = Self(64);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn of(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Int(_) | Value::Uint(_) => Self::INTEGER,
            Value::Float(value) if value.fract() == 0.0 => Self::INTEGER,
            Value::Float(_) => Self(4),
            Value::String(_) => Self::STRING,
            Value::Timestamp(_) => Self::NONE,
            Value::Sequence(_) => Self::LIST,
            Value::Mapping(_) => Self::OBJECT,
        }
    }

    /// "a string or a list"
    fn names(self) -> String {
        let table = [
            (Self::STRING, "a string"),
            (Self(4), "a number"),
            (Self::INTEGER, "a whole number"),
            (Self::BOOLEAN, "true or false"),
            (Self::LIST, "a list"),
            (Self::OBJECT, "a mapping"),
            (Self::NULL, "empty"),
        ];
        let skip_whole = self.meets(Self(4));
        let fits = |types: Self| self.meets(types) && !(skip_whole && types == Self::INTEGER);
        let names: Vec<&str> = table
            .into_iter()
            .filter(|(types, _)| fits(*types))
            .map(|(_, name)| name)
            .collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.concat(),
        }
    }
}

impl Shape {
    fn check(&self, node: &Node) -> Outcome<()> {
        match self {
            Self::Types(_) | Self::Range { .. } if !self.types().meets(Types::of(node)) => {
                Err(self.wrong_type(node))
            }
            Self::Types(_) => Ok(()),
            Self::Range { low, high } => check_range(node, *low, *high),
            Self::Word(words) => check_word(node, words),
            Self::Pattern(pattern) => match node.as_str() {
                Some(text) if (pattern.matches)(text) => Ok(()),
                Some(text) => Err(Fault::invalid(
                    format!("`{text}` is not {}", pattern.meaning),
                    node.at,
                )),
                None => Err(self.wrong_type(node)),
            },
            Self::List { item, unique } => {
                let items = node.as_sequence().ok_or_else(|| self.wrong_type(node))?;
                for (index, value) in items.iter().enumerate() {
                    item.check(value).within(index)?;
                }
                if *unique { check_unique(items) } else { Ok(()) }
            }
            Self::Object(object) => match &node.value {
                Value::Mapping(mapping) => object.check(mapping, node),
                _ if object.or.meets(Types::of(node)) => Ok(()),
                _ => Err(self.wrong_type(node)),
            },
            Self::Either(shapes) => self.check_either(shapes, node),
        }
    }

    fn check_either(&self, shapes: &[&Shape], node: &Node) -> Outcome<()> {
        let mut first_fault = None;
        for shape in shapes
            .iter()
            .filter(|shape| shape.types().meets(Types::of(node)))
        {
            match shape.check(node) {
                Ok(()) => return Ok(()),
                Err(fault) => {
                    first_fault.get_or_insert(fault);
                }
            }
        }
        Err(first_fault.unwrap_or_else(|| self.wrong_type(node)))
    }

    fn types(&self) -> Types {
        match self {
            Self::Types(types) => *types,
            Self::Word(_) | Self::Pattern(_) => Types::STRING,
            Self::Range { .. } => Types::INTEGER,
            Self::List { .. } => Types::LIST,
            Self::Object(object) => Types::OBJECT.or(object.or),
            Self::Either(shapes) => shapes
                .iter()
                .fold(Types::NONE, |types, shape| types.or(shape.types())),
        }
    }

    fn wrong_type(&self, node: &Node) -> Box<Fault> {
        let fault = Fault::wrong_type(self.types().names(), node);
        match &node.value {
            Value::Int(_)
            | Value::Uint(_)
            | Value::Float(_)
            | Value::Bool(_)
            | Value::Timestamp(_)
                if self.types().meets(Types::STRING) =>
            {
                fault.hint(format!("put it in quotes: \"{}\"", node.go_string()))
            }
            _ => fault,
        }
    }
}

impl Object {
    fn check(&self, mapping: &Mapping, node: &Node) -> Outcome<()> {
        for (key, value) in mapping {
            if let Ok(place) = self
                .keys
                .binary_search_by(|(name, _)| (*name).cmp(key.as_str()))
            {
                self.keys[place].1.check(value).under(key)?;
                continue;
            }
            match &self.others {
                Others::Extensions if key.starts_with("x-") => {}
                Others::Named { name, shape, .. } if name(key) => shape.check(value).under(key)?,
                Others::Anything | Others::Named { closed: false, .. } => {}
                Others::Named { .. } => {
                    return Err(
                        Fault::invalid(format!("`{key}` is no valid name"), value.key_at)
                            .hint("a name holds letters, digits, `.`, `_` and `-`"),
                    );
                }
                Others::None | Others::Extensions => return Err(self.unknown(key, value)),
            }
        }
        match self.required.iter().find(|key| !mapping.contains_key(key)) {
            Some(key) => Err(Fault::new(Problem::MissingKey(key), node.at)),
            None => Ok(()),
        }
    }

    fn unknown(&self, key: &str, value: &Node) -> Box<Fault> {
        let fault = Fault::new(Problem::UnknownKey(key.to_owned()), value.key_at);
        match suggest::closest(key, self.keys.iter().map(|(name, _)| *name)) {
            Some(name) => fault.hint(format!("did you mean `{name}`?")),
            None => fault.hint("keys of your own begin with `x-`"),
        }
    }
}

fn check_word(node: &Node, words: &[&str]) -> Outcome<()> {
    let Some(text) = node.as_str() else {
        return Err(Fault::wrong_type("a string", node));
    };
    if words.contains(&text) {
        return Ok(());
    }
    let fault = Fault::invalid(format!("`{text}` is none of {}", words.join(", ")), node.at);
    Err(match suggest::closest(text, words.iter().copied()) {
        Some(word) => fault.hint(format!("did you mean `{word}`?")),
        None => fault,
    })
}

fn check_range(node: &Node, low: i64, high: i64) -> Outcome<()> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it has no fraction, and Rust's cast saturates"
    )]
    let number = match &node.value {
        Value::Int(number) => *number,
        Value::Float(number) => *number as i64,
        _ => i64::MAX,
    };
    if (low..=high).contains(&number) {
        return Ok(());
    }
    let bounds = if high == i64::MAX {
        format!("at least {low}")
    } else {
        format!("between {low} and {high}")
    };
    Err(Fault::invalid(format!("{number} is not {bounds}"), node.at))
}

fn check_unique(items: &[Node]) -> Outcome<()> {
    let mut seen = HashSet::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let kind = Types::of(item).0;
        if !seen.insert((kind, item.go_string())) {
            return Err(Fault::invalid(
                format!("`{}` stands here twice", item.go_string()),
                item.at,
            ))
            .within(index);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_every_object_are_sorted() {
        fn walk(shape: &Shape) {
            match shape {
                Shape::Object(object) => {
                    assert!(object.keys.is_sorted_by_key(|(name, _)| *name));
                    object.keys.iter().for_each(|(_, shape)| walk(shape));
                    if let Others::Named { shape, .. } = &object.others {
                        walk(shape);
                    }
                }
                Shape::List { item, .. } => walk(item),
                Shape::Either(shapes) => shapes.iter().for_each(|shape| walk(shape)),
                _ => {}
            }
        }
        walk(&table::PROJECT);
    }
}
