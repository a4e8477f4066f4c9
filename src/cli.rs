//! The command line.

mod completions;
mod manual;
pub mod oncall;
mod tools;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use oncall::{AttachArguments, CheckArguments, HistoryArguments, Login};

pub use completions::script as completion_script;
pub use manual::page as manual_page;
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

/// Options of every command.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// Compose file; several are merged in order; `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Environment whose files are taken (`.env.NAME`, `compose.NAME.yml`)
    #[arg(long = "env", value_name = "NAME", global = true)]
    pub environment: Option<String>,
    /// Env file; several are merged in order
    #[arg(long = "env-file", value_name = "FILE", global = true)]
    pub env_files: Vec<PathBuf>,
    /// Project name
    #[arg(short = 'p', long = "project-name", value_name = "NAME", global = true)]
    pub project_name: Option<String>,
    /// Profile to enable; several can be given
    #[arg(long = "profile", value_name = "NAME", global = true)]
    pub profiles: Vec<String>,
    /// Directory that relative paths of the compose file start from
    #[arg(long = "project-directory", value_name = "DIR", global = true)]
    pub project_directory: Option<PathBuf>,
    /// Work in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// How long a wave may take until it is healthy (`90s`, `2m`; a number is seconds)
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = duration, global = true)]
    pub timeout: Duration,
    /// How long a job (backup, migrate, smoke) may take
    #[arg(long = "job-timeout", value_name = "DURATION", default_value = "1h", value_parser = duration, global = true)]
    pub job_timeout: Duration,
    /// Wait so long for the deploy lock instead of failing at once
    #[arg(long = "wait-lock", value_name = "DURATION", value_parser = duration, global = true)]
    pub wait_lock: Option<Duration>,
    /// The caller holds the lock on this file descriptor (`flock 9; deployctl --lock-fd 9 …`)
    #[arg(long = "lock-fd", value_name = "N", global = true)]
    pub lock_fd: Option<u32>,
    /// Take over containers of this project that were made from other files or by another directory
    #[arg(long, global = true)]
    pub adopt: bool,
    /// Also show networks, volumes, secrets and configs that no service uses (`config`)
    #[arg(long, global = true)]
    pub all_resources: bool,
    /// Taken for docker compose's sake, and only by `config`: no defaults are filled in
    #[arg(long, global = true, hide = true)]
    pub compatibility: bool,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Write the log's groups and errors for a CI system
    #[arg(long, value_name = "SYSTEM", global = true)]
    pub ci: Option<Ci>,
    /// Say more; twice: what is asked of the engine
    #[arg(short = 'v', long = "verbose", action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Colour,
}

