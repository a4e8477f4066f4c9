//! What of a project is printed, in the order of its keys.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

use crate::project::model::{FileObject, Project, Service};

/// The project as docker compose writes it in JSON.
pub(super) struct Document<'a>(pub(super) &'a Project);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let project = self.0;
        let mut map = serializer.serialize_map(None)?;
        if !project.configs.is_empty() {
            map.serialize_entry("configs", &Section(&project.configs, config))?;
        }
        map.serialize_entry("name", &project.name)?;
        if !project.networks.is_empty() {
            map.serialize_entry("networks", &Section(&project.networks, as_is))?;
        }
        if !project.secrets.is_empty() {
            map.serialize_entry("secrets", &Section(&project.secrets, secret))?;
        }
        map.serialize_entry("services", &Section(&project.services, service))?;
        if !project.volumes.is_empty() {
            map.serialize_entry("volumes", &Section(&project.volumes, as_is))?;
        }
        for (key, value) in sorted(&project.extensions.0) {
            let mut value = value.clone();
            empty_lists_to_null(&mut value);
            map.serialize_entry(key, &value)?;
        }
        map.end()
    }
}

/// Services, networks …: each one as it is printed.
pub(super) struct Section<'a, T: Clone>(
    pub(super) &'a IndexMap<String, T>,
    pub(super) fn(&T) -> Cow<'_, T>,
);

impl<T: Clone> Section<'_, T> {
    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, Cow<'_, T>)> {
        sorted(self.0).map(|(key, one)| (key, self.1(one)))
    }
}

impl<T: Clone + Serialize> Serialize for Section<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, one) in self.entries() {
            map.serialize_entry(key, &*one)?;
        }
        map.end()
    }
}

pub(super) fn as_is<T: Clone>(one: &T) -> Cow<'_, T> {
    Cow::Borrowed(one)
}

/// A service with the values of its env files in its environment.
pub(super) fn service(service: &Service) -> Cow<'_, Service> {
    if service.resolved_environment.is_none() && service.label_file.is_empty() {
        return Cow::Borrowed(service);
    }
    let mut service = service.clone();
    service.label_file.clear();
    if let Some(environment) = service.resolved_environment.take() {
        service.environment = environment;
        service.env_file.clear();
    }
    Cow::Owned(service)
}

pub(super) fn secret(object: &FileObject) -> Cow<'_, FileObject> {
    without_content_if(object, object.content.is_some())
}

/// The content that came from a variable is not shown.
pub(super) fn config(object: &FileObject) -> Cow<'_, FileObject> {
    without_content_if(object, object.environment.is_some())
}

fn without_content_if(object: &FileObject, hidden: bool) -> Cow<'_, FileObject> {
    if !hidden {
        return Cow::Borrowed(object);
    }
    Cow::Owned(FileObject {
        content: None,
        ..object.clone()
    })
}

pub(super) fn sorted<T>(map: &IndexMap<String, T>) -> impl Iterator<Item = (&String, &T)> {
    let mut entries: Vec<(&String, &T)> = map.iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    entries.into_iter()
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
