//! A resolved service as the engine's create body.
//!
//! The mapping is docker compose's: its containers and ours are to be the same. What an API version
//! cannot take is named in a warning.

mod host;
mod mounts;
mod network;

use serde_json::{Map, Value, json};

use crate::engine::CreateRequest;
use crate::plan::spec::ContainerRole;
use crate::project::model::{GoDuration, HealthCheck, Service};

pub(super) use network::endpoint;

/// The create body and what it leaves out.
pub(super) fn container(request: &CreateRequest<'_>, api: (u32, u32)) -> (Value, Vec<String>) {
    let service = request.spec.service.as_ref();
    let mut warnings = Vec::new();
    let environment: Vec<String> = service
        .environment
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|v| format!("{name}={v}")))
        .collect();
    let exposed: Map<String, Value> = exposed_ports(service)
        .into_iter()
        .map(|port| (port, json!({})))
        .collect();
    let body = json!({
        "Image": request.image,
        "Cmd": service.command.as_ref().map(strings),
        "Entrypoint": service.entrypoint.as_ref().map(strings),
        "Env": environment,
        "Labels": request.labels,
        "Hostname": service.hostname,
        "Domainname": service.domainname,
        "User": service.user,
        "WorkingDir": service.working_dir,
        "Tty": service.tty,
        "OpenStdin": service.stdin_open,
        // A one-off's input ends with whoever is attached to it.
        "StdinOnce": service.stdin_open && !publishes(request),
        "AttachStdin": service.stdin_open && !publishes(request),
        "AttachStdout": true,
        "AttachStderr": true,
        "StopSignal": service.stop_signal,
        "StopTimeout": service.stop_grace_period.map(|d| d.as_std().as_secs()),
        "ExposedPorts": exposed,
        "Healthcheck": service.healthcheck.as_ref().map(|h| healthcheck(h, api, &mut warnings)),
        "MacAddress": service.mac_address.as_ref().filter(|_| api < (1, 44)),
        "NetworkingConfig": network::configuration(request, api),
        "HostConfig": host::configuration(request, api, &mut warnings),
    });
    (body, warnings)
}

/// Ports in the engine's form, `8080/tcp`: exposed and published ones.
fn exposed_ports(service: &Service) -> Vec<String> {
    let protocol = |port: &str| {
        if port.contains('/') {
            port.to_owned()
        } else {
            format!("{port}/tcp")
        }
    };
    let mut ports: Vec<String> = service
        .expose
        .iter()
        .flat_map(|e| range(e))
        .map(|p| protocol(&p))
        .collect();
    ports.extend(service.ports.iter().filter_map(|p| {
        Some(format!(
            "{}/{}",
            p.target?,
            p.protocol.as_deref().unwrap_or("tcp")
        ))
    }));
    ports.sort();
    ports.dedup();
    ports
}

/// `8000-8003/udp` as single ports.
fn range(expose: &str) -> Vec<String> {
    let (ports, protocol) = expose
        .split_once('/')
        .map_or((expose, ""), |(p, proto)| (p, proto));
    let suffix = if protocol.is_empty() {
        String::new()
    } else {
        format!("/{protocol}")
    };
    match ports
        .split_once('-')
        .and_then(|(a, b)| Some((a.parse::<u16>().ok()?, b.parse::<u16>().ok()?)))
    {
        Some((first, last)) => (first..=last).map(|p| format!("{p}{suffix}")).collect(),
        None => vec![expose.to_owned()],
    }
}

fn healthcheck(check: &HealthCheck, api: (u32, u32), warnings: &mut Vec<String>) -> Value {
    if check.disable {
        return json!({"Test": ["NONE"]});
    }
    if check.start_interval.is_some() && api < (1, 44) {
        warnings.push(
            "`healthcheck.start_interval` needs engine 25 (API 1.44) and is not carried out"
                .to_owned(),
        );
    }
    json!({
        "Test": check.test,
        "Interval": check.interval.map(nanoseconds),
        "Timeout": check.timeout.map(nanoseconds),
        "Retries": check.retries,
        "StartPeriod": check.start_period.map(nanoseconds),
        "StartInterval": check.start_interval.filter(|_| api >= (1, 44)).map(nanoseconds),
    })
}

/// The engine's unit of time.
fn nanoseconds(duration: GoDuration) -> u64 {
    u64::try_from(duration.as_std().as_nanos()).unwrap_or(u64::MAX)
}

fn strings(words: &Vec<String>) -> Value {
    json!(words)
}

/// A one-off publishes no ports, as `docker compose run` does.
fn publishes(request: &CreateRequest<'_>) -> bool {
    request.spec.role == ContainerRole::Service
}
