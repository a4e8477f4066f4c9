//! Files into memory: only so much of them, and no waiting for a pipe that nobody writes to.

use std::fs::{File, FileType};
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// Compose files and env files of real projects stay far below.
const LARGEST: u64 = 32 * 1024 * 1024;

/// How long somebody may take to open the other end of a pipe.
const PIPE_PATIENCE: Duration = Duration::from_millis(500);

/// Reads a Compose file or an env file.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let meta = std::fs::metadata(path)?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let file = open(path, meta.file_type())?;
    let expected = usize::try_from(meta.len().min(LARGEST)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(expected + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("it is larger than {} MiB", LARGEST / 1024 / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// A pipe opens when its other end does. One from the shell (`-f <(…)`) is open already.
fn open(path: &Path, kind: FileType) -> io::Result<File> {
    if !kind.is_fifo() {
        return File::open(path);
    }
    let (send, receive) = mpsc::sync_channel(1);
    let path = path.to_owned();
    // Nothing can interrupt the call, so it is left behind; the process does not wait for it.
    std::thread::spawn(move || send.send(File::open(path)));
    receive.recv_timeout(PIPE_PATIENCE).unwrap_or_else(|_| {
        let message = "it is a pipe to which nobody writes";
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        read_file(path).map_or_else(
            |error| error.to_string(),
            |bytes| format!("{} bytes", bytes.len()),
        )
    }

    #[test]
    fn what_has_no_end_or_no_content_is_an_error() {
        assert_eq!(message(Path::new("/dev/zero")), "it is larger than 32 MiB");
        assert_eq!(message(Path::new("/dev/null")), "0 bytes");
        assert_eq!(message(Path::new("/")), "is a directory");
    }

    fn pipe(directory: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
        let pipe = directory.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        pipe
    }

    #[test]
    fn a_pipe_is_read_only_while_somebody_writes_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let silent = pipe(&directory, "silent");
        assert_eq!(message(&silent), "it is a pipe to which nobody writes");
        let written = pipe(&directory, "written");
        let path = written.clone();
        let writer = std::thread::spawn(move || std::fs::write(path, "A=1"));
        assert_eq!(read_file(&written).unwrap(), b"A=1");
        writer.join().unwrap().unwrap();
    }
}
