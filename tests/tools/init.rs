//! `init`, completions and the manual page.

use std::process::{Command, Stdio};

use crate::app::{App, Ran};

fn run(directory: &std::path::Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_deployctl"))
        .current_dir(directory)
        .args(arguments)
        .env_remove("COMPOSE_FILE")
        .stdin(Stdio::null())
        .output();
    Ran::from(output.expect("the binary"))
}

#[test]
fn init_writes_files_that_can_be_deployed_and_never_over_others() {
    let app = App::new("");
    let directory = app.directory.path();
    std::fs::remove_file(app.path("compose.prod.yml")).expect("removed");
    let env = app.read(".env.prod");
    app.run(&[
        "init",
        "--image",
        "127.0.0.1:5000/test/box",
        "--port",
        "8080",
    ])
    .expect_code(0)
    .says("written  compose.prod.yml")
    .says("kept     .env.prod (it was there)")
    .says("written  .github/workflows/deploy.yml");
    assert_eq!(app.read(".env.prod"), env);
    app.run(&["init", "--json"])
        .expect_code(0)
        .says("\"written\":[]");
    // Nothing is deployed while a value is missing, and the message names it.
    app.run(&["check"]).expect_code(3).says("SECRET_KEY");
    app.set("SECRET_KEY", "x");
    app.write(
        "compose.prod.yml",
        &app.read("compose.prod.yml")
            .replace(
                "\"wget\", \"-qO-\", \"http://127.0.0.1:8080/up\"",
                "\"true\"",
            )
            .replace("interval: 5s", "interval: 500ms")
            .replace("[\"127.0.0.1:8080:8080\"]", "[]"),
    );
    app.run(&["deploy", "v1"]).expect_code(0).says("migrate");
    let script = Command::new("sh")
        .args(["-n", "deploy.sh"])
        .current_dir(directory)
        .status();
    assert!(script.expect("sh").success());
    app.run(&["init", "--image", "a b"])
        .expect_code(2)
        .says("deployctl init --image");
}

const KAMAL: &str = r#"
service: shop
image: acme/shop
servers:
  web:
    hosts: [192.0.2.1]
    options: {memory: 500m, gpus: all}
  job:
    hosts: [192.0.2.1, 192.0.2.2]
    cmd: bin/jobs
proxy: {ssl: true, host: shop.example, app_port: 3000, healthcheck: {path: /health, interval: 2}}
registry: {server: ghcr.io, username: acme, password: [KAMAL_REGISTRY_PASSWORD]}
env:
  clear: {RAILS_ENV: production, PRICE: "$5"}
  secret: [RAILS_MASTER_KEY]
volumes: ["storage:/rails/storage"]
asset_path: /rails/public/assets
aliases:
  console: app exec -i --reuse "bin/rails console"
  uptime: server exec uptime
builder: {arch: amd64}
accessories:
  db:
    image: postgres:17
    host: 192.0.2.1
    port: 5432
    env: {secret: [POSTGRES_PASSWORD]}
    directories: ["data:/var/lib/postgresql/data"]
retain_containers: 3
frobnicate: true
"#;

