//! `check` and `adopt` on a real engine; each finding alone is in tests/check.rs.

use std::os::unix::fs::PermissionsExt;

use crate::app::{App, ONE, Ran, compose};
use crate::proxy::over_tcp;

#[test]
fn check_says_what_is_fine_what_is_worth_a_look_and_what_would_end_a_deploy() {
    let app = App::running(ONE, "v1");
    std::fs::set_permissions(app.path(".env.prod"), PermissionsExt::from_mode(0o644))
        .expect("a mode");
    let check = app
        .run(&["check", "v2"])
        .expect_code(0)
        .says("ok       engine: ")
        .says("ok       images: ")
        .says("warning  env files: everybody on this host may read")
        .says("chmod 640 ");
    assert!(check.out.contains(" 0 errors"), "{}", check.out);
    std::fs::set_permissions(app.path(".env.prod"), PermissionsExt::from_mode(0o640))
        .expect("a mode");
    app.set("PASSWORD", "pa$word");
    app.write(
        "compose.prod.yml",
        &format!("{}    networks: [proxy_net]\nnetworks: {{proxy_net: {{external: true, name: no-such-net}}}}\n", ONE.replace("\"/tiny\", \"health\"", "\"curl\", \"-f\", \"localhost\"")),
    );
    let failed = app
        .run(&["check", "v1"])
        .expect_code(4)
        .says("docker network create no-such-net")
        .says("`$word` in the value of PASSWORD is taken for a variable")
        .says("PASSWORD='…'")
        .says("runs `curl`, which is not in its image")
        .says("2 errors: a deploy would end before it touches anything");
    assert!(
        !failed.out.contains("everybody on this host"),
        "{}",
        failed.out
    );
    let json = app.run(&["check", "v1", "--json"]).expect_code(4).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["errors"], 2);
    app.write(
        "compose.prod.yml",
        "services: {api: {image: 1, unknown: 2}}",
    );
    app.run(&["check"])
        .expect_code(3)
        .says("error    files: ")
        .says("ok       engine: ");
}

#[test]
fn every_image_that_cannot_be_had_is_named() {
    let app = App::new(&format!(
        "{ONE}  two: {{image: \"127.0.0.1:5000/test/none-a:1\"}}\n  three: {{image: \"127.0.0.1:5000/test/none-b:1\"}}\n"
    ));
    app.run(&["check", "v1"])
        .expect_code(6)
        .says("test/none-a:1")
        .says("test/none-b:1")
        .says("`127.0.0.1:5000/test/tiny:v1` ");
}

#[test]
fn a_remote_engines_host_is_not_looked_at_and_that_is_said() {
    let app = App::running(ONE, "v1");
    let output = app
        .command(&["check", "v2"])
        .env("DOCKER_HOST", over_tcp())
        .output();
    let check = Ran::from(output.expect("the binary"))
        .expect_code(0)
        .says("host: the engine is remote");
    assert!(!check.out.contains("proxy:"), "{}", check.out);
}

#[test]
fn adopt_reads_a_running_stack_and_writes_nothing() {
    let app = App::new(ONE);
    app.set("IMAGE_TAG", "v1");
    app.write("deploy.sh", "#!/bin/bash\nflock -n 9\nTAG=$1\ndocker compose -f compose.prod.yml --env-file .env.prod pull\n");
    compose(app.directory.path(), &["up", "-d", "--wait"]).expect_code(0);
    let before = app.world();
    app.run(&["adopt"])
        .expect_code(0)
        .says("from now on:\n  ./deployctl deploy TAG")
        .says("in place of: ./deploy.sh TAG")
        .says("tag variable: IMAGE_TAG; v1 serves")
        .says("compose files: ")
        .says("compose files compose.prod.yml, env files .env.prod; deployctl does its lock, pull as well")
        .says("a deploy of what runs now changes nothing")
        .says("ok       engine: ")
        .says("nothing was written");
    assert!(!app.path(".deployctl").exists());
    assert!(!app.path(".deploy.lock").exists());
    assert_eq!(app.world(), before);
    let json = app.run(&["adopt", "--json"]).expect_code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["command"], "./deployctl deploy TAG");
    assert_eq!(json["changes"], serde_json::json!([]));
}
