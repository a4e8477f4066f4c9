//! One project, one owner: containers that others made under this project's name are not touched.

use std::path::Path;

use crate::plan::observed::{Container, Observed};
use crate::plan::spec::label;
use crate::project::model::Project;

/// Containers of this project's name belong to somebody else.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error(
    "container `{container}` of project `{project}` belongs to another {what}: it was made from `{theirs}`, this is `{ours}`"
)]
pub struct OwnerConflict {
    /// The project's name.
    pub project: String,
    /// One of the containers.
    pub container: String,
    /// `directory`, `compose file`, `env file`, `state directory`.
    pub what: &'static str,
    /// Theirs.
    pub theirs: String,
    /// Ours.
    pub ours: String,
}

/// Who we are: the journal's mark (`HOST:DIRECTORY`).
pub fn check(project: &Project, observed: &Observed, mark: &str) -> Result<(), OwnerConflict> {
    for container in observed.containers.iter().filter(|c| !c.is_oneoff()) {
        if let Some((what, theirs, ours)) = difference(project, container, mark) {
            return Err(OwnerConflict {
                project: project.name.clone(),
                container: container.name.clone(),
                what,
                theirs,
                ours,
            });
        }
    }
    Ok(())
}

fn difference(
    project: &Project,
    container: &Container,
    mark: &str,
) -> Option<(&'static str, String, String)> {
    let directory = project.working_dir.display().to_string();
    let files = joined(&project.config_files);
    for (what, name, ours) in [
        ("directory", label::WORKING_DIR, directory),
        ("compose file", label::CONFIG_FILES, files),
    ] {
        match container.label(name) {
            Some(theirs) if theirs != ours => return Some((what, theirs.to_owned(), ours)),
            _ => {}
        }
    }
    let ours = joined(&project.env_files);
    let theirs = match container.label(label::ENVIRONMENT_FILE) {
        Some(theirs) => theirs.to_owned(),
        None => default_env_file(&project.working_dir),
    };
    let ours = if ours.is_empty() {
        default_env_file(&project.working_dir)
    } else {
        ours
    };
    if !theirs.is_empty() && theirs != ours {
        return Some(("env file", theirs, ours));
    }
    let theirs = container
        .label(label::JOURNAL)
        .filter(|theirs| *theirs != mark)?;
    Some(("state directory", theirs.to_owned(), mark.to_owned()))
}

/// What docker compose reads when no env file is named, if it is there.
fn default_env_file(directory: &Path) -> String {
    let path = directory.join(".env");
    if path.exists() {
        path.display().to_string()
    } else {
        String::new()
    }
}

fn joined(paths: &[std::path::PathBuf]) -> String {
    paths
        .iter()
        .map(|p| p.display().to_string())
        .collect::<Vec<_>>()
        .join(",")
}
