//! The names under which Compose files and env files are looked for.

use std::path::{Path, PathBuf};

use super::{LoadOptions, LocateError};
use crate::project::read::read_file;
use crate::project::tree::Node;
use crate::project::yaml;

/// Production files found by their names.
pub(super) struct Chosen {
    pub(super) files: Vec<PathBuf>,
    /// The env file that comes with them; `None` means the default `.env`.
    pub(super) env_file: Option<PathBuf>,
}

const COMPOSE_NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The file of an environment, or of production; `None` leaves the choice to Compose's own names.
pub(super) fn chosen(options: &LoadOptions) -> Result<Option<Chosen>, LocateError> {
    let directory = search_directory(options);
    let Some(name) = &options.environment_name else {
        return production(&directory);
    };
    let env_file = env_file(options);
    if let Some(file) = file_for(&directory, &[name])? {
        check_is_no_overlay(&file, env_file.as_deref())?;
        return Ok(Some(Chosen {
            files: vec![file],
            env_file,
        }));
    }
    let Some(env_file) = env_file else {
        return Err(LocateError::UnknownEnvironment { name: name.clone() });
    };
    let files = match production(&directory)? {
        Some(production) => production.files,
        None => compose_default(&directory, &mut Vec::new()).ok_or(LocateError::NotFound {
            directory: directory.clone(),
        })?,
    };
    Ok(Some(Chosen {
        files,
        env_file: Some(env_file),
    }))
}

/// The env file of an environment, or of production.
pub(super) fn env_file(options: &LoadOptions) -> Option<PathBuf> {
    let directory = search_directory(options);
    match &options.environment_name {
        Some(name) => existing(&directory, &format!(".env.{name}")),
        None => production_env_file(&directory),
    }
}

fn production_env_file(directory: &Path) -> Option<PathBuf> {
    existing(directory, ".env.prod").or_else(|| existing(directory, ".env.production"))
}

fn search_directory(options: &LoadOptions) -> PathBuf {
    let given = options
        .project_directory
        .as_ref()
        .filter(|directory| !directory.as_os_str().is_empty());
    given.map_or_else(
        || options.directory.clone(),
        |directory| super::absolute(&options.directory, directory),
    )
}

fn production(directory: &Path) -> Result<Option<Chosen>, LocateError> {
    let env_file = production_env_file(directory);
    if let Some(file) = file_for(directory, &["prod", "production"])? {
        check_is_no_overlay(&file, env_file.as_deref())?;
        return Ok(Some(Chosen {
            files: vec![file],
            env_file,
        }));
    }
    // Compose's own names come with `.env.prod`, too, if it is here.
    let Some(env_file) = env_file else {
        return Ok(None);
    };
    Ok(
        compose_default_here(directory, &mut Vec::new()).map(|files| Chosen {
            files,
            env_file: Some(env_file),
        }),
    )
}

/// `compose.NAME.yml`, then `docker-compose.NAME.yml`; `.yml` and `.yaml` are of one rank.
fn file_for(directory: &Path, names: &[&str]) -> Result<Option<PathBuf>, LocateError> {
    for stem in ["compose", "docker-compose"] {
        for name in names {
            let yml = existing(directory, &format!("{stem}.{name}.yml"));
            let yaml = existing(directory, &format!("{stem}.{name}.yaml"));
            match (yml, yaml) {
                (Some(first), Some(second)) => {
                    return Err(LocateError::Ambiguous { first, second });
                }
                (None, None) => {}
                (found, other) => return Ok(found.or(other)),
            }
        }
    }
    Ok(None)
}

fn existing(directory: &Path, name: &str) -> Option<PathBuf> {
    Some(directory.join(name)).filter(|path| path.is_file())
}

/// A service with one of these can be run by itself.
const COMPLETE: [&str; 4] = ["image", "build", "extends", "provider"];

/// A file whose services have neither image nor build only changes another one.
fn check_is_no_overlay(file: &Path, env_file: Option<&Path>) -> Result<(), LocateError> {
    let text = read_file(file)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    // What cannot be read is an error later on.
    let Some(text) = text else {
        return Ok(());
    };
    // Nearly every file is told by its first service.
    if yaml::begins_with_entry(&text, "services", &COMPLETE) {
        return Ok(());
    }
    let Ok(documents) = yaml::parse(&text, 0) else {
        return Ok(());
    };
    let mut services = documents
        .iter()
        .filter_map(|doc| doc.get("services")?.as_mapping())
        .flatten()
        .peekable();
    let complete = |service: &Node| COMPLETE.iter().any(|key| service.get(key).is_some());
    let includes = documents.iter().any(|doc| doc.get("include").is_some());
    if includes || services.peek().is_none() || services.any(|(_, service)| complete(service)) {
        return Ok(());
    }
    let base = file
        .parent()
        .and_then(|directory| compose_default_here(directory, &mut Vec::new()));
    Err(LocateError::Overlay {
        file: file.to_owned(),
        base: base.and_then(|files| files.into_iter().next()),
        env_file: env_file.map(Path::to_owned),
    })
}

/// Compose's own names, here or above, with the override file beside them.
pub(super) fn compose_default(start: &Path, warnings: &mut Vec<String>) -> Option<Vec<PathBuf>> {
    start
        .ancestors()
        .find_map(|directory| compose_default_here(directory, warnings))
}

fn compose_default_here(directory: &Path, warnings: &mut Vec<String>) -> Option<Vec<PathBuf>> {
    let mut first = |names: [&str; 4]| {
        let found: Vec<PathBuf> = names
            .iter()
            .map(|name| directory.join(name))
            .filter(|path| path.exists())
            .collect();
        if found.len() > 1 {
            let list: Vec<String> = found
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            warnings.push(format!(
                "several files with usual names: {}; using {}",
                list.join(", "),
                list[0]
            ));
        }
        found.into_iter().next()
    };
    let main = first(COMPOSE_NAMES)?;
    Some(
        [Some(main), first(OVERRIDE_NAMES)]
            .into_iter()
            .flatten()
            .collect(),
    )
}
