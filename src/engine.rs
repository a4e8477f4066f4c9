//! The engine behind one trait: the Docker Engine API, and an in-memory one for tests.

pub mod docker;
pub mod error;
pub mod memory;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{BoxStream, LocalBoxStream};

use crate::plan::observed::{Container, EngineInfo, LocalImage, Observed, RestartPolicy};
use crate::plan::spec::{ContainerSpec, NetworkAttachment};
use crate::project::model::Project;

pub use error::{EngineError, PullError};

/// What deployctl asks of an engine.
///
/// Every call has a deadline of its own; an engine that accepts and never answers is
/// [`EngineError::Timeout`]. Calls that change something are safe to repeat: what is already as
/// asked (started, stopped, removed, named so) is a success.
#[expect(async_fn_in_trait, reason = "one thread; futures need not be Send")]
pub trait Engine {
    /// Who the engine is.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// Takes the snapshot that a plan starts from. Images are those of `scope.images` that are here.
    async fn observe(&self, scope: &Scope) -> Result<Observed, EngineError>;

    /// Inspects one container (by id or name), `details` filled; `None` where there is none.
    async fn inspect(&self, container: &str) -> Result<Option<Container>, EngineError>;

    /// Inspects one local image; `None` where it is not here.
    async fn image(&self, reference: &str) -> Result<Option<LocalImage>, EngineError>;

    /// Creates a network of the project under its name, with docker compose's labels; returns its id.
    async fn create_network(&self, project: &Project, key: &str) -> Result<String, EngineError>;

    /// Removes a network by name; one that is gone is a success.
    async fn remove_network(&self, name: &str) -> Result<(), EngineError>;

    /// Creates a volume of the project under its name, with docker compose's labels.
    async fn create_volume(&self, project: &Project, key: &str) -> Result<(), EngineError>;

    /// Creates a container, attached to all its networks, inline configs and secrets copied into it; returns its id.
    async fn create_container(&self, request: &CreateRequest<'_>) -> Result<Created, EngineError>;

    /// Connects a container that `request` has created to one more network; one that it is on is a success.
    async fn join(
        &self,
        request: &CreateRequest<'_>,
        container: &str,
        network: &NetworkAttachment,
    ) -> Result<(), EngineError>;

    /// Starts a container.
    async fn start(&self, container: &str) -> Result<(), EngineError>;

    /// Stops a container: its stop signal, then a kill after `grace` (the container's own where `None`).
    async fn stop(&self, container: &str, grace: Option<Duration>) -> Result<(), EngineError>;

    /// Sends a signal to a container's process.
    async fn signal(&self, container: &str, signal: &str) -> Result<(), EngineError>;

    /// Gives a container another name.
    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError>;

    /// Removes a container, running or not, never its volumes.
    async fn remove(&self, container: &str) -> Result<(), EngineError>;

    /// Sets the restart policy.
    async fn set_restart(&self, container: &str, policy: &RestartPolicy)
    -> Result<(), EngineError>;

    /// Copies files below the folder `path` that container `to` lacks from container `from`, running or not.
    async fn copy_lacking(&self, from: &str, to: &str, path: &str) -> Result<(), EngineError>;

    /// Runs a command in a running container; returns its exit code and what it printed.
    async fn exec(&self, container: &str, request: &ExecRequest)
    -> Result<ExecResult, EngineError>;

    /// Lifecycle events of a project's containers, from the subscription on. The stream ends, with an
    /// error or without, when the engine goes away: subscribe again, then inspect.
    async fn events(
        &self,
        project: &str,
    ) -> Result<LocalBoxStream<'static, Result<ContainerEvent, EngineError>>, EngineError>;

    /// A container's output, oldest first.
    async fn logs(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> Result<LocalBoxStream<'static, Result<LogLine, EngineError>>, EngineError>;

    /// Asks the registry (through the engine, with the user's credentials) which digest a reference has.
    async fn resolve_digest(&self, reference: &str) -> Result<String, PullError>;

    /// Pulls `repository@digest` (or a tag); dropping the stream cancels it.
    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
    ) -> Result<LocalBoxStream<'static, Result<PullProgress, PullError>>, PullError>;

    /// Makes `repository:tag` name an image.
    async fn tag_image(&self, image: &str, reference: &str) -> Result<(), EngineError>;

    /// Removes a tag, and the image with its last one; an image in use stays, which is a success.
    async fn remove_image(&self, reference: &str) -> Result<(), EngineError>;

    /// Creates a container that is never started and has no labels of docker compose: it keeps an image from `docker image prune -a`.
    async fn hold_image(
        &self,
        image: &str,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError>;
}

/// What a snapshot covers.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The project's name (label).
    pub project: String,
    /// Also list the containers of others, for names and ports.
    pub strangers: bool,
    /// Names of networks to look up, beside those with the label.
    pub networks: Vec<String>,
    /// Names of volumes to look up, beside those with the label.
    pub volumes: Vec<String>,
    /// References of images to inspect.
    pub images: Vec<String>,
    /// List networks and volumes at all (`status` does without).
    pub resources: bool,
}

/// A container to create, every placeholder of its spec filled in.
#[derive(Debug)]
pub struct CreateRequest<'a> {
    /// Names of networks and volumes, contents of configs and secrets.
    pub project: &'a Project,
    /// What the plan says.
    pub spec: &'a ContainerSpec,
    /// The reference to create from.
    pub image: String,
    /// All labels: the user's and ours.
    pub labels: BTreeMap<String, String>,
    /// Service → id of the container whose namespace or volumes are shared.
    pub references: BTreeMap<String, String>,
}

