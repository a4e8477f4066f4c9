//! Files that are written only where there is none: a person's own is never replaced.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::state::error::{FileAction, FileError, OnFile as _};

/// Writes a file and the folders above it; false where something bears the name already, a dangling link included.
pub fn create_file(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).on(FileAction::Create, folder)?;
    }
    let created = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    let mut file = match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        other => other.on(FileAction::Create, path)?,
    };
    file.write_all(bytes).on(FileAction::Write, path)?;
    // The umask may have taken a bit away that a script needs.
    file.set_permissions(fs::Permissions::from_mode(mode))
        .on(FileAction::SetOwner, path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/deploy.sh");
        assert!(create_file(&path, b"one", 0o755).expect("written"));
        assert!(!create_file(&path, b"two", 0o755).expect("kept"));
        assert_eq!(fs::read(&path).expect("read"), b"one");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/nowhere/at/all", &link).expect("a link");
        assert!(!create_file(&link, b"two", 0o644).expect("kept"));
    }
}
