//! What the targets in `fuzz/` call and nobody else may; it exists under `--cfg fuzzing` alone.

use indexmap::IndexMap;

use super::template::Variables;
use super::{port_spec, shell, template, volume_spec};

/// Fills in the variables of a text.
pub fn substitute(text: &str, values: &IndexMap<String, String>) -> Result<String, String> {
    template::substitute(text, &mut Values(values)).map_err(|error| error.to_string())
}

/// How many ports the short form of one stands for.
pub fn ports(text: &str) -> Result<usize, String> {
    port_spec::parse(text).map(|ports| ports.len())
}

/// Source and target of a mount in short form.
pub fn mount(text: &str) -> Result<(String, String), String> {
    volume_spec::parse(text).map(|mount| (mount.source, mount.target))
}

/// The words of a command line.
#[must_use]
pub fn words(text: &str) -> Option<Vec<String>> {
    shell::split(text)
}

struct Values<'a>(&'a IndexMap<String, String>);

impl Variables for Values<'_> {
    fn value(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn missing(&mut self, _: &str) {}
}
