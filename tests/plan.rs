//! The planner: what the files say and what is there, to steps, as text.

#[path = "plan/world.rs"]
mod world;

use deployctl::plan::PlanError;
use deployctl::plan::observed::{Container, ContainerState, Observed};
use deployctl::plan::options::Orphans;
use deployctl::plan::reconcile;
use world::{from_to, options, project, serving, text};

const SHOP: &str = "
services:
  api: {image: 'api:${IMAGE_TAG}', restart: always, depends_on: {db: {condition: service_healthy}}, healthcheck: {test: [CMD, up]}}
  db: {image: 'db:15', healthcheck: {test: [CMD, up]}, volumes: ['data:/data']}
  migrate: {image: 'api:${IMAGE_TAG}', profiles: [migrate], depends_on: [db]}
volumes: {data: }
";

#[track_caller]
fn shows(plan: &str, expected: &str) {
    let expected = expected.trim_start_matches('\n');
    assert_eq!(
        plan, expected,
        "\n--- planned\n{plan}--- expected\n{expected}"
    );
}

/// The plan that a change to the snapshot or the options makes necessary, the tag staying the same.
fn mending(
    compose: &str,
    change: impl FnOnce(&mut Observed, &mut deployctl::plan::Options),
) -> String {
    let desired = project(compose, "v1");
    let (mut observed, mut options) = (serving(&desired), options(&desired, "v1", Some("v1")));
    change(&mut observed, &mut options);
    text(&reconcile(&desired, &observed, &options).expect("a plan"))
}

fn container<'a>(observed: &'a mut Observed, name: &str) -> &'a mut Container {
    let mut containers = observed.containers.iter_mut();
    containers.find(|c| c.name == name).expect("a container")
}

#[test]
fn a_new_tag_migrates_then_replaces_what_depends_on_it_and_leaves_the_rest() {
    shows(
        &from_to(SHOP, "v1", "v2"),
        "
recreate shop-api-1: image api:v1 → api:v2
run shop-migrate-run-c96e831d4c8b: job
[migrate]
  migrate
    create shop-migrate-run-c96e831d4c8b <- remove new migrate-run
    start new migrate-run <- stop new migrate-run
    wait until new migrate-run is done (up to 3600 s)
    remove new migrate-run
[create]
  api
    create shop-api-1.release-7 <- remove new api-1
[update]
  api
    restart policy of shop-api-1: no <- restart policy of shop-api-1: always
    stop shop-api-1 <- start shop-api-1
    rename shop-api-1 to shop-api-1.before-7 <- rename shop-api-1.before-7 to shop-api-1
    rename shop-api-1.release-7 to shop-api-1 <- rename shop-api-1 to shop-api-1.release-7
    start new api-1 <- stop new api-1
    wait until new api-1 is healthy (up to 181 s)
[commit]
  commit
    write IMAGE_TAG=v2 to /app/.env.prod
    write v1 to .rollback-tag
    record the release
[clean up]
  api
    remove shop-api-1
",
    );
}

#[test]
fn a_first_deploy_starts_what_the_migration_needs_and_has_nothing_to_go_back_to() {
    let desired = project(SHOP, "v1");
    let options = options(&desired, "v1", None);
    let plan = reconcile(&desired, &Observed::default(), &options).expect("a plan");
    shows(
        &text(&plan),
        "
create shop-db-1: it is not there
create shop-api-1: it is not there
run shop-migrate-run-c96e831d4c8b: job
[networks and volumes]
  network shop_default
    create network shop_default <- remove network shop_default
  volume shop_data
    create volume shop_data
[what the jobs need]
  db
    create shop-db-1 <- remove new db-1
    start new db-1 <- stop new db-1
    wait until new db-1 is healthy (up to 181 s)
[migrate]
  migrate
    create shop-migrate-run-c96e831d4c8b <- remove new migrate-run
    start new migrate-run <- stop new migrate-run
    wait until new migrate-run is done (up to 3600 s)
    remove new migrate-run
[create]
  api
    create shop-api-1 <- remove new api-1
[update]
  api
    start new api-1 <- stop new api-1
    wait until new api-1 is healthy (up to 181 s)
[commit]
  commit
    write IMAGE_TAG=v1 to /app/.env.prod
    record the release
",
    );
}

