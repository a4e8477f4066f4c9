//! `attach`: follows the command that runs, from another shell or a CI job that was started again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::app::App;
use super::logs::{kept_logs, read};
use crate::cli::oncall::AttachArguments;
use crate::engine::LogStream;
use crate::error::{Error, ErrorKind};
use crate::execute::{Event, EventSink as _};
use crate::plan::step::{PlannedStep, Stage, StageKind};
use crate::state::{
    Entry, Holder, Outcome, ReleaseRecord, Releases, StateDirectory, journal, lock, lock_path,
};

/// Between two looks at the journal, which another process writes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Finds who holds the lock, shows its journal as it grows, ends as it ends.
pub async fn run(app: &App<'_>, arguments: &AttachArguments) -> Result<(), Error> {
    let directory = app.locate()?.working_dir;
    let path = lock_path(&directory, app.globals.environment.as_deref());
    let holder = holder(app, &path, arguments.wait.unwrap_or_default()).await?;
    app.reporter.note(&format!("following {holder}"));
    let mut followed = Followed::new(app, &directory);
    loop {
        // The lock first: what is written before it is let go is read afterwards.
        let runs = lock::holder(&path).is_some_and(|now| now.pid == holder.pid);
        followed.look();
        if !runs {
            return followed.end(&holder);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = app.cancel.cancelled() => {
                app.reporter.note("not followed any more; the command goes on");
                return Ok(());
            }
        }
    }
}

