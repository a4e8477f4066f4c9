//! Whether the way back crosses a change of the database's schema, as far as `x-deployctl.schema` tells.
//!
//! What its command printed is kept with the output of the release's jobs, written as it came: it is there after
//! a kill, too.

use std::path::{Path, PathBuf};

use super::app::App;
use crate::error::{Error, ErrorKind};
use crate::plan::spec::{SCHEMA_AFTER, SCHEMA_BEFORE};
use crate::state::{ReleaseRecord, Releases, StateDirectory};

/// Refuses a rollback over a change, unless it is asked for; says what was backed up before it.
pub(super) fn check(
    app: &App<'_>,
    state: &StateDirectory,
    target: &ReleaseRecord,
    across: bool,
) -> Result<(), Error> {
    let states = states(&state.log());
    let Some((_, now)) = states.last() else {
        return Ok(());
    };
    let wanted = target.source.unwrap_or(target.number);
    let Some((_, then)) = states.iter().rfind(|(number, _)| *number <= wanted) else {
        return Ok(());
    };
    if then == now && *now != State::Unknown {
        return Ok(());
    }
    let changed = states
        .iter()
        .find(|(number, state)| *number > wanted && state != then)
        .map_or(wanted, |(number, _)| *number);
    let backup = backup(state, changed)?;
    if across {
        for line in backup {
            app.reporter.note(&line);
        }
        return Ok(());
    }
    let message = format!(
        "release {changed} changed the database's schema ({}), and release {} was made for another ({})",
        shown(now),
        target.number,
        shown(then)
    );
    Err(Error::new(ErrorKind::Check, message).hints(backup).hint(
        "if the old code can work with the new schema: deployctl rollback --across-migration",
    ))
}

/// What the schema was after a release's migration.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// As the command printed it.
    Known(String),
    /// The migration began, and nobody asked afterwards.
    Unknown,
}

/// Number and schema of every release that migrated, oldest first.
fn states(folder: &Path) -> Vec<(u32, State)> {
    let mut states: Vec<(u32, State)> = numbers(folder, SCHEMA_BEFORE)
        .into_iter()
        .map(|number| {
            let after = std::fs::read_to_string(log(folder, number, SCHEMA_AFTER)).ok();
            let state = after.map_or(State::Unknown, |text| State::Known(text.trim().to_owned()));
            (number, state)
        })
        .collect();
    states.sort_by_key(|(number, _)| *number);
    states
}

fn numbers(folder: &Path, name: &str) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| {
        let file = entry.file_name().to_string_lossy().into_owned();
        let number = file.strip_suffix(&tail(name))?;
        number.parse().ok()
    });
    numbers.collect()
}

fn log(folder: &Path, number: u32, name: &str) -> PathBuf {
    folder.join(format!("{number}{}", tail(name)))
}

/// As the store names the output of a lane.
fn tail(name: &str) -> String {
    format!("-{}.log", name.replace(':', "_"))
}

/// The lines with which a backup job says where it is, and how it is brought back.
fn backup(state: &StateDirectory, release: u32) -> Result<Vec<String>, Error> {
    let record = Releases::new(state).get(release)?;
    let Some(place) = record.backup else {
        return Ok(vec![format!(
            "no backup was taken before release {release}"
        )]);
    };
    let mut lines = vec![format!(
        "the backup taken before release {release}: backup={place}"
    )];
    let entries = std::fs::read_dir(state.log())
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries {
        let of_release = entry
            .file_name()
            .to_string_lossy()
            .starts_with(&format!("{release}-"));
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        if of_release
            && text
                .lines()
                .any(|l| l.strip_prefix("backup=").is_some_and(|b| b.trim() == place))
        {
            let restore = text.lines().filter_map(|l| l.strip_prefix("restore="));
            lines.extend(restore.map(|l| format!("bring it back with: {}", l.trim())));
        }
    }
    Ok(lines)
}

fn shown(state: &State) -> String {
    match state {
        State::Known(text) => {
            let first = text.lines().next().unwrap_or_default();
            let short: String = first.chars().take(40).collect();
            format!("`{short}`")
        }
        State::Unknown => "unknown: its migration did not end".to_owned(),
    }
}
