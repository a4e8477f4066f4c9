//! Services and what stands in them.

use indexmap::IndexMap;

use crate::project::error::Outcome;
use crate::project::model::{
    BlkioConfig, CredentialSpec, DeviceMapping, EnvFile, Extends, HealthCheck, Hook, Logging,
    Provider, Service, ServiceDependency, ServiceModel, ThrottleDevice, WeightDevice,
};

use super::fields::Fields;
use super::values::printed;
use crate::project::tree::{Node, Value};

#[expect(clippy::too_many_lines, reason = "one line for each key")]
pub(super) fn service(fields: &mut Fields) -> Outcome<Service> {
    let name = String::new();
    Ok(Service {
        name,
        profiles: fields.strings("profiles")?,
        annotations: fields.pairs("annotations")?,
        attach: fields.boolean("attach")?,
        build: fields.boxed("build", super::build::build)?,
        develop: fields.boxed("develop", super::build::develop)?,
        blkio_config: fields.boxed("blkio_config", blkio_config)?,
        cap_add: fields.strings("cap_add")?,
        cap_drop: fields.strings("cap_drop")?,
        cgroup_parent: fields.string("cgroup_parent")?,
        cgroup: fields.string("cgroup")?,
        cpu_count: fields.nonzero("cpu_count")?,
        cpu_percent: fields.float("cpu_percent")?,
        cpu_period: fields.nonzero("cpu_period")?,
        cpu_quota: fields.nonzero("cpu_quota")?,
        cpu_rt_period: fields.nonzero("cpu_rt_period")?,
        cpu_rt_runtime: fields.nonzero("cpu_rt_runtime")?,
        cpus: fields.float("cpus")?,
        cpuset: fields.string("cpuset")?,
        cpu_shares: fields.nonzero("cpu_shares")?,
        command: fields.command("command")?,
        configs: fields.list("configs", super::mount::file_reference)?,
        container_name: fields.string("container_name")?,
        credential_spec: fields.boxed("credential_spec", credential_spec)?,
        depends_on: depends_on(fields)?,
        deploy: fields.boxed("deploy", super::deploy::deploy)?,
        device_cgroup_rules: fields.strings("device_cgroup_rules")?,
        devices: fields.list("devices", device)?,
        dns: fields.strings("dns")?,
        dns_opt: fields.strings("dns_opt")?,
        dns_search: fields.strings("dns_search")?,
        dockerfile: fields.string("dockerfile")?,
        domainname: fields.string("domainname")?,
        entrypoint: fields.command("entrypoint")?,
        provider: fields.boxed("provider", provider)?,
        environment: fields.environment("environment")?,
        env_file: fields.list("env_file", env_file)?,
        expose: fields.printed("expose")?,
        extends: fields.boxed("extends", extends)?,
        external_links: fields.strings("external_links")?,
        extra_hosts: fields.hosts("extra_hosts")?,
        group_add: fields.strings("group_add")?,
        gpus: fields.list("gpus", super::deploy::device_request)?,
        hostname: fields.string("hostname")?,
        healthcheck: fields.boxed("healthcheck", health_check)?,
        image: fields.string("image")?,
        init: fields.boolean("init")?,
        ipc: fields.string("ipc")?,
        isolation: fields.string("isolation")?,
        labels: fields.pairs("labels")?,
        label_file: fields.strings("label_file")?,
        links: fields.strings("links")?,
        logging: fields.boxed("logging", logging)?,
        log_driver: fields.string("log_driver")?,
        log_opt: fields.pairs("log_opt")?,
        mem_limit: fields.bytes("mem_limit")?,
        mem_reservation: fields.bytes("mem_reservation")?,
        memswap_limit: fields.bytes("memswap_limit")?,
        mem_swappiness: fields.bytes("mem_swappiness")?,
        mac_address: fields.string("mac_address")?,
        models: fields.optional_entries("models", service_model)?,
        net: fields.string("net")?,
        network_mode: fields.string("network_mode")?,
        networks: fields.optional_entries("networks", super::network::service_network)?,
        oom_kill_disable: fields.flag("oom_kill_disable")?,
        oom_score_adj: fields.nonzero("oom_score_adj")?,
        pid: fields.string("pid")?,
        pids_limit: fields.nonzero("pids_limit")?,
        platform: fields.string("platform")?,
        ports: fields.list("ports", super::network::port)?,
        privileged: fields.flag("privileged")?,
        pull_policy: fields.string("pull_policy")?,
        read_only: fields.flag("read_only")?,
        restart: fields.string("restart")?,
        runtime: fields.string("runtime")?,
        scale: fields.integer("scale")?,
        secrets: fields.list("secrets", super::mount::file_reference)?,
        security_opt: fields.strings("security_opt")?,
        shm_size: fields.bytes("shm_size")?,
        stdin_open: fields.flag("stdin_open")?,
        stop_grace_period: fields.duration("stop_grace_period")?,
        stop_signal: fields.string("stop_signal")?,
        storage_opt: fields.pairs("storage_opt")?,
        sysctls: fields.pairs("sysctls")?,
        tmpfs: fields.strings("tmpfs")?,
        tty: fields.flag("tty")?,
        ulimits: fields.ulimits("ulimits")?,
        use_api_socket: fields.flag("use_api_socket")?,
        user: fields.string("user")?,
        userns_mode: fields.string("userns_mode")?,
        uts: fields.string("uts")?,
        volume_driver: fields.string("volume_driver")?,
        volumes: fields.list("volumes", super::mount::volume_mount)?,
        volumes_from: fields.strings("volumes_from")?,
        working_dir: fields.string("working_dir")?,
        post_start: fields.list("post_start", hook)?,
        pre_stop: fields.list("pre_stop", hook)?,
        resolved_environment: None,
        extensions: fields.extensions(),
    })
}

