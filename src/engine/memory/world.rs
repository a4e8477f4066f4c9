//! What the engine in memory holds, and how its containers behave.

use std::collections::BTreeMap;

use crate::engine::{CreateRequest, Created, EngineError, EventKind};
use crate::plan::observed::{
    Container, ContainerState, Details, Health, LocalImage, Mount, ObservedNetwork, ObservedVolume,
};

/// What a container does when it is started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Healthy at once.
    #[default]
    Healthy,
    /// Runs, and has no healthcheck.
    Unchecked,
    /// Runs, and its healthcheck fails.
    Unhealthy,
    /// Runs, and its healthcheck never speaks.
    Silent,
    /// Ends with this code.
    Exits(i64),
}

/// Everything that the engine in memory holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    /// By id.
    pub containers: BTreeMap<String, Container>,
    /// By name.
    pub networks: BTreeMap<String, ObservedNetwork>,
    /// By name.
    pub volumes: BTreeMap<String, ObservedVolume>,
    /// By reference.
    pub images: BTreeMap<String, LocalImage>,
    /// Digest by reference.
    pub registry: BTreeMap<String, String>,
    /// By image reference; others are healthy.
    pub behaviour: BTreeMap<String, Behaviour>,
    pub(super) events: Vec<(String, EventKind)>,
    ids: u32,
}

impl World {
    pub(super) fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("{:064x}", self.ids)
    }

    /// A container by id or name.
    pub fn find(&self, container: &str) -> Option<&Container> {
        self.containers
            .get(container)
            .or_else(|| self.containers.values().find(|c| c.name == container))
    }

    /// A container by id or name, to be changed.
    pub fn get(&mut self, container: &str) -> Result<&mut Container, EngineError> {
        let id = self.find(container).map(|c| c.id.clone());
        id.and_then(|id| self.containers.get_mut(&id))
            .ok_or_else(|| EngineError::NotFound {
                message: format!("no such container: {container}"),
            })
    }

    pub(super) fn create(&mut self, request: &CreateRequest<'_>) -> Result<Created, EngineError> {
        let name = &request.spec.name;
        if self.find(name).is_some() {
            return Err(EngineError::Conflict {
                message: format!("the name {name} is in use"),
            });
        }
        let id = self.next_id();
        let networks = request.spec.networks.iter().map(|n| {
            let id = self
                .networks
                .get(&n.name)
                .map(|n| n.id.clone())
                .unwrap_or_default();
            (n.name.clone(), id)
        });
        let named = request
            .spec
            .service
            .volumes
            .iter()
            .filter_map(|v| Some((v.source.as_deref()?, v.target.as_deref()?)));
        let mounts = named
            .map(|(source, target)| Mount {
                kind: "volume".into(),
                name: crate::plan::judge::volume_name(request.project, source),
                destination: target.into(),
                ..Mount::default()
            })
            .collect();
        let container = Container {
            id: id.clone(),
            name: name.clone(),
            image: request.image.clone(),
            image_id: request
                .labels
                .get(crate::plan::spec::label::IMAGE)
                .cloned()
                .unwrap_or_default(),
            labels: request.labels.clone().into(),
            networks: networks.collect(),
            mounts,
            details: Some(Details {
                restart: request.spec.restart.clone(),
                ..Details::default()
            }),
            ..Container::default()
        };
        self.containers.insert(id.clone(), container);
        Ok(Created {
            id,
            warnings: Vec::new(),
        })
    }

    pub(super) fn start(&mut self, container: &str) -> Result<(), EngineError> {
        let image = self.get(container)?.image.clone();
        let behaviour = self.behaviour.get(&image).copied().unwrap_or_default();
        let found = self.get(container)?;
        if found.is_running() {
            return Ok(());
        }
        let id = found.id.clone();
        let (state, health) = match behaviour {
            Behaviour::Healthy => (ContainerState::Running, Health::Healthy),
            Behaviour::Unchecked => (ContainerState::Running, Health::None),
            Behaviour::Unhealthy => (ContainerState::Running, Health::Unhealthy),
            Behaviour::Silent => (ContainerState::Running, Health::Starting),
            Behaviour::Exits(_) => (ContainerState::Exited, Health::None),
        };
        (found.state, found.health) = (state, health);
        self.event(&id, EventKind::Start);
        match behaviour {
            Behaviour::Healthy => self.event(&id, EventKind::Healthy),
            Behaviour::Unhealthy => self.event(&id, EventKind::Unhealthy),
            Behaviour::Exits(exit_code) => self.exit(&id, exit_code),
            Behaviour::Unchecked | Behaviour::Silent => {}
        }
        Ok(())
    }

    /// Ends a container's process for good, whatever its restart policy.
    pub fn exit(&mut self, container: &str, exit_code: i64) {
        if let Ok(found) = self.get(container) {
            let details = found.details.get_or_insert_default();
            details.exit_code = exit_code;
            details.restart = crate::plan::observed::RestartPolicy::never();
            found.state = ContainerState::Exited;
            found.health = Health::None;
            found.status = format!("Exited ({exit_code}) a moment ago");
            let id = found.id.clone();
            self.event(&id, EventKind::Die { exit_code });
        }
    }

    pub(super) fn stop(&mut self, container: &str) -> Result<(), EngineError> {
        let found = self.get(container)?;
        if found.is_running() {
            found.state = ContainerState::Exited;
            found.health = Health::None;
            found.status = "Exited (0) a moment ago".into();
            let id = found.id.clone();
            self.event(&id, EventKind::Die { exit_code: 0 });
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, container: &str, name: &str) -> Result<(), EngineError> {
        let id = self.get(container)?.id.clone();
        if self
            .containers
            .values()
            .any(|c| c.name == name && c.id != id)
        {
            return Err(EngineError::Conflict {
                message: format!("the name {name} is in use"),
            });
        }
        name.clone_into(&mut self.get(&id)?.name);
        Ok(())
    }
}
