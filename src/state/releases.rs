//! The releases that were recorded: the history.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::atomic::{replace_file, sync_folder};
use crate::state::error::{FileAction, FileError, OnFile as _};
use crate::state::layout::{FILE_MODE, StateDirectory};
use crate::state::release::{FORMAT, Outline, RecordError, ReleaseRecord, StoredModel};

const RECORD: &str = "record.json";
const MODEL: &str = "model.json";
const COMPOSE: &str = "compose.yml";

/// The shortest beginning of a commit hash that names a release.
const SHORTEST_HASH: usize = 4;

/// The history of a project.
#[derive(Debug, Clone)]
pub struct Releases {
    directory: StateDirectory,
}

/// What the folder holds.
#[derive(Default)]
struct Found {
    records: Vec<ReleaseRecord>,
    damaged: BTreeMap<u32, RecordError>,
}

impl Releases {
    /// The history in a project's folder; empty where there is none.
    #[must_use]
    pub fn new(directory: &StateDirectory) -> Self {
        Self {
            directory: directory.clone(),
        }
    }

    /// Where they are kept.
    pub fn directory(&self) -> &StateDirectory {
        &self.directory
    }

    /// The number of the next release; one that was given before is never given again.
    pub fn next_number(&self) -> Result<u32, RecordError> {
        Ok(self.numbers()?.last().map_or(1, |last| last + 1))
    }

    /// Every record, oldest first; without the damaged ones from before the release that serves.
    pub fn list(&self) -> Result<Vec<ReleaseRecord>, RecordError> {
        let Found {
            records,
            mut damaged,
        } = self.all()?;
        match damaged.pop_last() {
            Some((number, error)) if !(records.iter()).any(|r| r.serves() && r.number > number) => {
                Err(error)
            }
            _ => Ok(records),
        }
    }

    /// The damaged records, oldest first.
    pub fn damaged(&self) -> Result<Vec<RecordError>, RecordError> {
        Ok(self.all()?.damaged.into_values().collect())
    }

