//! The write-ahead log of the running release.
//!
//! A line is `{"seq":N,"sum":"<8 hex>","entry":{…}}`; the sum is the beginning of SHA-256 over the
//! number and the entry as they stand in the line.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, OFlag, fallocate};

use crate::state::atomic::{folder_of, replace_file, sync_folder};
use crate::state::entry::{Entry, Header};
use crate::state::error::{Fault, FileAction, FileError, OnFile as _};
use crate::state::journal_line::{Line, line, whole};
use crate::state::layout::FILE_MODE;

/// Version of the journal's format; [`Header::format`].
pub const FORMAT: u32 = 1;

/// Disk space kept for what is yet to be written: an unwind has to be journalled on a full disk, too.
const RESERVE: i64 = 64 * 1024;

/// The journal of a release, open for more lines.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    header: Header,
    next: u64,
    length: u64,
    /// Half a line stands at the end and could not be cut off.
    broken: bool,
    /// One world stands.
    closed: bool,
}

/// A journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is one already, of a release that was not finished.
    #[error("`{}` is the journal of an unfinished release", .path.display())]
    Unfinished {
        /// Of the journal.
        path: PathBuf,
    },
    /// A line is damaged that is not the last one.
    #[error("line {line} of the journal `{}` is damaged: {reason}", .path.display())]
    Corrupt {
        /// Of the journal.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A later deployctl wrote it.
    #[error("the journal `{}` has format {found}, written by {binary}; this deployctl reads {FORMAT}", .path.display())]
    Format {
        /// Of the journal.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The program that wrote it.
        binary: String,
    },
    /// Nothing in it: nothing was begun.
    #[error("the journal `{}` is empty: nothing was begun", .path.display())]
    Empty {
        /// Of the journal.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What stands in a journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its whole lines, in order.
    pub entries: Vec<Entry>,
    /// The last line, which a kill or a power cut tore and which is left out.
    pub torn: Option<TornLine>,
    /// Bytes of the whole lines.
    length: u64,
}

/// The half line at the end of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornLine {
    /// From 1.
    pub line: usize,
    /// How much of it there is.
    pub bytes: usize,
}

impl Journal {
    /// Begins a journal; its name appears together with its first line.
    pub fn create(path: &Path, header: Header) -> Result<Self, JournalError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(JournalError::Unfinished {
                path: path.to_owned(),
            });
        }
        let first = line(1, &Entry::Begin(header.clone()));
        replace_file(path, first.as_bytes(), FILE_MODE)?;
        let journal = Self {
            path: path.to_owned(),
            file: open(path)?,
            header,
            next: 2,
            length: first.len() as u64,
            broken: false,
            closed: false,
        };
        if let Err(error) = journal.reserve() {
            // Nothing has happened yet: without room for an unwind, nothing should.
            let _ = fs::remove_file(path);
            return Err(error.into());
        }
        Ok(journal)
    }

    /// Goes on with the journal of a killed release: the torn end is cut off, the numbers go on.
    pub fn reopen(path: &Path) -> Result<(Self, Recorded), JournalError> {
        let recorded = read(path)?;
        let Some(Entry::Begin(header)) = recorded.entries.first() else {
            return Err(JournalError::Empty {
                path: path.to_owned(),
            });
        };
        let journal = Self {
            path: path.to_owned(),
            file: open(path)?,
            header: header.clone(),
            next: recorded.entries.len() as u64 + 1,
            length: recorded.length,
            broken: false,
            closed: Entry::close(&recorded.entries),
        };
        if recorded.torn.is_some() {
            journal.cut().on(FileAction::Write, path)?;
        }
        // On a full disk recovery does what it can.
        let _ = journal.reserve();
        Ok((journal, recorded))
    }

    /// Adds a line, and returns when it is durable.
    ///
    /// A line that could not be written whole is taken back, so that later ones can follow.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        if self.broken {
            self.cut().on(FileAction::Write, &self.path)?;
            self.broken = false;
        }
        let text = line(self.next, entry);
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.broken = self.cut().is_err();
            return Err(FileError::new(FileAction::Write, &self.path, error).into());
        }
        self.next += 1;
        self.length += text.len() as u64;
        self.closed = entry.closes(self.closed);
        if matches!(entry, Entry::Planned { .. }) {
            self.reserve()?;
        }
        Ok(())
    }

    /// The first line.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether one world stands, and nothing is left to recover.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the closed journal into the folder of its release.
    pub fn archive(self, release_folder: &Path) -> Result<(), FileError> {
        // Without the space that was kept.
        let _ = self.cut();
        fs::rename(&self.path, release_folder.join("journal"))
            .on(FileAction::Replace, &self.path)?;
        sync_folder(release_folder)?;
        sync_folder(folder_of(&self.path))
    }

    fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_data()
    }

    fn reserve(&self) -> Result<(), FileError> {
        let start = i64::try_from(self.length).unwrap_or(i64::MAX - RESERVE);
        let kept = fallocate(
            &self.file,
            FallocateFlags::FALLOC_FL_KEEP_SIZE,
            start,
            RESERVE,
        )
        .on(FileAction::Write, &self.path);
        match kept {
            // Other than for want of space: the file system does not know how.
            Err(error) if error.fault != Fault::DiskFull => Ok(()),
            other => other,
        }
    }
}