async fn holder(app: &App<'_>, path: &Path, wait: Duration) -> Result<Holder, Error> {
    let deadline = Instant::now() + wait;
    loop {
        if let Some(holder) = lock::holder(path) {
            return Ok(holder);
        }
        if Instant::now() >= deadline || app.cancel.is_cancelled() {
            let message = "no command runs here that could be followed";
            return Err(Error::new(ErrorKind::Check, message).hints([
                "how the last one ended: deployctl history".to_owned(),
                "to wait for one that is about to begin: deployctl attach --wait 1m".to_owned(),
            ]));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What has been shown of the running release.
struct Followed<'a> {
    app: &'a App<'a>,
    directory: &'a Path,
    /// The newest release of each project when this began: what is newer is what runs.
    before: BTreeMap<PathBuf, u32>,
    release: Option<(StateDirectory, u32)>,
    entries: usize,
    stages: Vec<Stage>,
    shown_stage: Option<StageKind>,
    started: BTreeMap<u32, Instant>,
    /// Lines shown of each kept output.
    lines: BTreeMap<String, usize>,
}

impl<'a> Followed<'a> {
    fn new(app: &'a App<'a>, directory: &'a Path) -> Self {
        let before = projects(directory)
            .into_iter()
            .map(|(path, state)| (path, newest_ended(&state)));
        Self {
            app,
            directory,
            before: before.collect(),
            release: None,
            entries: 0,
            stages: Vec::new(),
            shown_stage: None,
            started: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    /// Shows what is new.
    fn look(&mut self) {
        let Some((state, number)) = self.running() else {
            return;
        };
        let archived = state.release(number).join("journal");
        let Ok(recorded) = journal::read(&state.journal()).or_else(|_| journal::read(&archived))
        else {
            return;
        };
        let of_it = recorded
            .entries
            .first()
            .is_some_and(|e| matches!(e, Entry::Begin(h) if h.release == number));
        if !of_it {
            return;
        }
        let new = recorded.entries.into_iter().skip(self.entries);
        let new: Vec<Entry> = new.collect();
        self.entries += new.len();
        for entry in new {
            self.show_logs(&state, number);
            self.show(entry);
        }
        self.show_logs(&state, number);
    }

    /// The release that the followed command makes, once it has begun one. A command that first recovers
    /// what a killed one left goes on to a newer one.
    fn running(&mut self) -> Option<(StateDirectory, u32)> {
        let newest = projects(self.directory)
            .into_iter()
            .find_map(|(path, state)| {
                let newest = Releases::new(&state).next_number().ok()?.checked_sub(1)?;
                let known = self.before.get(&path).copied().unwrap_or(0);
                let begun =
                    state.journal().exists() || state.release(newest).join("journal").exists();
                (newest > known && begun).then_some((state, newest))
            });
        if newest.is_some() && newest != self.release {
            self.release = newest;
            self.entries = 0;
            self.stages.clear();
            self.shown_stage = None;
            self.lines.clear();
        }
        self.release.clone()
    }

    fn show(&mut self, entry: Entry) {
        let events = self.app.reporter;
        match entry {
            Entry::Begin(header) => events.note(&format!(
                "release {} of project {} ({})",
                header.release, header.project, header.command
            )),
            Entry::Planned { stages, .. } => self.stages = stages,
            Entry::StepBegun { number } => {
                self.started.insert(number, Instant::now());
                if let Some((stage, lane, step)) = find(&self.stages, number) {
                    if self.shown_stage != Some(stage.kind) {
                        self.shown_stage = Some(stage.kind);
                        events.record(Event::stage_started(stage));
                    }
                    events.record(Event::StepStarted { lane, step });
                }
            }
            Entry::StepDone { number, .. } => {
                let elapsed = self.started.get(&number).map(Instant::elapsed);
                if let Some((_, lane, step)) = find(&self.stages, number) {
                    let elapsed = elapsed.unwrap_or_default();
                    events.record(Event::StepSucceeded {
                        lane,
                        step,
                        elapsed,
                    });
                }
            }
            Entry::StepFailed { number, message } => {
                if let Some((_, lane, step)) = find(&self.stages, number) {
                    events.record(Event::StepFailed {
                        lane,
                        step,
                        message,
                    });
                }
            }
            Entry::Committed => events.record(Event::Committed),
            Entry::Unwinding { reason } => events.record(Event::Unwinding { reason: &reason }),
            Entry::HookBegun { name } => events.note(&format!("hook {name}")),
            Entry::HookEnded {
                name,
                failure: Some(failure),
            } => events.warning(&format!("hook {name}: {failure}")),
            Entry::HookEnded { failure: None, .. }
            | Entry::UndoBegun { .. }
            | Entry::UndoDone { .. }
            | Entry::Closed { .. } => {}
        }
    }

    /// Output of jobs, as far as it is kept by now.
    fn show_logs(&mut self, state: &StateDirectory, number: u32) {
        for (of, name, path) in kept_logs(&state.log()) {
            if of != number {
                continue;
            }
            let text = read(&path).unwrap_or_default();
            let shown = self.lines.entry(name.clone()).or_default();
            let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
            for line in whole.lines().skip(*shown) {
                *shown += 1;
                self.app.reporter.record(Event::Output {
                    source: &name,
                    stream: LogStream::Stdout,
                    line,
                });
            }
        }
    }

    /// Ends with what the followed command ended with.
    fn end(&self, holder: &Holder) -> Result<(), Error> {
        let Some((state, number)) = &self.release else {
            let message = format!(
                "`{}` ended before it began a release; how it ended is in its own output",
                holder.command
            );
            return Err(Error::new(ErrorKind::Check, message).hint("deployctl status"));
        };
        let releases = Releases::new(state);
        let record = releases.get(*number)?;
        let Some(kind) = kind(&record, &self.failed_stages(state, *number)) else {
            self.app
                .reporter
                .note(&format!("{} serves", crate::report::record::name(&record)));
            return Ok(());
        };
        let reason = record.reason.clone().unwrap_or_default();
        let message = format!("release {number} {}: {reason}", record.outcome);
        let error = Error::new(kind, message);
        Err(if record.outcome == Outcome::Running {
            error.hint("it was killed: deployctl recover")
        } else {
            error.hint(format!("deployctl history show {number}"))
        })
    }

    /// The stages of the steps that failed.
    fn failed_stages(&self, state: &StateDirectory, number: u32) -> Vec<StageKind> {
        let path = state.release(number).join("journal");
        let recorded = journal::read(&path).or_else(|_| journal::read(&state.journal()));
        let entries = recorded.map(|r| r.entries).unwrap_or_default();
        let failed = entries.iter().filter_map(|entry| match entry {
            Entry::StepFailed { number, .. } => find(&self.stages, *number).map(|(s, _, _)| s.kind),
            _ => None,
        });
        failed.collect()
    }
}

/// The kind of error that a release ended with; `None` for a success.
fn kind(record: &ReleaseRecord, failed: &[StageKind]) -> Option<ErrorKind> {
    match record.outcome {
        Outcome::Succeeded | Outcome::Adopted => None,
        Outcome::Degraded | Outcome::Running => Some(ErrorKind::Degraded),
        Outcome::Failed | Outcome::RolledBack => Some(match failed.first() {
            Some(StageKind::Backup | StageKind::Migrate) => ErrorKind::Job,
            Some(StageKind::Pull) => ErrorKind::Image,
            Some(StageKind::PutBack) => ErrorKind::Check,
            _ => ErrorKind::RolledBack,
        }),
    }
}

fn find(stages: &[Stage], number: u32) -> Option<(&Stage, &str, &PlannedStep)> {
    stages.iter().find_map(|stage| {
        stage.lanes.iter().find_map(|lane| {
            let step = lane.steps.iter().find(|s| s.number == number)?;
            Some((stage, lane.name.as_str(), step))
        })
    })
}

/// The newest release that has ended. One that has just begun has a folder before it has a journal.
fn newest_ended(state: &StateDirectory) -> u32 {
    let releases = Releases::new(state);
    let newest = releases.next_number().unwrap_or(1) - 1;
    let ended = || {
        state.release(newest).join("journal").exists()
            || releases
                .get(newest)
                .is_ok_and(|record| record.outcome != Outcome::Running)
    };
    if state.journal().exists() || !ended() {
        newest.saturating_sub(1)
    } else {
        newest
    }
}

/// The folders of all projects of a directory.
fn projects(directory: &Path) -> Vec<(PathBuf, StateDirectory)> {
    let entries = std::fs::read_dir(directory.join(".deployctl"));
    let folders = entries.into_iter().flatten().flatten();
    folders
        .filter(|e| e.path().is_dir())
        .filter_map(|e| {
            let name = e.file_name().to_string_lossy().into_owned();
            Some((e.path(), StateDirectory::open(directory, &name).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_has_just_begun_is_followed_and_not_taken_for_the_one_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = StateDirectory::open(directory.path(), "shop").expect("a state directory");
        assert_eq!(newest_ended(&state), 0);
        for number in [1, 2] {
            std::fs::create_dir_all(state.release(number)).expect("a folder");
        }
        std::fs::write(state.release(1).join("journal"), "").expect("written");
        assert_eq!(newest_ended(&state), 1, "2 has neither journal nor record");
        std::fs::write(state.journal(), "").expect("written");
        assert_eq!(newest_ended(&state), 1, "2 runs");
        std::fs::rename(state.journal(), state.release(2).join("journal")).expect("moved");
        assert_eq!(newest_ended(&state), 2);
    }
}
