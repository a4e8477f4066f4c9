//! Writes a variable into an env file, which belongs to others as well.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::plan::step::MissingLine;
use crate::state::atomic::{Attributes, Temporary, folder_of};
use crate::state::env_text::{EnvSyntaxError, replace_variable};
use crate::state::error::{Fault, FileAction, FileError};
use crate::state::in_place::{finish_interrupted, write_in_place};

/// How often a file is read again that others write at the same time.
const ATTEMPTS: u32 = 100;

/// An env file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// There is none.
    #[error("there is no env file `{}`", .path.display())]
    Missing {
        /// As asked.
        path: PathBuf,
    },
    /// It is no file.
    #[error("the env file `{}` is no file but a folder or device", .path.display())]
    NotAFile {
        /// As asked.
        path: PathBuf,
    },
    /// It may not be read.
    #[error("the env file `{}` cannot be read: permission denied", .path.display())]
    NotReadable {
        /// As asked.
        path: PathBuf,
    },
    /// It may not be written, nor replaced.
    #[error("the env file `{}` cannot be written: permission denied", .path.display())]
    NotWritable {
        /// As asked.
        path: PathBuf,
    },
    /// It, or its file system, is not to be changed by anybody.
    #[error("the env file `{}` cannot be written: it is immutable", .path.display())]
    Immutable {
        /// As asked.
        path: PathBuf,
    },
    /// There is no room for the new one.
    #[error("the env file `{}` cannot be written: the disk is full", .path.display())]
    DiskFull {
        /// As asked.
        path: PathBuf,
    },
    /// Its text is not in Compose's dialect.
    #[error("the env file `{}` is invalid", .path.display())]
    Syntax {
        /// As asked.
        path: PathBuf,
        /// Where and why.
        source: EnvSyntaxError,
    },
    /// Others kept on writing it.
    #[error("the env file `{}` is being written by others all the time", .path.display())]
    Busy {
        /// As asked.
        path: PathBuf,
    },
    /// Anything else.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What writing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It read so already.
    Unchanged,
    /// A new file took its place.
    Replaced,
    /// Its owner is somebody else: it was written in place.
    InPlace,
}

/// Gives a variable another value, and leaves everything else in the file as it is.
///
/// Where the file has to be written in place its old bytes are in `backup` first.
pub fn set_variable(
    path: &Path,
    name: &str,
    value: &str,
    missing: MissingLine,
    backup: &Path,
) -> Result<Written, EnvFileError> {
    update_env_file(path, backup, |text| {
        replace_variable(text, name, value, missing)
    })
}

/// Reads an env file.
pub fn read_env_file(path: &Path) -> Result<Vec<u8>, EnvFileError> {
    fs::read(path).map_err(|error| reading(path, error))
}

/// Writes an env file's new text, which `edit` makes of the old one (`None`: as it is).
///
/// The old one is read again right before, so that what others write meanwhile stays. A
/// symbolic link stays, too: the file behind it is written.
pub fn update_env_file(
    path: &Path,
    backup: &Path,
    edit: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, EnvSyntaxError>,
) -> Result<Written, EnvFileError> {
    let target = fs::canonicalize(path).map_err(|error| reading(path, error))?;
    finish_interrupted(&target, backup).map_err(|error| writing(path, error, backup))?;
    for _ in 0..ATTEMPTS {
        let old = read_env_file(&target)?;
        let new = edit(&old).map_err(|source| EnvFileError::Syntax {
            path: path.to_owned(),
            source,
        })?;
        let Some(new) = new else {
            return Ok(Written::Unchanged);
        };
        if let Some(written) =
            write(&target, &old, &new, backup).map_err(|error| writing(path, error, backup))?
        {
            return Ok(written);
        }
    }
    Err(EnvFileError::Busy {
        path: path.to_owned(),
    })
}

impl EnvFileError {
    /// What to type, or where to look.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { .. } => vec!["name another with `--env-file FILE`".to_owned()],
            Self::NotAFile { path } | Self::NotReadable { path } | Self::NotWritable { path } => {
                vec![format!(
                    "see `ls -ld {0} {1}`",
                    folder_of(path).display(),
                    path.display()
                )]
            }
            Self::Immutable { path } => {
                let path = path.display();
                vec![format!(
                    "see `lsattr {path}`; `sudo chattr -i {path}` lifts it"
                )]
            }
            Self::DiskFull { path } => vec![format!("see `df -h {}`", folder_of(path).display())],
            Self::Syntax { .. } => Vec::new(),
            Self::Busy { path } => {
                vec![format!("see who writes it: `fuser -v {}`", path.display())]
            }
            Self::File(error) => error.hints(),
        }
    }
}

