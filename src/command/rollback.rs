//! `rollback`: back to a release of the history, with its own model and its images by digest.

use std::path::Path;

use super::app::App;
use super::deploy::{command_line, succeeded};
use super::prepare::{self, Asked, Prepared};
use super::recover::recover_unfinished;
use super::release::{self, Intention};
use super::repair::Leftovers;
use super::{deploy, images, schema};
use crate::cli::{DeployArguments, RollbackArguments};
use crate::engine::docker::DockerEngine;
use crate::error::{Error, ErrorKind};
use crate::plan::options::{Intent, Orphans};
use crate::plan::{Options, tag};
use crate::project::Project;
use crate::state::{
    DeployLock, ReleaseKind, ReleaseRecord, Releases, StateDirectory, read_rollback_tag,
};

/// Where to go.
enum Target {
    /// A release of the history.
    Release(Box<ReleaseRecord>),
    /// Today's files with a tag.
    Tag(String),
}

/// Lock, recover, find the release, plan from its model, check, run.
pub async fn run(app: &App<'_>, arguments: &RollbackArguments) -> Result<(), Error> {
    let result = run_once(app, arguments).await;
    if arguments.summary {
        let command = command_line("rollback", arguments.target.as_deref());
        super::summary::print(app, &command, &result).await;
    }
    result
}

async fn run_once(app: &App<'_>, arguments: &RollbackArguments) -> Result<(), Error> {
    let directory = app.locate()?.working_dir;
    let command = command_line("rollback", arguments.target.as_deref());
    let lock = app.lock(&directory, &command).await?;
    let engine = app.engine().await?;
    recover_unfinished(app, &lock, &engine, &directory).await?;
    let today = prepare::load(app, &Asked::default()).await;
    let project = match &today {
        Ok(loaded) => loaded.project.name.clone(),
        Err(_) => only_project(&directory)?,
    };
    let state = StateDirectory::open(&directory, &project)?;
    let releases = Releases::new(&state);
    match target(app, arguments, &directory, &releases)? {
        Target::Release(record) => {
            to_release(
                app,
                arguments,
                &directory,
                &lock,
                &engine,
                &releases,
                &record,
                today.ok(),
                command,
            )
            .await
        }
        Target::Tag(tag) => {
            drop((lock, engine));
            let arguments = DeployArguments {
                tag: Some(tag),
                reason: arguments.reason.clone(),
                ..DeployArguments::default()
            };
            deploy::run(app, &arguments).await
        }
    }
}

fn target(
    app: &App<'_>,
    arguments: &RollbackArguments,
    directory: &Path,
    releases: &Releases,
) -> Result<Target, Error> {
    if let (true, Some(asked)) = (arguments.tag_only, &arguments.target) {
        return Ok(Target::Tag(asked.clone()));
    }
    if let Some(asked) = &arguments.target {
        let found = releases.find(asked)?;
        return found.map(|r| Target::Release(Box::new(r))).ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                format!("the history knows no release `{asked}`"),
            )
            .hint("deployctl history")
            .hint(format!(
                "deployctl rollback {asked} --tag-only   (today's files with that tag)"
            ))
        });
    }
    if let Some(previous) = releases.current()?.and_then(|current| current.previous) {
        return Ok(Target::Release(Box::new(releases.get(previous)?)));
    }
    match read_rollback_tag(&app.rollback_tag(directory))? {
        Some(tag) => Ok(Target::Tag(tag)),
        None => Err(
            Error::new(ErrorKind::Usage, "there is no release before this one")
                .hint("deployctl history"),
        ),
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "what was found out while the lock was held"
)]
async fn to_release(
    app: &App<'_>,
    arguments: &RollbackArguments,
    directory: &Path,
    lock: &DeployLock,
    engine: &DockerEngine,
    releases: &Releases,
    record: &ReleaseRecord,
    today: Option<prepare::Loaded>,
    command: String,
) -> Result<(), Error> {
    schema::check(
        app,
        releases.directory(),
        record,
        arguments.across_migration,
    )?;
    let stored = releases.model(record.number)?;
    let mut project =
        Project::from_stored(stored.model).map_err(|e| Error::new(ErrorKind::Invalid, e))?;
    if let (true, Some(today)) = (arguments.current_env, &today) {
        take_todays_values(&mut project, &today.project);
    }
    app.notices.prepare(app, &project, &command)?;
    let mark = release::mark(directory);
    let observed = prepare::snapshot(app, engine, &project, None, &mark, Leftovers::Mend).await?;
    let images = images::recorded(engine, &project, &record.images).await?;
    let variable = today
        .as_ref()
        .and_then(|t| t.variable.clone())
        .or_else(|| tag::variable(&project).ok());
    let serving = variable
        .as_deref()
        .and_then(|v| tag::serving(&project, &observed, v));
    // Where its containers are gone the history says what served last.
    let served_last = releases.current()?.and_then(|r| r.tag);
    let env_file = today
        .as_ref()
        .and_then(|t| t.env_file.clone())
        .or_else(|| project.env_files.last().cloned())
        .or_else(|| project.default_env_file.clone());
    let options = Options {
        mark: mark.clone(),
        seed: format!("{mark}{}", jiff::Timestamp::now()),
        intent: Intent::Rollback,
        orphans: Orphans::Report,
        timeout: app.globals.timeout,
        job_timeout: app.globals.job_timeout,
        rollback_tag: prepare::rollback_tag(
            serving.clone().or(served_last).as_deref(),
            record.tag.as_deref(),
            &project,
            &observed,
            variable.as_deref(),
        ),
        content: prepare::content(&project)?,
        tag: prepare::tag_change(
            env_file.as_deref(),
            variable.as_deref(),
            record.tag.as_deref(),
            serving.as_deref(),
        )?,
        images,
        env_file,
        ..Options::default()
    };
    let set: Vec<(String, String)> = stored.set.into_iter().collect();
    let prepared = prepare::plan(
        engine,
        directory,
        project,
        observed,
        options,
        record.tag.clone(),
        set,
    )
    .await?;
    prepare::check(app, engine, &prepared).await?;
    if prepared.plan.changes.is_empty() {
        app.reporter.note(&format!(
            "nothing to do: release {} serves already",
            record.number
        ));
        return Ok(());
    }
    let intention = Intention {
        kind: ReleaseKind::Rollback,
        command,
        note: arguments.reason.clone(),
        source: Some(record.source.unwrap_or(record.number)),
        previous: releases.current()?.map(|r| r.number),
        run: None,
        directory,
    };
    let number = release::execute(app, lock, engine, &prepared, &intention).await?;
    succeeded(app, number, &prepared);
    say_what_differs(app, today.as_ref(), &prepared, releases, number);
    Ok(())
}

