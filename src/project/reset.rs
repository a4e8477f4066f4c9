//! `!reset` and `!override`: what a later file takes out of the earlier ones.

use std::collections::HashMap;

use super::tree::{Directive, Node, Value};

/// The key paths that a document takes out of the model before it, as a tree.
#[derive(Debug, Default, Clone)]
pub(crate) struct Resets {
    /// This very value goes.
    whole: bool,
    below: HashMap<String, Resets>,
}

impl Resets {
    /// Collects the paths of a document and cuts what is marked `!reset` out of it.
    pub(crate) fn collect(document: &mut Node) -> Self {
        // Most documents mark nothing: they are looked through without paths.
        if holds_directive(document) {
            Self::of(document)
        } else {
            Self::default()
        }
    }

    fn of(node: &mut Node) -> Self {
        let mut resets = Self::default();
        let mut note = |key: &str, value: &mut Node| {
            let below = match value.directive {
                Directive::None => Self::of(value),
                Directive::Reset | Directive::Override => Self {
                    whole: true,
                    below: HashMap::new(),
                },
            };
            if below.whole || !below.below.is_empty() {
                resets.below.insert(key.to_owned(), below);
            }
        };
        match &mut node.value {
            Value::Mapping(mapping) => mapping.retain(|key, value| {
                note(key, value);
                value.directive != Directive::Reset
            }),
            Value::Sequence(items) => {
                items.retain(|item| item.directive != Directive::Reset);
                for (index, item) in items.iter_mut().enumerate() {
                    note(&index.to_string(), item);
                }
            }
            _ => {}
        }
        resets
    }

    /// Takes the paths out of a model.
    pub(crate) fn apply(&self, model: &mut Node) {
        let Some(mapping) = model.as_mapping_mut().filter(|_| !self.below.is_empty()) else {
            return;
        };
        mapping.retain(|key, node| match self.below.get(key.as_str()) {
            Some(resets) if resets.whole => false,
            Some(resets) => {
                resets.apply(node);
                true
            }
            None => true,
        });
    }

    /// Takes the paths below one resource out of it.
    pub(crate) fn apply_to_resource(&self, section: &str, name: &str, resource: &mut Node) {
        let section = self.below.get(section);
        if let Some(resets) = section.and_then(|section| section.below.get(name)) {
            resets.apply(resource);
        }
    }
}

fn holds_directive(node: &Node) -> bool {
    let below = |node: &Node| node.directive != Directive::None || holds_directive(node);
    match &node.value {
        Value::Mapping(mapping) => mapping.values().any(below),
        Value::Sequence(items) => items.iter().any(below),
        _ => false,
    }
}