/// `None` where somebody else wrote the file meanwhile.
fn write(
    target: &Path,
    old: &[u8],
    new: &[u8],
    backup: &Path,
) -> Result<Option<Written>, FileError> {
    let read = |error| FileError::new(FileAction::Read, target, error);
    let metadata = fs::metadata(target).map_err(read)?;
    if let Some(attributes) = attributes_to_keep(&metadata) {
        match Temporary::write(target, new, &attributes) {
            Ok(temporary) => {
                if fs::read(target).map_err(read)? != old {
                    return Ok(None);
                }
                match temporary.commit() {
                    Ok(()) => return Ok(Some(Written::Replaced)),
                    Err(error) if can_be_written_in_place(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(error) if can_be_written_in_place(&error) => {}
            Err(error) => return Err(error),
        }
    }
    if fs::read(target).map_err(read)? != old {
        return Ok(None);
    }
    write_in_place(target, old, new, backup)?;
    Ok(Some(Written::InPlace))
}

/// Owner and mode that a new file is to have; `None` where we cannot give it them.
fn attributes_to_keep(metadata: &Metadata) -> Option<Attributes> {
    let user = nix::unistd::geteuid();
    // Another name of the same file would keep the old bytes.
    let can_keep = metadata.nlink() == 1 && (user.is_root() || user.as_raw() == metadata.uid());
    can_keep.then(|| Attributes {
        mode: metadata.mode(),
        owner: Some((metadata.uid(), metadata.gid())),
    })
}

// A folder that cannot be written, a group that is not ours, a file that is mounted by itself.
fn can_be_written_in_place(error: &FileError) -> bool {
    match error.fault {
        Fault::Permission | Fault::NotPermitted | Fault::ReadOnly => true,
        _ => error.errno() == Some(Errno::EBUSY),
    }
}

fn reading(path: &Path, error: io::Error) -> EnvFileError {
    let path = path.to_owned();
    match Fault::of(&error) {
        Fault::Missing => EnvFileError::Missing { path },
        Fault::Directory | Fault::NotRegular => EnvFileError::NotAFile { path },
        Fault::Permission => EnvFileError::NotReadable { path },
        _ => FileError::new(FileAction::Read, &path, error).into(),
    }
}

fn writing(path: &Path, error: FileError, backup: &Path) -> EnvFileError {
    let path = path.to_owned();
    if folder_of(&error.path) == folder_of(backup) {
        return error.into();
    }
    match error.fault {
        Fault::Permission => EnvFileError::NotWritable { path },
        Fault::NotPermitted => EnvFileError::Immutable { path },
        Fault::DiskFull => EnvFileError::DiskFull { path },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs::File;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    use std::process::Command;

    use super::*;
    use crate::state::in_place::Marker;
    use crate::state::testing::{as_nobody, as_root, in_small_disk, names_in};

    #[test]
    fn the_file_keeps_its_owner_and_mode_and_nothing_is_left_beside_it() {
        as_root();
        let app = App::with("IMAGE_TAG=v1\n");
        chown(&app.env, Some(1234), Some(2345)).unwrap();
        fs::set_permissions(&app.env, fs::Permissions::from_mode(0o640)).unwrap();

        assert_eq!(app.set("v2").unwrap(), Written::Replaced);

        let metadata = fs::metadata(&app.env).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 2345));
        assert_eq!(metadata.mode() & 0o7777, 0o640);
        assert_eq!(app.text(), "IMAGE_TAG=v2\n");
        assert_eq!(names_in(app.folder.path()), [".env.prod"]);
    }

    #[test]
    fn a_file_that_reads_so_already_is_not_touched() {
        let app = App::with("IMAGE_TAG=v1\n");
        let before = fs::metadata(&app.env).unwrap();

        assert_eq!(app.set("v1").unwrap(), Written::Unchanged);

        assert_eq!(fs::metadata(&app.env).unwrap().ino(), before.ino());
    }

    #[test]
    fn a_symbolic_link_stays_and_the_file_behind_it_is_written() {
        let mut app = App::with("IMAGE_TAG=v1\n");
        let link = app.folder.path().join("link");
        symlink(".env.prod", &link).unwrap();
        app.env = link;

        app.set("v2").unwrap();

        assert!(fs::symlink_metadata(&app.env).unwrap().is_symlink());
        let behind = fs::read_to_string(app.folder.path().join(".env.prod")).unwrap();
        assert_eq!(behind, "IMAGE_TAG=v2\n");
    }

    #[test]
    fn a_file_with_two_names_is_written_in_place_with_the_old_bytes_kept() {
        let app = App::with("IMAGE_TAG=v1 # and more\n");
        let other = app.folder.path().join("other");
        fs::hard_link(&app.env, &other).unwrap();

        assert_eq!(app.set("v2").unwrap(), Written::InPlace);
        assert_eq!(app.set("v-3").unwrap(), Written::InPlace);
        assert_eq!(app.set("4").unwrap(), Written::InPlace);

        assert_eq!(
            fs::read_to_string(&other).unwrap(),
            "IMAGE_TAG=4 # and more\n"
        );
        let kept = fs::read_to_string(app.backup()).unwrap();
        assert_eq!(kept, "IMAGE_TAG=v1 # and more\n");
        assert_eq!(fs::metadata(app.backup()).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(names_in(app.release.path()), ["env.before"]);
    }

    #[test]
    fn a_file_of_another_user_is_written_in_place() {
        as_nobody(
            "state::env_file::tests::a_file_of_another_user_is_written_in_place",
            |folder| {
                let env = folder.join(".env.prod");
                fs::write(&env, "IMAGE_TAG=v1\n").unwrap();
                fs::set_permissions(&env, fs::Permissions::from_mode(0o666)).unwrap();
            },
            |folder| {
                let app = App::at(folder);
                assert_eq!(app.set("v2").unwrap(), Written::InPlace);
                assert_eq!(app.text(), "IMAGE_TAG=v2\n");
                assert_eq!(fs::metadata(&app.env).unwrap().uid(), 0);
                assert_eq!(names_in(folder), [".env.prod"]);
            },
        );
    }

    #[test]
    fn our_own_file_in_a_folder_of_others_is_written_in_place() {
        as_nobody(
            "state::env_file::tests::our_own_file_in_a_folder_of_others_is_written_in_place",
            |folder| {
                let env = folder.join(".env.prod");
                fs::write(&env, "IMAGE_TAG=v1\n").unwrap();
                chown(&env, Some(crate::state::testing::NOBODY), None).unwrap();
            },
            |folder| {
                let app = App::at(folder);
                assert_eq!(app.set("v2").unwrap(), Written::InPlace);
                assert_eq!(app.text(), "IMAGE_TAG=v2\n");
            },
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_or_read_is_told_apart() {
        as_nobody(
            "state::env_file::tests::a_file_that_cannot_be_written_or_read_is_told_apart",
            |folder| {
                for (name, mode) in [(".env.prod", 0o644), ("secret", 0o600)] {
                    let env = folder.join(name);
                    fs::write(&env, "IMAGE_TAG=v1\n").unwrap();
                    fs::set_permissions(&env, fs::Permissions::from_mode(mode)).unwrap();
                }
            },
            |folder| {
                let mut app = App::at(folder);
                let error = app.set("v2").unwrap_err();
                assert!(
                    matches!(error, EnvFileError::NotWritable { .. }),
                    "{error:?}"
                );
                assert!(error.hints()[0].contains("ls -ld"));
                app.env = folder.join("secret");
                let error = app.set("v2").unwrap_err();
                assert!(
                    matches!(error, EnvFileError::NotReadable { .. }),
                    "{error:?}"
                );
            },
        );
    }

    #[test]
    fn a_missing_file_and_a_folder_are_told_apart() {
        let app = App::with("");
        fs::remove_file(&app.env).unwrap();
        let error = app.set("v2").unwrap_err();
        assert!(matches!(error, EnvFileError::Missing { .. }), "{error:?}");
        assert!(error.hints()[0].contains("--env-file"));

        fs::create_dir(&app.env).unwrap();
        let error = app.set("v2").unwrap_err();
        assert!(matches!(error, EnvFileError::NotAFile { .. }), "{error:?}");
    }

    #[test]
    fn an_immutable_file_is_named_with_the_command_that_frees_it() {
        as_root();
        let app = App::with("IMAGE_TAG=v1\n");
        let chattr = |flag: &str| {
            let status = Command::new("chattr")
                .arg(flag)
                .arg(&app.env)
                .status()
                .unwrap();
            assert!(
                status.success(),
                "the file system of {:?} has no attributes",
                app.env
            );
        };
        chattr("+i");

        let result = app.set("v2");

        chattr("-i");
        let error = result.unwrap_err();
        assert!(matches!(error, EnvFileError::Immutable { .. }), "{error:?}");
        assert!(error.hints()[0].contains("chattr -i"));
        assert_eq!(app.text(), "IMAGE_TAG=v1\n");
    }

    #[test]
    fn a_full_disk_leaves_the_file_as_it_was() {
        in_small_disk(
            "state::env_file::tests::a_full_disk_leaves_the_file_as_it_was",
            |folder| {
                let mut app = App::at(folder);
                fs::write(&app.env, "IMAGE_TAG=v1\n").unwrap();
                let mut fill = File::create(folder.join("fill")).unwrap();
                while fill.write_all(&[0; 4096]).is_ok() {}

                let error = app.set("v2").unwrap_err();
                assert!(matches!(error, EnvFileError::DiskFull { .. }), "{error:?}");
                assert_eq!(app.text(), "IMAGE_TAG=v1\n");

                // In place, too, where the new text needs another block.
                fs::hard_link(&app.env, folder.join("other")).unwrap();
                app.env = folder.join("other");
                let error = app.set(&"v".repeat(5000)).unwrap_err();
                assert!(matches!(error, EnvFileError::DiskFull { .. }), "{error:?}");
                assert_eq!(app.text(), "IMAGE_TAG=v1\n");
            },
        );
    }

    #[test]
    fn what_others_write_meanwhile_stays() {
        let app = App::with("IMAGE_TAG=v1\n");
        let others = Cell::new(2);

        let written = update_env_file(&app.env, &app.backup(), |text| {
            if others.get() > 0 {
                others.set(others.get() - 1);
                let mut edited = text.to_vec();
                edited.extend_from_slice(b"NEW=1\n");
                fs::write(&app.env, edited).unwrap();
            }
            replace_variable(text, "IMAGE_TAG", "v2", MissingLine::Append)
        });

        assert_eq!(written.unwrap(), Written::Replaced);
        assert_eq!(app.text(), "IMAGE_TAG=v2\nNEW=1\nNEW=1\n");
    }

    #[test]
    fn a_file_that_others_write_all_the_time_is_given_up() {
        let app = App::with("IMAGE_TAG=v1\n");
        let count = Cell::new(0);

        let error = update_env_file(&app.env, &app.backup(), |text| {
            count.set(count.get() + 1);
            fs::write(&app.env, format!("COUNT={}\n", count.get())).unwrap();
            replace_variable(text, "IMAGE_TAG", "v2", MissingLine::Append)
        })
        .unwrap_err();

        assert!(matches!(error, EnvFileError::Busy { .. }), "{error:?}");
        assert!(error.hints()[0].contains("fuser"));
    }

    #[test]
    fn a_write_in_place_that_a_power_cut_tore_is_finished() {
        let (old, new) = ("A=1\nIMAGE_TAG=v1\nB=2\n", "A=1\nIMAGE_TAG=sha-123\nB=2\n");
        for torn in 0..=new.len() {
            let mut bytes = new.as_bytes()[..torn].to_vec();
            bytes.extend_from_slice(old.as_bytes().get(torn..).unwrap_or_default());
            let app = App::with("");
            fs::write(&app.env, bytes).unwrap();
            let target = fs::canonicalize(&app.env).unwrap();
            Marker::of(&app.backup())
                .write(&target, old.as_bytes(), new.as_bytes())
                .unwrap();

            app.set("sha-123").unwrap();

            assert_eq!(app.text(), new, "torn at {torn}");
            assert_eq!(names_in(app.release.path()), [""; 0]);
        }
    }

    #[test]
    fn an_edit_after_a_torn_write_is_not_taken_back() {
        let app = App::with("SOMETHING=else\n");
        let target = fs::canonicalize(&app.env).unwrap();
        Marker::of(&app.backup())
            .write(&target, b"IMAGE_TAG=v1\n", b"IMAGE_TAG=v2\n")
            .unwrap();

        app.set("v2").unwrap();

        assert_eq!(app.text(), "SOMETHING=else\nIMAGE_TAG=v2\n");
    }

    #[test]
    fn a_file_that_compose_refuses_is_not_written() {
        let app = App::with("A=1\nno setting!\n");

        let error = app.set("v2").unwrap_err();

        let EnvFileError::Syntax { source, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(source.line, 2);
        assert_eq!(app.text(), "A=1\nno setting!\n");
    }

    struct App {
        folder: tempfile::TempDir,
        release: tempfile::TempDir,
        env: PathBuf,
    }

    impl App {
        fn with(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let env = folder.path().join(".env.prod");
            fs::write(&env, text).unwrap();
            Self {
                folder,
                release: tempfile::tempdir().unwrap(),
                env,
            }
        }

        fn at(folder: &Path) -> Self {
            Self {
                env: folder.join(".env.prod"),
                ..Self::with("")
            }
        }

        fn set(&self, value: &str) -> Result<Written, EnvFileError> {
            let backup = self.backup();
            set_variable(&self.env, "IMAGE_TAG", value, MissingLine::Append, &backup)
        }

        fn backup(&self) -> PathBuf {
            self.release.path().join("env.before")
        }

        fn text(&self) -> String {
            fs::read_to_string(&self.env).unwrap()
        }
    }
}
