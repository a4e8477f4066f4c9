//! A project as text, for `config`.

mod document;
mod yaml;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::LoadError;
use super::locate::{LoadOptions, Location};
use super::model::{Project, Service};
use super::{go_json, load};
use document::{Document, Section};

/// Any value as YAML text.
pub fn yaml_text(value: &serde_json::Value) -> String {
    yaml::render(value)
}

/// The project in the JSON of docker compose; every `$` of a value is written `$$`.
#[must_use]
pub fn config_json(project: &Project) -> String {
    go_json::pretty_template(&Document(project))
}

/// The project in YAML, with `x-…` keys, as docker compose prints it.
#[must_use]
pub fn config_yaml(project: &Project) -> String {
    let mut name = json!({ "name": project.name });
    escape_dollars(&mut name);
    let mut out = yaml::render(&name);
    let services = Section(&project.services, document::service);
    yaml_section("services", &services, without_empty_parts, &mut out);
    if project.services.is_empty() {
        out.push_str("services: {}\n");
    }
    let networks = Section(&project.networks, document::as_is);
    yaml_section("networks", &networks, |n| drop_empty(n, "ipam"), &mut out);
    let volumes = Section(&project.volumes, document::as_is);
    yaml_section("volumes", &volumes, |_| (), &mut out);
    let secrets = Section(&project.secrets, document::secret);
    yaml_section("secrets", &secrets, |_| (), &mut out);
    let configs = Section(&project.configs, document::config);
    yaml_section("configs", &configs, |_| (), &mut out);
    let models = Section(&project.models, document::as_is);
    yaml_section("models", &models, |_| (), &mut out);
    for (key, value) in document::sorted(&project.extensions.0) {
        let mut extension = json!({ key: value });
        sort_all(&mut extension);
        escape_dollars(&mut extension);
        out.push_str(&yaml::render(&extension));
    }
    out
}

/// One entry after the other: a project may have thousands.
fn yaml_section<T: Clone + Serialize>(
    name: &str,
    section: &Section<'_, T>,
    omit: fn(&mut Map<String, Value>),
    out: &mut String,
) {
    for (number, (key, entry)) in section.entries().enumerate() {
        if number == 0 {
            out.push_str(name);
            out.push_str(":\n");
        }
        let mut value = go_json::tree(&*entry);
        if let Value::Object(map) = &mut value {
            omit(map);
        }
        inline_extensions(&mut value);
        escape_dollars(&mut value);
        yaml::render_entry(&key.replace('$', "$$"), &value, out);
    }
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

/// Moves the `x-…` keys of every mapping to their place beside the others.
fn inline_extensions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("#value");
            map.shift_remove("#environment");
            if let Some(mut extensions @ Value::Object(_)) = map.shift_remove("#extensions") {
                sort_all(&mut extensions);
                map.extend(
                    extensions
                        .as_object_mut()
                        .map(std::mem::take)
                        .unwrap_or_default(),
                );
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

/// Members that Compose writes in JSON alone, empty as they are, and such that it writes in YAML alone.
fn without_empty_parts(service: &mut Map<String, Value>) {
    drop_empty(service, "command");
    drop_empty(service, "entrypoint");
    let build = service
        .get_mut("build")
        .and_then(|build| build.get_mut("ulimits"));
    build.into_iter().for_each(whole_ulimits);
    service
        .get_mut("ulimits")
        .into_iter()
        .for_each(whole_ulimits);
    if let Some(Value::Object(limits)) = service.get_mut("blkio_config") {
        for device in limits
            .values_mut()
            .filter_map(Value::as_array_mut)
            .flatten()
        {
            lower_keys(device);
        }
    }
    let watch = service
        .get_mut("develop")
        .and_then(|develop| develop.get_mut("watch"));
    for trigger in watch.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(trigger) = trigger.as_object_mut() {
            if let Some(Value::Object(exec)) = trigger.get_mut("exec") {
                drop_empty(exec, "command");
            }
            drop_empty(trigger, "exec");
        }
    }
    if let Some(Value::Object(deploy)) = service.get_mut("deploy") {
        drop_empty(deploy, "resources");
        drop_empty(deploy, "placement");
    }
}

/// In JSON alone Compose leaves out a limit of 0.
fn whole_ulimits(ulimits: &mut Value) {
    let pairs = ulimits
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut);
    for pair in pairs.filter_map(Value::as_object_mut) {
        for key in ["soft", "hard"] {
            let limit = pair.shift_remove(key).unwrap_or_else(|| 0.into());
            pair.insert(key.to_owned(), limit);
        }
    }
}

/// In JSON Compose writes the devices of `blkio_config` under the names that its program has for their keys.
fn lower_keys(device: &mut Value) {
    if let Value::Object(map) = device {
        *map = std::mem::take(map)
            .into_iter()
            .map(|(key, value)| (key.to_lowercase(), value))
            .collect();
    }
}

fn drop_empty(map: &mut Map<String, Value>, key: &str) {
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if map.get(key).is_some_and(empty) {
        map.shift_remove(key);
    }
}
