//! Bad input: one clear error with the right exit code, and nothing is changed.

#[path = "e2e/app.rs"]
#[expect(dead_code, reason = "shared with the other tests of the binary")]
mod app;

use app::{App, ONE, SHOP, docker};

#[test]
fn tags_that_are_none_are_refused_before_anything_else() {
    let app = App::new(ONE);
    let env = app.read(".env.prod");
    for tag in ["a b", "../x", ";rm", "sha-v2&x", "feature/x", "-x"] {
        app.run(&["deploy", "--", tag])
            .expect_code(2)
            .says("no valid image tag");
    }
    assert_eq!(app.read(".env.prod"), env);
    assert!(!app.path(".deploy.lock").exists());
}

#[test]
fn a_project_that_cannot_be_found_or_read_says_where() {
    let app = App::new(ONE);
    std::fs::remove_file(app.path("compose.prod.yml")).expect("removed");
    app.run(&["deploy", "v1"])
        .expect_code(3)
        .says("no Compose file found")
        .says("hint:");
    app.write("compose.yml", ONE);
    app.write("compose.yaml", ONE);
    app.run(&["-f", "nowhere.yml", "deploy", "v1"])
        .expect_code(3)
        .says("nowhere.yml");
    app.write("compose.prod.yml", "services:\n  api:\n    image: [x\n");
    app.run(&["deploy", "v1"])
        .expect_code(3)
        .says("compose.prod.yml");
    app.write(
        "compose.prod.yml",
        "services:\n  api:\n    image: x:${IMAGE_TAG}\n    prots: [80]\n",
    );
    app.run(&["deploy", "v1"])
        .expect_code(3)
        .says("prots")
        .says("ports")
        .says("compose.prod.yml:4");
    app.write("compose.prod.yml", "services:\n  api:\n    image: x:${IMAGE_TAG}\n    environment: {A: \"${MISSING:?set it}\"}\n");
    app.run(&["deploy", "v1"])
        .expect_code(3)
        .says("MISSING")
        .says("set it");
}

#[test]
fn two_candidates_of_one_rank_are_refused() {
    let app = App::new(ONE);
    app.write("compose.production.yml", ONE);
    app.run(&["deploy", "v1"]).expect_code(0);
    std::fs::remove_file(app.path("compose.prod.yml")).expect("removed");
    std::fs::remove_file(app.path("compose.production.yml")).expect("removed");
    app.run(&["plan"])
        .expect_code(3)
        .says("no Compose file found");
}

#[test]
fn services_and_variables_that_are_not_there_are_named() {
    let app = App::new(SHOP);
    app.run(&["deploy", "v1", "--service", "apii"])
        .expect_code(2);
    app.run(&["deploy", "--service", "apii"])
        .expect_code(2)
        .says("no service `apii`")
        .says("api");
    app.run(&["deploy", "v1", "--service", "api"])
        .expect_code(2)
        .says("would be left behind");
    app.run(&["logs", "apii"])
        .expect_code(2)
        .says("no service `apii`");
    app.write(
        "compose.prod.yml",
        "services:\n  api:\n    image: x:1\n    environment: {L: \"${LOG_LEVEL}\"}\n",
    );
    app.run(&["deploy", "v1"]).expect_code(2).says("LOG_LEVEL");
    app.run(&["deploy", "--set", "A B=c"]).expect_code(2);
}

#[test]
fn env_files_are_read_as_docker_compose_reads_them() {
    let app = App::new(ONE);
    app.run(&["deploy", "v1", "--env-file", "missing.env"])
        .expect_code(3)
        .says("missing.env");
    app.run(&["deploy", "v1", "--env-file", "."]).expect_code(3);
    let settings = format!(
        "COMPOSE_PROJECT_NAME={}\r\nexport IMAGE_TAG=\"v9\" # the tag\r\nLOG_LEVEL=info",
        app.project
    );
    app.write(".env.prod", &format!("\u{feff}{settings}"));
    app.run(&["deploy", "v1"]).expect_code(0);
    let expected = format!("\u{feff}{}", settings.replace("v9", "v1"));
    assert_eq!(
        app.read(".env.prod"),
        expected,
        "CRLF, BOM, quotes, comment and the missing last line end stay"
    );
    std::fs::rename(app.path(".env.prod"), app.path("real.env")).expect("renamed");
    std::os::unix::fs::symlink("real.env", app.path(".env.prod")).expect("a link");
    app.run(&["deploy", "v2"]).expect_code(0);
    assert!(app.path(".env.prod").is_symlink());
    assert!(
        app.read("real.env")
            .contains("export IMAGE_TAG=\"v2\" # the tag\r\n")
    );
    app.write("real.env", "IMAGE_TAG='open\n");
    app.run(&["deploy", "v2"]).expect_code(3);
}

