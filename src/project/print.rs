//! A project as text, for `config`.

mod yaml;

use serde_json::{Map, Value};

use super::error::LoadError;
use super::locate::{LoadOptions, Location};
use super::model::{FileObject, Project, Service};
use super::{go_json, load};

/// The project in the JSON of docker compose; every `$` of a value is written `$$`.
#[must_use]
pub fn config_json(project: &Project) -> String {
    let mut json = document(project);
    go_json::strip(&mut json);
    if let Value::Object(map) = &mut json {
        for (key, value) in &project.extensions.0 {
            let mut value = value.clone();
            empty_lists_to_null(&mut value);
            map.insert(key.clone(), value);
        }
    }
    escape_dollars(&mut json);
    sort_top(&mut json);
    go_json::pretty(&json)
}

/// The project in YAML, with `x-…` keys, as docker compose prints it.
#[must_use]
pub fn config_yaml(project: &Project) -> String {
    let mut json = document(project);
    if let Value::Object(map) = &mut json {
        for (key, value) in &project.extensions.0 {
            map.insert(key.clone(), value.clone());
        }
    }
    omit_what_yaml_omits(&mut json);
    inline_extensions(&mut json);
    escape_dollars(&mut json);
    yaml::render(&in_yaml_order(json))
}

/// The merged model with its variables, in JSON.
pub fn raw_json(location: &Location, options: &LoadOptions) -> Result<String, LoadError> {
    Ok(go_json::pretty(&raw(location, options)?))
}

/// The merged model with its variables, in YAML.
pub fn raw_yaml(location: &Location, options: &LoadOptions) -> Result<String, LoadError> {
    Ok(yaml::render(&raw(location, options)?))
}

fn raw(location: &Location, options: &LoadOptions) -> Result<Value, LoadError> {
    let mut model = load::load_raw(location, options)?.to_json();
    sort_all(&mut model);
    Ok(model)
}

/// The variables of the Compose files, as JSON or as a table.
pub fn variables(
    location: &Location,
    options: &LoadOptions,
    as_json: bool,
) -> Result<String, LoadError> {
    let raw = load::load_raw(location, options)?;
    let found = super::variables::extract(&raw);
    if as_json {
        let map: Map<String, Value> = found
            .into_iter()
            .map(|(name, one)| {
                let value = serde_json::json!({
                    "Name": name, "DefaultValue": one.default, "PresenceValue": one.alternative, "Required": one.required,
                });
                (name, value)
            })
            .collect();
        return Ok(go_json::pretty(&Value::Object(map)) + "\n");
    }
    let mut rows =
        vec![["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"].map(str::to_owned)];
    rows.extend(
        found
            .into_iter()
            .map(|(name, one)| [name, one.required.to_string(), one.default, one.alternative]),
    );
    Ok(table(&rows))
}

fn table(rows: &[[String; 4]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
            + 3
    };
    let widths = [width(0), width(1), width(2)];
    let line = |row: &[String; 4]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        format!("{}{}\n", cells.collect::<String>(), row[3])
    };
    rows.iter().map(line).collect()
}

/// One line for each, sorted.
pub fn lines<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut lines: Vec<String> = items
        .into_iter()
        .map(|item| format!("{}\n", item.as_ref()))
        .collect();
    lines.sort();
    lines.concat()
}

/// Every profile that a service names, each once.
#[must_use]
pub fn profiles(project: &Project) -> Vec<String> {
    let services = project
        .services
        .values()
        .chain(project.disabled_services.values());
    let all: std::collections::BTreeSet<String> = services
        .flat_map(|service| service.profiles.clone())
        .collect();
    all.into_iter().collect()
}

/// The image of every enabled service; a built one without a name has that of project and service.
#[must_use]
pub fn images(project: &Project) -> Vec<String> {
    let default = |name: &str| format!("{}-{name}", project.name);
    let image = |(name, service): (&String, &Service)| {
        service.image.clone().unwrap_or_else(|| default(name))
    };
    project.services.iter().map(image).collect()
}

/// The variables for interpolation, one `NAME=value` a line.
#[must_use]
pub fn environment(project: &Project) -> String {
    lines(
        project
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    )
}

/// The hash of a service as a line of `config --hash`.
#[must_use]
pub fn hash_line(project: &Project, service: &str) -> String {
    format!("{service} {}", project.config_hash_printed(service))
}

