//! `deploy`: every service of the project on the new release, or every one back on its old container.

use std::path::Path;

use futures_util::future::join;

use super::app::App;
use super::images;
use super::prepare::{self, Asked, Prepared};
use super::recover::recover_journals;
use super::release::{self, Intention};
use super::repair::Leftovers;
use crate::cli::DeployArguments;
use crate::engine::Scope;
use crate::error::{Error, ErrorKind};
use crate::plan::step::{Action, Step, VariableValue};
use crate::plan::tag;
use crate::state::{Outcome, ReleaseKind, ReleaseRecord, Releases, set_variable, sweep};

/// Lock, recover, load, observe, plan, check, run.
pub async fn run(app: &App<'_>, arguments: &DeployArguments) -> Result<(), Error> {
    let result = run_once(app, arguments).await;
    if arguments.summary {
        let command = command_line("deploy", arguments.tag.as_deref());
        super::summary::print(app, &command, &result).await;
    }
    result
}

async fn run_once(app: &App<'_>, arguments: &DeployArguments) -> Result<(), Error> {
    if let Some(asked) = &arguments.tag {
        tag::validate(asked)?;
    }
    let directory = app.locate()?.working_dir;
    let command = command_line("deploy", arguments.tag.as_deref());
    let lock = app.lock(&directory, &command).await?;
    let engine = app.engine().await?;
    recover_journals(app, &lock, &engine, &directory).await?;
    let asked = Asked {
        tag: arguments.tag.clone(),
        services: arguments.services.clone(),
        set: arguments.set.clone(),
        remove_orphans: arguments.remove_orphans,
    };
    let ahead = Scope {
        strangers: true,
        resources: true,
        ..Scope::default()
    };
    let load = async {
        // The requests are on their way before a file is read.
        tokio::task::yield_now().await;
        sweep(&lock, &directory);
        let loaded = prepare::load(app, &asked).await;
        if let Ok(loaded) = &loaded {
            let references = images::references(&loaded.project);
            engine.look_ahead_for(&references).await;
        }
        loaded
    };
    let ((), loaded) = join(engine.look_ahead(&ahead), load).await;
    let loaded = loaded?;
    app.notices.prepare(app, &loaded.project, &command)?;
    if let Some(run) = arguments.unless_newer {
        refuse_an_older_run(app, &directory, &loaded.project.name, run)?;
    }
    let mark = release::mark(&directory);
    let mut prepared =
        prepare::deploy(app, &engine, loaded, &asked, &mark, Leftovers::Mend).await?;
    prepare::check(app, &engine, &prepared).await?;
    if prepared.plan.changes.is_empty() {
        let done = nothing_to_do(app, &directory, &prepared);
        // The process ends: to give hundreds of services and containers back piece by piece takes time for nothing.
        std::mem::forget(prepared);
        return done;
    }
    let previous = adopt_what_serves(app, &directory, &mut prepared).await?;
    let intention = Intention {
        kind: ReleaseKind::Deploy,
        command,
        note: arguments.reason.clone(),
        source: None,
        previous,
        run: arguments.unless_newer,
        directory: &directory,
    };
    let number = release::execute(app, &lock, &engine, &prepared, &intention).await?;
    succeeded(app, number, &prepared);
    Ok(())
}

/// Of two runs that waited for the lock the older one may come last.
fn refuse_an_older_run(
    app: &App<'_>,
    directory: &Path,
    project: &str,
    run: u64,
) -> Result<(), Error> {
    let records = Releases::new(&app.state(directory, project)?).list()?;
    let newest = records.iter().filter(|r| r.serves()).max_by_key(|r| r.run);
    let Some((newer, record)) = newest.and_then(|r| Some((r.run.filter(|n| *n > run)?, r))) else {
        return Ok(());
    };
    let tag = record.tag.as_deref().unwrap_or("the files as they were");
    let message = format!("run {run} is older than run {newer}, which has deployed {tag}");
    Err(Error::new(ErrorKind::Check, message)
        .hint("to deploy it all the same, leave `--unless-newer` out"))
}

/// `deploy sha-abc123`, for the lock and the history.
pub(super) fn command_line(command: &str, argument: Option<&str>) -> String {
    argument.map_or_else(|| command.to_owned(), |a| format!("{command} {a}"))
}

