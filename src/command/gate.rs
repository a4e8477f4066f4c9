//! `gate`: the forced command of an SSH key. A few commands on this directory, and nothing else.
//!
//! No shell reads what the other side asks for; what is allowed is run by this very binary, with an
//! environment that the other side had no hand in.

mod words;

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use super::app::App;
use crate::cli::{self, Cli, Command, GateArguments, Globals};
use crate::error::{Error, ErrorKind};
use words::{Token, tokens};

/// Always allowed.
const COMMANDS: [&str; 3] = ["deploy", "rollback", "status"];
/// Variables that come through: who calls, from where, and how the output looks. What the Compose files
/// interpolate, what names an engine (`DOCKER_*`), files (`COMPOSE_*`) or programs (`PATH`) does not.
const VARIABLES: [&str; 9] = [
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TERM",
    "TZ",
    "CI",
    "NO_COLOR",
    "XDG_RUNTIME_DIR",
];
const PREFIXES: [&str; 3] = ["SSH_", "LC_", "GITHUB_"];
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Judges `SSH_ORIGINAL_COMMAND`, and becomes what it asks for.
pub fn run(app: &App<'_>, arguments: &GateArguments) -> Result<u8, Error> {
    let directory = app.directory()?;
    let allowed = allowed(&arguments.allow)?;
    let Some(line) = app
        .environment
        .get("SSH_ORIGINAL_COMMAND")
        .filter(|l| !l.trim().is_empty())
    else {
        return Err(refuse("this key opens no shell", &allowed));
    };
    let home = app.environment.get("HOME").map(PathBuf::from);
    let words = judge(line, &directory, home.as_deref(), &allowed)?;
    let program = std::env::current_exe().map_err(|e| Error::new(ErrorKind::Internal, e))?;
    let kept = app.environment.iter().filter(|(name, _)| {
        VARIABLES.contains(&name.as_str()) || PREFIXES.iter().any(|p| name.starts_with(p))
    });
    let failed = std::process::Command::new(program)
        .env_clear()
        .envs(kept)
        .env_remove("SSH_ORIGINAL_COMMAND")
        .env("PATH", PATH)
        .args(own(app, &directory))
        .args(words)
        .exec();
    Err(Error::new(ErrorKind::Internal, failed))
}

/// The words behind the program's name, if all of them are allowed.
fn judge(
    line: &str,
    directory: &Path,
    home: Option<&Path>,
    allowed: &[String],
) -> Result<Vec<String>, Error> {
    let refuse = |reason: &str| refuse(reason, allowed);
    let tokens = tokens(line).map_err(|reason| refuse(&reason))?;
    let rest = match tokens.as_slice() {
        [Token::Word(cd), Token::Word(target), Token::And, rest @ ..] if cd == "cd" => {
            if !is_own(target, directory, home) {
                return Err(refuse(&format!(
                    "`cd {target}`: this key is for one directory only"
                )));
            }
            rest
        }
        all => all,
    };
    let mut words = Vec::new();
    for token in rest {
        match token {
            Token::Word(word) => words.push(word.clone()),
            Token::And => return Err(refuse("one command at a time")),
        }
    }
    let program = words.first().map(String::as_str).unwrap_or_default();
    if program != "deployctl" && program != "./deployctl" && !is_this_binary(Path::new(program)) {
        return Err(refuse(&format!("`{program}` is not deployctl")));
    }
    // Help and version are answered by the parser itself, and are nobody's secret.
    let parsed = cli::parse(&words).map_err(|message| refuse(&message))?;
    let name = command(&parsed.command);
    if !COMMANDS.contains(&name) && !allowed.iter().any(|a| a == name) {
        return Err(refuse(&format!("`{name}` is not allowed")));
    }
    if let Some(option) = options(&parsed)
        .into_iter()
        .find(|o| !allowed.iter().any(|a| a == o))
    {
        return Err(refuse(&format!("`--{option}` is not allowed")));
    }
    words.remove(0);
    Ok(words)
}

/// Names that `--allow` takes; a slip would otherwise open nothing, or be thought to.
fn allowed(names: &[String]) -> Result<Vec<String>, Error> {
    let options = OPTIONS.iter().map(|o| (*o).to_owned());
    let known: Vec<String> = cli::command_names()
        .into_iter()
        .filter(|name| name != "gate")
        .chain(options)
        .collect();
    for name in names {
        if !known.contains(name) {
            let error = Error::new(ErrorKind::Usage, format!("`--allow {name}` names nothing"));
            return Err(error.hint(format!("it takes: {}", known.join(", "))));
        }
    }
    Ok(names.to_vec())
}

