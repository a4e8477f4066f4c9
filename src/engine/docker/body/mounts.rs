//! What is mounted into a container: volumes, binds, tmpfs, file configs and secrets, carried-over volumes.

use serde_json::{Map, Value, json};

use crate::engine::CreateRequest;
use crate::engine::docker::files;
use crate::plan::judge::volume_name;
use crate::project::model::VolumeMount;

/// The mounts of a create body.
#[derive(Default)]
pub(super) struct Mounts {
    /// In the engine's short form, which creates missing host paths.
    pub binds: Vec<String>,
    /// In the engine's long form.
    pub long: Vec<Value>,
    /// Target → options.
    pub tmpfs: Map<String, Value>,
    /// Containers whose volumes are taken.
    pub volumes_from: Vec<String>,
}

/// All mounts of a container.
pub(super) fn of(request: &CreateRequest<'_>, warnings: &mut Vec<String>) -> Mounts {
    let service = request.spec.service.as_ref();
    let mut all = Mounts::default();
    for mount in &service.volumes {
        match mount.r#type.as_deref() {
            Some("bind") => bind(mount, &mut all),
            Some("volume") | None => volume(request, mount, &mut all),
            Some("tmpfs") => all.long.push(tmpfs(mount)),
            Some("image") => all.long.push(json!({
                "Type": "image", "Source": mount.source, "Target": mount.target,
                "ImageOptions": mount.image.as_ref().and_then(|i| i.subpath.as_ref()).map(|s| json!({"Subpath": s})),
            })),
            Some(other) => warnings.push(format!("a volume of type `{other}` is not carried out")),
        }
    }
    for tmpfs in &service.tmpfs {
        let (target, options) = tmpfs.split_once(':').unwrap_or((tmpfs, ""));
        all.tmpfs.insert(target.to_owned(), json!(options));
    }
    for carried in &request.spec.carried_volumes {
        if !all
            .long
            .iter()
            .any(|m| m["Target"] == json!(carried.target))
        {
            all.long
                .push(json!({"Type": "volume", "Source": carried.name, "Target": carried.target}));
        }
    }
    file_objects(request, &mut all);
    all.volumes_from = service
        .volumes_from
        .iter()
        .map(|from| volumes_from(request, from))
        .collect();
    all
}

/// The short form where it says everything: it makes a missing host path, as docker compose does.
fn bind(mount: &VolumeMount, all: &mut Mounts) {
    let options = mount.bind.clone();
    let (source, target) = (
        mount.source.clone().unwrap_or_default(),
        mount.target.clone().unwrap_or_default(),
    );
    let creates = options.as_ref().is_some_and(|b| b.create_host_path);
    let mode = [
        Some(if mount.read_only { "ro" } else { "rw" }.to_owned()),
        options.as_ref().and_then(|b| b.selinux.clone()),
        options.as_ref().and_then(|b| b.propagation.clone()),
    ];
    let recursive = options.as_ref().and_then(|b| b.recursive.clone());
    if recursive.is_none() && (creates || options.as_ref().is_some_and(|b| b.selinux.is_some())) {
        let mode: Vec<String> = mode.into_iter().flatten().collect();
        all.binds
            .push(format!("{source}:{target}:{}", mode.join(",")));
        return;
    }
    let bind = options.map(|b| {
        json!({
            "Propagation": b.propagation,
            "NonRecursive": (recursive.as_deref() == Some("disabled")).then_some(true),
            "ReadOnlyNonRecursive": (recursive.as_deref() == Some("writable")).then_some(true),
            "ReadOnlyForceRecursive": (recursive.as_deref() == Some("readonly")).then_some(true),
        })
    });
    all.long.push(json!({
        "Type": "bind", "Source": source, "Target": target, "ReadOnly": mount.read_only,
        "Consistency": mount.consistency, "BindOptions": bind,
    }));
}

fn volume(request: &CreateRequest<'_>, mount: &VolumeMount, all: &mut Mounts) {
    let target = mount.target.clone().unwrap_or_default();
    let Some(key) = mount.source.as_deref().filter(|s| !s.is_empty()) else {
        let carried = request
            .spec
            .carried_volumes
            .iter()
            .find(|c| c.target == target);
        all.long.push(json!({"Type": "volume", "Source": carried.map(|c| &c.name), "Target": target, "ReadOnly": mount.read_only}));
        return;
    };
    let name = volume_name(request.project, key);
    let options = mount.volume.as_ref();
    let declared = request.project.volumes.get(key);
    // A driver's options are given along, as docker compose does: they count when the engine makes the volume.
    let driver =
        declared.filter(|v| !v.external && (v.driver.is_some() || !v.driver_opts.is_empty()));
    all.long.push(json!({
        "Type": "volume", "Source": name, "Target": target, "ReadOnly": mount.read_only, "Consistency": mount.consistency,
        "VolumeOptions": {
            "NoCopy": options.is_some_and(|o| o.nocopy).then_some(true),
            "Subpath": options.and_then(|o| o.subpath.clone()),
            "Labels": options.map(|o| &o.labels).filter(|l| !l.is_empty()),
            "DriverConfig": driver.map(|v| json!({"Name": v.driver, "Options": v.driver_opts})),
        },
    }));
}

fn tmpfs(mount: &VolumeMount) -> Value {
    let options = mount.tmpfs.as_ref();
    json!({
        "Type": "tmpfs", "Target": mount.target, "ReadOnly": mount.read_only,
        "TmpfsOptions": {"SizeBytes": options.and_then(|t| t.size).map(|s| s.0), "Mode": options.and_then(|t| t.mode)},
    })
}

/// Configs and secrets from files are read-only binds.
fn file_objects(request: &CreateRequest<'_>, all: &mut Mounts) {
    let (project, service) = (request.project, request.spec.service.as_ref());
    let secrets = files::references(
        &service.secrets,
        |s| project.secrets.get(s),
        "/run/secrets/",
    );
    let configs = files::references(&service.configs, |s| project.configs.get(s), "/");
    for (_, object, target) in secrets.chain(configs) {
        if let Some(file) = &object.file {
            all.long
                .push(json!({"Type": "bind", "Source": file, "Target": target, "ReadOnly": true}));
        }
    }
}

/// `service[:ro]` or `container:name[:ro]`.
fn volumes_from(request: &CreateRequest<'_>, from: &str) -> String {
    if let Some(container) = from.strip_prefix("container:") {
        return container.to_owned();
    }
    let (service, mode) = from
        .split_once(':')
        .map_or((from, String::new()), |(s, m)| (s, format!(":{m}")));
    let id = request
        .references
        .get(service)
        .map_or(service, String::as_str);
    format!("{id}{mode}")
}
