//! `exec`: a command in a running container, its streams and its exit code passed on.

use super::app::App;
use super::services;
use super::session::{self, Ended, Peer};
use crate::cli::ExecArguments;
use crate::engine::docker::DockerEngine;
use crate::engine::{Engine as _, ExecRequest, Scope};
use crate::error::{Error, ErrorKind};
use crate::plan::observed::Container;

/// Finds the container, runs the command, returns its exit code.
pub async fn run(app: &App<'_>, arguments: &ExecArguments) -> Result<u8, Error> {
    let (_, project) = app.load(indexmap::IndexMap::new()).await?;
    services::require(&project, std::slice::from_ref(&arguments.service))?;
    let engine = app.engine().await?;
    let container = container(&engine, &project.name, arguments).await?;
    let process = &arguments.process;
    let request = ExecRequest {
        command: arguments.words.clone(),
        environment: services::pairs(&process.variables),
        user: process.user.clone(),
        working_dir: process.workdir.clone(),
        privileged: arguments.privileged,
    };
    let terminal = session::terminal(process.no_tty);
    let (id, attached) = engine.open_exec(&container.id, &request, terminal).await?;
    let peer = Peer::Exec(&id);
    match session::join(
        &engine,
        &peer,
        attached,
        terminal,
        app.reporter,
        &app.cancel,
    )
    .await?
    {
        Ended::Here(code) => Ok(code),
        Ended::ThereFirst => Ok(session::exit_code(engine.exec_code(&id).await?)),
    }
}

async fn container(
    engine: &DockerEngine,
    project: &str,
    arguments: &ExecArguments,
) -> Result<Container, Error> {
    let scope = Scope {
        project: project.to_owned(),
        ..Scope::default()
    };
    let service = &arguments.service;
    let mut containers = engine.observe(&scope).await?.containers;
    containers.retain(|c| {
        c.service() == service && c.is_running() && !c.is_oneoff() && !c.is_put_aside()
    });
    containers.sort_by_key(Container::number);
    let wanted = |c: &&Container| arguments.index.is_none_or(|n| c.number() == n);
    if let Some(found) = containers.iter().find(wanted) {
        return Ok(found.clone());
    }
    let numbers: Vec<String> = containers.iter().map(|c| c.number().to_string()).collect();
    Err(match (arguments.index, numbers.is_empty()) {
        (Some(index), false) => Error::new(
            ErrorKind::Usage,
            format!("service `{service}` has no running container {index}"),
        )
        .hint(format!("give `--index` one of: {}", numbers.join(", "))),
        _ => session::not_begun(&format!("service `{service}` does not run"))
            .hint("deployctl status")
            .hint(format!(
                "deployctl run --rm {service} …   (a container of its own)"
            )),
    })
}