fn document(project: &Project) -> Value {
    let mut top = Map::new();
    top.insert("name".into(), Value::from(project.name.clone()));
    let mut section = |name: &str, entries: Vec<(String, Value)>| {
        if !entries.is_empty() || name == "services" {
            let mut entries = entries;
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            top.insert(name.into(), Value::Object(entries.into_iter().collect()));
        }
    };
    let json = |value: serde_json::Result<Value>| value.unwrap_or_default();
    section(
        "configs",
        project
            .configs
            .iter()
            .map(|(key, o)| (key.clone(), json(serde_json::to_value(config(o)))))
            .collect(),
    );
    section(
        "networks",
        project
            .networks
            .iter()
            .map(|(key, n)| (key.clone(), json(serde_json::to_value(n))))
            .collect(),
    );
    section(
        "secrets",
        project
            .secrets
            .iter()
            .map(|(key, o)| (key.clone(), json(serde_json::to_value(secret(o)))))
            .collect(),
    );
    section(
        "services",
        project
            .services
            .iter()
            .map(|(key, s)| (key.clone(), json(serde_json::to_value(printed(s)))))
            .collect(),
    );
    section(
        "volumes",
        project
            .volumes
            .iter()
            .map(|(key, v)| (key.clone(), json(serde_json::to_value(v))))
            .collect(),
    );
    Value::Object(top)
}

/// A service with the values of its env files in its environment.
fn printed(service: &Service) -> Service {
    let mut service = service.clone();
    if let Some(environment) = service.resolved_environment.take() {
        service.environment = environment;
        service.env_file.clear();
        service.label_file.clear();
    }
    service
}

fn secret(object: &FileObject) -> FileObject {
    FileObject {
        content: None,
        ..object.clone()
    }
}

fn config(object: &FileObject) -> FileObject {
    let content = object
        .content
        .clone()
        .filter(|_| object.environment.is_none());
    FileObject {
        content,
        ..object.clone()
    }
}

fn escape_dollars(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('$') => *text = text.replace('$', "$$"),
        Value::Array(items) => items.iter_mut().for_each(escape_dollars),
        Value::Object(map) => {
            map.values_mut().for_each(escape_dollars);
            if map.keys().any(|key| key.contains('$')) {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, value)| (key.replace('$', "$$"), value))
                    .collect();
            }
        }
        _ => {}
    }
}

/// Compose loses empty lists below `x-…` on its way.
fn empty_lists_to_null(value: &mut Value) {
    match value {
        Value::Array(items) if items.is_empty() => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(empty_lists_to_null),
        Value::Object(map) => map.values_mut().for_each(empty_lists_to_null),
        _ => {}
    }
}

/// Moves the `x-…` keys of every mapping to their place beside the others.
fn inline_extensions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("#value");
            map.shift_remove("#environment");
            if let Some(Value::Object(extensions)) = map.shift_remove("#extensions") {
                map.extend(extensions);
            }
            map.values_mut().for_each(inline_extensions);
        }
        Value::Array(items) => items.iter_mut().for_each(inline_extensions),
        _ => {}
    }
}

fn sort_all(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort_all);
        }
        Value::Array(items) => items.iter_mut().for_each(sort_all),
        _ => {}
    }
}

/// Members that Compose writes in JSON alone, empty as they are.
fn omit_what_yaml_omits(value: &mut Value) {
    fn drop_empty(map: &mut Map<String, Value>, key: &str) {
        let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
        if map.get(key).is_some_and(empty) {
            map.shift_remove(key);
        }
    }
    let resources = |value: &mut Value, section: &str, rule: fn(&mut Map<String, Value>)| {
        let section = value.get_mut(section).and_then(Value::as_object_mut);
        section
            .into_iter()
            .flat_map(|section| section.values_mut())
            .filter_map(Value::as_object_mut)
            .for_each(rule);
    };
    resources(value, "networks", |network| drop_empty(network, "ipam"));
    resources(value, "services", |service| {
        drop_empty(service, "command");
        drop_empty(service, "entrypoint");
        if let Some(Value::Object(deploy)) = service.get_mut("deploy") {
            drop_empty(deploy, "resources");
            drop_empty(deploy, "placement");
        }
    });
}

/// The name, the services, then what they use.
fn in_yaml_order(value: Value) -> Value {
    let Value::Object(mut map) = value else {
        return value;
    };
    let mut ordered = Map::new();
    for key in [
        "name", "services", "networks", "volumes", "secrets", "configs",
    ] {
        ordered.extend(map.shift_remove_entry(key));
    }
    map.sort_keys();
    ordered.extend(map);
    Value::Object(ordered)
}

fn sort_top(value: &mut Value) {
    if let Value::Object(map) = value {
        map.sort_keys();
    }
}
