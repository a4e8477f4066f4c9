//! `history show N`: a release in full, with its log.

use std::fmt::Write as _;

use super::super::app::App;
use super::super::logs::{kept_logs, read};
use crate::error::Error;
use crate::report::{record, words};
use crate::state::{Entry, ReleaseRecord, Releases, StateDirectory, journal};

/// The record, what the journal says of its steps, and every line that was kept.
pub(super) fn print(
    app: &App<'_>,
    state: &StateDirectory,
    releases: &Releases,
    release: &ReleaseRecord,
) -> Result<(), Error> {
    let number = release.number;
    let mut logs = Vec::new();
    for (of, name, path) in kept_logs(&state.log()) {
        if of == number {
            logs.push((name, read(&path)?));
        }
    }
    let steps = steps(state, number);
    if app.reporter.json() {
        let logs: serde_json::Map<_, _> = logs
            .into_iter()
            .map(|(name, text)| (name, text.into()))
            .collect();
        let value = serde_json::json!({
            "release": release, "steps": steps, "logs": logs,
            "compose_file": releases.compose_file(number),
        });
        app.reporter.result(&format!("{value}\n"));
        return Ok(());
    }
    let mut text = head(release);
    let _ = writeln!(
        text,
        "compose file: {}",
        releases.compose_file(number).display()
    );
    for (service, image) in &release.images {
        let digest = image.digest.as_deref().unwrap_or(&image.id);
        let _ = writeln!(text, "image of {service}: {} {digest}", image.reference);
    }
    for (service, gap) in &release.gaps {
        let _ = writeln!(text, "gap of {service}: {gap} ms");
    }
    if !steps.is_empty() {
        text.push_str("steps:\n");
    }
    for step in &steps {
        let _ = writeln!(text, "  {step}");
    }
    for (name, log) in &logs {
        let _ = writeln!(text, "log of {name}:");
        for line in log.lines() {
            let _ = writeln!(text, "  | {line}");
        }
    }
    app.reporter.result(&text);
    Ok(())
}

fn head(release: &ReleaseRecord) -> String {
    let took = record::seconds(release).map(|s| format!(" in {s:.0} s"));
    let mut text = format!(
        "{}: {}, {}{}\nstarted: {} by {}\n",
        record::name(release),
        record::kind(release),
        release.outcome,
        took.unwrap_or_default(),
        record::moment(&release.started),
        record::who(release)
    );
    let lines = [
        ("from", record::ci(release)),
        ("reason", release.note.clone()),
        ("failed", release.reason.clone()),
        ("backup", release.backup.clone()),
        ("before", release.previous.map(|p| format!("release {p}"))),
    ];
    for (name, line) in lines {
        if let Some(line) = line {
            let _ = writeln!(text, "{name}: {line}");
        }
    }
    text
}

/// What the kept journal says; a release whose journal is gone has none.
fn steps(state: &StateDirectory, number: u32) -> Vec<String> {
    let Ok(recorded) = journal::read(&state.release(number).join("journal")) else {
        return Vec::new();
    };
    let mut planned = std::collections::BTreeMap::new();
    let mut said = Vec::new();
    for entry in recorded.entries {
        match entry {
            Entry::Planned { stages, .. } => {
                for step in stages
                    .into_iter()
                    .flat_map(|s| s.lanes)
                    .flat_map(|l| l.steps)
                {
                    planned.insert(step.number, words::step(&step.step));
                }
            }
            Entry::StepDone { number, .. } => said.extend(planned.get(&number).cloned()),
            Entry::StepFailed { number, message } => {
                let step = planned.get(&number).cloned().unwrap_or_default();
                said.push(format!("{step} failed: {message}"));
            }
            Entry::Committed => said.push("committed".to_owned()),
            Entry::Unwinding { reason } => said.push(format!("unwinding: {reason}")),
            Entry::UndoDone { number } => {
                let step = planned.get(&number).cloned().unwrap_or_default();
                said.push(format!("undone: {step}"));
            }
            Entry::HookEnded { name, failure } => said.push(match failure {
                Some(failure) => format!("hook {name} failed: {failure}"),
                None => format!("hook {name}"),
            }),
            Entry::Begin(_)
            | Entry::HookBegun { .. }
            | Entry::StepBegun { .. }
            | Entry::UndoBegun { .. }
            | Entry::Closed { .. } => {}
        }
    }
    said
}
