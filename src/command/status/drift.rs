//! What somebody changed behind the history's back.

use std::collections::BTreeMap;
use std::path::Path;

use crate::plan::observed::{Container, Health};
use crate::plan::spec::label;
use crate::plan::tag;
use crate::report::record::name;
use crate::state::{Outline, ReleaseRecord, read_env_file, read_variable};

/// Differences between what was released and what runs, or would run next.
pub(super) fn drift(
    current: &ReleaseRecord,
    model: Option<&Outline>,
    containers: &[Container],
    env_file: Option<&Path>,
) -> Vec<String> {
    let finished: Option<jiff::Timestamp> = current.finished.as_ref().and_then(|f| f.parse().ok());
    let mut found: Vec<String> = containers
        .iter()
        .filter(|c| !c.is_put_aside())
        .filter_map(|c| of_container(current, finished, model, c))
        .collect();
    if let Some(model) = model {
        found.extend(replicas(model, containers));
        found.extend(
            env_file
                .into_iter()
                .flat_map(|f| variables(current, model, f)),
        );
    }
    found
}

fn of_container(
    current: &ReleaseRecord,
    finished: Option<jiff::Timestamp>,
    model: Option<&Outline>,
    container: &Container,
) -> Option<String> {
    let recorded = current
        .images
        .get(container.service())
        .filter(|i| !i.id.is_empty());
    if recorded.is_some_and(|i| i.id != container.image_id) {
        let runs = tag::of_reference(&container.image).unwrap_or(&container.image);
        return Some(format!(
            "`{}` runs another image ({runs}) than {} recorded{}",
            container.name,
            name(current),
            by_whom(container)
        ));
    }
    let newer = finished.is_some_and(|f| container.created > f.as_second());
    if newer && container.label(label::RELEASE).is_none() {
        return Some(format!(
            "`{}` was made after {} by somebody else{}",
            container.name,
            name(current),
            by_whom(container)
        ));
    }
    if container.health == Health::Unhealthy {
        return Some(format!("`{}` is unhealthy", container.name));
    }
    let done = container.status.starts_with("Exited (0)")
        && !model.is_some_and(|m| m.goes_on(container.service()));
    (!container.is_running() && !done)
        .then(|| format!("`{}` does not run: {}", container.name, container.status))
}

fn by_whom(container: &Container) -> &'static str {
    if container.label(label::RELEASE).is_none() {
        ": somebody ran `docker compose up`?"
    } else {
        ""
    }
}

/// Fewer or more containers than were released; a service that is done (a job) may have none.
fn replicas(model: &Outline, containers: &[Container]) -> Vec<String> {
    let mut here: BTreeMap<&str, usize> = BTreeMap::new();
    for container in containers.iter().filter(|c| !c.is_put_aside()) {
        *here.entry(container.service()).or_default() += 1;
    }
    let differing = model.services().filter_map(|service| {
        let asked = model.replicas(service)?;
        let here = here.get(service).copied().unwrap_or(0);
        (here != asked).then(|| format!("service `{service}` has {here} of {asked} containers"))
    });
    differing.collect()
}

