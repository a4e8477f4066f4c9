//! `prune`: forgets releases beyond those that are kept, and removes what only they needed.
//!
//! Images are those that this project's own history names: what other projects pulled is theirs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::app::App;
use super::prepare::{self, Asked};
use super::recover::recover_unfinished;
use super::release;
use crate::cli::PruneArguments;
use crate::engine::Engine as _;
use crate::engine::docker::DockerEngine;
use crate::error::Error;
use crate::plan::observed::{Container, ContainerState, LocalImage, Observed};
use crate::plan::spec::label;
use crate::state::{ReleaseRecord, Releases};

/// What is to go.
#[derive(Default)]
struct Waste {
    releases: Vec<ReleaseRecord>,
    /// One-offs that have ended, and what held images that nobody needs any more.
    containers: Vec<Container>,
    /// By id: the image and the references that name it.
    images: BTreeMap<String, (LocalImage, BTreeSet<String>)>,
}

/// Lock, recover, find, say, remove.
pub async fn run(app: &App<'_>, arguments: &PruneArguments) -> Result<(), Error> {
    let directory = app.locate()?.working_dir;
    let lock = app.lock(&directory, "prune").await?;
    let engine = app.engine().await?;
    if !arguments.dry_run {
        recover_unfinished(app, &lock, &engine, &directory).await?;
    }
    let project = prepare::load(app, &Asked::default()).await?.project;
    let observed = prepare::observe(&engine, &project).await?;
    let mark = release::mark(&directory);
    if !app.globals.adopt {
        crate::plan::owner::check(&project, &observed.containers, &mark)?;
    }
    let releases = Releases::new(&app.state(&directory, &project.name)?);
    let keep = arguments
        .keep
        .map_or_else(|| release::keep(&project), |n| n as usize);
    let waste = find(&engine, &releases, &observed, keep, &mark).await?;
    if !arguments.dry_run {
        remove(&engine, &releases, &waste, keep).await?;
    }
    say(app, arguments, &engine, &waste).await
}

async fn find(
    engine: &DockerEngine,
    releases: &Releases,
    observed: &Observed,
    keep: usize,
    mark: &str,
) -> Result<Waste, Error> {
    let forgotten = releases.beyond(keep)?;
    let (kept, gone): (Vec<_>, Vec<_>) = releases.list()?.into_iter().partition(|record| {
        record.serves() && !forgotten.iter().any(|f| f.number == record.number)
    });
    let mut needed: BTreeSet<String> = observed.images.values().map(|i| i.id.clone()).collect();
    needed.extend(images(kept.iter()).map(|i| i.id.clone()));
    for reference in images(kept.iter()).map(reference_of) {
        needed.extend(engine.image(&reference).await?.map(|i| i.id));
    }
    let held = |c: &&Container| {
        c.label("io.deployctl.hold").is_some() && c.label(label::JOURNAL) == Some(mark)
    };
    let everyone = || observed.containers.iter().chain(&observed.strangers);
    let ended = |c: &&Container| {
        c.is_oneoff()
            && matches!(
                c.state,
                ContainerState::Exited | ContainerState::Created | ContainerState::Dead
            )
    };
    let one_offs: Vec<Container> = observed.containers.iter().filter(ended).cloned().collect();
    let stays = |c: &&Container| !held(c) && !one_offs.iter().any(|o| o.id == c.id);
    needed.extend(everyone().filter(stays).map(|c| c.image_id.clone()));
    let mut waste = Waste {
        containers: everyone()
            .filter(|c| held(c) && !needed.contains(&c.image_id))
            .cloned()
            .chain(one_offs)
            .collect(),
        releases: forgotten,
        ..Waste::default()
    };
    for record in images(gone.iter()) {
        let reference = reference_of(record);
        let Some(image) = engine.image(&reference).await? else {
            continue;
        };
        if !needed.contains(&image.id) {
            let id = image.id.clone();
            let entry = waste
                .images
                .entry(id)
                .or_insert_with(|| (image, BTreeSet::new()));
            entry.1.insert(reference);
        }
    }
    Ok(waste)
}

fn images<'a>(
    records: impl Iterator<Item = &'a ReleaseRecord>,
) -> impl Iterator<Item = &'a crate::state::ImageRecord> {
    records.flat_map(|r| r.images.values())
}

/// By digest where there is one: a tag may name another image by now.
fn reference_of(image: &crate::state::ImageRecord) -> String {
    match &image.digest {
        Some(digest) => {
            let repository = crate::plan::registry::repository(&image.reference);
            format!("{repository}@{digest}")
        }
        None => image.reference.clone(),
    }
}

async fn remove(
    engine: &DockerEngine,
    releases: &Releases,
    waste: &Waste,
    keep: usize,
) -> Result<(), Error> {
    for container in &waste.containers {
        engine.remove(&container.id).await?;
    }
    for (image, references) in waste.images.values() {
        // The last name takes the image with it; one that somebody uses after all stays.
        let tags = image.repo_tags.iter().filter(|tag| {
            let repository = crate::plan::registry::repository(tag);
            references
                .iter()
                .any(|r| crate::plan::registry::repository(r) == repository)
        });
        for reference in tags.chain(references) {
            engine.remove_image(reference).await?;
        }
    }
    releases.prune(keep)?;
    Ok(())
}

async fn say(
    app: &App<'_>,
    arguments: &PruneArguments,
    engine: &DockerEngine,
    waste: &Waste,
) -> Result<(), Error> {
    let mut images = Vec::new();
    for (id, (image, references)) in &waste.images {
        let stays = !arguments.dry_run && engine.image(id).await?.is_some();
        if !stays {
            images.push((
                references.iter().next().cloned().unwrap_or_default(),
                image.size,
            ));
        }
    }
    let bytes: i64 = images.iter().map(|(_, size)| size).sum();
    if app.reporter.json() {
        let result = json!({
            "dry_run": arguments.dry_run,
            "releases": waste.releases.iter().map(|r| r.number).collect::<Vec<_>>(),
            "containers": waste.containers.iter().map(|c| &c.name).collect::<Vec<_>>(),
            "images": images.iter().map(|(image, bytes)| json!({"image": image, "bytes": bytes})).collect::<Vec<_>>(),
            "bytes": bytes,
        });
        app.reporter.result(&format!("{result}\n"));
        return Ok(());
    }
    let done = if arguments.dry_run {
        "would remove"
    } else {
        "removed"
    };
    for record in &waste.releases {
        let tag = record.tag.as_deref().unwrap_or("no tag");
        app.reporter
            .result(&format!("{done} release {} ({tag})\n", record.number));
    }
    for container in &waste.containers {
        app.reporter
            .result(&format!("{done} container {}\n", container.name));
    }
    for (image, size) in &images {
        app.reporter
            .result(&format!("{done} image {image} ({} MB)\n", size / 1_000_000));
    }
    if waste.releases.is_empty() && waste.containers.is_empty() && images.is_empty() {
        app.reporter.note("nothing to prune");
    } else {
        app.reporter.note(&format!(
            "{} MB at most: layers that other images share stay",
            bytes / 1_000_000
        ));
    }
    Ok(())
}
