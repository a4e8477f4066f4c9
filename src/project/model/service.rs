//! One service, as Compose's loader leaves it.
#![expect(
    missing_docs,
    reason = "the fields are the keys of the Compose Specification"
)]

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Extensions;
use super::build::{Build, Develop};
use super::deploy::{Deploy, DeviceRequest};
use super::mount::{FileReference, VolumeMount};
use super::network::{Port, ServiceNetwork};
use super::serial::{absent, sorted, sorted_if_any};
use super::units::{ByteSize, Float, GoDuration, HostList, Ulimit};

/// A service; the fields stand in the order in which Compose hashes them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct Service {
    #[serde(skip)]
    pub name: String,
    #[serde(skip_serializing_if = "absent")]
    pub profiles: Vec<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub annotations: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub attach: Option<bool>,
    #[serde(skip_serializing_if = "absent")]
    pub build: Option<Box<Build>>,
    #[serde(skip_serializing_if = "absent")]
    pub develop: Option<Box<Develop>>,
    #[serde(skip_serializing_if = "absent")]
    pub blkio_config: Option<Box<BlkioConfig>>,
    #[serde(skip_serializing_if = "absent")]
    pub cap_add: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub cap_drop: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub cgroup_parent: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub cgroup: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub cpu_count: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub cpu_percent: Option<Float>,
    #[serde(skip_serializing_if = "absent")]
    pub cpu_period: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub cpu_quota: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub cpu_rt_period: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub cpu_rt_runtime: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub cpus: Option<Float>,
    #[serde(skip_serializing_if = "absent")]
    pub cpuset: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub cpu_shares: Option<i64>,
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "absent")]
    pub configs: Vec<FileReference>,
    #[serde(skip_serializing_if = "absent")]
    pub container_name: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub credential_spec: Option<Box<CredentialSpec>>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub depends_on: IndexMap<String, ServiceDependency>,
    #[serde(skip_serializing_if = "absent")]
    pub deploy: Option<Box<Deploy>>,
    #[serde(skip_serializing_if = "absent")]
    pub device_cgroup_rules: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub devices: Vec<DeviceMapping>,
    #[serde(skip_serializing_if = "absent")]
    pub dns: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub dns_opt: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub dns_search: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub dockerfile: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub domainname: Option<String>,
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "absent")]
    pub provider: Option<Box<Provider>>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub environment: IndexMap<String, Option<String>>,
    #[serde(skip_serializing_if = "absent")]
    pub env_file: Vec<EnvFile>,
    #[serde(skip_serializing_if = "absent")]
    pub expose: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub extends: Option<Box<Extends>>,
    #[serde(skip_serializing_if = "absent")]
    pub external_links: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub extra_hosts: HostList,
    #[serde(skip_serializing_if = "absent")]
    pub group_add: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub gpus: Vec<DeviceRequest>,
    #[serde(skip_serializing_if = "absent")]
    pub hostname: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub healthcheck: Option<Box<HealthCheck>>,
    #[serde(skip_serializing_if = "absent")]
    pub image: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub init: Option<bool>,
    #[serde(skip_serializing_if = "absent")]
    pub ipc: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub isolation: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub label_file: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub links: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub logging: Option<Box<Logging>>,
    #[serde(skip_serializing_if = "absent")]
    pub log_driver: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub log_opt: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub mem_limit: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub mem_reservation: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub memswap_limit: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub mem_swappiness: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub mac_address: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub models: IndexMap<String, Option<ServiceModel>>,
    #[serde(skip_serializing_if = "absent")]
    pub net: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub network_mode: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub networks: IndexMap<String, Option<ServiceNetwork>>,
    #[serde(skip_serializing_if = "absent")]
    pub oom_kill_disable: bool,
    #[serde(skip_serializing_if = "absent")]
    pub oom_score_adj: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub pid: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub pids_limit: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub platform: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub ports: Vec<Port>,
    #[serde(skip_serializing_if = "absent")]
    pub privileged: bool,
    #[serde(skip_serializing_if = "absent")]
    pub pull_policy: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub read_only: bool,
    #[serde(skip_serializing_if = "absent")]
    pub restart: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub runtime: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub scale: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub secrets: Vec<FileReference>,
    #[serde(skip_serializing_if = "absent")]
    pub security_opt: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub shm_size: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub stdin_open: bool,
    #[serde(skip_serializing_if = "absent")]
    pub stop_grace_period: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub stop_signal: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub storage_opt: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub sysctls: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub tmpfs: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub tty: bool,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub ulimits: IndexMap<String, Ulimit>,
    #[serde(skip_serializing_if = "absent")]
    pub use_api_socket: bool,
    #[serde(skip_serializing_if = "absent")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub userns_mode: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub uts: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub volume_driver: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub volumes: Vec<VolumeMount>,
    #[serde(skip_serializing_if = "absent")]
    pub volumes_from: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub working_dir: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub post_start: Vec<Hook>,
    #[serde(skip_serializing_if = "absent")]
    pub pre_stop: Vec<Hook>,
    /// The variables of the container: `environment` over the values of `env_file`. `None` where that is
    /// `environment` itself, or where a file of a disabled service cannot be read.
    #[serde(
        rename = "#environment",
        skip_serializing_if = "absent",
        serialize_with = "sorted_if_any"
    )]
    pub resolved_environment: Option<IndexMap<String, Option<String>>>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// What `depends_on` says of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceDependency {
    #[serde(skip_serializing_if = "absent")]
    pub condition: DependencyCondition,
    #[serde(skip_serializing_if = "absent")]
    pub restart: bool,
    pub required: bool,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

