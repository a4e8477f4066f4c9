//! `--summary`: how a release went, in Markdown, for the page of a CI run.

use std::fmt::Write as _;

use super::app::App;
use super::prepare::{self, Asked};
use crate::error::Error;
use crate::report::record;
use crate::state::{ReleaseRecord, Releases, StateDirectory};

/// Prints it to standard output, whichever way the command ended.
pub(super) async fn print(app: &App<'_>, command: &str, result: &Result<(), Error>) {
    // What cannot be loaded has no history to tell of.
    let record = newest(app).await;
    app.reporter
        .outcome(&text(command, record.as_ref(), result));
}

async fn newest(app: &App<'_>) -> Option<ReleaseRecord> {
    let (loaded, _) = prepare::load_quietly(app, &Asked::default()).await.ok()?;
    let state = StateDirectory::open(&loaded.directory, &loaded.project.name).ok()?;
    Releases::new(&state).list().ok()?.pop()
}

fn text(command: &str, record: Option<&ReleaseRecord>, result: &Result<(), Error>) -> String {
    let mut text = match result {
        Ok(()) => format!("### {command}: done\n\n"),
        Err(error) => format!(
            "### {command}: failed (exit code {})\n\n{}\n\n",
            error.kind as u8,
            quoted(&error.to_string())
        ),
    };
    if let Err(error) = result {
        for hint in &error.hints {
            let _ = writeln!(text, "- `{hint}`");
        }
        text.push('\n');
    }
    let Some(record) = record else {
        return text;
    };
    let _ = writeln!(text, "| | |\n|---|---|");
    let took = record::seconds(record).map(|s| format!(" in {s:.0} s"));
    let rows = [
        (
            "release",
            Some(format!(
                "{}: {}{}",
                record::name(record),
                record.outcome,
                took.unwrap_or_default()
            )),
        ),
        ("by", Some(record::who(record))),
        ("from", record::ci(record)),
        ("reason", record.note.clone()),
        ("failed", record.reason.clone()),
        ("backup", record.backup.clone()),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            let _ = writeln!(text, "| {name} | {} |", cell(&value));
        }
    }
    for (service, image) in &record.images {
        let _ = writeln!(text, "| `{service}` | `{}` |", cell(&image.reference));
    }
    text
}

fn quoted(text: &str) -> String {
    format!("> {}", text.replace('\n', "\n> "))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::error::ErrorKind;
    use crate::state::ReleaseKind;

    #[test]
    fn a_failure_says_why_and_what_to_type() {
        let mut record = ReleaseRecord::begin(7, ReleaseKind::Deploy, &BTreeMap::new());
        record.tag = Some("v2".into());
        record.reason = Some("a | b".into());
        let error = Error::new(ErrorKind::RolledBack, "it failed\ntwice").hint("deployctl status");
        let text = text("deploy v2", Some(&record), &Err(error));
        assert!(text.starts_with("### deploy v2: failed (exit code 8)\n\n> it failed\n> twice\n"));
        assert!(text.contains("- `deployctl status`\n"), "{text}");
        assert!(
            text.contains("| release | release 7 (v2): unfinished |"),
            "{text}"
        );
        assert!(text.contains("| failed | a \\| b |"), "{text}");
    }
}
