//! Options of every command, and the compose files.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

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
    #[arg(long = "project-directory", value_name = "DIR", value_parser = perhaps_empty(), global = true)]
    pub project_directory: Option<PathBuf>,
    /// Work in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// How long a wave may take until it is healthy (`90s`, `2m`; a number is seconds)
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = super::duration, global = true)]
    pub timeout: Duration,
    /// How long a job (backup, migrate, smoke) may take
    #[arg(long = "job-timeout", value_name = "DURATION", default_value = "1h", value_parser = super::duration, global = true)]
    pub job_timeout: Duration,
    /// Wait so long for the deploy lock instead of failing at once
    #[arg(long = "wait-lock", value_name = "DURATION", value_parser = super::duration, global = true)]
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

/// Which Compose files, after the subcommand.
#[derive(Debug, Clone, Default, Args)]
pub struct Files {
    /// Compose file; several are merged in order
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Empty for the usual directory, as a script's unset variable leaves it; docker compose takes it so, too.
fn perhaps_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}
