//! How a later file or service changes an earlier one.

#[cfg(test)]
mod laws;

use std::collections::HashSet;

use super::error::{Fault, Outcome, Problem, Under as _};
use super::path::Path;
use super::tree::{Mapping, Node, Value};

/// Merges a whole model into the one before it.
pub(crate) fn merge_models(base: Node, over: Node) -> Outcome<Node> {
    merge(base, over, &Path::ROOT)
}

/// Merges a service into the one that it extends.
pub(crate) fn merge_service(base: Node, over: Node, name: &str) -> Outcome<Node> {
    merge_resource(base, over, "services", name)
}

/// Merges two definitions of one service, network, volume, secret or config.
pub(crate) fn merge_resource(base: Node, over: Node, section: &str, name: &str) -> Outcome<Node> {
    let section = Path::ROOT.next(section);
    merge(base, over, &section.next(name))
}

fn merge(base: Node, over: Node, path: &Path<'_>) -> Outcome<Node> {
    if let Some(special) = path.keys(special_of) {
        return special(base, over, path);
    }
    if over.is_null() {
        return Ok(base);
    }
    match (base.value, over.value) {
        (Value::Mapping(base_entries), Value::Mapping(entries)) => {
            let merged = merge_mappings(base_entries, entries, path)?;
            Ok(Node {
                value: Value::Mapping(merged),
                at: over.at,
                key_at: over.key_at,
                directive: over.directive,
            })
        }
        (Value::Sequence(mut items), Value::Sequence(more)) => {
            items.extend(more);
            Ok(Node {
                value: Value::Sequence(items),
                at: over.at,
                key_at: over.key_at,
                directive: over.directive,
            })
        }
        (Value::Mapping(_), value) => Err(cannot_override("a mapping", value, over.at)),
        (Value::Sequence(_), value) => Err(cannot_override("a list", value, over.at)),
        (_, value) => Ok(Node { value, ..over }),
    }
}

fn cannot_override(earlier: &str, value: Value, at: super::source::Position) -> Box<Fault> {
    let node = Node::new(value, at);
    Fault::invalid(
        format!(
            "{earlier} of an earlier file cannot be overridden by {}",
            node.describe()
        ),
        at,
    )
    .hint("write both in the same form, or put `!override` in front of the value")
}

fn merge_mappings(mut base: Mapping, over: Mapping, path: &Path<'_>) -> Outcome<Mapping> {
    for (key, node) in over {
        match base.get_mut(&key) {
            Some(earlier) => {
                let earlier_node = std::mem::take(earlier);
                let merged = merge(earlier_node, node, &path.next(&key)).under(&key)?;
                if let Some(slot) = base.get_mut(&key) {
                    *slot = merged;
                }
            }
            None => {
                base.insert(key, node);
            }
        }
    }
    Ok(base)
}

