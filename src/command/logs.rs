//! `logs`: the output of containers, and of jobs whose containers are gone.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use futures_util::stream::select_all;

use super::app::App;
use super::prepare::{self, Asked};
use crate::cli::LogsArguments;
use crate::engine::{Engine, LogOptions, Scope};
use crate::error::{Error, ErrorKind};
use crate::plan::observed::Container;
use crate::state::StateDirectory;

/// Finds the containers, prints their lines, each behind its container's name.
pub async fn run(app: &App<'_>, arguments: &LogsArguments) -> Result<(), Error> {
    let loaded = prepare::load(app, &Asked::default()).await?;
    let project = &loaded.project;
    for name in &arguments.services {
        if project.service(name).is_none() {
            let known: Vec<&str> = project
                .services
                .keys()
                .chain(project.disabled_services.keys())
                .map(String::as_str)
                .collect();
            return Err(Error::new(
                ErrorKind::Usage,
                format!("no service `{name}` in the project"),
            )
            .hint(format!("the services are: {}", known.join(", "))));
        }
    }
    let state = StateDirectory::open(&loaded.directory, &project.name)?;
    if let Some(release) = arguments.release {
        return kept(app, &state.log(), release, &arguments.services);
    }
    let engine = app.engine().await?;
    let scope = Scope {
        project: project.name.clone(),
        ..Scope::default()
    };
    let wanted =
        |name: &str| arguments.services.is_empty() || arguments.services.iter().any(|s| s == name);
    let mut containers = engine.observe(&scope).await?.containers;
    containers.retain(|c| {
        wanted(c.service()) && (!c.is_oneoff() || c.is_running() || !arguments.services.is_empty())
    });
    containers.sort_by(|a, b| (a.service(), a.number()).cmp(&(b.service(), b.number())));
    for name in &arguments.services {
        if !containers.iter().any(|c| c.service() == name) {
            last_job(app, &state.log(), name, arguments.tail)?;
        }
    }
    follow(app, &engine, arguments, &containers, &project.name).await
}

async fn follow(
    app: &App<'_>,
    engine: &impl Engine,
    arguments: &LogsArguments,
    containers: &[Container],
    project: &str,
) -> Result<(), Error> {
    let options = LogOptions {
        follow: arguments.follow,
        tail: arguments.tail,
        since: arguments.since.as_deref().map(moment).transpose()?,
        until: arguments.until.as_deref().map(moment).transpose()?,
        timestamps: arguments.timestamps,
    };
    let shown = |c: &Container| {
        c.name
            .strip_prefix(&format!("{project}-"))
            .unwrap_or(&c.name)
            .to_owned()
    };
    let width = containers
        .iter()
        .map(|c| shown(c).chars().count())
        .max()
        .unwrap_or(0);
    let mut streams = Vec::new();
    for container in containers {
        let name = shown(container);
        let prefix = if arguments.no_log_prefix {
            String::new()
        } else {
            format!("{name:width$}  | ")
        };
        let lines = engine.logs(&container.id, &options).await?;
        streams.push(
            lines
                .map(move |line| line.map(|l| format!("{prefix}{}\n", l.text)))
                .boxed_local(),
        );
    }
    let mut lines = select_all(streams);
    loop {
        tokio::select! {
            line = lines.next() => match line {
                // A reader that is gone (`| head`) has seen what it wanted.
                Some(line) => if !app.reporter.stream(&line?).await {
                    return Ok(());
                },
                None => return Ok(()),
            },
            () = app.cancel.cancelled() => return Ok(()),
        }
    }
}

/// A job's container is gone when it has run; its output is kept with the release.
fn last_job(app: &App<'_>, folder: &Path, job: &str, tail: Option<u64>) -> Result<(), Error> {
    let Some((number, path)) = kept_logs(folder)
        .into_iter()
        .filter(|(_, name, _)| name == job)
        .map(|(n, _, p)| (n, p))
        .max()
    else {
        app.reporter
            .note(&format!("{job}: no container, and no kept output"));
        return Ok(());
    };
    app.reporter
        .note(&format!("{job}: output of release {number}"));
    let text = read(&path)?;
    let lines: Vec<&str> = text.lines().collect();
    let skip = tail
        .and_then(|t| usize::try_from(t).ok())
        .map_or(0, |t| lines.len().saturating_sub(t));
    for line in &lines[skip..] {
        app.reporter.result(&format!("{job}  | {line}\n"));
    }
    Ok(())
}

fn kept(app: &App<'_>, folder: &Path, release: u32, services: &[String]) -> Result<(), Error> {
    let logs = kept_logs(folder)
        .into_iter()
        .filter(|(n, name, _)| *n == release && (services.is_empty() || services.contains(name)));
    for (_, name, path) in logs {
        for line in read(&path)?.lines() {
            app.reporter.result(&format!("{name}  | {line}\n"));
        }
    }
    Ok(())
}

/// Number, name and path of every kept output: `log/N-NAME.log`.
fn kept_logs(folder: &Path) -> Vec<(u32, String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let logs = entries.filter_map(|entry| {
        let file = entry.file_name().to_string_lossy().into_owned();
        let (number, name) = file.strip_suffix(".log")?.split_once('-')?;
        Some((number.parse().ok()?, name.to_owned(), entry.path()))
    });
    let mut logs: Vec<_> = logs.collect();
    logs.sort();
    logs
}

fn read(path: &Path) -> Result<String, Error> {
    let bytes = std::fs::read(path).map_err(|e| {
        Error::new(
            ErrorKind::Check,
            format!("cannot read `{}`: {e}", path.display()),
        )
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A time stamp, or a duration ago; in seconds since 1970.
fn moment(text: &str) -> Result<i64, Error> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_second());
    }
    let ago = crate::project::duration::parse(text)
        .and_then(|d| i64::try_from(d.as_std().as_secs()).ok());
    let ago = ago.ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("`{text}` is no time"))
            .hint("write it like `10m`, `1h30m` or `2026-01-31T10:00:00Z`")
    })?;
    Ok(jiff::Timestamp::now().as_second() - ago)
}
