//! `status`: what serves, where a rollback would go, what somebody changed.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::app::{App, ONE, compose, docker, push_as, signal};

#[test]
fn status_says_what_serves_since_when_and_by_whom() {
    let app = App::running(ONE, "v1");
    let output = app
        .command(&["deploy", "v2", "--reason", "faster orders"])
        .env("SSH_CONNECTION", "192.0.2.7 50122 192.0.2.1 22")
        .env("CI_JOB_URL", "https://ci.example/jobs/81")
        .output();
    assert!(output.expect("the binary").status.success());
    let status = app
        .run(&["status"])
        .expect_code(0)
        .says("release 2 (v2) succeeded")
        .says("from 192.0.2.7")
        .says("serves: for ")
        .says("from: CI run https://ci.example/jobs/81")
        .says("reason: faster orders")
        .says("rollback: to release 1 (v1), its images are here")
        .says("1/1");
    let json = app.run(&["status", "--json", "--wide"]).expect_code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let digest = json["containers"][0]["digest"].as_str().expect("a digest");
    assert!(status.out.contains(&digest[7..19]), "{}", status.out);
    assert_eq!(json["containers"][0]["restarts"], 0);
    assert!(json["containers"][0]["last_probe"]["ended_at"].is_string());
    assert_eq!(json["services"]["api"]["asked"], 1);
    assert_eq!(json["rollback"]["images"], "here");
    assert_eq!(json["lock"], serde_json::Value::Null);
    app.run(&["status", "--exit-code"]).expect_code(0);
    let elsewhere = app.directory.path().display().to_string();
    let output = app
        .command(&["-C", &elsewhere, "status"])
        .current_dir("/")
        .output();
    assert!(output.expect("the binary").status.success());
}

#[test]
fn an_edited_env_file_and_what_docker_compose_did_are_drift() {
    let app = App::running(ONE, "v1");
    app.set("IMAGE_TAG", "v2");
    app.run(&["status", "--exit-code"])
        .expect_code(10)
        .says("drift: .env.prod says IMAGE_TAG=v2, and release 1 (v1) serves")
        .says("deployctl plan");
    app.run(&["status"]).expect_code(0);
    compose(app.directory.path(), &["up", "-d", "--wait"]).expect_code(0);
    app.run(&["status", "--exit-code"])
        .expect_code(10)
        .says("runs another image (v2) than release 1 (v1) recorded")
        .says("docker compose up");
    app.set("IMAGE_TAG", "v1");
    app.run(&["deploy", "v1"]).expect_code(0);
    docker(&["stop", "-t", "0", &format!("{}-api-1", app.project)]);
    app.run(&["status", "--exit-code"])
        .expect_code(10)
        .says("does not run: Exited");
}

#[test]
fn a_rollback_says_whether_its_images_are_here_pullable_or_gone() {
    let repository = format!("test/target-{}", std::process::id());
    for tag in ["v1", "v2"] {
        push_as(tag, &repository, tag);
    }
    let app = App::new(&ONE.replace("test/tiny", &repository));
    app.run(&["deploy", "v1"]).expect_code(0);
    app.run(&["deploy", "v2"]).expect_code(0);
    let record = app.path(&format!(
        ".deployctl/{}/releases/1/record.json",
        app.project
    ));
    let text = std::fs::read_to_string(&record).expect("a record");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let id = json["images"]["api"]["id"].as_str().expect("an id");
    // As after a prune: an id that this engine does not have.
    let pruned = text.replace(id, &format!("sha256:{}", "0".repeat(64)));
    std::fs::write(&record, &pruned).expect("written");
    app.run(&["status"])
        .expect_code(0)
        .says("rollback: to release 1 (v1), pull needed (127.0.0.1:5000/");
    let digest = json["images"]["api"]["digest"].as_str().expect("a digest");
    let gone = pruned.replace(digest, &format!("sha256:{}", "1".repeat(64)));
    std::fs::write(&record, gone).expect("written");
    app.run(&["status"])
        .expect_code(0)
        .says("is neither here nor in the registry");
}

#[test]
fn a_watched_status_shows_what_changes_and_ends_with_the_signal() {
    let app = App::running(ONE, "v1");
    let mut child = app
        .command(&["status", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let mut lines = BufReader::new(child.stdout.take().expect("output")).lines();
    let mut next = |wanted: &str| {
        lines
            .by_ref()
            .map(|l| l.expect("a line"))
            .find(|l| l.contains(wanted))
            .expect("the line")
    };
    next("release 1 (v1)");
    app.run(&["deploy", "v2"]).expect_code(0);
    next("release 2 (v2)");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}
