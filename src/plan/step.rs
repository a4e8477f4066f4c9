//! Steps: what a plan does, each with its undo and its cause.
//!
//! A step holds no value of a variable: the journal keeps the whole plan on disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::image::{ImageKey, PlannedImage};
use crate::plan::observed::{ContainerState, Health, RestartPolicy};
use crate::plan::spec::{ContainerSpec, PlannedId};

/// What one command is going to do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Stages in order; the lanes of a stage run side by side.
    pub stages: Vec<Stage>,
    /// The containers that it creates.
    pub specs: BTreeMap<PlannedId, ContainerSpec>,
    /// The images that it needs.
    pub images: BTreeMap<ImageKey, PlannedImage>,
    /// What changes and why, for people.
    pub changes: Vec<Change>,
    /// What a person should know before it runs.
    pub warnings: Vec<String>,
    /// The containers that serve before, as the unwind has to leave them.
    pub before: Vec<Before>,
    /// By service, how many of its new containers may fail (`update_config.max_failure_ratio`).
    pub tolerated: BTreeMap<String, usize>,
}

/// Steps that may run side by side, and that all have to succeed before the next stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// What it is for.
    pub kind: StageKind,
    /// Sequences of steps, side by side.
    pub lanes: Vec<Lane>,
}

/// What a stage is for; decides the exit code of a failure in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "stage", content = "wave")]
pub enum StageKind {
    /// The env file names again what serves.
    PutBack,
    /// Images (6).
    Pull,
    /// Networks and volumes.
    Prepare,
    /// Services that a job depends on and that do not run yet (8).
    Dependencies(usize),
    /// Profile `backup` (7).
    Backup,
    /// Profile `migrate`, and services awaited with `service_completed_successfully` (7).
    Migrate,
    /// New containers, created beside the old ones (8).
    Create,
    /// Services along `depends_on` (8).
    Wave(usize),
    /// Running for as long as `monitor` says (8).
    Monitor,
    /// Profile `smoke` (8).
    Smoke,
    /// Follows from the journal's line `committed`; is redone, never undone.
    Commit,
    /// What is not needed any more; failures are warnings.
    Clean,
}

/// A sequence of steps, usually of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// For people: the service, image, network or job.
    pub name: String,
    /// In order.
    pub steps: Vec<PlannedStep>,
}

/// A step with its reverse and its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Unique in the plan, ascending in order.
    pub number: u32,
    /// What is done.
    pub step: Step,
    /// What takes it back.
    pub undo: Undo,
    /// Why.
    pub cause: Cause,
}

/// One action with one effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Step {
    /// Pulls an image by its digest.
    Pull {
        /// Key into the plan's images.
        image: ImageKey,
    },
    /// Makes the local tag name the plan's image.
    ArmTag {
        /// Key into the plan's images.
        image: ImageKey,
    },
    /// Creates a network of the project.
    CreateNetwork {
        /// Key in the file.
        key: String,
        /// Name in the engine.
        name: String,
    },
    /// Removes a network that this plan created.
    RemoveNetwork {
        /// Name in the engine.
        name: String,
    },
    /// Creates a volume of the project.
    CreateVolume {
        /// Key in the file.
        key: String,
        /// Name in the engine.
        name: String,
    },
    /// Creates a container from a spec of the plan.
    Create {
        /// Key into the plan's specs.
        container: PlannedId,
        /// The name that it is created with: recovery finds it by that.
        name: String,
    },
    /// Starts a container.
    Start {
        /// Which.
        container: ContainerRef,
    },
    /// Stops a container, with the grace that its service gives it.
    Stop {
        /// Which.
        container: ContainerRef,
        /// `stop_grace_period`; the engine's default where unset.
        grace: Option<Duration>,
    },
    /// Gives a container another name.
    Rename {
        /// Which.
        container: ContainerRef,
        /// Its name before.
        from: String,
        /// Its name after.
        to: String,
    },
    /// Removes a container, never its volumes.
    Remove {
        /// Which.
        container: ContainerRef,
    },
    /// Sets the restart policy.
    SetRestart {
        /// Which.
        container: ContainerRef,
        /// The new policy.
        policy: RestartPolicy,
    },
    /// Sends a signal (`x-deployctl.reload`).
    Signal {
        /// Which.
        container: ContainerRef,
        /// `SIGHUP`.
        signal: String,
    },
    /// Copies files below a folder that a container lacks from another one (`x-deployctl.assets`).
    CopyAssets {
        /// Which has them.
        from: ContainerRef,
        /// Which lacks them.
        to: ContainerRef,
        /// The folder, in both.
        path: String,
    },
    /// Waits until a container is as it should be.
    Await {
        /// Which.
        container: ContainerRef,
        /// What for.
        until: Until,
        /// How long at most.
        timeout: Duration,
    },
    /// Runs `post_start` hooks, one after another.
    Hooks {
        /// In which container.
        container: ContainerRef,
        /// `post_start` or `pre_stop`.
        kind: HookKind,
    },
    /// Watches new containers until each has run for as long as `monitor` says.
    Monitor {
        /// Container and how long it has to run.
        containers: Vec<(ContainerRef, Duration)>,
    },
    /// Waits before the next container of a service is replaced (`update_config.delay`).
    Delay {
        /// How long.
        duration: Duration,
    },
    /// Writes a variable's line in an env file.
    WriteVariable {
        /// The env file.
        file: PathBuf,
        /// The variable.
        name: String,
        /// Its value, or where it is kept.
        value: VariableValue,
        /// What to do when the file has no such line.
        missing: MissingLine,
    },
    /// Writes `.rollback-tag`.
    WriteRollbackTag {
        /// One line.
        value: String,
    },
    /// Writes the release's record: it serves.
    RecordRelease,
    /// Keeps an image of a former release from being pruned.
    HoldImage {
        /// `sha256:…`.
        id: String,
        /// The release that needs it.
        release: u32,
    },
    /// Lets go of an image that no kept release needs.
    LetGo {
        /// `sha256:…`.
        id: String,
        /// The tags that name it here.
        references: Vec<String>,
    },
}

