//! `logs`: the output of containers, and of jobs whose containers are gone.

use std::path::{Path, PathBuf};

mod follow;

use super::app::App;
use super::prepare::{self, Asked};
use crate::cli::LogsArguments;
use crate::engine::{Engine as _, LogOptions, Scope};
use crate::error::{Error, ErrorKind};
use crate::state::{Releases, StateDirectory};

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
        // One that is not in the history is an error, not an empty log.
        Releases::new(&state).get(release)?;
        return kept(app, &state.log(), release, arguments);
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
    let options = LogOptions {
        follow: arguments.follow,
        tail: arguments.tail,
        since: arguments.since.as_deref().map(moment).transpose()?,
        until: arguments.until.as_deref().map(moment).transpose()?,
        timestamps: arguments.timestamps,
    };
    let printer = follow::Printer::new(app, arguments, &project.name, &containers);
    if arguments.follow {
        follow::follow(app, &engine, &containers, options, printer).await
    } else {
        follow::print(&engine, &containers, options, printer).await
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
        app.reporter.result(&kept_line(app, job, line));
    }
    Ok(())
}

fn kept(
    app: &App<'_>,
    folder: &Path,
    release: u32,
    arguments: &LogsArguments,
) -> Result<(), Error> {
    let wanted = |name: &String| {
        arguments.services.is_empty() || arguments.services.iter().any(|s| is_of(name, s))
    };
    let logs = kept_logs(folder)
        .into_iter()
        .filter(|(n, name, _)| *n == release && wanted(name));
    let mut found = false;
    for (_, name, path) in logs {
        found = true;
        let text = read(&path)?;
        let lines: Vec<&str> = text.lines().collect();
        let tail = arguments.tail.and_then(|t| usize::try_from(t).ok());
        let skip = tail.map_or(0, |t| lines.len().saturating_sub(t));
        for line in &lines[skip..] {
            app.reporter.result(&kept_line(app, &name, line));
        }
    }
    if !found {
        app.reporter.note(&format!(
            "nothing was kept of release {release}: the output of jobs and of failed containers is"
        ));
    }
    Ok(())
}

/// A job's log has its service's name, that of a failed container the container's.
fn is_of(log: &str, service: &str) -> bool {
    log == service || log.contains(&format!("-{service}-"))
}

fn kept_line(app: &App<'_>, name: &str, line: &str) -> String {
    if app.reporter.json() {
        let line = serde_json::json!({"container": name, "line": line});
        return format!("{line}\n");
    }
    format!("{name}  | {line}\n")
}

/// Number, name and path of every kept output: `log/N-NAME.log`.
pub(super) fn kept_logs(folder: &Path) -> Vec<(u32, String, PathBuf)> {
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

pub(super) fn read(path: &Path) -> Result<String, Error> {
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
