//! The entries of a mapping, in file order: small ones are searched, large ones have an index.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::Node;

/// A key: one of our own words, or a text of the file that all equal keys of it share.
#[derive(Clone)]
pub(crate) enum Key {
    /// A word of the program.
    Word(&'static str),
    /// A text of a file.
    Text(Rc<str>),
}

impl Key {
    pub(crate) fn as_str(&self) -> &str {
        self
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Text(text) => text,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// So that an index of keys is searched by text.
impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&'static str> for Key {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Rc<str>> for Key {
    fn from(text: Rc<str>) -> Self {
        Self::Text(text)
    }
}

/// From this size on a search is slower than an index.
const INDEXED_FROM: usize = 24;

/// Keys and their values, in the order in which they were put in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mapping {
    entries: Vec<(Key, Node)>,
    index: Option<Box<Index>>,
}

/// The places of keys; behind a pointer, since few mappings have one.
#[derive(Debug, Clone)]
struct Index(HashMap<Key, usize>);

impl Mapping {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.place(key).map(|place| &self.entries[place].1)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.place(key).map(|place| &mut self.entries[place].1)
    }

    pub(crate) fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// Puts a value in; an earlier one keeps its place and is returned.
    pub(crate) fn insert(&mut self, key: impl Into<Key>, node: Node) -> Option<Node> {
        let key = key.into();
        if let Some(place) = self.place(&key) {
            return Some(std::mem::replace(&mut self.entries[place].1, node));
        }
        self.push(key, node);
        None
    }

    /// Puts in what is not there yet; a value whose key is there comes back.
    pub(crate) fn insert_new(&mut self, key: Key, node: Node) -> Result<(), Entry> {
        if self.contains_key(&key) {
            return Err((key, node));
        }
        self.push(key, node);
        Ok(())
    }

    /// The value of a key, made if there is none.
    pub(crate) fn or_insert_with(
        &mut self,
        key: impl Into<Key>,
        node: impl FnOnce() -> Node,
    ) -> &mut Node {
        let key = key.into();
        let place = self.place(&key).unwrap_or_else(|| {
            self.push(key, node());
            self.entries.len() - 1
        });
        &mut self.entries[place].1
    }

    /// Takes a value out; the others keep their order.
    pub(crate) fn shift_remove(&mut self, key: &str) -> Option<Node> {
        let place = self.place(key)?;
        let (_, node) = self.entries.remove(place);
        self.index_again();
        Some(node)
    }

    /// Takes a value out; the last one may take its place.
    pub(crate) fn swap_remove(&mut self, key: &str) -> Option<Node> {
        let place = self.place(key)?;
        let (_, node) = self.entries.swap_remove(place);
        if let Some(index) = &mut self.index {
            index.0.remove(key);
            if let Some((moved, _)) = self.entries.get(place) {
                index.0.insert(moved.clone(), place);
            }
        }
        Some(node)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Key, &mut Node) -> bool) {
        let before = self.entries.len();
        self.entries.retain_mut(|(key, node)| keep(key, node));
        if self.entries.len() < before {
            self.index_again();
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        self.entries.iter().map(|(key, node)| (key, node))
    }

    pub(crate) fn iter_mut(&mut self) -> IterMut<'_> {
        self.entries.iter_mut().map(|(key, node)| (&*key, node))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Node> {
        self.entries.iter().map(|(_, node)| node)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.entries.iter_mut().map(|(_, node)| node)
    }

    fn place(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.0.get(key).copied(),
            None => self.entries.iter().position(|(known, _)| **known == *key),
        }
    }

    fn push(&mut self, key: Key, node: Node) {
        if let Some(index) = &mut self.index {
            index.0.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, node));
        if self.index.is_none() && self.entries.len() >= INDEXED_FROM {
            self.index_again();
        }
    }

    /// Makes the index anew, where there are enough entries for one.
    fn index_again(&mut self) {
        let places = self.entries.iter().enumerate();
        self.index = (self.entries.len() >= INDEXED_FROM).then(|| {
            let places = places.map(|(place, (key, _))| (key.clone(), place));
            Box::new(Index(places.collect()))
        });
    }
}

impl<K: Into<Key>, const N: usize> From<[(K, Node); N]> for Mapping {
    fn from(entries: [(K, Node); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Into<Key>> FromIterator<(K, Node)> for Mapping {
    fn from_iter<I: IntoIterator<Item = (K, Node)>>(entries: I) -> Self {
        let mut mapping = Self::new();
        for (key, node) in entries {
            mapping.insert(key, node);
        }
        mapping
    }
}

impl IntoIterator for Mapping {
    type Item = (Key, Node);
    type IntoIter = std::vec::IntoIter<(Key, Node)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

pub(crate) type Entry = (Key, Node);
type Iter<'a> = std::iter::Map<std::slice::Iter<'a, Entry>, fn(&'a Entry) -> (&'a Key, &'a Node)>;
type IterMut<'a> =
    std::iter::Map<std::slice::IterMut<'a, Entry>, fn(&'a mut Entry) -> (&'a Key, &'a mut Node)>;

impl<'a> IntoIterator for &'a Mapping {
    type Item = (&'a Key, &'a Node);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Mapping {
    type Item = (&'a Key, &'a mut Node);
    type IntoIter = IterMut<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::source::Position;
    use crate::project::tree::Value;

    fn numbers(count: i64) -> Mapping {
        (0..count)
            .map(|n| {
                (
                    format!("k{n}"),
                    Node {
                        value: Value::Int(n),
                        ..Node::default()
                    },
                )
            })
            .collect()
    }

    fn number(mapping: &Mapping, key: &str) -> Option<i64> {
        match mapping.get(key)?.value {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    #[test]
    fn small_and_large_mappings_keep_order_and_find_their_keys() {
        for count in [1, 23, 24, 25, 1000] {
            let mut mapping = numbers(count);
            assert_eq!(mapping.len(), usize::try_from(count).unwrap());
            let order: Vec<String> = mapping.keys().map(str::to_owned).collect();
            assert_eq!(order.first().map(String::as_str), Some("k0"));
            assert_eq!(
                number(&mapping, &format!("k{}", count - 1)),
                Some(count - 1)
            );
            assert!(!mapping.contains_key("k"));
            let old = mapping.insert("k0", Node::default());
            assert!(old.is_some() && mapping.len() == order.len());
        }
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_rest_is_found() {
        for count in [3, 24, 26, 100] {
            let mut mapping = numbers(count);
            assert!(mapping.shift_remove("k1").is_some());
            assert!(mapping.swap_remove("k0").is_some());
            assert!(mapping.swap_remove("k0").is_none());
            mapping.retain(|key, _| key.as_str() != "k2");
            for n in 3..count {
                assert_eq!(number(&mapping, &format!("k{n}")), Some(n), "{count}");
            }
            assert_eq!(mapping.len(), usize::try_from(count).unwrap() - 3);
            let made = mapping.or_insert_with("k0", || Node::string("new", Position::default()));
            assert_eq!(made.as_str(), Some("new"));
        }
    }
}