#[test]
fn an_engine_that_is_away_or_refuses_is_a_failed_check() {
    let app = App::new(ONE);
    let with_host = |host: &str| {
        app::Ran::from(
            app.command(&["deploy", "v1"])
                .env("DOCKER_HOST", host)
                .output()
                .expect("the binary"),
        )
    };
    with_host("unix:///nowhere/docker.sock")
        .expect_code(4)
        .says("/nowhere/docker.sock")
        .says("hint:");
    let refused = app.path("refused.sock");
    drop(std::os::unix::net::UnixListener::bind(&refused).expect("a socket"));
    with_host(&format!("unix://{}", refused.display()))
        .expect_code(4)
        .says("refused.sock");
    with_host("ssh://somewhere").expect_code(4);
}

#[test]
fn an_engine_that_is_too_old_is_refused() {
    use std::io::{Read as _, Write as _};
    let app = App::new(ONE);
    let path = app.path("old.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let engine = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0_u8; 1024];
        let _ = stream.read(&mut request);
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nApi-Version: 1.39\r\nServer: Docker/18.09.1 (linux)\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
        );
    });
    let host = format!("unix://{}", path.display());
    let ran = app::Ran::from(
        app.command(&["deploy", "v1"])
            .env("DOCKER_HOST", host)
            .output()
            .expect("the binary"),
    );
    ran.expect_code(4).says("18.09.1").says("too old");
    engine.join().expect("the engine");
}

#[test]
fn what_a_check_finds_ends_before_anything_is_pulled_or_touched() {
    let app = App::running(ONE, "v1");
    let before = app.world();
    app.write(
        "compose.prod.yml",
        &format!(
            "{ONE}    networks: [edge]\nnetworks: {{edge: {{external: true, name: {}-edge}}}}\n",
            app.project
        ),
    );
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says(&format!("docker network create {}-edge", app.project));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    app.write(
        "compose.prod.yml",
        &format!("{ONE}    ports: [\"127.0.0.1:{port}:8080\"]\n"),
    );
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says(&format!("port {port}/tcp"))
        .says("taken");
    app.write(
        "compose.prod.yml",
        &format!("{ONE}    secrets: [key]\nsecrets: {{key: {{file: ./nowhere.txt}}}}\n"),
    );
    app.run(&["deploy", "v2"])
        .expect_code(4)
        .says("nowhere.txt");
    assert_eq!(app.world(), before);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
}

#[test]
fn an_image_that_cannot_be_had_leaves_everything_as_it_is() {
    let app = App::running(ONE, "v1");
    let before = app.world();
    app.run(&["deploy", "v404"])
        .expect_code(6)
        .says("no image `127.0.0.1:5000/test/tiny:v404`");
    app.write(
        "compose.prod.yml",
        &ONE.replace("127.0.0.1:5000", "127.0.0.1:1"),
    );
    app.run(&["deploy", "v2"])
        .expect_code(6)
        .says("out of reach");
    assert_eq!(app.world(), before);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
}

#[test]
fn a_container_of_a_stranger_keeps_its_name() {
    let app = App::new(ONE);
    let name = format!("{}-api-1", app.project);
    docker(&["create", "--name", &name, "127.0.0.1:5000/test/tiny:v1"]);
    let ran = app.run(&["deploy", "v1"]);
    docker(&["rm", &name]);
    ran.expect_code(4)
        .says(&format!("the container name `{name}` is taken"));
}

#[test]
fn a_disk_that_is_full_for_the_journal_touches_nothing() {
    let app = App::running(ONE, "v1");
    let before = app.world();
    let state = app.path(".deployctl");
    std::fs::remove_dir_all(&state).expect("removed");
    std::fs::create_dir(&state).expect("made");
    let mount = |arguments: &[&str]| {
        std::process::Command::new(arguments[0])
            .args(&arguments[1..])
            .arg(&state)
            .status()
            .expect("mount")
    };
    assert!(
        mount(&["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs"]).success(),
        "these tests run as root"
    );
    std::fs::write(state.join("fill"), vec![0_u8; 60 * 1024]).expect("filled");
    let ran = app.run(&["deploy", "v2"]);
    assert!(mount(&["umount"]).success());
    ran.expect_code(4).says("full");
    assert_eq!(app.world(), before);
    assert_eq!(app.variable("IMAGE_TAG"), "v1");
}
