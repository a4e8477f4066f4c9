//! What the client's answers say, in the words of a snapshot.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, EndpointSettings, EventMessage,
    EventMessageTypeEnum, ImageInspect, MountPoint, Network,
};

use crate::engine::{ContainerEvent, EventKind};
use crate::plan::observed::{
    Container, ContainerState, Details, Health, ImageHealthcheck, LocalImage, Mount,
    ObservedNetwork, Probe, PublishedPort, RestartPolicy,
};

pub(super) fn summary(found: ContainerSummary) -> Container {
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

pub(super) fn inspected(found: ContainerInspectResponse) -> Container {
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

pub(super) fn image(found: ImageInspect) -> LocalImage {
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

pub(super) fn network(found: Network) -> ObservedNetwork {
    ObservedNetwork {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        labels: found.labels.unwrap_or_default().into_iter().collect(),
        driver: found.driver.unwrap_or_default(),
    }
}

pub(super) fn mount(found: MountPoint) -> Mount {
    Mount {
        kind: found.typ.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        source: found.source.unwrap_or_default(),
        destination: found.destination.unwrap_or_default(),
        driver: found.driver.unwrap_or_default(),
        writable: found.rw.unwrap_or_default(),
    }
}

pub(super) fn network_ids(networks: HashMap<String, EndpointSettings>) -> BTreeMap<String, String> {
    networks
        .into_iter()
        .map(|(name, endpoint)| (name, endpoint.network_id.unwrap_or_default()))
        .collect()
}

pub(super) fn event(message: EventMessage) -> Option<ContainerEvent> {
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

pub(super) fn health_named(name: &str) -> Health {
    match name {
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        "starting" => Health::Starting,
        _ => Health::None,
    }
}
