//! What is mounted into a container: volumes, configs and secrets.
#![expect(
    missing_docs,
    reason = "the fields are the keys of the Compose Specification"
)]

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Extensions;
use super::serial::{absent, sorted};
use super::units::{ByteSize, FileMode};

/// A mount of a service, in long form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeMount {
    #[serde(skip_serializing_if = "absent")]
    pub r#type: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub read_only: bool,
    #[serde(skip_serializing_if = "absent")]
    pub consistency: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub bind: Option<BindOptions>,
    #[serde(skip_serializing_if = "absent")]
    pub volume: Option<VolumeOptions>,
    #[serde(skip_serializing_if = "absent")]
    pub tmpfs: Option<TmpfsOptions>,
    #[serde(skip_serializing_if = "absent")]
    pub image: Option<ImageOptions>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Options of a mount of type `bind`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BindOptions {
    #[serde(skip_serializing_if = "absent")]
    pub selinux: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub propagation: Option<String>,
    /// Set by the short form only.
    #[serde(skip_serializing_if = "absent")]
    pub create_host_path: bool,
    #[serde(skip_serializing_if = "absent")]
    pub recursive: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Options of a mount of type `volume`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeOptions {
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub nocopy: bool,
    #[serde(skip_serializing_if = "absent")]
    pub subpath: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Options of a mount of type `tmpfs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TmpfsOptions {
    #[serde(skip_serializing_if = "absent")]
    pub size: Option<ByteSize>,
    #[serde(skip_serializing_if = "absent")]
    pub mode: Option<u32>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// Options of a mount of type `image`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageOptions {
    #[serde(skip_serializing_if = "absent")]
    pub subpath: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A config or secret as a service uses it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileReference {
    #[serde(skip_serializing_if = "absent")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub uid: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub gid: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub mode: Option<FileMode>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

/// A volume of the project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    #[serde(skip_serializing_if = "absent")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub driver: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub driver_opts: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub external: bool,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub labels: IndexMap<String, String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}
/// A config or secret of the project.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileObject {
    #[serde(skip_serializing_if = "absent")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub environment: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub content: Option<String>,
    #[serde(skip_serializing_if = "absent")]
    pub external: bool,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub labels: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub driver: Option<String>,
    #[serde(skip_serializing_if = "absent", serialize_with = "sorted")]
    pub driver_opts: IndexMap<String, String>,
    #[serde(skip_serializing_if = "absent")]
    pub template_driver: Option<String>,
    /// The value of the variable that `environment` names; stored, never printed.
    #[serde(rename = "#value", skip_serializing_if = "absent")]
    pub environment_value: Option<String>,
    #[serde(rename = "#extensions", skip_serializing_if = "absent")]
    pub extensions: Extensions,
}

impl std::fmt::Debug for FileObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileObject")
            .field("name", &self.name)
            .field("file", &self.file)
            .field("environment", &self.environment)
            .field("content", &self.content.as_ref().map(|_| "***"))
            .field("external", &self.external)
            .finish_non_exhaustive()
    }
}
