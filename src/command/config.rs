//! `config`: the resolved project as text.

use crate::project::{self, LoadError, LoadOptions, LocateError, Project, print};

/// What `config` is asked to print.
#[derive(Debug, Clone, Default)]
pub struct ConfigOptions {
    /// Which files, variables and profiles.
    pub load: LoadOptions,
    /// The form of the model.
    pub format: Format,
    /// One of the lists in place of the model.
    pub list: Option<List>,
    /// These services alone, with what they need.
    pub services: Vec<String>,
}

/// The form of the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// A list in place of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// `--hash`: these services, or all for `*`.
    Hash(String),
    /// `--services`
    Services,
}

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No files.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// Files that say nothing valid.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The text that `config` prints.
pub fn config(options: &ConfigOptions) -> Result<String, ConfigError> {
    let location = project::locate(&options.load)?;
    let project = project::load(&location, &options.load)?;
    Ok(match &options.list {
        None => print::config_json(&project) + "\n",
        Some(List::Hash(which)) => hashes(&project, which),
        Some(List::Services) => project
            .services
            .keys()
            .map(|name| format!("{name}\n"))
            .collect(),
    })
}

fn hashes(project: &Project, which: &str) -> String {
    let mut names: Vec<&str> = project.services.keys().map(String::as_str).collect();
    names.sort_unstable();
    let asked = |name: &&&str| which == "*" || which.split(',').any(|one| one == **name);
    names
        .iter()
        .filter(asked)
        .map(|name| print::hash_line(project, name) + "\n")
        .collect()
}

/// Runs the subcommand.
pub fn run(
    app: &super::app::App<'_>,
    arguments: &crate::cli::ConfigArguments,
) -> Result<(), crate::error::Error> {
    let list = match (&arguments.hash, arguments.list_services) {
        (Some(which), _) => Some(List::Hash(which.clone())),
        (None, true) => Some(List::Services),
        (None, false) => None,
    };
    let options = ConfigOptions {
        load: app.load_options(indexmap::IndexMap::new())?,
        format: match arguments.format {
            crate::cli::Format::Json => Format::Json,
            crate::cli::Format::Yaml => Format::Yaml,
        },
        list,
        services: arguments.services.clone(),
    };
    let text = config(&options).map_err(|error| match error {
        ConfigError::Locate(error) => crate::error::Error::from(error),
        ConfigError::Load(error) => crate::error::Error::from(error),
    })?;
    if !arguments.quiet {
        app.reporter.result(&text);
    }
    Ok(())
}
