//! Typed access to the keys of a mapping, with Compose's conversions.

use indexmap::IndexMap;

use crate::project::error::{Fault, Outcome, Under as _};
use crate::project::model::{ByteSize, Extensions, FileMode, Float, GoDuration, HostList, Ulimit};
use crate::project::source::Position;
use crate::project::tree::{Mapping, Node, Value};
use crate::project::{duration, interpolate, shell};

use super::values::{byte_size, float, hosts, integer, printed, string, strings, variables};

/// A mapping whose keys are taken out one by one.
pub(super) struct Fields {
    mapping: Mapping,
    pub(super) at: Position,
}

impl Fields {
    pub(super) fn new(mapping: Mapping, at: Position) -> Self {
        Self { mapping, at }
    }

    /// The keys of a mapping; anything else is an error.
    pub(super) fn of(node: Node) -> Outcome<Self> {
        match node.value {
            Value::Mapping(mapping) => Ok(Self::new(mapping, node.at)),
            _ => Err(Fault::wrong_type("a mapping", &node)),
        }
    }

    /// Takes a key out; `null` counts as absent.
    fn take(&mut self, key: &str) -> Option<Node> {
        self.mapping.swap_remove(key).filter(|node| !node.is_null())
    }

    /// Takes a key out and reads it.
    fn read<T>(&mut self, key: &str, read: impl FnOnce(Node) -> Outcome<T>) -> Outcome<Option<T>> {
        self.take(key).map(|node| read(node).under(key)).transpose()
    }

    /// The `x-…` keys that are left.
    pub(super) fn extensions(&mut self) -> Extensions {
        let left = std::mem::take(&mut self.mapping).into_iter();
        Extensions(
            left.filter(|(key, _)| key.starts_with("x-"))
                .map(|(key, node)| (key.to_string(), node.to_json()))
                .collect(),
        )
    }

    /// A string; an empty one counts as absent.
    #[inline(never)]
    pub(super) fn string(&mut self, key: &str) -> Outcome<Option<String>> {
        Ok(self.read(key, string)?.filter(|text| !text.is_empty()))
    }

    /// A list of strings.
    #[inline(never)]
    pub(super) fn strings(&mut self, key: &str) -> Outcome<Vec<String>> {
        Ok(self.read(key, strings)?.unwrap_or_default())
    }

    /// A list whose entries are printed, whatever they are.
    #[inline(never)]
    pub(super) fn printed(&mut self, key: &str) -> Outcome<Vec<String>> {
        Ok(self
            .read(key, |node| {
                Ok(match node.value {
                    Value::Sequence(items) => items.into_iter().map(printed).collect(),
                    _ => vec![printed(node)],
                })
            })?
            .unwrap_or_default())
    }

    /// A command: a list, or a line that is split into words.
    #[inline(never)]
    pub(super) fn command(&mut self, key: &str) -> Outcome<Option<Vec<String>>> {
        self.read(key, |node| match node.as_str() {
            Some(line) => shell::split(line).ok_or_else(|| {
                Fault::invalid("a quote or bracket of the command is not closed", node.at)
            }),
            None => strings(node),
        })
    }

    /// A whole number.
    #[inline(never)]
    pub(super) fn integer(&mut self, key: &str) -> Outcome<Option<i64>> {
        self.read(key, |node| integer(&node))
    }

    /// A whole number that counts as absent when it is zero.
    #[inline(never)]
    pub(super) fn nonzero(&mut self, key: &str) -> Outcome<Option<i64>> {
        Ok(self.integer(key)?.filter(|number| *number != 0))
    }

    /// A whole number that is not negative.
    #[inline(never)]
    pub(super) fn unsigned(&mut self, key: &str) -> Outcome<Option<u64>> {
        self.read(key, |node| {
            u64::try_from(integer(&node)?)
                .map_err(|_| Fault::invalid("must not be negative", node.at))
        })
    }

    /// A number that counts as absent when it is zero.
    #[inline(never)]
    pub(super) fn float(&mut self, key: &str) -> Outcome<Option<Float>> {
        Ok(self
            .read(key, |node| float(&node))?
            .filter(|number| number.0 != 0.0))
    }

