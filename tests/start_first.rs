//! The real binary on a real engine: start-first, replicas, drain, and real proxies under load.

#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "e2e/app.rs"]
mod app;
#[path = "start_first/http.rs"]
mod http;
#[path = "start_first/load.rs"]
mod load;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use app::{App, compose, docker};
use http::{Begun, WebSocket, get};
use load::Load;

/// A service `web` of the example server with these keys more.
fn web(more: &str) -> String {
    format!(
        r#"
services:
  web:
    image: 127.0.0.1:5000/test/web:${{IMAGE_TAG}}
    restart: unless-stopped
    stop_grace_period: 20s
    healthcheck: {{test: ["CMD", "/web", "health"], interval: 500ms, timeout: 3s, retries: 10}}
    deploy: {{update_config: {{order: start-first}}}}
{more}
"#
    )
}

/// Id and name of each container of an app whose name has this part.
fn containers(app: &App, part: &str) -> Vec<(String, String)> {
    let found = app.world().into_iter().map(|(id, line)| {
        let name = line.split(' ').next().unwrap_or_default();
        (id, name.trim_start_matches('/').to_owned())
    });
    found.filter(|(_, name)| name.contains(part)).collect()
}

fn inspect(id: &str, format: &str) -> String {
    docker(&["inspect", "--format", format, id])
        .trim()
        .to_owned()
}

fn address(id: &str) -> String {
    let ip = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    format!("{}:8080", inspect(id, ip))
}

/// Waits for the new container beside the old one, until it runs.
fn candidate(app: &App, deploy: &mut Child) -> String {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        for (id, _) in containers(app, ".release-") {
            let state = Command::new("docker")
                .args(["inspect", "--format", "{{.State.Running}}", &id])
                .output();
            if state.expect("docker").stdout.starts_with(b"true") {
                return id;
            }
        }
        assert!(Instant::now() < deadline, "no new container came up");
        let ended = deploy.try_wait().expect("a child");
        assert!(ended.is_none(), "the deploy ended before: {ended:?}");
    }
}

#[test]
fn the_new_container_runs_beside_the_old_one_until_it_is_healthy_and_does_not_come_back_by_itself()
{
    let app = App::running(&web("    environment: {BOOT_MS: \"3000\"}"), "v1");
    let (old, _) = containers(&app, "-web-1").remove(0);
    let mut deploy = app.spawn(&["deploy", "v2"]);
    let new = candidate(&app, &mut deploy);
    let policy =
        "{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}";
    assert_eq!(inspect(&new, policy), "on-failure:2");
    assert_eq!(get(&address(&old), "/version"), (200, "v1".to_owned()));
    assert!(deploy.wait().expect("a child").success());
    assert_eq!(app.serves(), ["web-1 v2 running"]);
    assert_eq!(inspect(&new, policy), "unless-stopped:0");
    assert_eq!(inspect(&new, "{{.RestartCount}}"), "0");
}

