//! `status`: what serves now, what a rollback would go to, what is unfinished.

mod drift;
mod show;
mod target;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join;

use super::app::App;
use super::prepare::{self, Asked};
use crate::cli::StatusArguments;
use crate::engine::docker::DockerEngine;
use crate::engine::{Engine as _, Scope};
use crate::error::Error;
use crate::plan::observed::{Container, Health};
use crate::plan::owner;
use crate::project::{FileSource, Location, Project, project_name};
use crate::state::{
    Holder, Outline, ReleaseRecord, Releases, StateDirectory, lock, lock_path, unfinished,
};
use target::Target;

/// Exit code for differences.
const DIFFERS: u8 = 10;
/// Between two looks of `--watch` where no event comes: times go on.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What `status` shows.
struct View {
    project: String,
    /// Those that are shown.
    containers: Vec<Container>,
    current: Option<ReleaseRecord>,
    model: Option<Outline>,
    /// Service → containers that run.
    running: BTreeMap<String, usize>,
    rollback: Option<Target>,
    /// Differences from what was released.
    drift: Vec<String>,
    /// Journals that a kill left, or that a running command writes.
    unfinished: Vec<String>,
    holder: Option<Holder>,
    notes: Vec<String>,
}

impl View {
    /// Somebody has to do something.
    fn differs(&self) -> bool {
        !self.drift.is_empty() || (!self.unfinished.is_empty() && self.holder.is_none())
    }
}

/// Looks once, or again and again.
pub async fn run(app: &App<'_>, arguments: &StatusArguments) -> Result<u8, Error> {
    // The engine lists while the files are looked for; what is wrong with them is told first.
    let files = async {
        // The request is on its way before a file is read.
        tokio::task::yield_now().await;
        let loaded = locate(app).await?;
        let released = released(&loaded);
        Ok::<_, Error>((loaded, released))
    };
    let (engine, files) = join(app.engine_and_list(), files).await;
    let ((loaded, released), engine) = (files?, engine?);
    if arguments.watch {
        return watch(app, arguments, &loaded, &engine).await;
    }
    let view = look(app, arguments, &loaded, &engine, released?).await?;
    app.reporter.result(&text(app, arguments, &view));
    let differs = view.differs();
    // The process ends: to give back what hundreds of containers take, piece by piece, would cost more than to show them.
    std::mem::forget(view);
    Ok(if arguments.exit_code && differs {
        DIFFERS
    } else {
        0
    })
}

fn text(app: &App<'_>, arguments: &StatusArguments, view: &View) -> String {
    if app.reporter.json() {
        show::as_json(view)
    } else {
        show::as_text(view, arguments.wide)
    }
}

/// Shows what changes: at once by the engine's events, else every two seconds.
async fn watch(
    app: &App<'_>,
    arguments: &StatusArguments,
    loaded: &prepare::Loaded,
    engine: &DockerEngine,
) -> Result<u8, Error> {
    let mut events = engine.events(&loaded.project.name).await?;
    let mut last = String::new();
    let mut told = true;
    loop {
        let view = look(app, arguments, loaded, engine, released(loaded)?).await?;
        let text = text(app, arguments, &view);
        if app.reporter.is_screen() {
            let bar = show::watched(&text);
            if !app.reporter.stream(&bar).await {
                return Ok(0);
            }
        } else if show::without_times(&text) != show::without_times(&last) {
            if !app.reporter.stream(&text).await {
                return Ok(0);
            }
            last = text;
        }
        tokio::select! {
            () = app.cancel.cancelled() => return Ok(0),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            event = events.next(), if told => told = event.is_some(),
        }
    }
}

/// What was released, by the records.
struct Released {
    current: Option<ReleaseRecord>,
    model: Option<Outline>,
    before: Option<ReleaseRecord>,
}

fn released(loaded: &prepare::Loaded) -> Result<Released, Error> {
    let state = StateDirectory::open(&loaded.directory, &loaded.project.name)?;
    let releases = Releases::new(&state);
    let current = releases.current()?;
    Ok(Released {
        // A model that is gone is no reason to show nothing.
        model: current
            .as_ref()
            .and_then(|c| releases.outline(c.number).ok()),
        before: (current.as_ref().and_then(|c| c.previous)).and_then(|p| releases.get(p).ok()),
        current,
    })
}

