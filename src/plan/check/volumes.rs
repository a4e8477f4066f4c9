//! The user of a container may write its volumes: one that another user filled keeps its owner.

use super::owners::unwritable;
use super::{Finding, Host, Severity};
use crate::plan::judge::volume_name;
use crate::plan::observed::Observed;
use crate::project::model::{Project, Service};

/// How the owner of a volume's folder is named in [`Host::ownership`].
pub fn key(volume: &str) -> String {
    format!("volume {volume}")
}

pub(super) fn volumes(
    project: &Project,
    name: &str,
    service: &Service,
    observed: &Observed,
    host: &Host,
    findings: &mut Vec<Finding>,
) {
    let of_source = |source: &str| key(&volume_name(project, source));
    let found = unwritable(service, observed, host, "volume", of_source);
    findings.extend(found.map(|mount| {
        let volume = volume_name(project, mount.source);
        Finding {
            severity: Severity::Warning,
            message: mount.message(name, &format!("the volume `{volume}`")),
            hint: Some(format!(
                "docker run --rm -v {volume}:/data --entrypoint chown IMAGE -R {} /data",
                mount.user()
            )),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{observed, project};
    use super::*;
    use crate::plan::check::Ownership;

    #[test]
    fn a_volume_that_another_user_filled_is_named_with_the_chown() {
        let project =
            project("services: {db: {image: a, volumes: ['data:/data']}}\nvolumes: {data: {}}");
        let observed = observed(&project, |_| {});
        let found = |uid: u32, mode: u32| {
            let owner = Ownership { uid, gid: 0, mode };
            let host = Host {
                ownership: [(key("shop_data"), owner)].into(),
                ..Host::default()
            };
            let mut findings = Vec::new();
            let service = &project.services["db"];
            volumes(&project, "db", service, &observed, &host, &mut findings);
            findings
        };
        let bad = found(0, 0o755);
        assert!(
            bad[0]
                .message
                .contains("cannot write the volume `shop_data`"),
            "{bad:?}"
        );
        assert!(
            bad[0]
                .hint
                .as_ref()
                .expect("a hint")
                .contains("-R 1000:1000 /data")
        );
        assert_eq!(found(1000, 0o755), []);
        assert_eq!(found(0, 0o777), []);
    }
}
