//! The real binary on a real engine with a real registry: the main paths.
//!
//! `scripts/test` brings both up; without them these tests fail, they do not skip themselves.

#[path = "e2e/app.rs"]
#[expect(
    dead_code,
    reason = "shared with the other tests on the engine; each uses its part"
)]
mod app;

use std::time::{Duration, Instant};

use app::{App, ONE, SHOP, compose, docker, push_as, signal};

const AT_REST_V1: [&str; 5] = [
    "api-1 v1 running",
    "api-2 v1 running",
    "db-1 v1 running",
    "the-worker v1 running",
    "web-1 v1 running",
];
const AT_REST_V2: [&str; 5] = [
    "api-1 v2 running",
    "api-2 v2 running",
    "db-1 v1 running",
    "the-worker v2 running",
    "web-1 v2 running",
];

#[test]
fn a_first_deploy_on_an_empty_host_brings_everything_up() {
    let app = App::new(SHOP);
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("release 1 (v1) serves");
    assert_eq!(app.serves(), AT_REST_V1);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
    assert_eq!(app.variable("LOG_LEVEL"), "info");
    assert!(!app.path(".rollback-tag").exists());
    app.run(&["status"])
        .expect_code(0)
        .says("release 1 (v1) succeeded")
        .says("the-worker");
}

#[test]
fn the_same_tag_again_has_nothing_to_do() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("nothing to do");
    app.run(&["deploy"]).expect_code(0).says("nothing to do");
    assert_eq!(app.world(), before);
    app.run(&["plan", "v1", "--exit-code"]).expect_code(0);
}

#[test]
fn another_tag_replaces_what_depends_on_it_and_nothing_else() {
    let app = App::running(SHOP, "v1");
    let db = app.world().into_iter().find(|(_, c)| c.contains("-db-1 "));
    app.run(&["plan", "v2", "--exit-code"])
        .expect_code(10)
        .says("recreate");
    app.run(&["deploy", "v2"])
        .expect_code(0)
        .says("release 2 (v2) serves");
    assert_eq!(app.serves(), AT_REST_V2);
    assert_eq!(
        app.world().into_iter().find(|(_, c)| c.contains("-db-1 ")),
        db
    );
    assert_eq!(app.variable("IMAGE_TAG"), "v2");
    assert_eq!(app.read(".rollback-tag"), "v1\n");
    assert!(
        !app.path(".deployctl")
            .join(&app.project)
            .join("journal")
            .exists()
    );
}

#[test]
fn an_unhealthy_last_service_brings_every_old_container_back() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    let env = app.read(".env.prod");
    app.set("WEB_TAG", "unhealthy");
    let failed = app.run(&["deploy", "v2"]).expect_code(8);
    failed
        .says("is unhealthy")
        .says("migrations are pending")
        .says("tiny unhealthy listening")
        .says("the old containers are back");
    assert_eq!(app.world(), before, "the same containers, by id, healthy");
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
    assert!(!app.path(".rollback-tag").exists());
    assert!(env.lines().all(|line| app.read(".env.prod").contains(line)));
    app.set("WEB_TAG", "v2");
    app.run(&["deploy", "v2"]).expect_code(0);
}

#[test]
fn a_release_that_crashes_is_known_at_once() {
    let app = App::running(ONE, "v1");
    let before = app.world();
    let started = Instant::now();
    app.run(&["deploy", "crash"])
        .expect_code(8)
        .says("exited")
        .says("SECRET_KEY is missing");
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(app.world(), before);
}

#[test]
fn a_failed_migration_touches_no_service() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    app.set("MIGRATE_TAG", "badmigration");
    app.run(&["deploy", "v2"])
        .expect_code(7)
        .says("relation \"orders\" does not exist")
        .says("the database may have moved");
    assert_eq!(app.world(), before, "and the job's container is gone");
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
    app.run(&["logs", "migrate"])
        .expect_code(0)
        .says("relation \"orders\" does not exist");
}

#[test]
fn a_migration_that_hangs_ends_at_its_deadline() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    app.set("MIGRATE_TAG", "slowmigration");
    app.run(&["deploy", "v2", "--job-timeout", "2s"])
        .expect_code(7)
        .says("did not end within 2 s");
    assert_eq!(app.world(), before);
}

