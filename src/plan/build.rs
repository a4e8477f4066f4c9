//! Builds the spec of a container: its name, labels, networks and what it takes over from the one before.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::plan::judge::{network_name, volume_name};
use crate::plan::observed::{Container, RestartPolicy};
use crate::plan::options::Options;
use crate::plan::spec::{
    CarriedVolume, ContainerRole, ContainerSpec, LabelValue, NetworkAttachment, PlannedId, label,
};
use crate::plan::step::ContainerRef;
use crate::project::model::{Project, Service};

/// The version of docker compose whose labels and hashes these are.
pub const COMPOSE_VERSION: &str = "2.40.3";

/// What a spec is built from.
pub struct Draft<'a> {
    /// The project.
    pub project: &'a Project,
    /// The options of the plan.
    pub options: &'a Options,
    /// Key of the service.
    pub name: &'a str,
    /// The service.
    pub service: &'a Service,
    /// Containers whose namespace or volumes it shares.
    pub references: BTreeMap<String, ContainerRef>,
}

impl Draft<'_> {
    /// The spec of an ordinary container.
    pub fn ordinary(
        &self,
        number: u32,
        name: String,
        replaced: Option<&Container>,
        restart: RestartPolicy,
    ) -> ContainerSpec {
        let final_name = container_name(self.project, self.name, self.service, number);
        let mut labels = self.common_labels();
        labels.insert(label::ONEOFF.into(), text("False"));
        labels.insert(label::CONTAINER_NUMBER.into(), text(number.to_string()));
        let at_rest = restart_policy(self.service);
        labels.insert(label::RESTART.into(), text(restart_text(&at_rest)));
        if let Some(content) = self.options.content.get(self.name) {
            labels.insert(label::CONTENT.into(), text(content.fingerprint.clone()));
        }
        if replaced.is_some() {
            let shown = self.service.container_name.clone();
            labels.insert(
                label::REPLACE.into(),
                text(shown.unwrap_or_else(|| format!("{}-{number}", self.name))),
            );
        }
        ContainerSpec {
            networks: self.networks(&final_name),
            carried_volumes: replaced
                .map(|old| self.carried_volumes(old))
                .unwrap_or_default(),
            id: PlannedId(format!("{}-{number}", self.name)),
            name,
            final_name,
            labels,
            restart,
            role: ContainerRole::Service,
            ..self.bare()
        }
    }

    /// The spec of a one-off for a job.
    pub fn oneoff(&self, job: &str) -> ContainerSpec {
        let slug = hexadecimal(&Sha256::digest(format!(
            "{}\0{}",
            self.options.seed, self.name
        )));
        let name = format!("{}-{}-run-{}", self.project.name, self.name, &slug[..12]);
        let mut labels = self.common_labels();
        labels.insert(label::ONEOFF.into(), text("True"));
        labels.insert(label::SLUG.into(), text(slug));
        labels.insert(label::JOB.into(), text(job));
        ContainerSpec {
            networks: self.networks(&name),
            id: PlannedId(format!("{}-run", self.name)),
            final_name: name.clone(),
            name,
            labels,
            role: ContainerRole::Oneoff,
            ..self.bare()
        }
    }

    fn bare(&self) -> ContainerSpec {
        ContainerSpec {
            id: PlannedId(String::new()),
            name: String::new(),
            final_name: String::new(),
            service_name: self.name.to_owned(),
            service: Arc::new(Service {
                environment: self.project.resolved_environment(self.name),
                ..self.service.clone()
            }),
            image: self.service.image.clone().unwrap_or_default(),
            labels: BTreeMap::new(),
            restart: RestartPolicy::never(),
            networks: Vec::new(),
            late_networks: Vec::new(),
            carried_volumes: Vec::new(),
            references: self.references.clone(),
            role: ContainerRole::Service,
        }
    }

    fn common_labels(&self) -> BTreeMap<String, LabelValue> {
        let project = self.project;
        let mut labels: BTreeMap<String, LabelValue> = self
            .service
            .labels
            .iter()
            .map(|(k, v)| (k.clone(), text(v.clone())))
            .collect();
        let dependencies: Vec<String> = self
            .service
            .depends_on
            .iter()
            .map(|(name, d)| format!("{name}:{}:{}", String::from(d.condition.clone()), d.restart))
            .collect();
        labels.extend([
            (label::PROJECT.into(), text(project.name.clone())),
            (label::SERVICE.into(), text(self.name)),
            (label::VERSION.into(), text(COMPOSE_VERSION)),
            (label::CONFIG_HASH.into(), LabelValue::ConfigHash),
            (label::IMAGE.into(), LabelValue::ImageId),
            (label::DEPENDS_ON.into(), text(dependencies.join(","))),
            (
                label::WORKING_DIR.into(),
                text(project.working_dir.display().to_string()),
            ),
            (
                label::CONFIG_FILES.into(),
                text(joined(&project.config_files)),
            ),
            (
                label::RELEASE.into(),
                text(self.options.release.to_string()),
            ),
            (label::JOURNAL.into(), text(self.options.mark.clone())),
        ]);
        if !project.env_files.is_empty() {
            labels.insert(
                label::ENVIRONMENT_FILE.into(),
                text(joined(&project.env_files)),
            );
        }
        labels
    }

    fn networks(&self, container: &str) -> Vec<NetworkAttachment> {
        self.service
            .networks_by_priority()
            .into_iter()
            .map(|key| {
                let own = self.service.networks.get(key).and_then(Option::as_ref);
                let mut aliases = vec![container.to_owned(), self.name.to_owned()];
                aliases.extend(own.into_iter().flat_map(|n| n.aliases.iter().cloned()));
                NetworkAttachment {
                    key: key.to_owned(),
                    name: network_name(self.project, key),
                    aliases,
                }
            })
            .collect()
    }

    /// Anonymous volumes of the container before: those that no mount of the service names.
    fn carried_volumes(&self, old: &Container) -> Vec<CarriedVolume> {
        let named: Vec<String> = self
            .service
            .volumes
            .iter()
            .filter_map(|v| v.source.as_deref())
            .map(|s| volume_name(self.project, s))
            .collect();
        let shadowed = |target: &str| {
            self.service
                .volumes
                .iter()
                .any(|v| v.target.as_deref() == Some(target) && v.source.is_some())
                || self
                    .service
                    .tmpfs
                    .iter()
                    .any(|t| t.split(':').next() == Some(target))
        };
        old.mounts
            .iter()
            .filter(|m| m.kind == "volume" && is_anonymous(&m.name))
            .filter(|m| !named.contains(&m.name) && !shadowed(&m.destination))
            .map(|m| CarriedVolume {
                name: m.name.clone(),
                target: m.destination.clone(),
            })
            .collect()
    }
}

