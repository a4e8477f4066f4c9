//! A project as text, for `config`.

use serde_json::{Map, Value};

use super::go_json;
use super::model::{FileObject, Project, Service};

/// The project in the JSON of docker compose; every `$` of a value is written `$$`.
#[must_use]
pub fn config_json(project: &Project) -> String {
    let mut json = document(project);
    go_json::strip(&mut json);
    if let Value::Object(map) = &mut json {
        for (key, value) in &project.extensions.0 {
            map.insert(key.clone(), value.clone());
        }
    }
    escape_dollars(&mut json);
    sort_top(&mut json);
    go_json::pretty(&json)
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

fn sort_top(value: &mut Value) {
    if let Value::Object(map) = value {
        map.sort_keys();
    }
}
