//! `env_file` and `label_file`: values that the containers get from files.

use std::path::Path;

use indexmap::IndexMap;

use super::Loader;
use crate::project::dotenv;
use crate::project::error::{Fault, Outcome, Problem, Under as _};
use crate::project::model::{EnvFile, Project, Service, Warning};
use crate::project::read::read_file;
use crate::project::source::Position;

impl Loader {
    /// Reads the env files of every service; those of disabled ones need not be there.
    pub(super) fn resolve_environments(&mut self, project: &mut Project) -> Outcome<()> {
        let environment = std::mem::take(&mut project.environment);
        let result = self.resolve_each_environment(project, &environment);
        project.environment = environment;
        result
    }

    fn resolve_each_environment(
        &mut self,
        project: &mut Project,
        environment: &IndexMap<String, String>,
    ) -> Outcome<()> {
        for (name, service) in &mut project.services {
            service.resolved_environment = self
                .service_environment(service, environment)
                .under(name)
                .under("services")?;
        }
        for (name, service) in &mut project.disabled_services {
            match self.service_environment(service, environment) {
                Ok(resolved) => service.resolved_environment = resolved,
                Err(fault) => {
                    let message = format!(
                        "the disabled service `{name}` cannot run: {}",
                        fault.problem
                    );
                    self.warnings.push(Warning {
                        message,
                        path: Some(format!("services.{name}.env_file")),
                    });
                }
            }
        }
        Ok(())
    }

    /// Reads the label files of every enabled service.
    pub(super) fn resolve_labels(&mut self, project: &mut Project) -> Outcome<()> {
        for (name, service) in &mut project.services {
            self.add_labels(service).under(name).under("services")?;
        }
        for service in project.disabled_services.values_mut() {
            // One that is missing shows when the service is run: its labels are no condition of the others.
            let _ = self.add_labels(service);
        }
        Ok(())
    }

    /// `None` where it is the `environment` of the service, as it stands.
    fn service_environment(
        &mut self,
        service: &Service,
        environment: &IndexMap<String, String>,
    ) -> Outcome<Option<IndexMap<String, Option<String>>>> {
        if service.env_file.is_empty() && service.environment.values().all(Option::is_some) {
            return Ok(None);
        }
        let own = |name: &str| service.environment.get(name).cloned().flatten();
        let mut values: IndexMap<String, String> = service
            .environment
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
            .collect();
        for (index, file) in service.env_file.iter().enumerate() {
            let lookup = |name: &str| environment.get(name).cloned().or_else(|| own(name));
            let known = values.clone();
            let read = self
                .read_env_file(file, &known, &lookup)
                .within(index)
                .under("env_file")?;
            values.extend(read);
        }
        let mut resolved: IndexMap<String, Option<String>> = values
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect();
        for (name, value) in &service.environment {
            let value = value.clone().or_else(|| environment.get(name).cloned());
            resolved.insert(name.clone(), value);
        }
        Ok(Some(resolved))
    }

    fn read_env_file(
        &mut self,
        file: &EnvFile,
        known: &IndexMap<String, String>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Outcome<IndexMap<String, String>> {
        let path = Path::new(&file.path);
        let Some(text) = self.read_value_file(path, file.required)? else {
            return Ok(IndexMap::new());
        };
        let lookup_known = |name: &str| lookup(name).or_else(|| known.get(name).cloned());
        let result = match file.format.as_deref() {
            None | Some("") => {
                let missing = &mut self.report.missing;
                dotenv::parse_with(&text, &lookup, &lookup_known, &mut |name| {
                    missing.insert(name.to_owned());
                })
            }
            Some("raw") => dotenv::parse_raw(&text, &lookup_known),
            Some(format) => {
                let fault = Fault::invalid(
                    format!("the format `{format}` is not known"),
                    Position::default(),
                );
                return Err(fault.hint("the only format is `raw`"));
            }
        };
        let mut values = result.map_err(|problem| {
            Fault::new(
                Problem::EnvFile {
                    path: path.to_owned(),
                    problem,
                },
                Position::default(),
            )
        })?;
        self.apply_rewritten(path, &mut values);
        Ok(values)
    }

    /// The same file as an env file of the project: it will hold the new tag.
    fn apply_rewritten(&self, path: &Path, values: &mut IndexMap<String, String>) {
        if self.rewritten.values.is_empty() {
            return;
        }
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.rewritten.files.contains(&real) {
            values.extend(self.rewritten.values.clone());
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a part of its steps")]
    fn read_value_file(&self, path: &Path, required: bool) -> Outcome<Option<String>> {
        match read_file(path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => {
                let fault = Fault::new(
                    Problem::Unreadable {
                        path: path.to_owned(),
                        source,
                    },
                    Position::default(),
                );
                Err(fault.hint("create the file, or write `required: false` beside its `path:`"))
            }
        }
    }

    fn add_labels(&mut self, service: &mut Service) -> Outcome<()> {
        let mut labels: IndexMap<String, String> = IndexMap::new();
        for (index, file) in service.label_file.iter().enumerate() {
            let path = Path::new(file);
            let text = self
                .read_value_file(path, true)
                .within(index)
                .under("label_file")?
                .unwrap_or_default();
            // Compose shows a label file nothing but the labels of the files before it.
            let earlier = |name: &str| labels.get(name).cloned();
            let missing = &mut self.report.missing;
            let values = dotenv::parse_with(&text, &|_| None, &earlier, &mut |name| {
                missing.insert(name.to_owned());
            });
            let fault = |problem| {
                Fault::new(
                    Problem::EnvFile {
                        path: path.to_owned(),
                        problem,
                    },
                    Position::default(),
                )
            };
            labels.extend(values.map_err(fault)?);
        }
        if !labels.is_empty() {
            labels.extend(std::mem::take(&mut service.labels));
            service.labels = labels;
        }
        Ok(())
    }
}