#[test]
fn start_first_goes_replica_by_replica_and_stops_the_new_one_last_on_the_way_back() {
    let compose = SHOP.replace(
        "restart: always",
        "restart: always, scale: 2, deploy: {update_config: {order: start-first}}",
    );
    shows(
        &from_to(&compose, "v1", "v2"),
        "
recreate (start first) shop-api-1: image api:v1 → api:v2
recreate (start first) shop-api-2: image api:v1 → api:v2
run shop-migrate-run-c96e831d4c8b: job
[migrate]
  migrate
    create shop-migrate-run-c96e831d4c8b <- remove new migrate-run
    start new migrate-run <- stop new migrate-run
    wait until new migrate-run is done (up to 3600 s)
    remove new migrate-run
[create]
  api
    create shop-api-1.release-7 <- remove new api-1
    create shop-api-2.release-7 <- remove new api-2
[update]
  api
    start new api-1 <- stop new api-1, last
    wait until new api-1 is healthy (up to 181 s)
    restart policy of shop-api-1: no <- restart policy of shop-api-1: always
    stop shop-api-1 <- start shop-api-1
    rename shop-api-1 to shop-api-1.before-7 <- rename shop-api-1.before-7 to shop-api-1
    rename shop-api-1.release-7 to shop-api-1 <- rename shop-api-1 to shop-api-1.release-7
    restart policy of new api-1: always <- restart policy of new api-1: no
    start new api-2 <- stop new api-2, last
    wait until new api-2 is healthy (up to 181 s)
    restart policy of shop-api-2: no <- restart policy of shop-api-2: always
    stop shop-api-2 <- start shop-api-2
    rename shop-api-2 to shop-api-2.before-7 <- rename shop-api-2.before-7 to shop-api-2
    rename shop-api-2.release-7 to shop-api-2 <- rename shop-api-2 to shop-api-2.release-7
    restart policy of new api-2: always <- restart policy of new api-2: no
[commit]
  commit
    write IMAGE_TAG=v2 to /app/.env.prod
    write v1 to .rollback-tag
    record the release
[clean up]
  api
    remove shop-api-1
  api
    remove shop-api-2
",
    );
}

#[test]
fn who_shares_a_network_is_created_anew_and_who_asks_for_it_is_restarted() {
    let compose = "
services:
  vpn: {image: 'vpn:${IMAGE_TAG}', healthcheck: {test: [CMD, up]}}
  app: {image: 'app:1', network_mode: 'service:vpn', healthcheck: {test: [CMD, up]}}
  fan: {image: 'fan:1', restart: always, depends_on: {vpn: {condition: service_started, restart: true}}, healthcheck: {test: [CMD, up]}}
";
    shows(
        &from_to(compose, "v1", "v2"),
        "
recreate shop-vpn-1: image vpn:v1 → vpn:v2
recreate shop-app-1: goes with service vpn
restart shop-fan-1: goes with service vpn
[create]
  vpn
    create shop-vpn-1.release-7 <- remove new vpn-1
[create]
  app
    create shop-app-1.release-7 <- remove new app-1
[update]
  vpn
    stop shop-vpn-1 <- start shop-vpn-1
    rename shop-vpn-1 to shop-vpn-1.before-7 <- rename shop-vpn-1.before-7 to shop-vpn-1
    rename shop-vpn-1.release-7 to shop-vpn-1 <- rename shop-vpn-1 to shop-vpn-1.release-7
    start new vpn-1 <- stop new vpn-1
    wait until new vpn-1 is healthy (up to 181 s)
[update]
  app
    stop shop-app-1 <- start shop-app-1
    rename shop-app-1 to shop-app-1.before-7 <- rename shop-app-1.before-7 to shop-app-1
    rename shop-app-1.release-7 to shop-app-1 <- rename shop-app-1 to shop-app-1.release-7
    start new app-1 <- stop new app-1
    wait until new app-1 is healthy (up to 181 s)
  fan
    restart policy of shop-fan-1: no <- restart policy of shop-fan-1: always
    stop shop-fan-1 <- start shop-fan-1
    start shop-fan-1 <- stop shop-fan-1
    wait until shop-fan-1 is healthy (up to 181 s)
    restart policy of shop-fan-1: always <- restart policy of shop-fan-1: no
[commit]
  commit
    write IMAGE_TAG=v2 to /app/.env.prod
    write v1 to .rollback-tag
    record the release
[clean up]
  vpn
    remove shop-vpn-1
  app
    remove shop-app-1
",
    );
}

#[test]
fn what_is_as_it_should_be_needs_nothing() {
    shows(&from_to(SHOP, "v1", "v1"), "");
}

