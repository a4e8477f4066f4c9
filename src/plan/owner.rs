//! One project, one owner: containers that others made under this project's name are not touched.

use crate::plan::observed::Container;
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
pub fn check(project: &Project, containers: &[Container], mark: &str) -> Result<(), OwnerConflict> {
    let ours = Owner::of(project, mark);
    for container in containers.iter().filter(|c| !c.is_oneoff()) {
        if let Some((what, theirs, ours)) = ours.difference(container) {
            return Err(OwnerConflict {
                project: project.name.clone(),
                container: container.name.clone(),
                what,
                theirs: theirs.to_owned(),
                ours: ours.to_owned(),
            });
        }
    }
    Ok(())
}

/// What a project's containers say of where they come from.
struct Owner<'a> {
    directory: String,
    files: String,
    env_files: String,
    /// What docker compose reads when no env file is named, if it is there.
    default_env_file: String,
    mark: &'a str,
}

impl<'a> Owner<'a> {
    fn of(project: &Project, mark: &'a str) -> Self {
        let default = project.working_dir.join(".env");
        let default_env_file = if default.exists() {
            default.display().to_string()
        } else {
            String::new()
        };
        let named = joined(&project.env_files);
        Self {
            directory: project.working_dir.display().to_string(),
            files: joined(&project.config_files),
            env_files: if named.is_empty() {
                default_env_file.clone()
            } else {
                named
            },
            default_env_file,
            mark,
        }
    }

    fn difference<'b>(
        &'b self,
        container: &'b Container,
    ) -> Option<(&'static str, &'b str, &'b str)> {
        let made_with = container
            .label(label::ENVIRONMENT_FILE)
            .unwrap_or(&self.default_env_file);
        let facts = [
            (
                "directory",
                container.label(label::WORKING_DIR),
                self.directory.as_str(),
            ),
            (
                "compose file",
                container.label(label::CONFIG_FILES),
                &self.files,
            ),
            (
                "env file",
                Some(made_with).filter(|f| !f.is_empty()),
                &self.env_files,
            ),
            (
                "state directory",
                container.label(label::JOURNAL),
                self.mark,
            ),
        ];
        facts.into_iter().find_map(|(what, theirs, ours)| {
            let theirs = theirs.filter(|theirs| *theirs != ours)?;
            Some((what, theirs, ours))
        })
    }
}

fn joined(paths: &[std::path::PathBuf]) -> String {
    paths
        .iter()
        .map(|p| p.display().to_string())
        .collect::<Vec<_>>()
        .join(",")
}