/// What a creation says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Created {
    /// The new container's id.
    pub id: String,
    /// What the engine, or the API version agreed upon, could not carry out.
    pub warnings: Vec<String>,
}

/// A command to run in a container.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// Words.
    pub command: Vec<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// Other than the container's.
    pub user: Option<String>,
    /// Other than the container's.
    pub working_dir: Option<String>,
    /// Extended privileges.
    pub privileged: bool,
}

/// How a command in a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecResult {
    /// Of the command.
    pub exit_code: i64,
    /// Both streams, as they came.
    pub output: String,
}

/// The streams of a command or a container, attached to this end.
pub struct Attached {
    /// What it writes, until it ends.
    pub output: BoxStream<'static, Result<Piece, EngineError>>,
    /// What it reads; a shutdown is the end of its input.
    pub input: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>,
}

/// Bytes that a command wrote, as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it was written to.
    pub stream: LogStream,
    /// Whatever they mean.
    pub bytes: Vec<u8>,
}

/// Whether a command gets a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// It does: one stream, for a person.
    Tty,
    /// It does not: two streams, every byte as it is.
    None,
}

/// How large a terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// Something happened to a container of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// Which.
    pub container: String,
    /// What.
    pub kind: EventKind,
    /// Nanoseconds since 1970, by the engine's clock.
    pub time_nano: i64,
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// It was started.
    Start,
    /// Its process ended.
    Die {
        /// With this code.
        exit_code: i64,
    },
    /// The kernel killed it for its memory.
    Oom,
    /// The healthcheck's verdict changed.
    Healthy,
    /// The healthcheck's verdict changed.
    Unhealthy,
    /// Somebody renamed it.
    Rename,
    /// It was removed.
    Destroy,
    /// Anything else (`kill`, `stop`, `pause` …).
    Other(String),
}

/// Which lines of a container's output.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogOptions {
    /// Go on as new ones come.
    pub follow: bool,
    /// The last lines only.
    pub tail: Option<u64>,
    /// Seconds since 1970.
    pub since: Option<i64>,
    /// Seconds since 1970.
    pub until: Option<i64>,
    /// With the engine's time stamps.
    pub timestamps: bool,
}

/// A piece of a container's output: whole lines where the container writes lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Where it was written to.
    pub stream: LogStream,
    /// Without the line's end.
    pub text: String,
}

/// Standard output or standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output (and everything of a tty).
    Stdout,
    /// Standard error.
    Stderr,
}

/// Where a pull is, over all layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// Bytes here.
    pub current: u64,
    /// Bytes in all, as far as known.
    pub total: u64,
    /// Layers that are complete.
    pub layers_done: u32,
    /// Layers seen.
    pub layers: u32,
}
