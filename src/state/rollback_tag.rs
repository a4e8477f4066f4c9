//! `.rollback-tag`: the tag that served before the current one, as `deploy.sh` wrote it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::state::atomic::{Attributes, Temporary, replace_file};
use crate::state::error::{Fault, FileAction, FileError, OnFile as _};

/// Everybody may read it, as when a script's `>` made it.
const NEW_FILE_MODE: u32 = 0o644;

/// Reads the first line; `None` where there is no file, or nothing in it.
pub fn read_rollback_tag(path: &Path) -> Result<Option<String>, FileError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.on(FileAction::Read, path)?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let tag = text.lines().next().unwrap_or_default().trim();
    Ok((!tag.is_empty()).then(|| tag.to_owned()))
}

/// Writes it, with the owner and mode that the old one has.
pub fn write_rollback_tag(path: &Path, tag: &str) -> Result<(), FileError> {
    let text = format!("{tag}\n");
    // A link that somebody made stays.
    let Ok(target) = fs::canonicalize(path) else {
        return replace_file(path, text.as_bytes(), NEW_FILE_MODE);
    };
    if fs::read(&target).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let metadata = fs::metadata(&target).on(FileAction::Read, &target)?;
    let attributes = Attributes {
        mode: metadata.mode(),
        owner: Some((metadata.uid(), metadata.gid())),
    };
    match Temporary::write(&target, text.as_bytes(), &attributes).and_then(Temporary::commit) {
        Err(error) if matches!(error.fault, Fault::Permission | Fault::NotPermitted) => {
            write_in_place(&target, &text)
        }
        other => other,
    }
}

// The owner is somebody else. One line in one call: no half of it is seen.
fn write_in_place(target: &Path, text: &str) -> Result<(), FileError> {
    let mut file = File::options()
        .write(true)
        .open(target)
        .on(FileAction::Write, target)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.set_len(text.len() as u64))
        .and_then(|()| file.sync_all())
        .on(FileAction::Write, target)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;
    use crate::state::testing::{as_nobody, as_root, in_small_disk, names_in};

    #[test]
    fn the_first_line_is_the_tag_and_an_empty_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".rollback-tag");
        assert_eq!(read_rollback_tag(&path).unwrap(), None);
        for (text, tag) in [
            ("sha-1\n", Some("sha-1")),
            ("sha-1", Some("sha-1")),
            (" sha-1 \r\nsha-0\n", Some("sha-1")),
            ("", None),
            ("\n", None),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(
                read_rollback_tag(&path).unwrap().as_deref(),
                tag,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_link_that_somebody_made_stays_and_its_target_names_the_tag() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (
            folder.path().join(".rollback-tag"),
            folder.path().join("kept"),
        );
        fs::write(&target, "sha-0\n").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        write_rollback_tag(&path, "sha-1").unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "sha-1\n");
    }

    #[test]
    fn it_is_one_line_that_everybody_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".rollback-tag");

        write_rollback_tag(&path, "sha-1").unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), "sha-1\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
    }

    #[test]
    fn it_keeps_its_owner_and_mode() {
        as_root();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".rollback-tag");
        fs::write(&path, "sha-1\n").unwrap();
        chown(&path, Some(1234), Some(2345)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();

        write_rollback_tag(&path, "sha-2").unwrap();

        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 2345));
        assert_eq!(metadata.mode() & 0o7777, 0o664);
        assert_eq!(names_in(folder.path()), [".rollback-tag"]);
    }

    #[test]
    fn a_file_of_another_user_is_written_in_place() {
        as_nobody(
            "state::rollback_tag::tests::a_file_of_another_user_is_written_in_place",
            |folder| {
                let path = folder.join(".rollback-tag");
                fs::write(&path, "sha-12345\n").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            },
            |folder| {
                let path = folder.join(".rollback-tag");
                write_rollback_tag(&path, "sha-2").unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), "sha-2\n");
            },
        );
    }

    #[test]
    fn a_full_disk_leaves_no_empty_file() {
        in_small_disk(
            "state::rollback_tag::tests::a_full_disk_leaves_no_empty_file",
            |folder| {
                let mut fill = File::create(folder.join("fill")).unwrap();
                while fill.write_all(&[0; 4096]).is_ok() {}

                let error = write_rollback_tag(&folder.join(".rollback-tag"), "sha-1").unwrap_err();

                assert_eq!(error.fault, Fault::DiskFull);
                assert_eq!(names_in(folder), ["fill"]);
            },
        );
    }
}
