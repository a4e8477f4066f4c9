//! `stop`, `start`, `restart`: services of the standing release, under the lock, wave by wave.
//!
//! No release comes of it, and no journal is needed: each can be given again, and what it was to do is done.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::json;

use super::app::App;
use super::prepare::{self, Asked};
use super::recover::recover_unfinished;
use super::release;
use super::services;
use crate::cli::{RestartArguments, ServicesArguments};
use crate::engine::docker::DockerEngine;
use crate::engine::{Engine as _, LogOptions, Scope};
use crate::error::{Error, ErrorKind};
use crate::execute::start_and_settle;
use crate::plan::observed::Container;
use crate::plan::step::Until;
use crate::plan::{graph, owner};
use crate::project::Project;
use crate::project::model::GoDuration;
use crate::state::DeployLock;

/// Lines of a container that did not become healthy.
const LAST_LINES: u64 = 20;

/// `stop`: those that depend on others first.
pub async fn stop(app: &App<'_>, arguments: &ServicesArguments) -> Result<(), Error> {
    let stand = Stand::new(app, "stop", &arguments.services).await?;
    let mut stopped = 0;
    for wave in stand.waves().into_iter().rev() {
        let running: Vec<&Container> = wave.into_iter().filter(|c| c.is_running()).collect();
        stopped += running.len();
        stand.stop(app, &running).await?;
    }
    stand.said(app, "stopped", stopped);
    if stopped > 0 {
        app.reporter.note("until `deployctl start`, or the next deploy; a reboot starts what has `restart: always`");
    }
    Ok(())
}

/// `start`: what others depend on first, each wave until it is healthy.
pub async fn start(app: &App<'_>, arguments: &ServicesArguments) -> Result<(), Error> {
    let stand = Stand::new(app, "start", &arguments.services).await?;
    let mut started = 0;
    for wave in stand.waves() {
        let idle: Vec<&Container> = wave.into_iter().filter(|c| !c.is_running()).collect();
        started += idle.len();
        stand.start(app, &idle).await?;
    }
    stand.said(app, "started", started);
    Ok(())
}

/// `restart`: wave by wave, what others depend on first; containers of a service one after another.
pub async fn restart(app: &App<'_>, arguments: &RestartArguments) -> Result<(), Error> {
    let stand = Stand::new(app, "restart", &arguments.services).await?;
    let mut restarted = 0;
    for wave in stand.waves() {
        let rounds = wave.iter().map(|c| c.number()).collect::<BTreeSet<_>>();
        for number in rounds {
            let round: Vec<&Container> = wave
                .iter()
                .copied()
                .filter(|c| c.number() == number)
                .collect();
            stand.stop(app, &round).await?;
            stand.start(app, &round).await?;
            restarted += round.len();
        }
    }
    stand.said(app, "restarted", restarted);
    Ok(())
}

/// The standing containers of the named services, with the lock in hand.
struct Stand {
    _lock: DeployLock,
    engine: DockerEngine,
    project: Project,
    services: BTreeSet<String>,
    containers: Vec<Container>,
}

impl Stand {
    async fn new(app: &App<'_>, command: &str, names: &[String]) -> Result<Self, Error> {
        let directory = app.locate()?.working_dir;
        let lock = app.lock(&directory, command).await?;
        let engine = app.engine().await?;
        recover_unfinished(app, &lock, &engine, &directory).await?;
        let project = prepare::load(app, &Asked::default()).await?.project;
        services::require(&project, names)?;
        let scope = Scope {
            project: project.name.clone(),
            ..Scope::default()
        };
        let mut observed = engine.observe(&scope).await?;
        if !app.globals.adopt {
            owner::check(&project, &observed.containers, &release::mark(&directory))?;
        }
        let services: BTreeSet<String> = if names.is_empty() {
            let jobs = graph::job_services(&project);
            let all = project.services.keys().filter(|name| !jobs.contains(*name));
            all.cloned().collect()
        } else {
            names.iter().cloned().collect()
        };
        observed
            .containers
            .retain(|c| services.contains(c.service()) && !c.is_oneoff() && !c.is_put_aside());
        let without: Vec<&str> = names
            .iter()
            .filter(|n| !observed.containers.iter().any(|c| c.service() == *n))
            .map(String::as_str)
            .collect();
        if !without.is_empty() || observed.containers.is_empty() {
            let which = if without.is_empty() {
                format!("project `{}`", project.name)
            } else {
                format!("service `{}`", without.join("`, `"))
            };
            let error = Error::new(ErrorKind::Check, format!("{which} has no container"));
            return Err(error.hint("deployctl deploy"));
        }
        Ok(Self {
            _lock: lock,
            engine,
            project,
            services,
            containers: observed.containers,
        })
    }

