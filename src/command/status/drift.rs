//! What somebody changed behind the history's back.

use std::path::Path;

use crate::plan::observed::{Container, Health};
use crate::plan::spec::label;
use crate::plan::tag;
use crate::report::record::name;
use crate::state::{ReleaseRecord, StoredModel, read_env_file, read_variable};

/// Differences between what was released and what runs, or would run next.
pub(super) fn drift(
    current: &ReleaseRecord,
    model: Option<&StoredModel>,
    containers: &[Container],
    env_file: Option<&Path>,
) -> Vec<String> {
    let mut found: Vec<String> = containers
        .iter()
        .filter(|c| !c.is_put_aside())
        .filter_map(|c| of_container(current, model, c))
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
    model: Option<&StoredModel>,
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
    let finished: Option<jiff::Timestamp> = current.finished.as_ref().and_then(|f| f.parse().ok());
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
        && !model.is_some_and(|m| is_to_go_on(m, container.service()));
    (!container.is_running() && !done)
        .then(|| format!("`{}` does not run: {}", container.name, container.status))
}

/// A service that is started again whenever it ends is never done.
fn is_to_go_on(model: &StoredModel, service: &str) -> bool {
    let policy = model.model["services"][service]["restart"].as_str();
    matches!(policy, Some("always" | "unless-stopped"))
}

fn by_whom(container: &Container) -> &'static str {
    if container.label(label::RELEASE).is_none() {
        ": somebody ran `docker compose up`?"
    } else {
        ""
    }
}

/// Fewer or more containers than were released; a service that is done (a job) may have none.
fn replicas(model: &StoredModel, containers: &[Container]) -> Vec<String> {
    let Some(services) = model.model["services"].as_object() else {
        return Vec::new();
    };
    let differing = services.keys().filter_map(|service| {
        let asked = asked_replicas(model, service)?;
        let here = containers
            .iter()
            .filter(|c| c.service() == service && !c.is_put_aside())
            .count();
        (here != asked).then(|| format!("service `{service}` has {here} of {asked} containers"))
    });
    differing.collect()
}

/// How many containers the release gave a service.
pub(super) fn asked_replicas(model: &StoredModel, service: &str) -> Option<usize> {
    let service = model.model["services"].get(service)?;
    let written = [&service["scale"], &service["deploy"]["replicas"]];
    let asked = written.iter().find_map(|v| v.as_u64());
    usize::try_from(asked.unwrap_or(1)).ok()
}

/// A variable that the release set reads otherwise in the env file; its values may be secrets.
fn variables(current: &ReleaseRecord, model: &StoredModel, file: &Path) -> Vec<String> {
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
    use std::collections::BTreeMap;

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

    fn model() -> StoredModel {
        StoredModel {
            format: 1,
            set: [("IMAGE_TAG", "v2"), ("LOG_LEVEL", "debug")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
            model: serde_json::json!({"services": {"api": {"scale": 1}}}),
        }
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
            drift(&release(), Some(&model()), &[container()], None),
            [""; 0]
        );
    }

    #[test]
    fn a_container_that_docker_compose_made_is_named() {
        let mut other = container();
        other.labels.remove(label::RELEASE);
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
        let found = drift(&release(), Some(&model()), &[], None);
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
            drift(&release(), Some(&model()), &[down.clone()], None),
            [""; 0]
        );
        let mut goes_on = model();
        goes_on.model["services"]["api"]["restart"] = "always".into();
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
        let found = drift(&release(), Some(&model()), &[container()], Some(&file));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(".env.prod says IMAGE_TAG=v9, and release 7 (v2) serves"));
        assert!(found[1].contains("says another LOG_LEVEL"), "{found:?}");
        assert!(!found.concat().contains("geheim"));
        std::fs::write(&file, "IMAGE_TAG=v2\nLOG_LEVEL=debug\n").expect("written");
        let found = drift(&release(), Some(&model()), &[container()], Some(&file));
        assert_eq!(found, [""; 0]);
    }
}
