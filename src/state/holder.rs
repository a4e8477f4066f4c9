//! Who has the deploy lock, as the lock's file tells people.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{User, geteuid, gethostname};
use serde::{Deserialize, Serialize};

/// A deployctl that has the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// RFC 3339.
    pub since: String,
    /// Who runs it.
    pub user: String,
    /// On which host.
    pub host: String,
    /// `deploy sha-abc123`.
    pub command: String,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn current(command: &str) -> Self {
        Self {
            pid: std::process::id(),
            since: now(),
            user: user_name(),
            host: host_name(),
            command: command.to_owned(),
        }
    }

    /// The holder that a lock's file names, if its process still is.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        let holder: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        // Another host's processes cannot be seen from here.
        let alive =
            holder.host != host_name() || Path::new(&format!("/proc/{}", holder.pid)).exists();
        alive.then_some(holder)
    }

    pub(super) fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            pid,
            since,
            user,
            host,
            command,
        } = self;
        write!(f, "`{user}@{host}` ({command}, pid {pid}) since {since}")
    }
}

/// A process that has the lock and left no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

impl Process {
    /// The process that took flock(2)'s lock on a file, if it still is (a script's `flock -n 9` has ended).
    pub(super) fn locking(file: &File) -> Option<Self> {
        let pid = pid_in_kernels_list(file).ok()??;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        Some(Self {
            pid,
            command: command.trim().to_owned(),
        })
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` (pid {})", self.command, self.pid)
    }
}

/// Whether anybody has flock(2)'s lock on a file; where the kernel's list cannot be read, yes.
pub(super) fn is_locked(file: &File) -> bool {
    pid_in_kernels_list(file).map_or(true, |pid| pid.is_some())
}

/// The time, in RFC 3339 with seconds.
pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .round(
            jiff::TimestampRound::new()
                .smallest(jiff::Unit::Second)
                .mode(jiff::RoundMode::Trunc),
        )
        .unwrap_or_else(|_| jiff::Timestamp::now())
        .to_string()
}

/// The name of the user that runs this, else the number.
pub(super) fn user_name() -> String {
    let id = geteuid();
    match User::from_uid(id) {
        Ok(Some(user)) => user.name,
        _ => id.to_string(),
    }
}

/// The host's name.
pub(super) fn host_name() -> String {
    gethostname().map_or_else(
        |_| "localhost".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The process that the kernel's list names for a file, if there is one.
fn pid_in_kernels_list(file: &File) -> io::Result<Option<u32>> {
    let inode = file.metadata()?.ino();
    let locks = fs::read_to_string("/proc/locks")?;
    Ok(locks.lines().find_map(|line| locking_pid(line, inode)))
}

// `1: FLOCK  ADVISORY  WRITE 14835 fe:00:10021176 0 EOF`; the device's number is not compared, since
// btrfs and overlays show another one than stat(2).
fn locking_pid(line: &str, inode: u64) -> Option<u32> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let ["FLOCK", _, _, pid, place, ..] = fields.get(1..)? else {
        return None;
    };
    let of_file: u64 = place.rsplit(':').next()?.parse().ok()?;
    (of_file == inode).then(|| pid.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_names_the_process_that_took_a_lock() {
        let line = "1: FLOCK  ADVISORY  WRITE 14835 fe:00:10021176 0 EOF";
        assert_eq!(locking_pid(line, 10_021_176), Some(14835));
        assert_eq!(locking_pid(line, 1), None);
        assert_eq!(
            locking_pid("2: POSIX  ADVISORY  WRITE 7 fe:00:1 0 EOF", 1),
            None
        );
        assert_eq!(
            locking_pid("1: -> FLOCK  ADVISORY  WRITE 7 fe:00:1 0 EOF", 1),
            None
        );
        assert_eq!(locking_pid("", 1), None);
    }

    #[test]
    fn a_holder_reads_as_a_sentence() {
        let holder = Holder {
            pid: 4121,
            since: "2026-03-01T10:04:12Z".into(),
            user: "ci".into(),
            host: "web-1".into(),
            command: "deploy sha-abc123".into(),
        };
        assert_eq!(
            holder.to_string(),
            "`ci@web-1` (deploy sha-abc123, pid 4121) since 2026-03-01T10:04:12Z"
        );
    }
}
