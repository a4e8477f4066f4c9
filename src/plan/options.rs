//! What a command asks of a plan, beyond the project and the snapshot.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::plan::image::{ImageKey, PlannedImage};

/// What a command asks of a plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of the release that the plan makes.
    pub release: u32,
    /// The mark of containers that it creates (`io.deployctl.journal`).
    pub mark: String,
    /// Something unique to this run, from which the names of one-offs are made.
    pub seed: String,
    /// Forward with jobs, or back without.
    pub intent: Intent,
    /// Only these services; empty is all.
    pub services: Vec<String>,
    /// What becomes of containers whose service is gone.
    pub orphans: Orphans,
    /// For each wave (`--timeout`).
    pub timeout: Duration,
    /// For each job (`--job-timeout`).
    pub job_timeout: Duration,
    /// The images that services need, resolved.
    pub images: BTreeMap<ImageKey, PlannedImage>,
    /// Content of configs, secrets and bind-mounted files by service.
    pub content: BTreeMap<String, Content>,
    /// Fingerprints by container id that a release recorded because the label cannot say them.
    pub recorded_content: BTreeMap<String, String>,
    /// The tag line, when one is to be written.
    pub tag: Option<TagChange>,
    /// Variables of `--set`, written to the env file at commit.
    pub set: Vec<String>,
    /// The env file that `set` goes to.
    pub env_file: Option<PathBuf>,
    /// What `.rollback-tag` is to say; `None` leaves it.
    pub rollback_tag: Option<String>,
    /// Images of the release that a rollback would go to afterwards.
    pub hold: Vec<String>,
    /// Images that no kept release needs: id, and the tags that name it.
    pub let_go: Vec<(String, Vec<String>)>,
}

/// Forward with jobs, back without, or the jobs alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Backup, migration, update, smoke.
    Deploy,
    /// Update and smoke; the database stays as it is.
    Rollback,
    /// The migration alone: no service is looked at.
    Migrate,
}

/// What becomes of containers whose service is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// They are named in a warning.
    Report,
    /// They are stopped, and removed after the commit.
    Remove,
}

/// The tag variable's line in the env file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The env file.
    pub file: PathBuf,
    /// The variable, such as `IMAGE_TAG`.
    pub variable: String,
    /// What it is to say after the commit.
    pub asked: String,
    /// What serves, asked of the engine.
    pub serving: Option<String>,
    /// What the file says now.
    pub in_file: Option<String>,
}

/// Content that a container was created with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// Over all items.
    pub fingerprint: String,
    /// What it is made of, for people: `nginx.conf`, `secret db_password`.
    pub items: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            release: 1,
            mark: String::new(),
            seed: String::new(),
            intent: Intent::Deploy,
            services: Vec::new(),
            orphans: Orphans::Report,
            timeout: Duration::from_mins(2),
            job_timeout: Duration::from_hours(1),
            images: BTreeMap::new(),
            content: BTreeMap::new(),
            recorded_content: BTreeMap::new(),
            tag: None,
            set: Vec::new(),
            env_file: None,
            rollback_tag: None,
            hold: Vec::new(),
            let_go: Vec::new(),
        }
    }
}
