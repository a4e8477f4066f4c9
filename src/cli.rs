//! The command line.

mod completions;
mod config;
mod deferred;
mod globals;
mod manual;
pub mod oncall;
mod release;
mod tools;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use oncall::{AttachArguments, CheckArguments, HistoryArguments};

pub use completions::script as completion_script;
pub use config::{ConfigArguments, Format};
pub use deferred::Deferred;
pub use globals::{Ci, Colour, Files, Globals};
pub use manual::page as manual_page;
pub use oncall::{LogsArguments, StatusArguments};
pub use release::{DeployArguments, PlanArguments, RollbackArguments};
pub use tools::{
    CompletionsArguments, ExecArguments, GateArguments, InitArguments, MigrateArguments,
    ProcessArguments, PruneArguments, RestartArguments, RunArguments, ServicesArguments, Shell,
};

/// With the commit and its date, where the build was told of them.
const VERSION: &str = match option_env!("DEPLOYCTL_BUILD") {
    Some(build) => build,
    None => env!("CARGO_PKG_VERSION"),
};

/// Deploys a Docker Compose project as one transaction.
#[derive(Debug, Parser)]
#[command(name = "deployctl", version = VERSION, about, after_help = EXAMPLES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  deployctl deploy sha-abc123        deploy a tag; on failure the old containers come back
  deployctl rollback                 go back to the release before
  deployctl status                   what serves now
  deployctl plan sha-abc123          what a deploy would change";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deploy a tag, or what the files say now
    #[command(
        after_help = "Examples:\n  deployctl deploy sha-abc123\n  deployctl deploy --service api --reason 'hotfix'\n  deployctl deploy sha-abc123 --set LOG_LEVEL=debug"
    )]
    Deploy(Deferred<DeployArguments>),
    /// Go back to the release before, or to another one of the history
    #[command(
        after_help = "Examples:\n  deployctl rollback\n  deployctl rollback sha-abc123\n  deployctl rollback 7 --reason 'orders fail'"
    )]
    Rollback(Deferred<RollbackArguments>),
    /// Show what serves now
    #[command(
        after_help = "Examples:\n  deployctl status\n  deployctl status --wide api\n  deployctl status --watch\n  deployctl status --json --exit-code"
    )]
    Status(Deferred<StatusArguments>),
    /// Show the output of containers and of the last jobs
    #[command(
        after_help = "Examples:\n  deployctl logs -f api\n  deployctl logs --tail 100 api worker\n  deployctl logs migrate"
    )]
    Logs(Deferred<LogsArguments>),
    /// Show what a deploy would do; changes nothing
    #[command(
        after_help = "Examples:\n  deployctl plan sha-abc123\n  deployctl plan --exit-code\n  deployctl plan -v        with every step"
    )]
    Plan(Deferred<PlanArguments>),
    /// Check everything that a deploy needs; changes nothing
    #[command(after_help = "Examples:\n  deployctl check\n  deployctl check sha-abc123 --json")]
    Check(Deferred<CheckArguments>),
    /// Look at a stack that runs already: what will replace its script; writes nothing
    #[command(after_help = "Examples:\n  cd app && deployctl adopt\n  deployctl adopt --json")]
    Adopt(Deferred<CheckArguments>),
    /// Follow the deploy or rollback that runs, and end with its exit code
    #[command(
        after_help = "Examples:\n  deployctl attach\n  deployctl attach --wait 1m     wait until one begins"
    )]
    Attach(Deferred<AttachArguments>),
    /// Print the resolved project as docker compose would
    #[command(
        after_help = "Examples:\n  deployctl config\n  deployctl config --format json\n  deployctl config --hash '*'"
    )]
    Config(Deferred<ConfigArguments>),
    /// List the releases
    #[command(
        after_help = "Examples:\n  deployctl history\n  deployctl history -n 5 --json\n  deployctl history show 7\n  deployctl history diff 6 7"
    )]
    History(Deferred<HistoryArguments>),
    /// Finish or undo what a killed command left
    #[command(after_help = "Examples:\n  deployctl recover\n  deployctl -C /srv/app recover")]
    Recover,
    /// Run a command in a running container
    #[command(
        after_help = "Examples:\n  deployctl exec api sh\n  deployctl exec db pg_dump -Fc shop > shop.dump\n  deployctl exec --index 2 -u root api id"
    )]
    Exec(Deferred<ExecArguments>),
    /// Run a command in a container of its own
    #[command(
        after_help = "Examples:\n  deployctl run --rm api bin/console\n  deployctl run --rm -T db pg_restore -d shop < shop.dump"
    )]
    Run(Deferred<RunArguments>),
    /// Run the migration alone
    #[command(after_help = "Examples:\n  deployctl migrate\n  deployctl migrate sha-abc123")]
    Migrate(Deferred<MigrateArguments>),
    /// Stop services and start them again, one wave after another
    #[command(after_help = "Examples:\n  deployctl restart api\n  deployctl restart api worker")]
    Restart(Deferred<RestartArguments>),
    /// Stop services for maintenance, those that depend on others first
    #[command(after_help = "Examples:\n  deployctl stop\n  deployctl stop worker")]
    Stop(Deferred<ServicesArguments>),
    /// Start what was stopped, and wait until it is healthy
    #[command(after_help = "Examples:\n  deployctl start\n  deployctl start worker")]
    Start(Deferred<ServicesArguments>),
    /// Remove what no rollback needs any more
    #[command(after_help = "Examples:\n  deployctl prune --dry-run\n  deployctl prune --keep 3")]
    Prune(Deferred<PruneArguments>),
    /// Write the files of a first deploy; never over one that is there
    #[command(
        after_help = "Examples:\n  deployctl init --image ghcr.io/acme/shop --port 8080\n  deployctl init --from-kamal config/deploy.yml"
    )]
    Init(Deferred<InitArguments>),
    /// The forced command of an SSH key: deploy, rollback and status, and nothing else
    #[command(
        after_help = "Examples (~/.ssh/authorized_keys):\n  restrict,command=\"/srv/app/deployctl -C /srv/app gate\" ssh-ed25519 AAAA… ci\n  restrict,command=\"/srv/app/deployctl -C /srv/app gate --allow logs,plan\" ssh-ed25519 AAAA… ci"
    )]
    Gate(Deferred<GateArguments>),
    /// Print the completion script of a shell
    #[command(
        after_help = "Examples:\n  eval \"$(deployctl completions bash)\"\n  deployctl completions fish | source"
    )]
    Completions(Deferred<CompletionsArguments>),
    /// Print the manual page
    #[command(after_help = "Examples:\n  deployctl man | man -l -")]
    Man,
    /// A name under `x-deployctl.aliases`.
    #[command(external_subcommand)]
    Alias(Vec<String>),
}

