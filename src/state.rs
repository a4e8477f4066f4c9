//! What is kept on disk: the lock, the journal, the releases, `.rollback-tag`, the tag line of the env file.
//!
//! The only place that writes files.

mod atomic;
mod descriptor;
pub mod entry;
pub mod env_file;
pub mod env_text;
pub mod error;
mod fresh;
pub mod holder;
mod in_place;
pub mod journal;
mod journal_line;
pub mod layout;
pub mod lock;
mod lock_file;
pub mod release;
pub mod releases;
pub mod rollback_tag;
pub mod store;
mod sweep;
#[cfg(test)]
mod testing;

use std::path::Path;

pub use atomic::replace_file;
pub use entry::{Entry, Header, Outcome};
pub use env_file::{EnvFileError, read_env_file, set_variable};
pub use env_text::{EnvSyntaxError, read_variable, replace_variable};
pub use error::{Fault, FileAction, FileError, StateError};
pub use fresh::create_file;
pub use holder::Holder;
pub use journal::{Journal, JournalError, Recorded};
pub use layout::{StateDirectory, lock_path, rollback_tag_path, unfinished};
pub use lock::{DeployLock, LockError};
pub use lock_file::network_filesystem;
pub use release::{
    ImageRecord, Origin, Outline, RecordError, ReleaseKind, ReleaseRecord, StoredModel,
};
pub use releases::Releases;
pub use rollback_tag::{read_rollback_tag, write_rollback_tag};
pub use store::{Beginning, ReleaseStore};
pub use sweep::sweep;

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