    /// Containers by wave, what others depend on first.
    fn waves(&self) -> Vec<Vec<&Container>> {
        let waves = graph::waves(&self.project, &self.services);
        let containers = |wave: Vec<String>| {
            let of_wave = |c: &&Container| wave.iter().any(|name| name == c.service());
            self.containers.iter().filter(of_wave).collect()
        };
        waves.into_iter().map(containers).collect()
    }

    async fn stop(&self, app: &App<'_>, containers: &[&Container]) -> Result<(), Error> {
        interrupted(app)?;
        let stopping = containers.iter().map(|container| async {
            let service = self.project.service(container.service());
            let grace = service.and_then(|s| s.stop_grace_period);
            let stopped = self
                .engine
                .stop(&container.id, grace.map(GoDuration::as_std));
            stopped.await.map(|()| &container.name)
        });
        for stopped in join_all(stopping).await {
            app.reporter.note(&format!("stopped {}", stopped?));
        }
        Ok(())
    }

    async fn start(&self, app: &App<'_>, containers: &[&Container]) -> Result<(), Error> {
        interrupted(app)?;
        if containers.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = containers
            .iter()
            .map(|c| (c.id.clone(), c.name.clone(), Until::Healthy))
            .collect();
        let timeout = app.globals.timeout;
        let settling = start_and_settle(&self.engine, &self.project.name, &asked, timeout);
        let failures = tokio::select! {
            failures = settling => failures,
            () = app.cancel.cancelled() => return interrupted(app),
        };
        for (id, name, _) in &asked {
            if !failures.iter().any(|(failed, _)| failed == id) {
                app.reporter.note(&format!("started {name}"));
            }
        }
        let Some((id, failure)) = failures.first() else {
            return Ok(());
        };
        self.last_words(app, id).await;
        let message = failures
            .iter()
            .map(|(_, f)| f.to_string())
            .collect::<Vec<_>>()
            .join("; ");
        Err(Error::new(ErrorKind::Degraded, message)
            .hint(format!("deployctl logs {}", self.service_of(id)))
            .hint(match failure {
                crate::execute::Failure::TimedOut { .. } => "give it more time: --timeout 5m",
                _ => "deployctl rollback",
            }))
    }

    async fn last_words(&self, app: &App<'_>, id: &str) {
        let options = LogOptions {
            tail: Some(LAST_LINES),
            ..LogOptions::default()
        };
        if let Ok(mut lines) = self.engine.logs(id, &options).await {
            while let Some(Ok(line)) = lines.next().await {
                app.reporter.note(&format!("  | {}", line.text));
            }
        }
    }

    fn service_of(&self, id: &str) -> &str {
        let found = self.containers.iter().find(|c| c.id == id);
        found.map_or("", Container::service)
    }

    fn said(&self, app: &App<'_>, done: &str, count: usize) {
        if app.reporter.json() {
            let result = json!({"outcome": done, "containers": count, "services": self.services});
            app.reporter.result(&format!("{result}\n"));
        } else if count == 0 {
            app.reporter.note("nothing to do: everything is so already");
        }
    }
}

/// Between two steps: what is begun is brought to its end.
fn interrupted(app: &App<'_>) -> Result<(), Error> {
    if !app.cancel.is_cancelled() {
        return Ok(());
    }
    let error = Error::new(
        ErrorKind::Degraded,
        "interrupted: some services may be stopped",
    );
    Err(error.hint("deployctl start").hint("deployctl status"))
}
