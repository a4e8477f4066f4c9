//! `history`: the releases, newest first.

use super::app::App;
use super::prepare::{self, Asked};
use crate::cli::HistoryArguments;
use crate::error::Error;
use crate::report::table;
use crate::state::{ReleaseKind, ReleaseRecord, Releases, StateDirectory};

/// Reads the records and prints them.
pub async fn run(app: &App<'_>, arguments: &HistoryArguments) -> Result<(), Error> {
    let loaded = prepare::load(app, &Asked::default()).await?;
    let state = StateDirectory::open(&loaded.directory, &loaded.project.name)?;
    let mut records = Releases::new(&state).list()?;
    records.sort_by_key(|r| std::cmp::Reverse(r.number));
    records.truncate(arguments.number);
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
            "RELEASE", "TAG", "WHAT", "OUTCOME", "STARTED", "SECONDS", "USER", "WHY",
        ],
        &rows,
    ));
    Ok(())
}

fn row(record: &ReleaseRecord) -> Vec<String> {
    let what = match (record.kind, record.source) {
        (ReleaseKind::Deploy, _) => "deploy".to_owned(),
        (ReleaseKind::Migration, _) => "migrate".to_owned(),
        (ReleaseKind::Adopted, _) => "adopted".to_owned(),
        (ReleaseKind::Rollback, Some(source)) => format!("rollback to {source}"),
        (ReleaseKind::Rollback, None) => "rollback".to_owned(),
    };
    vec![
        record.number.to_string(),
        record.tag.clone().unwrap_or_default(),
        what,
        record.outcome.to_string(),
        record
            .started
            .get(..19)
            .unwrap_or(&record.started)
            .replace('T', " "),
        seconds(record)
            .map(|s| format!("{s:.0}"))
            .unwrap_or_default(),
        record.user.clone(),
        record
            .note
            .clone()
            .or_else(|| record.reason.clone())
            .unwrap_or_default(),
    ]
}

fn seconds(record: &ReleaseRecord) -> Option<f64> {
    let started: jiff::Timestamp = record.started.parse().ok()?;
    let finished: jiff::Timestamp = record.finished.as_ref()?.parse().ok()?;
    Some(finished.duration_since(started).as_secs_f64())
}
