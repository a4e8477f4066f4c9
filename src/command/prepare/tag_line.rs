//! The tag in the env file, and the one that serves before.

use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::plan::observed::Observed;
use crate::plan::options::TagChange;
use crate::plan::tag;
use crate::project::Project;
use crate::state::{Releases, StateDirectory, read_env_file, read_variable};

/// What the env file says, what serves, and what it is to say.
pub(in crate::command) fn tag_change(
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
pub(super) fn served_last(directory: &Path, project: &Project) -> Result<Option<String>, Error> {
    let state = StateDirectory::open(directory, &project.name)?;
    Ok(Releases::new(&state).current()?.and_then(|r| r.tag))
}

/// The tag that serves before; from a tag to itself (a moving one) the digest tells them apart.
pub(in crate::command) fn rollback_tag(
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
