//! What Compose assumes where a file says nothing, and what it checks afterwards.

use super::error::{Fault, Outcome, Problem, Under as _};
use super::source::Position;
use super::tree::{Mapping, Node, Value};

/// Fills in defaults.
pub(crate) fn set(model: &mut Node) {
    for_each_service(model, |service| {
        if let Some(build) = service.get_mut("build").and_then(Node::as_mapping_mut) {
            or_insert(build, "context", Value::String(".".into()));
        }
        for secret in mappings(service.get_mut("secrets")) {
            let source = secret
                .get("source")
                .map(Node::go_string)
                .unwrap_or_default();
            or_insert(
                secret,
                "target",
                Value::String(format!("/run/secrets/{source}")),
            );
        }
        for port in mappings(service.get_mut("ports")) {
            or_insert(port, "protocol", Value::String("tcp".into()));
            or_insert(port, "mode", Value::String("ingress".into()));
        }
        for request in device_requests(service) {
            if !request.contains_key("count") && !request.contains_key("device_ids") {
                or_insert(request, "count", Value::String("all".into()));
            }
        }
    });
}

/// Checks what the shape of a model cannot say.
pub(crate) fn check(model: &mut Node) -> Outcome<()> {
    let mut result = Ok(());
    if let Some(services) = model
        .as_mapping_mut()
        .and_then(|m| m.get_mut("services"))
        .and_then(Node::as_mapping_mut)
    {
        for (name, service) in services.iter_mut() {
            if let Some(service) = service.as_mapping_mut() {
                check_service(service).under(name).under("services")?;
            }
        }
    }
    for (section, sources) in [
        ("configs", &["file", "environment", "content"][..]),
        ("secrets", &["file", "environment"]),
    ] {
        let Some(objects) = model.get(section).and_then(Node::as_mapping) else {
            continue;
        };
        for (name, object) in objects {
            result = result.and_then(|()| {
                check_file_object(object, sources)
                    .under(name)
                    .under(section)
            });
        }
    }
    if let Some(volumes) = model.get("volumes").and_then(Node::as_mapping) {
        for (name, volume) in volumes {
            result = result.and_then(|()| check_external(volume).under(name).under("volumes"));
        }
    }
    result
}

fn check_service(service: &mut Mapping) -> Outcome<()> {
    for (index, port) in mappings(service.get_mut("ports")).enumerate() {
        if let Some(address) = port.get("host_ip") {
            let valid = address
                .as_str()
                .is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok());
            if !valid {
                let fault = Fault::invalid(
                    format!("`{}` is no IP address", address.go_string()),
                    address.at,
                );
                return Err(fault).under("host_ip").within(index).under("ports");
            }
        }
    }
    for request in device_requests(service) {
        if let (Some(_), Some(ids)) = (request.get("count"), request.get("device_ids")) {
            return Err(Fault::new(
                Problem::Conflict("`count` and `device_ids` exclude one another".into()),
                ids.at,
            ));
        }
    }
    if let Some(develop) = service.get_mut("develop").and_then(Node::as_mapping_mut) {
        for trigger in mappings(develop.get_mut("watch")) {
            if let Some(path) = trigger.get("path").filter(|path| path.as_str() == Some("")) {
                return Err(Fault::invalid("must not be empty", path.at))
                    .under("path")
                    .under("watch")
                    .under("develop");
            }
        }
    }
    Ok(())
}

fn check_file_object(object: &Node, sources: &[&'static str]) -> Outcome<()> {
    let Some(mapping) = object.as_mapping() else {
        return Ok(());
    };
    let given: Vec<&str> = sources
        .iter()
        .copied()
        .filter(|key| mapping.contains_key(key))
        .collect();
    match given[..] {
        [first, second, ..] => {
            let at = mapping.get(second).map_or(object.at, |node| node.key_at);
            Err(Fault::new(
                Problem::Conflict(format!("`{first}` and `{second}` exclude one another")),
                at,
            ))
        }
        [] if !mapping.contains_key("driver") && !mapping.contains_key("external") => {
            let message = format!("one of {} must be there", sources.join(", "));
            Err(Fault::invalid(message, object.at))
        }
        _ => Ok(()),
    }
}

/// An external volume is not ours to describe.
fn check_external(volume: &Node) -> Outcome<()> {
    let Some(mapping) = volume.as_mapping() else {
        return Ok(());
    };
    let Some(external) = mapping.get("external") else {
        return Ok(());
    };
    if matches!(external.value, Value::Bool(false)) {
        return Ok(());
    }
    let foreign = mapping
        .iter()
        .find(|(key, _)| !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-"));
    match foreign {
        Some((key, node)) => {
            let problem = Problem::Conflict(format!("an external volume cannot have `{key}`"));
            Err(Fault::new(problem, node.key_at)
                .hint(format!("remove `{key}`, or remove `external`")))
        }
        None => Ok(()),
    }
}

fn for_each_service(model: &mut Node, rule: impl Fn(&mut Mapping)) {
    let services = model
        .as_mapping_mut()
        .and_then(|model| model.get_mut("services"))
        .and_then(Node::as_mapping_mut);
    for service in services.into_iter().flat_map(Mapping::values_mut) {
        if let Some(service) = service.as_mapping_mut() {
            rule(service);
        }
    }
}

fn mappings(list: Option<&mut Node>) -> impl Iterator<Item = &mut Mapping> {
    list.and_then(Node::as_sequence_mut)
        .into_iter()
        .flatten()
        .filter_map(Node::as_mapping_mut)
}

fn device_requests(service: &mut Mapping) -> Vec<&mut Mapping> {
    let mut requests = Vec::new();
    for (key, node) in service.iter_mut() {
        match key.as_str() {
            "gpus" => requests.extend(mappings(Some(node))),
            "deploy" => {
                let devices = ["resources", "reservations", "devices"]
                    .into_iter()
                    .try_fold(node, |node, key| {
                        node.as_mapping_mut()
                            .and_then(|mapping| mapping.get_mut(key))
                    });
                requests.extend(mappings(devices));
            }
            _ => {}
        }
    }
    requests
}

fn or_insert(mapping: &mut Mapping, key: &'static str, value: Value) {
    let at = mapping
        .values()
        .next()
        .map_or(Position::default(), |node| node.at);
    mapping.or_insert_with(key, || Node::new(value, at));
}
