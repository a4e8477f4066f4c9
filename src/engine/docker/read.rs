//! Asks the engine: snapshot, inspection, events.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, EndpointSettings, EventMessage,
    EventMessageTypeEnum, ImageInspect, MountPoint, Network,
};
use bollard::query_parameters::{
    EventsOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptions, ListVolumesOptions,
};
use futures_util::StreamExt as _;
use futures_util::future::{join_all, try_join, try_join3};
use futures_util::stream::LocalBoxStream;

use super::DockerEngine;
use crate::engine::{ContainerEvent, EngineError, EventKind, Scope};
use crate::plan::observed::{
    Container, ContainerState, Details, EngineInfo, Health, ImageHealthcheck, LocalImage, Mount,
    Observed, ObservedNetwork, ObservedVolume, Probe, PublishedPort, RestartPolicy,
};
use crate::plan::spec::label;

impl DockerEngine {
    /// One list of each kind, side by side.
    pub(super) async fn snapshot(&self, scope: &Scope) -> Result<Observed, EngineError> {
        let (containers, (networks, volumes), images) = try_join3(
            self.list(scope),
            self.resources(scope),
            self.images(&scope.images),
        )
        .await?;
        let (containers, strangers) = containers
            .into_iter()
            .partition(|c: &Container| c.label(label::PROJECT) == Some(scope.project.as_str()));
        Ok(Observed {
            engine: EngineInfo::default(),
            containers,
            strangers,
            networks,
            volumes,
            images,
        })
    }

    pub(super) async fn resources(
        &self,
        scope: &Scope,
    ) -> Result<(Vec<ObservedNetwork>, Vec<ObservedVolume>), EngineError> {
        if !scope.resources {
            return Ok((Vec::new(), Vec::new()));
        }
        let ahead = self.ahead.borrow_mut().resources.take();
        match ahead {
            Some(ahead) => Ok(ahead),
            None => try_join(self.networks(), self.volumes()).await,
        }
    }

    pub(super) async fn list(&self, scope: &Scope) -> Result<Vec<Container>, EngineError> {
        if scope.strangers
            && let Some(ahead) = self.ahead.borrow_mut().containers.take()
        {
            return Ok(ahead);
        }
        let there = |c: &Container| c.state != ContainerState::Removing;
        let project = (!scope.strangers).then_some(scope.project.as_str());
        if let Some(listed) = self.list_over_socket(project).await? {
            return Ok(listed.into_iter().filter(there).collect());
        }
        let mut filters: HashMap<&str, Vec<String>> = HashMap::new();
        if !scope.strangers {
            filters.insert(
                "label",
                vec![format!("{}={}", label::PROJECT, scope.project)],
            );
        }
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self
            .short(
                "list containers",
                self.docker.list_containers(Some(options)),
            )
            .await?;
        Ok(listed.into_iter().map(summary).filter(there).collect())
    }

    async fn networks(&self) -> Result<Vec<ObservedNetwork>, EngineError> {
        let listed = self
            .short(
                "list networks",
                self.docker.list_networks(None::<ListNetworksOptions>),
            )
            .await?;
        Ok(listed.into_iter().map(network).collect())
    }

    async fn volumes(&self) -> Result<Vec<ObservedVolume>, EngineError> {
        let listed = self
            .short(
                "list volumes",
                self.docker.list_volumes(None::<ListVolumesOptions>),
            )
            .await?;
        let volumes = listed.volumes.unwrap_or_default().into_iter();
        Ok(volumes
            .map(|v| ObservedVolume {
                name: v.name,
                labels: v.labels.into_iter().collect(),
                driver: v.driver,
            })
            .collect())
    }

    async fn images(
        &self,
        references: &[String],
    ) -> Result<BTreeMap<String, LocalImage>, EngineError> {
        let asked = join_all(
            references
                .iter()
                .map(|r| async move { Ok((r.clone(), self.inspect_image(r).await?)) }),
        )
        .await;
        let mut images = BTreeMap::new();
        for answer in asked {
            let (reference, image): (String, Option<LocalImage>) = answer?;
            images.extend(image.map(|i| (reference, i)));
        }
        Ok(images)
    }