/// Which hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookKind {
    /// After the start, before the container counts as healthy.
    PostStart,
    /// Before the stop.
    PreStop,
}

/// What an [`Step::Await`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// The healthcheck says so; without one, that it runs.
    Healthy,
    /// The process runs.
    Running,
    /// It ended with code 0.
    Completed,
}

/// A variable's new value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VariableValue {
    /// A tag, which is no secret.
    Tag(String),
    /// Kept in the release's resolved model under the variable's name.
    InRelease(u32),
}

/// What to do with an env file that has no line for a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingLine {
    /// Append one.
    Append,
    /// Leave the file as it is.
    Leave,
}

/// A container that a step acts upon.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerRef {
    /// It was there before.
    Existing {
        /// The engine's id.
        id: String,
        /// Its name when observed.
        name: String,
    },
    /// The plan creates it.
    Planned(PlannedId),
}

/// What takes a step back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// These steps, in this order. Each leaves alone what is as it should be.
    Run(Vec<Step>),
    /// These steps, once the old containers serve again: the new one serves until then.
    RunLast(Vec<Step>),
    /// Nothing, and why.
    Nothing(String),
}

/// Why a step is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// There is no such thing yet.
    Missing,
    /// The configuration differs (config hash).
    ConfigurationChanged,
    /// Another image.
    ImageChanged {
        /// Reference or short id of the old one.
        from: String,
        /// Reference or short id of the new one.
        to: String,
    },
    /// Content of a config, secret or bind-mounted file.
    ContentChanged {
        /// Which.
        items: Vec<String>,
    },
    /// It is not attached to a network that it should be on, or a volume is missing.
    AttachmentChanged {
        /// The network or volume.
        what: String,
    },
    /// It shares a namespace or volumes with a service that is recreated, or depends on it with `restart: true`.
    FollowsService {
        /// That service.
        service: String,
    },
    /// It does not run.
    NotRunning,
    /// More replicas are asked for, or fewer.
    Scaled {
        /// Containers now.
        from: u32,
        /// Containers asked for.
        to: u32,
    },
    /// Its service is not in the file any more.
    Orphan,
    /// A job of a profile (`backup`, `migrate`, `smoke`).
    Job,
    /// Part of every release: tag line, record, clean-up.
    Release,
}

/// A change of a service as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Key of the service (or network, volume).
    pub service: String,
    /// The container's name at rest.
    pub container: String,
    /// What happens to it.
    pub action: Action,
    /// Why.
    pub cause: Cause,
}

/// What happens to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A new container.
    Create,
    /// A new container in place of the old one, which stops first.
    Recreate,
    /// A new container beside the old one, which stops when the new one is healthy.
    RecreateStartFirst,
    /// An existing container is stopped and started again.
    Restart,
    /// An existing container is started.
    Start,
    /// A container is removed.
    Remove,
    /// A signal makes it read its files again.
    Signal,
    /// A one-off runs.
    Run,
}

/// A container as it was before, which the unwind brings back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// Running or not.
    pub state: ContainerState,
    /// What its healthcheck said.
    pub health: Health,
    /// Its policy.
    pub restart: RestartPolicy,
    /// Whether the plan touches it.
    pub touched: bool,
}

impl Plan {
    /// Every step, in order.
    pub fn steps(&self) -> impl Iterator<Item = &PlannedStep> {
        self.stages
            .iter()
            .flat_map(|s| &s.lanes)
            .flat_map(|l| &l.steps)
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.stages
            .iter()
            .all(|s| s.lanes.iter().all(|l| l.steps.is_empty()))
    }
}

impl ContainerRef {
    /// A container that was there before.
    pub fn existing(container: &crate::plan::Container) -> Self {
        Self::Existing {
            id: container.id.clone(),
            name: container.name.clone(),
        }
    }
}

impl std::fmt::Display for ContainerRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Existing { name, .. } => f.write_str(name),
            Self::Planned(id) => write!(f, "new {id}"),
        }
    }
}