/// CI systems with a log format of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ci {
    /// GitHub Actions.
    Github,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deploy a tag, or what the files say now
    #[command(
        after_help = "Examples:\n  deployctl deploy sha-abc123\n  deployctl deploy --service api --reason 'hotfix'\n  deployctl deploy sha-abc123 --set LOG_LEVEL=debug"
    )]
    Deploy(DeployArguments),
    /// Go back to the release before, or to another one of the history
    #[command(
        after_help = "Examples:\n  deployctl rollback\n  deployctl rollback sha-abc123\n  deployctl rollback 7 --reason 'orders fail'"
    )]
    Rollback(RollbackArguments),
    /// Show what serves now
    #[command(
        after_help = "Examples:\n  deployctl status\n  deployctl status --wide api\n  deployctl status --watch\n  deployctl status --json --exit-code"
    )]
    Status(StatusArguments),
    /// Show the output of containers and of the last jobs
    #[command(
        after_help = "Examples:\n  deployctl logs -f api\n  deployctl logs --tail 100 api worker\n  deployctl logs migrate"
    )]
    Logs(LogsArguments),
    /// Show what a deploy would do; changes nothing
    #[command(
        after_help = "Examples:\n  deployctl plan sha-abc123\n  deployctl plan --exit-code\n  deployctl plan -v        with every step"
    )]
    Plan(PlanArguments),
    /// Check everything that a deploy needs; changes nothing
    #[command(after_help = "Examples:\n  deployctl check\n  deployctl check sha-abc123 --json")]
    Check(CheckArguments),
    /// Look at a stack that runs already: what will replace its script; writes nothing
    #[command(after_help = "Examples:\n  cd app && deployctl adopt\n  deployctl adopt --json")]
    Adopt(CheckArguments),
    /// Follow the deploy or rollback that runs, and end with its exit code
    #[command(
        after_help = "Examples:\n  deployctl attach\n  deployctl attach --wait 1m     wait until one begins"
    )]
    Attach(AttachArguments),
    /// Print the resolved project as docker compose would
    #[command(
        after_help = "Examples:\n  deployctl config\n  deployctl config --format json\n  deployctl config --hash '*'"
    )]
    Config(ConfigArguments),
    /// List the releases
    #[command(
        after_help = "Examples:\n  deployctl history\n  deployctl history -n 5 --json\n  deployctl history show 7\n  deployctl history diff 6 7"
    )]
    History(HistoryArguments),
    /// Finish or undo what a killed command left
    #[command(after_help = "Examples:\n  deployctl recover\n  deployctl -C /srv/app recover")]
    Recover,
    /// Run a command in a running container
    #[command(
        after_help = "Examples:\n  deployctl exec api sh\n  deployctl exec db pg_dump -Fc shop > shop.dump\n  deployctl exec --index 2 -u root api id"
    )]
    Exec(ExecArguments),
    /// Run a command in a container of its own
    #[command(
        after_help = "Examples:\n  deployctl run --rm api bin/console\n  deployctl run --rm -T db pg_restore -d shop < shop.dump"
    )]
    Run(RunArguments),
    /// Run the migration alone
    #[command(after_help = "Examples:\n  deployctl migrate\n  deployctl migrate sha-abc123")]
    Migrate(MigrateArguments),
    /// Stop services and start them again, one wave after another
    #[command(after_help = "Examples:\n  deployctl restart api\n  deployctl restart api worker")]
    Restart(RestartArguments),
    /// Stop services for maintenance, those that depend on others first
    #[command(after_help = "Examples:\n  deployctl stop\n  deployctl stop worker")]
    Stop(ServicesArguments),
    /// Start what was stopped, and wait until it is healthy
    #[command(after_help = "Examples:\n  deployctl start\n  deployctl start worker")]
    Start(ServicesArguments),
    /// Remove what no rollback needs any more
    #[command(after_help = "Examples:\n  deployctl prune --dry-run\n  deployctl prune --keep 3")]
    Prune(PruneArguments),
    /// Write the files of a first deploy; never over one that is there
    #[command(
        after_help = "Examples:\n  deployctl init --image ghcr.io/acme/shop --port 8080\n  deployctl init --from-kamal config/deploy.yml"
    )]
    Init(InitArguments),
    /// The forced command of an SSH key: deploy, rollback and status, and nothing else
    #[command(
        after_help = "Examples (~/.ssh/authorized_keys):\n  restrict,command=\"/srv/app/deployctl -C /srv/app gate\" ssh-ed25519 AAAA… ci\n  restrict,command=\"/srv/app/deployctl -C /srv/app gate --allow logs,plan\" ssh-ed25519 AAAA… ci"
    )]
    Gate(GateArguments),
    /// Print the completion script of a shell
    #[command(
        after_help = "Examples:\n  eval \"$(deployctl completions bash)\"\n  deployctl completions fish | source"
    )]
    Completions(CompletionsArguments),
    /// Print the manual page
    #[command(after_help = "Examples:\n  deployctl man | man -l -")]
    Man,
    /// A name under `x-deployctl.aliases`.
    #[command(external_subcommand)]
    Alias(Vec<String>),
}