#[test]
fn replicas_roll_two_at_a_time_and_docker_compose_finds_nothing_to_do_afterwards() {
    let file = web("    scale: 3").replace(
        "{order: start-first}",
        "{order: start-first, parallelism: 2, delay: 500ms}",
    );
    let app = App::running(&file, "v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    let expected = ["web-1 v2 running", "web-2 v2 running", "web-3 v2 running"];
    assert_eq!(app.serves(), expected);
    let before = app.world();
    let up = compose(app.directory.path(), &["up", "-d"]);
    assert_eq!(up.code, 0, "{}", up.err);
    assert_eq!(app.world(), before, "{}", up.err);
    app.run(&["rollback"]).expect_code(0);
    assert_eq!(app.serves(), expected.map(|line| line.replace("v2", "v1")));
}

#[test]
fn a_published_range_has_room_for_two_and_one_port_is_refused_before_anything_is_touched() {
    let (first, second) = two_ports();
    let app = App::running(
        &web(&format!("    ports: ['127.0.0.1:{first}-{second}:8080']")),
        "v1",
    );
    let answers = |version: &str| {
        let ports = [first, second].into_iter();
        let open = ports.filter(|port| std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok());
        let versions: Vec<String> = open
            .map(|port| get(&format!("127.0.0.1:{port}"), "/version").1)
            .collect();
        assert_eq!(versions, [version], "one of the two ports");
    };
    answers("v1");
    app.run(&["deploy", "v2"]).expect_code(0);
    answers("v2");
    app.run(&["deploy", "v1"]).expect_code(0);
    answers("v1");
    let before = app.world();
    app.write(
        "compose.prod.yml",
        &web(&format!("    ports: ['127.0.0.1:{first}:8080']")),
    );
    app.run(&["deploy", "v2"])
        .expect_code(3)
        .says("can be held by one container only")
        .says("published: \"8000-8001\"")
        .says("let a proxy on the network reach it");
    assert_eq!(app.world(), before);
}

#[test]
fn requests_events_and_websockets_that_have_begun_are_finished_by_the_old_container() {
    let app = App::running(&web(""), "v1");
    let (old, _) = containers(&app, "-web-1").remove(0);
    let old = address(&old);
    let mut socket = WebSocket::open(&old);
    assert_eq!(socket.echo("before"), "before");
    let mut deploy = app.spawn(&["deploy", "v2"]);
    candidate(&app, &mut deploy);
    let slow = Begun::get(&old, "/slow/4000");
    let events = Begun::get(&old, "/events/50");
    assert!(events.rest().ends_with("data: 50\n\n"), "all events came");
    assert!(slow.rest().ends_with("slow v1"));
    assert!(
        deploy.try_wait().expect("a child").is_none(),
        "the old container stays for its websocket"
    );
    assert_eq!(socket.echo("after"), "after");
    socket.close();
    assert!(deploy.wait().expect("a child").success());
    assert_eq!(app.serves(), ["web-1 v2 running"]);
}

#[test]
fn hooks_run_before_a_container_counts_as_healthy_and_before_it_stops() {
    let hooks = r#"
    environment: {RECORD: /record/hooks}
    volumes: ["./record:/record"]
    post_start: [{command: [/web, hook, post_start]}]
    pre_stop: [{command: [/web, hook, pre_stop]}, {command: [/web, drain, "0.2"]}]"#;
    let app = App::new(&web(hooks));
    std::fs::create_dir(app.path("record")).expect("a folder");
    world_writable(&app.path("record"));
    app.run(&["deploy", "v1"]).expect_code(0);
    app.run(&["deploy", "v2"])
        .expect_code(0)
        .says("the old and the new container write");
    app.run(&["deploy", "unhealthy"]).expect_code(8);
    let said = app.read("record/hooks");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "v1 post_start",
            "v2 post_start",
            "v1 pre_stop",
            "unhealthy post_start",
            "unhealthy pre_stop"
        ]
    );
    assert_eq!(app.serves(), ["web-1 v2 running"]);
}

#[test]
fn the_hashed_files_of_the_release_before_are_there_and_those_of_the_one_before_it_are_not() {
    let more = "    environment: {BOOT_MS: \"2000\"}\n    x-deployctl: {assets: {path: /assets}}";
    let app = App::running(&web(more), "v1");
    let (old, _) = containers(&app, "-web-1").remove(0);
    let mut deploy = app.spawn(&["deploy", "v2"]);
    candidate(&app, &mut deploy);
    let has = |address: &str, file: &str| get(address, &format!("/assets/{file}")).0 == 200;
    assert!(
        has(&address(&old), "app-v2.js"),
        "a page of v2 may ask the old container"
    );
    assert_eq!(
        get(&address(&old), "/assets/manifest.json").1,
        "the manifest of v1\n"
    );
    assert!(deploy.wait().expect("a child").success());
    let (new, _) = containers(&app, "-web-1").remove(0);
    let new = address(&new);
    assert_eq!(get(&new, "/assets/app-v1.js").1, "the script of v1\n");
    assert_eq!(get(&new, "/assets/app-v2.js").1, "the script of v2\n");
    assert_eq!(get(&new, "/assets/manifest.json").1, "the manifest of v2\n");
    app.run(&["deploy", "v3"]).expect_code(0);
    let (third, _) = containers(&app, "-web-1").remove(0);
    let listed = docker(&["cp", &format!("{third}:/assets/chunks/part-v2.js"), "-"]);
    assert!(listed.contains("the chunk of v2"), "folders below it, too");
    let third = address(&third);
    assert!(has(&third, "app-v2.js") && has(&third, "app-v3.js"));
    assert!(!has(&third, "app-v1.js"), "files do not pile up");
}

/// An app with a stack of `compose/proxies`, and the port that its proxy is reached at.
fn behind(proxy: &str) -> (App, u16) {
    behind_changed(proxy, |stack| stack)
}

