//! Whether an image has the program that its healthcheck runs: looked up in a container of it, running or not.

use std::collections::BTreeMap;

use super::{Level, Report};
use crate::command::prepare::Prepared;
use crate::engine::docker::DockerEngine;
use crate::plan::check::advice::healthcheck_tool;
use crate::project::model::Service;

/// Where programs are, in images that say nothing else.
const FOLDERS: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// Service → the program that is not in its image. Where no container of the image is here, that is said.
pub(super) async fn missing(
    engine: &DockerEngine,
    prepared: &Prepared,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut missing = BTreeMap::new();
    let mut unknown = Vec::new();
    for (name, service) in &prepared.project.services {
        let Some(tool) = healthcheck_tool(service) else {
            continue;
        };
        let Some(container) = container(prepared, service) else {
            unknown.push(name.as_str());
            continue;
        };
        match has(engine, container, service, tool).await {
            Ok(true) => {}
            Ok(false) => {
                missing.insert(name.clone(), tool.to_owned());
            }
            Err(error) => report.fail("healthchecks", &error.into()),
        }
    }
    if !unknown.is_empty() {
        report.say(
            "healthchecks",
            Level::Ok,
            format!(
                "of {}: the program is not looked up, since no container of the image is here yet",
                unknown.join(", ")
            ),
        );
    }
    missing
}

fn container<'a>(prepared: &'a Prepared, service: &Service) -> Option<&'a str> {
    let image = prepared.options.images.get(service.image.as_ref()?)?;
    let id = image.id.as_ref()?;
    let observed = &prepared.observed;
    let mut all = observed.containers.iter().chain(&observed.strangers);
    all.find(|c| c.image_id == *id).map(|c| c.id.as_str())
}

async fn has(
    engine: &DockerEngine,
    container: &str,
    service: &Service,
    tool: &str,
) -> Result<bool, crate::engine::EngineError> {
    if tool.starts_with('/') {
        return engine.has_file(container, tool).await;
    }
    let written = service.environment.get("PATH").and_then(Option::as_ref);
    let folders: Vec<&str> = match written {
        Some(path) => path.split(':').collect(),
        None => FOLDERS.to_vec(),
    };
    for folder in folders {
        if engine
            .has_file(container, &format!("{folder}/{tool}"))
            .await?
        {
            return Ok(true);
        }
    }
    // Relative to the working directory, or on a path that only the image knows.
    Ok(tool.contains('/'))
}
