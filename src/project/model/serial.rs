//! What Go's `omitempty` and sorted maps need of serde.

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::Extensions;
use super::units::HostList;

/// Tells whether Go's encoder would leave the value out.
pub(super) fn absent<T: Absent>(value: &T) -> bool {
    value.is_absent()
}

/// Writes a map in the order of its keys, as Go does.
pub(super) fn sorted<S: Serializer, V: Serialize>(
    map: &IndexMap<String, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut entries: Vec<(&String, &V)> = map.iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    serializer.collect_map(entries)
}

/// As [`sorted`], for a map that may be absent.
#[expect(clippy::ref_option, reason = "serde calls it with the field")]
pub(super) fn sorted_if_any<S: Serializer, V: Serialize>(
    map: &Option<IndexMap<String, V>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match map {
        Some(map) => sorted(map, serializer),
        None => serializer.serialize_none(),
    }
}

/// A value that has an empty form which is not written.
pub(super) trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Absent for IndexMap<K, V> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for bool {
    fn is_absent(&self) -> bool {
        !self
    }
}

impl Absent for String {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for Extensions {
    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

impl Absent for HostList {
    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

impl Absent for super::service::DependencyCondition {
    fn is_absent(&self) -> bool {
        false
    }
}
