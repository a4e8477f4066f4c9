//! People who do things by hand, at the wrong moment.

use crate::app::{App, REGISTRY, compose, docker};
use crate::front::{Fate, Front};
use crate::world::{PAIR, World, assert_at_rest, assert_new, assert_old, inspect, serving, text};

/// A line of the journal at which the new container has its name and is about to be started, or waited for.
const STARTED: usize = 19;

/// Boots slowly enough for people to come in between, and quickly enough for its healthcheck.
fn slow() -> String {
    PAIR.replace(
        "${IMAGE_TAG}",
        "${IMAGE_TAG}\n    environment: {BOOT_MS: \"600\"}",
    )
}

#[test]
fn a_new_container_that_somebody_removes_fails_its_release() {
    let app = serving(&slow(), "v1");
    let before = World::look(&app);
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(STARTED, &mut child));
    docker(&["rm", "-f", &format!("{}-api-1", app.project)]);
    assert_eq!(child.wait().expect("an end").code(), Some(8));
    assert_old(&app, &before, "the new one was removed");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_new(&app, &before, "v2", "again");
}

#[test]
fn an_old_container_that_somebody_removes_in_mid_deploy_is_missed_only_on_the_way_back() {
    let app = serving(&slow(), "v1");
    let before = World::look(&app);
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(STARTED, &mut child));
    docker(&["rm", "-f", before.id("api")]);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert_eq!(assert_at_rest(&app, "a good release").tag(), "v2");
    // And where the release is bad there is nothing to go back to: said, and the next deploy makes it.
    let before = World::look(&app);
    let mut child = app.spawn(&["deploy", "unhealthy"]);
    assert!(app.journal_reaches(STARTED, &mut child));
    docker(&["rm", "-f", before.id("api")]);
    assert_eq!(child.wait().expect("an end").code(), Some(9));
    app.run(&["status"]).expect_code(0);
    app.run(&["deploy", "v3"]).expect_code(0);
    let now = assert_at_rest(&app, "after a way back that was gone");
    assert_eq!((now.tag(), now.names()), ("v3", before.names()));
}

#[test]
fn docker_compose_in_mid_deploy_leaves_one_world_in_the_end() {
    for (words, line) in [
        (&["up", "-d"][..], 6),
        (&["restart"], 6),
        (&["up", "-d"], 14),
        (&["up", "-d"], STARTED),
        (&["restart"], STARTED),
        (&["down"], 6),
        (&["down"], STARTED),
    ] {
        let app = serving(PAIR, "v1");
        let before = World::look(&app);
        let case = format!("docker compose {words:?} at line {line}");
        let mut child = app.spawn(&["deploy", "v2"]);
        assert!(app.journal_reaches(line, &mut child), "{case}");
        // It may fail: it meets names and containers on their way.
        let _ = compose(app.directory.path(), words);
        let code = child.wait().expect("an end").code();
        assert!(
            [Some(0), Some(6), Some(7), Some(8), Some(9), Some(1)].contains(&code),
            "{case}: {code:?}"
        );
        if code == Some(0) {
            assert_eq!(app.variable("IMAGE_TAG"), "v2", "{case}");
        } else {
            assert_eq!(app.variable("IMAGE_TAG"), "v1", "{case}");
        }
        app.run(&["deploy", "v2"]).expect_code(0);
        let now = assert_at_rest(&app, &format!("{case}, code {code:?}, then a deploy"));
        assert_eq!((now.tag(), now.names()), ("v2", before.names()), "{case}");
    }
}

