//! The lines of the journal.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::image::PlannedImage;
use crate::plan::step::{Before, Stage};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Entry {
    /// Who, where and what for.
    Begin(Header),
    /// Everything that may be done, with its undos, before the first effect.
    Planned {
        /// The plan's stages.
        stages: Vec<Stage>,
        /// The plan's images.
        images: Vec<PlannedImage>,
        /// What served before.
        before: Vec<Before>,
    },
    /// An effect is about to happen.
    StepBegun {
        /// Of the step.
        number: u32,
    },
    /// It happened.
    StepDone {
        /// Of the step.
        number: u32,
        /// The id of the container or network that it created, of the image that it pulled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created: Option<String>,
    },
    /// It failed; whether it had an effect is not known.
    StepFailed {
        /// Of the step.
        number: u32,
        /// Why, for people.
        message: String,
    },
    /// From here on the new release stands: what follows is redone, not undone.
    Committed,
    /// From here on the old world is brought back.
    Unwinding {
        /// Why, for people.
        reason: String,
    },
    /// An undo is about to happen.
    UndoBegun {
        /// Of the step that it takes back.
        number: u32,
    },
    /// It happened.
    UndoDone {
        /// Of the step that it takes back.
        number: u32,
    },
    /// An executable of `.deployctl/hooks/` is about to run. Recovery runs none again.
    HookBegun {
        /// `pre-deploy`.
        name: String,
    },
    /// It ended.
    HookEnded {
        /// `pre-deploy`.
        name: String,
        /// Why it counts as failed, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
    },
    /// One world stands; nothing is left to do.
    Closed {
        /// Which.
        outcome: Outcome,
    },
}

impl Entry {
    /// Whether these lines end a journal.
    pub fn close(entries: &[Self]) -> bool {
        entries
            .iter()
            .fold(false, |closed, entry| entry.closes(closed))
    }

    /// Whether a journal ends with this line; hooks may still run once one world stands.
    pub fn closes(&self, closed_before: bool) -> bool {
        match self {
            Self::Closed { .. } => true,
            Self::HookBegun { .. } | Self::HookEnded { .. } => closed_before,
            _ => false,
        }
    }
}

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Of the journal's format.
    pub format: u32,
    /// The program that wrote it.
    pub binary: String,
    /// The engine's id; another engine refuses to recover.
    pub engine: String,
    /// Project name.
    pub project: String,
    /// The app directory.
    pub directory: PathBuf,
    /// Number of the release.
    pub release: u32,
    /// `deploy`, `rollback`.
    pub command: String,
    /// The tag that was asked for.
    pub tag: Option<String>,
    /// RFC 3339.
    pub started: String,
    /// The marks of a container that this journal created (`io.deployctl.journal`).
    pub mark: String,
}

/// How a release ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Still going on, or killed.
    Running,
    /// It serves, or served until the next one.
    Succeeded,
    /// It failed before anything was stopped.
    Failed,
    /// It failed or was interrupted, and the old containers are back.
    RolledBack,
    /// It failed, and so did going back.
    Degraded,
    /// What ran before the first deploy by deployctl.
    Adopted,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "unfinished",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::RolledBack => "rolled back",
            Self::Degraded => "degraded",
            Self::Adopted => "adopted",
        })
    }
}
