//! The store of one running release, over the files of a project.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{LineWriter, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::plan::step::{MissingLine, VariableValue};
use crate::state::Store;
use crate::state::atomic::folder_owner;
use crate::state::entry::{Entry, Header, Outcome};
use crate::state::env_file::set_variable;
use crate::state::error::{FileAction, OnFile as _, StateError};
use crate::state::holder::now;
use crate::state::journal::{Journal, JournalError, Recorded};
use crate::state::layout::{FILE_MODE, StateDirectory};
use crate::state::lock::DeployLock;
use crate::state::release::{RecordError, ReleaseRecord, StoredModel};
use crate::state::releases::Releases;
use crate::state::rollback_tag::write_rollback_tag;

/// Writes down what one release does: its journal, its record, its logs, and the files beside the Compose file.
#[derive(Debug)]
pub struct ReleaseStore {
    directory: StateDirectory,
    rollback_tag: PathBuf,
    header: Header,
    journal: RefCell<Journal>,
    logs: RefCell<BTreeMap<String, LineWriter<File>>>,
}

/// What is kept of a release from its beginning.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The journal's first line.
    pub header: Header,
    /// The release; running.
    pub record: ReleaseRecord,
    /// The resolved model and the variables that it sets.
    pub model: StoredModel,
    /// `compose.yml`, for `docker compose -f`.
    pub compose_file: String,
}

impl ReleaseStore {
    /// Begins a release: everything that it needs to be brought back is on disk before its journal is.
    pub fn begin(
        _lock: &DeployLock,
        directory: &StateDirectory,
        rollback_tag: &Path,
        beginning: &Beginning,
    ) -> Result<Self, StateError> {
        if put_away_journal(directory)? == PutAway::StillOpen {
            let path = directory.journal();
            return Err(JournalError::Unfinished { path }.into());
        }
        match write_beginning(directory, beginning) {
            Ok(journal) => Ok(Self::over(directory, rollback_tag, journal)),
            Err(error) => {
                // Nothing has happened: the history need not show it for ever as unfinished.
                let _ = fs::remove_dir_all(directory.release(beginning.header.release));
                Err(error)
            }
        }
    }

    /// Takes up the release whose journal a kill left; what it wrote comes with it.
    pub fn recover(
        _lock: &DeployLock,
        directory: &StateDirectory,
        rollback_tag: &Path,
    ) -> Result<(Self, Recorded), StateError> {
        let (journal, recorded) = Journal::reopen(&directory.journal())?;
        Ok((Self::over(directory, rollback_tag, journal), recorded))
    }

    /// Ends with the release: a closed journal goes into its folder, one that is open stays for `recover`.
    pub fn finish(self) -> Result<(), StateError> {
        let journal = self.journal.into_inner();
        // Somebody may have removed it (`git clean`).
        if fs::symlink_metadata(journal.path()).is_ok() {
            put_away(&self.directory, journal)?;
        }
        Ok(())
    }

    /// The journal's first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The full output of a job or container.
    pub fn log_path(&self, name: &str) -> PathBuf {
        log_path(&self.directory, self.header.release, name)
    }

    /// Changes the record; one that is gone is made anew from the journal.
    pub fn update_record(&self, change: impl FnOnce(&mut ReleaseRecord)) -> Result<(), StateError> {
        let releases = Releases::new(&self.directory);
        let mut record = match releases.get(self.header.release) {
            Err(RecordError::Unknown { .. }) => ReleaseRecord::from_header(&self.header),
            other => other?,
        };
        change(&mut record);
        Ok(releases.write(&record)?)
    }

    fn over(directory: &StateDirectory, rollback_tag: &Path, journal: Journal) -> Self {
        Self {
            directory: directory.clone(),
            rollback_tag: rollback_tag.to_owned(),
            header: journal.header().clone(),
            journal: RefCell::new(journal),
            logs: RefCell::default(),
        }
    }

