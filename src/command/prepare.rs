//! From a command line to a plan: load, observe, resolve images, plan, check. Changes nothing.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::app::App;
use super::repair::{self, Leftovers};
use super::{host, images};
use crate::engine::docker::DockerEngine;
use crate::engine::{Engine as _, Scope};
use crate::error::{Error, ErrorKind};
use crate::plan::check::{self, Severity};
use crate::plan::judge::{network_name, volume_name};
use crate::plan::observed::Observed;
use crate::plan::options::{Intent, Orphans, TagChange};
use crate::plan::reconcile::touched;
use crate::plan::tag::{self, TagError};
use crate::plan::{Options, Plan, PlanError, owner, reconcile};
use crate::project::Project;
use crate::state::{Releases, StateDirectory, read_env_file, read_variable};

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

/// The project as the env file will read after the commit.
pub(super) struct Loaded {
    pub project: Project,
    pub directory: PathBuf,
    pub env_file: Option<PathBuf>,
    pub variable: Option<String>,
    pub tag: Option<String>,
}

impl Loaded {
    /// What the env file says of the tag, and what is asked for.
    pub(super) fn tag_line(&self) -> Result<Option<TagChange>, Error> {
        let (file, variable) = (self.env_file.as_deref(), self.variable.as_deref());
        tag_change(file, variable, self.tag.as_deref(), None)
    }
}

/// Loads the project with the asked tag and variables in the place of the env file's.
pub(super) async fn load(app: &App<'_>, asked: &Asked) -> Result<Loaded, Error> {
    let (loaded, warnings) = load_quietly(app, asked).await?;
    for warning in &warnings {
        app.reporter.warning(warning);
    }
    Ok(loaded)
}

/// The same, with the loader's warnings for the caller to tell.
pub(super) async fn load_quietly(
    app: &App<'_>,
    asked: &Asked,
) -> Result<(Loaded, Vec<String>), Error> {
    if let Some(asked) = &asked.tag {
        tag::validate(asked)?;
    }
    let mut overrides: IndexMap<String, String> = asked.set.iter().cloned().collect();
    // The usual variable first: which one it really is, only the files tell.
    overrides.extend(
        asked
            .tag
            .iter()
            .map(|t| ("IMAGE_TAG".to_owned(), t.clone())),
    );
    let (mut location, mut project) = app.load(overrides).await?;
    let variable = match tag::variable(&project) {
        Ok(name) => Some(name),
        Err(error) if asked.tag.is_some() => return Err(error.into()),
        Err(
            TagError::NoVariable { .. } | TagError::Ambiguous { .. } | TagError::Invalid { .. },
        ) => None,
    };
    if let (Some(name), Some(value)) = (
        variable.as_deref().filter(|n| *n != "IMAGE_TAG"),
        &asked.tag,
    ) {
        let mut overrides: IndexMap<String, String> = asked.set.iter().cloned().collect();
        overrides.insert(name.to_owned(), value.clone());
        (location, project) = app.load(overrides).await?;
    }
    let of_project = project.warnings.iter().map(|w| &w.message);
    let warnings = location
        .warnings
        .iter()
        .chain(of_project)
        .cloned()
        .collect();
    for name in &asked.services {
        if !project.services.contains_key(name) {
            let known = project.services.keys().cloned().collect();
            return Err(PlanError::UnknownService {
                name: name.clone(),
                known,
            }
            .into());
        }
    }
    if let Some(variable) = &variable {
        refuse_half_a_tag(&project, asked, variable)?;
    }
    let tag = asked
        .tag
        .clone()
        .or_else(|| tag_of(&project, variable.as_deref()?));
    let env_file = location
        .env_files
        .last()
        .cloned()
        .or_else(|| location.default_env_file.clone());
    let loaded = Loaded {
        directory: location.working_dir.clone(),
        env_file,
        variable,
        tag,
        project,
    };
    Ok((loaded, warnings))
}

/// The tag that the files lead to without being asked for one.
fn tag_of(project: &Project, variable: &str) -> Option<String> {
    let services = tag::services(project, variable);
    let image = services
        .iter()
        .find_map(|name| project.service(name)?.image.as_deref())?;
    tag::of_reference(image).map(str::to_owned)
}