#[test]
fn a_failed_smoke_test_is_a_failed_release() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    app.set("SMOKE_TAG", "smokefail");
    app.run(&["deploy", "v2"])
        .expect_code(8)
        .says("smoke: the page is wrong");
    assert_eq!(app.world(), before);
}

#[test]
fn a_failed_first_deploy_leaves_no_container_and_no_network() {
    let app = App::new(SHOP);
    app.set("WEB_TAG", "unhealthy");
    app.run(&["deploy", "v1"]).expect_code(8);
    assert_eq!(app.serves(), [""; 0]);
    let filter = format!("label=com.docker.compose.project={}", app.project);
    assert_eq!(docker(&["network", "ls", "-q", "--filter", &filter]), "");
    assert_ne!(
        docker(&["volume", "ls", "-q", "--filter", &filter]),
        "",
        "a volume is never removed"
    );
}

#[test]
fn rollback_goes_to_the_release_before_and_back_again() {
    let app = App::running(SHOP, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["rollback", "--reason", "orders fail"])
        .expect_code(0)
        .says("(v1) serves");
    assert_eq!(app.serves(), AT_REST_V1);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
    assert_eq!(app.read(".rollback-tag"), "v2\n");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(app.serves(), AT_REST_V2);
    assert_eq!(app.read(".rollback-tag"), "v1\n");
    app.run(&["rollback", "v1"]).expect_code(0);
    assert_eq!(app.serves(), AT_REST_V1);
    app.run(&["rollback", "v99"])
        .expect_code(2)
        .says("--tag-only");
    app.run(&["history"])
        .expect_code(0)
        .says("orders fail")
        .says("rollback to 1");
}

#[test]
fn rollback_takes_the_releases_own_model_not_todays_file() {
    let app = App::running(ONE, "v1");
    app.write(
        "compose.prod.yml",
        &ONE.replace(
            "restart: unless-stopped",
            "restart: unless-stopped\n    environment: {MODE: new}",
        ),
    );
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["rollback"]).expect_code(0);
    let id = app.world().into_keys().next().expect("a container");
    assert!(!docker(&["inspect", "--format", "{{.Config.Env}}", &id]).contains("MODE=new"));
}

#[test]
fn a_stack_that_docker_compose_started_is_adopted_as_it_is() {
    let app = App::new(SHOP);
    app.set("IMAGE_TAG", "v1");
    compose(app.directory.path(), &["up", "-d", "--wait"]).expect_code(0);
    let before = app.world();
    app.run(&["plan", "--exit-code"])
        .expect_code(0)
        .says("nothing to do");
    app.set("WEB_TAG", "unhealthy");
    app.run(&["deploy", "v2"]).expect_code(8);
    assert_eq!(app.world(), before, "what docker compose made comes back");
    app.set("WEB_TAG", "v2");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_eq!(app.read(".rollback-tag"), "v1\n");
    app.set("WEB_TAG", "v1");
    app.run(&["rollback"]).expect_code(0).says("(v1) serves");
}