    fn value_of(&self, name: &str, value: &VariableValue) -> Result<String, StateError> {
        match value {
            VariableValue::Tag(tag) => Ok(tag.clone()),
            VariableValue::InRelease(release) => Releases::new(&self.directory)
                .model(*release)?
                .set
                .remove(name)
                .ok_or_else(|| StateError::VariableNotKept {
                    release: *release,
                    name: name.to_owned(),
                }),
        }
    }

    fn write_log(&self, name: &str, line: &str) -> std::io::Result<()> {
        let mut logs = self.logs.borrow_mut();
        if !logs.contains_key(name) {
            logs.insert(name.to_owned(), open_log(&self.log_path(name))?);
        }
        match logs.get_mut(name) {
            Some(log) => writeln!(log, "{line}"),
            None => Ok(()),
        }
    }
}

impl Store for ReleaseStore {
    type Error = StateError;

    fn append(&self, entry: &Entry) -> Result<(), StateError> {
        Ok(self.journal.borrow_mut().append(entry)?)
    }

    fn write_variable(
        &self,
        file: &Path,
        name: &str,
        value: &VariableValue,
        missing: MissingLine,
    ) -> Result<(), StateError> {
        let value = self.value_of(name, value)?;
        // Where the history is gone the folder is, too.
        let folder = self.directory.create_release(self.header.release)?;
        set_variable(file, name, &value, missing, &folder.join("env.before"))?;
        Ok(())
    }

    fn write_rollback_tag(&self, value: &str) -> Result<(), StateError> {
        Ok(write_rollback_tag(&self.rollback_tag, value)?)
    }

    fn record(&self, outcome: Outcome, reason: Option<&str>) -> Result<(), StateError> {
        self.update_record(|record| {
            record.outcome = outcome;
            record.reason = reason.map(str::to_owned);
            record.finished = (outcome != Outcome::Running).then(now);
        })
    }

    fn log(&self, name: &str, line: &str) {
        // A log is no reason to stop a release.
        let _ = self.write_log(name, line);
    }
}

fn write_beginning(
    directory: &StateDirectory,
    beginning: &Beginning,
) -> Result<Journal, StateError> {
    let releases = Releases::new(directory);
    let number = beginning.header.release;
    releases.write_model(number, &beginning.model)?;
    releases.write_compose_file(number, &beginning.compose_file)?;
    releases.write(&beginning.record)?;
    Ok(Journal::create(
        &directory.journal(),
        beginning.header.clone(),
    )?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PutAway {
    Done,
    StillOpen,
}

/// Moves a closed journal, which a kill may have left in its place, into the folder of its release.
fn put_away_journal(directory: &StateDirectory) -> Result<PutAway, StateError> {
    let path = directory.journal();
    if fs::symlink_metadata(&path).is_err() {
        return Ok(PutAway::Done);
    }
    let journal = match Journal::reopen(&path) {
        Err(JournalError::Empty { .. }) => {
            fs::remove_file(&path).on(FileAction::Remove, &path)?;
            return Ok(PutAway::Done);
        }
        other => other?.0,
    };
    put_away(directory, journal)
}

/// Moves a journal that is closed into the folder of its release.
fn put_away(directory: &StateDirectory, journal: Journal) -> Result<PutAway, StateError> {
    if !journal.is_closed() {
        return Ok(PutAway::StillOpen);
    }
    let folder = directory.create_release(journal.header().release)?;
    journal.archive(&folder)?;
    Ok(PutAway::Done)
}

fn log_path(directory: &StateDirectory, release: u32, name: &str) -> PathBuf {
    let name: String = name
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => character,
            _ => '_',
        })
        .collect();
    directory.log().join(format!("{release}-{name}.log"))
}

