//! `!reset` and `!override`: what a later file takes out of the earlier ones.

use super::tree::{Directive, Node, Value};

/// The key paths that a document takes out of the model before it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Resets(Vec<Vec<String>>);

impl Resets {
    /// Collects the paths of a document and cuts what is marked `!reset` out of it.
    pub(crate) fn collect(document: &mut Node) -> Self {
        let mut resets = Self::default();
        if holds_directive(document) {
            resets.walk(document, &mut Vec::new());
        }
        resets
    }

    fn walk(&mut self, node: &mut Node, path: &mut Vec<String>) {
        match &mut node.value {
            Value::Mapping(mapping) => {
                mapping.retain(|key, value| {
                    path.push(key.to_string());
                    match value.directive {
                        Directive::None => self.walk(value, path),
                        Directive::Reset | Directive::Override => self.0.push(path.clone()),
                    }
                    path.pop();
                    value.directive != Directive::Reset
                });
            }
            Value::Sequence(items) => {
                items.retain(|item| item.directive != Directive::Reset);
                for (index, item) in items.iter_mut().enumerate() {
                    path.push(index.to_string());
                    self.walk(item, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// Takes the paths out of a model.
    pub(crate) fn apply(&self, model: &mut Node) {
        for path in &self.0 {
            if let Some((first, rest)) = path.split_first() {
                remove(model, first, rest);
            }
        }
    }

    /// Takes the paths below one resource out of it.
    pub(crate) fn apply_to_resource(&self, section: &str, name: &str, resource: &mut Node) {
        for path in &self.0 {
            if let [in_section, in_name, first, rest @ ..] = &path[..]
                && in_section == section
                && in_name == name
            {
                remove(resource, first, rest);
            }
        }
    }
}

/// Most documents mark nothing: they are looked through without paths.
fn holds_directive(node: &Node) -> bool {
    let below = |node: &Node| node.directive != Directive::None || holds_directive(node);
    match &node.value {
        Value::Mapping(mapping) => mapping.values().any(below),
        Value::Sequence(items) => items.iter().any(below),
        _ => false,
    }
}

fn remove(node: &mut Node, key: &str, rest: &[String]) {
    let Some(mapping) = node.as_mapping_mut() else {
        return;
    };
    match rest.split_first() {
        None => {
            mapping.shift_remove(key);
        }
        Some((next, rest)) => {
            if let Some(child) = mapping.get_mut(key) {
                remove(child, next, rest);
            }
        }
    }
}
