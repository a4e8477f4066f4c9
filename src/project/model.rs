//! The resolved model: what the files say once everything is merged, in Compose's own types.

mod build;
mod deploy;
mod mount;
mod network;
mod project;
mod serial;
mod service;
mod units;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use build::{Build, Develop, SshKey, Trigger};
pub use deploy::{
    Deploy, DeviceRequest, DiscreteResource, GenericResource, Placement, PlacementPreference,
    Resource, Resources, RestartPolicy, UpdateConfig,
};
pub use mount::{
    BindOptions, FileObject, FileReference, ImageOptions, TmpfsOptions, Volume, VolumeMount,
    VolumeOptions,
};
pub use network::{Ipam, IpamPool, Network, Port, ServiceNetwork};
pub use project::{InterpolationEnvironment, Model, Project, StoredError, VariableUse, Warning};
pub use service::{
    BlkioConfig, CredentialSpec, DependencyCondition, DeviceMapping, EnvFile, Extends, HealthCheck,
    Hook, Logging, Provider, Service, ServiceDependency, ServiceModel, ThrottleDevice,
    WeightDevice,
};
pub use units::{ByteSize, FileMode, Float, GoDuration, HostList, Ulimit};

/// The `x-…` keys of a mapping, as they were written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extensions(pub IndexMap<String, serde_json::Value>);

impl Extensions {
    /// The value under `x-…`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&serde_json::Value> {
        self.0.get(key)
    }
}
