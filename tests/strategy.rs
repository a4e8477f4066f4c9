//! How the containers of a service are replaced: `update_config` and `rollback_config`, as plans.

#[path = "plan/world.rs"]
mod world;

use deployctl::plan::check::{Finding, Host, Severity, check};
use deployctl::plan::options::Intent;
use deployctl::plan::{PlanError, reconcile};
use world::{from_to, options, project, serving, text};

/// A service `api` of four containers with this `deploy:` and more.
fn api(deploy: &str, more: &str) -> String {
    format!(
        "services: {{api: {{image: 'api:${{IMAGE_TAG}}', scale: 4, healthcheck: {{test: [CMD, up]}}, deploy: {{{deploy}}}{more}}}}}"
    )
}

/// The lanes of the stage `update`: what is started, stopped and awaited, in words of one letter and the number.
fn lanes(plan: &str) -> Vec<String> {
    let stage = plan.split("[update]\n").nth(1).unwrap_or_default();
    let stage = stage.split("\n[").next().unwrap_or_default();
    let mut lanes = Vec::new();
    for line in stage.lines() {
        let step = line.trim_start().split(" <-").next().unwrap_or_default();
        if !line.starts_with("    ") {
            lanes.push(String::new());
            continue;
        }
        let lane = lanes.last_mut().expect("a lane before its steps");
        let number = |text: &str| text.rsplit('-').next().unwrap_or_default().to_owned();
        let word = match step.split(' ').next().unwrap_or_default() {
            "start" => format!("start{}", number(step)),
            "stop" => format!("stop{}", number(step)),
            "watch" => step.replace("watch new api-", "watch"),
            "wait" if step.starts_with("wait until") => "healthy".to_owned(),
            "wait" => step.replace("wait ", "delay "),
            _ => continue,
        };
        if !lane.is_empty() {
            lane.push_str(", ");
        }
        lane.push_str(&word);
    }
    lanes
}

#[test]
fn a_parallelism_of_two_replaces_two_at_a_time_with_the_delay_between() {
    let compose = api("update_config: {parallelism: 2, delay: 10s}", "");
    assert_eq!(
        lanes(&from_to(&compose, "v1", "v2")),
        [
            "stop1, start1, healthy, delay 10 s, stop3, start3, healthy",
            "stop2, start2, healthy, delay 10 s, stop4, start4, healthy",
        ]
    );
}

#[test]
fn a_parallelism_of_0_replaces_all_at_once() {
    let compose = api("update_config: {parallelism: 0, order: start-first}", "");
    let expected = ["1", "2", "3", "4"].map(|n| format!("start{n}, healthy, stop{n}"));
    assert_eq!(lanes(&from_to(&compose, "v1", "v2")), expected);
}

#[test]
fn the_old_container_stays_until_the_new_one_has_been_watched() {
    let compose = api("update_config: {order: start-first, monitor: 3s}", "");
    let plan = from_to(&compose, "v1", "v2");
    let lanes = lanes(&plan);
    let first = "start1, healthy, watch1 (3 s), stop1, start2, healthy, watch2 (3 s), stop2";
    assert!(lanes[0].starts_with(first), "{lanes:?}");
    let back = "stop shop-api-1 <- start shop-api-1, wait 3 s\n";
    assert!(plan.contains(back), "as long on the way back: {plan}");
    assert!(!plan.contains("[watch]"), "they have been watched: {plan}");
}

#[test]
fn stop_first_watches_a_container_before_the_next_one_stops_and_the_last_with_all_others() {
    let compose = api("update_config: {monitor: 3s}", "").replace("scale: 4", "scale: 2");
    let plan = from_to(&compose, "v1", "v2");
    assert_eq!(
        lanes(&plan),
        ["stop1, start1, healthy, watch1 (3 s), stop2, start2, healthy"]
    );
    assert!(plan.contains("watch 2 containers (up to 3 s)"), "{plan}");
}

#[test]
fn without_a_healthcheck_the_old_container_stays_for_five_seconds_of_running() {
    let compose = api("update_config: {order: start-first}", "")
        .replace("healthcheck: {test: [CMD, up]}, ", "")
        .replace("scale: 4", "scale: 1");
    assert_eq!(
        lanes(&from_to(&compose, "v1", "v2")),
        ["start1, healthy, watch1 (5 s), stop1"]
    );
}

#[test]
fn a_rollback_goes_by_rollback_config_and_takes_what_it_does_not_write_from_update_config() {
    let compose = api(
        "update_config: {order: start-first, delay: 10s}, rollback_config: {parallelism: 0, delay: 0s}",
        "",
    );
    let observed = serving(&project(&compose, "v2"));
    let desired = project(&compose, "v1");
    let options = deployctl::plan::Options {
        intent: Intent::Rollback,
        ..options(&desired, "v1", Some("v2"))
    };
    let plan = text(&reconcile(&desired, &observed, &options).expect("a plan"));
    let expected = ["1", "2", "3", "4"].map(|n| format!("start{n}, healthy, stop{n}"));
    assert_eq!(lanes(&plan), expected);
}

