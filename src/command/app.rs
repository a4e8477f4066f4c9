//! What every command needs: files, engine, lock, state.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::notices::Notices;
use crate::cli::{Cli, Globals};
use crate::engine::docker::{DockerEngine, GivenLogin};
use crate::error::{Error, ErrorKind};
use crate::project::{self, FileSource, LoadOptions, Location, Project};
use crate::report::Reporter;
use crate::state::{self, DeployLock, Holder, LockError, StateDirectory};

/// Between two attempts to take a lock that is held: flock(2) has no wait with a limit.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// A command's surroundings.
pub struct App<'a> {
    /// Options of every command.
    pub globals: &'a Globals,
    /// Who shows it.
    pub reporter: &'a Reporter,
    /// SIGINT, SIGTERM.
    pub cancel: CancellationToken,
    /// The environment of the process.
    pub environment: IndexMap<String, String>,
    /// Who is told how it goes.
    pub(super) notices: Notices,
    files: Vec<PathBuf>,
    login: Option<(String, String)>,
}

impl<'a> App<'a> {
    /// The surroundings of one command line.
    pub fn new(
        cli: &'a Cli,
        reporter: &'a Reporter,
        environment: IndexMap<String, String>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            globals: &cli.globals,
            reporter,
            cancel,
            environment,
            notices: Notices::default(),
            files: cli.compose_files(),
            login: cli.login().cloned(),
        }
    }

    /// Whether compose files were named on the command line.
    pub fn files_given(&self) -> bool {
        !self.files.is_empty()
    }

    /// The directory of the call.
    pub fn directory(&self) -> Result<PathBuf, Error> {
        let current = std::env::current_dir().map_err(|e| Error::new(ErrorKind::Check, e))?;
        let Some(directory) = &self.globals.directory else {
            return Ok(current);
        };
        let path = current.join(directory);
        path.canonicalize().map_err(|e| {
            let message = format!("cannot work in `{}`: {e}", path.display());
            Error::new(ErrorKind::Usage, message).hint("give `-C` a directory that exists")
        })
    }

    /// What is loaded, with variables that beat all others.
    pub fn load_options(&self, overrides: IndexMap<String, String>) -> Result<LoadOptions, Error> {
        let files = self
            .files
            .iter()
            .map(|f| source(f))
            .collect::<Result<_, _>>()?;
        Ok(LoadOptions {
            directory: self.directory()?,
            files,
            env_files: self.globals.env_files.clone(),
            environment_name: self.globals.environment.clone(),
            project_name: self.globals.project_name.clone(),
            project_directory: self.globals.project_directory.clone(),
            profiles: self.globals.profiles.clone(),
            process_environment: self.environment.clone(),
            overrides,
            ..LoadOptions::default()
        })
    }

    /// Finds and reads the project, on a thread of its own: the engine can answer meanwhile.
    pub async fn load(
        &self,
        overrides: IndexMap<String, String>,
    ) -> Result<(Location, Project), Error> {
        let options = self.load_options(overrides)?;
        let location = project::locate(&options)?;
        let reading = tokio::task::spawn_blocking(move || {
            let project = project::load(&location, &options);
            (location, project)
        });
        let (location, project) = reading
            .await
            .map_err(|error| Error::new(ErrorKind::Internal, error))?;
        Ok((location, project?))
    }

    /// Where the project's files are: lock, state and `.rollback-tag` stand beside them.
    pub fn locate(&self) -> Result<Location, Error> {
        Ok(project::locate(&self.load_options(IndexMap::new())?)?)
    }

    /// Connects to the engine.
    pub async fn engine(&self) -> Result<DockerEngine, Error> {
        self.logged_in(DockerEngine::connect(&self.environment).await?)
    }

    /// Connects to the engine, which lists its containers meanwhile.
    pub async fn engine_and_list(&self) -> Result<DockerEngine, Error> {
        self.logged_in(DockerEngine::connect_and_list(&self.environment).await?)
    }

    fn logged_in(&self, mut engine: DockerEngine) -> Result<DockerEngine, Error> {
        if let Some((user, registry)) = &self.login {
            engine.log_in(GivenLogin {
                registry: registry.clone(),
                user: user.clone(),
                password: self.password()?,
            });
        }
        Ok(engine)
    }

    /// The password of `--registry-password-stdin`: one line, kept in memory.
    fn password(&self) -> Result<String, Error> {
        let usage = |message: &str| {
            Error::new(ErrorKind::Usage, message).hint("echo \"$TOKEN\" | deployctl deploy sha-abc123 --registry-password-stdin ci-bot@ghcr.io")
        };
        if self.files.iter().any(|f| f == Path::new("-")) {
            return Err(usage(
                "standard input cannot be both the compose file and the password",
            ));
        }
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|e| usage(&format!("cannot read the password: {e}")))?;
        let password = text.trim_end_matches(['\n', '\r']);
        if password.is_empty() {
            return Err(usage("no password came on standard input"));
        }
        Ok(password.to_owned())
    }

    /// Takes the deploy lock of a directory, waiting as long as `--wait-lock` says.
    pub async fn lock(&self, directory: &Path, command: &str) -> Result<DeployLock, Error> {
        let path = state::lock_path(directory, self.globals.environment.as_deref());
        if let Some(kind) = state::network_filesystem(directory) {
            self.reporter.warning(&format!(
                "the lock is on a network file system ({kind}): other hosts may not see it"
            ));
        }
        let holder = Holder::current(command);
        if let Some(fd) = self.globals.lock_fd {
            return Ok(DeployLock::inherit(&path, fd, &holder)?);
        }
        let deadline = Instant::now() + self.globals.wait_lock.unwrap_or_default();
        let mut said = false;
        loop {
            match DeployLock::acquire(&path, &holder, None) {
                Err(error @ LockError::Held { .. }) if Instant::now() < deadline => {
                    if !said {
                        self.reporter.note(&format!("{error}; waiting"));
                        said = true;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(TRY_AGAIN) => {}
                        () = self.cancel.cancelled() => return Err(error.into()),
                    }
                }
                result => return Ok(result?),
            }
        }
    }

    /// The folder in which a project's releases are kept.
    pub fn state(&self, directory: &Path, project: &str) -> Result<StateDirectory, Error> {
        Ok(StateDirectory::open_or_create(directory, project)?)
    }

    /// `.rollback-tag` of the environment.
    pub fn rollback_tag(&self, directory: &Path) -> PathBuf {
        state::rollback_tag_path(directory, self.globals.environment.as_deref())
    }
}

fn source(file: &Path) -> Result<FileSource, Error> {
    if file != Path::new("-") {
        return Ok(FileSource::Path(file.to_owned()));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|e| {
        Error::new(
            ErrorKind::Invalid,
            format!("cannot read standard input: {e}"),
        )
    })?;
    Ok(FileSource::Stdin(text))
}
