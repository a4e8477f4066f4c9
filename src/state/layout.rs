//! Where things are kept in the app directory.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

use crate::state::atomic::{folder_of, folder_owner, replace_file, sync_folder};
use crate::state::entry::Entry;
use crate::state::error::{FileAction, FileError, OnFile as _, StateError};
use crate::state::journal;

/// Mode of every file that deployctl keeps for itself: records may hold values of variables.
pub(super) const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
const FOLDER: &str = ".deployctl";

/// `.deployctl/PROJECT` of an app directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirectory {
    app_directory: PathBuf,
    folder: PathBuf,
}

impl StateDirectory {
    /// Names the folder of a project; nothing is created, and there may be none yet.
    pub fn open(app_directory: &Path, project: &str) -> Result<Self, StateError> {
        // A folder above or below would be another project's.
        if project.is_empty() || project.starts_with('.') || project.contains('/') {
            return Err(StateError::ProjectName {
                name: project.to_owned(),
            });
        }
        Ok(Self {
            app_directory: app_directory.to_owned(),
            folder: app_directory.join(FOLDER).join(project),
        })
    }

    /// Makes what is missing of a project's folder: for the app directory's owner alone, unseen by git.
    pub fn open_or_create(app_directory: &Path, project: &str) -> Result<Self, StateError> {
        let directory = Self::open(app_directory, project)?;
        directory.create()?;
        Ok(directory)
    }

    /// The app directory.
    #[must_use]
    pub fn app_directory(&self) -> &Path {
        &self.app_directory
    }

    /// The journal of the running release; there only while one is unfinished.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// The folder of all releases.
    #[must_use]
    pub fn releases(&self) -> PathBuf {
        self.folder.join("releases")
    }

    /// The folder of a release.
    #[must_use]
    pub fn release(&self, number: u32) -> PathBuf {
        self.releases().join(number.to_string())
    }

    /// The folder of full outputs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Makes the folder of a release, and those above it where somebody has removed them meanwhile.
    pub fn create_release(&self, number: u32) -> Result<PathBuf, FileError> {
        self.create()?;
        let folder = self.release(number);
        ensure_folder(&folder)?;
        Ok(folder)
    }

    fn create(&self) -> Result<(), FileError> {
        let top = self.app_directory.join(FOLDER);
        ensure_folder(&top)?;
        let ignore = top.join(".gitignore");
        if fs::symlink_metadata(&ignore).is_err() {
            replace_file(&ignore, b"*\n", FILE_MODE)?;
        }
        ensure_folder(&self.folder)?;
        ensure_folder(&self.releases())?;
        ensure_folder(&self.log())
    }
}

/// The folder of all projects in an app directory.
pub(super) fn state_folder(app_directory: &Path) -> PathBuf {
    app_directory.join(FOLDER)
}

/// The file of the deploy lock, for an environment other than production with its name.
#[must_use]
pub fn lock_path(app_directory: &Path, environment: Option<&str>) -> PathBuf {
    app_directory.join(with_environment(".deploy.lock", environment))
}

/// `.rollback-tag`, for an environment other than production with its name.
#[must_use]
pub fn rollback_tag_path(app_directory: &Path, environment: Option<&str>) -> PathBuf {
    app_directory.join(with_environment(".rollback-tag", environment))
}

/// The journals of all projects in an app directory that a kill left open, those that cannot be read included.
///
/// Needs no Compose file: it may be gone.
pub fn unfinished(app_directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let top = app_directory.join(FOLDER);
    let entries = match fs::read_dir(&top) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.on(FileAction::Read, &top)?,
    };
    let mut journals = Vec::new();
    for entry in entries {
        let path = entry.on(FileAction::Read, &top)?.path().join("journal");
        if fs::symlink_metadata(&path).is_ok() && !is_over(&path) {
            journals.push(path);
        }
    }
    journals.sort();
    Ok(journals)
}

/// Closed, or without a whole line: then nothing was begun.
fn is_over(path: &Path) -> bool {
    journal::read(path)
        .is_ok_and(|journal| journal.entries.is_empty() || Entry::close(&journal.entries))
}

fn with_environment(name: &str, environment: Option<&str>) -> String {
    match environment {
        Some(environment) if environment != "production" => format!("{name}.{environment}"),
        _ => name.to_owned(),
    }
}

