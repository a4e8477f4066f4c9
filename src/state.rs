//! What is kept on disk: the lock, the journal, the releases, `.rollback-tag`, the tag line of the env file.
//!
//! The only place that writes files.

pub mod entry;

use std::path::Path;

pub use entry::{Entry, Header, Outcome};

use crate::plan::step::{MissingLine, VariableValue};

/// What the executor writes down: ahead of each effect, and at commit.
///
/// Takes `&self`: lanes run side by side on one thread.
pub trait Store {
    /// Why it could not be written.
    type Error: std::error::Error + 'static;

    /// Appends a line to the journal and makes it durable before it returns.
    fn append(&self, entry: &Entry) -> Result<(), Self::Error>;

    /// Writes a variable's line in an env file; a line that reads so already is a success.
    fn write_variable(
        &self,
        file: &Path,
        name: &str,
        value: &VariableValue,
        missing: MissingLine,
    ) -> Result<(), Self::Error>;

    /// Writes `.rollback-tag`.
    fn write_rollback_tag(&self, value: &str) -> Result<(), Self::Error>;

    /// Writes how the release ended into its record.
    fn record(&self, outcome: Outcome, reason: Option<&str>) -> Result<(), Self::Error>;

    /// Keeps a line of a job's or a failed container's output with the release.
    fn log(&self, name: &str, line: &str);
}
