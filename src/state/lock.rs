//! The deploy lock: one changing command per project.
//!
//! It is flock(2) on a file that is never removed, the same as `flock(1)` in an old script takes.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::state::descriptor::{holds_exclusive_lock, inherited_descriptor};
use crate::state::error::{FileAction, FileError, OnFile as _};
use crate::state::holder::{Holder, Process, is_locked};
use crate::state::lock_file::open;

/// How often a held lock is tried again: flock(2) knows no deadline.
const RETRY: Duration = Duration::from_millis(50);

/// Proof that no other changing command runs; dropping it frees the lock.
///
/// The kernel frees it, too, however the process ends, and no child inherits it.
#[derive(Debug)]
pub struct DeployLock {
    path: PathBuf,
    file: File,
    origin: Origin,
}

/// The lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("the deploy lock is held by {}", holder_text(.holder.as_deref(), .process.as_ref()))]
    Held {
        /// Another deployctl, by the file's text; `None` for an old script with `flock`.
        holder: Option<Box<Holder>>,
        /// The process that the kernel names, where it is still there.
        process: Option<Process>,
        /// The lock's file.
        path: PathBuf,
        /// The file descriptor by which this very process inherited the lock from its caller.
        inherited: Option<u32>,
    },
    /// The file may not be opened or created.
    #[error("cannot lock `{}`: {}", .path.display(), .reason)]
    NotWritable {
        /// The lock's file.
        path: PathBuf,
        /// Why not.
        reason: FileError,
    },
    /// The file descriptor of `--lock-fd` is not one of this lock.
    #[error("file descriptor {fd} holds no lock on `{}`: {reason}", .path.display())]
    NotInherited {
        /// As given.
        fd: u32,
        /// The lock's file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Anything else.
    #[error(transparent)]
    Io(#[from] FileError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Taken here, freed here.
    Acquired,
    /// The caller's: it stays locked.
    Inherited,
}

impl DeployLock {
    /// Takes the lock, or says who has it: at once, or after `wait`.
    pub fn acquire(
        path: &Path,
        holder: &Holder,
        wait: Option<Duration>,
    ) -> Result<Self, LockError> {
        let file = open(path)?;
        let deadline = wait.map(|wait| Instant::now() + wait);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self::held(path, file, holder, Origin::Acquired)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => {
                    return Err(FileError::new(FileAction::Write, path, error).into());
                }
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match left {
                Some(left) if !left.is_zero() => std::thread::sleep(RETRY.min(left)),
                _ => return Err(held_by(path, &file)),
            }
        }
    }

    /// Goes on under the lock that the caller holds and handed down as a file descriptor (`--lock-fd`).
    ///
    /// The lock belongs to the open file that the descriptor shares with the caller, so it is looked
    /// up, not taken; it is the caller's to free.
    pub fn inherit(path: &Path, fd: u32, holder: &Holder) -> Result<Self, LockError> {
        let not_inherited = |reason: String| LockError::NotInherited {
            fd,
            path: path.to_owned(),
            reason,
        };
        let handed_down = fs::metadata(format!("/proc/self/fd/{fd}"))
            .map_err(|error| not_inherited(format!("it is not open ({error})")))?;
        let file = open(path)?;
        let expected = file.metadata().on(FileAction::Read, path)?;
        if (handed_down.dev(), handed_down.ino()) != (expected.dev(), expected.ino()) {
            return Err(not_inherited("it is another file".into()));
        }
        if !holds_exclusive_lock(fd) {
            return Err(not_inherited("it is not locked".into()));
        }
        if let Some(other) = Holder::read(path)
            && other.pid != holder.pid
        {
            // Two commands side by side under one script's lock.
            return Err(held_by(path, &file));
        }
        Ok(Self::held(path, file, holder, Origin::Inherited))
    }

    /// The lock's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn held(path: &Path, file: File, holder: &Holder, origin: Origin) -> Self {
        let mut lock = Self {
            path: path.to_owned(),
            file,
            origin,
        };
        // For people only: the lock holds without it, on a full disk as well.
        let _ = lock.write_text(&holder.to_line());
        lock
    }

    fn write_text(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for DeployLock {
    fn drop(&mut self) {
        let _ = self.write_text("");
        if self.origin == Origin::Acquired {
            let _ = self.file.unlock();
        }
    }
}

impl LockError {
    /// What to type, or where to look.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Held {
                inherited: Some(fd),
                ..
            } => vec![format!(
                "the lock was handed down by the caller: `deployctl --lock-fd {fd} …` goes on under it"
            )],
            Self::Held {
                holder,
                process,
                path,
                ..
            } => {
                let mut hints = vec!["wait for it with `--wait-lock 5m`".to_owned()];
                if holder.is_none() && process.is_none() {
                    hints.push(format!("see who has it: `fuser -v {}`", path.display()));
                }
                hints
            }
            Self::NotWritable { reason, .. } | Self::Io(reason) => reason.hints(),
            Self::NotInherited { path, .. } => vec![format!(
                "in the calling script: `exec 9>>{0}; flock -n 9; deployctl --lock-fd 9 …`",
                path.display()
            )],
        }
    }
}

