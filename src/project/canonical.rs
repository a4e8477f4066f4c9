//! Short forms into long forms.

use super::error::{Fault, Outcome, Problem, Under as _};
use super::port_spec;
use super::source::Position;
use super::tree::{Mapping, Node, Value};
use super::{go_path, merge, volume_spec};

/// Turns every short form of a model into its long form.
pub(crate) fn canonicalize(model: &mut Node) -> Outcome<()> {
    let Some(model) = model.as_mapping_mut() else {
        return Ok(());
    };
    if let Some(services) = model.get_mut("services").and_then(Node::as_mapping_mut) {
        let mut ports = 0;
        for (name, node) in services.iter_mut() {
            if let Some(mapping) = node.as_mapping_mut() {
                service(mapping).under(name).under("services")?;
                let of_service = mapping.get("ports");
                let at = of_service.map_or(Position::default(), |ports| ports.at);
                ports += of_service
                    .and_then(Node::as_sequence)
                    .map_or(0, <[Node]>::len);
                if ports > PROJECT_PORT_LIMIT {
                    let message = format!(
                        "the ranges of the project hold more than {PROJECT_PORT_LIMIT} ports"
                    );
                    let fault = Fault::new(Problem::TooLarge(message), at);
                    return Err(fault.under("ports").under(name).under("services"));
                }
            }
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        if let Some(resources) = model.get_mut(section).and_then(Node::as_mapping_mut) {
            for (name, resource) in resources.iter_mut() {
                external(resource).under(name).under(section)?;
            }
        }
    }
    Ok(())
}

/// As [`canonicalize`], leaving a text that is no short form as it is: it may hold a variable.
pub(crate) fn canonicalize_leniently(model: &mut Node) -> Outcome<()> {
    let Some(model) = model.as_mapping_mut() else {
        return Ok(());
    };
    let services = model.get_mut("services").and_then(Node::as_mapping_mut);
    for (name, service) in services.into_iter().flatten() {
        for (key, node) in service.as_mapping_mut().into_iter().flatten() {
            lenient_key(key, node)
                .under(key)
                .under(name)
                .under("services")?;
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        let resources = model.get_mut(section).and_then(Node::as_mapping_mut);
        for (name, resource) in resources.into_iter().flatten() {
            external(resource).under(name).under(section)?;
        }
    }
    Ok(())
}

fn lenient_key(key: &str, node: &mut Node) -> Outcome<()> {
    let tolerant = |transform: fn(&mut Node) -> Outcome<()>, node: &mut Node| {
        let mut changed = node.clone();
        match transform(&mut changed) {
            Ok(()) => *node = changed,
            Err(fault) if matches!(fault.problem, Problem::InvalidValue(_)) => {}
            Err(fault) => return Err(fault),
        }
        Ok(())
    };
    match (key, node.as_sequence_mut()) {
        ("volumes", Some(items)) => items.iter_mut().try_for_each(|item| tolerant(volume, item)),
        ("devices", Some(items)) => items.iter_mut().try_for_each(|item| tolerant(device, item)),
        ("ulimits", _) => plain_limits(node),
        _ => match transform_of(key) {
            Some(transform) => tolerant(transform, node),
            None => Ok(()),
        },
    }
}

/// Without variables filled in, a limit in quotes is no number.
fn plain_limits(limits: &Node) -> Outcome<()> {
    for (name, limit) in limits.as_mapping().into_iter().flatten() {
        if !matches!(limit.value, Value::Int(_) | Value::Mapping(_)) {
            return Err(Fault::wrong_type("a whole number or a mapping", limit)).under(name);
        }
    }
    Ok(())
}

fn service(service: &mut Mapping) -> Outcome<()> {
    for (key, node) in service.iter_mut() {
        if let Some(transform) = transform_of(key) {
            transform(node).under(key)?;
        }
    }
    Ok(())
}

fn transform_of(key: &str) -> Option<fn(&mut Node) -> Outcome<()>> {
    Some(match key {
        "build" => build,
        "depends_on" => depends_on,
        "networks" | "models" => names,
        "env_file" => env_file,
        "extends" => extends,
        "volumes" => |node| entries(node, volume),
        "devices" => |node| entries(node, device),
        "secrets" | "configs" => |node| entries(node, file_reference),
        "gpus" => gpus,
        "ports" => ports,
        "dns" => dns,
        "label_file" => string_or_list,
        "develop" => develop,
        _ => return None,
    })
}

/// Compose leaves empty name servers out, and nothing else.
fn dns(node: &mut Node) -> Outcome<()> {
    string_or_list(node)?;
    if let Some(servers) = node.as_sequence_mut() {
        servers.retain(|server| !(server.is_null() || server.as_str() == Some("")));
    }
    Ok(())
}

fn entries(node: &mut Node, transform: fn(&mut Node) -> Outcome<()>) -> Outcome<()> {
    if let Some(items) = node.as_sequence_mut() {
        for (index, item) in items.iter_mut().enumerate() {
            transform(item).within(index)?;
        }
    }
    Ok(())
}

/// A mapping made of strings and booleans.
fn long_form<const N: usize>(at: Position, entries: [(&'static str, Value); N]) -> Node {
    Node::mapping(
        entries
            .into_iter()
            .map(|(key, value)| (key, Node::new(value, at)))
            .collect(),
        at,
    )
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// Puts another value in the place of a node.
fn replace(node: &mut Node, with: Node) {
    *node = Node {
        key_at: node.key_at,
        directive: node.directive,
        ..with
    };
}

fn build(node: &mut Node) -> Outcome<()> {
    match &mut node.value {
        Value::String(context) => {
            let context = text(context);
            replace(node, long_form(node.at, [("context", context)]));
        }
        Value::Mapping(mapping) => {
            for (key, node) in mapping.iter_mut() {
                match key.as_str() {
                    "secrets" => entries(node, file_reference).under(key)?,
                    "additional_contexts" => key_values(node).under(key)?,
                    "ssh" => ssh(node).under(key)?,
                    "provenance" | "sbom" if !node.is_null() => {
                        node.value = Value::String(node.go_string());
                    }
                    _ => {}
                }
            }
        }
        _ => return Err(Fault::wrong_type("a path or a mapping", node)),
    }
    Ok(())
}

fn key_values(node: &mut Node) -> Outcome<()> {
    let Some(items) = node.as_sequence() else {
        return Ok(());
    };
    let mut mapping = Mapping::new();
    for (index, item) in items.iter().enumerate() {
        let pair = item.as_str().and_then(|text| text.split_once('='));
        let (key, value) = pair
            .ok_or_else(|| Fault::invalid("must be `key=value`", item.at))
            .within(index)?;
        mapping.insert(key.to_owned(), Node::string(value, item.at));
    }
    replace(node, Node::mapping(mapping, node.at));
    Ok(())
}

fn ssh(node: &mut Node) -> Outcome<()> {
    let mut mapping = Mapping::new();
    let items: Vec<Node> = match &node.value {
        Value::Sequence(items) => items.clone(),
        Value::String(_) => vec![node.clone()],
        _ => return Ok(()),
    };
    for item in items {
        let text = item
            .as_str()
            .ok_or_else(|| Fault::wrong_type("a string", &item))?;
        let (key, value) = match text.split_once('=') {
            Some((key, path)) => (key, Value::String(path.to_owned())),
            None => (text, Value::Null),
        };
        mapping.insert(key.to_owned(), Node::new(value, item.at));
    }
    replace(node, Node::mapping(mapping, node.at));
    Ok(())
}

fn depends_on(node: &mut Node) -> Outcome<()> {
    if node.as_sequence().is_some() {
        let at = node.at;
        let mapping = merge::by_name(std::mem::take(node), merge::dependency)?;
        *node = Node::mapping(mapping, at);
        return Ok(());
    }
    let Some(mapping) = node.as_mapping_mut() else {
        return Err(Fault::wrong_type("a list or a mapping", node));
    };
    for (name, dependency) in mapping.iter_mut() {
        let at = dependency.at;
        if dependency.as_mapping().is_none() {
            return Err(Fault::wrong_type("a mapping", dependency)).under(name);
        }
        if let Some(dependency) = dependency.as_mapping_mut() {
            dependency.or_insert_with("condition", || Node::string("service_started", at));
            dependency.or_insert_with("required", || Node::new(Value::Bool(true), at));
        }
    }
    Ok(())
}

fn names(node: &mut Node) -> Outcome<()> {
    if node.as_sequence().is_some() {
        let (at, key_at) = (node.at, node.key_at);
        let mapping = merge::by_name(std::mem::take(node), |at| Node::new(Value::Null, at))?;
        *node = Node {
            key_at,
            ..Node::mapping(mapping, at)
        };
    }
    Ok(())
}

fn env_file(node: &mut Node) -> Outcome<()> {
    string_or_list(node)?;
    entries(node, |entry| {
        let at = entry.at;
        match &mut entry.value {
            Value::String(path) => {
                let path = text(path);
                replace(
                    entry,
                    long_form(at, [("path", path), ("required", Value::Bool(true))]),
                );
            }
            Value::Mapping(mapping) => {
                mapping.or_insert_with("required", || Node::new(Value::Bool(true), at));
            }
            _ => return Err(Fault::wrong_type("a path or a mapping", entry)),
        }
        Ok(())
    })
}

/// The text of a short form; `None` for a long one.
fn short_form(node: &Node) -> Outcome<Option<&str>> {
    match &node.value {
        Value::String(short) => Ok(Some(short)),
        Value::Mapping(_) => Ok(None),
        _ => Err(Fault::wrong_type("a string or a mapping", node)),
    }
}

fn extends(node: &mut Node) -> Outcome<()> {
    if let Some(service) = short_form(node)? {
        let service = text(service);
        replace(node, long_form(node.at, [("service", service)]));
    }
    Ok(())
}

fn string_or_list(node: &mut Node) -> Outcome<()> {
    if node.as_str().is_some() {
        let item = node.clone();
        replace(node, Node::new(Value::Sequence(vec![item]), node.at));
    }
    Ok(())
}

fn develop(node: &mut Node) -> Outcome<()> {
    let Some(watch) = node
        .as_mapping_mut()
        .and_then(|develop| develop.get_mut("watch"))
    else {
        return Ok(());
    };
    entries(watch, |trigger| {
        for key in ["ignore", "include"] {
            if let Some(list) = trigger
                .as_mapping_mut()
                .and_then(|trigger| trigger.get_mut(key))
            {
                string_or_list(list)?;
            }
        }
        Ok(())
    })
}

fn volume(node: &mut Node) -> Outcome<()> {
    let Some(short) = short_form(node)? else {
        return Ok(());
    };
    let at = node.at;
    let spec = volume_spec::parse(short).map_err(|reason| Fault::invalid(reason, at))?;
    let kind = if spec.is_bind { "bind" } else { "volume" };
    let mut long = Mapping::from([("type", Node::string(kind, at))]);
    let mut put = |key: &'static str, value: Value| {
        long.insert(key, Node::new(value, at));
    };
    if !spec.source.is_empty() {
        put("source", Value::String(spec.source));
    }
    if !spec.target.is_empty() {
        put("target", Value::String(go_path::clean(&spec.target)));
    }
    if spec.read_only {
        put("read_only", Value::Bool(true));
    }
    let has_bind = spec.is_bind || spec.propagation.is_some() || spec.selinux.is_some();
    if has_bind {
        let mut bind = Mapping::new();
        let mut option = |key: &'static str, value: Value| bind.insert(key, Node::new(value, at));
        if let Some(selinux) = spec.selinux {
            option("selinux", Value::String(selinux));
        }
        if let Some(propagation) = spec.propagation {
            option("propagation", Value::String(propagation));
        }
        if spec.is_bind {
            option("create_host_path", Value::Bool(true));
        }
        put("bind", Value::Mapping(bind));
    }
    if (!spec.is_bind && !spec.is_bare) || spec.nocopy {
        let nocopy = ("nocopy", Node::new(Value::Bool(true), at));
        put(
            "volume",
            Value::Mapping(spec.nocopy.then_some(nocopy).into_iter().collect()),
        );
    }
    replace(node, Node::mapping(long, at));
    Ok(())
}

fn device(node: &mut Node) -> Outcome<()> {
    let Some(short) = short_form(node)? else {
        return Ok(());
    };
    let parts: Vec<&str> = short.split(':').collect();
    let (source, target, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, target] => (source, target, "rwm"),
        [source, target, permissions] => (source, target, permissions),
        _ => {
            return Err(
                Fault::invalid(format!("`{short}` has too many colons"), node.at)
                    .hint("write `source:`, `target:` and `permissions:`"),
            );
        }
    };
    let long = [
        ("source", text(source)),
        ("target", text(target)),
        ("permissions", text(permissions)),
    ];
    replace(node, long_form(node.at, long));
    Ok(())
}

fn file_reference(node: &mut Node) -> Outcome<()> {
    if let Some(source) = short_form(node)? {
        let source = text(source);
        replace(node, long_form(node.at, [("source", source)]));
    }
    Ok(())
}

fn gpus(node: &mut Node) -> Outcome<()> {
    if let Some(count) = node.as_str() {
        let request = long_form(node.at, [("count", text(count))]);
        replace(node, Node::new(Value::Sequence(vec![request]), node.at));
    }
    Ok(())
}

fn ports(node: &mut Node) -> Outcome<()> {
    let Some(items) = node.as_sequence_mut() else {
        return Err(Fault::wrong_type("a list", node));
    };
    let mut ports = Vec::with_capacity(items.len());
    for (index, item) in items.drain(..).enumerate() {
        let at = item.at;
        if ports.len() > PORT_LIMIT {
            let message = format!("these ranges hold more than {PORT_LIMIT} ports");
            return Err(Fault::new(Problem::TooLarge(message), at)).within(index);
        }
        match &item.value {
            Value::Mapping(_) => ports.push(item),
            Value::Int(target) => ports.extend(short_port(&target.to_string(), at).within(index)?),
            Value::String(short) => ports.extend(short_port(short, at).within(index)?),
            _ => return Err(Fault::wrong_type("a port", &item)).within(index),
        }
    }
    *items = ports;
    Ok(())
}

/// Each port becomes a rule of the host's firewall: nobody gets that far.
const PORT_LIMIT: usize = 70_000;
const PROJECT_PORT_LIMIT: usize = 200_000;

fn short_port(short: &str, at: Position) -> Outcome<Vec<Node>> {
    let specs = port_spec::parse(short).map_err(|reason| Fault::invalid(reason, at))?;
    Ok(specs.into_iter().map(|spec| long_port(spec, at)).collect())
}

fn long_port(spec: port_spec::PortSpec, at: Position) -> Node {
    let mut long = vec![("mode", text("ingress"))];
    if !spec.host_ip.is_empty() {
        long.push(("host_ip", Value::String(spec.host_ip)));
    }
    // A port 0 is no port: Compose leaves it out and then misses it.
    if spec.target != 0 {
        long.push(("target", Value::Int(i64::from(spec.target))));
    }
    if !spec.published.is_empty() {
        long.push(("published", Value::String(spec.published)));
    }
    long.push(("protocol", Value::String(spec.protocol)));
    Node::mapping(
        long.into_iter()
            .map(|(key, value)| (key, Node::new(value, at)))
            .collect(),
        at,
    )
}

/// `external: {name: x}` is the old way to say `external: true` and `name: x`.
fn external(node: &mut Node) -> Outcome<()> {
    let Some(resource) = node.as_mapping_mut() else {
        return Ok(());
    };
    let Some(external) = resource.get_mut("external") else {
        return Ok(());
    };
    let Some(mapping) = external.as_mapping_mut() else {
        return Ok(());
    };
    let external_name = mapping.shift_remove("name");
    external.value = Value::Bool(true);
    match (external_name, resource.get("name")) {
        (Some(external_name), Some(name)) if !external_name.same(name) => {
            let problem = Problem::Conflict("`name` and `external.name` differ".into());
            Err(Fault::new(problem, external_name.at)
                .hint("keep `name` and write `external: true`"))
        }
        (Some(external_name), None) => {
            resource.insert("name", external_name);
            Ok(())
        }
        _ => Ok(()),
    }
}