#[test]
fn docker_compose_recreates_nothing_after_a_deploy() {
    let app = App::running(SHOP, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    let before = app.world();
    let network = format!("label=com.docker.compose.project={}", app.project);
    let networks = docker(&["network", "ls", "-q", "--filter", &network]);
    compose(app.directory.path(), &["up", "-d"]).expect_code(0);
    assert_eq!(app.world(), before);
    assert_eq!(
        docker(&["network", "ls", "-q", "--filter", &network]),
        networks
    );
}

#[test]
fn a_moving_tag_deploys_and_rolls_back_as_releases_of_its_own() {
    let repository = format!("test/moving-{}", std::process::id());
    let app = App::new(&ONE.replace("test/tiny", &repository));
    push_as("v1", &repository, "stable");
    app.run(&["deploy", "stable"]).expect_code(0);
    let first = app.world();
    app.run(&["deploy", "stable"])
        .expect_code(0)
        .says("nothing to do");
    push_as("v2", &repository, "stable");
    app.run(&["deploy", "stable"])
        .expect_code(0)
        .says("release 2 (stable) serves");
    assert_ne!(
        app.world().keys().collect::<Vec<_>>(),
        first.keys().collect::<Vec<_>>()
    );
    assert!(
        app.read(".rollback-tag").starts_with("stable@sha256:"),
        "{}",
        app.read(".rollback-tag")
    );
    let version = |app: &App| {
        let id = app.world().into_keys().next().expect("a container");
        docker(&["exec", &id, "/tiny", "env", "VERSION"])
            .trim()
            .to_owned()
    };
    assert_eq!(version(&app), "v2");
    let before = app.world();
    compose(app.directory.path(), &["up", "-d"]).expect_code(0);
    assert_eq!(
        app.world().keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>(),
        "docker compose recreates nothing"
    );
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(version(&app), "v1");
}

#[test]
fn a_killed_deploy_is_recovered_into_one_world_wherever_it_was() {
    let app = App::running(SHOP, "v1");
    let mut worlds = 0;
    for lines in [2, 5, 9, 14, 20, 26, 32, 38, 44, 50, 56, 62, 68] {
        app.run(&["deploy", "v1"]).expect_code(0);
        let before = app.world();
        let mut child = app.spawn(&["deploy", "v2"]);
        if !app.journal_reaches(lines, &mut child) {
            break;
        }
        signal(&child, "KILL");
        child.wait().expect("an end");
        app.run(&["recover"]).expect_code(0);
        if app.variable("IMAGE_TAG") == "v2" {
            assert_eq!(app.serves(), AT_REST_V2, "killed at line {lines}");
        } else {
            assert_eq!(app.world(), before, "killed at line {lines}");
        }
        worlds += 1;
    }
    assert!(worlds >= 8, "only {worlds} kills came in time");
}

#[test]
fn recovery_needs_no_compose_file_and_no_registry() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(30, &mut child));
    signal(&child, "KILL");
    child.wait().expect("an end");
    std::fs::remove_file(app.path("compose.prod.yml")).expect("removed");
    app.run(&["recover"])
        .expect_code(0)
        .says("the old containers serve again");
    assert_eq!(app.world(), before);
    app.run(&["recover"])
        .expect_code(0)
        .says("nothing to recover");
}

#[test]
fn the_next_deploy_recovers_by_itself() {
    let app = App::running(SHOP, "v1");
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(24, &mut child));
    signal(&child, "KILL");
    child.wait().expect("an end");
    app.run(&["deploy", "v2"])
        .expect_code(0)
        .says("recovering release 2");
    assert_eq!(app.serves(), AT_REST_V2);
    assert_eq!(app.read(".rollback-tag"), "v1\n");
}

#[test]
fn a_killed_deploy_whose_journal_is_deleted_is_put_right_by_the_next_command() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    for (lines, next) in [(24, "recover"), (40, "deploy"), (56, "recover")] {
        let mut child = app.spawn(&["deploy", "v2"]);
        assert!(app.journal_reaches(lines, &mut child));
        signal(&child, "KILL");
        child.wait().expect("an end");
        std::fs::remove_dir_all(app.path(".deployctl")).expect("removed");
        app.run(&["plan", "v1"])
            .expect_code(0)
            .says("a run whose journal is gone");
        if next == "deploy" {
            app.run(&["deploy", "v1"]).expect_code(0);
        } else {
            app.run(&["recover"])
                .expect_code(0)
                .says("the containers from before it serve again");
        }
        assert_eq!(app.world(), before, "killed at line {lines}");
    }
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_eq!(app.serves(), AT_REST_V2);
}

#[test]
fn sigterm_unwinds_and_sighup_does_nothing() {
    let app = App::running(SHOP, "v1");
    let before = app.world();
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(24, &mut child));
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("an end").code(), Some(8));
    assert_eq!(app.world(), before);
    let mut child = app.spawn(&["deploy", "v2"]);
    assert!(app.journal_reaches(24, &mut child));
    signal(&child, "HUP");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert_eq!(app.serves(), AT_REST_V2);
}

