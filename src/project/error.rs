//! What can be wrong with the files of a project, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::source::{Place, Position, Sources};

/// The project cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub struct LoadError {
    /// What is wrong.
    #[source]
    pub problem: Problem,
    /// Where it stands.
    pub place: Option<Box<Place>>,
    /// The key path: `services.web.ports`.
    pub path: Option<String>,
    /// What to do or type next.
    pub hints: Vec<String>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(
                f,
                "{}:{}:{}: ",
                place.file.display(),
                place.line,
                place.column
            )?;
        }
        match &self.path {
            Some(path) => write!(f, "{path}: {}", self.problem)?,
            None => write!(f, "{}", self.problem)?,
        }
        match &self.place {
            Some(place) => f.write_str(&place.picture()),
            None => Ok(()),
        }
    }
}

/// The kinds of things that can be wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is no YAML.
    #[error("{0}")]
    Syntax(String),
    /// More nodes, levels or aliases than any project needs.
    #[error("{0}")]
    TooLarge(String),
    /// A key that Compose does not know.
    #[error("unknown key `{0}`")]
    UnknownKey(String),
    /// A key that must be there.
    #[error("the key `{0}` is missing")]
    MissingKey(&'static str),
    /// A value of the wrong type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// What Compose wants.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A value that its key does not allow.
    #[error("{0}")]
    InvalidValue(String),
    /// A `${…}` that cannot be read.
    #[error("invalid variable expression `{0}`")]
    InvalidVariable(String),
    /// A `${NAME:?…}` without a value.
    #[error("the required variable `{name}` is not set{}", reason(message))]
    MissingVariable {
        /// The variable.
        name: String,
        /// What the file says about it.
        message: String,
    },
    /// A file that cannot be read.
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
        problem: super::dotenv::DotenvError,
    },
    /// A name that nothing in the project has.
    #[error("{0}")]
    Undefined(String),
    /// Two keys that exclude one another.
    #[error("{0}")]
    Conflict(String),
    /// Services, files or aliases that lead back to themselves.
    #[error("{0}")]
    Cycle(String),
    /// The project's name.
    #[error("{0}")]
    ProjectName(String),
}

fn reason(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

/// An error whose place is still a position.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) problem: Problem,
    pub(crate) at: Position,
    pub(crate) path: String,
    pub(crate) hints: Vec<String>,
}

/// The result of every stage of loading.
pub(crate) type Outcome<T> = Result<T, Box<Fault>>;

impl Fault {
    /// An error at a position; the path is added on the way out.
    pub(crate) fn new(problem: Problem, at: Position) -> Box<Self> {
        Box::new(Self {
            problem,
            at,
            path: String::new(),
            hints: Vec::new(),
        })
    }

    /// A value that its key does not allow.
    pub(crate) fn invalid(message: impl Into<String>, at: Position) -> Box<Self> {
        Self::new(Problem::InvalidValue(message.into()), at)
    }

    /// A value of the wrong type.
    pub(crate) fn wrong_type(expected: impl Into<String>, node: &super::tree::Node) -> Box<Self> {
        Self::new(
            Problem::WrongType {
                expected: expected.into(),
                found: node.describe(),
            },
            node.at,
        )
    }

    /// Names what to do.
    pub(crate) fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hints.push(hint.into());
        self
    }

    /// Puts a key in front of the path.
    pub(crate) fn under(mut self: Box<Self>, key: &str) -> Box<Self> {
        self.path = match (self.path.is_empty(), self.path.starts_with('[')) {
            (true, _) => key.to_owned(),
            (false, true) => format!("{key}{}", self.path),
            (false, false) => format!("{key}.{}", self.path),
        };
        self
    }

    /// Puts the place of a list entry in front of the path.
    pub(crate) fn within(self: Box<Self>, index: usize) -> Box<Self> {
        self.under(&format!("[{index}]"))
    }

    /// The error for callers, with its line.
    pub(crate) fn locate(self, sources: &Sources) -> LoadError {
        LoadError {
            problem: self.problem,
            place: sources.place(self.at).map(Box::new),
            path: (!self.path.is_empty()).then_some(self.path),
            hints: self.hints,
        }
    }
}

/// `a → b → … → a`, with the middle of a long one left out.
pub(crate) fn circle<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.len() <= SHOWN {
        return names.join(" → ");
    }
    let (first, last) = (&names[..SHOWN / 2], &names[names.len() - SHOWN / 2..]);
    format!("{} → … → {}", first.join(" → "), last.join(" → "))
}

/// Adds keys to the path of an error on its way out.
pub(crate) trait Under {
    /// Under this key.
    fn under(self, key: &str) -> Self;
    /// Under this entry of a list.
    fn within(self, index: usize) -> Self;
}

impl<T> Under for Outcome<T> {
    fn under(self, key: &str) -> Self {
        self.map_err(|fault| fault.under(key))
    }

    fn within(self, index: usize) -> Self {
        self.map_err(|fault| fault.within(index))
    }
}
