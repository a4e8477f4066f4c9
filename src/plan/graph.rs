//! The order of services: waves along `depends_on`, and who shares what with whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::model::{DependencyCondition, Project, Service};

/// Sorts services into waves: each one's dependencies stand in earlier waves.
///
/// Only `names` are placed; dependencies outside of it are taken as given. A cycle, which the
/// loader has refused already, would end up in the last wave.
pub fn waves(project: &Project, names: &BTreeSet<String>) -> Vec<Vec<String>> {
    let mut level: BTreeMap<&str, usize> = BTreeMap::new();
    // At most as many rounds as services: each round settles at least one level.
    for _ in 0..=names.len() {
        let mut changed = false;
        for name in names {
            let Some(service) = project.service(name) else {
                continue;
            };
            let own = predecessors(service)
                .filter(|p| names.contains(*p) && *p != name)
                .map(|p| level.get(p).copied().unwrap_or(0) + 1)
                .max()
                .unwrap_or(0);
            if level.insert(name, own) != Some(own) {
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let depth = level.values().max().map_or(0, |l| l + 1);
    let mut waves = vec![Vec::new(); depth];
    for name in project
        .services
        .keys()
        .chain(project.disabled_services.keys())
    {
        if let Some(l) = level.get(name.as_str()) {
            waves[*l].push(name.clone());
        }
    }
    waves
}

/// Everything that a service depends on, directly or not, itself left out.
pub fn dependencies(project: &Project, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        let Some(service) = project.service(&next) else {
            continue;
        };
        for dependency in predecessors(service) {
            if dependency != name
                && project.service(dependency).is_some()
                && found.insert(dependency.to_owned())
            {
                open.push(dependency.to_owned());
            }
        }
    }
    found
}

/// The services whose containers this one shares a namespace or volumes with.
pub fn shared_services(service: &Service) -> impl Iterator<Item = &str> {
    [&service.network_mode, &service.pid, &service.ipc]
        .into_iter()
        .filter_map(|mode| mode.as_deref()?.strip_prefix("service:"))
        .chain(service.volumes_from.iter().filter_map(|from| {
            let name = from.split(':').next()?;
            (name != "container").then_some(name)
        }))
}

/// Services that others await with `service_completed_successfully`, and an enabled service `migrate`:
/// jobs that run in their ordinary container.
pub fn job_services(project: &Project) -> BTreeSet<String> {
    let awaited = project.services.values().flat_map(|service| {
        service
            .depends_on
            .iter()
            .filter(|(_, d)| d.condition == DependencyCondition::CompletedSuccessfully)
            .map(|(name, _)| name.clone())
    });
    let migrate = project
        .services
        .contains_key("migrate")
        .then(|| "migrate".to_owned());
    awaited
        .chain(migrate)
        .filter(|name| project.services.contains_key(name))
        .collect()
}

/// The services of a profile, enabled or not, that are not ordinary services of the project.
pub fn profile_services<'a>(project: &'a Project, profile: &str) -> Vec<&'a str> {
    let ordinary = job_services(project);
    project
        .services
        .iter()
        .chain(&project.disabled_services)
        .filter(|(name, service)| {
            service.profiles.iter().any(|p| p == profile) && !ordinary.contains(*name)
                || profile == "migrate"
                    && *name == "migrate"
                    && project.disabled_services.contains_key(*name)
        })
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Whether a service belongs to one of the profiles that hold jobs.
pub fn is_profile_job(service: &Service) -> bool {
    service
        .profiles
        .iter()
        .any(|p| matches!(p.as_str(), "backup" | "migrate" | "smoke"))
}

fn predecessors(service: &Service) -> impl Iterator<Item = &str> {
    service
        .depends_on
        .keys()
        .map(String::as_str)
        .chain(shared_services(service))
}
