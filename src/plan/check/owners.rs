//! The user of a container may write what is mounted for writing.

use super::{Finding, Host, Ownership, Severity};
use crate::plan::observed::Observed;
use crate::project::model::Service;

const WRITE: u32 = 0o2;

/// Compares numeric users only: what a name stands for, only the image knows.
pub(super) fn owners(
    name: &str,
    service: &Service,
    observed: &Observed,
    host: &Host,
    findings: &mut Vec<Finding>,
) {
    let Some((uid, gid)) = user(service, observed).filter(|(uid, _)| *uid != 0) else {
        return;
    };
    let groups = groups(service, gid);
    let writable = service
        .volumes
        .iter()
        .filter(|v| v.r#type.as_deref() == Some("bind") && !v.read_only);
    for source in writable.filter_map(|v| v.source.as_ref()) {
        let Some(found) = host.ownership.get(source) else {
            continue;
        };
        if may_write(*found, uid, &groups) {
            continue;
        }
        findings.push(Finding {
            severity: Severity::Warning,
            message: format!(
                "service `{name}` runs as {uid}:{gid} and cannot write `{source}`, which belongs to {}:{} (mode {:03o})",
                found.uid,
                found.gid,
                found.mode & 0o777
            ),
            hint: Some(format!("chown -R {uid}:{gid} {source}")),
        });
    }
}

/// Its own group and those that the service adds.
pub(super) fn groups(service: &Service, gid: u32) -> Vec<u32> {
    let added = service.group_add.iter().filter_map(|g| g.parse().ok());
    added.chain([gid]).collect()
}

/// The service's `user`, else that of its image where it is here.
pub(super) fn user(service: &Service, observed: &Observed) -> Option<(u32, u32)> {
    let image = service.image.as_ref();
    let of_image = image.and_then(|i| observed.images.get(i)).map(|i| &i.user);
    let written = service.user.as_ref().or(of_image)?;
    let (uid, gid) = written.split_once(':').unwrap_or((written, ""));
    let uid = uid.parse().ok()?;
    // Without a group the engine takes that of the image's passwd file, or 0.
    Some((uid, gid.parse().unwrap_or(0)))
}

pub(super) fn may_write(found: Ownership, uid: u32, groups: &[u32]) -> bool {
    let bits = if found.uid == uid {
        found.mode >> 6
    } else if groups.contains(&found.gid) {
        found.mode >> 3
    } else {
        found.mode
    };
    bits & WRITE != 0
}
