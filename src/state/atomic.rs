//! Replaces files so that a kill or a power cut leaves the old bytes or the new ones.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::state::error::{FileAction, FileError, OnFile as _};

const SUFFIX: &str = ".deployctl-new";

/// Puts a file with these bytes and this mode in place of whatever bears the name.
///
/// A symbolic link of that name is replaced, not followed. Root gives the file to the folder's
/// owner, so that one `sudo` does not lock the others out.
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let owner = folder_owner(folder_of(path))?;
    Temporary::write(path, bytes, &Attributes { mode, owner })?.commit()
}

/// Owner and mode of a file to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    /// User and group; `None` leaves them as the system sets them.
    pub(super) owner: Option<(u32, u32)>,
}

/// A complete and durable file beside the one that it is going to replace; removed unless committed.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl Temporary {
    pub(super) fn write(
        target: &Path,
        bytes: &[u8],
        attributes: &Attributes,
    ) -> Result<Self, FileError> {
        let path = temporary_name(target);
        // One writer at a time, by the deploy lock: what bears this name was left by a kill.
        let _ = fs::remove_file(&path);
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .on(FileAction::Create, &path)?;
        let temporary = Self {
            path,
            target: target.to_owned(),
            committed: false,
        };
        file.write_all(bytes).on(FileAction::Write, target)?;
        set_attributes(&file, attributes).on(FileAction::SetOwner, &temporary.path)?;
        file.sync_all().on(FileAction::Write, target)?;
        Ok(temporary)
    }

    pub(super) fn commit(mut self) -> Result<(), FileError> {
        fs::rename(&self.path, &self.target).on(FileAction::Replace, &self.target)?;
        self.committed = true;
        sync_folder(folder_of(&self.target))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes names in a folder durable: new files, renames, removals.
pub(super) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    match File::open(folder).and_then(|file| file.sync_all()) {
        // A file system that has no such call for folders keeps their names by itself.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        other => other.on(FileAction::Write, folder),
    }
}

/// The owner that files in a folder should have; `None` unless root runs this.
pub(super) fn folder_owner(folder: &Path) -> Result<Option<(u32, u32)>, FileError> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let metadata = fs::metadata(folder).on(FileAction::Read, folder)?;
    Ok(Some((metadata.uid(), metadata.gid())))
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn set_attributes(file: &File, attributes: &Attributes) -> std::io::Result<()> {
    let metadata = file.metadata()?;
    if let Some((user, group)) = attributes.owner
        && (metadata.uid(), metadata.gid()) != (user, group)
    {
        fchown(file, Some(user), Some(group))?;
    }
    // After the owner: a change of owner clears bits.
    file.set_permissions(fs::Permissions::from_mode(attributes.mode & 0o7777))
}

// Always the same name, so that a killed writer's leftover, which may hold secrets, does not stay.
fn temporary_name(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(SUFFIX);
    target.with_file_name(name)
}

/// Whether a file of this name is one that a writer has not finished.
pub(super) fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(SUFFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::state::error::Fault;
    use crate::state::testing::{as_root, in_small_disk, names_in};

    #[test]
    fn a_replaced_file_has_the_new_bytes_and_mode_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        fs::write(&path, "old").unwrap();

        replace_file(&path, b"new", 0o600).unwrap();

        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(names_in(folder.path()), ["record.json"]);
    }

    #[test]
    fn a_symbolic_link_in_place_of_the_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let path = folder.path().join("record.json");
        symlink(&victim, &path).unwrap();
        symlink(&victim, temporary_name(&path)).unwrap();

        replace_file(&path, b"new", 0o600).unwrap();

        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn root_gives_the_file_to_the_folders_owner() {
        as_root();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(1234), Some(2345)).unwrap();
        let path = folder.path().join("record.json");

        replace_file(&path, b"new", 0o600).unwrap();

        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 2345));
    }

    #[test]
    fn a_full_disk_leaves_the_old_file_and_no_other() {
        in_small_disk(
            "state::atomic::tests::a_full_disk_leaves_the_old_file_and_no_other",
            |folder| {
                let path = folder.join("record.json");
                fs::write(&path, "old").unwrap();

                let error = replace_file(&path, &vec![b'x'; 1 << 20], 0o600).unwrap_err();

                assert_eq!(error.fault, Fault::DiskFull);
                assert_eq!(fs::read(&path).unwrap(), b"old");
                assert_eq!(names_in(folder), ["record.json"]);
            },
        );
    }
}