    fn all(&self) -> Result<Found, RecordError> {
        let mut found = Found::default();
        for number in self.numbers()? {
            match self.get(number) {
                Ok(record) => found.records.push(record),
                // Killed before its record was written: nothing had been done.
                Err(RecordError::Unknown { .. }) => {}
                Err(error @ RecordError::Corrupt { .. }) => {
                    found.damaged.insert(number, error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// One record.
    pub fn get(&self, number: u32) -> Result<ReleaseRecord, RecordError> {
        self.read(number, RECORD)
    }

    /// The resolved model of a release and the variables that it sets.
    pub fn model(&self, number: u32) -> Result<StoredModel, RecordError> {
        self.read(number, MODEL)
    }

    /// What `status` needs of the model.
    pub fn outline(&self, number: u32) -> Result<Outline, RecordError> {
        self.read(number, MODEL)
    }

    /// The `compose.yml` of a release, for `docker compose -f`.
    #[must_use]
    pub fn compose_file(&self, number: u32) -> PathBuf {
        self.directory.release(number).join(COMPOSE)
    }

    /// The newest release that serves.
    pub fn current(&self) -> Result<Option<ReleaseRecord>, RecordError> {
        for number in self.numbers()?.into_iter().rev() {
            match self.get(number) {
                Ok(record) if record.serves() => return Ok(Some(record)),
                // Killed before its record was written: nothing had been done.
                Ok(_) | Err(RecordError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The release that a person means: by tag, by number (`12`, `#12`), or by a commit hash whose
    /// beginning agrees with a `sha-` tag, whichever of the two is longer.
    ///
    /// Of several with the same tag the newest one that served, else the newest.
    pub fn find(&self, asked: &str) -> Result<Option<ReleaseRecord>, RecordError> {
        let mut records = self.list()?;
        records.retain(|record| record.kind != crate::state::ReleaseKind::Migration);
        if let Some(found) = newest(&records, |record| record.tag.as_deref() == Some(asked)) {
            return Ok(Some(found.clone()));
        }
        if let Ok(number) = asked.strip_prefix('#').unwrap_or(asked).parse::<u32>()
            && let Some(found) = newest(&records, |record| record.number == number)
        {
            return Ok(Some(found.clone()));
        }
        let mut tags: Vec<String> = Vec::new();
        for record in records.iter().rev() {
            if let Some(tag) = &record.tag
                && agrees_with_hash(tag, asked)
                && !tags.contains(tag)
            {
                tags.push(tag.clone());
            }
        }
        match tags.as_slice() {
            [] => Ok(None),
            [tag] => Ok(newest(&records, |record| record.tag.as_ref() == Some(tag)).cloned()),
            _ => Err(RecordError::Ambiguous {
                asked: asked.to_owned(),
                tags,
            }),
        }
    }

    /// Writes a record.
    pub fn write(&self, record: &ReleaseRecord) -> Result<(), RecordError> {
        self.write_json(record.number, RECORD, record)
    }

    /// Writes the resolved model of a release.
    pub fn write_model(&self, number: u32, model: &StoredModel) -> Result<(), RecordError> {
        self.write_json(number, MODEL, model)
    }

    /// Writes the `compose.yml` of a release.
    pub fn write_compose_file(&self, number: u32, text: &str) -> Result<(), RecordError> {
        let folder = self.directory.create_release(number)?;
        Ok(replace_file(
            &folder.join(COMPOSE),
            text.as_bytes(),
            FILE_MODE,
        )?)
    }

    /// What [`Self::prune`] would forget.
    pub fn beyond(&self, keep: usize) -> Result<Vec<ReleaseRecord>, RecordError> {
        // What serves, and what it replaced, is never forgotten.
        let keep = keep.max(2);
        let (served, failed): (Vec<_>, Vec<_>) =
            self.list()?.into_iter().partition(ReleaseRecord::serves);
        let mut beyond = Vec::new();
        for mut records in [served, failed] {
            records.truncate(records.len().saturating_sub(keep));
            beyond.extend(records);
        }
        beyond.sort_by_key(|record| record.number);
        Ok(beyond)
    }

    /// Forgets all but the newest `keep` that served and the newest `keep` that did not, with
    /// their logs; returns what was forgotten.
    pub fn prune(&self, keep: usize) -> Result<Vec<ReleaseRecord>, RecordError> {
        let forgotten = self.beyond(keep)?;
        for record in &forgotten {
            self.forget(record.number)?;
        }
        Ok(forgotten)
    }

    fn forget(&self, number: u32) -> Result<(), FileError> {
        let folder = self.directory.release(number);
        fs::remove_dir_all(&folder).on(FileAction::Remove, &folder)?;
        sync_folder(&self.directory.releases())?;
        let prefix = format!("{number}-");
        let logs = self.directory.log();
        for entry in fs::read_dir(&logs).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // A log that stays harms nobody.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    fn numbers(&self) -> Result<Vec<u32>, FileError> {
        let folder = self.directory.releases();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.on(FileAction::Read, &folder)?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let entry = entry.on(FileAction::Read, &folder)?;
            if let Some(number) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read<T: DeserializeOwned>(&self, number: u32, name: &str) -> Result<T, RecordError> {
        let path = self.directory.release(number).join(name);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(RecordError::Unknown { number });
            }
            other => other.on(FileAction::Read, &path)?,
        };
        parse(&path, &bytes)
    }

    fn write_json(
        &self,
        number: u32,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), RecordError> {
        let folder = self.directory.create_release(number)?;
        let path = folder.join(name);
        let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| RecordError::Corrupt {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        bytes.push(b'\n');
        Ok(replace_file(&path, &bytes, FILE_MODE)?)
    }
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, RecordError> {
    let corrupt = |error: serde_json::Error| RecordError::Corrupt {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let head: Head = serde_json::from_slice(bytes).map_err(corrupt)?;
    match head.format {
        Some(found) if found > u64::from(FORMAT) => Err(RecordError::Format {
            path: path.to_owned(),
            found,
        }),
        _ => serde_json::from_slice(bytes).map_err(corrupt),
    }
}

/// The format is read first: a later one may look quite different.
#[derive(serde::Deserialize)]
struct Head {
    format: Option<u64>,
}

fn newest(
    records: &[ReleaseRecord],
    is_meant: impl Fn(&ReleaseRecord) -> bool,
) -> Option<&ReleaseRecord> {
    let meant = || records.iter().rev().filter(|record| is_meant(record));
    meant()
        .find(|record| record.serves())
        .or_else(|| meant().next())
}

fn agrees_with_hash(tag: &str, asked: &str) -> bool {
    let Some(hash) = tag.strip_prefix("sha-") else {
        return false;
    };
    let asked = asked.strip_prefix("sha-").unwrap_or(asked);
    let is_hash = |text: &str| {
        text.len() >= SHORTEST_HASH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let (hash, asked) = (hash.to_ascii_lowercase(), asked.to_ascii_lowercase());
    is_hash(&hash) && is_hash(&asked) && (hash.starts_with(&asked) || asked.starts_with(&hash))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::state::entry::Outcome;
    use crate::state::release::{ImageRecord, ReleaseKind};

    #[test]
    fn an_empty_history_has_no_current_release_and_begins_with_one() {
        let history = History::new();

        assert_eq!(history.releases.next_number().unwrap(), 1);
        assert_eq!(history.releases.list().unwrap(), []);
        assert_eq!(history.releases.current().unwrap(), None);
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_only_its_owner_can() {
        let history = History::new();
        let image = ImageRecord {
            reference: "ghcr.io/acme/api:sha-1".into(),
            digest: Some("sha256:d".into()),
            id: "sha256:i".into(),
        };
        let record = ReleaseRecord {
            images: BTreeMap::from([("api".to_owned(), image)]),
            ..history.record("sha-1", Outcome::Succeeded)
        };

        history.releases.write(&record).unwrap();

        assert_eq!(history.releases.get(1).unwrap(), record);
        let path = history.directory.release(1).join("record.json");
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_model_is_kept_with_the_variables_that_it_sets() {
        let history = History::new();
        let model = StoredModel {
            format: FORMAT,
            set: BTreeMap::from([("IMAGE_TAG".to_owned(), "sha-1".to_owned())]),
            model: serde_json::json!({"services": {"z": {}, "a": {"scale": 0}}}),
        };

        history.releases.write_model(1, &model).unwrap();
        history
            .releases
            .write_compose_file(1, "services: {}\n")
            .unwrap();

        let kept = history.releases.model(1).unwrap();
        assert_eq!(kept.model.to_string(), model.model.to_string());
        assert_eq!(kept, model);
        let compose = fs::read_to_string(history.releases.compose_file(1)).unwrap();
        assert_eq!(compose, "services: {}\n");
    }

    #[test]
    fn the_current_release_is_the_newest_that_serves() {
        let history = History::of(&[
            ("stable", Outcome::Adopted),
            ("sha-1", Outcome::Succeeded),
            ("sha-2", Outcome::RolledBack),
            ("sha-3", Outcome::Running),
        ]);

        assert_eq!(history.releases.current().unwrap().unwrap().number, 2);
        assert_eq!(history.releases.next_number().unwrap(), 5);
    }

    #[test]
    fn a_release_is_found_by_tag_number_or_hash() {
        let history = History::of(&[
            ("sha-abc1234", Outcome::Succeeded),
            ("sha-def5678", Outcome::Succeeded),
            ("3", Outcome::Succeeded),
            ("stable", Outcome::Succeeded),
            ("stable", Outcome::RolledBack),
        ]);
        for (asked, number) in [
            ("sha-abc1234", Some(1)),
            ("abc1", Some(1)),
            ("sha-abc1", Some(1)),
            ("ABC1234", Some(1)),
            ("abc1234567890abcdef1234567890abcdef12345", Some(1)),
            ("2", Some(2)),
            ("#2", Some(2)),
            ("3", Some(3)),
            // Of two with the tag the one that served.
            ("stable", Some(4)),
            ("5", Some(5)),
            ("abc", None),
            ("abc9", None),
            ("6", None),
            ("", None),
        ] {
            let found = history.releases.find(asked).unwrap();
            assert_eq!(found.map(|record| record.number), number, "{asked}");
        }
    }

    #[test]
    fn the_beginning_of_two_hashes_is_ambiguous() {
        let history = History::of(&[
            ("sha-abc1234", Outcome::Succeeded),
            ("sha-abc1999", Outcome::Succeeded),
        ]);

        let error = history.releases.find("abc1").unwrap_err();

        assert!(matches!(error, RecordError::Ambiguous { .. }), "{error:?}");
        assert!(error.hints()[0].contains("sha-abc1999"));
    }

    #[test]
    fn pruning_keeps_the_newest_that_served_and_the_newest_that_did_not() {
        let history = History::of(&[
            ("sha-1", Outcome::Succeeded),
            ("sha-2", Outcome::Failed),
            ("sha-3", Outcome::Succeeded),
            ("sha-4", Outcome::Failed),
            ("sha-5", Outcome::Failed),
            ("sha-6", Outcome::Succeeded),
        ]);
        fs::write(history.directory.log().join("1-migrate.log"), "").unwrap();
        fs::write(history.directory.log().join("11-migrate.log"), "").unwrap();

        let forgotten = history.releases.prune(2).unwrap();

        assert_eq!(numbers(&forgotten), [1, 2]);
        assert_eq!(numbers(&history.releases.list().unwrap()), [3, 4, 5, 6]);
        assert_eq!(history.releases.next_number().unwrap(), 7);
        let log = history.directory.log();
        assert!(!log.join("1-migrate.log").exists() && log.join("11-migrate.log").exists());
    }

    #[test]
    fn pruning_never_forgets_what_serves_and_what_it_replaced() {
        let history = History::of(&[
            ("sha-1", Outcome::Succeeded),
            ("sha-2", Outcome::Succeeded),
            ("sha-3", Outcome::Succeeded),
        ]);

        assert_eq!(numbers(&history.releases.prune(0).unwrap()), [1]);
    }

    #[test]
    fn a_damaged_record_and_one_of_a_later_format_name_their_file() {
        let history = History::of(&[("sha-1", Outcome::Succeeded)]);
        let path = history.directory.release(1).join("record.json");

        fs::write(&path, "{\"format\":1}").unwrap();
        let error = history.releases.list().unwrap_err();
        assert!(matches!(error, RecordError::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("releases/1/record.json"));
        assert!(error.hints()[0].contains("rm -r"));

        fs::write(&path, "{\"format\":2,\"anything\":[]}").unwrap();
        let error = history.releases.get(1).unwrap_err();
        assert!(
            matches!(error, RecordError::Format { found: 2, .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_damaged_record_of_before_the_release_that_serves_is_left_out() {
        let history = History::of(&[
            ("sha-1", Outcome::Succeeded),
            ("sha-2", Outcome::Succeeded),
            ("sha-3", Outcome::Failed),
        ]);
        let damage = |number| {
            let path = history.directory.release(number).join("record.json");
            fs::write(path, "").unwrap();
        };

        damage(1);
        assert_eq!(numbers(&history.releases.list().unwrap()), [2, 3]);
        assert_eq!(history.releases.damaged().unwrap().len(), 1);

        // Which release serves cannot be told any more.
        damage(3);
        let error = history.releases.list().unwrap_err();
        assert!(error.to_string().contains("releases/3/record.json"));
    }

    #[test]
    fn a_folder_without_a_record_was_killed_before_it_began() {
        let history = History::of(&[("sha-1", Outcome::Succeeded)]);
        history.directory.create_release(2).unwrap();

        assert_eq!(numbers(&history.releases.list().unwrap()), [1]);
        assert_eq!(history.releases.next_number().unwrap(), 3);
        let error = history.releases.get(2).unwrap_err();
        assert!(error.hints()[0].contains("deployctl history"));
    }

    fn numbers(records: &[ReleaseRecord]) -> Vec<u32> {
        records.iter().map(|record| record.number).collect()
    }

    struct History {
        _app: tempfile::TempDir,
        directory: StateDirectory,
        releases: Releases,
    }

    impl History {
        fn new() -> Self {
            let app = tempfile::tempdir().unwrap();
            let directory = StateDirectory::open_or_create(app.path(), "shop").unwrap();
            let releases = Releases::new(&directory);
            Self {
                _app: app,
                directory,
                releases,
            }
        }

        fn of(releases: &[(&str, Outcome)]) -> Self {
            let history = Self::new();
            for (tag, outcome) in releases {
                let record = history.record(tag, *outcome);
                history.releases.write(&record).unwrap();
            }
            history
        }

        fn record(&self, tag: &str, outcome: Outcome) -> ReleaseRecord {
            let number = self.releases.next_number().unwrap();
            ReleaseRecord {
                tag: Some(tag.to_owned()),
                outcome,
                ..ReleaseRecord::begin(number, ReleaseKind::Deploy, &BTreeMap::new())
            }
        }
    }
}
