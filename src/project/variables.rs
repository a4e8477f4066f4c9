//! The variables that a model asks for, in the way docker compose lists them.

use std::collections::BTreeMap;

use super::template::{self, Operator as Op, Part};
use super::tree::{Node, Value};

/// What a model says of one variable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) default: String,
    pub(crate) alternative: String,
    pub(crate) required: bool,
}

/// Every variable of the strings of a model.
pub(crate) fn extract(model: &Node) -> BTreeMap<String, Variable> {
    let mut found = BTreeMap::new();
    walk(model, &mut found);
    found
}

fn walk(node: &Node, found: &mut BTreeMap<String, Variable>) {
    match &node.value {
        Value::String(text) => from_text(text, found),
        Value::Mapping(mapping) => mapping.values().for_each(|value| walk(value, found)),
        Value::Sequence(items) => items.iter().for_each(|item| walk(item, found)),
        _ => {}
    }
}

fn from_text(text: &str, found: &mut BTreeMap<String, Variable>) {
    if let Ok(parts) = template::split(text) {
        from_parts(parts, found);
    }
}

fn from_parts(parts: Vec<Part<'_>>, found: &mut BTreeMap<String, Variable>) {
    for part in parts {
        if let Part::Expression(expression) = part {
            let mut one = Variable::default();
            match expression.operator {
                Some(Op::RequiredNotEmpty | Op::RequiredSet) => one.required = true,
                Some(Op::DefaultIfEmpty | Op::DefaultIfUnset) => {
                    expression.operand.clone_into(&mut one.default);
                }
                Some(Op::AlternativeIfNotEmpty | Op::AlternativeIfSet) => {
                    expression.operand.clone_into(&mut one.alternative);
                }
                None => {}
            }
            found.entry(expression.name.to_owned()).or_insert(one);
            if let Ok(parts) = expression.operand_parts() {
                from_parts(parts, found);
            }
        }
    }
}
