//! What of a service concerns the host: namespaces, resources, ports, rights.

use serde_json::{Map, Value, json};

use super::{mounts, publishes};
use crate::engine::CreateRequest;
use crate::project::model::{DeviceRequest, Service, Ulimit};

/// The body's `HostConfig`.
pub(super) fn configuration(
    request: &CreateRequest<'_>,
    api: (u32, u32),
    warnings: &mut Vec<String>,
) -> Value {
    let service = request.spec.service.as_ref();
    let mounts = mounts::of(request, warnings);
    let policy = &request.spec.restart;
    let annotations = (!service.annotations.is_empty()).then_some(&service.annotations);
    if annotations.is_some() && api < (1, 43) {
        warnings.push("`annotations` need engine 24 (API 1.43) and are not carried out".to_owned());
    }
    if service.oom_kill_disable {
        warnings.extend(
            (api >= (1, 44)).then(|| "`oom_kill_disable` has no effect with cgroup v2".to_owned()),
        );
    }
    let mut host = json!({
        "NetworkMode": network_mode(request),
        "PortBindings": port_bindings(request),
        "RestartPolicy": {"Name": policy.name, "MaximumRetryCount": policy.maximum_retry_count},
        "Binds": mounts.binds,
        "Mounts": mounts.long,
        "Tmpfs": mounts.tmpfs,
        "VolumesFrom": mounts.volumes_from,
        "PidMode": namespace(request, service.pid.as_deref()),
        "IpcMode": namespace(request, service.ipc.as_deref()),
        "UTSMode": service.uts,
        "UsernsMode": service.userns_mode,
        "CgroupnsMode": service.cgroup,
        "CgroupParent": service.cgroup_parent,
        "Runtime": service.runtime,
        "Isolation": service.isolation,
        "LogConfig": log_configuration(service),
        "Annotations": annotations.filter(|_| api >= (1, 43)),
        "GroupAdd": some(&service.group_add),
        "ExtraHosts": extra_hosts(service),
        "Dns": some(&service.dns),
        "DnsOptions": some(&service.dns_opt),
        "DnsSearch": some(&service.dns_search),
        "VolumeDriver": service.volume_driver,
        "CapAdd": some(&service.cap_add),
        "CapDrop": some(&service.cap_drop),
        "Privileged": service.privileged,
        "SecurityOpt": some(&service.security_opt),
        "ReadonlyRootfs": service.read_only,
        "Init": service.init,
    });
    for part in [resources(service), block_io(service)] {
        if let (Some(host), Some(part)) = (host.as_object_mut(), part) {
            host.extend(part);
        }
    }
    host
}

fn resources(service: &Service) -> Option<Map<String, Value>> {
    let limits = service
        .deploy
        .as_ref()
        .and_then(|d| d.resources.limits.as_ref());
    let reservations = service
        .deploy
        .as_ref()
        .and_then(|d| d.resources.reservations.as_ref());
    let nano = limits
        .and_then(|l| l.cpus)
        .or(service.cpus)
        .map(|c| nano_cpus(c.0));
    let memory = limits
        .and_then(|l| l.memory)
        .or(service.mem_limit)
        .map(|m| m.0);
    let pids = limits.and_then(|l| l.pids).or(service.pids_limit);
    let json = json!({
        "Memory": memory,
        "MemoryReservation": reservations.and_then(|r| r.memory).or(service.mem_reservation).map(|m| m.0),
        "MemorySwap": service.memswap_limit.map(|m| m.0),
        "MemorySwappiness": service.mem_swappiness.map(|m| m.0),
        "OomKillDisable": service.oom_kill_disable.then_some(true),
        "OomScoreAdj": service.oom_score_adj,
        "NanoCpus": nano,
        "CpuShares": service.cpu_shares,
        "CpuPeriod": service.cpu_period,
        "CpuQuota": service.cpu_quota,
        "CpuRealtimePeriod": service.cpu_rt_period,
        "CpuRealtimeRuntime": service.cpu_rt_runtime,
        "CpuCount": service.cpu_count,
        "CpuPercent": service.cpu_percent.map(|p| percent(p.0)),
        "CpusetCpus": service.cpuset,
        "PidsLimit": pids,
        "ShmSize": service.shm_size.map(|s| s.0),
        "Sysctls": (!service.sysctls.is_empty()).then_some(&service.sysctls),
        "Ulimits": ulimits(service),
        "StorageOpt": (!service.storage_opt.is_empty()).then_some(&service.storage_opt),
        "Devices": devices(service),
        "DeviceCgroupRules": some(&service.device_cgroup_rules),
        "DeviceRequests": device_requests(service),
    });
    json.as_object().cloned()
}

fn network_mode(request: &CreateRequest<'_>) -> Option<String> {
    match request.spec.service.network_mode.as_deref() {
        Some(mode) => namespace(request, Some(mode)),
        None => Some(
            request
                .spec
                .networks
                .first()
                .map_or_else(|| "none".to_owned(), |n| n.name.clone()),
        ),
    }
}

/// `service:x` becomes `container:<id>`.
fn namespace(request: &CreateRequest<'_>, mode: Option<&str>) -> Option<String> {
    let mode = mode?;
    let id = mode
        .strip_prefix("service:")
        .and_then(|service| request.references.get(service));
    Some(id.map_or_else(|| mode.to_owned(), |id| format!("container:{id}")))
}

