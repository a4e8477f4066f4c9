//! What is kept of a release.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::state::entry::{Header, Outcome};
use crate::state::error::FileError;
use crate::state::holder::{host_name, now, user_name};

/// Version of the format of `record.json` and `model.json`.
pub const FORMAT: u32 = 1;

/// How a release came about and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// Of this file; [`FORMAT`].
    pub format: u32,
    /// From 1, in order.
    pub number: u32,
    /// Where it came from.
    pub kind: ReleaseKind,
    /// The tag that it serves under, where one is known.
    pub tag: Option<String>,
    /// The release that served before.
    pub previous: Option<u32>,
    /// The release whose model a rollback took.
    pub source: Option<u32>,
    /// RFC 3339.
    pub started: String,
    /// RFC 3339; `None` while it runs, or when it was killed.
    pub finished: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    pub reason: Option<String>,
    /// Who ran it.
    pub user: String,
    /// On which host.
    pub host: String,
    /// From where it was run.
    #[serde(default)]
    pub origin: Origin,
    /// Why it was made, as its maker says (`--reason`).
    pub note: Option<String>,
    /// Service → its image.
    #[serde(default)]
    pub images: BTreeMap<String, ImageRecord>,
    /// The variables that the model was resolved with; never their values.
    #[serde(default)]
    pub environment_keys: Vec<String>,
    /// What a job of profile `backup` printed as `backup=…`.
    pub backup: Option<String>,
    /// Service → fingerprints of its configs, secrets and mounted files, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub content: BTreeMap<String, BTreeMap<String, String>>,
    /// Service → milliseconds from the stop of its old container until the new one was ready.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gaps: BTreeMap<String, u64>,
    /// The number of the CI run that deployed it, where it was told: `--unless-newer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
}

/// Where a release came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseKind {
    /// Of the files of the app directory.
    Deploy,
    /// Of an earlier release.
    Rollback,
    /// It ran before deployctl came.
    Adopted,
    /// No release: the migration alone, in the journal and the history.
    Migration,
}

/// An image that a service of a release runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// As in the resolved model.
    pub reference: String,
    /// `sha256:…` in the registry; `None` for an image that was built here.
    pub digest: Option<String>,
    /// `sha256:…` of the local image.
    pub id: String,
}

/// From where a release was run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The address at the other end of the SSH connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    /// The user before `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The address of the CI run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_run: Option<String>,
    /// The commit that CI runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// The resolved model of a release, from which it can be brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModel {
    /// Of this file; [`FORMAT`].
    pub format: u32,
    /// Values of the variables that the release sets (the tag and `--set`).
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// The resolved project.
    pub model: serde_json::Value,
}

/// A few fields of a [`StoredModel`]: reading all of a large one takes longer than the engine's list.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Outline {
    /// Values of the variables that the release sets.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    model: OutlineOfProject,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct OutlineOfProject {
    #[serde(default)]
    services: BTreeMap<String, OutlineOfService>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct OutlineOfService {
    scale: Option<u64>,
    deploy: Option<OutlineOfDeploy>,
    restart: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct OutlineOfDeploy {
    replicas: Option<u64>,
}

impl Outline {
    /// The services that the release ran.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.model.services.keys().map(String::as_str)
    }

    /// How many containers the release gave a service.
    pub fn replicas(&self, service: &str) -> Option<usize> {
        let service = self.model.services.get(service)?;
        let of_deploy = service.deploy.as_ref().and_then(|d| d.replicas);
        usize::try_from(service.scale.or(of_deploy).unwrap_or(1)).ok()
    }

    /// Whether a service is started again whenever it ends: it is never done.
    pub fn goes_on(&self, service: &str) -> bool {
        let service = self.model.services.get(service);
        let policy = service.and_then(|s| s.restart.as_deref());
        matches!(policy, Some("always" | "unless-stopped"))
    }
}

