//! Which files a project is made of.

mod candidates;
mod error;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::dotenv;
use super::go_path;
pub use error::LocateError;

/// What a caller asks for.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The directory of the call (`-C`, else the working directory); absolute.
    pub directory: PathBuf,
    /// `-f`, in order; empty means: look for them.
    pub files: Vec<FileSource>,
    /// `--env-file`, in order.
    pub env_files: Vec<PathBuf>,
    /// `--env staging`.
    pub environment_name: Option<String>,
    /// `-p`.
    pub project_name: Option<String>,
    /// `--project-directory`.
    pub project_directory: Option<PathBuf>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// The environment of the process.
    pub process_environment: IndexMap<String, String>,
    /// The tag line and `--set`: they beat everything.
    pub overrides: IndexMap<String, String>,
    /// Stages of loading that are left out.
    pub skip: Skip,
}

/// Stages of loading that `config --no-…` leaves out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Skip {
    /// `--no-normalize`
    pub normalization: bool,
    /// `--no-consistency`
    pub consistency: bool,
    /// `--no-path-resolution`
    pub paths: bool,
    /// `--no-env-resolution`
    pub env_files: bool,
}

/// A Compose file, or the text that came in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// A file.
    Path(PathBuf),
    /// What was read from standard input (`-f -`).
    Stdin(String),
}

/// The files of a project and the variables for their `${…}`.
#[derive(Debug, Clone, Default)]
pub struct Location {
    /// Where relative paths begin; absolute.
    pub working_dir: PathBuf,
    /// The Compose files, absolute, in the order of merging.
    pub files: Vec<FileSource>,
    /// The env files that were named or chosen, absolute.
    pub env_files: Vec<PathBuf>,
    /// The `.env` that is read by default, if there is one.
    pub default_env_file: Option<PathBuf>,
    /// The variables, those of the process first.
    pub environment: InterpolationValues,
    /// The active profiles.
    pub profiles: Vec<String>,
    /// What is to be told.
    pub warnings: Vec<String>,
}

type InterpolationValues = IndexMap<String, String>;

/// Finds the files of a project and reads its variables.
pub fn locate(options: &LoadOptions) -> Result<Location, LocateError> {
    let mut search = Search::new(options);
    search.read_env_files()?;
    search.find_compose_files()?;
    search.read_default_env_file_again()?;
    search.finish()
}

