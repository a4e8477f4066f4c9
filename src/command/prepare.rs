//! From a command line to a plan: load, observe, resolve images, plan, check. Changes nothing.

mod load;
mod snapshot;
mod tag_line;

use std::path::Path;

use super::app::App;
use super::repair::Leftovers;
use super::{host, images};
use crate::engine::Engine as _;
use crate::engine::docker::DockerEngine;
use crate::error::{Error, ErrorKind};
use crate::plan::check::{self, Severity};
use crate::plan::observed::Observed;
use crate::plan::options::{Intent, Orphans};
use crate::plan::reconcile::touched;
use crate::plan::{Options, Plan, reconcile, tag};
use crate::project::Project;
use crate::state::{Releases, StateDirectory};
pub(super) use load::{Loaded, load, load_quietly};
pub(super) use snapshot::{observe, snapshot};
use tag_line::served_last;
pub(super) use tag_line::{rollback_tag, tag_change};

/// What a deploy is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub tag: Option<String>,
    pub services: Vec<String>,
    pub set: Vec<(String, String)>,
    pub remove_orphans: bool,
}

/// Everything that a run needs, before anything is touched.
pub(super) struct Prepared {
    pub project: Project,
    pub observed: Observed,
    pub options: Options,
    pub plan: Plan,
    /// The tag that it is called by.
    pub tag: Option<String>,
    /// Variables whose values go with the release: the tag's and `--set`.
    pub set: Vec<(String, String)>,
}

/// Plans a deploy of what was loaded.
pub(super) async fn deploy(
    app: &App<'_>,
    engine: &DockerEngine,
    loaded: Loaded,
    asked: &Asked,
    mark: &str,
    leftovers: Leftovers,
) -> Result<Prepared, Error> {
    with_intent(app, engine, loaded, asked, mark, leftovers, Intent::Deploy).await
}

/// Plans a deploy, or its migration alone.
pub(super) async fn with_intent(
    app: &App<'_>,
    engine: &DockerEngine,
    loaded: Loaded,
    asked: &Asked,
    mark: &str,
    leftovers: Leftovers,
    intent: Intent,
) -> Result<Prepared, Error> {
    let tag = loaded.tag_line()?;
    let observed = snapshot(app, engine, &loaded.project, tag.as_ref(), mark, leftovers).await?;
    let project = loaded.project;
    let images = images::resolve(engine, app.reporter, &project, &observed).await?;
    let serving = loaded
        .variable
        .as_deref()
        .and_then(|v| tag::serving(&project, &observed, v));
    let change = tag_change(
        loaded.env_file.as_deref(),
        loaded.variable.as_deref(),
        loaded.tag.as_deref(),
        serving.as_deref(),
    )?;
    let mut set: Vec<(String, String)> = asked.set.clone();
    set.extend(loaded.variable.iter().cloned().zip(loaded.tag.clone()));
    let options = Options {
        mark: mark.to_owned(),
        seed: format!("{mark}{}", jiff::Timestamp::now()),
        intent,
        services: asked.services.clone(),
        orphans: if asked.remove_orphans {
            Orphans::Remove
        } else {
            Orphans::Report
        },
        timeout: app.globals.timeout,
        job_timeout: app.globals.job_timeout,
        rollback_tag: rollback_tag(
            serving
                .or(served_last(&loaded.directory, &project)?)
                .as_deref(),
            loaded.tag.as_deref(),
            &project,
            &observed,
            loaded.variable.as_deref(),
        ),
        content: content(&project)?,
        images,
        // The migration alone leaves the env file as it is.
        tag: change.filter(|_| intent == Intent::Deploy),
        set: asked.set.iter().map(|(name, _)| name.clone()).collect(),
        env_file: loaded.env_file.clone(),
        ..Options::default()
    };
    plan(
        engine,
        &loaded.directory,
        project,
        observed,
        options,
        loaded.tag,
        set,
    )
    .await
}

/// Plans twice: the second time with what only an inspection tells of the containers that it touches.
pub(super) async fn plan(
    engine: &DockerEngine,
    directory: &Path,
    project: Project,
    mut observed: Observed,
    mut options: Options,
    tag: Option<String>,
    set: Vec<(String, String)>,
) -> Result<Prepared, Error> {
    let state = StateDirectory::open(directory, &project.name)?;
    let releases = Releases::new(&state);
    options.release = releases
        .next_number()?
        .max(crate::plan::repair::next_release(&observed));
    super::release::plan_images(&releases, &project, &observed, &mut options)?;
    let mut plan = reconcile(&project, &observed, &options)?;
    let touched = touched(&plan);
    for container in observed
        .containers
        .iter_mut()
        .filter(|c| touched.contains(&c.id))
    {
        if let Some(found) = engine.inspect(&container.id).await? {
            container.details = found.details;
        }
    }
    if !touched.is_empty() {
        plan = reconcile(&project, &observed, &options)?;
    }
    Ok(Prepared {
        project,
        observed,
        options,
        plan,
        tag,
        set,
    })
}

/// Ends with an error where a finding does; the others are warnings.
pub(super) async fn check(
    app: &App<'_>,
    engine: &DockerEngine,
    prepared: &Prepared,
) -> Result<(), Error> {
    let host = if engine.is_local() {
        let pulls = prepared.plan.images.values().any(|i| i.pull);
        let root = if pulls {
            engine.info().await?.root
        } else {
            String::new()
        };
        check::Host {
            free_space: host::free_space(Path::new(&root)),
            ..host::look(&prepared.project, &prepared.plan)
        }
    } else {
        check::Host::default()
    };
    let findings = check::check(&prepared.project, &prepared.observed, &prepared.plan, &host);
    for warning in &prepared.plan.warnings {
        app.reporter.warning(warning);
    }
    for finding in findings.iter().filter(|f| f.severity == Severity::Warning) {
        app.reporter.warning(&finding.message);
    }
    let errors: Vec<_> = findings
        .into_iter()
        .filter(|f| f.severity == Severity::Error)
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    let messages: Vec<&str> = errors.iter().map(|f| f.message.as_str()).collect();
    Err(Error::new(ErrorKind::Check, messages.join("\n       "))
        .hints(errors.iter().filter_map(|f| f.hint.clone())))
}

/// Fingerprints of what the containers get to see of this host's files.
pub(super) fn content(
    project: &Project,
) -> Result<std::collections::BTreeMap<String, crate::plan::options::Content>, Error> {
    let mut all = std::collections::BTreeMap::new();
    for name in project.services.keys() {
        let found = match project.content_fingerprint(name) {
            // What is missing is a finding of the check.
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => None,
            other => other.map_err(|e| Error::new(ErrorKind::Invalid, e))?,
        };
        if let Some(content) = found {
            let items = content.items.iter().map(|i| i.name.clone()).collect();
            all.insert(
                name.clone(),
                crate::plan::options::Content {
                    fingerprint: content.digest,
                    items,
                },
            );
        }
    }
    Ok(all)
}
