//! What the engine has of a project.

use crate::command::app::App;
use crate::command::images;
use crate::command::repair::{self, Leftovers};
use crate::engine::docker::DockerEngine;
use crate::engine::{Engine as _, Scope};
use crate::error::Error;
use crate::plan::judge::{network_name, volume_name};
use crate::plan::observed::Observed;
use crate::plan::options::TagChange;
use crate::plan::{owner, tag};
use crate::project::Project;

/// Takes the snapshot; what the list leaves out of images that lost their tag is looked up.
pub(in crate::command) async fn observe(
    engine: &DockerEngine,
    project: &Project,
) -> Result<Observed, Error> {
    let scope = Scope {
        project: project.name.clone(),
        strangers: true,
        resources: true,
        images: images::references(project),
        networks: project
            .networks
            .keys()
            .map(|k| network_name(project, k))
            .collect(),
        volumes: project
            .volumes
            .keys()
            .map(|k| volume_name(project, k))
            .collect(),
    };
    let mut observed = engine.observe(&scope).await?;
    for container in &mut observed.containers {
        // Once a tag names another image the list shows the bare id of the one before.
        if tag::of_reference(&container.image).is_none()
            && let Some(found) = engine.inspect(&container.id).await?
        {
            container.image = found.image;
        }
    }
    let known: Vec<&String> = observed.images.values().map(|i| &i.id).collect();
    let mut unknown: Vec<String> = observed
        .containers
        .iter()
        .map(|c| c.image_id.clone())
        .filter(|id| !known.contains(&id))
        .collect();
    unknown.sort();
    unknown.dedup();
    for id in unknown {
        // The digest of what serves, though its tag names another image by now.
        if let Some(image) = engine.image(&id).await? {
            observed.images.insert(id, image);
        }
    }
    Ok(observed)
}

/// The snapshot of a project that is ours, with nothing of a lost run in it.
pub(in crate::command) async fn snapshot(
    app: &App<'_>,
    engine: &DockerEngine,
    project: &Project,
    tag: Option<&TagChange>,
    mark: &str,
    leftovers: Leftovers,
) -> Result<Observed, Error> {
    let observed = observe(engine, project).await?;
    if !app.globals.adopt {
        owner::check(project, &observed.containers, mark)?;
    }
    repair::mend(app, engine, project, observed, tag, mark, leftovers).await
}