/// Options that are refused unless they are listed.
const OPTIONS: [&str; 9] = [
    "file",
    "env",
    "env-file",
    "project-name",
    "profile",
    "project-directory",
    "directory",
    "set",
    "adopt",
];

/// Those of them that a command line has; `lock-fd` is never allowed.
fn options(cli: &Cli) -> Vec<&'static str> {
    let Globals {
        environment,
        env_files,
        project_name,
        profiles,
        project_directory,
        directory,
        lock_fd,
        adopt,
        ..
    } = &cli.globals;
    let set = match &cli.command {
        Command::Deploy(a) => !a.set.is_empty(),
        Command::Plan(a) => !a.set.is_empty(),
        _ => false,
    };
    let found = [
        ("file", !cli.compose_files().is_empty()),
        ("env", environment.is_some()),
        ("env-file", !env_files.is_empty()),
        ("project-name", project_name.is_some()),
        ("profile", !profiles.is_empty()),
        ("project-directory", project_directory.is_some()),
        ("directory", directory.is_some()),
        ("set", set),
        ("adopt", *adopt),
        ("lock-fd", lock_fd.is_some()),
    ];
    found
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
}

fn command(command: &Command) -> &'static str {
    match command {
        Command::Deploy(_) => "deploy",
        Command::Rollback(_) => "rollback",
        Command::Status(_) => "status",
        Command::Logs(_) => "logs",
        Command::Plan(_) => "plan",
        Command::Check(_) => "check",
        Command::Config(_) => "config",
        Command::History(_) => "history",
        Command::Recover => "recover",
        Command::Exec(_) => "exec",
        Command::Run(_) => "run",
        Command::Migrate(_) => "migrate",
        Command::Restart(_) => "restart",
        Command::Stop(_) => "stop",
        Command::Start(_) => "start",
        Command::Prune(_) => "prune",
        Command::Init(_) => "init",
        Command::Gate(_) => "gate",
        Command::Completions(_) => "completions",
        Command::Man => "man",
        Command::Adopt(_) => "adopt",
        Command::Attach(_) => "attach",
        Command::Alias(_) => "alias",
    }
}

fn is_own(target: &str, directory: &Path, home: Option<&Path>) -> bool {
    let path = match (target.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ if target == "~" => home.map(Path::to_owned).unwrap_or_default(),
        // sshd starts a forced command in the user's home.
        _ => home.unwrap_or(directory).join(target),
    };
    path.canonicalize()
        .is_ok_and(|path| directory.canonicalize().is_ok_and(|own| own == path))
}

fn is_this_binary(program: &Path) -> bool {
    let this = std::env::current_exe().and_then(|p| p.canonicalize());
    program.is_absolute()
        && program
            .canonicalize()
            .ok()
            .zip(this.ok())
            .is_some_and(|(a, b)| a == b)
}

/// What the gate itself was told: its directory and its files.
fn own(app: &App<'_>, directory: &Path) -> Vec<std::ffi::OsString> {
    let globals = app.globals;
    let mut words: Vec<std::ffi::OsString> = vec!["-C".into(), directory.into()];
    let mut add = |option: &str, value: &std::ffi::OsStr| {
        words.extend([option.into(), value.to_owned()]);
    };
    for file in &globals.files {
        add("-f", file.as_os_str());
    }
    for file in &globals.env_files {
        add("--env-file", file.as_os_str());
    }
    for profile in &globals.profiles {
        add("--profile", profile.as_ref());
    }
    if let Some(name) = &globals.environment {
        add("--env", name.as_ref());
    }
    if let Some(name) = &globals.project_name {
        add("-p", name.as_ref());
    }
    if let Some(path) = &globals.project_directory {
        add("--project-directory", path.as_os_str());
    }
    words
}

