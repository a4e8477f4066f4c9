//! Clears away what a killed run left unfinished in the state folder, before anything had happened.

use std::fs;
use std::path::Path;

use crate::state::atomic::is_temporary;
use crate::state::entry::Outcome;
use crate::state::layout::{StateDirectory, state_folder};
use crate::state::lock::DeployLock;
use crate::state::releases::Releases;

/// Removes half-written files, and closes records of releases that never began.
///
/// Under the lock nobody else writes there. What cannot be cleared away harms nobody.
pub fn sweep(_lock: &DeployLock, app_directory: &Path) {
    let top = state_folder(app_directory);
    remove_temporary(&top);
    for entry in fs::read_dir(&top).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Ok(directory) = StateDirectory::open(app_directory, &name.to_string_lossy())
            && is_folder(&entry.path())
            && fs::symlink_metadata(directory.journal()).is_err()
        {
            close_what_never_began(&Releases::new(&directory));
        }
    }
}

fn remove_temporary(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if is_folder(&path) {
            remove_temporary(&path);
        } else if is_temporary(&entry.file_name()) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Their journal would be there, had they done anything.
fn close_what_never_began(releases: &Releases) {
    for mut record in releases.list().unwrap_or_default() {
        if record.outcome == Outcome::Running {
            record.outcome = Outcome::Failed;
            record.reason = Some("killed before it began".to_owned());
            let _ = releases.write(&record);
        }
    }
}

/// A symbolic link is none.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_dir())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::holder::Holder;
    use crate::state::journal::Journal;
    use crate::state::journal::tests::header;
    use crate::state::layout::lock_path;
    use crate::state::release::{ReleaseKind, ReleaseRecord};

    #[test]
    fn half_written_files_go_and_a_release_that_never_began_is_closed() {
        let app = tempfile::tempdir().unwrap();
        let lock = DeployLock::acquire(
            &lock_path(app.path(), None),
            &Holder::current("deploy"),
            None,
        )
        .unwrap();
        let directory = StateDirectory::open_or_create(app.path(), "shop").unwrap();
        let releases = Releases::new(&directory);
        let record = ReleaseRecord::begin(1, ReleaseKind::Deploy, &BTreeMap::new());
        releases.write(&record).unwrap();
        let half = directory.release(1).join(".model.json.deployctl-new");
        fs::write(&half, "half").unwrap();

        sweep(&lock, app.path());

        assert!(!half.exists());
        assert_eq!(releases.get(1).unwrap().outcome, Outcome::Failed);
    }

    #[test]
    fn the_record_of_an_unfinished_release_is_its_journals_matter() {
        let app = tempfile::tempdir().unwrap();
        let lock = DeployLock::acquire(
            &lock_path(app.path(), None),
            &Holder::current("deploy"),
            None,
        )
        .unwrap();
        let directory = StateDirectory::open_or_create(app.path(), "shop").unwrap();
        let releases = Releases::new(&directory);
        let record = ReleaseRecord::begin(1, ReleaseKind::Deploy, &BTreeMap::new());
        releases.write(&record).unwrap();
        Journal::create(&directory.journal(), header(1)).unwrap();

        sweep(&lock, app.path());

        assert_eq!(releases.get(1).unwrap().outcome, Outcome::Running);
    }
}
