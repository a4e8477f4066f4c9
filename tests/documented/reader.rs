//! Somebody who reads a page and types what it says, in an app directory with a shell.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use deployctl::cli;

use crate::app::{App, Ran, signal};
use crate::code::{CommandLine, calls, command_lines};
use crate::exceptions::{Exception, given};

/// The services that pages speak of, all of them on one tag but the database. A page's project has `api` and those that
/// its lines name: what no line needs would only take time.
const SERVICES: [(&[&str], &str); 4] = [
    (
        &["api"],
        r#"
  api:
    <<: *app
    scale: ${API_SCALE:-1}
    environment: {LOG_LEVEL: "${LOG_LEVEL}"}
    healthcheck: {test: [CMD, "true"], interval: 300ms, retries: 2}"#,
    ),
    (&["web"], "\n  web: *app"),
    (&["worker"], "\n  worker: *app"),
    (
        &["db", "psql"],
        "\n  db: {<<: *app, image: '127.0.0.1:5000/test/docs:first'}",
    ),
];

const APP: &str = r#"
x-app: &app
  image: 127.0.0.1:5000/test/docs:${IMAGE_TAG}
  command: [sh, -c, "echo serving $$VERSION; trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"]
  restart: unless-stopped
  stop_grace_period: 2s
  deploy: {update_config: {monitor: 1ms}}
services:"#;

/// Jobs, and what else a page's lines speak of.
const PARTS: [(&[&str], &str); 4] = [
    (
        &["migrate"],
        r#"
  migrate:
    image: 127.0.0.1:5000/test/docs:${IMAGE_TAG}
    command: [alembic, upgrade, head]
    environment: {SCHEMA: "${SCHEMA:-1}"}
    volumes: ["data:/data"]
    profiles: [migrate]"#,
    ),
    (
        &["--across-migration"],
        r#"
  backup:
    image: 127.0.0.1:5000/test/docs:first
    command: [echo, backup=/backups/shop.dump]
    profiles: [backup]
  smoke:
    image: 127.0.0.1:5000/test/docs:${IMAGE_TAG}
    command: ["true"]
    profiles: [smoke]
x-deployctl:
  schema: [alembic, current]"#,
    ),
    (
        &["console"],
        r"
x-deployctl:
  aliases:
    console: exec api bin/console
    psql: exec db psql -U shop",
    ),
    (&[""], "\nvolumes: {data: {}}\n"),
];

/// What stands in the place of ssh: the host is this directory, its user's home the one with `app` in it.
const SSH: &str = r#"#!/bin/sh
while case $1 in -*) true ;; *) false ;; esac; do shift 2; done
shift
cd
if [ -n "$THROUGH_THE_GATE" ]; then SSH_ORIGINAL_COMMAND=$* exec deployctl -C app gate; fi
exec sh -c "$*"
"#;

pub(crate) struct Reader {
    app: App,
    home: tempfile::TempDir,
    /// Takes the project of `.env.staging` away in the end.
    staging: App,
}

impl Reader {
    /// Somebody before the first of these lines of a page, with what the page takes for granted.
    pub(crate) fn of(page: &str, lines: &[CommandLine]) -> Self {
        let typed: Vec<&str> = lines
            .iter()
            .flat_map(|line| line.text.split([' ', '\'']))
            .chain(["api"])
            .collect();
        let names = |words: &[&str]| words.iter().any(|w| typed.iter().any(|t| t.starts_with(w)));
        let parts = SERVICES.iter().chain(&PARTS);
        let parts: String = parts.filter(|(w, _)| names(w)).map(|(_, p)| *p).collect();
        let reader = Self {
            app: App::new(&format!("{APP}{parts}")),
            home: tempfile::tempdir().expect("a home"),
            staging: App::new(""),
        };
        let staging = reader.staging.read(".env.prod");
        reader.app.write(".env.staging", &staging);
        let binary = env!("CARGO_BIN_EXE_deployctl");
        let bin = reader.home.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        std::fs::write(bin.join("ssh"), SSH).expect("written");
        std::fs::set_permissions(bin.join("ssh"), PermissionsExt::from_mode(0o755)).expect("chmod");
        symlink(binary, bin.join("deployctl")).expect("a link");
        symlink(binary, reader.app.path("deployctl")).expect("a link");
        symlink(reader.app.directory.path(), reader.home.path().join("app")).expect("a link");
        for line in given(page) {
            reader.shell(line).expect_code(0);
        }
        reader
    }

