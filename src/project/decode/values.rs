//! Values of a tree as values of the model, with Compose's conversions.

use indexmap::IndexMap;

use crate::project::error::{Fault, Outcome, Under as _};
use crate::project::model::{ByteSize, Float, HostList};
use crate::project::tree::{Node, Value};
use crate::project::{bytes, interpolate};

pub(super) fn string(node: Node) -> Outcome<String> {
    match node.value {
        Value::String(text) => Ok(text),
        Value::Int(number) => Ok(number.to_string()),
        _ => Err(Fault::wrong_type("a string", &node)),
    }
}

/// The entries of a list; what is none is its only entry.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(items) => items,
        _ => std::slice::from_ref(node),
    }
}

pub(super) fn strings(node: Node) -> Outcome<Vec<String>> {
    match node.value {
        Value::Sequence(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| string(item).within(index))
            .collect(),
        _ => string(node).map(|text| vec![text]),
    }
}

pub(super) fn integer(node: &Node) -> Outcome<i64> {
    let fault = || Fault::wrong_type("a whole number", node);
    match &node.value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) => Ok(go_int(*number)),
        Value::String(text) => interpolate::parse_int(text).ok_or_else(fault),
        _ => Err(fault()),
    }
}

/// A float as Go makes a whole number of it: the fraction is dropped, what is out of range is the lowest number.
pub(crate) fn go_int(number: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the range is checked, and the fraction is to be dropped"
    )]
    if number >= i64::MIN as f64 && number < i64::MAX as f64 {
        number as i64
    } else {
        i64::MIN
    }
}

pub(super) fn float(node: &Node) -> Outcome<Float> {
    let fault = || Fault::wrong_type("a number", node);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "Compose keeps 32 bits"
    )]
    match &node.value {
        Value::Int(number) => Ok(Float(*number as f32)),
        Value::Float(number) => Ok(Float(*number as f32)),
        Value::String(text) => interpolate::parse_float(text)
            .map(|number| Float(number as f32))
            .ok_or_else(fault),
        _ => Err(fault()),
    }
}

pub(super) fn byte_size(node: &Node) -> Outcome<ByteSize> {
    match &node.value {
        Value::Int(number) => Ok(ByteSize(*number)),
        Value::Uint(number) => Ok(ByteSize(number.cast_signed())),
        Value::String(text) => bytes::parse(text).ok_or_else(|| {
            Fault::invalid(format!("`{text}` is no size"), node.at)
                .hint("write a number and a unit: `512m`, `1g`")
        }),
        // Compose drops a size that is written as a fraction; nobody means that.
        Value::Float(_) => Err(Fault::wrong_type(
            "a whole number of bytes or a text such as `1.5g`",
            node,
        )),
        _ => Err(Fault::wrong_type("a size", node)),
    }
}

pub(super) fn variables(node: Node) -> Outcome<IndexMap<String, Option<String>>> {
    match node.value {
        Value::Mapping(mapping) => Ok(mapping
            .into_iter()
            .map(|(key, value)| (key.to_string(), printed_unless_null(value)))
            .collect()),
        Value::Sequence(items) => Ok(items
            .into_iter()
            .map(|item| {
                let text = printed(item);
                match text.split_once('=') {
                    Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                    None => (text, None),
                }
            })
            .collect()),
        _ => Err(Fault::wrong_type("a mapping or a list", &node)),
    }
}

/// As [`Node::go_string`], without a copy of what is a string.
pub(super) fn printed(node: Node) -> String {
    match node.value {
        Value::String(text) => text,
        _ => node.go_string(),
    }
}

fn printed_unless_null(node: Node) -> Option<String> {
    (!node.is_null()).then(|| printed(node))
}

pub(super) fn hosts(node: &Node) -> Outcome<HostList> {
    let mut hosts: IndexMap<String, Vec<String>> = IndexMap::new();
    match &node.value {
        Value::Mapping(mapping) => {
            for (host, addresses) in mapping {
                let addresses = match &addresses.value {
                    Value::Null => vec![String::new()],
                    _ => items(addresses).iter().map(Node::go_string).collect(),
                };
                hosts.insert(host.to_string(), addresses);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                let text = item.go_string();
                let pair = text.split_once('=').or_else(|| text.split_once(':'));
                let (host, addresses) = pair.ok_or_else(|| {
                    Fault::invalid(format!("`{text}` has no address"), item.at)
                        .hint("write `host=address`")
                })?;
                hosts
                    .entry(host.to_owned())
                    .or_default()
                    .extend(addresses.split(',').map(str::to_owned));
            }
        }
        _ => return Err(Fault::wrong_type("a mapping or a list", node)),
    }
    for (host, addresses) in &mut hosts {
        if host.is_empty() || host.contains([':', '=']) {
            return Err(Fault::invalid(format!("`{host}` is no host name"), node.at));
        }
        for address in addresses {
            if address.len() > 2 && address.starts_with('[') && address.ends_with(']') {
                *address = address[1..address.len() - 1].to_owned();
            }
        }
    }
    Ok(HostList(hosts))
}