/// No container changes; the tag line is mended where it is behind.
fn nothing_to_do(app: &App<'_>, directory: &Path, prepared: &Prepared) -> Result<(), Error> {
    let state = app.state(directory, &prepared.project.name)?;
    let releases = Releases::new(&state);
    for step in prepared.plan.steps() {
        if let Step::WriteVariable {
            file,
            name,
            value,
            missing,
        } = &step.step
        {
            let value = match value {
                VariableValue::Tag(tag) => tag.clone(),
                VariableValue::InRelease(_) => prepared
                    .set
                    .iter()
                    .find(|(n, _)| n == name)
                    .map(|(_, v)| v.clone())
                    .unwrap_or_default(),
            };
            let backup = state.log().join("env.before");
            set_variable(file, name, &value, *missing, &backup).map_err(|e| {
                let hints = e.hints();
                Error::new(ErrorKind::Check, e).hints(hints)
            })?;
            app.reporter
                .note(&format!("{name} written to {}", file.display()));
        }
    }
    let serves = prepared
        .observed
        .containers
        .iter()
        .any(|c| c.is_running() && !c.is_oneoff());
    if serves && releases.current()?.is_none() {
        adopt(
            app,
            &releases,
            prepared,
            prepared.tag.clone(),
            &prepared.project,
        )?;
    }
    app.reporter
        .note("nothing to do: everything is as it should be");
    if app.reporter.json() {
        app.reporter.outcome("{\"outcome\":\"nothing-to-do\"}\n");
    }
    Ok(())
}

/// The release that serves before: the newest of the history, or one made of what runs already.
async fn adopt_what_serves(
    app: &App<'_>,
    directory: &Path,
    prepared: &mut Prepared,
) -> Result<Option<u32>, Error> {
    let state = app.state(directory, &prepared.project.name)?;
    let releases = Releases::new(&state);
    if let Some(current) = releases.current()? {
        return Ok(Some(current.number));
    }
    let serving = prepared
        .options
        .tag
        .as_ref()
        .and_then(|t| t.serving.clone());
    let runs = prepared
        .observed
        .containers
        .iter()
        .any(|c| c.is_running() && !c.is_oneoff());
    let (true, Some(serving), Some(variable)) = (
        runs,
        serving,
        prepared.options.tag.as_ref().map(|t| t.variable.clone()),
    ) else {
        return Ok(None);
    };
    // Today's files with the tag that serves: the model of the days before, as near as can be known.
    let Ok((_, project)) = app
        .load([(variable, serving.clone())].into_iter().collect())
        .await
    else {
        return Ok(None);
    };
    let number = adopt(app, &releases, prepared, Some(serving), &project)?;
    prepared.options.release = number + 1;
    prepared.plan =
        crate::plan::reconcile(&prepared.project, &prepared.observed, &prepared.options)?;
    Ok(Some(number))
}

fn adopt(
    app: &App<'_>,
    releases: &Releases,
    prepared: &Prepared,
    tag: Option<String>,
    project: &crate::project::Project,
) -> Result<u32, Error> {
    let number = releases.next_number()?;
    let environment = app.environment.clone().into_iter().collect();
    let mut record = ReleaseRecord::begin(number, ReleaseKind::Adopted, &environment);
    record.outcome = Outcome::Adopted;
    record.finished = Some(record.started.clone());
    for container in prepared
        .observed
        .containers
        .iter()
        .filter(|c| c.is_running() && !c.is_oneoff())
    {
        let repository = crate::plan::registry::repository(&container.image);
        let digests = prepared
            .observed
            .images
            .values()
            .find(|i| i.id == container.image_id)
            .map(|i| i.repo_digests.clone());
        let digest = digests.unwrap_or_default().iter().find_map(|d| {
            d.strip_prefix(repository)?
                .strip_prefix('@')
                .map(str::to_owned)
        });
        let image = crate::state::ImageRecord {
            reference: container.image.clone(),
            digest,
            id: container.image_id.clone(),
        };
        record.images.insert(container.service().to_owned(), image);
    }
    record.tag.clone_from(&tag);
    let variable = prepared.options.tag.as_ref().map(|t| t.variable.clone());
    let set: Vec<(String, String)> = variable.into_iter().zip(tag).collect();
    releases.write_model(number, &release::stored_model(project, &set))?;
    releases.write_compose_file(
        number,
        &(crate::project::print::config_json(project) + "\n"),
    )?;
    releases.write(&record)?;
    Ok(number)
}

/// Says what serves now.
pub(super) fn succeeded(app: &App<'_>, number: u32, prepared: &Prepared) {
    let changed = prepared
        .plan
        .changes
        .iter()
        .filter(|c| c.action != Action::Run)
        .count();
    let tag = prepared
        .tag
        .as_deref()
        .map(|t| format!(" ({t})"))
        .unwrap_or_default();
    let containers = if changed == 1 {
        "container"
    } else {
        "containers"
    };
    app.reporter.note(&format!(
        "release {number}{tag} serves; {changed} {containers} changed"
    ));
    if app.reporter.json() {
        let result =
            serde_json::json!({"outcome": "succeeded", "release": number, "tag": prepared.tag});
        app.reporter.outcome(&format!("{result}\n"));
    }
}
