//! What holds for every merge, whatever the files say.

use proptest::prelude::*;

use super::merge_models;
use crate::project::source::Position;
use crate::project::tree::{Mapping, Node, Value};

/// Mappings in which the name of a key says of which type its value is, as in a Compose file.
fn model() -> impl Strategy<Value = Node> {
    let scalar = "[a-c]{0,2}".prop_map(|text| Node::string(text, Position::default()));
    let list = proptest::collection::vec(scalar.clone(), 0..3)
        .prop_map(|items| Node::new(Value::Sequence(items), Position::default()));
    let leaves = proptest::collection::vec(("[st][0-3]", scalar, "l[0-3]", list), 0..4);
    let leaves = leaves.prop_map(|entries| {
        let entries = entries
            .into_iter()
            .flat_map(|(s, text, l, list)| [(s, text), (l, list)]);
        mapping(entries.collect())
    });
    leaves
        .prop_recursive(3, 24, 3, |inner| {
            (
                inner.clone(),
                proptest::collection::vec(("m[0-2]", inner), 0..3),
            )
                .prop_map(|(leaves, nested)| {
                    let mut all = leaves.as_mapping().cloned().unwrap_or_default();
                    for (key, node) in nested {
                        all.insert(key, node);
                    }
                    Node::mapping(all, Position::default())
                })
        })
        // Everything below `x-…` merges by its form alone.
        .prop_map(|node| mapping(vec![("x-a".to_owned(), node)]))
}

fn mapping(entries: Vec<(String, Node)>) -> Node {
    Node::mapping(entries.into_iter().collect(), Position::default())
}

fn merged(base: &Node, over: &Node) -> Node {
    merge_models(base.clone(), over.clone()).unwrap()
}

/// The texts below a node, each with its path.
fn texts(node: &Node, path: &str, out: &mut Vec<(String, String)>) {
    match &node.value {
        Value::Mapping(mapping) => {
            for (key, node) in mapping {
                texts(node, &format!("{path}.{key}"), out);
            }
        }
        Value::String(text) => out.push((path.to_owned(), text.clone())),
        _ => {}
    }
}

fn all_texts(node: &Node) -> std::collections::BTreeMap<String, String> {
    let mut out = Vec::new();
    texts(node, "", &mut out);
    out.into_iter().collect()
}

proptest! {
    #[test]
    fn an_empty_file_changes_nothing(a in model()) {
        let empty = Node::mapping(Mapping::new(), Position::default());
        prop_assert!(merged(&a, &empty).same(&a));
        prop_assert!(merged(&empty, &a).same(&a));
    }

    #[test]
    fn it_does_not_matter_which_two_of_three_files_are_merged_first(a in model(), b in model(), c in model()) {
        let left = merged(&merged(&a, &b), &c);
        let right = merged(&a, &merged(&b, &c));
        prop_assert!(left.same(&right), "{left:?}\n{right:?}");
    }

    #[test]
    fn the_later_text_wins_and_no_other_is_lost(a in model(), b in model()) {
        let (first, second) = (all_texts(&a), all_texts(&b));
        let both = all_texts(&merged(&a, &b));
        for (path, text) in &both {
            prop_assert_eq!(Some(text), second.get(path).or_else(|| first.get(path)), "{}", path);
        }
        prop_assert_eq!(both.len(), first.keys().chain(second.keys()).collect::<std::collections::BTreeSet<_>>().len());
    }
}