#[test]
fn fewer_replicas_go_when_the_others_serve_and_more_start_beside_them() {
    let compose = api("update_config: {order: start-first}", "");
    let observed = serving(&project(&compose, "v1"));
    let plan = |scale: &str| {
        let desired = project(&compose.replace("scale: 4", scale), "v2");
        let options = options(&desired, "v2", Some("v1"));
        text(&reconcile(&desired, &observed, &options).expect("a plan"))
    };
    assert_eq!(
        lanes(&plan("scale: 2")),
        ["start1, healthy, stop1, start2, healthy, stop2, stop3, stop4"]
    );
    let more = lanes(&plan("scale: 6"));
    assert_eq!(more[1..], ["start5, healthy", "start6, healthy"]);
    assert!(more[0].ends_with("start4, healthy, stop4"), "{more:?}");
}

#[test]
fn a_ratio_says_how_many_of_the_replaced_containers_may_fail() {
    let with = |ratio: &str| {
        let compose = api(
            &format!("update_config: {{max_failure_ratio: {ratio}}}"),
            "",
        );
        let observed = serving(&project(&compose, "v1"));
        let desired = project(&compose, "v2");
        let options = options(&desired, "v2", Some("v1"));
        let plan = reconcile(&desired, &observed, &options).expect("a plan");
        plan.tolerated.get("api").copied()
    };
    assert_eq!(
        ["0", "0.2", "0.25", "0.5", "1"].map(with),
        [None, None, Some(1), Some(2), Some(4)]
    );
}

#[test]
fn hooks_run_before_a_container_counts_as_healthy_and_before_it_stops_on_the_way_back_too() {
    let compose = api(
        "update_config: {order: start-first}",
        ", post_start: [{command: [warm, up]}], pre_stop: [{command: [drain]}]",
    )
    .replace("scale: 4", "scale: 1");
    let plan = from_to(&compose, "v1", "v2");
    let update = "
    start new api-1 <- pre_stop hooks of new api-1, last, stop new api-1, last
    post_start hooks of new api-1
    wait until new api-1 is healthy (up to 181 s)
    pre_stop hooks of shop-api-1
    stop shop-api-1 <- start shop-api-1
";
    assert!(plan.contains(update), "{plan}");
}

#[test]
fn each_of_two_releases_gets_the_assets_that_only_the_other_one_has_before_any_of_them_moves() {
    let compose = api(
        "update_config: {order: start-first}",
        ", x-deployctl: {assets: {path: /app/assets}}",
    )
    .replace("scale: 4", "scale: 1");
    let plan = from_to(&compose, "v1", "v2");
    let create = "
[create]
  api
    create shop-api-1.release-7 <- remove new api-1
    copy files of /app/assets that new api-1 lacks from shop-api-1
    copy files of /app/assets that shop-api-1 lacks from new api-1
[update]
";
    assert!(plan.contains(create), "{plan}");
}

#[test]
fn what_two_containers_cannot_have_at_once_is_an_error_with_its_reason() {
    let error = |more: &str| {
        let compose = api("update_config: {order: start-first}", more);
        let observed = serving(&project(&compose, "v1"));
        let desired = project(&compose, "v2");
        match reconcile(&desired, &observed, &options(&desired, "v2", Some("v1"))) {
            Err(PlanError::StartFirst { reason, .. }) => Some(reason),
            Err(other) => panic!("{other}"),
            Ok(_) => None,
        }
    };
    for (more, reason) in [
        (
            ", ports: ['8080:80']",
            "the published port 8080 can be held by one container only",
        ),
        (
            ", ports: ['8000-8003:80']",
            "the published range 8000-8003 has 4 ports, and 5 containers run at once",
        ),
        (
            ", network_mode: host",
            "two containers cannot share `network_mode: host`",
        ),
        (
            ", mac_address: '02:42:ac:11:00:02'",
            "it has a fixed address, which two containers cannot have at once",
        ),
        (
            ", networks: {default: {ipv4_address: 10.5.0.5}}",
            "it has a fixed address, which two containers cannot have at once",
        ),
    ] {
        assert_eq!(error(more).as_deref(), Some(reason), "{more}");
    }
    for fine in ["", ", ports: ['8000-8004:80']", ", ports: ['80']"] {
        assert_eq!(error(fine), None, "{fine}");
    }
}

/// What the check finds of a deploy of one `api` with this `deploy:` and more.
fn findings(deploy: &str, more: &str) -> Vec<Finding> {
    let mut compose = api(deploy, more).replace("scale: 4", "scale: 1");
    if more.contains("healthcheck:") {
        compose = compose.replace("healthcheck: {test: [CMD, up]}, ", "");
    }
    let compose = format!("{compose}\nvolumes: {{data: {{}}}}");
    let observed = serving(&project(&compose, "v1"));
    let desired = project(&compose, "v2");
    let options = options(&desired, "v2", Some("v1"));
    let plan = reconcile(&desired, &observed, &options).expect("a plan");
    check(&desired, &observed, &plan, &Host::default())
}

