//! What can go wrong on disk.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::state::env_file::EnvFileError;
use crate::state::journal::JournalError;
use crate::state::lock::LockError;
use crate::state::release::RecordError;

/// Something that is kept on disk could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The deploy lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal of the running release.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The record of a release.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The env file.
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    /// A plan names a variable whose value was not kept with the release.
    #[error("release {release} keeps no value for the variable `{name}`")]
    VariableNotKept {
        /// The release.
        release: u32,
        /// The variable.
        name: String,
    },
    /// A project name that cannot be the name of a folder.
    #[error("`{name}` is no project name")]
    ProjectName {
        /// As given.
        name: String,
    },
}

impl StateError {
    /// What to type, or where to look.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Lock(error) => error.hints(),
            Self::Journal(error) => error.hints(),
            Self::Record(error) => error.hints(),
            Self::EnvFile(error) => error.hints(),
            Self::VariableNotKept { name, .. } => {
                vec![format!(
                    "give the value again: `deployctl deploy --set {name}=…`"
                )]
            }
            Self::ProjectName { .. } => Vec::new(),
        }
    }

    /// Whether it is the disk that is full, which no other user and no other command would change.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::File(error)
            | Self::Journal(JournalError::File(error))
            | Self::Record(RecordError::File(error))
            | Self::Lock(LockError::Io(error)) => error.fault == Fault::DiskFull,
            Self::EnvFile(error) => matches!(error, EnvFileError::DiskFull { .. }),
            _ => false,
        }
    }
}

/// A call to the file system failed.
#[derive(Debug)]
pub struct FileError {
    /// What was tried.
    pub action: FileAction,
    /// On which file or folder.
    pub path: PathBuf,
    /// What kind of failure it is.
    pub fault: Fault,
    source: io::Error,
}

/// What was tried on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAction {
    /// Opening or reading it.
    Read,
    /// Creating it.
    Create,
    /// Writing to it, or making durable what was written.
    Write,
    /// Putting a new file in its place.
    Replace,
    /// Removing it.
    Remove,
    /// Setting its owner or mode.
    SetOwner,
}

/// Kinds of failure that differ in what a person does about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No space, or the quota is used up.
    DiskFull,
    /// The file system is mounted read-only.
    ReadOnly,
    /// Owner and mode do not allow it.
    Permission,
    /// Refused whatever owner and mode say: immutable, or somebody else's in a sticky folder.
    NotPermitted,
    /// There is no such file.
    Missing,
    /// There is one already.
    Exists,
    /// A folder is in its place.
    Directory,
    /// A symbolic link (or device, or pipe) is in its place.
    NotRegular,
    /// Anything else; the source says what.
    Other,
}

impl FileError {
    /// An error of the system, with what was tried.
    #[must_use]
    pub fn new(action: FileAction, path: &Path, source: io::Error) -> Self {
        Self {
            action,
            path: path.to_owned(),
            fault: Fault::of(&source),
            source,
        }
    }

    /// A file that is there, but is not of the kind that it has to be.
    #[must_use]
    pub fn not_regular(action: FileAction, path: &Path) -> Self {
        Self::new(action, path, Errno::ELOOP.into())
    }

    pub(super) fn errno(&self) -> Option<Errno> {
        self.source.raw_os_error().map(Errno::from_raw)
    }

    /// What to type, or where to look.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let path = self.path.display();
        let folder = self.path.parent().unwrap_or(&self.path).display();
        match self.fault {
            Fault::DiskFull => vec![format!(
                "see `df -h {folder}` and `df -i {folder}`; `deployctl prune` frees what old releases keep"
            )],
            Fault::ReadOnly => vec![format!("see `findmnt -T {folder}`")],
            Fault::Permission => vec![format!(
                "see `ls -ld {folder} {path}`; run it as the owner, or `sudo chown -R $(id -un) {folder}`"
            )],
            Fault::NotPermitted => vec![format!("see `lsattr -d {folder} {path}`")],
            Fault::NotRegular => vec![format!("see `ls -ld {path}`, and remove it")],
            Fault::Missing | Fault::Exists | Fault::Directory | Fault::Other => Vec::new(),
        }
    }
}

impl Fault {
    /// The kind of a system error.
    pub fn of(error: &io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOSPC | Errno::EDQUOT) => Self::DiskFull,
            Some(Errno::EROFS) => Self::ReadOnly,
            Some(Errno::EACCES) => Self::Permission,
            Some(Errno::EPERM) => Self::NotPermitted,
            Some(Errno::ENOENT) => Self::Missing,
            Some(Errno::EEXIST) => Self::Exists,
            Some(Errno::EISDIR) => Self::Directory,
            Some(Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO) => Self::NotRegular,
            _ => Self::Other,
        }
    }

    fn text(self) -> Option<&'static str> {
        Some(match self {
            Self::DiskFull => "the disk is full, or the quota is used up",
            Self::ReadOnly => "the file system is read-only",
            Self::Permission => "permission denied",
            Self::NotPermitted => "not permitted, the file may be immutable",
            Self::Missing => "there is no such file",
            Self::Exists => "it exists already",
            Self::Directory => "a folder is in its place",
            Self::NotRegular => "a symbolic link or something else is in its place",
            Self::Other => return None,
        })
    }
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {} `{}`", self.action, self.path.display())?;
        match self.fault.text() {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FileError {
    // A fault that the message names already is not said twice.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        (self.fault == Fault::Other).then_some(&self.source as _)
    }
}

impl std::fmt::Display for FileAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Write => "write",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::SetOwner => "set the owner of",
        })
    }
}

/// Adds what was tried to an error of the system.
pub(super) trait OnFile<T> {
    fn on(self, action: FileAction, path: &Path) -> Result<T, FileError>;
}

impl<T> OnFile<T> for io::Result<T> {
    fn on(self, action: FileAction, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError::new(action, path, source))
    }
}

impl<T> OnFile<T> for nix::Result<T> {
    fn on(self, action: FileAction, path: &Path) -> Result<T, FileError> {
        self.map_err(|errno| FileError::new(action, path, errno.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_full_disk_a_read_only_one_and_a_missing_permission_are_told_apart() {
        for (errno, fault, text) in [
            (Errno::ENOSPC, Fault::DiskFull, "disk is full"),
            (Errno::EDQUOT, Fault::DiskFull, "quota"),
            (Errno::EROFS, Fault::ReadOnly, "read-only"),
            (Errno::EACCES, Fault::Permission, "permission denied"),
            (Errno::EPERM, Fault::NotPermitted, "immutable"),
        ] {
            let error = FileError::new(FileAction::Write, Path::new("/app/x"), errno.into());
            assert_eq!(error.fault, fault);
            assert!(error.to_string().contains(text), "{error}");
            assert!(!error.hints().is_empty(), "{error}");
        }
    }

    #[test]
    fn writing_to_a_full_device_is_a_full_disk() {
        let path = Path::new("/dev/full");
        let mut device = File::options().write(true).open(path).unwrap();

        let error = device
            .write_all(b"x")
            .on(FileAction::Write, path)
            .unwrap_err();

        assert!(StateError::from(error).is_disk_full());
    }

    #[test]
    fn an_unusual_error_is_named_by_its_source() {
        let error = FileError::new(FileAction::Read, Path::new("/app/x"), Errno::EIO.into());

        assert_eq!(error.to_string(), "cannot read `/app/x`");
        assert!(error.source().unwrap().to_string().contains("rror"));
    }
}