#[test]
fn a_tag_that_ci_wrote_ahead_is_put_back_until_the_commit() {
    let observed = serving(&project(SHOP, "v1"));
    let desired = project(SHOP, "v2");
    let mut options = options(&desired, "v2", Some("v1"));
    if let Some(tag) = &mut options.tag {
        tag.in_file = Some("v2".to_owned());
    }
    let plan = text(&reconcile(&desired, &observed, &options).expect("a plan"));
    let put_back = "[put the serving tag back]\n  env file\n    write IMAGE_TAG=v1 to /app/.env.prod\n[migrate]";
    assert!(plan.contains(put_back), "{plan}");
    let commit = "[commit]\n  commit\n    write IMAGE_TAG=v2 to /app/.env.prod\n";
    assert!(plan.contains(commit), "{plan}");
}

#[test]
fn a_tag_line_that_is_behind_is_mended_where_no_container_changes() {
    let plan = mending(SHOP, |_, options| {
        if let Some(tag) = &mut options.tag {
            tag.in_file = Some("v0".to_owned());
        }
    });
    shows(
        &plan,
        "
[commit]
  env file
    write IMAGE_TAG=v1 to /app/.env.prod
",
    );
}

#[test]
fn what_was_stopped_is_started_and_can_be_stopped_again() {
    let plan = mending(SHOP, |observed, _| {
        container(observed, "shop-api-1").state = ContainerState::Exited;
    });
    shows(
        &plan,
        "
start shop-api-1: it does not run
run shop-migrate-run-c96e831d4c8b: job
[migrate]
  migrate
    create shop-migrate-run-c96e831d4c8b <- remove new migrate-run
    start new migrate-run <- stop new migrate-run
    wait until new migrate-run is done (up to 3600 s)
    remove new migrate-run
[update]
  api
    start shop-api-1 <- stop shop-api-1
    wait until shop-api-1 is healthy (up to 181 s)
[commit]
  commit
    record the release
",
    );
}

#[test]
fn a_replica_more_and_a_replica_less() {
    let compose = "services: {api: {image: 'api:1', scale: SCALE, healthcheck: {test: [CMD, up]}}}";
    let plan = |from: &str, to: &str| {
        let observed = serving(&project(&compose.replace("SCALE", from), "v1"));
        let desired = project(&compose.replace("SCALE", to), "v1");
        let options = options(&desired, "v1", Some("v1"));
        text(&reconcile(&desired, &observed, &options).expect("a plan"))
    };
    shows(
        &plan("1", "2"),
        "
create shop-api-2: scaled from 1 to 2
[create]
  api
    create shop-api-2 <- remove new api-2
[update]
  api
    start new api-2 <- stop new api-2
    wait until new api-2 is healthy (up to 181 s)
[commit]
  commit
    record the release
",
    );
    shows(
        &plan("2", "1"),
        "
remove shop-api-2: scaled from 2 to 1
[update]
  api
    stop shop-api-2 <- start shop-api-2
[commit]
  commit
    record the release
[clean up]
  api
    remove shop-api-2
",
    );
}

