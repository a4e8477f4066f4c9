//! The place of an error that is found after the model is typed, when the tree with its places is gone.

use crate::project::error::LoadError;
use crate::project::locate::{LoadOptions, Location};
use crate::project::source::Position;
use crate::project::tree::{Node, Value};

use super::Loader;

/// Gives an error without a place that of its key path, by reading the files once more.
pub(crate) fn placed(error: LoadError, location: &Location, options: &LoadOptions) -> LoadError {
    let (None, Some(path)) = (&error.place, &error.path) else {
        return error;
    };
    let mut loader = Loader::new(location, options);
    let Ok((tree, ..)) = loader.complete_model(location, options) else {
        return error;
    };
    let place = loader.sources.place(deepest(&tree, path));
    LoadError {
        place: place.map(Box::new),
        ..error
    }
}

/// The place of the last key of a path that the file itself has.
fn deepest(tree: &Node, path: &str) -> Position {
    let (mut node, mut rest, mut at) = (tree, path, Position::default());
    while let Some((below, behind)) = step(node, rest) {
        // What was filled in for the file has the place of what it was made for.
        if below.key_at.file != 0 {
            at = below.key_at;
        }
        (node, rest) = (below, behind);
    }
    at
}

/// The value that the path begins with, and the rest of the path. A key may hold dots: the longest one counts.
fn step<'a>(node: &'a Node, path: &'a str) -> Option<(&'a Node, &'a str)> {
    match &node.value {
        Value::Mapping(mapping) => mapping
            .iter()
            .filter_map(|(key, value)| {
                let rest = path.strip_prefix(key.as_str())?;
                match rest.chars().next() {
                    None | Some('[') => Some((key.len(), value, rest)),
                    Some('.') => Some((key.len(), value, &rest[1..])),
                    Some(_) => None,
                }
            })
            .max_by_key(|(length, ..)| *length)
            .map(|(_, value, rest)| (value, rest)),
        Value::Sequence(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            Some((item, rest.strip_prefix('.').unwrap_or(rest)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_key_that_is_there_is_the_place() {
        let text = "services:\n  a.b:\n    ports:\n      - 80\n      - {target: 1}\n  a: {}\n";
        let tree = crate::project::yaml::parse(text, 1).unwrap().remove(0);
        let place = |path: &str| {
            let at = deepest(&tree, path);
            (at.line, at.column)
        };
        assert_eq!(place("services.a.b.ports[1].target"), (5, 10));
        assert_eq!(place("services.a.b.ports[0]"), (4, 9));
        assert_eq!(place("services.a.b.ports[7]"), (3, 5));
        assert_eq!(place("services.a.image"), (6, 3));
        assert_eq!(place("networks.x"), (0, 0));
    }
}
