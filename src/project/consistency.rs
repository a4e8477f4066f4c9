//! What must hold between the parts of a project.

use indexmap::IndexMap;

use super::error::{Fault, Outcome, Problem, Under as _, circle};
use super::model::{DependencyCondition, FileObject, FileReference, Project, Service};
use super::source::Position;
use super::{go_path, suggest};

/// Checks every enabled service against the rest of the project.
pub(crate) fn check(project: &Project) -> Outcome<()> {
    for (name, service) in &project.services {
        check_service(project, service)
            .under(name)
            .under("services")?;
    }
    for (name, secret) in &project.secrets {
        if !secret.external && secret.file.is_none() && secret.environment.is_none() {
            return Err(conflict("must have `file` or `environment`"))
                .under(name)
                .under("secrets");
        }
    }
    check_cycles(project)
}

fn check_service(project: &Project, service: &Service) -> Outcome<()> {
    if service.build.is_none() && service.image.is_none() && service.provider.is_none() {
        let fault = conflict("the service has neither an image nor a build");
        return Err(fault.hint(
            "add `image:`; if the file only changes another one, name both: `-f compose.yml -f …`",
        ));
    }
    check_build(project, service)?;
    check_mounts(service)?;
    check_references(project, service)?;
    check_health(service)?;
    check_dependencies(project, service)?;
    check_limits(service)?;
    if service.replicas() > 1 && service.container_name.is_some() {
        return Err(conflict(
            "`container_name` allows one container only, but more are asked for",
        ))
        .under("container_name");
    }
    let watch = service.develop.iter().flat_map(|develop| &develop.watch);
    for (index, trigger) in watch.enumerate() {
        if !matches!(trigger.action.as_str(), "rebuild" | "restart") && trigger.target.is_none() {
            return Err(conflict("`target` is needed for this action"))
                .within(index)
                .under("watch")
                .under("develop");
        }
    }
    Ok(())
}

fn conflict(message: &str) -> Box<Fault> {
    Fault::new(Problem::Conflict(message.into()), Position::default())
}

fn undefined<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Box<Fault> {
    let fault = Fault::new(
        Problem::Undefined(format!("the {kind} `{name}` is not defined")),
        Position::default(),
    );
    match suggest::closest(name, known.map(String::as_str)) {
        Some(close) => fault.hint(format!("did you mean `{close}`?")),
        None => fault.hint(format!("define it under `{kind}s:`")),
    }
}

/// One path of the container holds one thing.
fn check_mounts(service: &Service) -> Outcome<()> {
    let mut taken: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    let tmpfs = service.tmpfs.iter().enumerate().map(|(index, mount)| {
        (
            format!("tmpfs[{index}]"),
            mount.split(':').next().unwrap_or_default().to_owned(),
        )
    });
    let volumes = service.volumes.iter().enumerate().map(|(index, volume)| {
        (
            format!("volumes[{index}]"),
            volume.target.clone().unwrap_or_default(),
        )
    });
    for (path, target) in tmpfs.chain(volumes) {
        if let Some(earlier) = taken.insert(go_path::clean(&target), path.clone()) {
            return Err(conflict(&format!(
                "`{target}` is mounted already, by `{earlier}`"
            )))
            .under(&path);
        }
    }
    Ok(())
}

fn check_build(project: &Project, service: &Service) -> Outcome<()> {
    let Some(build) = &service.build else {
        return Ok(());
    };
    for context in build.additional_contexts.values() {
        let Some(name) = context.strip_prefix("service:") else {
            continue;
        };
        match project.services.get(name) {
            None => {
                return Err(undefined("service", name, project.services.keys()))
                    .under("additional_contexts")
                    .under("build");
            }
            Some(other) if other.build.is_none() => {
                return Err(conflict(&format!("the service `{name}` is not built")))
                    .under("additional_contexts")
                    .under("build");
            }
            Some(_) => {}
        }
    }
    if build.dockerfile.is_some() && build.dockerfile_inline.is_some() {
        return Err(conflict(
            "`dockerfile` and `dockerfile_inline` exclude one another",
        ))
        .under("build");
    }
    if let Some(platform) = &service.platform
        && !build.platforms.is_empty()
        && !build.platforms.contains(platform)
    {
        return Err(conflict(&format!(
            "`build.platforms` must hold the platform `{platform}`"
        )))
        .under("platform");
    }
    Ok(())
}