/// `--service` with a tag that services left out depend on, too, would leave them behind.
fn refuse_half_a_tag(project: &Project, asked: &Asked, variable: &str) -> Result<(), Error> {
    if asked.tag.is_none() || asked.services.is_empty() {
        return Ok(());
    }
    let services = tag::services(project, variable);
    let left_out = services
        .iter()
        .find(|s| project.services.contains_key(**s) && !asked.services.iter().any(|a| a == **s));
    match left_out {
        Some(name) => Err(Error::new(
            ErrorKind::Usage,
            format!(
                "service `{name}` takes its tag from `{variable}`, too, and would be left behind"
            ),
        )
        .hint("deploy all: leave `--service` out; or give the service a variable of its own")),
        None => Ok(()),
    }
}

/// Takes the snapshot; what the list leaves out of images that lost their tag is looked up.
pub(super) async fn observe(engine: &DockerEngine, project: &Project) -> Result<Observed, Error> {
    let scope = Scope {
        project: project.name.clone(),
        strangers: true,
        resources: true,
        images: images::references(project),
        networks: project
            .networks
            .keys()
            .map(|k| network_name(project, k))
            .collect(),
        volumes: project
            .volumes
            .keys()
            .map(|k| volume_name(project, k))
            .collect(),
    };
    let mut observed = engine.observe(&scope).await?;
    for container in &mut observed.containers {
        // Once a tag names another image the list shows the bare id of the one before.
        if tag::of_reference(&container.image).is_none()
            && let Some(found) = engine.inspect(&container.id).await?
        {
            container.image = found.image;
        }
    }
    let known: Vec<&String> = observed.images.values().map(|i| &i.id).collect();
    let mut unknown: Vec<String> = observed
        .containers
        .iter()
        .map(|c| c.image_id.clone())
        .filter(|id| !known.contains(&id))
        .collect();
    unknown.sort();
    unknown.dedup();
    for id in unknown {
        // The digest of what serves, though its tag names another image by now.
        if let Some(image) = engine.image(&id).await? {
            observed.images.insert(id, image);
        }
    }
    Ok(observed)
}

/// The snapshot of a project that is ours, with nothing of a lost run in it.
pub(super) async fn snapshot(
    app: &App<'_>,
    engine: &DockerEngine,
    project: &Project,
    tag: Option<&TagChange>,
    mark: &str,
    leftovers: Leftovers,
) -> Result<Observed, Error> {
    let observed = observe(engine, project).await?;
    if !app.globals.adopt {
        owner::check(project, &observed.containers, mark)?;
    }
    repair::mend(app, engine, project, observed, tag, mark, leftovers).await
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

/// What the env file says, what serves, and what it is to say.
pub(super) fn tag_change(
    env_file: Option<&Path>,
    variable: Option<&str>,
    asked: Option<&str>,
    serving: Option<&str>,
) -> Result<Option<TagChange>, Error> {
    let (Some(file), Some(variable), Some(asked)) = (env_file, variable, asked) else {
        return Ok(None);
    };
    let text = read_env_file(file).map_err(env_file_error)?;
    let in_file = read_variable(&text, variable)
        .map_err(|e| Error::new(ErrorKind::Invalid, format!("`{}`: {e}", file.display())))?;
    Ok(Some(TagChange {
        file: file.to_owned(),
        variable: variable.to_owned(),
        asked: asked.to_owned(),
        serving: serving.map(str::to_owned),
        in_file,
    }))
}

fn env_file_error(error: crate::state::EnvFileError) -> Error {
    let hints = error.hints();
    Error::new(ErrorKind::Invalid, error).hints(hints)
}

/// The tag of the newest release that stands, where its containers are gone and cannot say it.
fn served_last(directory: &Path, project: &Project) -> Result<Option<String>, Error> {
    let state = StateDirectory::open(directory, &project.name)?;
    Ok(Releases::new(&state).current()?.and_then(|r| r.tag))
}

/// The tag that serves before; from a tag to itself (a moving one) the digest tells them apart.
pub(super) fn rollback_tag(
    serving: Option<&str>,
    asked: Option<&str>,
    project: &Project,
    observed: &Observed,
    variable: Option<&str>,
) -> Option<String> {
    let serving = serving?;
    if Some(serving) != asked {
        return Some(serving.to_owned());
    }
    let services = tag::services(project, variable?);
    let container = observed
        .containers
        .iter()
        .find(|c| c.is_running() && services.contains(c.service()))?;
    let image = observed
        .images
        .values()
        .find(|i| i.id == container.image_id)?;
    let repository = crate::plan::registry::repository(&container.image);
    let digest = image
        .repo_digests
        .iter()
        .find_map(|d| d.strip_prefix(repository)?.strip_prefix('@'))?;
    Some(format!("{serving}@{digest}"))
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
