//! The registry is down, hangs, breaks off, refuses, lies, or is slow. What serves is not touched.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::app::{App, REGISTRY, Ran, docker};
use crate::client::Client;
use crate::front::{Fate, Front, forget_images};
use crate::world::{PAIR, World, assert_new, assert_old, serving, write_data};

const ERRORS: &str =
    r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#;
const LIMIT: &str =
    r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit"}]}"#;
const UNKNOWN: &str = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
const NOT_FOUND: Fate = Fate::Answer("404 Not Found", "", UNKNOWN);
const LOGIN: &str = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;

#[test]
fn what_a_registry_refuses_is_told_apart_and_touches_nothing() {
    let front = Front::of_registry(REGISTRY, |_| Fate::Pass);
    let app = behind(&front);
    let before = World::look(&app);
    let client = Client::of(&app, "api");
    let realm = "WWW-Authenticate: Basic realm=\"faults\"\r\n";
    let cases: [(Fate, &str); 4] = [
        (
            Fate::Answer("401 Unauthorized", realm, LOGIN),
            "docker login",
        ),
        (Fate::Answer("403 Forbidden", "", ERRORS), "docker login"),
        (NOT_FOUND, "in the registry"),
        (
            Fate::Answer("429 Too Many Requests", "", LIMIT),
            "too many requests",
        ),
    ];
    for (fate, says) in cases {
        let case = format!("{fate:?}");
        front.now(move |request| {
            if request.contains("/v2/test/") {
                fate.clone()
            } else {
                Fate::Pass
            }
        });
        app.run(&["deploy", "v3"]).expect_code(6).says(says);
        assert_old(&app, &before, &case);
    }
    client.assert_nothing_failed("a registry that refuses");
    front.now(|_| Fate::Pass);
    app.run(&["deploy", "v3"]).expect_code(0);
    assert_new(&app, &before, "v3", "the registry is well again");
}

#[test]
fn a_registry_that_is_down_or_hangs_touches_nothing() {
    let hanging = Front::of_registry(REGISTRY, |_| Fate::Pass);
    let app = behind(&hanging);
    let before = World::look(&app);
    let client = Client::of(&app, "api");
    hanging.now(|_| Fate::Hang);
    let began = Instant::now();
    app.run(&["deploy", "v3"])
        .expect_code(6)
        .says("out of reach");
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "{:?}",
        began.elapsed()
    );
    assert_old(&app, &before, "a registry that hangs");
    hanging.now(|_| Fate::Cut(0));
    app.run(&["deploy", "v3"]).expect_code(6);
    assert_old(&app, &before, "a registry that hangs up");
    client.assert_nothing_failed("a registry that is down");
    // With the image here a deploy, and the way back, need no registry.
    docker(&[
        "tag",
        &format!("{REGISTRY}/test/tiny:v2"),
        &format!("{}/test/tiny:v2", hanging.address),
    ]);
    app.run(&["deploy", "v2"])
        .expect_code(0)
        .says("the local image is taken");
    assert_new(&app, &before, "v2", "registry down, image here");
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
}

#[test]
fn images_are_pulled_side_by_side() {
    let front = Front::of_registry(REGISTRY, |_| Fate::Pass);
    let app = behind(&front);
    let sides = ["left", "right"];
    let services = sides.map(|side| {
        big_image(side, &["v5"]);
        let image = format!("{}/{}:v5", front.address, repository(side));
        format!("  {side}: {{image: \"{image}\"}}\n")
    });
    let compose = app.read("compose.prod.yml");
    let services = format!("services:\n{}", services.concat());
    app.write(
        "compose.prod.yml",
        &compose.replace("services:\n", &services),
    );
    // From its second blob on (the first tells the engine what the image is) each waits for the other one.
    let asked = (Mutex::new([0; 2]), Condvar::new());
    front.now(move |request| {
        let of = |side: &&str| request.contains(&repository(side));
        let side = sides.iter().position(of);
        let Some(side) = side.filter(|_| request.contains("/blobs/")) else {
            return Fate::Pass;
        };
        let (counts, changed) = &asked;
        let mut counts = counts.lock().expect("no panic");
        counts[side] += 1;
        changed.notify_all();
        let alone = |counts: &mut [i32; 2]| counts[side] > 1 && counts[1 - side] < 2;
        let waited = changed.wait_timeout_while(counts, Duration::from_secs(20), alone);
        if waited.expect("no panic").1.timed_out() {
            NOT_FOUND
        } else {
            Fate::Pass
        }
    });
    app.run(&["deploy"]).expect_code(0);
    let serves = app.serves();
    assert!(
        sides
            .iter()
            .all(|side| serves.contains(&format!("{side}-1 v5 running"))),
        "{serves:?}"
    );
}