#[test]
fn a_rollback_makes_anew_what_somebody_deleted() {
    let app = serving(PAIR, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    let before = World::look(&app);
    docker(&["rm", "-f", before.id("api")]);
    app.run(&["rollback"]).expect_code(0);
    let now = assert_at_rest(&app, "back");
    assert_eq!((now.tag(), now.names()), ("v1", before.names()));
}

#[test]
fn an_image_that_was_pruned_is_pulled_for_a_rollback_or_the_rollback_is_refused() {
    let front = Front::of_registry(REGISTRY, |_| Fate::Pass);
    let tiny = "image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}";
    let repository = format!("test/pruned-{}", std::process::id());
    for (tag, from) in [("p1", "v1"), ("p2", "v2")] {
        // An image of its own: nothing else on this engine holds it.
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "FROM {REGISTRY}/test/tiny:{from}\nLABEL faults={repository}\nENV VERSION={tag}\n"
        );
        std::fs::write(folder.path().join("Dockerfile"), text).expect("written");
        let image = format!("{REGISTRY}/{repository}:{tag}");
        docker(&[
            "build",
            "-q",
            "-t",
            &image,
            &folder.path().display().to_string(),
        ]);
        docker(&["push", "-q", &image]);
        docker(&["rmi", "-f", &image]);
    }
    let image = format!("{}/{repository}", front.address);
    let app = serving(
        &PAIR.replace(tiny, &format!("image: {image}:${{IMAGE_TAG}}")),
        "p1",
    );
    app.run(&["deploy", "p2"]).expect_code(0);
    let forget = |tag: &str| {
        let reference = format!("{image}:{tag}");
        let id = docker(&["image", "inspect", "--format", "{{.Id}}", &reference]);
        let holders = docker(&["ps", "-aq", "--filter", &format!("ancestor={}", id.trim())]);
        for holder in holders.lines() {
            docker(&["rm", "-f", holder]);
        }
        docker(&["rmi", "-f", id.trim()]);
    };
    let before = World::look(&app);
    forget("p1");
    front.now(|_| Fate::Cut(0));
    app.run(&["rollback"]).expect_code(6);
    assert_old(&app, &before, "image gone, registry down");
    front.now(|_| Fate::Pass);
    app.run(&["rollback"]).expect_code(0);
    assert_new(&app, &before, "p1", "image gone, registry up");
}

#[test]
fn a_rollback_tag_that_is_deleted_or_edited_changes_no_way_back() {
    let app = serving(PAIR, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    app.write(".rollback-tag", "v99\n");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(assert_at_rest(&app, "edited").tag(), "v1");
    std::fs::remove_file(app.path(".rollback-tag")).expect("removed");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(assert_at_rest(&app, "deleted").tag(), "v2");
    assert_eq!(app.read(".rollback-tag"), "v1\n");
}

#[test]
fn an_env_file_that_is_edited_while_a_deploy_runs_keeps_the_edit() {
    let app = serving(&slow(), "v1");
    for (tag, code) in [("v2", 0), ("unhealthy", 8)] {
        let mut child = app.spawn(&["deploy", tag]);
        assert!(app.journal_reaches(14, &mut child));
        app.set("ADDED", tag);
        assert_eq!(child.wait().expect("an end").code(), Some(code));
        assert_eq!(app.variable("ADDED"), tag);
        assert_eq!(app.variable("LOG_LEVEL"), "info");
        assert_eq!(assert_at_rest(&app, tag).tag(), "v2");
    }
}

#[test]
fn a_tag_that_was_pushed_again_rolls_back_to_what_it_was() {
    let repository = format!("test/again-{}", std::process::id());
    let app = App::new(&PAIR.replace(
        "test/tiny:${IMAGE_TAG}",
        &format!("{repository}:${{IMAGE_TAG}}"),
    ));
    crate::app::push_as("v1", &repository, "a");
    crate::app::push_as("v2", &repository, "b");
    app.run(&["deploy", "a"]).expect_code(0);
    app.run(&["deploy", "b"]).expect_code(0);
    // `a` is another image now; the way back is to the one that served.
    crate::app::push_as("v3", &repository, "a");
    app.run(&["rollback"]).expect_code(0);
    let version = |app: &App| {
        let now = World::look(app);
        now.containers[now.id("api")].version.clone()
    };
    assert_eq!(version(&app), "v1");
    app.run(&["deploy", "a"]).expect_code(0);
    assert_eq!(version(&app), "v3");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(version(&app), "v1");
    let held = inspect(&app)
        .iter()
        .filter(|c| text(c, "/Name").contains("before"))
        .count();
    assert_eq!(held, 0);
}