/// One list of the engine; only what is not plainly up is inspected.
async fn look(
    app: &App<'_>,
    arguments: &StatusArguments,
    loaded: &prepare::Loaded,
    engine: &DockerEngine,
    released: Released,
) -> Result<View, Error> {
    // All of them: the engine takes longer to leave some out than to list them.
    let scope = Scope {
        project: loaded.project.name.clone(),
        strangers: true,
        ..Scope::default()
    };
    let mut containers = engine.observe(&scope).await?.containers;
    containers.retain(|c| !c.is_oneoff());
    containers.sort_by_cached_key(|c| (c.service().to_owned(), c.number()));
    let Released {
        current,
        model,
        before,
    } = released;
    let rollback = match before {
        Some(record) => Some(Target {
            ready: target::readiness(engine, &record).await?,
            record,
        }),
        None => None,
    };
    let lock = lock_path(&loaded.directory, app.globals.environment.as_deref());
    let env_file = loaded.env_file.as_deref();
    let mut view = View {
        project: loaded.project.name.clone(),
        drift: current.as_ref().map_or_else(Vec::new, |c| {
            drift::drift(c, model.as_ref(), &containers, env_file)
        }),
        unfinished: unfinished(&loaded.directory)?
            .iter()
            .map(|journal| journal.display().to_string())
            .collect(),
        holder: lock::holder(&lock),
        notes: notes(loaded, &containers),
        running: running(&containers),
        containers,
        current,
        model,
        rollback,
    };
    // While a command runs, what it puts aside and creates is no drift.
    if view.holder.is_some() {
        view.drift.clear();
    }
    view.containers.retain(|c| {
        arguments.services.is_empty() || arguments.services.iter().any(|s| s == c.service())
    });
    for container in &mut view.containers {
        let plainly_up =
            container.is_running() && matches!(container.health, Health::Healthy | Health::None);
        if (arguments.wide || !arguments.services.is_empty() || !plainly_up)
            && let Some(found) = engine.inspect(&container.id).await?
        {
            container.details = found.details;
        }
    }
    Ok(view)
}

fn running(containers: &[Container]) -> BTreeMap<String, usize> {
    let mut running = BTreeMap::new();
    for container in containers.iter().filter(|c| c.is_running()) {
        *running.entry(container.service().to_owned()).or_default() += 1;
    }
    running
}

/// The project as far as `status` needs it. The files are read only where their name cannot be told otherwise.
async fn locate(app: &App<'_>) -> Result<prepare::Loaded, Error> {
    let location = app.locate()?;
    let Some(name) = plain_name(app, &location) else {
        return prepare::load(app, &Asked::default()).await;
    };
    let files = location.files.iter().filter_map(|file| match file {
        FileSource::Path(path) => Some(path.clone()),
        FileSource::Stdin(_) => None,
    });
    let project = Project {
        name,
        working_dir: location.working_dir.clone(),
        config_files: files.collect(),
        env_files: location.env_files.clone(),
        default_env_file: location.default_env_file.clone(),
        ..Project::default()
    };
    let env_file = location.env_files.last().cloned();
    Ok(prepare::Loaded {
        project,
        directory: location.working_dir,
        env_file: env_file.or(location.default_env_file),
        variable: None,
        tag: None,
    })
}

/// The project's name where one file says it in plain letters and nothing else does.
fn plain_name(app: &App<'_>, location: &Location) -> Option<String> {
    let given = app.globals.project_name.is_some()
        || location.environment.contains_key("COMPOSE_PROJECT_NAME");
    let [FileSource::Path(path)] = location.files.as_slice() else {
        return None;
    };
    let text = std::fs::read_to_string(path).ok()?;
    let mut names = text.lines().filter_map(|line| line.strip_prefix("name:"));
    let (name, more) = (names.next()?.trim(), names.next());
    let plain = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    let only = more.is_none() && !text.contains("\ninclude:") && !text.contains("\n---");
    (!given && plain && only && project_name::normalize(name) == name).then(|| name.to_owned())
}

/// What is worth a look, beside drift.
fn notes(loaded: &prepare::Loaded, containers: &[Container]) -> Vec<String> {
    let aside = containers
        .iter()
        .filter(|c| c.is_put_aside())
        .map(|c| format!("`{}` was put aside by a release", c.name));
    let mark = super::release::mark(&loaded.directory);
    let conflict = owner::check(&loaded.project, containers, &mark).err();
    aside.chain(conflict.map(|c| c.to_string())).collect()
}