fn check_references(project: &Project, service: &Service) -> Outcome<()> {
    if service.network_mode.is_some() && !service.networks.is_empty() {
        return Err(conflict(
            "`network_mode` and `networks` exclude one another",
        ))
        .under("network_mode");
    }
    for name in service.networks.keys() {
        if !project.networks.contains_key(name) {
            return Err(undefined("network", name, project.networks.keys()))
                .under(name)
                .under("networks");
        }
    }
    for (index, volume) in service.volumes.iter().enumerate() {
        let Some(source) = volume
            .source
            .as_ref()
            .filter(|_| volume.r#type.as_deref() == Some("volume"))
        else {
            continue;
        };
        if !project.volumes.contains_key(source) {
            let mut fault = undefined("volume", source, project.volumes.keys());
            if source.contains('/') {
                fault.hints = vec![format!(
                    "for a directory beside the file write `./{source}`"
                )];
            }
            return Err(fault).within(index).under("volumes");
        }
    }
    check_file_references("secret", &service.secrets, &project.secrets).under("secrets")?;
    if let Some(build) = &service.build {
        check_file_references("secret", &build.secrets, &project.secrets)
            .under("secrets")
            .under("build")?;
    }
    check_file_references("config", &service.configs, &project.configs).under("configs")?;
    for name in service.models.keys() {
        if !project.models.contains_key(name) {
            return Err(undefined("model", name, project.models.keys()))
                .under(name)
                .under("models");
        }
    }
    Ok(())
}

fn check_file_references(
    kind: &str,
    references: &[FileReference],
    known: &IndexMap<String, FileObject>,
) -> Outcome<()> {
    for (index, reference) in references.iter().enumerate() {
        let source = reference.source.as_deref().unwrap_or_default();
        if !known.contains_key(source) {
            return Err(undefined(kind, source, known.keys())).within(index);
        }
    }
    Ok(())
}

fn check_health(service: &Service) -> Outcome<()> {
    let Some(health) = &service.healthcheck else {
        return Ok(());
    };
    if let Some(first) = health.test.first()
        && !matches!(first.as_str(), "CMD" | "CMD-SHELL" | "NONE")
    {
        let fault = conflict("`test` must begin with CMD, CMD-SHELL or NONE");
        return Err(fault.hint(format!(
            "write [\"CMD\", \"{first}\", …] or the command as one string"
        )))
        .under("test")
        .under("healthcheck");
    }
    Ok(())
}

fn check_dependencies(project: &Project, service: &Service) -> Outcome<()> {
    for (name, dependency) in &service.depends_on {
        if project.services.contains_key(name) {
            continue;
        }
        if let Some(disabled) = project.disabled_services.get(name) {
            if !dependency.required {
                continue;
            }
            let message = format!("the service `{name}` is needed but disabled");
            let fault = Fault::new(Problem::Undefined(message), Position::default());
            let profiles: Vec<String> = disabled
                .profiles
                .iter()
                .map(|profile| format!("`--profile {profile}`"))
                .collect();
            return Err(fault.hint(format!("enable it with {}", profiles.join(" or "))))
                .under(name)
                .under("depends_on");
        }
        let known = project
            .services
            .keys()
            .chain(project.disabled_services.keys());
        return Err(undefined("service", name, known))
            .under(name)
            .under("depends_on");
    }
    let shared = service
        .network_mode
        .as_deref()
        .and_then(|mode| mode.strip_prefix("service:"));
    match shared.filter(|name| !project.services.contains_key(*name)) {
        Some(name) => {
            Err(undefined("service", name, project.services.keys())).under("network_mode")
        }
        None => Ok(()),
    }
}

/// The same limit, written twice, must be the same.
fn check_limits(service: &Service) -> Outcome<()> {
    if service.scale.is_some_and(|scale| scale < 0) {
        return Err(conflict("`scale` must not be negative")).under("scale");
    }
    let Some(deploy) = &service.deploy else {
        return Ok(());
    };
    if deploy.replicas.is_some_and(|replicas| replicas < 0) {
        return Err(conflict("`replicas` must not be negative"))
            .under("replicas")
            .under("deploy");
    }
    if let (Some(scale), Some(replicas)) = (service.scale, deploy.replicas)
        && scale != replicas
    {
        return Err(conflict("`scale` and `deploy.replicas` differ")).under("scale");
    }
    if let Some(limits) = &deploy.resources.limits {
        if service.cpus.is_some() && limits.cpus != service.cpus {
            return Err(conflict("`cpus` and `deploy.resources.limits.cpus` differ")).under("cpus");
        }
        if service.mem_limit.is_some() && limits.memory != service.mem_limit {
            return Err(conflict(
                "`mem_limit` and `deploy.resources.limits.memory` differ",
            ))
            .under("mem_limit");
        }
        if service.pids_limit.is_some() && limits.pids != service.pids_limit {
            return Err(conflict(
                "`pids_limit` and `deploy.resources.limits.pids` differ",
            ))
            .under("pids_limit");
        }
    }
    if let Some(reservations) = &deploy.resources.reservations
        && service.mem_reservation.is_some()
        && reservations.memory != service.mem_reservation
    {
        return Err(conflict(
            "`mem_reservation` and `deploy.resources.reservations.memory` differ",
        ))
        .under("mem_reservation");
    }
    Ok(())
}

/// `scale` is `deploy.replicas`, too, where there is a `deploy`.
pub(crate) fn align_replicas(project: &mut Project) {
    for service in project.services.values_mut() {
        if let (Some(scale), Some(deploy)) = (service.scale, &mut service.deploy) {
            deploy.replicas = Some(scale);
        }
    }
}

/// Services that wait for one another would wait for ever.
fn check_cycles(project: &Project) -> Outcome<()> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Open,
        Done,
    }
    let mut marks: std::collections::HashMap<&str, Mark> = std::collections::HashMap::new();
    for start in project.services.keys() {
        // (service, its dependencies that are still to be looked at)
        let mut stack: Vec<(&str, Vec<&str>)> = Vec::new();
        let dependencies = |name: &str| -> Vec<&str> {
            let service = project.services.get(name);
            service
                .into_iter()
                .flat_map(|service| service.depends_on.keys().map(String::as_str))
                .collect()
        };
        if !marks.contains_key(start.as_str()) {
            marks.insert(start, Mark::Open);
            stack.push((start, dependencies(start)));
        }
        while let Some((name, open)) = stack.last_mut() {
            let name = *name;
            let Some(next) = open.pop() else {
                marks.insert(name, Mark::Done);
                stack.pop();
                continue;
            };
            match marks.get(next) {
                Some(Mark::Done) => {}
                Some(Mark::Open) => {
                    let from = stack
                        .iter()
                        .position(|(name, _)| *name == next)
                        .unwrap_or(0);
                    let chain: Vec<&str> = stack[from..]
                        .iter()
                        .map(|(name, _)| *name)
                        .chain([next])
                        .collect();
                    let message = format!(
                        "services wait for one another in a circle: {}",
                        circle(&chain)
                    );
                    let fault = Fault::new(Problem::Cycle(message), Position::default());
                    return Err(fault.under("depends_on").under(next).under("services"));
                }
                None => {
                    marks.insert(next, Mark::Open);
                    stack.push((next, dependencies(next)));
                }
            }
        }
    }
    Ok(())
}

impl DependencyCondition {
    /// The word in the file.
    #[must_use]
    pub fn as_word(&self) -> String {
        self.clone().into()
    }
}
