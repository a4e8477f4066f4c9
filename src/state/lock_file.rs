//! The file of the deploy lock: created once, opened without following links, never removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::state::atomic::{folder_of, folder_owner};
use crate::state::error::{Fault, FileAction, FileError, OnFile as _};
use crate::state::lock::LockError;

/// The kind of network file system that a lock's file is on, where flock(2) may hold for one host only.
#[must_use]
pub fn network_filesystem(path: &Path) -> Option<&'static str> {
    let statistics = nix::sys::statfs::statfs(path)
        .or_else(|_| nix::sys::statfs::statfs(folder_of(path)))
        .ok()?;
    // The type's width and sign differ between C libraries.
    let magic = i128::from(statistics.filesystem_type().0) & 0xffff_ffff;
    Some(match magic {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xff53_4d42 => "CIFS",
        0xfe53_4d42 => "SMB2",
        0x5346_414f => "AFS",
        0x00c3_6400 => "Ceph",
        0x0102_1997 => "9p",
        0x0bd0_0bd0 => "Lustre",
        0x0116_1970 => "GFS2",
        0x6573_5546 => "FUSE",
        _ => return None,
    })
}

/// Opens the file, or makes one that the app directory's owner and group can lock.
pub(super) fn open(path: &Path) -> Result<File, LockError> {
    let file = match options().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        // An old script run by root has left one that others can only read: enough to lock it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            options().open(path).map_err(|_| error)
        }
        other => other,
    };
    let file = file.map_err(|error| {
        let reason = FileError::new(FileAction::Create, path, error);
        match reason.fault {
            Fault::Permission | Fault::NotPermitted | Fault::ReadOnly => LockError::NotWritable {
                path: path.to_owned(),
                reason,
            },
            _ => LockError::Io(reason),
        }
    })?;
    if !file.metadata().on(FileAction::Read, path)?.is_file() {
        return Err(FileError::not_regular(FileAction::Create, path).into());
    }
    Ok(file)
}

fn create(path: &Path) -> io::Result<File> {
    let created = options()
        .write(true)
        .create_new(true)
        .mode(0o660)
        .open(path);
    let file = match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return options().write(true).open(path);
        }
        other => other?,
    };
    // Beyond the umask: whoever of the group deploys next has to open it, too.
    let _ = file.set_permissions(fs::Permissions::from_mode(0o660));
    if let Ok(Some((user, group))) = folder_owner(folder_of(path)) {
        let _ = fchown(&file, Some(user), Some(group));
    }
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = File::options();
    // O_NONBLOCK: a pipe in the file's place must not make us wait.
    options
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_disk_is_no_network_filesystem() {
        assert_eq!(network_filesystem(Path::new("/proc/self")), None);
        assert_eq!(network_filesystem(Path::new("/dev/shm/not/there")), None);
    }
}
