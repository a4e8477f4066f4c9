//! A release from its beginning on disk to its end: what `deploy` and `rollback` have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::app::App;
use super::gap::Gaps;
use super::prepare::Prepared;
use super::{hooks, images};
use crate::engine::docker::DockerEngine;
use crate::error::{Error, ErrorKind, kind_of};
use crate::execute::{Execution, Failure, Finished, run};
use crate::plan::Options;
use crate::plan::observed::Observed;
use crate::project::Project;
use crate::state::journal::FORMAT;
use crate::state::{
    Beginning, DeployLock, Entry, Header, ImageRecord, Outcome, ReleaseKind, ReleaseRecord,
    ReleaseStore, Releases, StateDirectory, Store as _, StoredModel, release,
};

/// How many releases are kept, where `x-deployctl.keep_releases` says nothing.
const KEEP: usize = 5;

/// What a release is, beside its plan.
pub(super) struct Intention<'a> {
    pub kind: ReleaseKind,
    /// `deploy sha-abc123`.
    pub command: String,
    /// Why, as its maker says.
    pub note: Option<String>,
    /// Whose model a rollback takes.
    pub source: Option<u32>,
    /// The release that serves before.
    pub previous: Option<u32>,
    /// The number of the CI run, as `--unless-newer` gives it.
    pub run: Option<u64>,
    pub directory: &'a Path,
}

/// The owner's mark on containers: this host and this directory.
pub(super) fn mark(directory: &Path) -> String {
    let host = nix::unistd::gethostname()
        .map(|h| h.to_string_lossy().into_owned())
        .unwrap_or_default();
    format!("{host}:{}", directory.display())
}

/// Runs a prepared plan as a release; the exit code of a failure says which world stands.
pub(super) async fn execute(
    app: &App<'_>,
    lock: &DeployLock,
    engine: &DockerEngine,
    prepared: &Prepared,
    intention: &Intention<'_>,
) -> Result<u32, Error> {
    let state = app.state(intention.directory, &prepared.project.name)?;
    let releases = Releases::new(&state);
    let number = prepared.options.release;
    hooks::check(app, intention.directory)?;
    let info = crate::engine::Engine::info(engine).await?;
    let beginning = beginning(app, prepared, intention, info.id);
    let header = beginning.header.clone();
    let store = ReleaseStore::begin(
        lock,
        &state,
        &app.rollback_tag(intention.directory),
        &beginning,
    )?;
    let gaps = Gaps::over(app.reporter);
    app.notices.started(number, prepared.tag.as_deref());
    let mut facts = facts(&releases, prepared, intention);
    if let Some(before) = intention.before() {
        let ran = hooks::run(
            app,
            &store,
            intention.directory,
            &prepared.project,
            before,
            &facts,
        );
        if let Err(error) = ran.await {
            return Err(refused_by_hook(store, error));
        }
    }
    let execution = Execution {
        engine,
        store: &store,
        events: &gaps,
        project: &prepared.project,
        plan: &prepared.plan,
        header,
        cancel: app.cancel.clone(),
    };
    let finished = run(execution).await?;
    let updated = store.update_record(|record| {
        record.backup.clone_from(&finished.backup);
        record.gaps = gaps.take();
        for (name, image) in image_records(&prepared.project, &finished) {
            record.images.insert(name, image);
        }
    });
    if let Err(error) = updated {
        app.reporter.warning(&error.to_string());
    }
    let stands = finished.outcome == Outcome::Succeeded && finished.problems.is_empty();
    facts.outcome = Some(finished.outcome.to_string().replace(' ', "-"));
    facts.reason = finished.failed.as_ref().map(|f| f.failure.to_string());
    facts.backup.clone_from(&finished.backup);
    if let Some(after) = intention.after(stands) {
        let project = &prepared.project;
        let ran = hooks::run(app, &store, intention.directory, project, after, &facts);
        if let Err(error) = ran.await {
            app.reporter.warning(&error.to_string());
        }
    }
    store.finish()?;
    if finished.outcome == Outcome::Succeeded
        && let Err(error) = releases.prune(keep(&prepared.project))
    {
        app.reporter.warning(&error.to_string());
    }
    conclude(app, &state, number, &finished)
}

