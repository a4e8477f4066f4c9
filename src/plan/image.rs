//! Images as a plan speaks of them.

use serde::{Deserialize, Serialize};

/// The image reference of the resolved model (`ghcr.io/acme/api:sha-abc123`), by which a plan names an image.
pub type ImageKey = String;

/// An image that a plan needs: what was found here and in the registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedImage {
    /// As in the resolved model.
    pub reference: ImageKey,
    /// `sha256:…` that the registry named, or that a release pinned.
    pub digest: Option<String>,
    /// `sha256:…` of the local image to run; `None` until it is pulled.
    pub id: Option<String>,
    /// Whether it is to be pulled.
    pub pull: bool,
    /// The platform that its service asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What becomes of the local tag.
    pub tag: TagArming,
}

/// When the local tag (`repository:tag`) comes to name the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagArming {
    /// It does already, or the reference has no tag.
    #[default]
    Keep,
    /// Right after the pull: the tag is new here.
    AtOnce,
    /// At commit: the tag names another image here, which serves or served.
    AtCommit,
}

impl PlannedImage {
    /// The reference that containers are created from.
    ///
    /// A tag that moves is not armed before it is proved: until then the digest names the image.
    pub fn create_reference(&self) -> String {
        match (&self.digest, self.tag) {
            (Some(digest), TagArming::AtCommit) if !self.reference.contains('@') => {
                format!("{}@{digest}", self.reference)
            }
            // Built here, and the tag names another image by now.
            (None, TagArming::AtCommit) => {
                self.id.clone().unwrap_or_else(|| self.reference.clone())
            }
            _ => self.reference.clone(),
        }
    }
}
