//! `stop`, `start`, `restart`.

use crate::BOX;
use crate::app::{App, ONE, docker};

fn started_at(app: &App, service: &str) -> String {
    let name = format!("{}-{service}-1", app.project);
    docker(&["inspect", "--format", "{{.State.StartedAt}}", &name])
}

#[test]
fn stop_and_start_keep_the_containers_and_wait_for_health() {
    let app = App::running(BOX, "v1");
    let before = app.world();
    app.run(&["stop"])
        .expect_code(0)
        .says("until `deployctl start`");
    assert_eq!(app.serves(), ["api-1 v1 exited", "db-1 v1 exited"]);
    app.run(&["stop"]).expect_code(0).says("nothing to do");
    app.run(&["start", "--json"])
        .expect_code(0)
        .says("\"containers\":2");
    assert_eq!(app.world(), before, "the same containers");
    assert!(
        started_at(&app, "db") < started_at(&app, "api"),
        "along depends_on"
    );
    app.run(&["stop", "api"]).expect_code(0);
    assert_eq!(app.serves(), ["api-1 v1 exited", "db-1 v1 running"]);
    // The next deploy brings everything up again.
    app.run(&["deploy", "v1"]).expect_code(0);
    assert_eq!(app.world(), before);
}

#[test]
fn restart_touches_the_named_services_alone() {
    let app = App::running(BOX, "v1");
    let before = app.world();
    let (api, db) = (started_at(&app, "api"), started_at(&app, "db"));
    app.run(&["restart", "api"]).expect_code(0).says("started");
    assert_eq!(app.world(), before);
    assert_ne!(started_at(&app, "api"), api);
    assert_eq!(started_at(&app, "db"), db);
    app.run(&["restart"]).expect_code(2);
    app.run(&["restart", "web"])
        .expect_code(2)
        .says("the services are: api, db");
    app.run(&["restart", "migrate"])
        .expect_code(4)
        .says("service `migrate` has no container");
}

#[test]
fn a_service_that_does_not_come_up_again_is_said() {
    // Healthy on its first start only.
    let once = ONE.replace(
        "image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}",
        "image: 127.0.0.1:5000/test/box:${IMAGE_TAG}\n    stop_grace_period: 1s\n    command: [sh, -c, \"test -e /used && echo the disk is full && rm -f /up && sleep 1000; touch /used /up; sleep 1000\"]",
    )
    .replace("\"CMD\", \"/tiny\", \"health\"", "\"CMD\", \"test\", \"-e\", \"/up\"");
    let app = App::running(&once, "v1");
    app.run(&["restart", "api"])
        .expect_code(9)
        .says("is unhealthy")
        .says("the disk is full")
        .says("deployctl logs api")
        .says("deployctl rollback");
}

#[test]
fn maintenance_takes_the_lock() {
    let app = App::running(ONE, "v1");
    let lock = std::fs::File::open(app.path(".deploy.lock")).expect("the lock's file");
    lock.lock().expect("taken");
    for command in ["stop", "start", "migrate", "prune"] {
        app.run(&[command]).expect_code(5);
    }
    app.run(&["restart", "api"]).expect_code(5);
    assert_eq!(app.serves(), ["api-1 v1 running"]);
}
