//! What the kernel tells of this process's open files and the locks that they hold.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

use nix::fcntl::OFlag;

/// The descriptor of this process through which its caller's lock was handed down.
pub(super) fn inherited_descriptor(file: &File) -> Option<u32> {
    let wanted = file.metadata().ok()?;
    fs::read_dir("/proc/self/fd")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(|fd: &u32| {
            fs::metadata(format!("/proc/self/fd/{fd}"))
                .is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
                && holds_exclusive_lock(*fd)
                && !closes_on_exec(*fd)
        })
}

// Octal, as open(2) takes them.
fn closes_on_exec(fd: u32) -> bool {
    descriptor_info(fd)
        .lines()
        .find_map(|line| i32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok())
        .is_some_and(|flags| OFlag::from_bits_truncate(flags).contains(OFlag::O_CLOEXEC))
}

/// Whether the open file behind a descriptor of this process holds flock(2)'s exclusive lock.
pub(super) fn holds_exclusive_lock(fd: u32) -> bool {
    descriptor_info(fd)
        .lines()
        .any(|line| line.starts_with("lock:") && line.contains("FLOCK") && line.contains("WRITE"))
}

fn descriptor_info(fd: u32) -> String {
    fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default()
}
