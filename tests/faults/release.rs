//! Releases that fail in every way an app knows, and what they need that is not there.

use crate::app::{App, docker, signal};
use crate::client::Client;
use crate::figures::note;
use crate::world::{PAIR, World, assert_new, assert_old, inspect, serving, text};

const API: &str = "image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}";

#[test]
fn a_migration_that_fails_hangs_or_is_killed_touches_no_service() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let client = Client::of(&app, "api");
    app.set("MIGRATE_TAG", "badmigration");
    let before = World {
        env: app.read(".env.prod"),
        ..before
    };
    app.run(&["deploy", "v2"])
        .expect_code(7)
        .says("exit code 3");
    assert_old(&app, &before, "fails");
    app.set("MIGRATE_TAG", "slowmigration");
    let before = World {
        env: app.read(".env.prod"),
        ..before
    };
    app.run(&["deploy", "v2", "--job-timeout", "1s"])
        .expect_code(7)
        .says("did not end within 1 s");
    assert_old(&app, &before, "hangs");
    for how in ["kill", "rm"] {
        let mut child = app.spawn(&["deploy", "v2"]);
        assert!(app.journal_reaches(6, &mut child));
        let job = job(&app);
        match how {
            "kill" => docker(&["kill", &job]),
            _ => docker(&["rm", "-f", &job]),
        };
        assert_eq!(child.wait().expect("an end").code(), Some(7), "{how}");
        assert_old(&app, &before, how);
    }
    client.assert_nothing_failed("migrations");
}

#[test]
fn a_job_that_a_killed_deploy_left_running_is_ended_and_never_doubled() {
    let app = serving(PAIR, "v1");
    app.set("MIGRATE_TAG", "slowmigration");
    let before = World::look(&app);
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(6, &mut child));
    signal(&child, "KILL");
    child.wait().expect("an end");
    assert!(!job(&app).is_empty(), "it runs on");
    app.set("MIGRATE_TAG", "v1");
    let before = World {
        env: app.read(".env.prod"),
        ..before
    };
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "a job was left");
}

#[test]
fn a_release_that_never_serves_is_taken_back_whatever_ails_it() {
    let limited = PAIR.replace(
        API,
        &format!("{API}\n    mem_limit: 24m\n    deploy: {{update_config: {{monitor: 4s}}}}"),
    );
    let app = serving(&limited, "v1");
    let before = World::look(&app);
    let client = Client::of(&app, "db");
    // Bad tag after bad tag: the way back stays where it was.
    for (tag, says) in [
        ("unhealthy", "is unhealthy"),
        ("crash", "exited"),
        ("crashlater", "exited"),
        ("oom", "exited"),
        ("unhealthy", "is unhealthy"),
    ] {
        let ran = app.run(&["deploy", tag]).expect_code(8);
        let memory = tag == "oom" && ran.err.contains("memory");
        assert!(memory || ran.err.contains(says), "{tag}: {}", ran.err);
        assert_old(&app, &before, tag);
    }
    client.assert_nothing_failed("a service that no release concerns");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "after five bad ones");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
}

#[test]
fn an_old_container_that_ignores_sigterm_is_ended_when_its_grace_is_over() {
    let app = serving(
        &PAIR.replace("stop_grace_period: 2s", "stop_grace_period: 1s"),
        "ignoreterm",
    );
    let before = World::look(&app);
    app.run(&["deploy", "unhealthy"]).expect_code(8);
    assert_old(&app, &before, "back");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "SIGTERM ignored");
}