fn refuse(reason: &str, allowed: &[String]) -> Error {
    let commands: Vec<&str> = COMMANDS
        .into_iter()
        .chain(
            allowed
                .iter()
                .map(String::as_str)
                .filter(|a| !OPTIONS.contains(a)),
        )
        .collect();
    Error::new(ErrorKind::Usage, format!("refused: {reason}")).hint(format!(
        "this key may say: deployctl {}",
        commands.join(" | ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(line: &str, allowed: &[&str]) -> Result<Vec<String>, String> {
        let allowed: Vec<String> = allowed.iter().map(|a| (*a).to_owned()).collect();
        judge(line, Path::new("/tmp"), Some(Path::new("/")), &allowed).map_err(|e| e.to_string())
    }

    #[test]
    fn what_a_ci_job_says_is_allowed() {
        for (line, words) in [
            ("deployctl status", vec!["status"]),
            (
                "./deployctl deploy sha-abc123",
                vec!["deploy", "sha-abc123"],
            ),
            ("cd /tmp && ./deployctl deploy v1", vec!["deploy", "v1"]),
            ("cd tmp && deployctl rollback", vec!["rollback"]),
            ("cd ~/tmp &&  deployctl   rollback", vec!["rollback"]),
            (
                "deployctl deploy v1 --reason 'it is; fine' --wait-lock 5m",
                vec![
                    "deploy",
                    "v1",
                    "--reason",
                    "it is; fine",
                    "--wait-lock",
                    "5m",
                ],
            ),
            (
                "deployctl deploy v1 --reason \"run #7\"",
                vec!["deploy", "v1", "--reason", "run #7"],
            ),
        ] {
            assert_eq!(
                judged(line, &[]).as_deref(),
                Ok(words
                    .as_slice()
                    .iter()
                    .map(|w| (*w).to_owned())
                    .collect::<Vec<_>>()
                    .as_slice()),
                "{line}"
            );
        }
    }

    #[test]
    fn whatever_else_is_asked_for_is_refused() {
        for line in [
            "bash",
            "sh -c 'deployctl status'",
            "deployctl",
            "deployctl status; id",
            "deployctl status && id",
            "deployctl status & id",
            "deployctl status | sh",
            "deployctl status > /etc/passwd",
            "deployctl status < /etc/shadow",
            "deployctl deploy $(id)",
            "deployctl deploy `id`",
            "deployctl deploy \"$(id)\"",
            "deployctl deploy \"`id`\"",
            "deployctl deploy $IFS",
            "deployctl deploy {a,b}",
            "deployctl deploy v1\nid",
            "deployctl deploy v1\rid",
            "deployctl deploy v1\0id",
            "deployctl deploy v1 \\; id",
            "deployctl deploy 'v1",
            "deployctl deploy \"v1",
            "deployctl deploy --set A=b",
            "deployctl deploy --set=A=b",
            "deployctl deploy -f /tmp/evil.yml",
            "deployctl -f/tmp/evil.yml deploy",
            "deployctl deploy --file=/tmp/evil.yml",
            "deployctl deploy --env-file /tmp/evil.env",
            "deployctl -C /srv/other deploy",
            "deployctl -C/srv/other deploy",
            "deployctl deploy --directory=/srv/other",
            "deployctl deploy -p other",
            "deployctl deploy --project-directory /",
            "deployctl deploy --profile debug",
            "deployctl deploy --env staging",
            "deployctl deploy --adopt",
            "deployctl deploy --lock-fd 3",
            "deployctl logs api",
            "deployctl exec api sh",
            "deployctl run api sh",
            "deployctl config",
            "deployctl gate",
            "deployctl console",
            "cd / && deployctl status",
            "cd /tmp/.. && deployctl status",
            "cd /tmp; deployctl status",
            "cd /tmp && cd / && deployctl status",
            "cd /nowhere && deployctl status",
            "cd /tmp && bash",
            "cd /tmp &&",
            "cd /tmp",
            "/tmp/deployctl status",
            "../deployctl status",
            "./x/deployctl status",
            "DOCKER_HOST=tcp://evil deployctl status",
            "env DOCKER_HOST=tcp://evil deployctl status",
            "sudo deployctl status",
            "deployctl status #",
            "deployctl status *",
            "deployctl status ?",
            "!!",
        ] {
            let answer = judged(line, &[]);
            assert!(
                answer.as_ref().is_err_and(|e| e.starts_with("refused: ")),
                "{line:?}: {answer:?}"
            );
        }
    }

    #[test]
    fn a_tag_that_is_none_is_left_to_the_command() {
        // It goes on as one word: no shell reads it any more.
        assert!(judged("deployctl deploy 'v1; id'", &[]).is_ok());
    }

    #[test]
    fn what_is_listed_is_allowed() {
        assert!(judged("deployctl logs -f api", &["logs"]).is_ok());
        assert!(judged("deployctl -f x.yml logs", &["logs"]).is_err());
        assert!(judged("deployctl deploy --set A=b", &["set"]).is_ok());
        assert!(judged("deployctl deploy --lock-fd 3", &["set"]).is_err());
    }

    #[test]
    fn every_command_can_be_listed_but_the_gate() {
        assert!(allowed(&["gate".to_owned()]).is_err());
        assert!(allowed(&["shell".to_owned()]).is_err());
        assert!(allowed(&["logs".to_owned(), "env-file".to_owned()]).is_ok());
    }
}