impl Intention<'_> {
    /// The hook before anything is touched.
    fn before(&self) -> Option<hooks::Moment> {
        match self.kind {
            ReleaseKind::Deploy => Some(hooks::Moment::PreDeploy),
            ReleaseKind::Rollback => Some(hooks::Moment::PreRollback),
            ReleaseKind::Adopted | ReleaseKind::Migration => None,
        }
    }

    /// The hook when everything is over.
    fn after(&self, stands: bool) -> Option<hooks::Moment> {
        match (self.kind, stands) {
            (ReleaseKind::Adopted | ReleaseKind::Migration, _) => None,
            (_, false) => Some(hooks::Moment::OnFailure),
            (ReleaseKind::Deploy, true) => Some(hooks::Moment::PostDeploy),
            (ReleaseKind::Rollback, true) => Some(hooks::Moment::PostRollback),
        }
    }
}

fn facts(releases: &Releases, prepared: &Prepared, intention: &Intention<'_>) -> hooks::Facts {
    let previous = intention.previous.and_then(|n| releases.get(n).ok());
    hooks::Facts {
        project: prepared.project.name.clone(),
        release: prepared.options.release,
        command: intention.command.clone(),
        tag: prepared.tag.clone(),
        previous_tag: previous.and_then(|r| r.tag),
        ..hooks::Facts::default()
    }
}

/// The release ends before it has touched anything.
fn refused_by_hook(store: ReleaseStore, error: Error) -> Error {
    let outcome = Outcome::Failed;
    let closed = store
        .record(outcome, Some(&error.to_string()))
        .and_then(|()| store.append(&Entry::Closed { outcome }))
        .and_then(|()| store.finish());
    match closed {
        Ok(()) => error,
        Err(failed) => failed.into(),
    }
}

/// An error unless the new release stands with nothing left to do.
fn conclude(
    app: &App<'_>,
    state: &StateDirectory,
    number: u32,
    finished: &Finished,
) -> Result<u32, Error> {
    let reason = finished
        .failed
        .as_ref()
        .map(|f| f.failure.to_string())
        .unwrap_or_default();
    let log = format!("the full output: {}", state.log().display());
    match finished.outcome {
        Outcome::Succeeded if finished.problems.is_empty() => return Ok(number),
        Outcome::Succeeded => {
            let message = format!(
                "release {number} serves, but not everything is done: {}",
                finished.problems.join("; ")
            );
            return Err(Error::new(ErrorKind::Degraded, message)
                .hint("mend what it names, then: deployctl recover"));
        }
        Outcome::Degraded => {
            let message = format!(
                "release {number} failed ({reason}), and going back failed, too: {}",
                finished.problems.join("; ")
            );
            return Err(Error::new(ErrorKind::Degraded, message)
                .hint("deployctl status, then: deployctl recover"));
        }
        _ => {}
    }
    let kind = finished
        .failed
        .as_ref()
        .map_or(ErrorKind::RolledBack, kind_of);
    let serves = match (finished.outcome, kind) {
        (_, ErrorKind::Job) => "the old containers were not touched; the database may have moved",
        (Outcome::RolledBack, _) => "the old containers are back",
        _ => "nothing that served was touched",
    };
    let mut error = Error::new(kind, format!("release {number} failed: {reason}; {serves}"));
    match finished.failed.as_ref().map(|f| f.failure.clone()) {
        Some(Failure::Pull(pull)) => error = error.hints(Error::from(pull).hints),
        Some(Failure::Engine(engine)) => error = error.hints(engine.remedy().map(str::to_owned)),
        _ => {}
    }
    if let Some(backup) = &finished.backup {
        app.reporter.note(&format!("backup taken before: {backup}"));
    }
    Err(error.hint(log))
}

fn beginning(
    app: &App<'_>,
    prepared: &Prepared,
    intention: &Intention<'_>,
    engine: String,
) -> Beginning {
    let environment: BTreeMap<String, String> = app.environment.clone().into_iter().collect();
    let number = prepared.options.release;
    let mut record = ReleaseRecord::begin(number, intention.kind, &environment);
    record.tag.clone_from(&prepared.tag);
    record.previous = intention.previous;
    record.source = intention.source;
    record.note.clone_from(&intention.note);
    record.run = intention.run;
    record.environment_keys = environment_keys(&prepared.project);
    record.content = content_items(&prepared.project);
    record.images = planned_images(&prepared.project, &prepared.options);
    Beginning {
        header: Header {
            format: FORMAT,
            binary: env!("CARGO_PKG_VERSION").to_owned(),
            engine,
            project: prepared.project.name.clone(),
            directory: intention.directory.to_owned(),
            release: number,
            command: intention.command.clone(),
            tag: prepared.tag.clone(),
            started: record.started.clone(),
            mark: prepared.options.mark.clone(),
        },
        record,
        model: stored_model(&prepared.project, &prepared.set),
        compose_file: crate::project::print::config_json(&prepared.project) + "\n",
    }
}

