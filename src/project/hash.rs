//! The hashes by which docker compose tells whether something has changed.

use indexmap::IndexMap;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::go_json;
use super::model::{Project, Service};

/// The containers that stand for services in `network_mode: service:x` and the like: name → container id.
pub type ServiceReferences = IndexMap<String, String>;

impl Project {
    /// The hash in the label of a container: with the values of `env_file`, the paths of `label_file`, and with
    /// container ids for services.
    ///
    /// An unknown service has an empty hash.
    #[must_use]
    pub fn config_hash(&self, service: &str, references: &ServiceReferences) -> String {
        let Some(service) = self.service(service) else {
            return String::new();
        };
        let mut service = service.clone();
        if let Some(environment) = service.resolved_environment.take() {
            service.environment = environment;
        }
        service.env_file.clear();
        resolve_references(&mut service, references);
        self.hash_service(service)
    }

    /// The hash that `config --hash` prints: without the values of `env_file` and the paths of `label_file`.
    #[must_use]
    pub fn config_hash_printed(&self, service: &str) -> String {
        self.service(service)
            .cloned()
            .map(|mut service| {
                service.label_file.clear();
                self.hash_service(service)
            })
            .unwrap_or_default()
    }

    fn hash_service(&self, mut service: Service) -> String {
        if service.build.take().is_some() && service.platform.is_none() {
            service.platform.clone_from(&self.default_platform);
        }
        service.pull_policy = None;
        service.scale = None;
        service.depends_on.clear();
        service.profiles.clear();
        if let Some(deploy) = &mut service.deploy {
            deploy.replicas = None;
        }
        hash_of(&service)
    }

    /// The hash in the label of a network; empty for an unknown one.
    #[must_use]
    pub fn network_hash(&self, key: &str) -> String {
        self.networks.get(key).map(hash_of).unwrap_or_default()
    }

    /// The hash in the label of a volume; empty for an unknown one.
    #[must_use]
    pub fn volume_hash(&self, key: &str) -> String {
        let Some(volume) = self.volumes.get(key) else {
            return String::new();
        };
        let mut volume = volume.clone();
        volume.driver.get_or_insert_with(|| "local".into());
        hash_of(&volume)
    }

    /// The variables of a service's containers, with those of `env_file`.
    #[must_use]
    pub fn resolved_environment(&self, service: &str) -> IndexMap<String, Option<String>> {
        let Some(service) = self.service(service) else {
            return IndexMap::new();
        };
        service
            .resolved_environment
            .clone()
            .unwrap_or_else(|| service.environment.clone())
    }
}

/// `service:x` becomes `container:<id>`, `volumes_from: [x:ro]` the id alone, as Compose has it.
fn resolve_references(service: &mut Service, references: &ServiceReferences) {
    for mode in [
        &mut service.network_mode,
        &mut service.ipc,
        &mut service.pid,
    ] {
        let id = mode
            .as_deref()
            .and_then(|mode| references.get(mode.strip_prefix("service:")?));
        if let Some(id) = id {
            *mode = Some(format!("container:{id}"));
        }
    }
    for from in &mut service.volumes_from {
        let mut parts = from.split(':');
        let first = parts.next().unwrap_or_default();
        let resolved = if first == "container" {
            parts.next().map(str::to_owned)
        } else {
            references.get(first).cloned()
        };
        if let Some(resolved) = resolved {
            *from = resolved;
        }
    }
}

fn hash_of<T: Serialize>(value: &T) -> String {
    hex(&Sha256::digest(go_json::compact(value).as_bytes()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}
