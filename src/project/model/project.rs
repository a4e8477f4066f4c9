//! The project as a whole, and the form in which a release keeps it.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Extensions, FileObject, Network, Service, Volume};
use crate::project::go_json;

/// A Compose project: read, merged, checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Its name, as in the labels of its containers.
    pub name: String,
    /// The directory that relative paths start from.
    pub working_dir: PathBuf,
    /// The Compose files, absolute, in the order of merging.
    pub config_files: Vec<PathBuf>,
    /// The env files that were named or chosen, absolute; empty when only `.env` was read.
    pub env_files: Vec<PathBuf>,
    /// The `.env` that was read by default, if it was.
    pub default_env_file: Option<PathBuf>,
    /// The services that the profiles enable.
    pub services: IndexMap<String, Service>,
    /// The other services, resolved as well.
    pub disabled_services: IndexMap<String, Service>,
    /// The networks by key.
    pub networks: IndexMap<String, Network>,
    /// The volumes by key.
    pub volumes: IndexMap<String, Volume>,
    /// The secrets by key.
    pub secrets: IndexMap<String, FileObject>,
    /// The configs by key.
    pub configs: IndexMap<String, FileObject>,
    /// The models by key.
    pub models: IndexMap<String, Model>,
    /// The variables that `${…}` saw.
    #[serde(skip)]
    pub environment: InterpolationEnvironment,
    /// The top-level `x-…` keys.
    pub extensions: Extensions,
    /// Every `${…}` of the files.
    pub variable_uses: Vec<VariableUse>,
    /// What is to be told, though it is no error.
    pub warnings: Vec<Warning>,
    /// The platform of builds that name none (`DOCKER_DEFAULT_PLATFORM`); it is part of their hash.
    pub default_platform: Option<String>,
    /// The profiles that were asked for.
    pub profiles: Vec<String>,
}

/// A model that services use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Its name in the runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many tokens it sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_size: Option<i64>,
    /// Flags of the runner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime_flags: Vec<String>,
    /// The `x-…` keys.
    #[serde(rename = "#extensions", skip_serializing_if = "super::serial::absent")]
    pub extensions: Extensions,
}

/// The variables for interpolation; their values are secrets and are not shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct InterpolationEnvironment(pub IndexMap<String, String>);

impl std::ops::Deref for InterpolationEnvironment {
    type Target = IndexMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::fmt::Debug for InterpolationEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.0.keys().map(|name| (name, "***")))
            .finish()
    }
}

/// One `${NAME}` of the Compose files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableUse {
    /// The variable.
    pub name: String,
    /// The service that it stands in.
    pub service: Option<String>,
    /// The path of the value: `services.api.image`.
    pub path: String,
    /// It stands behind the last `:` of an image reference.
    pub tag_position: bool,
    /// It has a default (`:-`, `-`).
    pub has_default: bool,
    /// The default as written.
    pub default: Option<String>,
    /// It must be set (`:?`, `?`).
    pub required: bool,
    /// What `:+` or `+` puts in its place.
    pub alternative: Option<String>,
}

/// Something to be told that is no error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What is to be told.
    pub message: String,
    /// Where it stands, if it has a place.
    pub path: Option<String>,
}

/// A stored model that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the stored model cannot be read")]
pub struct StoredError(#[from] serde_json::Error);

impl Project {
    /// The form that a release keeps: everything but the interpolation environment.
    #[must_use]
    pub fn to_stored(&self) -> serde_json::Value {
        go_json::tree(self)
    }

    /// The project of a stored release.
    pub fn from_stored(stored: serde_json::Value) -> Result<Self, StoredError> {
        let mut project: Self = serde_json::from_value(stored)?;
        for services in [&mut project.services, &mut project.disabled_services] {
            for (name, service) in services.iter_mut() {
                service.name.clone_from(name);
            }
        }
        Ok(project)
    }

    /// The service of this name, enabled or not.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services
            .get(name)
            .or_else(|| self.disabled_services.get(name))
    }
}
