//! Puts right what a run left whose journal is gone; part of every changing command.

use super::app::App;
use super::prepare;
use crate::engine::Engine as _;
use crate::engine::docker::DockerEngine;
use crate::error::{Error, ErrorKind};
use crate::execute;
use crate::plan::observed::Observed;
use crate::plan::options::TagChange;
use crate::plan::repair::{self, World};
use crate::project::Project;

/// Whether a command may change what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftovers {
    /// It holds the lock: what a lost run left is put right first.
    Mend,
    /// It only looks.
    Report,
}

/// Takes the snapshot anew where something had to be put right.
pub(super) async fn mend(
    app: &App<'_>,
    engine: &DockerEngine,
    project: &Project,
    mut observed: Observed,
    tag: Option<&TagChange>,
    mark: &str,
    leftovers: Leftovers,
) -> Result<Observed, Error> {
    if !repair::is_needed(&observed) {
        return Ok(observed);
    }
    if leftovers == Leftovers::Report {
        app.reporter.warning(
            "containers of a run whose journal is gone are there; the next deploy, rollback or recover puts them right",
        );
        return Ok(observed);
    }
    for container in &mut observed.containers {
        if let Some(found) = engine.inspect(&container.id).await? {
            container.details = found.details;
        }
    }
    let Some(repair) = repair::repair(project, &observed, tag) else {
        return Ok(observed);
    };
    app.reporter.note(match repair.world {
        World::Old => "a run ended without its journal: the containers from before it serve again",
        World::New => "a run ended without its journal: its release is complete, and is finished",
    });
    let problems = execute::repair(engine, app.reporter, &repair, mark).await;
    if !problems.is_empty() {
        let message = format!(
            "what a run left without its journal could not be put right: {}",
            problems.join("; ")
        );
        return Err(Error::new(ErrorKind::Degraded, message)
            .hint("mend what it names, then: deployctl recover"));
    }
    prepare::observe(engine, project).await
}
