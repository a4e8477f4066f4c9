//! Which services the profiles enable.

use crate::project::model::{Project, Service};

/// Sets aside the services that no active profile enables.
pub(super) fn by_profiles(project: &mut Project) {
    let active = |service: &Service| {
        service.profiles.is_empty()
            || project
                .profiles
                .iter()
                .any(|profile| profile == "*" || service.profiles.contains(profile))
    };
    let (enabled, disabled) = std::mem::take(&mut project.services)
        .into_iter()
        .partition(|(_, service)| active(service));
    project.services = enabled;
    project.disabled_services = disabled;
}