/// Reads a journal; a torn last line is left out and reported, any other bad line is an error.
pub fn read(path: &Path) -> Result<Recorded, JournalError> {
    let bytes = fs::read(path).on(FileAction::Read, path)?;
    let mut recorded = Recorded {
        entries: Vec::new(),
        torn: None,
        length: 0,
    };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(bytes) = lines.next() {
        let number = recorded.entries.len() + 1;
        let text = match whole(bytes) {
            Ok(text) => text,
            Err(_) if lines.peek().is_none() => {
                let bytes = bytes.len();
                recorded.torn = Some(TornLine {
                    line: number,
                    bytes,
                });
                break;
            }
            Err(reason) => return Err(corrupt(path, number, reason)),
        };
        recorded.entries.push(parse(path, number, &text)?);
        recorded.length += bytes.len() as u64;
    }
    Ok(recorded)
}

impl JournalError {
    /// What to type, or where to look.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unfinished { .. } => {
                vec!["finish or undo it: `deployctl recover`".to_owned()]
            }
            Self::Corrupt { path, line, .. } => {
                let path = path.display();
                vec![
                    format!(
                        "see what it did: `sed -n '1,{line}p' {path}`, and what runs: `docker compose ps -a`"
                    ),
                    format!(
                        "when the containers are as they should be: `mv {path} {path}.damaged`"
                    ),
                ]
            }
            Self::Format { binary, .. } => {
                vec![format!("recover with the program that wrote it: {binary}")]
            }
            Self::Empty { path } => vec![format!("remove it: `rm {}`", path.display())],
            Self::File(error) => error.hints(),
        }
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    File::options()
        .append(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
        .on(FileAction::Write, path)
}

fn parse(path: &Path, number: usize, line: &Line<'_>) -> Result<Entry, JournalError> {
    if line.number != number as u64 {
        let reason = format!("number {number} was due, not {}", line.number);
        return Err(corrupt(path, number, reason));
    }
    if number == 1 {
        check_format(path, line.entry)?;
    }
    let entry: Entry = serde_json::from_str(line.entry)
        .map_err(|error| corrupt(path, number, format!("its entry is not known: {error}")))?;
    if (number == 1) != matches!(entry, Entry::Begin(_)) {
        return Err(corrupt(path, number, "the header stands on line 1 alone"));
    }
    Ok(entry)
}

/// Before the entry itself is read: another format may have other fields.
fn check_format(path: &Path, entry: &str) -> Result<(), JournalError> {
    let value: serde_json::Value = serde_json::from_str(entry)
        .map_err(|error| corrupt(path, 1, format!("its entry is no JSON: {error}")))?;
    let found = value["format"].as_u64().unwrap_or(0);
    if found == u64::from(FORMAT) {
        return Ok(());
    }
    Err(JournalError::Format {
        path: path.to_owned(),
        found: u32::try_from(found).unwrap_or(u32::MAX),
        binary: value["binary"]
            .as_str()
            .unwrap_or("another program")
            .to_owned(),
    })
}