#[test]
fn a_reader_that_is_gone_or_stuck_does_not_stop_a_deploy() {
    let app = App::running(ONE, "v1");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = app
        .command(&["deploy", "v2"])
        .stdout(writer.try_clone().expect("a pipe"))
        .stderr(writer)
        .status();
    assert_eq!(status.expect("an end").code(), Some(0));
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let status = app
        .command(&["deploy", "v3", "-vv"])
        .stdout(full.try_clone().expect("a file"))
        .stderr(full)
        .status();
    assert_eq!(status.expect("an end").code(), Some(0));
    assert_eq!(app.serves(), ["api-1 v3 running"]);
}

#[test]
fn an_old_script_that_holds_the_lock_keeps_a_deploy_out() {
    let app = App::running(ONE, "v1");
    let lock = app.path(".deploy.lock");
    let mut script = std::process::Command::new("flock")
        .arg(&lock)
        .args(["sh", "-c", "echo held; read line"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("flock");
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(script.stdout.take().expect("output")),
        &mut line,
    )
    .expect("held");
    app.run(&["deploy", "v2"])
        .expect_code(5)
        .says("the deploy lock is held");
    app.run(&["status"]).expect_code(0);
    drop(script.stdin.take());
    script.wait().expect("an end");
    app.run(&["deploy", "v2"]).expect_code(0);
}

#[test]
fn a_tag_that_ci_wrote_into_the_env_file_is_right_after_every_outcome() {
    let app = App::running(ONE, "v1");
    app.set("IMAGE_TAG", "unhealthy");
    app.run(&["deploy", "unhealthy"]).expect_code(8);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
    app.set("IMAGE_TAG", "v2");
    app.run(&["deploy"]).expect_code(0);
    assert_eq!(app.variable("IMAGE_TAG"), "v2");
    assert_eq!(app.read(".rollback-tag"), "v1\n");
}

#[test]
fn a_tag_that_the_caller_exports_does_not_win_over_the_asked_one() {
    let app = App::running(ONE, "v1");
    let output = app
        .command(&["deploy", "v2"])
        .env("IMAGE_TAG", "v3")
        .output()
        .expect("the binary");
    assert!(output.status.success());
    assert_eq!(app.serves(), ["api-1 v2 running"]);
}

#[test]
fn changed_content_of_a_mounted_file_recreates_its_service_alone() {
    let two = format!(
        "{ONE}    volumes: [\"./api.conf:/etc/api.conf:ro\"]\n  other:\n    image: 127.0.0.1:5000/test/tiny:v1\n"
    );
    let app = App::new(&two);
    app.write("api.conf", "a\n");
    app.run(&["deploy", "v1"]).expect_code(0);
    let before = app.world();
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("nothing to do");
    app.write("api.conf", "b\n");
    app.run(&["plan"])
        .expect_code(0)
        .says("content changed")
        .says("api.conf");
    app.run(&["deploy", "v1"]).expect_code(0);
    let after = app.world();
    let same: Vec<&String> = after.keys().filter(|id| before.contains_key(*id)).collect();
    assert_eq!(same.len(), 1, "{after:?}");
    assert!(after[same[0]].contains("-other-1"));
}

#[test]
fn services_are_added_scaled_and_removed() {
    let app = App::running(ONE, "v1");
    app.write(
        "compose.prod.yml",
        &format!("{ONE}    scale: 3\n  more:\n    image: 127.0.0.1:5000/test/tiny:v1\n"),
    );
    app.run(&["deploy"]).expect_code(0);
    assert_eq!(
        app.serves(),
        [
            "api-1 v1 running",
            "api-2 v1 running",
            "api-3 v1 running",
            "more-1 v1 running"
        ]
    );
    app.write("compose.prod.yml", ONE);
    app.run(&["deploy"])
        .expect_code(0)
        .says("orphan")
        .says("--remove-orphans");
    assert_eq!(app.serves(), ["api-1 v1 running", "more-1 v1 running"]);
    app.run(&["deploy", "--remove-orphans"]).expect_code(0);
    assert_eq!(app.serves(), ["api-1 v1 running"]);
}

#[test]
fn data_in_a_volume_survives() {
    let with_data = ONE.replace(
        "restart: unless-stopped",
        "restart: unless-stopped\n    user: \"0\"\n    volumes: [\"data:/data\", \"/cache\"]",
    ) + "volumes: {data: {}}\n";
    let app = App::running(&with_data, "v1");
    let container = format!("{}-api-1", app.project);
    docker(&["exec", &container, "/tiny", "write", "/data/file", "kept"]);
    docker(&[
        "exec",
        &container,
        "/tiny",
        "write",
        "/cache/file",
        "carried",
    ]);
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_eq!(
        docker(&["exec", &container, "/tiny", "cat", "/data/file"]),
        "kept"
    );
    assert_eq!(
        docker(&["exec", &container, "/tiny", "cat", "/cache/file"]),
        "carried",
        "an anonymous volume is carried over"
    );
}

#[test]
fn a_job_that_others_await_runs_before_anything_is_stopped() {
    let with_job = format!(
        "{ONE}    depends_on: {{setup: {{condition: service_completed_successfully}}}}\n  setup:\n    image: 127.0.0.1:5000/test/tiny:${{SETUP_TAG:-v1}}\n    command: [job]\n"
    );
    let app = App::running(&with_job, "v1");
    assert_eq!(app.serves(), ["api-1 v1 running", "setup-1 v1 exited"]);
    let before = app.world();
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("nothing to do");
    app.set("SETUP_TAG", "badmigration");
    app.run(&["deploy", "v2"]).expect_code(7);
    assert_eq!(app.world(), before);
    app.set("SETUP_TAG", "v2");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert_eq!(app.serves(), ["api-1 v2 running", "setup-1 v2 exited"]);
}

#[test]
fn services_that_share_a_network_namespace_go_together() {
    let sidecar = format!(
        "{ONE}  sidecar:\n    image: 127.0.0.1:5000/test/tiny:v1\n    environment: {{PORT: \"9090\"}}\n    network_mode: service:api\n    depends_on: [api]\n"
    );
    let app = App::running(&sidecar, "v1");
    let before = app.world();
    app.run(&["deploy", "v1"])
        .expect_code(0)
        .says("nothing to do");
    app.run(&["deploy", "unhealthy"]).expect_code(8);
    assert_eq!(app.world(), before);
    app.run(&["deploy", "v2"]).expect_code(0);
    compose(app.directory.path(), &["up", "-d"]).expect_code(0);
    app.run(&["deploy", "v2"])
        .expect_code(0)
        .says("nothing to do");
}

#[test]
fn configs_and_secrets_of_every_source_reach_the_container() {
    let compose = format!(
        "{ONE}    secrets: [one, two]\n    configs: [{{source: three, target: /etc/three, mode: 0440}}]\nsecrets:\n  one: {{file: ./one.txt}}\n  two: {{environment: TWO}}\nconfigs:\n  three: {{content: \"inline ${{LOG_LEVEL}}\"}}\n"
    );
    let app = App::new(&compose);
    app.write("one.txt", "first");
    app.set("TWO", "second");
    app.run(&["deploy", "v1"]).expect_code(0);
    let cat = |path: &str| {
        docker(&[
            "exec",
            "-u",
            "0",
            &format!("{}-api-1", app.project),
            "/tiny",
            "cat",
            path,
        ])
    };
    assert_eq!(cat("/run/secrets/one"), "first");
    assert_eq!(cat("/run/secrets/two"), "second");
    assert_eq!(cat("/etc/three"), "inline info");
    app.set("TWO", "rotated");
    app.run(&["deploy"]).expect_code(0);
    assert_eq!(cat("/run/secrets/two"), "rotated");
}

#[test]
fn another_directory_with_the_same_project_is_refused() {
    let app = App::running(ONE, "v1");
    let mut other = App::new(ONE);
    other.project.clone_from(&app.project);
    other.write(".env.prod", &app.read(".env.prod"));
    let before = app.world();
    other
        .run(&["deploy", "v2"])
        .expect_code(4)
        .says("belongs to another directory")
        .says("--adopt");
    assert_eq!(app.world(), before);
    other.run(&["deploy", "v2", "--adopt"]).expect_code(0);
    assert_eq!(app.serves(), ["api-1 v2 running"]);
}
