//! The user of a container may write what is mounted for writing.

use super::{Finding, Host, Ownership, Severity};
use crate::plan::observed::Observed;
use crate::project::model::Service;

const WRITE: u32 = 0o2;

/// The bind mounts.
pub(super) fn owners(
    name: &str,
    service: &Service,
    observed: &Observed,
    host: &Host,
    findings: &mut Vec<Finding>,
) {
    let found = unwritable(service, observed, host, "bind", str::to_owned);
    findings.extend(found.map(|mount| Finding {
        severity: Severity::Warning,
        message: mount.message(name, &format!("`{}`", mount.source)),
        hint: Some(format!("chown -R {} {}", mount.user(), mount.source)),
    }));
}

/// A mount for writing whose owner and mode do not let the container's user write.
pub(super) struct Unwritable<'a> {
    pub(super) source: &'a str,
    uid: u32,
    gid: u32,
    found: Ownership,
}

impl Unwritable<'_> {
    pub(super) fn user(&self) -> String {
        format!("{}:{}", self.uid, self.gid)
    }

    pub(super) fn message(&self, service: &str, what: &str) -> String {
        format!(
            "service `{service}` runs as {} and cannot write {what}, which belongs to {}:{} (mode {:03o})",
            self.user(),
            self.found.uid,
            self.found.gid,
            self.found.mode & 0o777
        )
    }
}

/// Compares numeric users only: what a name stands for, only the image knows. `key` names a mount's source in
/// [`Host::ownership`].
pub(super) fn unwritable<'a>(
    service: &'a Service,
    observed: &Observed,
    host: &'a Host,
    kind: &'a str,
    key: impl Fn(&str) -> String + 'a,
) -> impl Iterator<Item = Unwritable<'a>> {
    let user = user(service, observed).filter(|(uid, _)| *uid != 0);
    let mounts = service.volumes.iter();
    let writable = mounts.filter(move |v| v.r#type.as_deref() == Some(kind) && !v.read_only);
    writable.filter_map(move |mount| {
        let (uid, gid) = user?;
        let source = mount.source.as_deref()?;
        let found = *host.ownership.get(&key(source))?;
        let unwritable = !may_write(found, uid, &groups(service, gid));
        unwritable.then_some(Unwritable {
            source,
            uid,
            gid,
            found,
        })
    })
}

/// Its own group and those that the service adds.
fn groups(service: &Service, gid: u32) -> Vec<u32> {
    let added = service.group_add.iter().filter_map(|g| g.parse().ok());
    added.chain([gid]).collect()
}

/// The service's `user`, else that of its image where it is here.
fn user(service: &Service, observed: &Observed) -> Option<(u32, u32)> {
    let image = service.image.as_ref();
    let of_image = image.and_then(|i| observed.images.get(i)).map(|i| &i.user);
    let written = service.user.as_ref().or(of_image)?;
    let (uid, gid) = written.split_once(':').unwrap_or((written, ""));
    let uid = uid.parse().ok()?;
    // Without a group the engine takes that of the image's passwd file, or 0.
    Some((uid, gid.parse().unwrap_or(0)))
}

fn may_write(found: Ownership, uid: u32, groups: &[u32]) -> bool {
    let bits = if found.uid == uid {
        found.mode >> 6
    } else if groups.contains(&found.gid) {
        found.mode >> 3
    } else {
        found.mode
    };
    bits & WRITE != 0
}