fn open_log(path: &Path) -> std::io::Result<LineWriter<File>> {
    let file = File::options()
        .append(true)
        .create(true)
        .mode(FILE_MODE)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)?;
    if let Some(folder) = path.parent()
        && let Ok(Some((user, group))) = folder_owner(folder)
    {
        let _ = fchown(&file, Some(user), Some(group));
    }
    Ok(LineWriter::new(file))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::state::holder::Holder;
    use crate::state::journal::tests::header;
    use crate::state::layout::{lock_path, rollback_tag_path, unfinished};
    use crate::state::release::{FORMAT, ReleaseKind};
    use crate::state::testing::{in_small_disk, names_in};

    const CLOSED: Entry = Entry::Closed {
        outcome: Outcome::Succeeded,
    };

    #[test]
    fn a_release_is_on_disk_before_its_journal_is() {
        let app = App::new();

        let store = app.begin(1).unwrap();

        let folder = app.directory.release(1);
        assert_eq!(
            names_in(&folder),
            ["compose.yml", "model.json", "record.json"]
        );
        assert_eq!(unfinished(app.path()).unwrap(), [app.directory.journal()]);
        assert_eq!(store.header().release, 1);
    }

    #[test]
    fn a_finished_release_leaves_no_journal_but_the_one_in_its_folder() {
        let app = App::new();
        let store = app.begin(1).unwrap();
        store.append(&Entry::Committed).unwrap();
        store.record(Outcome::Succeeded, None).unwrap();
        store.append(&CLOSED).unwrap();

        store.finish().unwrap();

        assert_eq!(unfinished(app.path()).unwrap(), [""; 0].map(PathBuf::from));
        assert!(!app.directory.journal().exists());
        assert!(app.directory.release(1).join("journal").exists());
        let record = app.releases().current().unwrap().unwrap();
        assert_eq!(record.outcome, Outcome::Succeeded);
        assert!(record.finished.is_some());
    }

    #[test]
    fn a_killed_release_goes_on_where_it_was() {
        let app = App::new();
        let store = app.begin(1).unwrap();
        store.append(&Entry::StepBegun { number: 1 }).unwrap();
        drop(store);

        let (store, recorded) =
            ReleaseStore::recover(&app.lock, &app.directory, &app.rollback_tag()).unwrap();
        store.append(&CLOSED).unwrap();
        store.finish().unwrap();

        assert_eq!(recorded.entries[1..], [Entry::StepBegun { number: 1 }]);
        assert!(app.directory.release(1).join("journal").exists());
    }

    #[test]
    fn no_release_begins_before_the_last_one_is_recovered() {
        let app = App::new();
        drop(app.begin(1).unwrap());

        let error = app.begin(2).unwrap_err();

        assert!(
            matches!(error, StateError::Journal(JournalError::Unfinished { .. })),
            "{error:?}"
        );
        assert!(error.hints()[0].contains("deployctl recover"));
        assert!(!app.directory.release(2).exists());
    }

    #[test]
    fn a_journal_that_a_kill_left_closed_or_empty_is_in_nobodys_way() {
        let app = App::new();
        app.begin(1).unwrap().append(&CLOSED).unwrap();
        app.begin(2).unwrap().append(&CLOSED).unwrap();
        assert!(app.directory.release(1).join("journal").exists());

        fs::write(app.directory.journal(), "{\"seq\":1,").unwrap();
        assert_eq!(unfinished(app.path()).unwrap(), [""; 0].map(PathBuf::from));
        app.begin(3).unwrap();
    }

    #[test]
    fn a_release_that_finds_no_room_for_its_journal_leaves_nothing() {
        in_small_disk(
            "state::store::tests::a_release_that_finds_no_room_for_its_journal_leaves_nothing",
            |folder| {
                let app = App::at(folder.to_owned(), None);
                let mut fill = File::create(folder.join("fill")).unwrap();
                fill.write_all(&vec![0; 200 * 1024]).unwrap();

                let error = app.begin(1).unwrap_err();

                assert!(error.is_disk_full(), "{error:?}");
                assert_eq!(app.releases().list().unwrap(), []);
                assert!(!app.directory.journal().exists());
            },
        );
    }

    #[test]
    fn a_variable_is_written_from_the_plan_or_from_the_release_that_keeps_it() {
        let app = App::new();
        let store = app.begin(1).unwrap();
        let env = app.path().join(".env.prod");
        fs::write(&env, "IMAGE_TAG=v0 # tag\nSECRET=old\n").unwrap();
        let tag = VariableValue::Tag("v1".into());
        let kept = VariableValue::InRelease(1);

        let write = |name, value| store.write_variable(&env, name, value, MissingLine::Leave);
        write("IMAGE_TAG", &tag).unwrap();
        write("SECRET", &kept).unwrap();
        write("SECRET", &kept).unwrap();
        let error = write("OTHER", &kept).unwrap_err();

        let text = fs::read_to_string(&env).unwrap();
        assert_eq!(text, "IMAGE_TAG=v1 # tag\nSECRET='pa$word'\n");
        assert!(
            matches!(error, StateError::VariableNotKept { .. }),
            "{error:?}"
        );
        assert!(error.hints()[0].contains("--set OTHER="));
    }

    #[test]
    fn the_record_is_made_anew_where_the_history_is_gone() {
        let app = App::new();
        let store = app.begin(1).unwrap();
        fs::remove_dir_all(app.path().join(".deployctl")).unwrap();
        StateDirectory::open_or_create(app.path(), "shop").unwrap();

        store
            .record(Outcome::RolledBack, Some("unhealthy"))
            .unwrap();

        let record = app.releases().get(1).unwrap();
        assert_eq!(record.tag.as_deref(), Some("sha-1"));
        assert_eq!(record.reason.as_deref(), Some("unhealthy"));
    }

    #[test]
    fn the_rollback_tag_is_one_line() {
        let app = App::new();
        let store = app.begin(1).unwrap();

        store.write_rollback_tag("sha-0").unwrap();

        assert_eq!(fs::read_to_string(app.rollback_tag()).unwrap(), "sha-0\n");
    }

    #[test]
    fn output_is_kept_line_by_line_under_a_safe_name() {
        let app = App::new();
        let store = app.begin(1).unwrap();

        store.log("../migrate", "one");
        store.log("../migrate", "two");

        let path = store.log_path("../migrate");
        assert_eq!(path, app.directory.log().join("1-.._migrate.log"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_log_that_cannot_be_written_stops_nothing() {
        let app = App::new();
        let store = app.begin(1).unwrap();
        fs::remove_dir(app.directory.log()).unwrap();

        store.log("migrate", "one");
    }

    struct App {
        folder: PathBuf,
        directory: StateDirectory,
        lock: DeployLock,
        _temporary: Option<tempfile::TempDir>,
    }

    impl App {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self::at(folder.path().to_owned(), Some(folder))
        }

        fn at(folder: PathBuf, temporary: Option<tempfile::TempDir>) -> Self {
            let lock_path = lock_path(&folder, None);
            Self {
                directory: StateDirectory::open_or_create(&folder, "shop").unwrap(),
                lock: DeployLock::acquire(&lock_path, &Holder::current("deploy"), None).unwrap(),
                folder,
                _temporary: temporary,
            }
        }

        fn begin(&self, release: u32) -> Result<ReleaseStore, StateError> {
            let environment = BTreeMap::new();
            let beginning = Beginning {
                header: header(release),
                record: ReleaseRecord::begin(release, ReleaseKind::Deploy, &environment),
                model: StoredModel {
                    format: FORMAT,
                    set: BTreeMap::from([("SECRET".to_owned(), "pa$word".to_owned())]),
                    model: serde_json::json!({"services": {}}),
                },
                compose_file: "services: {}\n".into(),
            };
            ReleaseStore::begin(
                &self.lock,
                &self.directory,
                &self.rollback_tag(),
                &beginning,
            )
        }

        fn releases(&self) -> Releases {
            Releases::new(&self.directory)
        }

        fn rollback_tag(&self) -> PathBuf {
            rollback_tag_path(&self.folder, None)
        }

        fn path(&self) -> &Path {
            &self.folder
        }
    }
}