struct Search<'a> {
    options: &'a LoadOptions,
    files: Vec<FileSource>,
    env_files: Vec<PathBuf>,
    default_env_file: Option<PathBuf>,
    environment: IndexMap<String, String>,
    warnings: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(options: &'a LoadOptions) -> Self {
        let mut environment = options.process_environment.clone();
        environment
            .entry("PWD".into())
            .or_insert_with(|| options.directory.to_string_lossy().into_owned());
        environment.extend(options.overrides.clone());
        let files = options
            .files
            .iter()
            .map(|file| absolute_source(&options.directory, file))
            .collect();
        Self {
            options,
            files,
            env_files: Vec::new(),
            default_env_file: None,
            environment,
            warnings: Vec::new(),
        }
    }

    /// `--env-file`, `COMPOSE_ENV_FILES`, or the `.env` of the directory.
    fn read_env_files(&mut self) -> Result<(), LocateError> {
        self.env_files = self.named_env_files();
        if !self.env_files.is_empty() {
            let files = self.env_files.clone();
            return self.read_into_environment(&files);
        }
        // The env file of a production setup may name the Compose files, as one given with `--env-file`.
        if self.chooses_by_name()
            && let Some(path) = candidates::env_file(self.options)
            && names_compose_files(&read_text(&path)?)
        {
            self.read_into_environment(std::slice::from_ref(&path))?;
            self.env_files = vec![path];
            return Ok(());
        }
        // Else it is read when the Compose file is known.
        if self.chooses_by_name() && candidates::chosen(self.options)?.is_some() {
            return Ok(());
        }
        self.read_default_env_file()
    }

    fn named_env_files(&self) -> Vec<PathBuf> {
        let named: Vec<PathBuf> = if self.options.env_files.is_empty() {
            let list = self
                .options
                .process_environment
                .get("COMPOSE_ENV_FILES")
                .map(String::as_str)
                .unwrap_or_default();
            list.split(',')
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
                .collect()
        } else {
            self.options.env_files.clone()
        };
        named
            .iter()
            .map(|path| absolute(&self.options.directory, path))
            .collect()
    }

    /// No `-f`, no `COMPOSE_FILE`: the names decide.
    fn chooses_by_name(&self) -> bool {
        self.options.files.is_empty() && !self.environment.contains_key("COMPOSE_FILE")
    }

    fn read_default_env_file(&mut self) -> Result<(), LocateError> {
        if self.default_env_file_is_disabled()? {
            return Ok(());
        }
        let path = self.working_dir().join(".env");
        if path.metadata().is_ok_and(|meta| !meta.is_dir()) {
            self.read_into_environment(std::slice::from_ref(&path))?;
            self.default_env_file = Some(path);
        }
        Ok(())
    }

    fn default_env_file_is_disabled(&self) -> Result<bool, LocateError> {
        let variable = "COMPOSE_DISABLE_ENV_FILE";
        match self.environment.get(variable).map(String::as_str) {
            Some("1" | "t" | "T" | "TRUE" | "true" | "True") => Ok(true),
            None | Some("0" | "f" | "F" | "FALSE" | "false" | "False") => Ok(false),
            Some(value) => Err(LocateError::NoBoolean {
                variable,
                value: value.to_owned(),
            }),
        }
    }

    fn find_compose_files(&mut self) -> Result<(), LocateError> {
        if !self.files.is_empty() {
            return Ok(());
        }
        if let Some(list) = self.environment.get("COMPOSE_FILE") {
            let separator = self
                .environment
                .get("COMPOSE_PATH_SEPARATOR")
                .filter(|s| !s.is_empty())
                .map_or(":", |s| s);
            let paths = list
                .split(separator)
                .map(|path| absolute(&self.options.directory, Path::new(path)));
            self.files = paths.map(FileSource::Path).collect();
            return Ok(());
        }
        if let Some(chosen) = candidates::chosen(self.options)? {
            self.files = chosen.files.into_iter().map(FileSource::Path).collect();
            if self.env_files.is_empty() {
                match chosen.env_file {
                    Some(path) => {
                        self.read_into_environment(std::slice::from_ref(&path))?;
                        self.env_files = vec![path];
                    }
                    None => self.read_default_env_file()?,
                }
            }
            return Ok(());
        }
        let start = self.working_dir();
        let found = candidates::compose_default(&start, &mut self.warnings);
        let found = found.ok_or(LocateError::NotFound { directory: start })?;
        self.files = found.into_iter().map(FileSource::Path).collect();
        Ok(())
    }

    /// The Compose file may stand in another directory, with another `.env`.
    fn read_default_env_file_again(&mut self) -> Result<(), LocateError> {
        if !self.env_files.is_empty() {
            return Ok(());
        }
        let before = self.default_env_file.take();
        self.read_default_env_file()?;
        if self.default_env_file.is_none() {
            self.default_env_file = before;
        }
        Ok(())
    }

    fn finish(self) -> Result<Location, LocateError> {
        for file in &self.files {
            if let FileSource::Path(path) = file
                && !path.exists()
            {
                return Err(LocateError::Missing { path: path.clone() });
            }
        }
        let mut profiles = self.options.profiles.clone();
        if profiles.is_empty() {
            let list = self
                .environment
                .get("COMPOSE_PROFILES")
                .map(String::as_str)
                .unwrap_or_default();
            // Without profiles the list holds the empty one, which a service may be in, too.
            profiles = list.split(',').map(str::trim).map(str::to_owned).collect();
        }
        Ok(Location {
            working_dir: self.working_dir(),
            files: self.files,
            env_files: self.env_files,
            default_env_file: self.default_env_file,
            environment: self.environment,
            profiles,
            warnings: self.warnings,
        })
    }

    fn working_dir(&self) -> PathBuf {
        if let Some(directory) = self
            .options
            .project_directory
            .as_ref()
            .filter(|dir| !dir.as_os_str().is_empty())
        {
            return absolute(&self.options.directory, directory);
        }
        let of_file = self.files.iter().find_map(|file| match file {
            FileSource::Path(path) => Some(PathBuf::from(go_path::parent(&path.to_string_lossy()))),
            FileSource::Stdin(_) => None,
        });
        of_file.unwrap_or_else(|| self.options.directory.clone())
    }

    /// Later files win; what is known already beats them all.
    fn read_into_environment(&mut self, paths: &[PathBuf]) -> Result<(), LocateError> {
        let mut values: IndexMap<String, String> = IndexMap::new();
        for path in paths {
            let text = read_text(path)?;
            let lookup = |name: &str| self.environment.get(name).cloned();
            let earlier = |name: &str| values.get(name).cloned();
            let mut missing = Vec::new();
            let parsed = dotenv::parse_with(&text, &lookup, &earlier, &mut |name| {
                missing.push(name.to_owned());
            })
            .map_err(|problem| LocateError::EnvFile {
                path: path.clone(),
                problem,
            })?;
            for name in missing {
                self.warnings.push(format!(
                    "{}: the variable `{name}` is not set; it counts as empty",
                    path.display()
                ));
            }
            values.extend(parsed);
        }
        for (name, value) in values {
            self.environment.entry(name).or_insert(value);
        }
        Ok(())
    }
}

/// Whether a line of an env file sets `COMPOSE_FILE`.
fn names_compose_files(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches("export ");
        let value = line.strip_prefix("COMPOSE_FILE=");
        value.is_some_and(|value| !value.trim().is_empty())
    })
}

fn read_text(path: &Path) -> Result<String, LocateError> {
    match super::read::read_file(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(LocateError::Missing {
            path: path.to_owned(),
        }),
        Err(source) => Err(LocateError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}

fn absolute(directory: &Path, path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    let joined = if path.starts_with('/') {
        path.into_owned()
    } else {
        format!("{}/{path}", directory.display())
    };
    PathBuf::from(go_path::clean(&joined))
}

fn absolute_source(directory: &Path, file: &FileSource) -> FileSource {
    match file {
        FileSource::Path(path) => FileSource::Path(absolute(directory, path)),
        FileSource::Stdin(text) => FileSource::Stdin(text.clone()),
    }
}
