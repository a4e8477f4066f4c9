//! Lists in which a later entry takes the place of an earlier one with the same key.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::{Fault, Outcome, Under as _};
use super::tree::{Mapping, Node, Value};
use super::volume_spec;

type KeyOf = fn(&Node) -> Outcome<Cow<'_, str>>;

/// Drops what later entries replace, everywhere in a model.
pub(crate) fn enforce(model: &mut Node) -> Outcome<()> {
    let Some(model) = model.as_mapping_mut() else {
        return Ok(());
    };
    for_each(model, "services", service)?;
    for_each(model, "networks", |network| {
        unique(network, "labels", key_value)?;
        match network.get_mut("ipam").and_then(Node::as_mapping_mut) {
            Some(ipam) => unique(ipam, "options", key_value).under("ipam"),
            None => Ok(()),
        }
    })
}

fn service(service: &mut Mapping) -> Outcome<()> {
    for (key, node) in service.iter_mut() {
        let key_of: KeyOf = match key.as_str() {
            "annotations" | "cap_add" | "cap_drop" | "dns" | "dns_opt" | "dns_search"
            | "environment" | "labels" | "links" | "profiles" | "sysctls" | "tmpfs" => key_value,
            "configs" => config_mount,
            "secrets" => secret_mount,
            "devices" => device,
            "env_file" => env_file,
            "expose" => expose,
            "ports" => port,
            "volumes" => volume,
            "build" => {
                if let Some(build) = node.as_mapping_mut() {
                    for key in ["args", "additional_contexts", "platform", "tags", "labels"] {
                        unique(build, key, key_value).under("build")?;
                    }
                }
                continue;
            }
            "deploy" => {
                if let Some(deploy) = node.as_mapping_mut() {
                    unique(deploy, "labels", key_value).under("deploy")?;
                }
                continue;
            }
            "networks" => {
                networks(node).under("networks")?;
                continue;
            }
            _ => continue,
        };
        unique_list(node, key_of).under(key)?;
    }
    Ok(())
}

fn networks(node: &mut Node) -> Outcome<()> {
    let Some(networks) = node.as_mapping_mut() else {
        return Ok(());
    };
    for (name, network) in networks.iter_mut() {
        if let Some(network) = network.as_mapping_mut() {
            unique(network, "aliases", key_value).under(name)?;
            unique(network, "link_local_ips", key_value).under(name)?;
        }
    }
    Ok(())
}

fn for_each(
    model: &mut Mapping,
    section: &str,
    rule: impl Fn(&mut Mapping) -> Outcome<()>,
) -> Outcome<()> {
    let Some(resources) = model.get_mut(section).and_then(Node::as_mapping_mut) else {
        return Ok(());
    };
    for (name, resource) in resources.iter_mut() {
        if let Some(resource) = resource.as_mapping_mut() {
            rule(resource).under(name).under(section)?;
        }
    }
    Ok(())
}

fn unique(mapping: &mut Mapping, key: &str, key_of: KeyOf) -> Outcome<()> {
    mapping
        .get_mut(key)
        .map_or(Ok(()), |node| unique_list(node, key_of).under(key))
}

fn unique_list(node: &mut Node, key_of: KeyOf) -> Outcome<()> {
    let Some(items) = node.as_sequence_mut() else {
        return Ok(());
    };
    let mut keys = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        keys.push(key_of(item).within(index)?);
    }
    let Some(replacements) = replacements(&keys) else {
        return Ok(());
    };
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    for (item, place) in items.drain(..).zip(replacements) {
        match kept.get_mut(place) {
            Some(earlier) => *earlier = item,
            None => kept.push(item),
        }
    }
    *items = kept;
    Ok(())
}

/// The place of each item once repeated keys share one; `None` if no key is repeated.
fn replacements(keys: &[Cow<'_, str>]) -> Option<Vec<usize>> {
    if keys.len() < 2 {
        return None;
    }
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(keys.len());
    let place_of = |key| {
        let next = places.len();
        *places.entry(key).or_insert(next)
    };
    let all: Vec<usize> = keys.iter().map(Cow::as_ref).map(place_of).collect();
    (places.len() < keys.len()).then_some(all)
}

fn key_value(node: &Node) -> Outcome<Cow<'_, str>> {
    let text = node
        .as_str()
        .ok_or_else(|| Fault::wrong_type("a string", node))?;
    Ok(text.split('=').next().unwrap_or_default().into())
}

