//! `recover`: one world stands, verified, whichever it is.

use std::path::Path;

use super::app::App;
use super::prepare::{self, Asked};
use super::release;
use super::repair::Leftovers;
use crate::engine::Engine as _;
use crate::engine::docker::DockerEngine;
use crate::error::{Error, ErrorKind};
use crate::execute::{Journalled, recover};
use crate::state::{DeployLock, Outcome, ReleaseStore, StateDirectory, sweep, unfinished};

/// Works without a Compose file: the journal alone suffices.
pub async fn run(app: &App<'_>) -> Result<(), Error> {
    let directory = match app.locate() {
        Ok(location) => location.working_dir,
        Err(_) => app.directory()?,
    };
    let lock = app.lock(&directory, "recover").await?;
    let nothing = unfinished(&directory)?.is_empty();
    let engine = app.engine().await?;
    let lost = recover_unfinished(app, &lock, &engine, &directory).await?;
    // Where the files can be read they say whose containers to look for, should a journal be gone.
    if let Ok(loaded) = prepare::load(app, &Asked::default()).await {
        let mark = release::mark(&loaded.directory);
        let (project, tag) = (&loaded.project, loaded.tag_line()?);
        prepare::snapshot(app, &engine, project, tag.as_ref(), &mark, Leftovers::Mend).await?;
    }
    if !lost.is_empty() {
        return Err(Error::new(ErrorKind::Degraded, lost.join("; "))
            .hint("make it anew with what served: deployctl deploy TAG   (deployctl history)"));
    }
    if nothing {
        app.reporter
            .note("nothing to recover: no release is unfinished");
    }
    Ok(())
}

/// Finishes or undoes every unfinished release of a directory; returns what nothing brings back, because
/// somebody removed it: a deploy makes it anew.
pub(super) async fn recover_unfinished(
    app: &App<'_>,
    lock: &DeployLock,
    engine: &DockerEngine,
    directory: &Path,
) -> Result<Vec<String>, Error> {
    sweep(lock, directory);
    recover_journals(app, lock, engine, directory).await
}

/// The same, without clearing away what was left of releases that never began.
pub(super) async fn recover_journals(
    app: &App<'_>,
    lock: &DeployLock,
    engine: &DockerEngine,
    directory: &Path,
) -> Result<Vec<String>, Error> {
    let mut lost = Vec::new();
    for journal in unfinished(directory)? {
        let project = journal
            .parent()
            .and_then(Path::file_name)
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        lost.extend(one(app, lock, engine, directory, &project).await?);
    }
    for lost in &lost {
        app.reporter.warning(lost);
    }
    Ok(lost)
}

async fn one(
    app: &App<'_>,
    lock: &DeployLock,
    engine: &DockerEngine,
    directory: &Path,
    project: &str,
) -> Result<Vec<String>, Error> {
    let state = StateDirectory::open_or_create(directory, project)?;
    let (store, recorded) = ReleaseStore::recover(lock, &state, &app.rollback_tag(directory))?;
    let Some(journal) = Journalled::from_entries(recorded.entries) else {
        return Err(Error::new(
            ErrorKind::Degraded,
            format!("the journal `{}` has no header", state.journal().display()),
        ));
    };
    let info = engine.info().await?;
    if info.id != journal.header.engine {
        let message = format!(
            "the unfinished release {} belongs to another engine ({}) than this one ({})",
            journal.header.release, journal.header.engine, info.id
        );
        return Err(Error::new(ErrorKind::Check, message).hint("set DOCKER_HOST or DOCKER_CONTEXT as it was when that command ran, then: deployctl recover"));
    }
    let header = &journal.header;
    app.reporter.note(&format!(
        "recovering release {} of project {project} ({}, begun {})",
        header.release, header.command, header.started
    ));
    let finished = recover(engine, &store, app.reporter, &journal).await;
    store.finish()?;
    let number = journal.header.release;
    match finished.outcome {
        Outcome::Succeeded if finished.problems.is_empty() => app.reporter.note(&format!(
            "release {number} stands: it was committed, and is finished now"
        )),
        Outcome::RolledBack if finished.problems.is_empty() => app.reporter.note(&format!(
            "the old containers serve again: release {number} is undone"
        )),
        _ if std::fs::symlink_metadata(state.journal()).is_err() => {
            return Ok(finished.problems);
        }
        _ => {
            let message = format!(
                "release {number} could not be brought to an end: {}",
                finished.problems.join("; ")
            );
            return Err(Error::new(ErrorKind::Degraded, message)
                .hint("mend what it names, then: deployctl recover"));
        }
    }
    Ok(Vec::new())
}
