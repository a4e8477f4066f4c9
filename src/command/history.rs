//! `history`: the releases, newest first; one of them in full; what differs between two.

mod difference;
mod show;

use super::app::App;
use super::prepare::{self, Asked};
use crate::cli::oncall::{HistoryAction, HistoryArguments};
use crate::error::{Error, ErrorKind};
use crate::report::{record, table};
use crate::state::{ReleaseRecord, Releases, StateDirectory};

/// Reads the records and prints them.
pub async fn run(app: &App<'_>, arguments: &HistoryArguments) -> Result<(), Error> {
    let loaded = prepare::load(app, &Asked::default()).await?;
    let state = StateDirectory::open(&loaded.directory, &loaded.project.name)?;
    let releases = Releases::new(&state);
    match &arguments.action {
        None => list(app, &releases, arguments.number),
        Some(HistoryAction::Diff { from, to }) => {
            let (from, to) = (find(&releases, from)?, find(&releases, to)?);
            difference::print(app, &releases, &from, &to)
        }
        Some(HistoryAction::Show { release }) => {
            show::print(app, &state, &releases, &find(&releases, release)?)
        }
    }
}

fn find(releases: &Releases, asked: &str) -> Result<ReleaseRecord, Error> {
    releases.find(asked)?.ok_or_else(|| {
        let message = format!("no release `{asked}` in the history");
        Error::new(ErrorKind::Usage, message).hint("deployctl history")
    })
}

fn list(app: &App<'_>, releases: &Releases, number: usize) -> Result<(), Error> {
    let mut records = releases.list()?;
    for error in releases.damaged()? {
        app.reporter
            .warning(&format!("{error}; {}", error.hints().join("; ")));
    }
    records.sort_by_key(|r| std::cmp::Reverse(r.number));
    records.truncate(number);
    if app.reporter.json() {
        let text = serde_json::to_string(&records).unwrap_or_default();
        app.reporter.result(&format!("{text}\n"));
        return Ok(());
    }
    if records.is_empty() {
        app.reporter.note("no releases yet");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    app.reporter.result(&table::render(
        &[
            "RELEASE", "TAG", "WHAT", "OUTCOME", "STARTED", "SECONDS", "WHO", "CI", "WHY",
        ],
        &rows,
    ));
    Ok(())
}

fn row(record: &ReleaseRecord) -> Vec<String> {
    vec![
        record.number.to_string(),
        record.tag.clone().unwrap_or_default(),
        record::kind(record),
        record.outcome.to_string(),
        record::moment(&record.started),
        record::seconds(record)
            .map(|s| format!("{s:.0}"))
            .unwrap_or_default(),
        record::who(record),
        run_number(record),
        record
            .note
            .clone()
            .or_else(|| record.reason.clone())
            .unwrap_or_default(),
    ]
}

/// The last part of a run's address: a table has no room for more.
fn run_number(record: &ReleaseRecord) -> String {
    let run = record.origin.ci_run.as_deref().unwrap_or_default();
    let last = run.trim_end_matches('/').rsplit('/').next();
    last.unwrap_or_default().to_owned()
}
