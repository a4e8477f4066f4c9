//! A part of a project: some services, and what they need.

use std::collections::HashSet;

use super::error::{Fault, LoadError, Outcome, Problem};
use super::model::{Project, Service};
use super::source::{Position, Sources};
use super::suggest;

impl Project {
    /// The project with these services and all that they depend on; the names may hold `*` and `?`.
    ///
    /// A service that no profile enables is enabled by being named. Without names nothing changes.
    pub fn with_services(&self, names: &[String]) -> Result<Self, LoadError> {
        select(self, names).map_err(|fault| fault.locate(&Sources::default()))
    }

    /// An enabled service of this name must be there.
    pub fn expect_service(&self, name: &str) -> Result<(), LoadError> {
        if self.services.contains_key(name) {
            return Ok(());
        }
        Err(unknown(self, name).locate(&Sources::default()))
    }

    /// The project without the networks, volumes, secrets, configs and models that no enabled service uses.
    #[must_use]
    pub fn without_unused_resources(mut self) -> Self {
        let mut used = Used::default();
        for service in self.services.values() {
            used.add(service);
        }
        self.networks
            .retain(|key, _| used.networks.contains(key.as_str()));
        self.volumes
            .retain(|key, _| used.volumes.contains(key.as_str()));
        self.secrets
            .retain(|key, _| used.secrets.contains(key.as_str()));
        self.configs
            .retain(|key, _| used.configs.contains(key.as_str()));
        self.models
            .retain(|key, _| used.models.contains(key.as_str()));
        self
    }

    /// Two services cannot have the same `container_name`.
    pub fn check_container_names(&self) -> Result<(), LoadError> {
        let mut taken = std::collections::HashMap::new();
        for (service, definition) in &self.services {
            let Some(name) = &definition.container_name else {
                continue;
            };
            if let Some(other) = taken.insert(name, service) {
                let message = format!(
                    "the services `{other}` and `{service}` have the same `container_name`: `{name}`"
                );
                let fault = Fault::new(Problem::Conflict(message), Position::default());
                let fault = fault
                    .under("container_name")
                    .under(service)
                    .under("services");
                return Err(fault
                    .hint("remove one of them: Compose finds a name of its own")
                    .locate(&Sources::default()));
            }
        }
        Ok(())
    }
}

/// The names that enabled services use.
#[derive(Default)]
struct Used<'a> {
    networks: HashSet<&'a str>,
    volumes: HashSet<&'a str>,
    secrets: HashSet<&'a str>,
    configs: HashSet<&'a str>,
    models: HashSet<&'a str>,
}

impl<'a> Used<'a> {
    fn add(&mut self, service: &'a Service) {
        self.networks
            .extend(service.networks.keys().map(String::as_str));
        let named = service
            .volumes
            .iter()
            .filter(|volume| volume.r#type.as_deref() == Some("volume"));
        self.volumes
            .extend(named.filter_map(|volume| volume.source.as_deref()));
        let of_build = service.build.iter().flat_map(|build| &build.secrets);
        let secrets = service.secrets.iter().chain(of_build);
        self.secrets
            .extend(secrets.filter_map(|secret| secret.source.as_deref()));
        let configs = service.configs.iter();
        self.configs
            .extend(configs.filter_map(|config| config.source.as_deref()));
        self.models
            .extend(service.models.keys().map(String::as_str));
    }
}

fn select(project: &Project, names: &[String]) -> Outcome<Project> {
    let mut project = project.clone();
    if names.is_empty() {
        return Ok(project);
    }
    enable_named(&mut project, names);
    check_env_files(&project)?;
    let mut chosen = HashSet::new();
    let mut open: Vec<String> = Vec::new();
    for name in names {
        let found: Vec<String> = project
            .services
            .keys()
            .filter(|key| matches(name, key))
            .cloned()
            .collect();
        if found.is_empty() {
            return Err(unknown(&project, name));
        }
        open.extend(found);
    }
    while let Some(name) = open.pop() {
        let Some(service) = project.services.get(&name) else {
            return Err(unknown(&project, &name));
        };
        if chosen.insert(name) {
            let needed = service.depends_on.iter().filter(|(name, dependency)| {
                dependency.required || project.services.contains_key(*name)
            });
            open.extend(needed.map(|(name, _)| name.clone()));
        }
    }
    for (name, mut service) in std::mem::take(&mut project.services) {
        if chosen.contains(&name) {
            service
                .depends_on
                .retain(|dependency, _| chosen.contains(dependency));
            project.services.insert(name, service);
        } else {
            project.disabled_services.insert(name, service);
        }
    }
    Ok(project)
}

/// The profiles of a named service become active.
fn enable_named(project: &mut Project, names: &[String]) {
    let named = project
        .disabled_services
        .iter()
        .filter(|(key, _)| names.contains(key));
    let profiles: Vec<String> = named
        .flat_map(|(_, service)| service.profiles.clone())
        .collect();
    project.profiles.extend(profiles.iter().cloned());
    let (enabled, disabled) = std::mem::take(&mut project.disabled_services)
        .into_iter()
        .partition(|(_, service)| {
            service
                .profiles
                .iter()
                .any(|profile| profiles.contains(profile))
        });
    project.disabled_services = disabled;
    let enabled: indexmap::IndexMap<_, _> = enabled;
    project.services.extend(enabled);
}

/// What was a warning for a disabled service is an error for one that runs.
fn check_env_files(project: &Project) -> Outcome<()> {
    for warning in &project.warnings {
        let service = warning
            .path
            .as_deref()
            .and_then(|path| path.strip_prefix("services.")?.strip_suffix(".env_file"));
        if let Some(name) = service.filter(|name| project.services.contains_key(*name)) {
            let problem = Problem::Conflict(warning.message.clone());
            let fault = Fault::new(problem, Position::default());
            return Err(fault.under("env_file").under(name).under("services"));
        }
    }
    Ok(())
}

fn unknown(project: &Project, name: &str) -> Box<Fault> {
    let fault = Fault::new(
        Problem::Undefined(format!("there is no service `{name}`")),
        Position::default(),
    );
    let known = project
        .services
        .keys()
        .chain(project.disabled_services.keys());
    match suggest::closest(name, known.map(String::as_str)) {
        Some(close) if close != name => fault.hint(format!("did you mean `{close}`?")),
        _ if project.disabled_services.contains_key(name) => {
            fault.hint("no active profile enables it: use `--profile`")
        }
        _ => fault,
    }
}

/// `*` for anything, `?` for one character.
fn matches(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return name.is_empty();
    };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => {
            name.char_indices()
                .any(|(at, _)| matches(rest, &name[at..]))
                || matches(rest, "")
        }
        '?' => name
            .chars()
            .next()
            .is_some_and(|c| matches(rest, &name[c.len_utf8()..])),
        _ => name.starts_with(first) && matches(rest, &name[first.len_utf8()..]),
    }
}
