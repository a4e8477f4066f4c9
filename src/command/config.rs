//! `config`: the resolved project as text.

use crate::error::Error;
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
    /// Whether variables are filled in.
    pub interpolation: Interpolation,
    /// Which networks, volumes, secrets and configs are shown.
    pub resources: Resources,
}

/// Which networks, volumes, secrets and configs are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Resources {
    /// Those that a service uses.
    #[default]
    Used,
    /// `--all-resources`
    All,
}

/// Whether variables are filled in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// They are.
    #[default]
    Fill,
    /// `--no-interpolate`: the model shows `${…}`.
    Keep,
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
    /// `--profiles`
    Profiles,
    /// `--images`
    Images,
    /// `--volumes`
    Volumes,
    /// `--networks`
    Networks,
    /// `--environment`
    Environment,
    /// `--variables`
    Variables,
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
    if options.list == Some(List::Variables) {
        return Ok(print::variables(
            &location,
            &options.load,
            options.format == Format::Json,
        )?);
    }
    if options.interpolation == Interpolation::Keep && options.list.is_none() {
        return Ok(match options.format {
            Format::Json => print::raw_json(&location, &options.load)?,
            Format::Yaml => print::raw_yaml(&location, &options.load)?,
        });
    }
    let mut load = options.load.clone();
    // The lists and hashes do not read the env files, which need not be there for them.
    load.skip.env_files |= options.list.is_some();
    // Those of a service that is asked for by name are read all the same.
    load.skip.env_files &= options.list.is_some() || options.services.is_empty();
    let mut project = project::load(&location, &load)?;
    // Compose lists and hashes everything, whichever services are named.
    let selects = matches!(options.list, None | Some(List::Images | List::Environment));
    if selects && !options.services.is_empty() {
        project = project.with_services(&options.services)?;
    }
    if options.resources == Resources::Used {
        project = project.without_unused_resources();
    }
    Ok(match &options.list {
        Some(List::Hash(which)) => hashes(&project, which)?,
        Some(List::Services) => print::lines(project.services.keys()),
        Some(List::Profiles) => print::lines(print::profiles(&project)),
        Some(List::Images) => print::lines(print::images(&project)),
        Some(List::Volumes) => print::lines(project.volumes.keys()),
        Some(List::Networks) => print::lines(project.networks.keys()),
        Some(List::Environment) => print::environment(&project),
        Some(List::Variables) => String::new(),
        None => {
            if !options.load.skip.consistency {
                project
                    .check_container_names()
                    .map_err(|error| project::placed(error, &location, &load))?;
            }
            match options.format {
                Format::Json => print::config_json(&project),
                Format::Yaml => print::config_yaml(&project),
            }
        }
    })
}

fn hashes(project: &Project, which: &str) -> Result<String, LoadError> {
    let mut names: Vec<&str> = if which == "*" {
        project.services.keys().map(String::as_str).collect()
    } else {
        which.split(',').collect()
    };
    names.sort_unstable();
    for name in &names {
        project.expect_service(name)?;
    }
    let lines = names
        .iter()
        .map(|name| print::hash_line(project, name) + "\n");
    Ok(lines.collect())
}

/// Runs the subcommand.
pub fn run(
    app: &super::app::App<'_>,
    arguments: &crate::cli::ConfigArguments,
) -> Result<(), Error> {
    let mut load = app.load_options(indexmap::IndexMap::new())?;
    load.skip.normalization = arguments.no_normalize || app.globals.compatibility;
    load.skip.consistency = arguments.no_consistency;
    load.skip.paths = arguments.no_path_resolution;
    let options = ConfigOptions {
        load,
        format: match arguments.format {
            crate::cli::Format::Json => Format::Json,
            crate::cli::Format::Yaml => Format::Yaml,
        },
        list: list(arguments),
        services: arguments.services.clone(),
        interpolation: if arguments.no_interpolate {
            Interpolation::Keep
        } else {
            Interpolation::Fill
        },
        resources: if app.globals.all_resources {
            Resources::All
        } else {
            Resources::Used
        },
    };
    let text = config(&options).map_err(|error| match error {
        ConfigError::Locate(error) => Error::from(error),
        ConfigError::Load(error) => Error::from(error),
    })?;
    if arguments.quiet {
        return Ok(());
    }
    if let Some(path) = &arguments.output {
        Ok(crate::state::replace_file(path, text.as_bytes(), 0o600)?)
    } else {
        app.reporter.result(&text);
        Ok(())
    }
}

fn list(arguments: &crate::cli::ConfigArguments) -> Option<List> {
    if let Some(which) = &arguments.hash {
        return Some(List::Hash(which.clone()));
    }
    let lists = [
        (arguments.list_services, List::Services),
        (arguments.list_profiles, List::Profiles),
        (arguments.images, List::Images),
        (arguments.volumes, List::Volumes),
        (arguments.networks, List::Networks),
        (arguments.environment, List::Environment),
        (arguments.variables, List::Variables),
    ];
    lists
        .into_iter()
        .find(|(asked, _)| *asked)
        .map(|(_, list)| list)
}
