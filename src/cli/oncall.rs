//! Arguments of what a person on call types.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::Files;

/// A login to a registry that lives as long as the command.
#[derive(Debug, Clone, Default, Args)]
pub struct Login {
    /// Log in to a registry for this command only, with the password from standard input; it is kept in memory
    #[arg(long, value_name = "USER@HOST", value_parser = user_and_host)]
    pub registry_password_stdin: Option<(String, String)>,
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

/// Arguments of `check` and `adopt`.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckArguments {
    /// The images' tag; without it the env file says it
    pub tag: Option<String>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
    /// A login for this command.
    #[command(flatten)]
    pub login: Login,
}

/// Arguments of `attach`.
#[derive(Debug, Clone, Default, Args)]
pub struct AttachArguments {
    /// Wait so long for a command to begin where none runs
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    pub wait: Option<Duration>,
}

/// Arguments of `history`.
#[derive(Debug, Clone, Default, Args)]
pub struct HistoryArguments {
    /// How many releases
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub number: usize,
    /// What of them.
    #[command(subcommand)]
    pub action: Option<HistoryAction>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// What of the history.
#[derive(Debug, Clone, Subcommand)]
pub enum HistoryAction {
    /// What differs between two releases; values of variables are masked
    #[command(
        after_help = "Examples:\n  deployctl history diff 6 7\n  deployctl history diff 6 7 --json"
    )]
    Diff {
        /// A release number, a tag or a commit
        #[arg(value_name = "A")]
        from: String,
        /// A release number, a tag or a commit
        #[arg(value_name = "B")]
        to: String,
    },
    /// Everything that is kept of a release, with its full log
    #[command(after_help = "Examples:\n  deployctl history show 7")]
    Show {
        /// A release number, a tag or a commit
        #[arg(value_name = "RELEASE")]
        release: String,
    },
}

/// The user may be a mail address: the last `@` divides.
fn user_and_host(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('@') {
        Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains('/') => {
            Ok((user.to_owned(), host.to_owned()))
        }
        _ => Err("write it like `ci-bot@ghcr.io`".to_owned()),
    }
}
