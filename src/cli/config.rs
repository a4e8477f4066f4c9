//! Arguments of `config`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Files;

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
