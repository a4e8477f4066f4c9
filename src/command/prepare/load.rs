//! The project as it will be after the release: the asked tag and variables in the place of the env file's.

use std::path::PathBuf;

use indexmap::IndexMap;

use super::Asked;
use super::tag_line::tag_change;
use crate::command::app::App;
use crate::error::{Error, ErrorKind};
use crate::plan::PlanError;
use crate::plan::options::TagChange;
use crate::plan::tag::{self, TagError};
use crate::project::Project;

/// The project as the env file will read after the commit.
pub(in crate::command) struct Loaded {
    pub project: Project,
    pub directory: PathBuf,
    pub env_file: Option<PathBuf>,
    pub variable: Option<String>,
    pub tag: Option<String>,
}

impl Loaded {
    /// What the env file says of the tag, and what is asked for.
    pub(in crate::command) fn tag_line(&self) -> Result<Option<TagChange>, Error> {
        let (file, variable) = (self.env_file.as_deref(), self.variable.as_deref());
        tag_change(file, variable, self.tag.as_deref(), None)
    }
}

/// Loads the project with the asked tag and variables in the place of the env file's.
pub(in crate::command) async fn load(app: &App<'_>, asked: &Asked) -> Result<Loaded, Error> {
    let (loaded, warnings) = load_quietly(app, asked).await?;
    for warning in &warnings {
        app.reporter.warning(warning);
    }
    Ok(loaded)
}

/// The same, with the loader's warnings for the caller to tell.
pub(in crate::command) async fn load_quietly(
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