#[track_caller]
fn finds(found: &[Finding], severity: Severity, message: &str) {
    let [only] = found else {
        panic!("one finding expected: {found:#?}");
    };
    assert_eq!(only.severity, severity);
    assert!(only.message.contains(message), "{only:?}");
    assert!(only.hint.is_some(), "{only:?}");
}

const START_FIRST: &str = "update_config: {order: start-first}";

#[test]
fn two_writers_on_one_volume_are_warned_of_and_readers_are_not() {
    let found = findings(START_FIRST, ", volumes: ['data:/data']");
    finds(
        &found,
        Severity::Warning,
        "the old and the new container write `data:/data` at the same time",
    );
    assert_eq!(findings(START_FIRST, ", volumes: ['data:/data:ro']"), []);
    assert_eq!(findings("", ", volumes: ['data:/data']"), []);
}

#[test]
fn start_first_without_a_healthcheck_is_warned_of() {
    let found = findings(START_FIRST, ", healthcheck: {disable: true}");
    finds(
        &found,
        Severity::Warning,
        "`api` starts first and has no healthcheck",
    );
    assert_eq!(findings(START_FIRST, ""), []);
}

#[test]
fn assets_that_cannot_be_kept_are_an_error() {
    let with = |path: &str, more: &str| {
        findings(
            "",
            &format!(", x-deployctl: {{assets: {{path: {path}}}}}{more}"),
        )
    };
    finds(&with("public", ""), Severity::Error, "is no absolute path");
    finds(
        &with("/public", ", read_only: true"),
        Severity::Error,
        "`read_only`",
    );
    assert_eq!(with("/public", ""), []);
}

#[test]
fn a_failure_action_that_would_leave_a_mix_is_a_rollback_and_nothing_else_is_warned_of() {
    let found = findings(
        "update_config: {parallelism: 2, delay: 1s, monitor: 1s, max_failure_ratio: 0.5, failure_action: rollback}, rollback_config: {parallelism: 0}",
        "",
    );
    assert_eq!(found, []);
    for config in ["update_config", "rollback_config"] {
        let found = findings(&format!("{config}: {{failure_action: pause}}"), "");
        let messages: Vec<&str> = found.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "service `api`: `failure_action: pause` is treated as `rollback`, since a mix of versions has no exit code"
            ]
        );
    }
}

/// What the check finds in a proxy's file when `web` gets a new container.
fn in_proxy_file(name: &str, text: &str) -> Vec<Finding> {
    let compose = "services: {web: {image: 'web:${IMAGE_TAG}', networks: {default: {aliases: [app]}}, healthcheck: {test: [CMD, up]}}}";
    let observed = serving(&project(compose, "v1"));
    let desired = project(compose, "v2");
    let options = options(&desired, "v2", Some("v1"));
    let plan = reconcile(&desired, &observed, &options).expect("a plan");
    let host = Host {
        proxy_files: [(name.to_owned(), text.to_owned())].into(),
        ..Host::default()
    };
    check(&desired, &observed, &plan, &host)
}

#[test]
fn an_nginx_that_looks_a_replaced_service_up_once_is_warned_of() {
    for text in [
        "location / { # the app\n proxy_pass http://web:8080/; }",
        "upstream shop {\n server app:8080 max_fails=3;\n}\nlocation / {\n proxy_pass http://shop;\n}",
    ] {
        let text = format!("resolver 127.0.0.11 valid=1s;\n{text}");
        let found = in_proxy_file("/app/nginx.conf", &text);
        finds(
            &found,
            Severity::Warning,
            "`/app/nginx.conf`: nginx looks `web` up once",
        );
    }
    let ours = std::fs::read_to_string("compose/proxies/nginx/nginx.conf").expect("a file");
    assert_eq!(in_proxy_file("/app/nginx.conf", &ours), []);
    let other = "# proxy_pass http://web:8080;\nproxy_pass http://static:80;\nserver web2:80;";
    assert_eq!(in_proxy_file("/app/nginx.conf", other), []);
}

#[test]
fn an_nginx_that_keeps_addresses_for_long_is_warned_of() {
    for (resolver, seconds) in [("", 600), (" valid=30s", 30), (" valid=5m", 300)] {
        let text = format!("resolver 127.0.0.11{resolver};\nset $w http://web:80;\nproxy_pass $w;");
        let found = in_proxy_file("nginx.conf", &text);
        finds(
            &found,
            Severity::Warning,
            &format!("keeps an address for {seconds} s"),
        );
    }
}

#[test]
fn an_haproxy_that_looks_a_replaced_service_up_once_is_warned_of() {
    let found = in_proxy_file("haproxy.cfg", "backend web\n server one web:8080 check");
    finds(&found, Severity::Warning, "HAProxy looks `web` up once");
    let ours = std::fs::read_to_string("compose/proxies/haproxy/haproxy.cfg").expect("a file");
    assert_eq!(in_proxy_file("haproxy.cfg", &ours), []);
}
