//! The key path of a value while a tree is walked.

/// A path as a chain of borrowed keys; entries of lists are `[]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    key: &'a str,
    depth: usize,
}

/// What stands for an entry of a list in a path.
pub(crate) const ENTRY: &str = "[]";

/// No rule looks deeper.
const DEEPEST: usize = 8;

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path {
        parent: None,
        key: "",
        depth: 0,
    };

    pub(crate) fn next(&'a self, key: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            key,
            depth: self.depth + 1,
        }
    }

    /// Calls `rule` with the keys; a path deeper than every rule gives an empty slice.
    pub(crate) fn keys<R>(&self, rule: impl FnOnce(&[&str]) -> R) -> R {
        let mut buffer = [""; DEEPEST];
        if self.depth > DEEPEST {
            return rule(&[]);
        }
        let mut here = Some(self);
        while let Some(path) = here {
            if path.depth > 0 {
                buffer[path.depth - 1] = path.key;
            }
            here = path.parent;
        }
        rule(&buffer[..self.depth])
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(parent) = self.parent
            && parent.depth > 0
        {
            write!(f, "{parent}")?;
            if self.key != ENTRY {
                f.write_str(".")?;
            }
        }
        f.write_str(self.key)
    }
}