/// The model with `env_file` merged: a rollback must not depend on today's files.
pub(super) fn stored_model(project: &Project, set: &[(String, String)]) -> StoredModel {
    let mut project = project.clone();
    let names: Vec<String> = project
        .services
        .keys()
        .chain(project.disabled_services.keys())
        .cloned()
        .collect();
    for name in names {
        let environment = project.resolved_environment(&name);
        let services = if project.services.contains_key(&name) {
            &mut project.services
        } else {
            &mut project.disabled_services
        };
        if let Some(service) = services.get_mut(&name) {
            service.environment = environment;
            service.env_file.clear();
        }
    }
    StoredModel {
        format: release::FORMAT,
        set: set.iter().cloned().collect(),
        model: project.to_stored(),
    }
}

/// Fingerprints of each config, secret and mounted file, by service. What cannot be read is left out.
pub(super) fn content_items(project: &Project) -> BTreeMap<String, BTreeMap<String, String>> {
    let services = project.services.keys().filter_map(|name| {
        let found = project.content_fingerprint(name).ok()??;
        let items = found.items.into_iter().map(|i| (i.name, i.digest));
        Some((name.clone(), items.collect()))
    });
    services.collect()
}

fn environment_keys(project: &Project) -> Vec<String> {
    let keys: BTreeSet<String> = project
        .variable_uses
        .iter()
        .map(|u| u.name.clone())
        .collect();
    keys.into_iter().collect()
}

fn planned_images(project: &Project, options: &Options) -> BTreeMap<String, ImageRecord> {
    let records = images::services(project)
        .into_iter()
        .filter_map(|(name, service)| {
            let image = options.images.get(service.image.as_ref()?)?;
            let record = ImageRecord {
                reference: image.reference.clone(),
                digest: image.digest.clone(),
                id: image.id.clone().unwrap_or_default(),
            };
            Some((name.clone(), record))
        });
    records.collect()
}

fn image_records(project: &Project, finished: &Finished) -> Vec<(String, ImageRecord)> {
    let records = images::services(project)
        .into_iter()
        .filter_map(|(name, service)| {
            let image = finished
                .images
                .iter()
                .find(|i| Some(&i.reference) == service.image.as_ref())?;
            let id = image.id.clone()?;
            Some((
                name.clone(),
                ImageRecord {
                    reference: image.reference.clone(),
                    digest: image.digest.clone(),
                    id,
                },
            ))
        });
    records.collect()
}

/// Images that a rollback would need are held; those that no kept release needs can go.
pub(super) fn plan_images(
    releases: &Releases,
    project: &Project,
    observed: &Observed,
    options: &mut Options,
) -> Result<(), Error> {
    let running = observed
        .containers
        .iter()
        .filter(|c| c.is_running() && !c.is_oneoff());
    let hold: BTreeSet<String> = running.map(|c| c.image_id.clone()).collect();
    options.hold = hold.iter().cloned().collect();
    let records = releases.list()?;
    let mut served: Vec<&ReleaseRecord> = records.iter().filter(|r| r.serves()).collect();
    served.sort_by_key(|r| std::cmp::Reverse(r.number));
    // The release being made takes a place of its own.
    let (kept, gone) = served.split_at(served.len().min(keep(project).saturating_sub(1)));
    let ids = |records: &[&ReleaseRecord]| -> BTreeMap<String, String> {
        records
            .iter()
            .flat_map(|r| r.images.values())
            .map(|i| (i.id.clone(), i.reference.clone()))
            .collect()
    };
    let needed = ids(kept);
    let wanted: BTreeSet<&String> = options
        .images
        .values()
        .filter_map(|i| i.id.as_ref())
        .collect();
    let let_go = ids(gone).into_iter().filter(|(id, _)| {
        !id.is_empty() && !needed.contains_key(id) && !wanted.contains(id) && !hold.contains(id)
    });
    options.let_go = let_go
        .map(|(id, reference)| (id, vec![reference]))
        .collect();
    Ok(())
}

pub(super) fn keep(project: &Project) -> usize {
    let written = project
        .extensions
        .get("x-deployctl")
        .and_then(|x| x.get("keep_releases"))
        .and_then(serde_json::Value::as_u64);
    written
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(KEEP)
        // What serves, and what it replaced.
        .max(2)
}
