//! Arguments of the commands that work on a standing project: inside its containers, on its services, on its files.

use clap::Args;

use super::Files;
use super::release::assignment;

/// Arguments of `exec`.
#[derive(Debug, Clone, Default, Args)]
pub struct ExecArguments {
    /// In which container of the service, by its number
    #[arg(long, value_name = "N")]
    pub index: Option<u32>,
    /// How the command runs.
    #[command(flatten)]
    pub process: ProcessArguments,
    /// Extended privileges for the command
    #[arg(long)]
    pub privileged: bool,
    /// The service
    pub service: String,
    /// The command and its arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "CMD"
    )]
    pub words: Vec<String>,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArguments {
    /// Remove the container when it has ended
    #[arg(long)]
    pub rm: bool,
    /// How the command runs.
    #[command(flatten)]
    pub process: ProcessArguments,
    /// Other than the image's entrypoint
    #[arg(long, value_name = "CMD")]
    pub entrypoint: Option<String>,
    /// The container's name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Do not ask for the services that it depends on
    #[arg(long)]
    pub no_deps: bool,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
    /// The service, of any profile
    pub service: String,
    /// The command and its arguments; without one the service's own
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    pub words: Vec<String>,
}

/// How a command in a container runs.
#[derive(Debug, Clone, Default, Args)]
pub struct ProcessArguments {
    /// Set a variable for the command
    #[arg(short = 'e', value_name = "NAME=VALUE", value_parser = assignment)]
    pub variables: Vec<(String, String)>,
    /// Run as this user
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Run in this directory
    #[arg(short = 'w', long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// No terminal, though there is one: bytes go through as they are
    #[arg(short = 'T', long = "no-tty")]
    pub no_tty: bool,
}

/// Arguments of `migrate`.
#[derive(Debug, Clone, Default, Args)]
pub struct MigrateArguments {
    /// The images' tag; without it the env file says it
    pub tag: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `restart`.
#[derive(Debug, Clone, Default, Args)]
pub struct RestartArguments {
    /// The services
    #[arg(required = true)]
    pub services: Vec<String>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `stop` and `start`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServicesArguments {
    /// Only these services
    pub services: Vec<String>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `prune`.
#[derive(Debug, Clone, Default, Args)]
pub struct PruneArguments {
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
    /// So many releases are kept; without it as `x-deployctl.keep_releases` says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub keep: Option<u32>,
    /// Which files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `init`.
#[derive(Debug, Clone, Default, Args)]
pub struct InitArguments {
    /// The image, without its tag
    #[arg(long, value_name = "IMAGE", default_value = "ghcr.io/acme/app")]
    pub image: String,
    /// The port that the app listens on
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub port: u16,
    /// Write the Compose file from Kamal's `config/deploy.yml`
    #[arg(long, value_name = "FILE")]
    pub from_kamal: Option<std::path::PathBuf>,
}

/// Arguments of `gate`.
#[derive(Debug, Clone, Default, Args)]
pub struct GateArguments {
    /// Also allow these commands and options (`logs`, `plan`, `set`, `env-file` …)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allow: Vec<String>,
}

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArguments {
    /// For which shell
    pub shell: Shell,
}

/// The shells that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}