/// Makes a folder unless it is there; anything else of that name, a symbolic link above all, is refused.
fn ensure_folder(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => return Err(FileError::not_regular(FileAction::Create, path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::new(FileAction::Read, path, error)),
    }
    DirBuilder::new()
        .mode(FOLDER_MODE)
        .create(path)
        .on(FileAction::Create, path)?;
    let parent = folder_of(path);
    if let Some((user, group)) = folder_owner(parent)? {
        let metadata = fs::symlink_metadata(path).on(FileAction::Read, path)?;
        if (metadata.uid(), metadata.gid()) != (user, group) {
            lchown(path, Some(user), Some(group)).on(FileAction::SetOwner, path)?;
        }
    }
    sync_folder(parent)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::state::entry::Outcome;
    use crate::state::error::Fault;
    use crate::state::journal::Journal;
    use crate::state::journal::tests::header;
    use crate::state::testing::{as_nobody, as_root, names_in};

    #[test]
    fn the_folder_is_private_and_unseen_by_git() {
        let app = tempfile::tempdir().unwrap();

        let directory = StateDirectory::open_or_create(app.path(), "shop").unwrap();

        let top = app.path().join(".deployctl");
        assert_eq!(names_in(&top), [".gitignore", "shop"]);
        assert_eq!(fs::read_to_string(top.join(".gitignore")).unwrap(), "*\n");
        assert_eq!(fs::metadata(&top).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(names_in(&top.join("shop")), ["log", "releases"]);
        assert_eq!(directory.journal(), top.join("shop/journal"));
        StateDirectory::open_or_create(app.path(), "shop").unwrap();
    }

    #[test]
    fn one_sudo_does_not_lock_the_owner_out() {
        as_root();
        let app = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(app.path(), Some(1234), Some(2345)).unwrap();

        let directory = StateDirectory::open_or_create(app.path(), "shop").unwrap();
        let release = directory.create_release(1).unwrap();

        for path in [
            release,
            directory.log(),
            app.path().join(".deployctl/.gitignore"),
        ] {
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (1234, 2345), "{path:?}");
        }
    }

    #[test]
    fn a_symbolic_link_in_place_of_a_folder_is_refused() {
        let app = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), app.path().join(".deployctl")).unwrap();

        let error = StateDirectory::open_or_create(app.path(), "shop").unwrap_err();

        assert!(
            matches!(&error, StateError::File(e) if e.fault == Fault::NotRegular),
            "{error:?}"
        );
        assert_eq!(names_in(elsewhere.path()), [""; 0]);
    }

    #[test]
    fn an_app_directory_that_cannot_be_written_is_named() {
        as_nobody(
            "state::layout::tests::an_app_directory_that_cannot_be_written_is_named",
            |_| {},
            |app| {
                let error = StateDirectory::open_or_create(app, "shop").unwrap_err();
                let StateError::File(error) = error else {
                    panic!("{error:?}")
                };
                assert_eq!(error.fault, Fault::Permission);
                assert!(error.hints()[0].contains("chown"), "{:?}", error.hints());
            },
        );
    }

    #[test]
    fn a_project_name_cannot_lead_out_of_the_folder() {
        for name in ["", ".", "..", "a/b", ".hidden"] {
            let error = StateDirectory::open(Path::new("/app"), name).unwrap_err();
            assert!(matches!(error, StateError::ProjectName { .. }), "{name}");
        }
    }

    #[test]
    fn the_names_of_production_are_plain() {
        let app = Path::new("/app");
        assert_eq!(lock_path(app, None), Path::new("/app/.deploy.lock"));
        assert_eq!(
            lock_path(app, Some("production")),
            Path::new("/app/.deploy.lock")
        );
        assert_eq!(
            lock_path(app, Some("staging")),
            Path::new("/app/.deploy.lock.staging")
        );
        assert_eq!(
            rollback_tag_path(app, Some("staging")),
            Path::new("/app/.rollback-tag.staging")
        );
    }

    #[test]
    fn open_and_unreadable_journals_of_any_project_are_unfinished_and_closed_ones_are_not() {
        let app = tempfile::tempdir().unwrap();
        assert_eq!(unfinished(app.path()).unwrap(), Vec::<PathBuf>::new());
        let at = |project| {
            StateDirectory::open_or_create(app.path(), project)
                .unwrap()
                .journal()
        };
        Journal::create(&at("open"), header(1)).unwrap();
        let mut closed = Journal::create(&at("closed"), header(1)).unwrap();
        closed
            .append(&Entry::Closed {
                outcome: Outcome::Succeeded,
            })
            .unwrap();
        fs::write(at("broken"), "x\ny\n").unwrap();
        at("none");

        assert_eq!(unfinished(app.path()).unwrap(), [at("broken"), at("open")]);
    }
}
