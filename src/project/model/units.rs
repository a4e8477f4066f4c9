//! Values with a unit: sizes, durations, shares, modes.

use std::time::Duration;

use indexmap::IndexMap;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A size in bytes; written as a decimal string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub i64);

impl ByteSize {
    /// The number of bytes.
    #[must_use]
    pub fn bytes(self) -> i64 {
        self.0
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// A duration in nanoseconds; written as Go writes it (`1m30s`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(pub i64);

impl GoDuration {
    /// The duration for the standard library; a negative one is zero.
    #[must_use]
    pub fn as_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::project::duration::parse_go(&text)
            .ok_or_else(|| D::Error::custom(format!("no duration: `{text}`")))
    }
}

/// A number that Compose keeps in 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Float(pub f32);

impl Serialize for Float {
    /// As the shortest digits that name the 32-bit number, not those of its 64-bit neighbour.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shortest: f64 = self
            .0
            .to_string()
            .parse()
            .map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(shortest)
    }
}

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it was written from 32 bits"
        )]
        f64::deserialize(deserializer).map(|value| Self(value as f32))
    }
}

/// Permission bits; written in octal with a leading zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileMode(pub i64);

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sign = if self.0 < 0 { "-" } else { "" };
        serializer.collect_str(&format_args!("0{sign}{:o}", self.0.unsigned_abs()))
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        i64::from_str_radix(text.get(1..).unwrap_or_default(), 8)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// Host names and their addresses; written as a sorted list of `host=address`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostList(pub IndexMap<String, Vec<String>>);

impl HostList {
    /// Each pair, joined by `separator` (the engine wants `:`), sorted.
    #[must_use]
    pub fn pairs(&self, separator: &str) -> Vec<String> {
        let pair = |host: &String, address: &String| format!("{host}{separator}{address}");
        let mut list: Vec<String> = self
            .0
            .iter()
            .flat_map(|(host, all)| all.iter().map(move |address| pair(host, address)))
            .collect();
        list.sort();
        list
    }
}

impl Serialize for HostList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.pairs("=").serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HostList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut hosts: IndexMap<String, Vec<String>> = IndexMap::new();
        for pair in Vec::<String>::deserialize(deserializer)? {
            let (host, address) = pair.split_once('=').unwrap_or((&pair, ""));
            hosts
                .entry(host.to_owned())
                .or_default()
                .push(address.to_owned());
        }
        Ok(Self(hosts))
    }
}

/// A limit of the kernel: one number, or a soft and a hard one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ulimit {
    /// The same number for both.
    Single(i64),
    /// Soft and hard.
    Pair {
        /// What the process starts with.
        soft: i64,
        /// How far it may raise it.
        hard: i64,
    },
}

impl Ulimit {
    /// Soft and hard limit.
    #[must_use]
    pub fn soft_and_hard(self) -> (i64, i64) {
        match self {
            Self::Single(limit) => (limit, limit),
            Self::Pair { soft, hard } => (soft, hard),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct UlimitPair {
    #[serde(default, skip_serializing_if = "is_zero")]
    soft: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    hard: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with the field"
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            // Compose itself writes a single limit of 0 as an empty map, and hashes that.
            Self::Single(0) => UlimitPair { soft: 0, hard: 0 }.serialize(serializer),
            Self::Single(limit) => serializer.serialize_i64(limit),
            Self::Pair { soft, hard } => UlimitPair { soft, hard }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Ulimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if let Some(limit) = value.as_i64() {
            return Ok(Self::Single(limit));
        }
        let pair: UlimitPair = serde_json::from_value(value).map_err(D::Error::custom)?;
        Ok(Self::Pair {
            soft: pair.soft,
            hard: pair.hard,
        })
    }
}