#[test]
fn a_kamal_file_becomes_a_compose_file_and_nothing_is_dropped_silently() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    std::fs::create_dir(path.join("config")).expect("a folder");
    std::fs::write(path.join("config/deploy.yml"), KAMAL).expect("written");
    let said = run(path, &["init", "--from-kamal", "config/deploy.yml"]).expect_code(0);
    let said = said
        .says("missing  servers: deployctl works on one host; let CI call it on each of: 192.0.2.1, 192.0.2.2")
        .says("missing  registry.username, registry.password: docker login ghcr.io")
        .says("missing  proxy.ssl")
        .says("missing  proxy.host")
        .says("missing  builder")
        .says("missing  aliases.uptime")
        .says("missing  web.options.gpus")
        .says("missing  accessories.db.directories")
        .says("missing  frobnicate: unknown here");
    drop(said);
    let config = run(
        path,
        &["--env-file", "/dev/null", "config", "--format", "json"],
    );
    config.expect_code(3).says("RAILS_MASTER_KEY");
    let env = std::fs::read_to_string(path.join(".env.prod")).expect("an env file");
    assert_eq!(
        env.lines().skip(1).collect::<Vec<_>>(),
        ["IMAGE_TAG=", "RAILS_MASTER_KEY=", "POSTGRES_PASSWORD="]
    );
    let filled = env.replace("=\n", "=x\n");
    std::fs::write(path.join(".env.prod"), filled).expect("written");
    let config = run(path, &["config", "--format", "json"]).expect_code(0);
    let model: serde_json::Value = serde_json::from_str(&config.out).expect("JSON");
    assert_eq!(model["name"], "shop");
    let web = &model["services"]["web"];
    assert_eq!(web["image"], "ghcr.io/acme/shop:x");
    assert_eq!(
        web["environment"]["PRICE"], "$$5",
        "a dollar of Kamal's is a dollar"
    );
    assert_eq!(web["environment"]["RAILS_MASTER_KEY"], "x");
    assert_eq!(web["ports"][0]["published"], "3000");
    assert_eq!(
        web["healthcheck"]["test"][5],
        "http://127.0.0.1:3000/health"
    );
    let text = std::fs::read_to_string(path.join("compose.prod.yml")).expect("a Compose file");
    assert!(text.contains("path: /rails/public/assets"), "{text}");
    assert_eq!(web["volumes"][0]["source"], "storage");
    assert_eq!(
        model["services"]["job"]["command"],
        serde_json::json!(["bin/jobs"])
    );
    assert_eq!(model["services"]["db"]["volumes"][0]["source"], "db-data");
    assert_eq!(model["x-deployctl"]["keep_releases"], 3);
    assert_eq!(
        model["x-deployctl"]["aliases"]["console"],
        "exec web bin/rails console"
    );
    std::fs::write(path.join("bad.yml"), "image: [").expect("written");
    run(path, &["init", "--from-kamal", "bad.yml"])
        .expect_code(3)
        .says("line 1");
    run(path, &["init", "--from-kamal", "none.yml"])
        .expect_code(2)
        .says("cannot read");
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let directory = tempfile::tempdir().expect("a directory");
    for (shell, program) in [("bash", Some("bash")), ("zsh", None), ("fish", None)] {
        let script = run(directory.path(), &["completions", shell])
            .expect_code(0)
            .out;
        for word in [
            "deploy",
            "rollback",
            "exec",
            "wait-lock",
            "across-migration",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        assert!(
            !script.contains("compatibility"),
            "hidden flags stay hidden"
        );
        // Read by the shell itself where it is installed; bash always is.
        let program = program.or_else(|| {
            Command::new(shell)
                .arg("--version")
                .output()
                .is_ok()
                .then_some(shell)
        });
        if let Some(program) = program {
            let path = directory.path().join(shell);
            std::fs::write(&path, &script).expect("written");
            let read = Command::new(program)
                .arg("-n")
                .arg(&path)
                .output()
                .expect("the shell");
            assert!(
                read.status.success(),
                "{shell}: {}",
                String::from_utf8_lossy(&read.stderr)
            );
        }
    }
    let completed = Command::new("bash")
        .arg("-c")
        .arg("source ./bash; COMP_WORDS=(deployctl rollback --acr); COMP_CWORD=2; _deployctl; echo ${COMPREPLY[@]}; COMP_WORDS=(deployctl ro); COMP_CWORD=1; _deployctl; echo ${COMPREPLY[@]}")
        .current_dir(directory.path())
        .output()
        .expect("bash");
    assert_eq!(
        String::from_utf8_lossy(&completed.stdout),
        "--across-migration\nrollback\n"
    );
}

#[test]
fn the_manual_page_names_every_command_and_exit_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let page = run(directory.path(), &["man"]).expect_code(0).out;
    for command in deployctl::cli::command_names() {
        assert!(page.contains(&format!(".SS {command}")), "{command}");
    }
    for row in deployctl::error::EXIT_CODES {
        assert!(page.contains(&format!(".B {}\n", row.code)), "{}", row.code);
    }
    assert!(page.starts_with(".TH DEPLOYCTL 1"));
}

#[test]
fn every_command_has_help_with_an_example() {
    let directory = tempfile::tempdir().expect("a directory");
    for command in deployctl::cli::command_names() {
        let help = run(directory.path(), &[&command, "--help"])
            .expect_code(0)
            .out;
        assert!(help.contains("Example"), "{command}: {help}");
    }
}