    /// A boolean.
    #[inline(never)]
    pub(super) fn boolean(&mut self, key: &str) -> Outcome<Option<bool>> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        let value = match &node.value {
            Value::Bool(value) => Some(*value),
            Value::String(text) => interpolate::parse_bool(text, &mut Vec::new()),
            _ => None,
        };
        value
            .map(Some)
            .ok_or_else(|| Fault::wrong_type("true or false", &node).under(key))
    }

    /// A boolean that is false when absent.
    pub(super) fn flag(&mut self, key: &str) -> Outcome<bool> {
        Ok(self.boolean(key)?.unwrap_or(false))
    }

    /// A duration.
    #[inline(never)]
    pub(super) fn duration(&mut self, key: &str) -> Outcome<Option<GoDuration>> {
        self.read(key, |node| {
            duration::parse(&node.go_string()).ok_or_else(|| {
                Fault::invalid(format!("`{}` is no duration", node.go_string()), node.at)
                    .hint("write a number with its unit: `30s`, `1m30s`, `2h`")
            })
        })
    }

    /// A duration that counts as absent when it is zero.
    pub(super) fn nonzero_duration(&mut self, key: &str) -> Outcome<Option<GoDuration>> {
        Ok(self.duration(key)?.filter(|duration| duration.0 != 0))
    }

    /// A size that counts as absent when it is zero.
    #[inline(never)]
    pub(super) fn bytes(&mut self, key: &str) -> Outcome<Option<ByteSize>> {
        Ok(self
            .read(key, |node| byte_size(&node))?
            .filter(|size| size.0 != 0))
    }

    /// Permission bits.
    pub(super) fn mode(&mut self, key: &str) -> Outcome<Option<FileMode>> {
        self.read(key, |node| match &node.value {
            Value::Int(mode) => Ok(FileMode(*mode)),
            Value::String(text) => i64::from_str_radix(text, 8).map(FileMode).map_err(|_| {
                Fault::invalid(format!("`{text}` is no file mode"), node.at)
                    .hint("write it in octal: `0440`")
            }),
            _ => Err(Fault::wrong_type("a file mode", &node)),
        })
    }

    /// A test: a list, or a line for the shell of the container.
    pub(super) fn shell_test(&mut self, key: &str) -> Outcome<Vec<String>> {
        let test = self.read(key, |node| match node.as_str() {
            Some(line) => Ok(vec!["CMD-SHELL".to_owned(), line.to_owned()]),
            None => strings(node),
        })?;
        Ok(test.unwrap_or_default())
    }

    /// A number of devices; `all` is -1.
    pub(super) fn device_count(&mut self, key: &str) -> Outcome<Option<i64>> {
        let count = self.read(key, |node| match node.as_str() {
            Some(text) if text.eq_ignore_ascii_case("all") => Ok(-1),
            _ => integer(&node),
        })?;
        Ok(count.filter(|count| *count != 0))
    }

    /// A whole number of 32 bits that counts as absent when it is zero.
    pub(super) fn u32(&mut self, key: &str) -> Outcome<Option<u32>> {
        let number = self.read(key, |node| {
            u32::try_from(integer(&node)?).map_err(|_| Fault::invalid("is out of range", node.at))
        })?;
        Ok(number.filter(|number| *number != 0))
    }

    /// As [`Self::u32`], but a text is no number.
    pub(super) fn strict_u32(&mut self, key: &str) -> Outcome<Option<u32>> {
        match self.mapping.get(key) {
            Some(node) if node.as_str().is_some() => {
                Err(Fault::wrong_type("a whole number", node).under(key))
            }
            _ => self.u32(key),
        }
    }

    /// A whole number of 16 bits, of which Compose keeps the lower ones; a text is none.
    pub(super) fn u16(&mut self, key: &str) -> Outcome<Option<i64>> {
        self.read(key, |node| match node.value {
            Value::String(_) => Err(Fault::wrong_type("a whole number", &node)),
            _ => match integer(&node)? {
                number if number < 0 => Err(Fault::invalid("must not be negative", node.at)),
                number => Ok(number & 0xffff),
            },
        })
    }

    /// Variables: a value each, or none.
    #[inline(never)]
    pub(super) fn variables(&mut self, key: &str) -> Outcome<IndexMap<String, Option<String>>> {
        Ok(self.read(key, variables)?.unwrap_or_default())
    }

    /// As [`Self::variables`]; a name must not end in a space.
    #[inline(never)]
    pub(super) fn environment(&mut self, key: &str) -> Outcome<IndexMap<String, Option<String>>> {
        let items = self
            .mapping
            .get(key)
            .and_then(Node::as_sequence)
            .unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let name = item.as_str().and_then(|text| text.split('=').next());
            let name = name.unwrap_or_default();
            if name.ends_with(char::is_whitespace) {
                let fault = Fault::invalid(format!("the name `{name}` ends in a space"), item.at);
                return Err(fault.within(index).under(key));
            }
        }
        self.variables(key)
    }

    /// Pairs; what has no value has an empty one.
    #[inline(never)]
    pub(super) fn pairs(&mut self, key: &str) -> Outcome<IndexMap<String, String>> {
        let pairs = self.variables(key)?;
        Ok(pairs
            .into_iter()
            .map(|(key, value)| (key, value.unwrap_or_default()))
            .collect())
    }

    /// Host names and their addresses.
    #[inline(never)]
    pub(super) fn hosts(&mut self, key: &str) -> Outcome<HostList> {
        Ok(self.read(key, |node| hosts(&node))?.unwrap_or_default())
    }

    /// Limits of the kernel.
    pub(super) fn ulimits(&mut self, key: &str) -> Outcome<IndexMap<String, Ulimit>> {
        let limits = self.entries(key, |node| match node.value {
            Value::Mapping(_) => {
                let mut fields = Fields::of(node)?;
                let (soft, hard) = (fields.integer("soft")?, fields.integer("hard")?);
                Ok(Some(Ulimit::Pair {
                    soft: soft.unwrap_or(0),
                    hard: hard.unwrap_or(0),
                }))
            }
            Value::Null => Ok(None),
            _ => integer(&node).map(|limit| Some(Ulimit::Single(limit))),
        })?;
        Ok(limits
            .into_iter()
            .filter_map(|(name, limit)| Some((name, limit?)))
            .collect())
    }

    /// A mapping of its own.
    pub(super) fn nested<T>(
        &mut self,
        key: &str,
        read: fn(&mut Fields) -> Outcome<T>,
    ) -> Outcome<Option<T>> {
        self.take(key)
            .map(|node| {
                Fields::of(node)
                    .and_then(|mut fields| read(&mut fields))
                    .under(key)
            })
            .transpose()
    }

    /// As [`Self::nested`]; most services lack it, and it is large.
    pub(super) fn boxed<T>(
        &mut self,
        key: &str,
        read: fn(&mut Fields) -> Outcome<T>,
    ) -> Outcome<Option<Box<T>>> {
        Ok(self.nested(key, read)?.map(Box::new))
    }

    /// A list of mappings.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        read: fn(&mut Fields) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        let Some(node) = self.take(key) else {
            return Ok(Vec::new());
        };
        let Value::Sequence(items) = node.value else {
            return Err(Fault::wrong_type("a list", &node).under(key));
        };
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let item = Fields::of(item).and_then(|mut fields| read(&mut fields));
            all.push(item.within(index).under(key)?);
        }
        Ok(all)
    }

    /// The entries of a mapping, whatever they are.
    pub(super) fn entries<T>(
        &mut self,
        key: &str,
        read: impl Fn(Node) -> Outcome<T>,
    ) -> Outcome<IndexMap<String, T>> {
        let Some(node) = self.take(key) else {
            return Ok(IndexMap::new());
        };
        let Value::Mapping(mapping) = node.value else {
            return Err(Fault::wrong_type("a mapping", &node).under(key));
        };
        let mut all = IndexMap::with_capacity(mapping.len());
        for (name, value) in mapping {
            let value = read(value).under(&name).under(key)?;
            all.insert(name.to_string(), value);
        }
        Ok(all)
    }

    /// The entries of a mapping, each a mapping or nothing.
    pub(super) fn optional_entries<T>(
        &mut self,
        key: &str,
        read: fn(&mut Fields) -> Outcome<T>,
    ) -> Outcome<IndexMap<String, Option<T>>> {
        self.entries(key, |node| {
            if node.is_null() {
                return Ok(None);
            }
            Fields::of(node)
                .and_then(|mut fields| read(&mut fields))
                .map(Some)
        })
    }
}
