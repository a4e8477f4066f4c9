//! How a release fails, and how a run ends.

use std::time::Duration;

use crate::engine::{EngineError, PullError};
use crate::plan::step::StageKind;
use crate::state::Outcome;

/// Why a step failed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    /// The healthcheck says so.
    #[error("container `{container}` is unhealthy")]
    Unhealthy {
        /// Its name.
        container: String,
    },
    /// The process ended, and nothing starts it again.
    #[error("container `{container}` exited with code {code}")]
    Exited {
        /// Its name.
        container: String,
        /// Exit code.
        code: i64,
    },
    /// The process ended again and again.
    #[error("container `{container}` exited {exits} times, last with code {code}")]
    RestartLoop {
        /// Its name.
        container: String,
        /// How often.
        exits: i64,
        /// Exit code.
        code: i64,
    },
    /// The kernel killed it for its memory.
    #[error("container `{container}` was killed for its memory (OOM)")]
    OutOfMemory {
        /// Its name.
        container: String,
    },
    /// Somebody removed it.
    #[error("container `{container}` is gone: somebody removed it")]
    Vanished {
        /// Its name.
        container: String,
    },
    /// No verdict in time.
    #[error("container `{container}` was not {awaited} within {} s", .after.as_secs())]
    TimedOut {
        /// Its name.
        container: String,
        /// `healthy`, `running`.
        awaited: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// A job ended with another code than 0.
    #[error("job `{job}` failed with exit code {code}")]
    JobFailed {
        /// Container or service.
        job: String,
        /// Exit code.
        code: i64,
    },
    /// A job did not end in time.
    #[error("job `{job}` did not end within {} s", .after.as_secs())]
    JobTimedOut {
        /// Container or service.
        job: String,
        /// The deadline.
        after: Duration,
    },
    /// A `post_start` hook failed.
    #[error("hook `{command}` failed in `{container}` with exit code {code}: {output}")]
    Hook {
        /// Its name.
        container: String,
        /// The command.
        command: String,
        /// Exit code.
        code: i64,
        /// What it printed last.
        output: String,
    },
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An image cannot be had.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The journal or a file could not be written.
    #[error("{0}")]
    Store(String),
    /// SIGINT or SIGTERM.
    #[error("interrupted")]
    Interrupted,
    /// A step of the journal needs what only the running command knows.
    #[error("cannot {0} from the journal alone")]
    NotRecoverable(&'static str),
}

/// Where and why a release failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The stage.
    pub stage: StageKind,
    /// Service, image or job.
    pub lane: String,
    /// Why.
    pub failure: Failure,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Which world stands.
    pub outcome: Outcome,
    /// What went wrong on the way forward.
    pub failed: Option<Failed>,
    /// What could not be brought back, or done after the commit; container by container.
    pub problems: Vec<String>,
    /// The line `backup=…` that a backup job printed.
    pub backup: Option<String>,
    /// The images of the plan, their ids filled in.
    pub images: Vec<crate::plan::PlannedImage>,
}