fn port_bindings(request: &CreateRequest<'_>) -> Option<Value> {
    if !publishes(request) {
        return None;
    }
    let mut bindings: Map<String, Value> = Map::new();
    for port in &request.spec.service.ports {
        let Some(target) = port.target else { continue };
        let key = format!("{target}/{}", port.protocol.as_deref().unwrap_or("tcp"));
        let binding = json!({"HostIp": port.host_ip.clone().unwrap_or_default(), "HostPort": port.published.clone().unwrap_or_default()});
        if let Some(list) = bindings
            .entry(key)
            .or_insert_with(|| json!([]))
            .as_array_mut()
        {
            list.push(binding);
        }
    }
    (!bindings.is_empty()).then_some(Value::Object(bindings))
}

fn ulimits(service: &Service) -> Option<Vec<Value>> {
    let limits: Vec<Value> = service
        .ulimits
        .iter()
        .map(|(name, limit)| {
            let (soft, hard) = match limit {
                Ulimit::Single(both) => (*both, *both),
                Ulimit::Pair { soft, hard } => (*soft, *hard),
            };
            json!({"Name": name, "Soft": soft, "Hard": hard})
        })
        .collect();
    (!limits.is_empty()).then_some(limits)
}

fn extra_hosts(service: &Service) -> Option<Vec<String>> {
    let hosts = service.extra_hosts.pairs(":");
    (!hosts.is_empty()).then_some(hosts)
}

fn devices(service: &Service) -> Option<Vec<Value>> {
    let device = |d: &crate::project::model::DeviceMapping| {
        let source = d.source.clone().unwrap_or_default();
        let target = d
            .target
            .clone()
            .filter(|t| !t.is_empty())
            .unwrap_or_else(|| source.clone());
        json!({"PathOnHost": source, "PathInContainer": target, "CgroupPermissions": d.permissions.clone().unwrap_or_else(|| "rwm".into())})
    };
    let is_cdi = |d: &&crate::project::model::DeviceMapping| {
        d.source
            .as_deref()
            .is_some_and(|s| !s.starts_with('/') && s.contains('='))
    };
    let devices: Vec<Value> = service
        .devices
        .iter()
        .filter(|d| !is_cdi(d))
        .map(device)
        .collect();
    (!devices.is_empty()).then_some(devices)
}

fn device_requests(service: &Service) -> Option<Vec<Value>> {
    let reserved = service
        .deploy
        .as_ref()
        .and_then(|d| d.resources.reservations.as_ref())
        .map(|r| r.devices.as_slice());
    let request = |d: &DeviceRequest, gpu: bool| {
        let mut capabilities = d.capabilities.clone();
        if gpu && !capabilities.iter().any(|c| c == "gpu") {
            capabilities.push("gpu".into());
        }
        json!({
            "Driver": d.driver,
            "Count": d.count,
            "DeviceIDs": some(&d.device_ids),
            "Capabilities": [capabilities],
            "Options": (!d.options.is_empty()).then_some(&d.options),
        })
    };
    let mut requests: Vec<Value> = reserved
        .unwrap_or_default()
        .iter()
        .map(|d| request(d, false))
        .collect();
    requests.extend(service.gpus.iter().map(|d| request(d, true)));
    let cdi: Vec<&str> = service
        .devices
        .iter()
        .filter_map(|d| d.source.as_deref())
        .filter(|s| !s.starts_with('/') && s.contains('='))
        .collect();
    if !cdi.is_empty() {
        requests.push(json!({"Driver": "cdi", "DeviceIDs": cdi}));
    }
    (!requests.is_empty()).then_some(requests)
}

fn log_configuration(service: &Service) -> Option<Value> {
    let logging = service.logging.as_ref();
    let driver = logging
        .and_then(|l| l.driver.clone())
        .or_else(|| service.log_driver.clone());
    let options = logging
        .map(|l| &l.options)
        .filter(|o| !o.is_empty())
        .unwrap_or(&service.log_opt);
    (driver.is_some() || !options.is_empty())
        .then(|| json!({"Type": driver.unwrap_or_default(), "Config": options}))
}

fn block_io(service: &Service) -> Option<Map<String, Value>> {
    let io = service.blkio_config.as_ref()?;
    let rates = |devices: &[crate::project::model::ThrottleDevice]| {
        devices
            .iter()
            .map(|d| json!({"Path": d.path, "Rate": d.rate.0}))
            .collect::<Vec<_>>()
    };
    let weights: Vec<Value> = io
        .weight_device
        .iter()
        .map(|d| json!({"Path": d.path, "Weight": d.weight}))
        .collect();
    let json = json!({
        "BlkioWeight": io.weight,
        "BlkioWeightDevice": weights,
        "BlkioDeviceReadBps": rates(&io.device_read_bps),
        "BlkioDeviceWriteBps": rates(&io.device_write_bps),
        "BlkioDeviceReadIOps": rates(&io.device_read_iops),
        "BlkioDeviceWriteIOps": rates(&io.device_write_iops),
    });
    json.as_object().cloned()
}

fn some(list: &[String]) -> Option<&[String]> {
    (!list.is_empty()).then_some(list)
}

/// In 32-bit arithmetic, as docker compose multiplies: 0.1 is 100000000, not 100000001.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of processors times 10^9 is far from the limit"
)]
fn nano_cpus(cpus: f32) -> i64 {
    (cpus * 1e9_f32) as i64
}

#[expect(clippy::cast_possible_truncation, reason = "a percentage")]
fn percent(percent: f32) -> i64 {
    percent as i64
}