#[test]
fn a_pull_that_breaks_off_once_is_resumed_and_one_that_always_does_ends_in_the_old_world() {
    let front = Front::of_registry(REGISTRY, |_| Fate::Pass);
    let app = behind(&front);
    big_image("cut", &["v5", "v6"]);
    let repository = format!("image: {}/{}", front.address, repository("cut"));
    let compose = app.read("compose.prod.yml");
    let api = format!("image: {}/test/tiny:${{IMAGE_TAG}}", front.address);
    app.write(
        "compose.prod.yml",
        &compose.replace(&api, &format!("{repository}:${{IMAGE_TAG}}")),
    );
    let before = World::look(&app);
    let client = Client::of(&app, "api");
    front.now(|request| {
        if request.contains("/blobs/") {
            Fate::Cut(100_000)
        } else {
            Fate::Pass
        }
    });
    app.run(&["deploy", "v5"]).expect_code(6);
    assert_old(&app, &before, "always cut");
    // A byte that is another one is found out.
    front.now(|request| {
        if request.contains("/blobs/") {
            Fate::Spoil(1000)
        } else {
            Fate::Pass
        }
    });
    app.run(&["deploy", "v5"]).expect_code(6);
    assert_old(&app, &before, "wrong digest");
    client.assert_nothing_failed("pulls that fail");
    let cuts = std::sync::atomic::AtomicUsize::new(0);
    front.now(move |request| {
        let first = request.contains("/blobs/")
            && cuts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        if first {
            Fate::Cut(1_000_000)
        } else {
            Fate::Pass
        }
    });
    app.run(&["deploy", "v5"]).expect_code(0);
    let now = World::look(&app);
    assert_eq!(
        now.containers[now.id("api")].version,
        "v2",
        "the image of v5"
    );
    // Slow is not dead.
    front.now(|request| {
        if request.contains("/blobs/") {
            Fate::Slow(Duration::from_millis(60))
        } else {
            Fate::Pass
        }
    });
    app.run(&["deploy", "v6"])
        .expect_code(0)
        .says("(v6) serves");
}

#[test]
fn credentials_come_from_the_users_configuration_and_never_show() {
    let registry = WithLogin::start();
    let app = App::new(&PAIR.replace(
        "image: 127.0.0.1:5000/test/tiny:${IMAGE_TAG}",
        &format!("image: {}/private/tiny:${{IMAGE_TAG}}", registry.address),
    ));
    registry.push("v1");
    registry.push("v2");
    let with = |folder: &str, tag: &str| {
        let output = app
            .command(&["deploy", tag, "-vv"])
            .env("DOCKER_CONFIG", app.path(folder))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", app.directory.path().display()),
            )
            .output();
        Ran::from(output.expect("the binary"))
    };
    for folder in ["none", "wrong", "right", "helper"] {
        std::fs::create_dir(app.path(folder)).expect("a folder");
    }
    let auth = |auth: &str| {
        format!(
            r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#,
            registry.address
        )
    };
    app.write("none/config.json", "{}");
    app.write("wrong/config.json", &auth("Y2k6d3Jvbmc="));
    app.write("right/config.json", &auth(BASIC));
    let helper = format!(r#"{{"credHelpers":{{"{}":"faults"}}}}"#, registry.address);
    app.write("helper/config.json", &helper);
    let program = format!(
        "#!/bin/sh\nread server\necho '{{\"ServerURL\":\"x\",\"Username\":\"ci\",\"Secret\":\"{PASSWORD}\"}}'\n"
    );
    app.write("docker-credential-faults", &program);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(app.path("docker-credential-faults"), mode).expect("a program");
    for folder in ["none", "wrong"] {
        with(folder, "v1").expect_code(6).says("docker login");
        assert_eq!(app.serves(), [""; 0], "{folder}: nothing begun");
    }
    let first = with("right", "v1").expect_code(0);
    write_data(&app);
    let before = World::look(&app);
    let second = with("helper", "v2").expect_code(0);
    assert_new(&app, &before, "v2", "a helper's credentials");
    for ran in [first, second] {
        for secret in [PASSWORD, BASIC] {
            assert!(
                !ran.err.contains(secret) && !ran.out.contains(secret),
                "{}",
                ran.err
            );
        }
    }
    crate::secrets::assert_nowhere(
        &app,
        &[PASSWORD, BASIC],
        &["docker-credential-faults", "right/config.json"],
    );
}