impl Default for ServiceDependency {
    fn default() -> Self {
        Self {
            condition: DependencyCondition::default(),
            restart: false,
            required: true,
            extensions: Extensions::default(),
        }
    }
}

/// The command that tells whether a container is healthy, and its times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    #[serde(skip_serializing_if = "absent")]
    pub test: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub timeout: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub interval: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub retries: Option<u64>,
    #[serde(skip_serializing_if = "absent")]
    pub start_period: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub start_interval: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub disable: bool,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A file of variables for the containers of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvFile {
    #[serde(skip_serializing_if = "absent")]
    pub path: String,
    #[serde(skip_serializing_if = "Clone::clone")]
    pub required: bool,
    #[serde(skip_serializing_if = "absent")]
    pub format: Option<String>,
}

impl Default for EnvFile {
    fn default() -> Self {
        Self {
            path: String::new(),
            required: true,
            format: None,
        }
    }
}

/// The service that this one was made from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extends {
    #[serde(skip_serializing_if = "absent")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub service: Option<String>,
}

/// A command run in the container after its start or before its stop.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    pub command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "absent")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub privileged: bool,
    #[serde(skip_serializing_if = "absent")]
    pub working_dir: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub environment: IndexMap<String, Option<String>>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// The log driver and its options.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    #[serde(skip_serializing_if = "absent")]
    pub driver: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub options: IndexMap<String, String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// The credentials of a managed service account (Windows).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialSpec {
    #[serde(skip_serializing_if = "absent")]
    pub config: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub registry: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A device of the host in the container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceMapping {
    #[serde(skip_serializing_if = "absent")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub permissions: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A program outside that runs the service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provider {
    #[serde(skip_serializing_if = "absent")]
    pub r#type: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub options: IndexMap<String, Vec<String>>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// How a service reaches a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceModel {
    #[serde(skip_serializing_if = "absent")]
    pub endpoint_var: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub model_var: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Limits of block devices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlkioConfig {
    #[serde(skip_serializing_if = "absent")]
    pub weight: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub weight_device: Vec<WeightDevice>,
    #[serde(skip_serializing_if = "absent")]
    pub device_read_bps: Vec<ThrottleDevice>,
    #[serde(skip_serializing_if = "absent")]
    pub device_read_iops: Vec<ThrottleDevice>,
    #[serde(skip_serializing_if = "absent")]
    pub device_write_bps: Vec<ThrottleDevice>,
    #[serde(skip_serializing_if = "absent")]
    pub device_write_iops: Vec<ThrottleDevice>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// The share of one block device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightDevice {
    #[serde(rename = "Path")]
    pub path: String,
    #[serde(rename = "Weight")]
    pub weight: i64,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// The highest rate of one block device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThrottleDevice {
    #[serde(rename = "Path")]
    pub path: String,
    #[serde(rename = "Rate")]
    pub rate: ByteSize,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}
/// What must have come of a service before another one starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DependencyCondition {
    /// It has been started.
    #[default]
    Started,
    /// Its healthcheck has passed.
    Healthy,
    /// It has ended with exit code 0.
    CompletedSuccessfully,
    /// Something this version does not know.
    Other(String),
}

impl From<String> for DependencyCondition {
    fn from(text: String) -> Self {
        match text.as_str() {
            "service_started" => Self::Started,
            "service_healthy" => Self::Healthy,
            "service_completed_successfully" => Self::CompletedSuccessfully,
            _ => Self::Other(text),
        }
    }
}

impl From<DependencyCondition> for String {
    fn from(condition: DependencyCondition) -> Self {
        match condition {
            DependencyCondition::Started => "service_started".into(),
            DependencyCondition::Healthy => "service_healthy".into(),
            DependencyCondition::CompletedSuccessfully => "service_completed_successfully".into(),
            DependencyCondition::Other(text) => text,
        }
    }
}

impl Service {
    /// How many containers the service is to have.
    #[must_use]
    pub fn replicas(&self) -> i64 {
        let of_deploy = || self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        self.scale.or_else(of_deploy).unwrap_or(1)
    }

    /// The networks of the service, the one that names the container's network mode first.
    #[must_use]
    pub fn networks_by_priority(&self) -> Vec<&str> {
        let mut keys: Vec<(i64, &str)> = self
            .networks
            .iter()
            .map(|(key, network)| {
                (
                    network.as_ref().and_then(|n| n.priority).unwrap_or(0),
                    key.as_str(),
                )
            })
            .collect();
        keys.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        keys.into_iter().map(|(_, key)| key).collect()
    }
}
