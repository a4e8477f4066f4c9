//! The canonical tree → the typed model.

mod build;
mod deploy;
mod fields;
mod mount;
mod network;
mod service;
mod values;

use indexmap::IndexMap;

use super::error::{Fault, Outcome, Under as _};
use super::model::{Extensions, FileObject, Model, Network, Service, Volume};
use super::tree::{Mapping, Node};
use fields::Fields;
pub(crate) use values::go_int;

/// The typed parts of a model.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) services: IndexMap<String, Service>,
    pub(crate) networks: IndexMap<String, Network>,
    pub(crate) volumes: IndexMap<String, Volume>,
    pub(crate) secrets: IndexMap<String, FileObject>,
    pub(crate) configs: IndexMap<String, FileObject>,
    pub(crate) models: IndexMap<String, Model>,
    pub(crate) extensions: Extensions,
}

/// The key under which the value of a secret's variable travels; no file can hold it in its place.
pub(crate) const RESOLVED_VALUE: &str = "x-#value";

/// Reads a complete, canonical model.
pub(crate) fn decode(model: Node) -> Outcome<Decoded> {
    let mut decoded = Decoded::default();
    let at = model.at;
    let super::tree::Value::Mapping(mapping) = model.value else {
        return Err(Fault::invalid("the file must be a mapping", at));
    };
    for (key, node) in mapping {
        match key.as_str() {
            "services" => decoded.services = each(node, &key, service::service)?,
            "networks" => decoded.networks = each(node, &key, network::network)?,
            "volumes" => decoded.volumes = each(node, &key, mount::volume)?,
            "secrets" => decoded.secrets = each(node, &key, mount::file_object)?,
            "configs" => decoded.configs = each(node, &key, mount::file_object)?,
            "models" => decoded.models = each(node, &key, network::model)?,
            key if key.starts_with("x-") => {
                decoded.extensions.0.insert(key.to_owned(), node.to_json());
            }
            _ => {}
        }
    }
    for (name, service) in &mut decoded.services {
        service.name.clone_from(name);
    }
    Ok(decoded)
}

fn each<T: Default>(
    node: Node,
    section: &str,
    read: fn(&mut Fields) -> Outcome<T>,
) -> Outcome<IndexMap<String, T>> {
    let super::tree::Value::Mapping(resources) = node.value else {
        return Ok(IndexMap::new());
    };
    let mut all = IndexMap::with_capacity(resources.len());
    for (name, resource) in resources {
        let at = resource.at;
        let mapping = match resource.value {
            super::tree::Value::Mapping(mapping) => mapping,
            super::tree::Value::Null => Mapping::new(),
            value => {
                return Err(Fault::wrong_type("a mapping", &Node::new(value, at)))
                    .under(&name)
                    .under(section);
            }
        };
        let mut fields = Fields::new(mapping, at);
        all.insert(
            name.to_string(),
            read(&mut fields).under(&name).under(section)?,
        );
    }
    Ok(all)
}