fn corrupt(path: &Path, line: usize, reason: impl Into<String>) -> JournalError {
    JournalError::Corrupt {
        path: path.to_owned(),
        line,
        reason: reason.into(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::PlannedImage;
    use crate::plan::observed::{ContainerState, Health, RestartPolicy};
    use crate::plan::spec::PlannedId;
    use crate::plan::step::*;
    use crate::state::entry::Outcome;
    use crate::state::testing::in_small_disk;

    #[test]
    fn what_was_written_is_read_in_order() {
        let (_folder, path) = small_journal();

        let recorded = read(&path).unwrap();

        assert_eq!(recorded.entries, entries());
        assert_eq!(recorded.torn, None);
    }

    #[test]
    fn a_whole_plan_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, header(1)).unwrap();

        journal.append(&plan()).unwrap();

        assert_eq!(read(&path).unwrap().entries[1], plan());
    }

    #[test]
    fn a_journal_cut_at_any_byte_loses_its_last_line_at_most() {
        let (_folder, path) = small_journal();
        let bytes = fs::read(&path).unwrap();
        for cut in 0..=bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            let whole_lines = line_ends(&bytes[..cut]);

            let recorded = read(&path).unwrap();

            assert_eq!(recorded.entries, entries()[..whole_lines], "cut at {cut}");
            let at_line_end = cut == 0 || bytes[cut - 1] == b'\n';
            assert_eq!(recorded.torn.is_none(), at_line_end, "cut at {cut}");
        }
    }

    #[test]
    fn recovery_of_a_journal_cut_at_any_byte_goes_on_behind_its_last_whole_line() {
        let (_folder, path) = small_journal();
        let bytes = fs::read(&path).unwrap();
        let header_end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in header_end..=bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();

            let (mut journal, recorded) = Journal::reopen(&path).unwrap();
            journal.append(&Entry::UndoBegun { number: 1 }).unwrap();

            let mut expected = recorded.entries;
            expected.push(Entry::UndoBegun { number: 1 });
            assert_eq!(read(&path).unwrap().entries, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_byte_before_the_last_line_stops_the_reading() {
        let (_folder, path) = small_journal();
        let bytes = fs::read(&path).unwrap();
        let last_line = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .unwrap();
        for changed in 0..last_line {
            let mut damaged = bytes.clone();
            damaged[changed] ^= 1;
            fs::write(&path, &damaged).unwrap();

            let error = read(&path).unwrap_err();

            let JournalError::Corrupt { line, .. } = &error else {
                panic!("{error:?}");
            };
            let expected = line_ends(&bytes[..changed]) + 1;
            assert_eq!(*line, expected, "changed byte {changed}");
            assert!(error.hints()[0].contains("sed -n"), "{:?}", error.hints());
        }
    }

    #[test]
    fn a_changed_byte_in_the_last_line_is_a_torn_line() {
        let (_folder, path) = small_journal();
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() - 5;
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();

        let recorded = read(&path).unwrap();

        assert_eq!(recorded.entries, entries()[..3]);
        assert_eq!(recorded.torn.unwrap().line, 4);
    }

    #[test]
    fn a_missing_line_stops_the_reading() {
        let (_folder, path) = small_journal();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        fs::write(&path, [lines[0], lines[2], lines[3]].concat()).unwrap();

        let error = read(&path).unwrap_err();

        assert!(
            error.to_string().contains("number 2 was due, not 3"),
            "{error}"
        );
    }

    #[test]
    fn a_journal_of_a_later_format_names_the_program_to_use() {
        let (_folder, path) = small_journal();
        let later = Entry::Begin(Header {
            format: 2,
            binary: "deployctl 9.0".into(),
            ..header(1)
        });
        fs::write(&path, line(1, &later)).unwrap();

        let error = read(&path).unwrap_err();

        assert!(
            matches!(error, JournalError::Format { found: 2, .. }),
            "{error:?}"
        );
        assert!(error.hints()[0].contains("deployctl 9.0"));
    }

    #[test]
    fn an_unfinished_journal_is_not_written_over() {
        let (_folder, path) = small_journal();

        let error = Journal::create(&path, header(2)).unwrap_err();

        assert!(
            matches!(error, JournalError::Unfinished { .. }),
            "{error:?}"
        );
        assert!(error.hints()[0].contains("deployctl recover"));
        assert_eq!(read(&path).unwrap().entries, entries());
    }

    #[test]
    fn an_empty_journal_has_nothing_to_recover() {
        let (_folder, path) = small_journal();
        fs::write(&path, "").unwrap();

        let error = Journal::reopen(&path).unwrap_err();

        assert!(matches!(error, JournalError::Empty { .. }), "{error:?}");
    }

    #[test]
    fn a_closed_journal_moves_to_its_release() {
        let (folder, path) = small_journal();
        let release = folder.path().join("1");
        fs::create_dir(&release).unwrap();
        let (mut journal, _) = Journal::reopen(&path).unwrap();
        journal
            .append(&Entry::Closed {
                outcome: Outcome::Succeeded,
            })
            .unwrap();

        journal.archive(&release).unwrap();

        assert!(!path.exists());
        assert_eq!(read(&release.join("journal")).unwrap().entries.len(), 5);
    }

    #[test]
    fn an_unwind_can_be_written_down_on_a_disk_that_has_become_full() {
        in_small_disk(
            "state::journal::tests::an_unwind_can_be_written_down_on_a_disk_that_has_become_full",
            |folder| {
                let path = folder.join("journal");
                let mut journal = Journal::create(&path, header(1)).unwrap();
                fill(folder);

                for number in 0..200 {
                    journal.append(&Entry::UndoBegun { number }).unwrap();
                }

                assert_eq!(read(&path).unwrap().entries.len(), 201);
            },
        );
    }

    #[test]
    fn a_line_that_did_not_fit_is_taken_back_and_later_ones_follow() {
        in_small_disk(
            "state::journal::tests::a_line_that_did_not_fit_is_taken_back_and_later_ones_follow",
            |folder| {
                let path = folder.join("journal");
                let mut journal = Journal::create(&path, header(1)).unwrap();
                let message = "x".repeat(300 * 1024);

                let error = journal
                    .append(&Entry::StepFailed { number: 1, message })
                    .unwrap_err();
                journal.append(&Entry::Committed).unwrap();

                assert!(
                    matches!(&error, JournalError::File(e) if e.fault == Fault::DiskFull),
                    "{error:?}"
                );
                let expected = [Entry::Begin(header(1)), Entry::Committed];
                assert_eq!(read(&path).unwrap().entries, expected);
            },
        );
    }

    #[test]
    fn nothing_is_begun_on_a_full_disk() {
        in_small_disk(
            "state::journal::tests::nothing_is_begun_on_a_full_disk",
            |folder| {
                fill(folder);

                let error = Journal::create(&folder.join("journal"), header(1)).unwrap_err();

                assert!(
                    matches!(&error, JournalError::File(e) if e.fault == Fault::DiskFull),
                    "{error:?}"
                );
                assert!(!folder.join("journal").exists());
            },
        );
    }

    fn plan() -> Entry {
        let old = ContainerRef::Existing {
            id: "f00".into(),
            name: "shop-api-1".into(),
        };
        let new = ContainerRef::Planned(PlannedId("api/1".into()));
        let policy = RestartPolicy {
            name: "on-failure".into(),
            maximum_retry_count: 2,
        };
        let until = Until::Healthy;
        let timeout = Duration::from_millis(1500);
        let steps = [
            Step::Stop {
                container: old.clone(),
                grace: Some(timeout),
            },
            Step::Stop {
                container: old.clone(),
                grace: None,
            },
            Step::SetRestart {
                container: old,
                policy: policy.clone(),
            },
            Step::Await {
                container: new.clone(),
                until,
                timeout,
            },
            Step::Monitor {
                containers: vec![(new, timeout)],
            },
            Step::Delay { duration: timeout },
            Step::WriteVariable {
                file: "/app/.env.prod".into(),
                name: "IMAGE_TAG".into(),
                value: VariableValue::InRelease(3),
                missing: MissingLine::Append,
            },
            Step::RecordRelease,
        ];
        let planned = steps
            .into_iter()
            .zip(1..)
            .map(|(step, number)| PlannedStep {
                number,
                undo: Undo::Run(vec![step.clone()]),
                step,
                cause: Cause::Scaled { from: 1, to: 2 },
            });
        let lane = Lane {
            name: "api".into(),
            steps: planned.collect(),
        };
        let kinds = [StageKind::Wave(1), StageKind::Commit];
        Entry::Planned {
            stages: kinds
                .map(|kind| Stage {
                    kind,
                    lanes: vec![lane.clone()],
                })
                .into(),
            images: vec![PlannedImage::default()],
            before: vec![Before {
                id: "f00".into(),
                name: "shop-api-1".into(),
                service: "api".into(),
                state: ContainerState::Other("odd".into()),
                health: Health::Starting,
                restart: policy,
                touched: true,
            }],
        }
    }

    fn line_ends(bytes: &[u8]) -> usize {
        bytes.split(|byte| *byte == b'\n').count() - 1
    }

    fn fill(folder: &Path) {
        let mut file = File::create(folder.join("fill")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn small_journal() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, header(1)).unwrap();
        for entry in &entries()[1..] {
            journal.append(entry).unwrap();
        }
        (folder, path)
    }

    fn entries() -> Vec<Entry> {
        vec![
            Entry::Begin(header(1)),
            Entry::StepBegun { number: 1 },
            Entry::StepFailed {
                number: 1,
                message: "no ‘ä’ here\nnor there".into(),
            },
            Entry::Unwinding {
                reason: "failed".into(),
            },
        ]
    }

    /// The header of a release's journal.
    pub(in crate::state) fn header(release: u32) -> Header {
        Header {
            format: FORMAT,
            binary: "deployctl 0.1.0".into(),
            engine: "ENGINE".into(),
            project: "shop".into(),
            directory: "/app".into(),
            release,
            command: "deploy".into(),
            tag: Some("sha-1".into()),
            started: "2026-03-01T10:04:12Z".into(),
            mark: "m".into(),
        }
    }
}