#[test]
fn what_a_release_needs_and_is_not_there_is_found_before_anything_is_touched() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let client = Client::of(&app, "api");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let with = |lines: &str, end: &str| PAIR.replace(API, &format!("{API}\n{lines}")) + end;
    let cases = [
        (
            "port",
            with(&format!("    ports: [\"127.0.0.1:{port}:8080\"]"), ""),
            "port",
        ),
        (
            "network",
            with(
                "    networks: [default, proxy]",
                "networks: {proxy: {external: true, name: faults-no-such}}\n",
            ),
            "docker network create",
        ),
        (
            "volume",
            with("    volumes: [\"gone:/gone\"]", "").replace(
                "volumes: {data: {}}",
                "volumes: {data: {}, gone: {external: true, name: faults-no-such}}",
            ),
            "faults-no-such",
        ),
        (
            "bind",
            with(
                "    volumes: [{type: bind, source: ./no-such-file, target: /etc/x}]",
                "",
            ),
            "no-such-file",
        ),
        (
            "secret",
            with(
                "    secrets: [key]",
                "secrets: {key: {file: ./no-such-secret}}\n",
            ),
            "no-such-secret",
        ),
    ];
    let mut found = 0;
    for (name, compose, says) in cases {
        app.write("compose.prod.yml", &compose);
        let ran = app.run(&["deploy", "v2"]);
        assert!(
            [3, 4].contains(&ran.code),
            "{name}: code {}: {}",
            ran.code,
            ran.err
        );
        drop(ran.says(says));
        assert_old(&app, &before, name);
        found += 1;
    }
    client.assert_nothing_failed("what is not there");
    note("cases found by a check", found);
    app.write("compose.prod.yml", PAIR);
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "everything there again");
}

#[test]
fn a_healthcheck_whose_tool_is_not_in_the_image_and_an_image_for_another_platform_are_taken_back() {
    let app = serving(PAIR, "v1");
    let before = World::look(&app);
    let curl = "    healthcheck: {test: [CMD, curl, -f, localhost], interval: 200ms, retries: 2}";
    app.write(
        "compose.prod.yml",
        &PAIR.replace(API, &format!("{API}\n{curl}")),
    );
    let ran = app.run(&["deploy", "v2"]);
    assert!([4, 8].contains(&ran.code), "{}: {}", ran.code, ran.err);
    drop(ran.says("curl"));
    assert_old(&app, &before, "no curl in the image");
    let platform = "    platform: linux/arm64";
    app.write(
        "compose.prod.yml",
        &PAIR.replace(API, &format!("{API}\n{platform}")),
    );
    let ran = app.run(&["deploy", "v3"]);
    assert!([4, 6, 8].contains(&ran.code), "{}: {}", ran.code, ran.err);
    assert_old(&app, &before, "another platform");
}

#[test]
fn a_stranger_of_the_same_name_stays_and_nothing_is_made() {
    let app = App::new(PAIR);
    let name = format!("{}-api-1", app.project);
    let stranger = docker(&["create", "--name", &name, "127.0.0.1:5000/test/tiny:v1"]);
    app.run(&["deploy", "v1"]).expect_code(4).says(&name);
    let found: Vec<String> = inspect(&app).iter().map(|c| text(c, "/Id")).collect();
    assert_eq!(found, [stranger.trim()], "the stranger alone");
    docker(&["rm", stranger.trim()]);
    app.run(&["deploy", "v1"]).expect_code(0);
    // One that has the name that the new container would bear for a while.
    let name = format!("{}-api-1.release-2", app.project);
    let stranger = docker(&["create", "--name", &name, "127.0.0.1:5000/test/tiny:v1"]);
    let ran = app.run(&["deploy", "v2"]);
    let stays = docker(&["inspect", "--format", "{{.Name}}", stranger.trim()]);
    docker(&["rm", stranger.trim()]);
    assert_eq!(stays.trim(), format!("/{name}"));
    match ran.code {
        0 => assert_eq!(app.variable("IMAGE_TAG"), "v2"),
        4 | 8 => assert_eq!(app.variable("IMAGE_TAG"), "v1"),
        code => panic!("code {code}: {}", ran.err),
    }
    app.run(&["deploy", "v3"]).expect_code(0);
}

/// The one-off container that runs, or an empty text.
pub(crate) fn job(app: &App) -> String {
    let containers = inspect(app);
    let job = containers.iter().find(|c| {
        text(c, "/Config/Labels/com.docker.compose.oneoff") == "True"
            && text(c, "/State/Status") == "running"
    });
    job.map(|c| text(c, "/Id")).unwrap_or_default()
}
