//! `exec`, `run` and aliases.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::BOX;
use crate::app::{App, docker, signal};

/// Every byte there is, many times: more than any buffer on the way.
fn bytes() -> Vec<u8> {
    (0..=255_u8).cycle().take(1 << 20).collect()
}

fn fed(app: &App, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = app
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || {
        stdin.write_all(&input).expect("taken");
    });
    let output = child.wait_with_output().expect("an end");
    feeding.join().expect("fed");
    output
}

#[test]
fn exec_hands_bytes_streams_and_exit_codes_on() {
    let app = App::running(BOX, "v1");
    let there_and_back = fed(&app, &["exec", "db", "cat"], &bytes());
    assert!(there_and_back.status.success(), "{there_and_back:?}");
    assert!(
        there_and_back.stdout == bytes(),
        "bytes are lost or changed"
    );
    let into = fed(
        &app,
        &["exec", "db", "sh", "-c", "cat > /data/dump"],
        &bytes(),
    );
    assert!(into.status.success(), "{into:?}");
    let from = app.command(&["exec", "db", "cat", "/data/dump"]).output();
    assert!(from.expect("the binary").stdout == bytes());

    let both = app.run(&["exec", "api", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    let both = both.expect_code(7);
    assert_eq!((both.out.as_str(), both.err.as_str()), ("out\n", "err\n"));
    // Engines differ: 126 up to 20.10, 127 later.
    let missing = app.run(&["exec", "api", "no-such-program"]);
    assert!([126, 127].contains(&missing.code), "{}", missing.code);

    let said = app.run(&[
        "exec",
        "-e",
        "WHO=me",
        "-u",
        "123",
        "-w",
        "/data",
        "db",
        "sh",
        "-c",
        "echo $WHO $(id -u) $PWD",
    ]);
    assert_eq!(said.expect_code(0).out, "me 123 /data\n");
    // Flags behind the command are the command's own.
    assert_eq!(
        app.run(&["exec", "api", "echo", "-e", "--json"])
            .expect_code(0)
            .out,
        "--json\n"
    );
}

#[test]
fn exec_says_which_containers_there_are() {
    let app = App::running(
        &BOX.replace(
            "    environment: {MODE",
            "    scale: 2\n    environment: {MODE",
        ),
        "v1",
    );
    let host = |index: &str| {
        app.run(&["exec", "--index", index, "api", "hostname"])
            .expect_code(0)
            .out
    };
    assert_ne!(host("1"), host("2"));
    app.run(&["exec", "--index", "3", "api", "true"])
        .expect_code(2)
        .says("has no running container 3")
        .says("give `--index` one of: 1, 2");
    app.run(&["exec", "web", "true"])
        .expect_code(2)
        .says("the services are: api, db");
    app.run(&["exec", "migrate", "true"])
        .expect_code(4)
        .says("service `migrate` does not run")
        .says("deployctl run --rm migrate");
}

#[test]
fn exec_gives_a_person_a_terminal() {
    let app = App::running(BOX, "v1");
    let binary = env!("CARGO_BIN_EXE_deployctl");
    // `script` has a terminal at both ends of the binary.
    let typed = |arguments: &str| {
        let output = Command::new("script")
            .args([
                "-qec",
                &format!("stty rows 31 cols 97; {binary} exec {arguments}"),
                "/dev/null",
            ])
            .current_dir(app.directory.path())
            .stdin(Stdio::null())
            .output()
            .expect("script");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (code, said) = typed("api sh -c 'test -t 0 && test -t 1 && echo a terminal; exit 5'");
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("a terminal"), "{said}");
    // The size comes a moment after the start: the command waits for it, not for a time.
    let (_, said) = typed("api sh -c 'until stty size | grep 97; do :; done'");
    assert!(said.contains("31 97"), "{said}");
    let (_, said) = typed("-T api sh -c 'test -t 1 || echo no terminal'");
    assert!(said.contains("no terminal"), "{said}");
}

#[test]
fn exec_ends_when_its_reader_goes_or_somebody_interrupts() {
    let app = App::running(BOX, "v1");
    let mut child = app
        .command(&["exec", "api", "yes"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("an end").code(), Some(141));
    let mut child = app
        .command(&["exec", "api", "sh", "-c", "echo ready; sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut line = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().expect("output"), &mut line).expect("ready");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
}

#[test]
fn what_a_command_says_is_never_cut_without_a_word() {
    let app = App::running(BOX, "v1");
    let lines = "yes 'a row' | head -n 100000";
    let mut child = app
        .command(&["exec", "db", "sh", "-c", lines])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut output = child.stdout.take().expect("output");
    let mut text = vec![0; 100];
    std::io::Read::read_exact(&mut output, &mut text).expect("the beginning");
    // Longer than the reader of mere progress is waited for.
    std::thread::sleep(std::time::Duration::from_secs(3));
    std::io::Read::read_to_end(&mut output, &mut text).expect("the rest");
    assert_eq!(text.len(), 600_000);
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    // The command has ended, all of its output fits in between, and nobody wants the rest.
    let mut child = app
        .command(&["exec", "db", "sh", "-c", lines])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut output = child.stdout.take().expect("output");
    std::io::Read::read_exact(&mut output, &mut text[..100]).expect("the beginning");
    drop(output);
    assert_eq!(child.wait().expect("an end").code(), Some(141));
    let full = std::fs::File::options().write(true).open("/dev/full");
    let status = app
        .command(&["exec", "db", "sh", "-c", lines])
        .stdout(full.expect("/dev/full"))
        .status();
    assert_ne!(status.expect("the binary").code(), Some(0), "a full disk");
}

#[test]
fn run_makes_a_container_of_its_own_as_docker_compose_does() {
    let app = App::running(BOX, "v1");
    let before = app.serves();
    let ran = app.run(&[
        "run",
        "--rm",
        "-e",
        "MODE=test",
        "api",
        "sh",
        "-c",
        "echo $MODE $VERSION; exit 3",
    ]);
    assert_eq!(ran.expect_code(3).out, "test v1\n");
    assert_eq!(app.serves(), before, "--rm leaves nothing");
    let there_and_back = fed(&app, &["run", "--rm", "-T", "db", "cat"], &bytes());
    assert!(
        there_and_back.stdout == bytes(),
        "{:?}",
        there_and_back.status
    );
    assert_eq!(
        app.run(&["run", "--rm", "--entrypoint", "echo 'a b'", "api", "c"])
            .expect_code(0)
            .out,
        "a b c\n"
    );
    // A job of a profile, with its own command; what it leaves is a one-off of docker compose.
    app.run(&["run", "--name", &format!("{}-kept", app.project), "migrate"])
        .expect_code(0)
        .says("migrating");
    let labels = docker(&[
        "inspect",
        "--format",
        "{{json .Config.Labels}}",
        &format!("{}-kept", app.project),
    ]);
    let labels: serde_json::Value = serde_json::from_str(&labels).expect("JSON");
    assert_eq!(labels["com.docker.compose.oneoff"], "True");
    assert_eq!(labels["com.docker.compose.service"], "migrate");
    assert!(labels.get("io.deployctl.job").is_none());
    app.run(&["plan", "--exit-code"]).expect_code(0);
}

#[test]
fn run_asks_for_what_its_service_depends_on() {
    let app = App::running(BOX, "v1");
    app.run(&["stop", "db"]).expect_code(0);
    app.run(&["run", "--rm", "api", "true"])
        .expect_code(4)
        .says("what it depends on does not run: db")
        .says("deployctl start db")
        .says("--no-deps");
    app.run(&["run", "--rm", "--no-deps", "api", "true"])
        .expect_code(0);
}

#[test]
fn an_alias_stands_for_its_words() {
    let app = App::running(BOX, "v1");
    assert_eq!(
        app.run(&["console", "echo $MODE"]).expect_code(0).out,
        "production\n"
    );
    let elsewhere = app
        .command(&[
            "-C",
            &app.directory.path().display().to_string(),
            "console",
            "exit 9",
        ])
        .current_dir("/")
        .output()
        .expect("the binary");
    assert_eq!(elsewhere.status.code(), Some(9));
    app.run(&["broken"])
        .expect_code(2)
        .says("alias `broken` stands for `frobnicate api`, which is no command")
        .says("an alias begins with a command of deployctl");
    app.run(&["depoly", "v1"])
        .expect_code(2)
        .says("did you mean `deploy`?");
    app.run(&["frobnicate"])
        .expect_code(2)
        .says("deployctl --help");
    app.write(
        "compose.prod.yml",
        "services: {a: {image: b}}\nx-deployctl: {aliases: [exec]}\n",
    );
    app.run(&["console"])
        .expect_code(3)
        .says("write it like `aliases: {console: exec api bin/console}`");
    app.write(
        "compose.prod.yml",
        "services: {a: {image: b}}\nx-deployctl: {aliases: {c: \"exec a 'b\"}}\n",
    );
    app.run(&["c"])
        .expect_code(2)
        .says("a quote or bracket stays open");
}
