//! `migrate`: the jobs of profile `migrate` alone, in the history and with a journal, since nobody can tell what a
//! killed one has done.

use super::app::App;
use super::deploy::command_line;
use super::prepare::{self, Asked};
use super::recover::recover_unfinished;
use super::release::{self, Intention};
use super::repair::Leftovers;
use super::run::require_dependencies;
use crate::cli::MigrateArguments;
use crate::error::{Error, ErrorKind};
use crate::plan::graph;
use crate::plan::options::Intent;
use crate::plan::tag;
use crate::state::{ReleaseKind, Releases};

/// Lock, recover, load, observe, plan the jobs alone, run.
pub async fn run(app: &App<'_>, arguments: &MigrateArguments) -> Result<(), Error> {
    if let Some(asked) = &arguments.tag {
        tag::validate(asked)?;
    }
    let directory = app.locate()?.working_dir;
    let command = command_line("migrate", arguments.tag.as_deref());
    let lock = app.lock(&directory, &command).await?;
    let engine = app.engine().await?;
    recover_unfinished(app, &lock, &engine, &directory).await?;
    let asked = Asked {
        tag: arguments.tag.clone(),
        ..Asked::default()
    };
    let loaded = prepare::load(app, &asked).await?;
    if graph::profile_services(&loaded.project, "migrate").is_empty() {
        let error = Error::new(
            ErrorKind::Usage,
            "no service migrates: none is in profile `migrate`",
        );
        return Err(error.hint("give a service `profiles: [migrate]`, or call it `migrate`"));
    }
    let mark = release::mark(&directory);
    let prepared = prepare::with_intent(
        app,
        &engine,
        loaded,
        &asked,
        &mark,
        Leftovers::Mend,
        Intent::Migrate,
    )
    .await?;
    for job in graph::profile_services(&prepared.project, "migrate") {
        if let Some(service) = prepared.project.service(job) {
            require_dependencies(&prepared.project, &prepared.observed, service)?;
        }
    }
    prepare::check(app, &engine, &prepared).await?;
    let state = app.state(&directory, &prepared.project.name)?;
    let previous = Releases::new(&state).current()?.map(|r| r.number);
    let intention = Intention {
        kind: ReleaseKind::Migration,
        command,
        note: arguments.reason.clone(),
        source: None,
        previous,
        directory: &directory,
        run: None,
    };
    let number = release::execute(app, &lock, &engine, &prepared, &intention).await?;
    app.reporter.note(&format!(
        "migrated: {number} of the history; no service was touched"
    ));
    if app.reporter.json() {
        let result = serde_json::json!({"outcome": "migrated", "release": number});
        app.reporter.result(&format!("{result}\n"));
    }
    Ok(())
}
