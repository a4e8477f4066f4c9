//! Finds out which images a plan needs: asks the engine, and the registry where a rule says so.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::engine::{Engine, PullError};
use crate::error::{Error, ErrorKind};
use crate::plan::image::TagArming;
use crate::plan::observed::{LocalImage, Observed};
use crate::plan::registry::{self, Question};
use crate::plan::{ImageKey, PlannedImage, graph};
use crate::project::model::{Project, Service};
use crate::report::Reporter;
use crate::state::ImageRecord;

/// The services whose images matter: enabled ones and the jobs of the profiles.
pub(super) fn services(project: &Project) -> Vec<(&String, &Service)> {
    let jobs: BTreeSet<&str> = ["backup", "migrate", "smoke"]
        .iter()
        .flat_map(|p| graph::profile_services(project, p))
        .collect();
    let disabled = project
        .disabled_services
        .iter()
        .filter(|(name, _)| jobs.contains(name.as_str()));
    project.services.iter().chain(disabled).collect()
}

/// Every image reference of the project.
pub(super) fn references(project: &Project) -> Vec<String> {
    let all: BTreeSet<&String> = services(project)
        .into_iter()
        .filter_map(|(_, s)| s.image.as_ref())
        .collect();
    all.into_iter().cloned().collect()
}

/// Resolves every image, side by side.
pub(super) async fn resolve(
    engine: &impl Engine,
    reporter: &Reporter,
    project: &Project,
    observed: &Observed,
) -> Result<BTreeMap<ImageKey, PlannedImage>, Error> {
    let mut asked: BTreeMap<&String, &Service> = BTreeMap::new();
    for (_, service) in services(project) {
        if let Some(reference) = &service.image {
            asked.entry(reference).or_insert(service);
        }
    }
    let found = join_all(asked.iter().map(|(reference, service)| async {
        let mut image = one(engine, reporter, project, observed, reference, service).await?;
        image.platform.clone_from(&service.platform);
        Ok(image)
    }));
    found
        .await
        .into_iter()
        .map(|image: Result<PlannedImage, Error>| image.map(|i| (i.reference.clone(), i)))
        .collect()
}

pub(super) async fn one(
    engine: &impl Engine,
    reporter: &Reporter,
    project: &Project,
    observed: &Observed,
    reference: &str,
    service: &Service,
) -> Result<PlannedImage, Error> {
    let local = observed.images.get(reference);
    let question = registry::question(project, service, reference, local);
    let local_one = |local: Option<&LocalImage>| local.map(|l| registry::local(reference, l));
    if question == Question::LocalOnly {
        return local_one(local).ok_or_else(|| {
            Error::new(
                ErrorKind::Image,
                format!(
                    "no image `{reference}` on the engine, and `pull_policy` forbids to pull it"
                ),
            )
            .hint(format!("build or load it: docker build -t {reference} ."))
        });
    }
    match engine.resolve_digest(reference).await {
        Ok(digest) => {
            let by_digest = engine
                .image(&format!("{}@{digest}", registry::repository(reference)))
                .await?;
            Ok(registry::planned(
                reference,
                digest,
                local,
                by_digest.as_ref(),
            ))
        }
        Err(error @ PullError::Unreachable { .. }) if question == Question::RegistryIfReachable => {
            reporter.warning(&format!("{error}; the local image is taken"));
            local_one(local).ok_or_else(|| error.into())
        }
        Err(error @ PullError::NotFound { .. }) => {
            Err(with_likely_tag(engine, reference, error).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Tags of commits are usually written `sha-…`: where that one exists it is the hint.
async fn with_likely_tag(engine: &impl Engine, reference: &str, error: PullError) -> Error {
    let tag = crate::plan::tag::of_reference(reference).unwrap_or_default();
    let likely = format!("{}:sha-{tag}", registry::repository(reference));
    if !tag.starts_with("sha-") && engine.resolve_digest(&likely).await.is_ok() {
        return Error::new(ErrorKind::Image, error).hint(format!("deployctl deploy sha-{tag}"));
    }
    error.into()
}

/// The images of a recorded release: local ones by id, others to be pulled by digest. Refused where neither works.
pub(super) async fn recorded(
    engine: &impl Engine,
    project: &Project,
    records: &BTreeMap<String, ImageRecord>,
) -> Result<BTreeMap<ImageKey, PlannedImage>, Error> {
    let mut images = BTreeMap::new();
    for (name, service) in services(project) {
        let (Some(reference), record) = (&service.image, records.get(name)) else {
            continue;
        };
        if images.contains_key(reference) {
            continue;
        }
        let named = engine.image(reference).await?;
        let image = match record {
            Some(record) => pinned(engine, reference, record, named.as_ref()).await?,
            // A job's image is not recorded where it never ran; what the tag names here will do.
            None => named.as_ref().map_or_else(
                || PlannedImage {
                    reference: reference.clone(),
                    pull: true,
                    tag: TagArming::AtOnce,
                    ..PlannedImage::default()
                },
                |n| registry::local(reference, n),
            ),
        };
        images.insert(
            reference.clone(),
            PlannedImage {
                platform: service.platform.clone(),
                ..image
            },
        );
    }
    Ok(images)
}

async fn pinned(
    engine: &impl Engine,
    reference: &str,
    record: &ImageRecord,
    named: Option<&LocalImage>,
) -> Result<PlannedImage, Error> {
    let tag = match named {
        Some(named) if named.id == record.id => TagArming::Keep,
        Some(_) => TagArming::AtCommit,
        None => TagArming::AtOnce,
    };
    let tag = if reference.contains('@') {
        TagArming::Keep
    } else {
        tag
    };
    let image = PlannedImage {
        reference: reference.to_owned(),
        digest: record.digest.clone(),
        id: Some(record.id.clone()),
        tag,
        ..PlannedImage::default()
    };
    if !record.id.is_empty() && engine.image(&record.id).await?.is_some() {
        return Ok(image);
    }
    let Some(digest) = &record.digest else {
        return Err(Error::new(
            ErrorKind::Image,
            format!("image `{reference}` of that release is gone, and no registry has it"),
        )
        .hint("build it again, or roll back to another release: deployctl history"));
    };
    engine
        .resolve_digest(&format!("{}@{digest}", registry::repository(reference)))
        .await?;
    Ok(PlannedImage {
        id: None,
        pull: true,
        ..image
    })
}
