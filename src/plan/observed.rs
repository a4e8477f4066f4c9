//! The snapshot of the engine that a plan starts from.

mod labels;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use labels::Labels;

/// What the engine holds of one project, and what of the host can be in its way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// The engine that was asked; filled in once there is something to do, since it takes its time to say.
    pub engine: EngineInfo,
    /// Every container with the project's label, one-offs and containers put aside included.
    pub containers: Vec<Container>,
    /// Containers of other projects: their names and ports can be in the way.
    pub strangers: Vec<Container>,
    /// Networks with the project's label, or with the name of one that the project needs.
    pub networks: Vec<ObservedNetwork>,
    /// Volumes with the project's label, or with the name of one that the project needs.
    pub volumes: Vec<ObservedVolume>,
    /// Local images by the reference that they were asked for with.
    pub images: BTreeMap<String, LocalImage>,
}

/// The engine's identity and what it can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// The engine's own id (`GET /info`), kept in the journal: another engine refuses to recover it.
    pub id: String,
    /// For people: `20.10.24`.
    pub version: String,
    /// The API version agreed upon, such as `1.41`.
    pub api_version: String,
    /// `linux`.
    pub os: String,
    /// The engine's name for it: `amd64`, `arm64`.
    pub architecture: String,
    /// Its data directory (`DockerRootDir`).
    #[serde(default)]
    pub root: String,
}

/// A container as the engine lists it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// The image reference that the container was created with.
    pub image: String,
    /// `sha256:…` of the image that it runs.
    pub image_id: String,
    /// All labels.
    pub labels: Labels,
    /// Running or not.
    pub state: ContainerState,
    /// What its healthcheck says.
    pub health: Health,
    /// The engine's text: `Up 3 minutes (healthy)`, `Exited (1) 2 hours ago`.
    pub status: String,
    /// Seconds since 1970.
    pub created: i64,
    /// The network mode it was created with.
    pub network_mode: String,
    /// Network name → network id.
    pub networks: BTreeMap<String, String>,
    /// Volumes and binds.
    pub mounts: Vec<Mount>,
    /// Ports as listed.
    pub ports: Vec<PublishedPort>,
    /// What only an inspection tells; `None` until asked.
    pub details: Option<Details>,
}

/// What an inspection tells beyond the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// The policy in force.
    pub restart: RestartPolicy,
    /// Of the last run.
    pub exit_code: i64,
    /// The last run ended out of memory.
    pub oom_killed: bool,
    /// How often the engine restarted it.
    pub restart_count: i64,
    /// RFC 3339, as the engine writes it.
    pub started_at: String,
    /// RFC 3339, as the engine writes it.
    pub finished_at: String,
    /// The last probes, oldest first.
    pub probes: Vec<Probe>,
    /// The user that the process runs as; empty is root.
    pub user: String,
    /// The healthcheck has a test (it is neither missing nor disabled).
    pub has_healthcheck: bool,
    /// The error the engine noted when it could not start it.
    pub error: String,
}

/// One run of a healthcheck.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// 0 is healthy.
    pub exit_code: i64,
    /// What it printed.
    pub output: String,
    /// RFC 3339.
    pub ended_at: String,
}

/// The states of the engine; one that is not known is kept by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Never started.
    #[default]
    Created,
    /// Running.
    Running,
    /// Frozen by `docker pause`.
    Paused,
    /// Between two runs of its restart policy.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// The engine failed to remove it.
    Dead,
    /// A state of a later engine.
    Other(String),
}

/// What the healthcheck says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// There is no healthcheck.
    #[default]
    None,
    /// No verdict yet.
    Starting,
    /// The last probe succeeded.
    Healthy,
    /// As many probes as `retries` failed in a row.
    Unhealthy,
}

/// A restart policy in the engine's words (`no`, `always`, `unless-stopped`, `on-failure`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// The engine's name of it.
    pub name: String,
    /// For `on-failure`; 0 is no limit.
    #[serde(default)]
    pub maximum_retry_count: i64,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            name: "no".into(),
            maximum_retry_count: 0,
        }
    }
}

impl RestartPolicy {
    /// The policy under which nothing comes up by itself.
    pub fn never() -> Self {
        Self::default()
    }

    /// Whether the engine starts the container again after it ended with a failure.
    pub fn restarts(&self) -> bool {
        !matches!(self.name.as_str(), "" | "no")
    }
}

/// A mount of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// `volume`, `bind`, `tmpfs`.
    pub kind: String,
    /// The volume's name; empty for others.
    pub name: String,
    /// The path on the host.
    pub source: String,
    /// The path in the container.
    pub destination: String,
    /// The volume's driver.
    pub driver: String,
    /// Writable.
    pub writable: bool,
}

/// A published (or only exposed) port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// Host address; empty where not published.
    pub host_ip: String,
    /// Host port; 0 where not published.
    pub published: u16,
    /// Port in the container.
    pub target: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

/// A network of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNetwork {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// `bridge`, `overlay`, …
    pub driver: String,
}

/// A volume of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedVolume {
    /// Its name.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// `local`, …
    pub driver: String,
}

/// An image that is here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LocalImage {
    /// `sha256:…`.
    pub id: String,
    /// `repository@sha256:…` of the registries that it came from.
    pub repo_digests: Vec<String>,
    /// `repository:tag` that name it here.
    pub repo_tags: Vec<String>,
    /// `amd64`, …
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// The user in the image's configuration; empty is root.
    pub user: String,
    /// The image has a `HEALTHCHECK` that is not `NONE`.
    pub healthcheck: Option<ImageHealthcheck>,
    /// The paths of its `VOLUME` lines.
    pub volumes: Vec<String>,
    /// Bytes.
    pub size: i64,
}

/// The timing of an image's own healthcheck, as far as it writes one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageHealthcheck {
    /// Between two probes.
    pub interval: Option<Duration>,
    /// Of one probe.
    pub timeout: Option<Duration>,
    /// Failures in a row until unhealthy.
    pub retries: Option<u32>,
    /// Failures before its end do not count.
    pub start_period: Option<Duration>,
}

impl Container {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name)
    }

    /// The service that docker compose takes the container for.
    pub fn service(&self) -> &str {
        self.label(crate::plan::spec::label::SERVICE)
            .unwrap_or_default()
    }

    /// The container number of docker compose; 0 where there is none.
    pub fn number(&self) -> u32 {
        self.label(crate::plan::spec::label::CONTAINER_NUMBER)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    }

    /// Whether it is a one-off (`docker compose run`, a job of ours).
    pub fn is_oneoff(&self) -> bool {
        self.label(crate::plan::spec::label::ONEOFF)
            .is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// Whether its process runs (paused and restarting ones do not serve).
    pub fn is_running(&self) -> bool {
        self.state == ContainerState::Running
    }

    /// Whether a release put it aside, or created it and did not promote it.
    pub fn is_put_aside(&self) -> bool {
        let stem = self.name.trim_end_matches(|c: char| c.is_ascii_digit());
        stem.len() < self.name.len() && (stem.ends_with(".before-") || stem.ends_with(".release-"))
    }

    /// The first twelve digits of its id, as people know it.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}
