//! `run`: a one-off container of a service, as `docker compose run` makes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;

use super::app::App;
use super::prepare::{self, Asked};
use super::release;
use super::services;
use super::session::{self, Ended, Peer};
use crate::cli::RunArguments;
use crate::engine::docker::DockerEngine;
use crate::engine::{CreateRequest, Engine as _, Terminal};
use crate::error::{Error, ErrorKind};
use crate::execute::labels;
use crate::plan::build::Draft;
use crate::plan::observed::Observed;
use crate::plan::spec::{ContainerSpec, label};
use crate::plan::step::ContainerRef;
use crate::plan::{Options, graph};
use crate::project::Project;
use crate::project::model::{DependencyCondition, Service};

/// Creates, attaches, starts, waits, removes.
pub async fn run(app: &App<'_>, arguments: &RunArguments) -> Result<u8, Error> {
    let loaded = prepare::load(app, &Asked::default()).await?;
    let project = &loaded.project;
    services::require(project, std::slice::from_ref(&arguments.service))?;
    let engine = app.engine().await?;
    let observed = prepare::observe(&engine, project).await?;
    let mark = release::mark(&loaded.directory);
    if !app.globals.adopt {
        crate::plan::owner::check(project, &observed.containers, &mark)?;
    }
    let service = service(project, arguments)?;
    if !arguments.no_deps {
        require_dependencies(project, &observed, &service)
            .map_err(|error| error.hint("or leave it out: --no-deps"))?;
    }
    let image = service.image.clone().unwrap_or_default();
    let image_id = local_image(app, &engine, &image, service.platform.as_deref()).await?;
    let terminal = session::terminal(arguments.process.no_tty);
    let (spec, references) = spec(project, &observed, arguments, &service, terminal, mark);
    let request = CreateRequest {
        project,
        spec: &spec,
        image,
        labels: labels(project, &spec, &references, &image_id),
        references,
    };
    let created = engine.create_container(&request).await?;
    for warning in &created.warnings {
        app.reporter.warning(warning);
    }
    let ended = attended(app, &engine, &created.id, terminal).await;
    if arguments.rm {
        engine.remove(&created.id).await?;
    }
    ended
}

/// Runs the container to its end; an interrupt here stops it.
async fn attended(
    app: &App<'_>,
    engine: &DockerEngine,
    id: &str,
    terminal: Terminal,
) -> Result<u8, Error> {
    let attached = engine.attach(id).await?;
    engine.start(id).await?;
    let peer = Peer::Container(id);
    match session::join(engine, &peer, attached, terminal, app.reporter, &app.cancel).await? {
        Ended::ThereFirst => Ok(session::exit_code(engine.wait_exit(id).await?)),
        Ended::Here(code) => {
            engine.stop(id, None).await?;
            Ok(code)
        }
    }
}

fn service(project: &Project, arguments: &RunArguments) -> Result<Service, Error> {
    let name = &arguments.service;
    let mut service = project.service(name).cloned().unwrap_or_default();
    if service.image.is_none() {
        return Err(crate::plan::PlanError::NoImage {
            service: name.clone(),
        }
        .into());
    }
    service.environment = project.resolved_environment(name);
    let process = &arguments.process;
    for (variable, value) in &process.variables {
        service
            .environment
            .insert(variable.clone(), Some(value.clone()));
    }
    if let Some(entrypoint) = &arguments.entrypoint {
        service.entrypoint = Some(services::words(entrypoint)?);
        service.command = None;
    }
    if !arguments.words.is_empty() {
        service.command = Some(arguments.words.clone());
    }
    if let Some(user) = &process.user {
        service.user = Some(user.clone());
    }
    if let Some(directory) = &process.workdir {
        service.working_dir = Some(directory.clone());
    }
    Ok(service)
}

/// Refuses while something does not run that a service depends on.
pub(super) fn require_dependencies(
    project: &Project,
    observed: &Observed,
    service: &Service,
) -> Result<(), Error> {
    let runs = |name: &str| {
        observed
            .containers
            .iter()
            .any(|c| c.service() == name && c.is_running() && !c.is_oneoff())
    };
    let missing: Vec<&str> = service
        .depends_on
        .iter()
        .filter(|(name, d)| {
            d.required
                && d.condition != DependencyCondition::CompletedSuccessfully
                && project.services.contains_key(*name)
                && !runs(name)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("what it depends on does not run: {}", missing.join(", "));
    Err(Error::new(ErrorKind::Check, message)
        .hint(format!("deployctl start {}", missing.join(" "))))
}

/// The id of the image here; pulled where it is not.
async fn local_image(
    app: &App<'_>,
    engine: &DockerEngine,
    reference: &str,
    platform: Option<&str>,
) -> Result<String, Error> {
    if let Some(image) = engine.image(reference).await? {
        return Ok(image.id);
    }
    app.reporter.note(&format!("pulling {reference}"));
    let mut progress = engine.pull(reference, platform).await?;
    while let Some(step) = progress.next().await {
        step?;
    }
    let image = engine.image(reference).await?;
    let missing = || Error::new(ErrorKind::Image, format!("no image `{reference}`"));
    Ok(image.ok_or_else(missing)?.id)
}

fn spec(
    project: &Project,
    observed: &Observed,
    arguments: &RunArguments,
    service: &Service,
    terminal: Terminal,
    mark: String,
) -> (ContainerSpec, BTreeMap<String, String>) {
    let standing = |name: &str| {
        observed
            .containers
            .iter()
            .find(|c| c.service() == name && !c.is_oneoff() && !c.is_put_aside())
    };
    let shared = graph::shared_services(service);
    let shared: Vec<_> = shared
        .filter_map(|parent| Some((parent.to_owned(), standing(parent)?)))
        .collect();
    let options = Options {
        seed: format!(
            "{mark}{}{}",
            std::process::id(),
            jiff::Timestamp::now().as_nanosecond()
        ),
        mark,
        ..Options::default()
    };
    let draft = Draft {
        project,
        options: &options,
        name: &arguments.service,
        service,
        references: shared
            .iter()
            .map(|(name, c)| (name.clone(), ContainerRef::existing(c)))
            .collect(),
    };
    let mut spec = draft.oneoff("run");
    // No job of a release, which a recovery would take for its own.
    spec.labels.remove(label::JOB);
    spec.labels.remove(label::RELEASE);
    if let Some(name) = &arguments.name {
        spec.name.clone_from(name);
        spec.final_name.clone_from(name);
    }
    spec.service = Arc::new(Service {
        tty: terminal == Terminal::Tty,
        stdin_open: true,
        ..service.clone()
    });
    let ids = shared
        .into_iter()
        .map(|(name, c)| (name, c.id.clone()))
        .collect();
    (spec, ids)
}