/// A variable that the release set reads otherwise in the env file; its values may be secrets.
fn variables(current: &ReleaseRecord, model: &Outline, file: &Path) -> Vec<String> {
    let Ok(text) = read_env_file(file) else {
        return Vec::new();
    };
    let shown = file.file_name().unwrap_or_default().to_string_lossy();
    let differing = model.set.iter().filter_map(|(variable, value)| {
        let written = read_variable(&text, variable).ok()?;
        if written.as_ref() == Some(value) {
            return None;
        }
        let is_tag = current.tag.as_ref() == Some(value);
        let now = match (&written, is_tag) {
            (None, _) => format!("has no {variable}"),
            (Some(now), true) => format!("says {variable}={now}"),
            (Some(_), false) => format!("says another {variable}"),
        };
        Some(format!(
            "{shown} {now}, and {} serves: somebody edited it, and the next `docker compose up` follows it",
            name(current)
        ))
    });
    differing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::ContainerState;
    use crate::state::{ImageRecord, ReleaseKind};

    fn release() -> ReleaseRecord {
        let mut record = ReleaseRecord::begin(7, ReleaseKind::Deploy, &BTreeMap::new());
        record.finished = Some("2026-01-01T10:00:00Z".to_owned());
        record.tag = Some("v2".to_owned());
        let image = ImageRecord {
            id: "sha256:two".to_owned(),
            ..ImageRecord::default()
        };
        record.images.insert("api".to_owned(), image);
        record
    }

    fn model(api: &serde_json::Value) -> Outline {
        let stored = serde_json::json!({
            "set": {"IMAGE_TAG": "v2", "LOG_LEVEL": "debug"},
            "model": {"services": {"api": api}, "networks": {"default": null}},
        });
        serde_json::from_value(stored).expect("an outline")
    }

    fn scale_1() -> serde_json::Value {
        serde_json::json!({"scale": 1})
    }

    fn container() -> Container {
        Container {
            name: "shop-api-1".to_owned(),
            image: "api:v2".to_owned(),
            image_id: "sha256:two".to_owned(),
            labels: [(label::SERVICE, "api"), (label::RELEASE, "7")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            state: ContainerState::Running,
            ..Container::default()
        }
    }

    #[test]
    fn what_runs_as_it_was_released_is_no_drift() {
        assert_eq!(
            drift(&release(), Some(&model(&scale_1())), &[container()], None),
            [""; 0]
        );
    }

    #[test]
    fn a_container_that_docker_compose_made_is_named() {
        let mut other = container();
        other.labels = [(label::SERVICE.to_owned(), "api".to_owned())].into();
        other.created = 1_800_000_000;
        let found = drift(&release(), None, std::slice::from_ref(&other), None);
        assert!(
            found[0].contains("made after release 7 (v2) by somebody else"),
            "{found:?}"
        );
        other.image_id = "sha256:three".to_owned();
        other.image = "api:v3".to_owned();
        let found = drift(&release(), None, &[other], None);
        assert!(found[0].contains("another image (v3)"), "{found:?}");
        assert!(found[0].contains("docker compose up"), "{found:?}");
    }

    #[test]
    fn a_container_that_is_missing_down_or_unhealthy_is_named() {
        let found = drift(&release(), Some(&model(&scale_1())), &[], None);
        assert_eq!(found, ["service `api` has 0 of 1 containers"]);
        let mut down = container();
        down.state = ContainerState::Exited;
        down.status = "Exited (1) 2 minutes ago".to_owned();
        let found = drift(&release(), None, &[down.clone()], None);
        assert_eq!(
            found,
            ["`shop-api-1` does not run: Exited (1) 2 minutes ago"]
        );
        down.status = "Exited (0) 2 minutes ago".to_owned();
        assert_eq!(
            drift(&release(), Some(&model(&scale_1())), &[down.clone()], None),
            [""; 0]
        );
        let goes_on = model(&serde_json::json!({"scale": 1, "restart": "always"}));
        let found = drift(&release(), Some(&goes_on), &[down], None);
        assert_eq!(
            found,
            ["`shop-api-1` does not run: Exited (0) 2 minutes ago"]
        );
        let mut sick = container();
        sick.health = Health::Unhealthy;
        assert_eq!(
            drift(&release(), None, &[sick], None),
            ["`shop-api-1` is unhealthy"]
        );
    }

    #[test]
    fn an_edited_env_file_is_named_and_values_other_than_the_tag_are_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env.prod");
        std::fs::write(&file, "IMAGE_TAG=v9\nLOG_LEVEL=geheim\n").expect("written");
        let found = drift(
            &release(),
            Some(&model(&scale_1())),
            &[container()],
            Some(&file),
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(".env.prod says IMAGE_TAG=v9, and release 7 (v2) serves"));
        assert!(found[1].contains("says another LOG_LEVEL"), "{found:?}");
        assert!(!found.concat().contains("geheim"));
        std::fs::write(&file, "IMAGE_TAG=v2\nLOG_LEVEL=debug\n").expect("written");
        let found = drift(
            &release(),
            Some(&model(&scale_1())),
            &[container()],
            Some(&file),
        );
        assert_eq!(found, [""; 0]);
    }
}