/// Which Compose files, after the subcommand.
#[derive(Debug, Clone, Default, Args)]
pub struct Files {
    /// Compose file; several are merged in order
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Arguments of `deploy`.
#[derive(Debug, Clone, Default, Args)]
pub struct DeployArguments {
    /// The images' tag; without it the env file says it
    pub tag: Option<String>,
    /// Only this service; several can be given
    #[arg(long = "service", value_name = "NAME")]
    pub services: Vec<String>,
    /// Set a variable of the env file; it is written there when the release stands
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Remove containers whose service is no longer in the compose file
    #[arg(long)]
    pub remove_orphans: bool,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Print a summary in Markdown on standard output (`>> "$GITHUB_STEP_SUMMARY"`)
    #[arg(long)]
    pub summary: bool,
    /// A login for this command.
    #[command(flatten)]
    pub login: Login,
    /// Deploy unless a CI run with a higher number has deployed already: of two that wait, the older tag does not win
    #[arg(long, value_name = "RUN")]
    pub unless_newer: Option<u64>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `rollback`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct RollbackArguments {
    /// A tag, a release number or a commit; without it the release before
    #[arg(value_name = "TAG|RELEASE|COMMIT")]
    pub target: Option<String>,
    /// Today's files with that tag, instead of what the release recorded
    #[arg(long)]
    pub tag_only: bool,
    /// Today's values of variables (rotated passwords) in the recorded release
    #[arg(long, conflicts_with = "tag_only")]
    pub current_env: bool,
    /// Go back though the database's schema has changed since
    #[arg(long)]
    pub across_migration: bool,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Print a summary in Markdown on standard output (`>> "$GITHUB_STEP_SUMMARY"`)
    #[arg(long)]
    pub summary: bool,
    /// A login for this command.
    #[command(flatten)]
    pub login: Login,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `status`.
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArguments {
    /// Only these services
    pub services: Vec<String>,
    /// Also restarts, digests and the last probe of containers that are plainly up
    #[arg(long)]
    pub wide: bool,
    /// Show it again whenever it changes, until interrupted
    #[arg(long)]
    pub watch: bool,
    /// Exit with 10 when what serves differs from what was released
    #[arg(long)]
    pub exit_code: bool,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `logs`.
#[derive(Debug, Clone, Default, Args)]
pub struct LogsArguments {
    /// Only these services or jobs
    pub services: Vec<String>,
    /// Go on as new lines come
    #[arg(short = 'f', long)]
    pub follow: bool,
    /// The last lines only
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<u64>,
    /// Lines since a time (`2026-01-31T10:00:00Z`) or for a duration (`10m`)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Lines until a time or a duration ago
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// With time stamps
    #[arg(short = 't', long)]
    pub timestamps: bool,
    /// Without the containers' names
    #[arg(long)]
    pub no_log_prefix: bool,
    /// The kept output of a release
    #[arg(long, value_name = "N")]
    pub release: Option<u32>,
}

/// Arguments of `plan`.
#[derive(Debug, Clone, Default, Args)]
pub struct PlanArguments {
    /// The images' tag; without it the env file says it
    pub tag: Option<String>,
    /// Only this service; several can be given
    #[arg(long = "service", value_name = "NAME")]
    pub services: Vec<String>,
    /// Set a variable of the env file
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Exit with 10 when something would change
    #[arg(long)]
    pub exit_code: bool,
    /// A login for this command.
    #[command(flatten)]
    pub login: Login,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `config`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of docker compose"
)]
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArguments {
    /// Only these services and what they need
    pub services: Vec<String>,
    /// Form of the model
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub format: Format,
    /// Print the config hash of a service, `*` for all
    #[arg(long, value_name = "SERVICE")]
    pub hash: Option<String>,
    /// Print the names of the services
    #[arg(long = "services", id = "list_services")]
    pub list_services: bool,
    /// Print the images
    #[arg(long)]
    pub images: bool,
    /// Print the names of the profiles
    #[arg(long = "profiles", id = "list_profiles")]
    pub list_profiles: bool,
    /// Print the variables of the interpolation
    #[arg(long = "environment", id = "list_environment")]
    pub environment: bool,
    /// Print the names of the networks
    #[arg(long)]
    pub networks: bool,
    /// Print the names of the volumes
    #[arg(long)]
    pub volumes: bool,
    /// Print the variables that the files use
    #[arg(long)]
    pub variables: bool,
    /// Leave `${…}` as it is
    #[arg(long)]
    pub no_interpolate: bool,
    /// Leave out the defaults that docker compose fills in
    #[arg(long)]
    pub no_normalize: bool,
    /// Leave out the checks of the whole
    #[arg(long)]
    pub no_consistency: bool,
    /// Leave relative paths as they are
    #[arg(long)]
    pub no_path_resolution: bool,
    /// Taken for docker compose's sake: the values of `env_file` are filled in all the same
    #[arg(long)]
    pub no_env_resolution: bool,
    /// Only check, print nothing
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Write to a file
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Form of the resolved model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
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

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like `NAME=value`")?;
    let valid = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.as_bytes()[0].is_ascii_digit();
    if !valid {
        return Err(format!("`{name}` is no name of a variable"));
    }
    if value.contains(['\n', '\r', '\0']) {
        return Err("a value of one line is needed".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
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
            Command::Logs(LogsArguments { follow: true, .. })
        ));
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