/// Serves `v1` from behind a front; the tags of others are not here under its name.
fn behind(front: &Front) -> App {
    let tiny = format!("image: {REGISTRY}/test/tiny:${{IMAGE_TAG}}");
    let image = format!("image: {}/test/tiny:${{IMAGE_TAG}}", front.address);
    serving(&PAIR.replace(&tiny, &image), "v1")
}

fn repository(name: &str) -> String {
    format!("test/{name}-{}", std::process::id())
}

/// Pushes images with a layer of their own of a few megabytes, and leaves none here.
fn big_image(name: &str, tags: &[&str]) {
    for tag in tags {
        let folder = tempfile::tempdir().expect("a folder");
        let random = std::fs::File::open("/dev/urandom").expect("random bytes");
        let mut some = std::io::Read::take(random, 4 << 20);
        let mut file = std::fs::File::create(folder.path().join("big")).expect("a file");
        std::io::copy(&mut some, &mut file).expect("written");
        let text = format!("FROM {REGISTRY}/test/tiny:v2\nCOPY big /big\n");
        std::fs::write(folder.path().join("Dockerfile"), text).expect("written");
        let image = format!("{REGISTRY}/{}:{tag}", repository(name));
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
}

const PASSWORD: &str = "hunter2-registry";
/// base64 of `ci:hunter2-registry`.
const BASIC: &str = "Y2k6aHVudGVyMi1yZWdpc3RyeQ==";
/// As `htpasswd -B` writes it.
const HASHED: &str = "ci:$2b$05$w/DkuqlkQ2BAZ59r1IxfbubVYerE/WUrYhqDJcf6JMez7uJI/Y/e6\n";

/// A registry of its own that asks for a password.
struct WithLogin {
    address: String,
    folder: tempfile::TempDir,
    process: std::process::Child,
}

impl WithLogin {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("127.0.0.1:{}", crate::ssh::free_port());
        std::fs::write(folder.path().join("htpasswd"), HASHED).expect("written");
        let login = format!(r#"{{"auths":{{"{address}":{{"auth":"{BASIC}"}}}}}}"#);
        std::fs::write(folder.path().join("config.json"), login).expect("written");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {0}/data}}}}\nhttp: {{addr: \"{address}\"}}\nauth: {{htpasswd: {{realm: faults, path: {0}/htpasswd}}}}\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("config.yml"), config).expect("written");
        let process = std::process::Command::new("docker-registry")
            .arg("serve")
            .arg(folder.path().join("config.yml"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("docker-registry: scripts/registry installs it");
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < deadline, "the registry did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            address,
            folder,
            process,
        }
    }

    fn push(&self, tag: &str) {
        let image = format!("{}/private/tiny:{tag}", self.address);
        self.docker(&["tag", &format!("{REGISTRY}/test/tiny:{tag}"), &image]);
        self.docker(&["push", "-q", &image]);
        self.docker(&["rmi", "-f", &image]);
    }

    fn docker(&self, arguments: &[&str]) {
        let output = std::process::Command::new("docker")
            .arg("--config")
            .arg(self.folder.path())
            .args(arguments)
            .output()
            .expect("docker");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for WithLogin {
    fn drop(&mut self) {
        forget_images(&self.address);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
