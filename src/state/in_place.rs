//! Writes over the bytes of a file that cannot be replaced, so that a kill or a power cut can be mended.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, OFlag, fallocate};

use crate::state::atomic::{folder_of, replace_file, sync_folder};
use crate::state::error::{FileAction, FileError};
use crate::state::layout::FILE_MODE;

/// Writes `new` over `old`, which is kept as `backup` unless something is kept there already.
pub(super) fn write_in_place(
    target: &Path,
    old: &[u8],
    new: &[u8],
    backup: &Path,
) -> Result<(), FileError> {
    let fail = |error| FileError::new(FileAction::Write, target, error);
    let file = File::options()
        .write(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(target)
        .map_err(fail)?;
    if fs::symlink_metadata(backup).is_err() {
        replace_file(backup, old, FILE_MODE)?;
    }
    reserve(&file, new.len()).map_err(fail)?;
    let marker = Marker::of(backup);
    marker.write(target, old, new)?;
    overwrite(&file, new).map_err(fail)?;
    marker.remove()
}

/// Finishes what a kill or a power cut interrupted.
pub(super) fn finish_interrupted(target: &Path, backup: &Path) -> Result<(), FileError> {
    let marker = Marker::of(backup);
    let Some((old, new)) = marker.read(target) else {
        return Ok(());
    };
    let now = fs::read(target).map_err(|error| FileError::new(FileAction::Read, target, error))?;
    if now != old && now != new && is_mixture(&now, &old, &new) {
        let fail = |error| FileError::new(FileAction::Write, target, error);
        let file = File::options().write(true).open(target).map_err(fail)?;
        overwrite(&file, &new).map_err(fail)?;
    }
    marker.remove()
}

fn overwrite(file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

// Before a byte is changed: a disk that is full must not leave half of it.
fn reserve(file: &File, length: usize) -> io::Result<()> {
    let length = i64::try_from(length.max(1)).unwrap_or(i64::MAX);
    match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, length) {
        Err(error @ (Errno::ENOSPC | Errno::EDQUOT)) => Err(error.into()),
        _ => Ok(()),
    }
}

/// What is being written in place, kept beside the backup: after a power cut the file may hold half
/// of it, and whoever writes the file next begins by writing it whole.
pub(super) struct Marker {
    path: PathBuf,
}

impl Marker {
    pub(super) fn of(backup: &Path) -> Self {
        Self {
            path: backup.with_extension("writing"),
        }
    }

    // The file's name, the old bytes, the new ones; none of them holds a NUL.
    pub(super) fn write(&self, target: &Path, old: &[u8], new: &[u8]) -> Result<(), FileError> {
        let parts = [target.as_os_str().as_encoded_bytes(), old, new];
        replace_file(&self.path, &parts.join(&0), FILE_MODE)
    }

    fn read(&self, target: &Path) -> Option<(Vec<u8>, Vec<u8>)> {
        let text = fs::read(&self.path).ok()?;
        let mut parts = text.split(|byte| *byte == 0);
        let name = parts.next()?;
        let (old, new) = (parts.next()?.to_vec(), parts.next()?.to_vec());
        (name == target.as_os_str().as_encoded_bytes()).then_some((old, new))
    }

    fn remove(&self) -> Result<(), FileError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::new(FileAction::Remove, &self.path, error))
            }
            _ => sync_folder(folder_of(&self.path)),
        }
    }
}

// Anything else was written by others afterwards. Blocks that never reached the disk are zero.
fn is_mixture(now: &[u8], old: &[u8], new: &[u8]) -> bool {
    now.len() <= old.len().max(new.len())
        && now
            .iter()
            .enumerate()
            .all(|(at, byte)| *byte == 0 || old.get(at) == Some(byte) || new.get(at) == Some(byte))
}