fn dependency(fields: &mut Fields) -> Outcome<ServiceDependency> {
    Ok(ServiceDependency {
        condition: fields.string("condition")?.unwrap_or_default().into(),
        restart: fields.flag("restart")?,
        required: fields.flag("required")?,
        extensions: fields.extensions(),
    })
}

fn health_check(fields: &mut Fields) -> Outcome<HealthCheck> {
    let test = health_test(fields)?;
    Ok(HealthCheck {
        test,
        timeout: fields.duration("timeout")?,
        interval: fields.duration("interval")?,
        retries: fields.unsigned("retries")?,
        start_period: fields.duration("start_period")?,
        start_interval: fields.duration("start_interval")?,
        disable: fields.flag("disable")?,
        extensions: fields.extensions(),
    })
}

fn env_file(fields: &mut Fields) -> Outcome<EnvFile> {
    Ok(EnvFile {
        path: fields.string("path")?.unwrap_or_default(),
        required: fields.boolean("required")?.unwrap_or(true),
        format: fields.string("format")?,
    })
}

fn extends(fields: &mut Fields) -> Outcome<Extends> {
    Ok(Extends {
        file: fields.string("file")?,
        service: fields.string("service")?,
    })
}

pub(super) fn hook(fields: &mut Fields) -> Outcome<Hook> {
    Ok(Hook {
        command: fields.command("command")?,
        user: fields.string("user")?,
        privileged: fields.flag("privileged")?,
        working_dir: fields.string("working_dir")?,
        environment: fields.environment("environment")?,
        extensions: fields.extensions(),
    })
}

fn logging(fields: &mut Fields) -> Outcome<Logging> {
    Ok(Logging {
        driver: fields.string("driver")?,
        options: fields.pairs("options")?,
        extensions: fields.extensions(),
    })
}

fn credential_spec(fields: &mut Fields) -> Outcome<CredentialSpec> {
    Ok(CredentialSpec {
        config: fields.string("config")?,
        file: fields.string("file")?,
        registry: fields.string("registry")?,
        extensions: fields.extensions(),
    })
}

fn device(fields: &mut Fields) -> Outcome<DeviceMapping> {
    Ok(DeviceMapping {
        source: fields.string("source")?,
        target: fields.string("target")?,
        permissions: fields.string("permissions")?,
        extensions: fields.extensions(),
    })
}

fn provider(fields: &mut Fields) -> Outcome<Provider> {
    Ok(Provider {
        r#type: fields.string("type")?,
        options: fields.entries("options", printed_items)?,
        extensions: fields.extensions(),
    })
}

fn service_model(fields: &mut Fields) -> Outcome<ServiceModel> {
    Ok(ServiceModel {
        endpoint_var: fields.string("endpoint_var")?,
        model_var: fields.string("model_var")?,
        extensions: fields.extensions(),
    })
}

fn blkio_config(fields: &mut Fields) -> Outcome<BlkioConfig> {
    Ok(BlkioConfig {
        weight: fields.u16("weight")?.filter(|weight| *weight != 0),
        weight_device: fields.list("weight_device", weight_device)?,
        device_read_bps: fields.list("device_read_bps", throttle_device)?,
        device_read_iops: fields.list("device_read_iops", throttle_device)?,
        device_write_bps: fields.list("device_write_bps", throttle_device)?,
        device_write_iops: fields.list("device_write_iops", throttle_device)?,
        extensions: fields.extensions(),
    })
}

fn weight_device(fields: &mut Fields) -> Outcome<WeightDevice> {
    Ok(WeightDevice {
        path: fields.string("path")?.unwrap_or_default(),
        weight: fields.u16("weight")?.unwrap_or(0),
        extensions: fields.extensions(),
    })
}

fn throttle_device(fields: &mut Fields) -> Outcome<ThrottleDevice> {
    Ok(ThrottleDevice {
        path: fields.string("path")?.unwrap_or_default(),
        rate: fields.bytes("rate")?.unwrap_or_default(),
        extensions: fields.extensions(),
    })
}
fn depends_on(fields: &mut Fields) -> Outcome<IndexMap<String, ServiceDependency>> {
    let all = fields.optional_entries("depends_on", dependency)?;
    Ok(all
        .into_iter()
        .map(|(name, dependency)| (name, dependency.unwrap_or_default()))
        .collect())
}

/// A line is a command for the shell of the container.
fn health_test(fields: &mut Fields) -> Outcome<Vec<String>> {
    fields.shell_test("test")
}

fn printed_items(node: Node) -> Outcome<Vec<String>> {
    Ok(match node.value {
        Value::Sequence(items) => items.into_iter().map(printed).collect(),
        _ => vec![printed(node)],
    })
}