fn volume(node: &Node) -> Outcome<Cow<'_, str>> {
    match &node.value {
        Value::Mapping(mapping) => match mapping.get("target").and_then(Node::as_str) {
            Some(target) => Ok(target.into()),
            None => Err(Fault::invalid("the mount has no target", node.at)
                .hint("add `target: /path/in/container`")),
        },
        Value::String(text) => volume_spec::parse(text)
            .map(|volume| volume.target.into())
            .map_err(|reason| Fault::invalid(reason, node.at)),
        _ => Ok("".into()),
    }
}

fn device(node: &Node) -> Outcome<Cow<'_, str>> {
    match &node.value {
        Value::Mapping(mapping) => match mapping.get("target").and_then(Node::as_str) {
            Some(target) => Ok(target.into()),
            None => Err(Fault::invalid("the device has no target", node.at)),
        },
        Value::String(text) => {
            let mut parts = text.split(':');
            let source = parts.next().unwrap_or_default();
            Ok(parts.next().unwrap_or(source).into())
        }
        _ => Ok("".into()),
    }
}

fn expose(node: &Node) -> Outcome<Cow<'_, str>> {
    match &node.value {
        Value::String(text) => Ok(text.into()),
        Value::Int(_) => Ok(node.go_string().into()),
        _ => Err(Fault::wrong_type("a port", node)),
    }
}

fn config_mount(node: &Node) -> Outcome<Cow<'_, str>> {
    mount(node, "")
}

fn secret_mount(node: &Node) -> Outcome<Cow<'_, str>> {
    mount(node, "/run/secrets")
}

fn mount<'a>(node: &'a Node, directory: &str) -> Outcome<Cow<'a, str>> {
    match &node.value {
        Value::String(name) => Ok(format!("{directory}/{name}").into()),
        Value::Mapping(mapping) => {
            if let Some(target) = mapping.get("target") {
                let text = target.as_str().map(Cow::Borrowed);
                return text.ok_or_else(|| Fault::wrong_type("a string", target));
            }
            let source = mapping.get("source").map(Node::go_string);
            Ok(format!("{directory}/{}", source.unwrap_or_default()).into())
        }
        _ => Err(Fault::wrong_type("a name or a mapping", node)),
    }
}

fn port(node: &Node) -> Outcome<Cow<'_, str>> {
    match &node.value {
        Value::Int(port) => Ok(port.to_string().into()),
        Value::String(text) => Ok(text.into()),
        Value::Mapping(mapping) => {
            let target = mapping.get("target").ok_or_else(|| {
                Fault::invalid("the port has no target", node.at).hint("add `target: 80`")
            })?;
            let part = |key: &str, default: &str| {
                mapping.get(key).map_or_else(|| default.to_owned(), typed)
            };
            let (host, protocol) = (part("host_ip", "s:0.0.0.0"), part("protocol", "s:tcp"));
            Ok(format!(
                "{host}:{}:{}/{protocol}",
                part("published", ""),
                typed(target)
            )
            .into())
        }
        _ => Ok("".into()),
    }
}

/// A key in which `"80"` and `80` differ, as they do for Compose.
fn typed(node: &Node) -> String {
    match &node.value {
        Value::String(text) => format!("s:{text}"),
        _ => format!("n:{}", node.go_string()),
    }
}

fn env_file(node: &Node) -> Outcome<Cow<'_, str>> {
    match &node.value {
        Value::String(path) => Ok(path.into()),
        Value::Mapping(mapping) => match mapping.get("path") {
            Some(path) => path
                .as_str()
                .map(Cow::Borrowed)
                .ok_or_else(|| Fault::wrong_type("a string", path)),
            None => Err(Fault::new(
                super::error::Problem::MissingKey("path"),
                node.at,
            )),
        },
        _ => Ok("".into()),
    }
}
