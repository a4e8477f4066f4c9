//! Arguments of what changes or plans a release.

use clap::Args;

use super::Files;
use super::oncall::Login;

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

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
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
