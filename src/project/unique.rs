//! Lists in which a later entry takes the place of an earlier one with the same key.

use std::collections::HashMap;

use super::error::{Fault, Outcome, Under as _};
use super::tree::{Mapping, Node, Value};
use super::volume_spec;

type KeyOf = fn(&Node) -> Outcome<String>;

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
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(items.len());
    for (index, item) in items.drain(..).enumerate() {
        let key = key_of(&item).within(index)?;
        if let Some(place) = places.get(&key) {
            kept[*place] = item;
        } else {
            places.insert(key, kept.len());
            kept.push(item);
        }
    }
    *items = kept;
    Ok(())
}

fn key_value(node: &Node) -> Outcome<String> {
    let text = node
        .as_str()
        .ok_or_else(|| Fault::wrong_type("a string", node))?;
    Ok(text.split('=').next().unwrap_or_default().to_owned())
}

fn volume(node: &Node) -> Outcome<String> {
    match &node.value {
        Value::Mapping(mapping) => match mapping.get("target").and_then(Node::as_str) {
            Some(target) => Ok(target.to_owned()),
            None => Err(Fault::invalid("the mount has no target", node.at)
                .hint("add `target: /path/in/container`")),
        },
        Value::String(text) => volume_spec::parse(text)
            .map(|volume| volume.target)
            .map_err(|reason| Fault::invalid(reason, node.at)),
        _ => Ok(String::new()),
    }
}

fn device(node: &Node) -> Outcome<String> {
    match &node.value {
        Value::Mapping(mapping) => match mapping.get("target").and_then(Node::as_str) {
            Some(target) => Ok(target.to_owned()),
            None => Err(Fault::invalid("the device has no target", node.at)),
        },
        Value::String(text) => {
            let mut parts = text.split(':');
            let source = parts.next().unwrap_or_default();
            Ok(parts.next().unwrap_or(source).to_owned())
        }
        _ => Ok(String::new()),
    }
}

fn expose(node: &Node) -> Outcome<String> {
    match &node.value {
        Value::String(_) | Value::Int(_) => Ok(node.go_string()),
        _ => Err(Fault::wrong_type("a port", node)),
    }
}

fn config_mount(node: &Node) -> Outcome<String> {
    mount(node, "")
}

fn secret_mount(node: &Node) -> Outcome<String> {
    mount(node, "/run/secrets")
}

fn mount(node: &Node, directory: &str) -> Outcome<String> {
    match &node.value {
        Value::String(name) => Ok(format!("{directory}/{name}")),
        Value::Mapping(mapping) => match mapping.get("target") {
            Some(target) => target
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| Fault::wrong_type("a string", target)),
            None => Ok(format!(
                "{directory}/{}",
                mapping
                    .get("source")
                    .map(Node::go_string)
                    .unwrap_or_default()
            )),
        },
        _ => Err(Fault::wrong_type("a name or a mapping", node)),
    }
}

fn port(node: &Node) -> Outcome<String> {
    match &node.value {
        Value::Int(port) => Ok(port.to_string()),
        Value::String(text) => Ok(text.clone()),
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
            ))
        }
        _ => Ok(String::new()),
    }
}

/// A key in which `"80"` and `80` differ, as they do for Compose.
fn typed(node: &Node) -> String {
    match &node.value {
        Value::String(text) => format!("s:{text}"),
        _ => format!("n:{}", node.go_string()),
    }
}

fn env_file(node: &Node) -> Outcome<String> {
    match &node.value {
        Value::String(path) => Ok(path.clone()),
        Value::Mapping(mapping) => match mapping.get("path") {
            Some(path) => path
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| Fault::wrong_type("a string", path)),
            None => Err(Fault::new(
                super::error::Problem::MissingKey("path"),
                node.at,
            )),
        },
        _ => Ok(String::new()),
    }
}
