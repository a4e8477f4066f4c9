//! Which services the profiles enable.

use crate::project::model::{Project, Service};

/// Sets aside the services that no active profile enables.
pub(super) fn by_profiles(project: &mut Project) {
    let profiles = &project.profiles;
    let active = |service: &Service| {
        service.profiles.is_empty()
            || profiles
                .iter()
                .any(|profile| profile == "*" || service.profiles.contains(profile))
    };
    project.disabled_services = project
        .services
        .extract_if(.., |_, service| !active(service))
        .collect();
}