#[test]
fn an_orphan_is_named_and_goes_only_where_asked() {
    let with = |orphans| {
        let desired = project(SHOP, "v1");
        let mut observed = serving(&desired);
        let orphan = container(&mut observed, "shop-api-1").clone();
        observed.containers.push(Container {
            id: "id-of-cron".to_owned(),
            name: "shop-cron-1".to_owned(),
            labels: [
                ("com.docker.compose.project", "shop"),
                ("com.docker.compose.service", "cron"),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
            ..orphan
        });
        let options = deployctl::plan::Options {
            orphans,
            ..options(&desired, "v1", Some("v1"))
        };
        text(&reconcile(&desired, &observed, &options).expect("a plan"))
    };
    shows(&with(Orphans::Report), "
warning: container `shop-cron-1` is an orphan: no service `cron` in the project; `--remove-orphans` removes it
");
    shows(
        &with(Orphans::Remove),
        "
remove shop-cron-1: its service is not in the project any more
[update]
  cron
    restart policy of shop-cron-1: no <- restart policy of shop-cron-1: always
    stop shop-cron-1 <- start shop-cron-1
[commit]
  commit
    record the release
[clean up]
  cron
    remove shop-cron-1
",
    );
}

#[test]
fn a_network_that_was_made_anew_takes_its_containers_with_it() {
    let plan = mending(SHOP, |observed, _| {
        for network in &mut observed.networks {
            network.id = "another".to_owned();
        }
    });
    let changes: Vec<&str> = plan.lines().take_while(|l| !l.starts_with('[')).collect();
    assert_eq!(
        changes[..2],
        [
            "recreate shop-db-1: not attached to network shop_default",
            "recreate shop-api-1: not attached to network shop_default"
        ]
    );
}

#[test]
fn changed_configuration_and_changed_content_are_told_apart() {
    let plan = mending(SHOP, |observed, options| {
        let hash = "com.docker.compose.config-hash";
        let db = container(observed, "shop-db-1");
        db.labels.insert(hash, "another");
        let api = container(observed, "shop-api-1");
        let content = "io.deployctl.content";
        api.labels.insert(content, "before");
        let now = deployctl::plan::options::Content {
            fingerprint: "now".to_owned(),
            items: vec!["nginx.conf".to_owned()],
        };
        options.content.insert("api".to_owned(), now);
    });
    let changes: Vec<&str> = plan.lines().take(2).collect();
    assert_eq!(
        changes,
        [
            "recreate shop-db-1: its configuration changed",
            "recreate shop-api-1: content changed: nginx.conf"
        ]
    );
}

#[test]
fn a_job_that_others_await_runs_before_anything_stops() {
    let compose = "
services:
  migrator: {image: 'api:${IMAGE_TAG}', restart: 'no'}
  api: {image: 'api:${IMAGE_TAG}', depends_on: {migrator: {condition: service_completed_successfully}}, healthcheck: {test: [CMD, up]}}
";
    let observed = {
        let mut observed = serving(&project(compose, "v1"));
        let job = container(&mut observed, "shop-migrator-1");
        job.state = ContainerState::Exited;
        job.status = "Exited (0) 2 hours ago".to_owned();
        observed
    };
    let desired = project(compose, "v2");
    let plan = reconcile(&desired, &observed, &options(&desired, "v2", Some("v1")));
    shows(&text(&plan.expect("a plan")), "
recreate shop-migrator-1: image api:v1 → api:v2
recreate shop-api-1: image api:v1 → api:v2
[migrate]
  migrator
    create shop-migrator-1.release-7 <- remove new migrator-1
    rename shop-migrator-1 to shop-migrator-1.before-7 <- rename shop-migrator-1.before-7 to shop-migrator-1
    rename shop-migrator-1.release-7 to shop-migrator-1 <- rename shop-migrator-1 to shop-migrator-1.release-7
    start new migrator-1 <- stop new migrator-1
    wait until new migrator-1 is done (up to 3600 s)
[create]
  api
    create shop-api-1.release-7 <- remove new api-1
[update]
  api
    stop shop-api-1 <- start shop-api-1
    rename shop-api-1 to shop-api-1.before-7 <- rename shop-api-1.before-7 to shop-api-1
    rename shop-api-1.release-7 to shop-api-1 <- rename shop-api-1 to shop-api-1.release-7
    start new api-1 <- stop new api-1
    wait until new api-1 is healthy (up to 181 s)
[commit]
  commit
    write IMAGE_TAG=v2 to /app/.env.prod
    write v1 to .rollback-tag
    record the release
[clean up]
  migrator
    remove shop-migrator-1
  api
    remove shop-api-1
");
}

#[test]
fn a_name_that_a_stranger_holds_and_an_impossible_start_first_are_refused() {
    let desired = project(SHOP, "v1");
    let stranger = Container {
        id: "0123456789abcdef".to_owned(),
        name: "shop-api-1".to_owned(),
        ..Container::default()
    };
    let observed = Observed {
        strangers: vec![stranger],
        ..Observed::default()
    };
    let error = reconcile(&desired, &observed, &options(&desired, "v1", None)).expect_err("taken");
    assert_eq!(
        error,
        PlanError::NameTaken {
            name: "shop-api-1".to_owned(),
            holder: "container 0123456789ab".to_owned()
        }
    );
    for (more, reason) in [
        ("ports: ['8080:80']", "the published port 8080"),
        ("network_mode: host", "`network_mode: host`"),
    ] {
        let compose = format!(
            "services: {{api: {{image: 'api:${{IMAGE_TAG}}', {more}, deploy: {{update_config: {{order: start-first}}}}}}}}"
        );
        let observed = serving(&project(&compose, "v1"));
        let desired = project(&compose, "v2");
        let error = reconcile(&desired, &observed, &options(&desired, "v2", Some("v1")));
        let error = error.expect_err("two cannot run at once").to_string();
        assert!(error.contains(reason), "{error}");
    }
}
