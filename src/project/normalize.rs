//! What follows from the model as a whole: the default network, implied dependencies, names.

use indexmap::IndexMap;

use super::go_path;
use super::source::Position;
use super::tree::{Mapping, Node, Value};

/// Brings a complete model into its final form.
pub(crate) fn normalize(model: &mut Node, project: &str, environment: &IndexMap<String, String>) {
    let Some(model) = model.as_mapping_mut() else {
        return;
    };
    let mut uses_default_network = false;
    if let Some(services) = model.get_mut("services").and_then(Node::as_mapping_mut) {
        for service in services.values_mut() {
            let at = service.at;
            if let Some(service) = service.as_mapping_mut() {
                uses_default_network |= join_default_network(service, at);
                complete_service(service, at, environment);
            }
        }
    }
    if uses_default_network {
        let networks = model.or_insert_with("networks", || {
            Node::mapping(Mapping::new(), Position::default())
        });
        if networks.is_null() {
            networks.value = Value::Mapping(Mapping::new());
        }
        if let Some(networks) = networks.as_mapping_mut() {
            networks.or_insert_with("default", Node::default);
        }
    }
    for section in ["networks", "volumes", "configs", "secrets"] {
        if let Some(resources) = model.get_mut(section).and_then(Node::as_mapping_mut) {
            for (key, resource) in resources.iter_mut() {
                name_resource(key, resource, project);
            }
        }
    }
}

/// Tells whether the service is on the default network.
fn join_default_network(service: &mut Mapping, at: Position) -> bool {
    if service.contains_key("provider") || service.contains_key("network_mode") {
        return false;
    }
    let networks = service.get("networks").and_then(Node::as_mapping);
    if let Some(networks) = networks.filter(|networks| !networks.is_empty()) {
        return networks.contains_key("default");
    }
    let default = Mapping::from([("default", Node::new(Value::Null, at))]);
    service.insert("networks", Node::mapping(default, at));
    true
}

fn complete_service(service: &mut Mapping, at: Position, environment: &IndexMap<String, String>) {
    if let Some(policy) = service
        .get_mut("pull_policy")
        .filter(|p| p.as_str() == Some("if_not_present"))
    {
        policy.value = Value::String("missing".into());
    }
    if let Some(build) = service.get_mut("build").and_then(Node::as_mapping_mut) {
        let given = |build: &Mapping, key: &str| build.get(key).is_some_and(|node| !node.is_null());
        if !given(build, "context") {
            build.insert("context", Node::string(".", at));
        }
        if !given(build, "dockerfile") && !given(build, "dockerfile_inline") {
            build.insert("dockerfile", Node::string("Dockerfile", at));
        }
        if let Some(args) = build.get_mut("args") {
            inherit(args, environment, KeepUnset::No);
        }
    }
    if let Some(variables) = service.get_mut("environment") {
        inherit(variables, environment, KeepUnset::Yes);
    }
    for volume in service
        .get_mut("volumes")
        .and_then(Node::as_sequence_mut)
        .into_iter()
        .flatten()
    {
        if let Some(target) = volume
            .as_mapping_mut()
            .and_then(|volume| volume.get_mut("target"))
            && let Value::String(path) = &mut target.value
        {
            *path = go_path::clean(path);
        }
    }
    imply_dependencies(service, at);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeepUnset {
    Yes,
    No,
}

/// Gives variables without a value that of the environment.
fn inherit(node: &mut Node, environment: &IndexMap<String, String>, keep: KeepUnset) {
    match &mut node.value {
        Value::Mapping(mapping) => mapping.retain(|key, value| {
            if !value.is_null() {
                return true;
            }
            if let Some(known) = environment.get(key.as_str()) {
                value.value = Value::String(known.clone());
                return true;
            }
            keep == KeepUnset::Yes
        }),
        Value::Sequence(items) => items.retain_mut(|item| {
            let Value::String(text) = &mut item.value else {
                return false;
            };
            if text.contains('=') {
                return true;
            }
            if let Some(known) = environment.get(text) {
                *text = format!("{text}={known}");
                return true;
            }
            keep == KeepUnset::Yes
        }),
        _ => {}
    }
}

/// Links, shared namespaces and `volumes_from` are dependencies.
fn imply_dependencies(service: &mut Mapping, at: Position) {
    let mut implied: Vec<(String, bool)> = Vec::new();
    for link in strings(service, "links") {
        let parts: Vec<&str> = link.split(':').collect();
        implied.push((
            if parts.len() == 2 { parts[0] } else { link }.to_owned(),
            true,
        ));
    }
    for namespace in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let shared = service
            .get(namespace)
            .and_then(Node::as_str)
            .and_then(|mode| mode.strip_prefix("service:"));
        implied.extend(shared.map(|name| (name.to_owned(), true)));
    }
    for from in strings(service, "volumes_from").filter(|from| !from.starts_with("container:")) {
        implied.push((from.split(':').next().unwrap_or_default().to_owned(), false));
    }
    if implied.is_empty() {
        return;
    }
    let depends_on = service.or_insert_with("depends_on", || Node::mapping(Mapping::new(), at));
    if depends_on.is_null() {
        depends_on.value = Value::Mapping(Mapping::new());
    }
    let Some(depends_on) = depends_on.as_mapping_mut() else {
        return;
    };
    for (name, restart) in implied {
        depends_on.or_insert_with(name, || {
            let mut dependency = super::merge::dependency(at);
            if let Some(mapping) = dependency.as_mapping_mut() {
                mapping.insert("restart", Node::new(Value::Bool(restart), at));
            }
            dependency
        });
    }
}

fn strings<'a>(service: &'a Mapping, key: &str) -> impl Iterator<Item = &'a str> {
    service
        .get(key)
        .and_then(Node::as_sequence)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::as_str)
}

fn name_resource(key: &str, resource: &mut Node, project: &str) {
    let at = resource.at;
    if resource.is_null() {
        resource.value = Value::Mapping(Mapping::new());
    }
    let Some(mapping) = resource.as_mapping_mut() else {
        return;
    };
    if mapping.get("name").is_some_and(|name| !name.is_null()) {
        return;
    }
    let external = mapping.get("external").is_some_and(|external| {
        matches!(
            external.go_string().as_str(),
            "1" | "t" | "T" | "TRUE" | "true" | "True"
        )
    });
    let name = if external {
        key.to_owned()
    } else {
        format!("{project}_{key}")
    };
    mapping.insert("name", Node::string(name, at));
}