    pub(super) async fn inspect_image(
        &self,
        reference: &str,
    ) -> Result<Option<LocalImage>, EngineError> {
        match self
            .short("inspect image", self.docker.inspect_image(reference))
            .await
        {
            Ok(found) => Ok(Some(image(found))),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A container that is being removed, or whose removal failed half-way, is none: nothing starts it again.
    pub(super) async fn inspect_container(
        &self,
        container: &str,
    ) -> Result<Option<Container>, EngineError> {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        match self
            .short("inspect", self.docker.inspect_container(container, options))
            .await
        {
            Ok(found) => {
                let going = |c: &Container| {
                    matches!(c.state, ContainerState::Removing | ContainerState::Dead)
                };
                Ok(Some(inspected(found)).filter(|c| !going(c)))
            }
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The subscription stands when this returns: the engine is asked something behind it on its own
    /// connection, and answers events from then on.
    pub(super) async fn event_stream(
        &self,
        project: &str,
    ) -> Result<LocalBoxStream<'static, Result<ContainerEvent, EngineError>>, EngineError> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", vec![format!("{}={project}", label::PROJECT)]),
        ]);
        // From the engine's own now on: what happens between the request and its arrival is not lost.
        let now = self.short("info", self.docker.info()).await?.system_time;
        let since = now
            .and_then(|t| t.clone().parse::<jiff::Timestamp>().ok())
            .map(jiff::Timestamp::as_second);
        let mut options = EventsOptionsBuilder::default().filters(&filters);
        let text;
        if let Some(since) = since {
            text = since.to_string();
            options = options.since(&text);
        }
        let address = self.address.clone();
        let stream = self.docker.events(Some(options.build()));
        let events = stream.filter_map(move |message| {
            let event = match message {
                Ok(message) => event(message).map(Ok),
                Err(error) => Some(Err(super::errors::engine_error(&address, "events", &error))),
            };
            std::future::ready(event)
        });
        Ok(events.boxed_local())
    }
}

fn summary(found: ContainerSummary) -> Container {
    let status = found.status.unwrap_or_default();
    let networks = found
        .network_settings
        .and_then(|n| n.networks)
        .unwrap_or_default();
    Container {
        id: found.id.unwrap_or_default(),
        name: found
            .names
            .unwrap_or_default()
            .iter()
            .map(|n| n.trim_start_matches('/'))
            .find(|n| !n.contains('/'))
            .unwrap_or_default()
            .to_owned(),
        image: found.image.unwrap_or_default(),
        image_id: found.image_id.unwrap_or_default(),
        labels: found.labels.unwrap_or_default().into(),
        state: state(&found.state.map(|s| s.to_string()).unwrap_or_default()),
        health: health_of_status(&status),
        status,
        created: found.created.unwrap_or_default(),
        network_mode: found
            .host_config
            .and_then(|h| h.network_mode)
            .unwrap_or_default(),
        networks: network_ids(networks),
        mounts: found
            .mounts
            .unwrap_or_default()
            .into_iter()
            .map(mount)
            .collect(),
        ports: found
            .ports
            .unwrap_or_default()
            .into_iter()
            .map(|p| PublishedPort {
                host_ip: p.ip.unwrap_or_default(),
                published: p.public_port.unwrap_or_default(),
                target: p.private_port,
                protocol: p.typ.map(|t| t.to_string()).unwrap_or_default(),
            })
            .collect(),
        details: None,
    }
}

fn inspected(found: ContainerInspectResponse) -> Container {
    let config = found.config.unwrap_or_default();
    let state_found = found.state.unwrap_or_default();
    let host = found.host_config.unwrap_or_default();
    let health = state_found.health.unwrap_or_default();
    let policy = host.restart_policy.unwrap_or_default();
    let test = config
        .healthcheck
        .as_ref()
        .and_then(|h| h.test.clone())
        .unwrap_or_default();
    let exit_code = state_found.exit_code.unwrap_or_default();
    let state_name = state_found
        .status
        .map(|s| s.to_string())
        .unwrap_or_default();
    let details = Details {
        restart: RestartPolicy {
            name: policy
                .name
                .map(|n| n.to_string())
                .filter(|n| !n.is_empty())
                .unwrap_or_else(|| "no".into()),
            maximum_retry_count: policy.maximum_retry_count.unwrap_or_default(),
        },
        exit_code,
        oom_killed: state_found.oom_killed.unwrap_or_default(),
        restart_count: found.restart_count.unwrap_or_default(),
        started_at: state_found.started_at.unwrap_or_default(),
        finished_at: state_found.finished_at.unwrap_or_default(),
        probes: health
            .log
            .unwrap_or_default()
            .into_iter()
            .map(|p| Probe {
                exit_code: p.exit_code.unwrap_or_default(),
                output: p.output.unwrap_or_default(),
                ended_at: p.end.unwrap_or_default(),
            })
            .collect(),
        user: config.user.unwrap_or_default(),
        has_healthcheck: !test.is_empty() && test.first().is_none_or(|t| t != "NONE"),
        error: state_found.error.unwrap_or_default(),
    };
    let networks = found
        .network_settings
        .and_then(|n| n.networks)
        .unwrap_or_default();
    Container {
        id: found.id.unwrap_or_default(),
        name: found
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        image: config.image.unwrap_or_default(),
        image_id: found.image.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into(),
        state: state(&state_name),
        health: health_named(&health.status.map(|s| s.to_string()).unwrap_or_default()),
        status: if state_name == "exited" {
            format!("Exited ({exit_code})")
        } else {
            state_name
        },
        created: 0,
        network_mode: host.network_mode.unwrap_or_default(),
        networks: network_ids(networks),
        mounts: found
            .mounts
            .unwrap_or_default()
            .into_iter()
            .map(mount)
            .collect(),
        ports: Vec::new(),
        details: Some(details),
    }
}

fn image(found: ImageInspect) -> LocalImage {
    let config = found.config.unwrap_or_default();
    let nanoseconds = |n: Option<i64>| {
        n.and_then(|n| u64::try_from(n).ok())
            .filter(|n| *n > 0)
            .map(Duration::from_nanos)
    };
    let healthcheck = config.healthcheck.filter(|h| {
        h.test
            .as_ref()
            .is_some_and(|t| !t.is_empty() && t[0] != "NONE")
    });
    LocalImage {
        id: found.id.unwrap_or_default(),
        repo_digests: found.repo_digests.unwrap_or_default(),
        repo_tags: found.repo_tags.unwrap_or_default(),
        architecture: found.architecture.unwrap_or_default(),
        os: found.os.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        healthcheck: healthcheck.map(|h| ImageHealthcheck {
            interval: nanoseconds(h.interval),
            timeout: nanoseconds(h.timeout),
            retries: h
                .retries
                .and_then(|r| u32::try_from(r).ok())
                .filter(|r| *r > 0),
            start_period: nanoseconds(h.start_period),
        }),
        volumes: config.volumes.unwrap_or_default(),
        size: found.size.unwrap_or_default(),
    }
}

fn network(found: Network) -> ObservedNetwork {
    ObservedNetwork {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        labels: found.labels.unwrap_or_default().into_iter().collect(),
        driver: found.driver.unwrap_or_default(),
    }
}

fn mount(found: MountPoint) -> Mount {
    Mount {
        kind: found.typ.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        source: found.source.unwrap_or_default(),
        destination: found.destination.unwrap_or_default(),
        driver: found.driver.unwrap_or_default(),
        writable: found.rw.unwrap_or_default(),
    }
}

fn network_ids(networks: HashMap<String, EndpointSettings>) -> BTreeMap<String, String> {
    networks
        .into_iter()
        .map(|(name, endpoint)| (name, endpoint.network_id.unwrap_or_default()))
        .collect()
}

fn event(message: EventMessage) -> Option<ContainerEvent> {
    if message
        .typ
        .is_some_and(|t| t != EventMessageTypeEnum::CONTAINER)
    {
        return None;
    }
    let actor = message.actor?;
    let attribute = |name: &str| {
        actor
            .attributes
            .as_ref()
            .and_then(|a| a.get(name))
            .cloned()
            .unwrap_or_default()
    };
    let action = message.action.unwrap_or_default();
    let kind = match action.as_str() {
        "start" => EventKind::Start,
        "die" => EventKind::Die {
            exit_code: attribute("exitCode").parse().unwrap_or_default(),
        },
        "oom" => EventKind::Oom,
        "health_status: healthy" => EventKind::Healthy,
        "health_status: unhealthy" => EventKind::Unhealthy,
        "rename" => EventKind::Rename,
        "destroy" => EventKind::Destroy,
        _ => EventKind::Other(action),
    };
    Some(ContainerEvent {
        container: actor.id?,
        kind,
        time_nano: message.time_nano.unwrap_or_default(),
    })
}

pub(super) fn state(name: &str) -> ContainerState {
    match name {
        "created" => ContainerState::Created,
        "running" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "removing" => ContainerState::Removing,
        "exited" => ContainerState::Exited,
        "dead" => ContainerState::Dead,
        other => ContainerState::Other(other.to_owned()),
    }
}

pub(super) fn health_of_status(status: &str) -> Health {
    if status.contains("(healthy)") {
        Health::Healthy
    } else if status.contains("(unhealthy)") {
        Health::Unhealthy
    } else if status.contains("(health: starting)") {
        Health::Starting
    } else {
        Health::None
    }
}

fn health_named(name: &str) -> Health {
    match name {
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        "starting" => Health::Starting,
        _ => Health::None,
    }
}
