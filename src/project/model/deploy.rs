//! The `deploy` part of a service.
#![expect(
    missing_docs,
    reason = "the fields are the keys of the Compose Specification"
)]

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Extensions;
use super::serial::{absent, sorted};
use super::units::{ByteSize, Float, GoDuration};

/// Replicas, strategy and resources of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deploy {
    #[serde(skip_serializing_if = "absent")]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub replicas: Option<i64>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub update_config: Option<UpdateConfig>,
    #[serde(skip_serializing_if = "absent")]
    pub rollback_config: Option<UpdateConfig>,
    pub resources: Resources,
    #[serde(skip_serializing_if = "absent")]
    pub restart_policy: Option<RestartPolicy>,
    pub placement: Placement,
    #[serde(skip_serializing_if = "absent")]
    pub endpoint_mode: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// How the containers of a service are replaced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateConfig {
    #[serde(skip_serializing_if = "absent")]
    pub parallelism: Option<u64>,
    #[serde(skip_serializing_if = "absent")]
    pub delay: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub failure_action: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub monitor: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub max_failure_ratio: Option<Float>,
    #[serde(skip_serializing_if = "absent")]
    pub order: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Limits and reservations of one container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    #[serde(skip_serializing_if = "absent")]
    pub limits: Option<Resource>,
    #[serde(skip_serializing_if = "absent")]
    pub reservations: Option<Resource>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// An amount of each resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    #[serde(skip_serializing_if = "absent")]
    pub cpus: Option<Float>,
    #[serde(skip_serializing_if = "absent")]
    pub memory: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub pids: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub devices: Vec<DeviceRequest>,
    #[serde(skip_serializing_if = "absent")]
    pub generic_resources: Vec<GenericResource>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A resource that the cluster's owner has defined.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GenericResource {
    #[serde(skip_serializing_if = "absent")]
    pub discrete_resource_spec: Option<DiscreteResource>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A kind of resource and how many of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscreteResource {
    pub kind: String,
    pub value: i64,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// When the engine starts a container again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartPolicy {
    #[serde(skip_serializing_if = "absent")]
    pub condition: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub delay: Option<GoDuration>,
    #[serde(skip_serializing_if = "absent")]
    pub max_attempts: Option<u64>,
    #[serde(skip_serializing_if = "absent")]
    pub window: Option<GoDuration>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// On which nodes a service may run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    #[serde(skip_serializing_if = "absent")]
    pub constraints: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub preferences: Vec<PlacementPreference>,
    #[serde(skip_serializing_if = "absent")]
    pub max_replicas_per_node: Option<u64>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// By what the containers are spread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlacementPreference {
    #[serde(skip_serializing_if = "absent")]
    pub spread: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Devices asked of a driver; a count of -1 means all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceRequest {
    #[serde(skip_serializing_if = "absent")]
    pub capabilities: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub driver: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub count: Option<i64>,
    #[serde(skip_serializing_if = "absent")]
    pub device_ids: Vec<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub options: IndexMap<String, String>,
}
