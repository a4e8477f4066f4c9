//! How an image is built and watched: kept, never carried out.
#![expect(
    missing_docs,
    reason = "the fields are the keys of the Compose Specification"
)]

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Extensions;
use super::mount::FileReference;
use super::serial::{absent, sorted};
use super::service::Hook;
use super::units::{ByteSize, HostList, Ulimit};

/// The recipe of an image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Build {
    #[serde(skip_serializing_if = "absent")]
    pub context: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub dockerfile: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub dockerfile_inline: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub entitlements: Vec<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub args: IndexMap<String, Option<String>>,
    #[serde(skip_serializing_if = "absent")]
    pub provenance: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub sbom: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub ssh: Vec<SshKey>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub cache_from: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub cache_to: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub no_cache: bool,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub additional_contexts: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub pull: bool,
    #[serde(skip_serializing_if = "absent")]
    pub extra_hosts: HostList,
    #[serde(skip_serializing_if = "absent")]
    pub isolation: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub network: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub secrets: Vec<FileReference>,
    #[serde(skip_serializing_if = "absent")]
    pub shm_size: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub ulimits: IndexMap<String, Ulimit>,
    #[serde(skip_serializing_if = "absent")]
    pub platforms: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub privileged: bool,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// What `watch` would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Develop {
    #[serde(skip_serializing_if = "absent")]
    pub watch: Vec<Trigger>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A path and what its change causes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trigger {
    pub path: String,
    pub action: String,
    #[serde(skip_serializing_if = "absent")]
    pub target: Option<String>,
    pub exec: Hook,
    #[serde(skip_serializing_if = "absent")]
    pub include: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub ignore: Vec<String>,
    #[serde(skip_serializing_if = "absent")]
    pub initial_sync: bool,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}
/// An SSH agent or key that a build may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct SshKey {
    pub id: String,
    pub path: Option<String>,
}

impl From<String> for SshKey {
    fn from(text: String) -> Self {
        match text.split_once('=') {
            Some((id, path)) => Self {
                id: id.into(),
                path: Some(path.into()),
            },
            None => Self {
                id: text,
                path: None,
            },
        }
    }
}

impl From<SshKey> for String {
    fn from(key: SshKey) -> Self {
        match key.path {
            Some(path) => format!("{}={path}", key.id),
            None => key.id,
        }
    }
}
