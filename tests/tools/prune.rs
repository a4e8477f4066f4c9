//! `prune`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::app::{App, REGISTRY, docker};

/// An image of its own: what others run must not keep it.
fn push(repository: &str, tag: &str, line: &str) {
    let name = format!("{REGISTRY}/{repository}:{tag}");
    let mut build = Command::new("docker")
        .args(["build", "-q", "-t", &name, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("docker");
    let text = format!("FROM {REGISTRY}/test/box:v1\nLABEL of={repository}:{tag}\n{line}\n");
    let mut stdin = build.stdin.take().expect("its input");
    stdin.write_all(text.as_bytes()).expect("taken");
    drop(stdin);
    assert!(build.wait().expect("an end").success());
    docker(&["push", "-q", &name]);
    docker(&["rmi", &name]);
}

const COMPOSE: &str = r"
services:
  api:
    image: 127.0.0.1:5000/REPOSITORY:${IMAGE_TAG}
    restart: unless-stopped
    stop_grace_period: 1s
    deploy: {update_config: {monitor: 1ms}}
";

#[test]
fn prune_keeps_what_a_rollback_needs() {
    let repository = format!("test/pruned-{}", std::process::id());
    let app = App::new(&COMPOSE.replace("REPOSITORY", &repository));
    for tag in ["v1", "v2", "v3"] {
        push(&repository, tag, "");
        app.run(&["deploy", tag]).expect_code(0);
    }
    push(
        &repository,
        "bad",
        "HEALTHCHECK --interval=100ms --retries=1 CMD [\"false\"]",
    );
    app.run(&["deploy", "bad"]).expect_code(8);
    app.run(&["run", "api", "true"]).expect_code(0);
    let here = || {
        let name = format!("{REGISTRY}/{repository}");
        let list = docker(&["images", "--format", "{{.Tag}}", &name]);
        let mut tags: Vec<String> = list
            .lines()
            .filter(|t| *t != "<none>")
            .map(str::to_owned)
            .collect();
        tags.sort();
        tags
    };
    let (before, world) = (here(), app.world());
    assert_eq!(before, ["bad", "v1", "v2", "v3"]);
    app.run(&["prune", "--keep", "2", "--dry-run"])
        .expect_code(0)
        .says("would remove release 1 (v1)")
        .says("would remove container")
        .says("would remove image");
    assert_eq!(
        (here(), app.world()),
        (before, world),
        "nothing has changed"
    );
    let pruned = app.run(&["prune", "--keep", "2", "--json"]).expect_code(0);
    let pruned: serde_json::Value = serde_json::from_str(&pruned.out).expect("JSON");
    assert_eq!(pruned["releases"], serde_json::json!([1]));
    assert_eq!(pruned["images"].as_array().map(Vec::len), Some(2));
    assert_eq!(app.serves(), ["api-1 v3 running"], "the one-off is gone");
    assert_eq!(here(), ["v2", "v3"]);
    app.run(&["prune", "--keep", "2"])
        .expect_code(0)
        .says("nothing to prune");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(app.serves(), ["api-1 v2 running"]);
    app.run(&["prune", "--keep", "1"]).expect_code(2);
    // What still runs goes with the app.
    drop(app);
    for tag in here() {
        docker(&["rmi", &format!("{REGISTRY}/{repository}:{tag}")]);
    }
}