impl Cli {
    /// Gathers `-f` from before and after the subcommand.
    pub fn compose_files(&self) -> Vec<PathBuf> {
        let after = match &self.command {
            Command::Deploy(a) => &a.files.files,
            Command::Rollback(a) => &a.files.files,
            Command::Status(a) => &a.files.files,
            Command::Plan(a) => &a.files.files,
            Command::Config(a) => &a.files.files,
            Command::History(a) => &a.files.files,
            Command::Check(a) | Command::Adopt(a) => &a.files.files,
            Command::Run(a) => &a.files.files,
            Command::Migrate(a) => &a.files.files,
            Command::Restart(a) => &a.files.files,
            Command::Prune(a) => &a.files.files,
            Command::Stop(a) | Command::Start(a) => &a.files.files,
            Command::Logs(_)
            | Command::Attach(_)
            | Command::Recover
            | Command::Exec(_)
            | Command::Init(_)
            | Command::Gate(_)
            | Command::Completions(_)
            | Command::Man
            | Command::Alias(_) => &Vec::new(),
        };
        self.globals.files.iter().chain(after).cloned().collect()
    }
}

impl Cli {
    /// User and host of `--registry-password-stdin`.
    pub fn login(&self) -> Option<&(String, String)> {
        let login = match &self.command {
            Command::Deploy(a) => &a.login,
            Command::Rollback(a) => &a.login,
            Command::Plan(a) => &a.login,
            Command::Check(a) | Command::Adopt(a) => &a.login,
            _ => return None,
        };
        login.registry_password_stdin.as_ref()
    }
}

/// Parses a command line, the program's name first; the message says what is wrong with it.
pub fn parse(words: &[String]) -> Result<Cli, String> {
    Cli::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.trim_start_matches("error: ").to_owned()
    })
}

/// The names of all commands.
pub fn command_names() -> Vec<String> {
    use clap::CommandFactory as _;
    let cli = Cli::command();
    cli.get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect()
}

/// `90s`, `1m30s`, `1.5h`; a plain number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let parsed =
        crate::project::duration::parse(text).ok_or("write it like `90s`, `2m` or `1h30m`")?;
    Ok(parsed.as_std())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("deployctl").chain(words.split(' ')))
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn compose_files_are_taken_before_and_after_the_subcommand() {
        for words in ["-f a.yml deploy v1 -f b.yml", "deploy -f a.yml -f b.yml v1"] {
            let files = parse(words).expect(words).compose_files();
            assert_eq!(
                files,
                [PathBuf::from("a.yml"), PathBuf::from("b.yml")],
                "{words}"
            );
        }
    }

    #[test]
    fn f_follows_within_logs_and_is_a_file_before() {
        let cli = parse("-f compose.prod.yml logs -f api").expect("both");
        assert_eq!(cli.compose_files(), [PathBuf::from("compose.prod.yml")]);
        assert!(matches!(
            cli.command,
            Command::Logs(Deferred(LogsArguments { follow: true, .. }))
        ));
    }

    #[test]
    fn an_empty_project_directory_is_the_usual_one() {
        let words = ["deployctl", "--project-directory", "", "config"];
        let cli = Cli::try_parse_from(words).expect("as docker compose takes it");
        assert_eq!(cli.globals.project_directory, Some(PathBuf::new()));
    }

    #[test]
    fn durations_are_composes_or_seconds() {
        let cli = parse("deploy v1 --timeout 1m30s --wait-lock 300").expect("durations");
        assert_eq!(cli.globals.timeout, Duration::from_secs(90));
        assert_eq!(cli.globals.wait_lock, Some(Duration::from_mins(5)));
        assert!(parse("deploy v1 --timeout soon").is_err());
    }

    #[test]
    fn a_variable_is_set_by_name_and_value() {
        let cli = parse("deploy v1 --set A=b=c").expect("an assignment");
        assert!(
            matches!(cli.command, Command::Deploy(a) if a.set == [("A".to_owned(), "b=c".to_owned())])
        );
        for wrong in ["deploy --set A", "deploy --set 1A=b", "deploy --set A-B=c"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
