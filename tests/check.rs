//! Findings of the check: what triggers each, and what does not.

#[path = "plan/world.rs"]
mod world;

use std::path::PathBuf;

use deployctl::plan::check::{Finding, Host, Ownership, Severity, check};
use deployctl::plan::observed::Observed;
use deployctl::plan::{Options, reconcile};
use world::{from_to, options, project, serving, text};

/// The findings of a deploy from `v1` to `v2` on a host as given.
fn findings(
    compose: &str,
    host: &Host,
    change: impl FnOnce(&mut Observed, &mut Options),
) -> Vec<Finding> {
    let mut observed = serving(&project(compose, "v1"));
    let desired = project(compose, "v2");
    let mut options = options(&desired, "v2", Some("v1"));
    change(&mut observed, &mut options);
    let plan = reconcile(&desired, &observed, &options).expect("a plan");
    assert!(!plan.changes.is_empty(), "{}", text(&plan));
    check(&desired, &observed, &plan, host)
}

fn as_usual(_: &mut Observed, _: &mut Options) {}

/// The only finding: how severe, a part of its message, its hint.
#[track_caller]
fn finds(found: &[Finding], severity: Severity, message: &str, hint: &str) {
    let [only] = found else {
        panic!("one finding expected: {found:#?}");
    };
    assert_eq!(only.severity, severity, "{only:?}");
    assert!(only.message.contains(message), "{only:?}");
    assert!(
        only.hint.as_deref().is_some_and(|h| h.contains(hint)),
        "{only:?}"
    );
}

const BIND: &str = "
services:
  api: {image: 'api:${IMAGE_TAG}', user: '1000:1000', volumes: ['/data/app:/data'], healthcheck: {test: [CMD, up]}}
";

fn owned(uid: u32, gid: u32, mode: u32) -> Host {
    let ownership = Ownership { uid, gid, mode };
    Host {
        ownership: [("/data/app".to_owned(), ownership)].into(),
        ..Host::default()
    }
}

#[test]
fn a_project_that_has_all_it_needs_has_no_finding() {
    assert!(from_to(BIND, "v1", "v2").contains("recreate shop-api-1"));
    assert_eq!(findings(BIND, &owned(1000, 1000, 0o755), as_usual), []);
}

#[test]
fn a_bind_mount_that_the_containers_user_cannot_write_is_named_with_the_chown() {
    let found = findings(BIND, &owned(0, 0, 0o40755), as_usual);
    finds(
        &found,
        Severity::Warning,
        "`api` runs as 1000:1000 and cannot write `/data/app`, which belongs to 0:0 (mode 755)",
        "chown -R 1000:1000 /data/app",
    );
    for fine in [
        owned(1000, 0, 0o700),
        owned(0, 1000, 0o770),
        owned(0, 0, 0o777),
    ] {
        assert_eq!(findings(BIND, &fine, as_usual), [], "{fine:?}");
    }
    for other in [
        BIND.replace("/data'", "/data:ro'"),
        BIND.replace("'1000:1000'", "'0'"),
        BIND.replace("'1000:1000'", "app"),
    ] {
        let found = findings(&other, &owned(0, 0, 0o755), as_usual);
        assert_eq!(found, [], "{other}");
    }
}

#[test]
fn the_user_of_the_image_counts_where_the_service_names_none() {
    let compose = BIND.replace("user: '1000:1000', ", "");
    let found = findings(&compose, &owned(0, 0, 0o755), |observed, _| {
        let mut image = observed.images["api:v1"].clone();
        image.user = "1001".to_owned();
        observed.images.insert("api:v2".to_owned(), image);
    });
    finds(
        &found,
        Severity::Warning,
        "runs as 1001:0",
        "chown -R 1001:0",
    );
}

#[test]
fn a_disk_that_cannot_hold_the_new_image_ends_the_command_before_the_pull() {
    let with = |free: u64, here: i64| {
        let host = Host {
            free_space: Some((PathBuf::from("/var/lib/docker"), free)),
            ..owned(1000, 1000, 0o755)
        };
        findings(BIND, &host, |observed, options| {
            for image in observed.images.values_mut() {
                image.size = here;
            }
            for image in options.images.values_mut() {
                image.pull = true;
            }
        })
    };
    finds(
        &with(40_000_000, 50_000_000),
        Severity::Error,
        "need about 50 MB (as large as those that serve), and 40 MB are free in `/var/lib/docker`",
        "docker system df",
    );
    assert_eq!(with(60_000_000, 50_000_000), []);
}

#[test]
fn a_bind_source_that_is_not_there_is_an_error_where_the_engine_may_not_make_it() {
    let missing = Host {
        missing_paths: ["/data/app".to_owned()].into(),
        ..Host::default()
    };
    let found = findings(BIND, &missing, as_usual);
    finds(
        &found,
        Severity::Warning,
        "the engine makes an empty folder",
        "mkdir -p /data/app",
    );
    let long = BIND.replace(
        "'/data/app:/data'",
        "{type: bind, source: /data/app, target: /data}",
    );
    let found = findings(&long, &missing, as_usual);
    finds(
        &found,
        Severity::Error,
        "mounts `/data/app`, which is not there",
        "mkdir -p /data/app",
    );
}

#[test]
fn a_port_that_a_process_holds_is_an_error_and_one_that_the_old_container_holds_is_not() {
    let compose = "services: {api: {image: 'api:${IMAGE_TAG}', ports: ['8080:80']}}";
    let busy = Host {
        busy_ports: vec!["0.0.0.0:8080/tcp".to_owned()],
        ..Host::default()
    };
    finds(
        &findings(compose, &busy, as_usual),
        Severity::Error,
        "port 8080/tcp of service `api` is taken by a process on this host",
        "ss -lntp 'sport = :8080'",
    );
    let own = findings(compose, &busy, |observed, _| {
        let port = deployctl::plan::observed::PublishedPort {
            host_ip: "0.0.0.0".to_owned(),
            published: 8080,
            target: 80,
            protocol: "tcp".to_owned(),
        };
        observed.containers[0].ports.push(port);
    });
    assert_eq!(own, []);
}

#[test]
fn an_external_network_or_volume_that_is_not_there_comes_with_the_line_to_type() {
    let compose = "
services: {api: {image: 'api:${IMAGE_TAG}', networks: [proxy_net], volumes: ['data:/data']}}
networks: {proxy_net: {external: true}}
volumes: {data: {external: true}}
";
    let found = findings(compose, &Host::default(), |observed, _| {
        observed.networks.clear();
        observed.volumes.clear();
    });
    let hints: Vec<_> = found.iter().filter_map(|f| f.hint.as_deref()).collect();
    assert_eq!(
        hints,
        [
            "docker network create proxy_net",
            "docker volume create data"
        ]
    );
    assert!(found.iter().all(|f| f.severity == Severity::Error));
    assert_eq!(findings(compose, &Host::default(), as_usual), []);
}

#[test]
fn a_key_that_is_not_carried_out_is_named() {
    let compose = "
services: {api: {image: 'api:${IMAGE_TAG}', develop: {watch: [{path: ., action: rebuild}]}}}
";
    let found = findings(compose, &Host::default(), as_usual);
    let [only] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(only.message, "service `api`: `develop` is not carried out");
    assert_eq!(only.severity, Severity::Warning);
}
