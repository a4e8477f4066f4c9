//! Where a rollback would go, and whether it is ready.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::{Engine, PullError};
use crate::error::Error;
use crate::plan::registry::repository;
use crate::state::{ImageRecord, ReleaseRecord};

/// `status` is read by somebody in a hurry: a registry that is slower is taken for silent.
const REGISTRY: Duration = Duration::from_secs(5);

/// The release that `rollback` goes to.
pub(super) struct Target {
    pub record: ReleaseRecord,
    pub ready: Readiness,
}

/// Whether the images of a release can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    /// All of them are here.
    Here,
    /// Some have to be pulled, and the registry has them.
    Pullable { images: Vec<String> },
    /// Some have to be pulled, and the registry does not say whether it has them.
    Unknown { images: Vec<String>, why: String },
    /// Some are nowhere any more.
    Gone { images: Vec<String> },
}

impl Readiness {
    /// For programs.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Pullable { .. } => "pullable",
            Self::Unknown { .. } => "unknown",
            Self::Gone { .. } => "gone",
        }
    }
}

impl std::fmt::Display for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here => write!(f, "its images are here"),
            Self::Pullable { images } => write!(f, "pull needed ({})", images.join(", ")),
            Self::Unknown { images, why } => {
                write!(f, "pull needed ({}), and {why}", images.join(", "))
            }
            Self::Gone { images } => write!(
                f,
                "not possible: {} is neither here nor in the registry",
                images.join(", ")
            ),
        }
    }
}

/// Asks the engine for all images side by side, and the registry only for those that are not here.
pub(super) async fn readiness(
    engine: &impl Engine,
    record: &ReleaseRecord,
) -> Result<Readiness, Error> {
    let by_id: BTreeMap<&String, &ImageRecord> =
        record.images.values().map(|i| (&i.id, i)).collect();
    let asked = join_all(by_id.values().map(|image| async {
        let here = !image.id.is_empty() && engine.image(&image.id).await?.is_some();
        Ok::<_, Error>((*image, here))
    }));
    let mut missing = Vec::new();
    for answer in asked.await {
        let (image, here) = answer?;
        if !here {
            missing.push(image);
        }
    }
    if missing.is_empty() {
        return Ok(Readiness::Here);
    }
    let (mut pullable, mut gone, mut why) = (Vec::new(), Vec::new(), None);
    for image in missing {
        match in_registry(engine, image).await {
            Answer::Yes => pullable.push(image.reference.clone()),
            Answer::No => gone.push(image.reference.clone()),
            Answer::Silent(reason) => {
                pullable.push(image.reference.clone());
                why = Some(reason);
            }
        }
    }
    Ok(match (gone.is_empty(), why) {
        (false, _) => Readiness::Gone { images: gone },
        (true, Some(why)) => Readiness::Unknown {
            images: pullable,
            why,
        },
        (true, None) => Readiness::Pullable { images: pullable },
    })
}

enum Answer {
    Yes,
    No,
    Silent(String),
}

async fn in_registry(engine: &impl Engine, image: &ImageRecord) -> Answer {
    let Some(digest) = &image.digest else {
        return Answer::No;
    };
    let reference = format!("{}@{digest}", repository(&image.reference));
    match tokio::time::timeout(REGISTRY, engine.resolve_digest(&reference)).await {
        Ok(Ok(_)) => Answer::Yes,
        Ok(Err(PullError::NotFound { .. })) => Answer::No,
        Ok(Err(error)) => Answer::Silent(error.to_string()),
        Err(_) => Answer::Silent(format!(
            "the registry did not answer within {} s",
            REGISTRY.as_secs()
        )),
    }
}
