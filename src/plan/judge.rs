//! Judges a container as `docker compose up` does: does it have to be created anew, and why?

use std::collections::BTreeSet;

use crate::plan::graph::shared_services;
use crate::plan::observed::{Container, Observed};
use crate::plan::options::Options;
use crate::plan::spec::label;
use crate::plan::step::Cause;
use crate::project::model::{Project, Service};

/// Why a container has to be created anew; `None` keeps it.
///
/// The rules are those of docker compose 2.40: configuration, image, networks by id, volumes by name,
/// a parent that is recreated. One is ours: changed content of configs, secrets and bind-mounted files.
#[expect(clippy::too_many_arguments, reason = "all that a verdict rests on")]
pub fn diverged(
    project: &Project,
    observed: &Observed,
    options: &Options,
    name: &str,
    service: &Service,
    container: &Container,
    config_hash: Option<&str>,
    recreated: &BTreeSet<String>,
) -> Option<Cause> {
    if let Some(parent) = shared_services(service).find(|parent| recreated.contains(*parent)) {
        return Some(Cause::FollowsService {
            service: parent.to_owned(),
        });
    }
    if let Some(cause) = image_changed(options, service, container) {
        return Some(cause);
    }
    if config_hash.is_some_and(|hash| container.label(label::CONFIG_HASH) != Some(hash)) {
        return Some(Cause::ConfigurationChanged);
    }
    if let Some(what) = detached_network(project, observed, service, container)
        .or_else(|| missing_volume(project, service, container))
    {
        return Some(Cause::AttachmentChanged { what });
    }
    content_changed(options, name, container)
}

/// The content that the container was created with differs from what is on disk now.
///
/// A container without our label (made by docker compose) is judged by what a release recorded of it.
pub fn content_changed(options: &Options, name: &str, container: &Container) -> Option<Cause> {
    let now = options.content.get(name)?;
    let before = options
        .recorded_content
        .get(&container.id)
        .map(String::as_str)
        .or_else(|| container.label(label::CONTENT))?;
    (before != now.fingerprint).then(|| Cause::ContentChanged {
        items: now.items.clone(),
    })
}

fn image_changed(options: &Options, service: &Service, container: &Container) -> Option<Cause> {
    let image = options.images.get(service.image.as_deref()?)?;
    let here = container.label(label::IMAGE).unwrap_or(&container.image_id);
    let same = image
        .id
        .as_deref()
        .is_some_and(|id| !image.pull && id == here);
    (!same).then(|| Cause::ImageChanged {
        from: without_digest(&container.image).to_owned(),
        to: match (
            &image.digest,
            without_digest(&container.image) == image.reference,
        ) {
            (Some(digest), true) => format!("{}@{digest}", image.reference),
            _ => image.reference.clone(),
        },
    })
}

/// `repository:tag` of a reference that may carry a digest behind it.
pub fn without_digest(reference: &str) -> &str {
    reference.split('@').next().unwrap_or(reference)
}

fn detached_network(
    project: &Project,
    observed: &Observed,
    service: &Service,
    container: &Container,
) -> Option<String> {
    if !container.is_running() {
        return None;
    }
    service.networks.keys().find_map(|key| {
        let name = network_name(project, key);
        let network = observed.networks.iter().find(|n| n.name == name)?;
        (!container.networks.values().any(|id| *id == network.id))
            .then(|| format!("network {name}"))
    })
}

fn missing_volume(project: &Project, service: &Service, container: &Container) -> Option<String> {
    service
        .volumes
        .iter()
        .filter(|v| v.r#type.as_deref() == Some("volume"))
        .find_map(|mount| {
            let name = volume_name(project, mount.source.as_deref()?);
            let mounted = container.mounts.iter().any(|m| m.name == name);
            (!mounted).then(|| format!("volume {name}"))
        })
}

/// The name of a network in the engine.
pub fn network_name(project: &Project, key: &str) -> String {
    let written = project.networks.get(key).and_then(|n| n.name.clone());
    written.unwrap_or_else(|| format!("{}_{key}", project.name))
}

/// The name of a volume in the engine.
pub fn volume_name(project: &Project, key: &str) -> String {
    let written = project.volumes.get(key).and_then(|v| v.name.clone());
    written.unwrap_or_else(|| format!("{}_{key}", project.name))
}