/// The name of a service's container at rest.
pub fn container_name(project: &Project, name: &str, service: &Service, number: u32) -> String {
    service
        .container_name
        .clone()
        .unwrap_or_else(|| format!("{}-{name}-{number}", project.name))
}

/// The restart policy in the engine's words; `deploy.restart_policy` wins over `restart`.
pub fn restart_policy(service: &Service) -> RestartPolicy {
    if let Some(policy) = service
        .deploy
        .as_ref()
        .and_then(|d| d.restart_policy.as_ref())
    {
        let attempts = policy
            .max_attempts
            .and_then(|n| i64::try_from(n).ok())
            .unwrap_or(0);
        return match policy.condition.as_deref() {
            Some("none") => RestartPolicy::never(),
            Some("on-failure") => RestartPolicy {
                name: "on-failure".into(),
                maximum_retry_count: attempts,
            },
            Some("any") | None => RestartPolicy {
                name: "always".into(),
                maximum_retry_count: 0,
            },
            Some(other) => RestartPolicy {
                name: other.into(),
                maximum_retry_count: attempts,
            },
        };
    }
    parse_restart(service.restart.as_deref().unwrap_or("no"))
}

/// Reads a policy as Compose writes it: `always`, `on-failure:3`.
pub fn parse_restart(text: &str) -> RestartPolicy {
    let (name, count) = text.split_once(':').unwrap_or((text, "0"));
    RestartPolicy {
        name: if name.is_empty() {
            "no".into()
        } else {
            name.into()
        },
        maximum_retry_count: count.parse().unwrap_or(0),
    }
}

fn restart_text(policy: &RestartPolicy) -> String {
    if policy.maximum_retry_count > 0 {
        format!("{}:{}", policy.name, policy.maximum_retry_count)
    } else {
        policy.name.clone()
    }
}

fn text(value: impl Into<String>) -> LabelValue {
    LabelValue::Text(value.into())
}

fn joined(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|p| p.display().to_string())
        .collect::<Vec<_>>()
        .join(",")
}

fn is_anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