type Special = fn(Node, Node, &Path<'_>) -> Outcome<Node>;

/// The keys that do not merge as their form suggests.
fn special_of(keys: &[&str]) -> Option<Special> {
    match keys {
        ["services", _, rest @ ..] => special_of_service_key(rest),
        ["networks", _, "ipam", "config"] => Some(merge_pools),
        ["networks" | "volumes", _, "labels"] => Some(append),
        _ => None,
    }
}

fn special_of_service_key(keys: &[&str]) -> Option<Special> {
    Some(match keys {
        [
            "annotations" | "dns" | "dns_opt" | "dns_search" | "env_file" | "label_file"
            | "environment" | "labels" | "sysctls" | "tmpfs",
        ]
        | ["build", "args" | "additional_contexts" | "labels"]
        | ["deploy", "labels"] => append,
        ["extra_hosts"] | ["build", "extra_hosts"] => append_new,
        ["build"] => merge_build,
        ["command" | "entrypoint"] | ["healthcheck", "test"] | ["ulimits", _] => replace,
        ["depends_on"] => merge_depends_on,
        ["logging"] => merge_logging,
        ["networks" | "models"] => merge_by_name,
        _ => return None,
    })
}

fn replace(_: Node, over: Node, _: &Path<'_>) -> Outcome<Node> {
    Ok(over)
}

/// Both as lists of `key=value`, one behind the other; a repeated key is dropped later.
fn append(base: Node, over: Node, _: &Path<'_>) -> Outcome<Node> {
    let (at, key_at) = (over.at, over.key_at);
    let mut items = into_list(base);
    items.extend(into_list(over));
    Ok(Node {
        key_at,
        ..Node::new(Value::Sequence(items), at)
    })
}

/// As [`append`], without what is there already.
fn append_new(base: Node, over: Node, _: &Path<'_>) -> Outcome<Node> {
    let (at, key_at) = (over.at, over.key_at);
    let mut items = into_list(base);
    let mut known: HashSet<String> = items.iter().map(Node::go_string).collect();
    for item in into_list(over) {
        if known.insert(item.go_string()) {
            items.push(item);
        }
    }
    Ok(Node {
        key_at,
        ..Node::new(Value::Sequence(items), at)
    })
}

/// A mapping as a sorted list of `key=value`, a single value as a list.
fn into_list(node: Node) -> Vec<Node> {
    match node.value {
        Value::Sequence(items) => items,
        Value::String(text) => vec![Node::string(text, node.at)],
        Value::Mapping(mapping) => {
            let mut items = Vec::with_capacity(mapping.len());
            for (key, value) in mapping {
                match &value.value {
                    Value::Null => items.push(Node::string(key.as_str(), value.key_at)),
                    Value::Sequence(values) => {
                        items.extend(
                            values
                                .iter()
                                .map(|v| Node::string(format!("{key}={}", v.go_string()), v.at)),
                        );
                    }
                    _ => items.push(Node::string(
                        format!("{key}={}", value.go_string()),
                        value.at,
                    )),
                }
            }
            items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            items
        }
        _ => Vec::new(),
    }
}

fn merge_build(base: Node, over: Node, path: &Path<'_>) -> Outcome<Node> {
    let into_build = |node: Node| match node.value {
        Value::Mapping(mapping) => mapping,
        Value::String(_) => Mapping::from([("context", node)]),
        _ => Mapping::new(),
    };
    let (at, key_at) = (over.at, over.key_at);
    let merged = merge_mappings(into_build(base), into_build(over), path)?;
    Ok(Node {
        key_at,
        ..Node::mapping(merged, at)
    })
}

fn merge_depends_on(base: Node, over: Node, path: &Path<'_>) -> Outcome<Node> {
    let (at, key_at) = (over.at, over.key_at);
    let base = by_name(base, dependency)?;
    let merged = merge_mappings(base, by_name(over, dependency)?, path)?;
    Ok(Node {
        key_at,
        ..Node::mapping(merged, at)
    })
}

fn merge_by_name(base: Node, over: Node, path: &Path<'_>) -> Outcome<Node> {
    let (at, key_at) = (over.at, over.key_at);
    let null = |at| Node::new(Value::Null, at);
    let base = by_name(base, null)?;
    let merged = merge_mappings(base, by_name(over, null)?, path)?;
    Ok(Node {
        key_at,
        ..Node::mapping(merged, at)
    })
}

/// What `depends_on: [name]` means.
pub(crate) fn dependency(at: super::source::Position) -> Node {
    let entries = [
        ("condition", Node::string("service_started", at)),
        ("required", Node::new(Value::Bool(true), at)),
    ];
    Node::mapping(Mapping::from(entries), at)
}

/// A list of names as a mapping.
pub(crate) fn by_name(
    node: Node,
    value: impl Fn(super::source::Position) -> Node,
) -> Outcome<Mapping> {
    match node.value {
        Value::Mapping(mapping) => Ok(mapping),
        Value::Sequence(items) => {
            let mut mapping = Mapping::new();
            for (index, item) in items.into_iter().enumerate() {
                let at = item.at;
                let Value::String(name) = item.value else {
                    return Err(Fault::wrong_type("a string", &item)).within(index);
                };
                mapping.insert(name, value(at));
            }
            Ok(mapping)
        }
        _ => Ok(Mapping::new()),
    }
}

/// Options belong to their driver: another driver begins anew.
fn merge_logging(base: Node, over: Node, path: &Path<'_>) -> Outcome<Node> {
    let (at, key_at) = (over.at, over.key_at);
    let same_driver = match (base.get("driver"), over.get("driver")) {
        (Some(base), Some(over)) => base.same(over),
        _ => true,
    };
    match (base.value, over.value) {
        (Value::Mapping(base), Value::Mapping(entries)) if same_driver => {
            let merged = merge_mappings(base, entries, path)?;
            Ok(Node {
                key_at,
                ..Node::mapping(merged, at)
            })
        }
        (Value::Mapping(_), value @ Value::Mapping(_)) => Ok(Node {
            key_at,
            ..Node::new(value, at)
        }),
        (_, value) => Err(Fault::wrong_type("a mapping", &Node::new(value, at))),
    }
}

/// Compose compares every pool with every other one.
const POOL_PAIRS: usize = 10_000;

/// Pools of addresses merge by subnet.
fn merge_pools(base: Node, over: Node, path: &Path<'_>) -> Outcome<Node> {
    let (at, key_at) = (over.at, over.key_at);
    let (Value::Sequence(base), Value::Sequence(over)) = (base.value, over.value) else {
        return Err(Fault::invalid("must be a list in every file", at));
    };
    if base.len().saturating_mul(over.len()) > POOL_PAIRS {
        let message = "these are more pools of addresses than can be merged";
        return Err(Fault::new(Problem::TooLarge(message.into()), at));
    }
    // Compose changes the earlier pool in place, wherever it stands already: the same here, by numbers.
    let mut all: Vec<Mapping> = base.iter().chain(&over).map(mapping_of).collect();
    let subnet = |pool: &Mapping| pool.get("subnet").map(Node::go_string);
    let mut pools: Vec<usize> = Vec::new();
    for original in 0..base.len() {
        for other in base.len()..all.len() {
            let other_subnet = subnet(&all[other]);
            if other_subnet != subnet(&all[original])
                && !pools.iter().any(|pool| subnet(&all[*pool]) == other_subnet)
            {
                pools.push(other);
                continue;
            }
            let earlier = std::mem::take(&mut all[original]);
            all[original] = merge_mappings(earlier, all[other].clone(), path)?;
            let merged = subnet(&all[original]);
            match pools.iter().position(|pool| subnet(&all[*pool]) == merged) {
                Some(place) => pools[place] = original,
                None => pools.push(original),
            }
        }
    }
    let pools = pools
        .into_iter()
        .map(|pool| Node::mapping(all[pool].clone(), at));
    Ok(Node {
        key_at,
        ..Node::new(Value::Sequence(pools.collect()), at)
    })
}

fn mapping_of(node: &Node) -> Mapping {
    node.as_mapping().cloned().unwrap_or_default()
}
