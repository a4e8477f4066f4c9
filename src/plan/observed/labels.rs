//! Labels as the engine lists them.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names and values, in the engine's order. A container has a dozen, most with the same beginning: to search them by
/// their length first is quicker than a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Sets a label.
    pub fn insert(&mut self, name: String, value: String) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl<M: IntoIterator<Item = (String, String)>> From<M> for Labels {
    fn from(labels: M) -> Self {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort();
        Self(labels)
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_unit<E>(self) -> Result<Labels, E> {
                Ok(Labels::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels = Vec::with_capacity(16);
                while let Some(entry) = map.next_entry()? {
                    labels.push(entry);
                }
                Ok(Labels(labels))
            }
        }

        deserializer.deserialize_any(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_a_mapping_or_nothing_and_found_by_name() {
        let read = |json: &str| serde_json::from_str::<Labels>(json).expect(json);
        let labels = read(r#"{"a.b": "1", "a.c": "2"}"#);
        assert_eq!((labels.get("a.c"), labels.get("a.")), (Some("2"), None));
        assert_eq!(read("null"), Labels::default());
        let again = serde_json::to_string(&labels).expect("JSON");
        assert_eq!(read(&again), labels);
        let unsorted = [("z", "1"), ("a", "2")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(Labels::from(unsorted), read(r#"{"a": "2", "z": "1"}"#));
    }
}