    /// Types a line; an error says what came instead of what the page says.
    pub(crate) fn types(&self, line: &str, exception: Option<&Exception>) -> Result<(), String> {
        let follows = calls(line).first().is_some_and(|words| {
            let words = ["deployctl".to_owned()].into_iter().chain(words.clone());
            cli::parse(&words.collect::<Vec<_>>()).is_ok_and(|cli| match cli.command {
                cli::Command::Logs(a) => a.follow,
                cli::Command::Status(a) => a.watch,
                _ => false,
            })
        });
        if follows {
            return self.follows(line);
        }
        let (typed, code) = match exception {
            None => (line.to_owned(), 0),
            Some(e) => (e.typed.replace("LINE", line), e.code),
        };
        let ran = self.shell(&typed);
        if ran.code == code {
            return Ok(());
        }
        Err(format!(
            "ended with {} and not with {code}\nstdout:\n{}\nstderr:\n{}",
            ran.code, ran.out, ran.err
        ))
    }

    /// Waits for the first line of what goes on for ever, and interrupts it.
    fn follows(&self, line: &str) -> Result<(), String> {
        let mut child = self
            .bash(&format!("exec {line}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a shell");
        let mut said = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        output.read_line(&mut said).expect("a line");
        signal(&child, "INT");
        std::io::copy(&mut output, &mut std::io::sink()).expect("the rest");
        match child.wait().expect("an end").code() {
            Some(0) if !said.is_empty() => Ok(()),
            code => Err(format!("said `{said}` and ended with {code:?}")),
        }
    }

    pub(crate) fn shell(&self, script: &str) -> Ran {
        Ran::from(self.bash(script).output().expect("a shell"))
    }

    /// Bash in the app directory; what does not end is killed.
    fn bash(&self, script: &str) -> Command {
        let directory = self.app.directory.path().display().to_string();
        let script = script.replace("/srv/app", &directory);
        let limit = ["timeout", "--foreground", "--signal=KILL", "60"];
        let shell = ["bash", "-o", "pipefail", "-c", &script];
        // The binary's path becomes `$0`, which no line asks for.
        let mut command = self.app.under(&[limit.as_slice(), &shell].concat(), &[]);
        let home = self.home.path().display();
        let path = std::env::var("PATH").expect("a path");
        command
            .env("HOME", home.to_string())
            .env("PATH", format!("{home}/bin:{path}"))
            .env("TOKEN", "a-password");
        command
    }

    /// The examples of `--help`, of every command: those that release, those that look, and the tools around them.
    pub(crate) fn helps() -> [Vec<CommandLine>; 3] {
        let names = cli::command_names().into_iter().map(|name| vec![name]);
        let deeper = ["show", "diff"].map(|action| vec!["history".to_owned(), action.to_owned()]);
        let mut pages = ["--help", "--help of what looks", "--help of the tools"]
            .map(|page| (page, Vec::new()));
        for words in std::iter::once(Vec::new()).chain(names).chain(deeper) {
            let mut command = Command::new(env!("CARGO_BIN_EXE_deployctl"));
            let help = Ran::from(command.args(&words).arg("--help").output().expect("help"));
            let (_, examples) = help.out.split_once("Examples").expect("examples");
            let (page, lines) = match words.first().map_or("", String::as_str) {
                "" | "deploy" | "rollback" | "history" | "recover" => &mut pages[0],
                "status" | "logs" | "plan" | "check" | "adopt" | "attach" | "config" => {
                    &mut pages[1]
                }
                _ => &mut pages[2],
            };
            lines.extend(command_lines(page, &examples.replace("\n  ", "\n    ")));
        }
        pages.map(|(_, lines)| lines)
    }
}