/// The deployctl that has the lock now, for `status`; nothing is locked to find out.
#[must_use]
pub fn holder(path: &Path) -> Option<Holder> {
    let holder = Holder::read(path)?;
    // What a killed one left names nobody, even when its number is another process's by now.
    let file = File::open(path).ok()?;
    is_locked(&file).then_some(holder)
}

fn held_by(path: &Path, file: &File) -> LockError {
    let holder = Holder::read(path).map(Box::new);
    let process = match &holder {
        Some(_) => None,
        None => Process::locking(file),
    };
    LockError::Held {
        holder,
        process,
        path: path.to_owned(),
        inherited: inherited_descriptor(file),
    }
}

fn holder_text(holder: Option<&Holder>, process: Option<&Process>) -> String {
    match (holder, process) {
        (Some(holder), _) => holder.to_string(),
        (None, Some(process)) => process.to_string(),
        (None, None) => "another program, such as a script with `flock`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use super::*;
    use crate::state::error::Fault;
    use crate::state::testing::{as_nobody, as_root};

    #[test]
    fn a_second_command_is_refused_and_told_who_holds_the_lock() {
        let (_folder, path) = lock_path();
        let _lock = DeployLock::acquire(&path, &us("deploy sha-1"), None).unwrap();

        let error = DeployLock::acquire(&path, &us("rollback"), None).unwrap_err();

        let LockError::Held {
            holder: Some(other),
            inherited: None,
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(other.command, "deploy sha-1");
        assert!(error.to_string().contains("(deploy sha-1, pid"), "{error}");
        assert!(error.hints()[0].contains("--wait-lock"));
    }

    #[test]
    fn dropping_the_lock_frees_it_and_clears_the_name_but_keeps_the_file() {
        let (_folder, path) = lock_path();
        drop(DeployLock::acquire(&path, &us("deploy"), None).unwrap());

        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        DeployLock::acquire(&path, &us("deploy"), None).unwrap();
    }

    #[test]
    fn the_holder_is_told_while_the_lock_is_held_and_only_then() {
        let (_folder, path) = lock_path();
        assert_eq!(holder(&path), None);
        let lock = DeployLock::acquire(&path, &us("deploy"), None).unwrap();
        assert_eq!(holder(&path).unwrap().command, "deploy");
        drop(lock);
        // As a killed one leaves it, its number given to another process.
        fs::write(&path, us("deploy").to_line()).unwrap();
        assert_eq!(holder(&path), None);
    }

    #[test]
    fn an_old_script_with_flock_keeps_us_out_and_is_told_from_a_deployctl() {
        let (_folder, path) = lock_path();
        let mut script = Script::holding(&path);

        let error = DeployLock::acquire(&path, &us("deploy"), None).unwrap_err();

        let LockError::Held {
            holder: None,
            process: Some(process),
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(process.pid, script.child.id());
        assert!(error.to_string().contains("flock"), "{error}");
        script.kill();
        DeployLock::acquire(&path, &us("deploy"), None).unwrap();
    }

    #[test]
    fn we_keep_an_old_script_with_flock_out() {
        let (_folder, path) = lock_path();
        let lock = DeployLock::acquire(&path, &us("deploy"), None).unwrap();

        assert!(!flock_succeeds(&path));
        drop(lock);
        assert!(flock_succeeds(&path));
    }

    #[test]
    fn the_text_that_a_killed_deployctl_left_does_not_name_the_holder() {
        let (_folder, path) = lock_path();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let text = Holder {
            pid: dead.id(),
            ..us("deploy sha-0")
        }
        .to_line();
        fs::write(&path, text).unwrap();
        let _script = Script::holding(&path);

        let error = DeployLock::acquire(&path, &us("deploy"), None).unwrap_err();

        assert!(
            matches!(error, LockError::Held { holder: None, .. }),
            "{error:?}"
        );
    }

    #[test]
    fn waiting_ends_when_the_holder_is_killed() {
        let (_folder, path) = lock_path();
        let mut script = Script::holding(&path);
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || {
                let wait = Some(Duration::from_mins(1));
                DeployLock::acquire(&path, &us("deploy"), wait).map(drop)
            }
        });

        script.kill();

        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn waiting_ends_with_the_deadline() {
        let (_folder, path) = lock_path();
        let _lock = DeployLock::acquire(&path, &us("deploy"), None).unwrap();

        let wait = Some(Duration::from_millis(60));
        let error = DeployLock::acquire(&path, &us("deploy"), wait).unwrap_err();

        assert!(matches!(error, LockError::Held { .. }), "{error:?}");
    }

    #[test]
    fn a_child_that_outlives_us_does_not_keep_the_lock() {
        let (_folder, path) = lock_path();
        let lock = DeployLock::acquire(&path, &us("deploy"), None).unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();

        drop(lock);

        assert!(flock_succeeds(&path));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_symbolic_link_or_a_folder_in_place_of_the_file_is_refused() {
        let (folder, path) = lock_path();
        symlink(folder.path().join("elsewhere"), &path).unwrap();
        let error = DeployLock::acquire(&path, &us("deploy"), None).unwrap_err();
        assert!(
            matches!(&error, LockError::Io(e) if e.fault == Fault::NotRegular),
            "{error:?}"
        );
        assert!(!folder.path().join("elsewhere").exists());

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = DeployLock::acquire(&path, &us("deploy"), None).unwrap_err();
        assert!(
            matches!(&error, LockError::Io(e) if e.fault == Fault::Directory),
            "{error:?}"
        );
    }

    #[test]
    fn a_lock_handed_down_by_a_script_is_used_and_stays_the_scripts() {
        let name =
            "state::lock::tests::a_lock_handed_down_by_a_script_is_used_and_stays_the_scripts";
        if let Some(path) = std::env::var_os("DEPLOYCTL_TEST_LOCK") {
            let path = Path::new(&path);
            let error = DeployLock::acquire(path, &us("deploy"), None).unwrap_err();
            assert!(error.hints()[0].contains("--lock-fd 9"), "{error:?}");
            let lock = DeployLock::inherit(path, 9, &us("deploy")).unwrap();
            assert!(Holder::read(path).is_some());
            drop(lock);
            assert!(!flock_succeeds(path), "the script's lock was freed");
            return;
        }
        let (_folder, path) = lock_path();
        let output = Command::new("sh")
            .args(["-c", r#"exec 9>>"$0"; flock -n 9; "$1" --exact "$2""#])
            .arg(&path)
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env("DEPLOYCTL_TEST_LOCK", &path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
    }

    #[test]
    fn a_descriptor_without_the_lock_is_refused() {
        let (_folder, path) = lock_path();
        for (fd, reason) in [(0, "another file"), (9999, "not open")] {
            let error = DeployLock::inherit(&path, fd, &us("deploy")).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert!(error.hints()[0].contains("--lock-fd 9"));
        }
    }

    #[test]
    fn root_gives_a_new_file_to_the_folders_owner_and_group() {
        as_root();
        let (folder, path) = lock_path();
        std::os::unix::fs::chown(folder.path(), Some(1234), Some(2345)).unwrap();

        let _lock = DeployLock::acquire(&path, &us("deploy"), None).unwrap();

        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 2345));
        assert_eq!(metadata.mode() & 0o7777, 0o660);
    }

    #[test]
    fn a_file_that_we_can_only_read_still_excludes() {
        as_nobody(
            "state::lock::tests::a_file_that_we_can_only_read_still_excludes",
            |folder| {
                let path = folder.join(".deploy.lock");
                fs::write(&path, "").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            },
            |folder| {
                let path = folder.join(".deploy.lock");
                let _lock = DeployLock::acquire(&path, &us("deploy"), None).unwrap();
                assert!(!flock_succeeds(&path));
            },
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        as_nobody(
            "state::lock::tests::a_folder_that_cannot_be_written_is_named",
            |_| {},
            |folder| {
                let path = folder.join(".deploy.lock");
                let error = DeployLock::acquire(&path, &us("deploy"), None).unwrap_err();
                assert!(matches!(error, LockError::NotWritable { .. }), "{error:?}");
                assert!(error.hints()[0].contains("ls -ld"));
            },
        );
    }

    fn lock_path() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".deploy.lock");
        (folder, path)
    }

    fn us(command: &str) -> Holder {
        Holder::current(command)
    }

    fn flock_succeeds(path: &Path) -> bool {
        Command::new("flock")
            .arg("-n")
            .arg(path)
            .arg("true")
            .status()
            .unwrap()
            .success()
    }

    /// `flock FILE …`, as old scripts call it.
    struct Script {
        child: Child,
        output: BufReader<ChildStdout>,
    }

    impl Script {
        fn holding(path: &Path) -> Self {
            let mut child = Command::new("flock")
                .args(["--no-fork", "-x"])
                .arg(path)
                .args(["sh", "-c", "echo locked; read -r never # flock"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut output = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            assert_eq!(line, "locked\n");
            Self { child, output }
        }

        fn kill(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = self.output.read_to_string(&mut String::new());
        }
    }

    impl Drop for Script {
        fn drop(&mut self) {
            self.kill();
        }
    }
}