/// What serves is not what today's files say: CI may have pulled the repository.
fn say_what_differs(
    app: &App<'_>,
    today: Option<&prepare::Loaded>,
    prepared: &Prepared,
    releases: &Releases,
    number: u32,
) {
    let Some(today) = today else { return };
    let differs = |name: &String| {
        let ids = crate::project::ServiceReferences::new();
        let (then, now) = (
            prepared.project.config_hash(name, &ids),
            today.project.config_hash(name, &ids),
        );
        let image = |p: &Project| p.service(name).and_then(|s| s.image.clone());
        then != now && image(&prepared.project) == image(&today.project)
    };
    let services: Vec<&String> = prepared
        .project
        .services
        .keys()
        .filter(|n| differs(n))
        .collect();
    if !services.is_empty() {
        let names: Vec<&str> = services.iter().map(|s| s.as_str()).collect();
        app.reporter.warning(&format!(
            "today's compose file says something else of {}; what serves is in {}: docker compose -f {} …",
            names.join(", "),
            releases.compose_file(number).display(),
            releases.compose_file(number).display()
        ));
    }
    for (name, service) in &prepared.project.services {
        let now = today.project.resolved_environment(name);
        let keys: Vec<&str> = service
            .environment
            .iter()
            .filter(|(k, v)| now.get(*k).is_some_and(|n| n != *v))
            .map(|(k, _)| k.as_str())
            .collect();
        if !keys.is_empty() {
            app.reporter.note(&format!("{name}: variables with another value than today's: {} (`--current-env` takes today's)", keys.join(", ")));
        }
    }
}

fn take_todays_values(project: &mut Project, today: &Project) {
    for (name, service) in project
        .services
        .iter_mut()
        .chain(project.disabled_services.iter_mut())
    {
        let now = today.resolved_environment(name);
        for (key, value) in &mut service.environment {
            if let Some(current) = now.get(key) {
                value.clone_from(current);
            }
        }
        service.resolved_environment = None;
    }
}

/// The project of a directory whose compose file cannot be read: the only one that has a history there.
fn only_project(directory: &Path) -> Result<String, Error> {
    let entries = std::fs::read_dir(directory.join(".deployctl"))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter(|e| e.path().is_dir() && e.file_name() != "hooks")
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    match names.len() {
        1 => Ok(names.remove(0)),
        _ => Err(Error::new(
            ErrorKind::Invalid,
            "the compose file cannot be read, and no single project has a history here",
        )
        .hint("deployctl config")),
    }
}
