//! What a container, a network or a volume is created from.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::image::ImageKey;
use crate::plan::observed::RestartPolicy;
use crate::plan::step::ContainerRef;
use crate::project::model::Service;

/// Names a container that a plan creates, before the engine has given it an id: `api-1`, `migrate-run`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlannedId(pub String);

/// The lane, and the kept output, of the schema as it is before the migration; no service can have this name.
pub const SCHEMA_BEFORE: &str = "schema:before";
/// The same after it.
pub const SCHEMA_AFTER: &str = "schema:after";

/// Labels of docker compose and of our own.
pub mod label {
    /// Project name.
    pub const PROJECT: &str = "com.docker.compose.project";
    /// Service name.
    pub const SERVICE: &str = "com.docker.compose.service";
    /// Version of docker compose whose hashes these are.
    pub const VERSION: &str = "com.docker.compose.version";
    /// `True` or `False`.
    pub const ONEOFF: &str = "com.docker.compose.oneoff";
    /// Hash of the resolved service, network or volume.
    pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
    /// Decimal.
    pub const CONTAINER_NUMBER: &str = "com.docker.compose.container-number";
    /// Absolute path.
    pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
    /// Absolute paths joined with `,`.
    pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
    /// Absolute paths joined with `,`; only where env files were named.
    pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
    /// `dep:condition:restart` joined with `,`.
    pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
    /// Id of the image.
    pub const IMAGE: &str = "com.docker.compose.image";
    /// 64 hexadecimal digits, on one-offs.
    pub const SLUG: &str = "com.docker.compose.slug";
    /// The key of a network in the file.
    pub const NETWORK: &str = "com.docker.compose.network";
    /// The key of a volume in the file.
    pub const VOLUME: &str = "com.docker.compose.volume";
    /// What a recreated container replaced, for display.
    pub const REPLACE: &str = "com.docker.compose.replace";
    /// Number of the release that created it.
    pub const RELEASE: &str = "io.deployctl.release";
    /// `HOST:DIRECTORY` of the journal that created it: the owner of the project.
    pub const JOURNAL: &str = "io.deployctl.journal";
    /// Fingerprint of the content of configs, secrets and bind-mounted files.
    pub const CONTENT: &str = "io.deployctl.content";
    /// The restart policy that it has at rest (`always`, `on-failure:3`), for repairs.
    pub const RESTART: &str = "io.deployctl.restart";
    /// `backup`, `migrate`, `smoke`: the job that a one-off is.
    pub const JOB: &str = "io.deployctl.job";
}

/// A container to create.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// By which the plan names it.
    pub id: PlannedId,
    /// The name it is created with (a temporary one where another container holds the final name).
    pub name: String,
    /// The name it has at rest.
    pub final_name: String,
    /// Key of the service.
    pub service_name: String,
    /// The resolved service, `env_file` merged into `environment`.
    pub service: Arc<Service>,
    /// The image it runs; the plan's images say by which reference it is created.
    pub image: ImageKey,
    /// Labels, compose's and ours, in the order of ADOPTION; the user's come from the service.
    pub labels: BTreeMap<String, LabelValue>,
    /// The policy it is created with.
    pub restart: RestartPolicy,
    /// The networks to attach, by priority; empty with `network_mode`.
    pub networks: Vec<NetworkAttachment>,
    /// Networks that it joins once it is healthy (`x-deployctl.proxy_network`).
    pub late_networks: Vec<NetworkAttachment>,
    /// Anonymous volumes of the replaced container, to be mounted again.
    pub carried_volumes: Vec<CarriedVolume>,
    /// Services whose containers this one shares a namespace or volumes with.
    pub references: BTreeMap<String, ContainerRef>,
    /// Whether it is an ordinary container of the service or a one-off.
    pub role: ContainerRole,
}

/// Ordinary container or one-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerRole {
    /// Serves, or is a job in its ordinary container (`oneoff=False`).
    Service,
    /// A one-off: no published ports, no container number.
    Oneoff,
}

/// A label's value, known now or only while the plan runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelValue {
    /// Known now.
    Text(String),
    /// The id of the spec's image.
    ImageId,
    /// The config hash, which covers ids of containers that this plan creates.
    ConfigHash,
}

/// A network that a container is attached to.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkAttachment {
    /// Key in the file.
    pub key: String,
    /// Name in the engine.
    pub name: String,
    /// `[container name, service name, user's aliases …]`.
    pub aliases: Vec<String>,
}

/// An anonymous volume that goes from the replaced container to the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedVolume {
    /// The engine's name of it.
    pub name: String,
    /// Where it is mounted.
    pub target: String,
}

impl std::fmt::Display for PlannedId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
