//! Why a project cannot be located.

use std::path::{Path, PathBuf};

use crate::project::dotenv::DotenvError;

/// No project was found, or too many.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// No Compose file is here or above.
    #[error("no Compose file found in `{}` or above it", directory.display())]
    NotFound {
        /// Where the search began.
        directory: PathBuf,
    },
    /// Two files of the same rank.
    #[error("both `{}` and `{}` are here", first.display(), second.display())]
    Ambiguous {
        /// One of them.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// A file that was named does not exist.
    #[error("`{}` does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// An env file with a line that is none.
    #[error("`{}`: {problem}", path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: DotenvError,
    },
    /// A production file that holds only changes to another file.
    #[error("`{}` only changes another Compose file: no service of it has an image or a build", file.display())]
    Overlay {
        /// The file.
        file: PathBuf,
        /// The file that it seems to change.
        base: Option<PathBuf>,
        /// The env file that would be taken, and is not where Compose files are named.
        env_file: Option<PathBuf>,
    },
    /// `--env NAME` without any file of that name.
    #[error("there is neither a Compose file nor an env file for `{name}`")]
    UnknownEnvironment {
        /// The name.
        name: String,
    },
    /// A variable that switches something holds no boolean.
    #[error("`{variable}` must be true or false, not `{value}`")]
    NoBoolean {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

impl LocateError {
    /// What to do or type next.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { .. } => {
                vec!["go to the project, use `-C DIR`, or name the file with `-f FILE`".into()]
            }
            Self::Ambiguous { first, .. } => {
                vec![format!("remove one, or name it: `-f {}`", first.display())]
            }
            Self::Missing { .. } | Self::Unreadable { .. } => {
                vec!["check the path and its permissions".into()]
            }
            Self::EnvFile { .. } => vec![
                "a line is `NAME=value`; put values with spaces or `$` in single quotes".into(),
            ],
            Self::Overlay {
                file,
                base,
                env_file,
            } => {
                let (file, base) = (file.display(), base.as_deref());
                let base = base.unwrap_or(Path::new("compose.yml")).display();
                let Some(env_file) = env_file else {
                    return vec![format!("name both: `-f {base} -f {file}`")];
                };
                let env_file = env_file.display();
                vec![
                    format!("name both: `-f {base} -f {file} --env-file {env_file}`"),
                    format!("or once and for all in {env_file}: `COMPOSE_FILE={base}:{file}`"),
                ]
            }
            Self::UnknownEnvironment { name } => {
                vec![format!("create `.env.{name}` or `compose.{name}.yml`")]
            }
            Self::NoBoolean { variable, .. } => vec![format!("write `{variable}=true`")],
        }
    }
}