/// The same, with a change to the stack.
fn behind_changed(proxy: &str, change: impl Fn(String) -> String) -> (App, u16) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("compose/proxies")
        .join(proxy);
    let text = std::fs::read_to_string(folder.join("compose.prod.yml")).expect("a stack");
    let more = "    environment: {BOOT_MS: \"1000\", RECORD: /record/posts}\n    volumes: [\"./record:/record\"]\n    restart:";
    let text = text.replacen("    restart:", more, 1);
    let text = text.replacen("services:\n", &format!("services:\n{AFTER}"), 1);
    let app = App::new(&change(text));
    for entry in std::fs::read_dir(&folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        if name != "compose.prod.yml" {
            std::fs::copy(&path, app.directory.path().join(name)).expect("copied");
        }
    }
    std::fs::create_dir(app.path("record")).expect("a folder");
    world_writable(&app.path("record"));
    let (port, (first, second)) = (free_port(), two_ports());
    for (name, value) in [
        ("REGISTRY", app::REGISTRY.to_owned()),
        ("AFTER_TAG", "v1".to_owned()),
        ("HTTP_PORT", port.to_string()),
        ("WEB_PORTS", format!("{first}-{second}")),
        ("WEB_PORT_1", first.to_string()),
        ("WEB_PORT_2", second.to_string()),
    ] {
        app.set(name, &value);
    }
    app.run(&["deploy", "v1"]).expect_code(0);
    (app, port)
}

/// A service that is replaced when the new containers of `web` serve already. On the network of `web` it could be
/// given the address that an old container of `web` has just left, and answer in its place.
const AFTER: &str = r#"
  after:
    image: ${REGISTRY}/test/web:${AFTER_TAG}
    network_mode: none
    healthcheck: {test: ["CMD", "/web", "health"], interval: 500ms, timeout: 3s, retries: 3}
    depends_on: {web: {condition: service_healthy}}

"#;

/// A deploy, one that fails and unwinds, and a rollback, under load: not one request fails.
fn loses_nothing(app: &App, port: u16) {
    let load = Load::on(port, 100);
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["deploy", "v3", "--set", "AFTER_TAG=unhealthy"])
        .expect_code(8);
    app.run(&["rollback"]).expect_code(0);
    let seen = load.end();
    seen.none_failed();
    assert!(seen.sent() > 500, "only {} requests", seen.sent());
    assert_eq!(seen.versions(), ["v1", "v2", "v3"]);
    seen.each_post_arrived_once(&app.read("record/posts"));
}

#[test]
fn nginx_loses_no_request() {
    let (app, port) = behind("nginx");
    loses_nothing(&app, port);
}

/// It listens from its start, and answers 503 until it has booted: nginx would not repeat a POST then.
#[test]
fn a_network_of_the_proxys_own_keeps_requests_from_an_application_that_listens_too_early() {
    let (app, port) = behind_changed("nginx", |stack| {
        stack
            .replace("BOOT_MS: \"1000\"", "BOOT_MS: \"1500\", EAGER: \"1\"")
            .replace("  proxy:\n", "  proxy:\n    networks: [edge]\n")
            .replace(
                "    deploy:\n",
                "    networks: [default, edge]\n    x-deployctl: {proxy_network: edge}\n    deploy:\n",
            )
            + "\nnetworks: {edge: {}}\n"
    });
    let load = Load::on(port, 100);
    app.run(&["deploy", "v2"]).expect_code(0);
    app.run(&["deploy", "unhealthy"]).expect_code(8);
    app.run(&["rollback"]).expect_code(0);
    let seen = load.end();
    seen.none_failed();
    assert_eq!(
        seen.versions(),
        ["v1", "v2"],
        "what is not healthy is not asked"
    );
    seen.each_post_arrived_once(&app.read("record/posts"));
    let before = app.world();
    let up = compose(app.directory.path(), &["up", "-d"]);
    assert_eq!(app.world(), before, "{}", up.err);
}

#[test]
fn caddy_loses_no_request() {
    let (app, port) = behind("caddy");
    loses_nothing(&app, port);
}

#[test]
fn haproxy_loses_no_request() {
    let (app, port) = behind("haproxy");
    loses_nothing(&app, port);
}

#[test]
fn caddy_on_the_host_loses_no_request_over_a_published_range() {
    let (app, port) = behind("caddy-host");
    let mut command = Command::new("caddy");
    command
        .args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
        .current_dir(app.directory.path())
        .env("HOME", app.directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for name in ["HTTP_PORT", "WEB_PORT_1", "WEB_PORT_2"] {
        command.env(name, app.variable(name));
    }
    let caddy = Ended(
        command
            .spawn()
            .expect("caddy: run scripts/images proxies first"),
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "Caddy did not come up");
        std::thread::yield_now();
    }
    loses_nothing(&app, port);
    drop(caddy);
}

/// A process of a test, which ends with it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn world_writable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(path, mode).expect("a mode");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Two free ports side by side.
fn two_ports() -> (u16, u16) {
    loop {
        let first = free_port();
        if TcpListener::bind(("127.0.0.1", first)).is_ok()
            && first < u16::MAX
            && TcpListener::bind(("127.0.0.1", first + 1)).is_ok()
        {
            return (first, first + 1);
        }
    }
}