/// What is kept of a release cannot be read, written or found.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// No release has this number.
    #[error("there is no release {number} in the history")]
    Unknown {
        /// As asked.
        number: u32,
    },
    /// More than one tag agrees with the beginning of a hash.
    #[error("`{asked}` agrees with more than one release: {}", .tags.join(", "))]
    Ambiguous {
        /// As asked.
        asked: String,
        /// The tags that agree, newest first.
        tags: Vec<String>,
    },
    /// The file is damaged.
    #[error("`{}` is damaged: {reason}", .path.display())]
    Corrupt {
        /// Of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A later deployctl wrote it.
    #[error("`{}` has format {found}, written by a later deployctl; this one reads {FORMAT}", .path.display())]
    Format {
        /// Of the file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// The file system refuses.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ReleaseRecord {
    /// A release that begins now, run by this user on this host.
    #[must_use]
    pub fn begin(number: u32, kind: ReleaseKind, environment: &BTreeMap<String, String>) -> Self {
        Self {
            format: FORMAT,
            number,
            kind,
            tag: None,
            previous: None,
            source: None,
            started: now(),
            finished: None,
            outcome: Outcome::Running,
            reason: None,
            user: user_name(),
            host: host_name(),
            origin: Origin::from_environment(environment),
            note: None,
            images: BTreeMap::new(),
            environment_keys: Vec::new(),
            backup: None,
            content: BTreeMap::new(),
            gaps: BTreeMap::new(),
            run: None,
        }
    }

    /// What a journal alone tells of its release: the record may be gone.
    pub(super) fn from_header(header: &Header) -> Self {
        let kind = match header.command.split(' ').next() {
            Some("rollback") => ReleaseKind::Rollback,
            Some("migrate") => ReleaseKind::Migration,
            _ => ReleaseKind::Deploy,
        };
        Self {
            tag: header.tag.clone(),
            started: header.started.clone(),
            ..Self::begin(header.release, kind, &BTreeMap::new())
        }
    }

    /// Whether it serves, or served until the next one.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(self.outcome, Outcome::Succeeded | Outcome::Adopted)
            && self.kind != ReleaseKind::Migration
    }
}

impl Origin {
    /// Reads it from the variables that sshd, sudo and CI systems set.
    #[must_use]
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| {
            environment
                .get(name)
                .filter(|value| !value.is_empty())
                .cloned()
        };
        let first = |names: &[&str]| names.iter().find_map(|name| get(name));
        let github = || {
            let server = get("GITHUB_SERVER_URL")?;
            let (repository, run) = (get("GITHUB_REPOSITORY")?, get("GITHUB_RUN_ID")?);
            Some(format!("{server}/{repository}/actions/runs/{run}"))
        };
        Self {
            ssh: get("SSH_CONNECTION")
                .and_then(|value| value.split_whitespace().next().map(str::to_owned)),
            sudo_user: get("SUDO_USER"),
            ci_run: github().or_else(|| first(&["CI_JOB_URL", "CI_PIPELINE_URL", "BUILD_URL"])),
            commit: first(&["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"]),
        }
    }
}

impl RecordError {
    /// What to type, or where to look.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { .. } => vec!["see `deployctl history`".to_owned()],
            Self::Ambiguous { tags, .. } => tags
                .first()
                .map(|tag| format!("write the tag in full, such as `{tag}`"))
                .into_iter()
                .collect(),
            Self::Corrupt { path, .. } => {
                let folder = path.parent().unwrap_or(path).display();
                vec![format!(
                    "without it this release cannot be gone back to; to forget it: `rm -r {folder}`"
                )]
            }
            Self::Format { .. } => {
                vec!["use the deployctl that wrote it, or a later one".to_owned()]
            }
            Self::File(error) => error.hints(),
        }
    }
}

impl std::fmt::Display for ReleaseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Adopted => "adopted",
            Self::Migration => "migrate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_knows_the_run_and_the_commit_that_made_it() {
        let environment = variables(&[
            ("SSH_CONNECTION", "192.0.2.7 50122 192.0.2.1 22"),
            ("SUDO_USER", "deploy"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "77"),
            ("GITHUB_SHA", "abc123"),
        ]);

        let origin = Origin::from_environment(&environment);

        assert_eq!(origin.ssh.as_deref(), Some("192.0.2.7"));
        assert_eq!(origin.sudo_user.as_deref(), Some("deploy"));
        let run = "https://github.com/acme/shop/actions/runs/77";
        assert_eq!(origin.ci_run.as_deref(), Some(run));
        assert_eq!(origin.commit.as_deref(), Some("abc123"));
    }

    #[test]
    fn other_ci_systems_are_known_and_empty_variables_say_nothing() {
        let environment = variables(&[
            ("CI_JOB_URL", "https://gitlab.example/j/1"),
            ("CI_COMMIT_SHA", "def"),
            ("SUDO_USER", ""),
        ]);

        let origin = Origin::from_environment(&environment);

        assert_eq!(origin.ci_run.as_deref(), Some("https://gitlab.example/j/1"));
        assert_eq!(origin.commit.as_deref(), Some("def"));
        assert_eq!(origin.sudo_user, None);
    }

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }
}
