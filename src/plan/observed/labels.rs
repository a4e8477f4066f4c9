//! Labels as the engine lists them.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names and values, in the engine's order, in one piece of text: a container has a dozen labels, and a snapshot hundreds
/// of containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    text: String,
    /// Where each name and its value end.
    ends: Vec<(usize, usize)>,
}

impl Labels {
    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let text = self.text.as_bytes();
        let mut start = 0;
        for (name_end, value_end) in &self.ends {
            // The length first: most begin alike.
            if name_end - start == name.len() && &text[start..*name_end] == name.as_bytes() {
                return self.text.get(*name_end..*value_end);
            }
            start = *value_end;
        }
        None
    }

    /// Sets a label.
    pub fn insert(&mut self, name: &str, value: &str) {
        let others = self.iter().filter(|(known, _)| *known != name);
        let mut labels: Self = others.collect();
        labels.extend([(name, value)]);
        *self = labels;
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |(name, value)| {
            let label = (&self.text[start..*name], &self.text[*name..*value]);
            start = *value;
            label
        })
    }
}

impl<'a> Extend<(&'a str, &'a str)> for Labels {
    fn extend<I: IntoIterator<Item = (&'a str, &'a str)>>(&mut self, labels: I) {
        for (name, value) in labels {
            self.text.push_str(name);
            let name_end = self.text.len();
            self.text.push_str(value);
            self.ends.push((name_end, self.text.len()));
        }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> Self {
        let mut collected = Self::default();
        collected.extend(labels);
        collected
    }
}

impl<M: IntoIterator<Item = (String, String)>> From<M> for Labels {
    fn from(labels: M) -> Self {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort();
        let labels = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        labels.collect()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
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
                let mut labels = Labels {
                    text: String::with_capacity(TEXT),
                    ends: Vec::with_capacity(COUNT),
                };
                while map.next_key_seed(Append(&mut labels.text))?.is_some() {
                    let name_end = labels.text.len();
                    map.next_value_seed(Append(&mut labels.text))?;
                    labels.ends.push((name_end, labels.text.len()));
                }
                Ok(labels)
            }
        }

        deserializer.deserialize_any(Entries)
    }
}

/// Room for the labels of docker compose and our own, in bytes.
const TEXT: usize = 640;
/// The number of them.
const COUNT: usize = 16;

/// A string that is put behind others.
struct Append<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Append<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Append<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
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
