//! From the files of a project to its model.

mod environment;
mod extends;
mod files;
mod include;
mod place;
mod select;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::decode::{self, Decoded};
use super::error::{Fault, LoadError, Outcome, Problem};
use super::interpolate::{Interpolation, Report};
use super::locate::{FileSource, LoadOptions, Location, Skip};
use super::model::{InterpolationEnvironment, Project, Warning};
use super::source::{Position, Sources};
use super::tree::{Mapping, Node};
pub(crate) use place::placed;

use super::{consistency, intention, interpolate, normalize, project_name};

/// Reads the files of a project and resolves them.
pub fn load(location: &Location, options: &LoadOptions) -> Result<Project, LoadError> {
    let mut loader = Loader::new(location, options);
    let result = loader.project(location, options);
    result.map_err(|mut fault| {
        intention::add(&mut fault, &loader.report);
        placed(fault.locate(&loader.sources), location, options)
    })
}

/// The merged model before it is typed, for printing it without variables filled in.
pub(crate) fn load_raw(location: &Location, options: &LoadOptions) -> Result<Node, LoadError> {
    let mut loader = Loader::new(location, options);
    loader.mode = Mode::KeepVariables;
    let result = loader.complete_model(location, options);
    let (mut tree, name, _) = result.map_err(|fault| fault.locate(&loader.sources))?;
    if let Some(tree) = tree.as_mapping_mut() {
        tree.insert("name", Node::string(name.clone(), Position::default()));
    }
    if !options.skip.normalization {
        normalize::normalize(&mut tree, &name, &IndexMap::new());
    }
    Ok(tree)
}

/// An interval for a start that has no period: `config` takes it, `up` does not.
fn idle_intervals(project: &Project) -> impl Iterator<Item = Warning> {
    let idle = project.services.iter().filter(|(_, service)| {
        let health = service.healthcheck.as_ref();
        health.is_some_and(|h| h.start_interval.is_some() && h.start_period.is_none())
    });
    idle.map(|(name, _)| Warning {
        message: "`start_interval` has no effect without `start_period`; docker compose does not start such a service"
            .into(),
        path: Some(format!("services.{name}.healthcheck.start_interval")),
    })
}

/// Whether variables are filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    FillVariables,
    KeepVariables,
}

/// What all stages share.
struct Loader {
    sources: Sources,
    report: Report,
    home: Option<String>,
    mode: Mode,
    extends: extends::Cache,
    /// Env files whose tag line is about to be rewritten, and the new lines.
    rewritten: Rewritten,
    warnings: Vec<Warning>,
    /// How many files were included.
    includes: usize,
    skip: Skip,
}

/// Values that an env file will have after the release, though it has others now.
struct Rewritten {
    files: Vec<PathBuf>,
    values: IndexMap<String, String>,
}

/// Where a group of files belongs: its directory and its variables.
struct Scope {
    directory: String,
    /// Where its relative paths begin, seen from the project that includes it.
    paths: String,
    environment: IndexMap<String, String>,
}

/// A Compose file: its path, and its documents if they were read already.
struct Input {
    path: PathBuf,
    documents: Option<Vec<Node>>,
}

impl Loader {
    fn new(location: &Location, options: &LoadOptions) -> Self {
        let canonical =
            |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        Self {
            sources: Sources::default(),
            report: Report::default(),
            home: options
                .process_environment
                .get("HOME")
                .cloned()
                .filter(|home| !home.is_empty()),
            mode: Mode::FillVariables,
            extends: extends::Cache::default(),
            rewritten: Rewritten {
                files: location
                    .env_files
                    .iter()
                    .chain(&location.default_env_file)
                    .map(canonical)
                    .collect(),
                values: options.overrides.clone(),
            },
            warnings: Vec::new(),
            includes: 0,
            skip: options.skip,
        }
    }

    fn project(&mut self, location: &Location, options: &LoadOptions) -> Outcome<Project> {
        let (mut tree, name, environment) = self.complete_model(location, options)?;
        if !self.skip.normalization {
            normalize::normalize(&mut tree, &name, &environment);
        }
        let decoded = decode::decode(tree)?;
        let mut project = self.assemble(decoded, name, environment, location);
        select::by_profiles(&mut project);
        if !self.skip.consistency {
            consistency::check(&project)?;
            consistency::align_replicas(&mut project);
        }
        if !self.skip.env_files {
            self.resolve_environments(&mut project)?;
        }
        self.resolve_labels(&mut project)?;
        self.collect_warnings(&mut project);
        Ok(project)
    }

    /// Every file merged, checked and made absolute; the name of the project and its variables.
    fn complete_model(
        &mut self,
        location: &Location,
        options: &LoadOptions,
    ) -> Outcome<(Node, String, IndexMap<String, String>)> {
        let inputs = self.read_inputs(&location.files)?;
        let names: Vec<&Node> = inputs
            .iter()
            .flat_map(|input| input.documents.iter().flatten())
            .filter_map(|doc| doc.get("name"))
            .collect();
        let name = project_name::choose(&names, location, options, &mut self.report)?;
        let mut scope = Scope {
            directory: location.working_dir.to_string_lossy().into_owned(),
            paths: location.working_dir.to_string_lossy().into_owned(),
            environment: location.environment.clone(),
        };
        scope
            .environment
            .insert("COMPOSE_PROJECT_NAME".into(), name.clone());
        let tree = self.model(inputs, &scope, &mut Vec::new())?;
        if tree.as_mapping().is_none_or(Mapping::is_empty) {
            return Err(Fault::new(
                Problem::Syntax("the Compose file is empty".into()),
                Position::default(),
            ));
        }
        Ok((tree, name, scope.environment))
    }

    fn read_inputs(&mut self, files: &[FileSource]) -> Outcome<Vec<Input>> {
        let mut inputs = Vec::new();
        for file in files {
            inputs.push(match file {
                FileSource::Path(path) => {
                    let documents = self.read_documents(path, Position::default())?;
                    Input {
                        path: path.clone(),
                        documents: Some(documents),
                    }
                }
                FileSource::Stdin(text) => {
                    let path = PathBuf::from("-");
                    let documents = self.parse(&path, text.clone())?;
                    Input {
                        path,
                        documents: Some(documents),
                    }
                }
            });
        }
        Ok(inputs)
    }

    fn read_documents(&mut self, path: &Path, at: Position) -> Outcome<Vec<Node>> {
        let bytes = super::read::read_file(path).map_err(|source| {
            let missing = source.kind() == std::io::ErrorKind::NotFound;
            let fault = Fault::new(
                Problem::Unreadable {
                    path: path.to_owned(),
                    source,
                },
                at,
            );
            if missing {
                fault.hint("check the path, or name the file with `-f`")
            } else {
                fault
            }
        })?;
        match files::decode_text(bytes) {
            Ok(text) => self.parse(path, text),
            Err(bytes) => Err(self.no_text(path, &bytes)),
        }
    }

    fn no_text(&mut self, path: &Path, bytes: &[u8]) -> Box<Fault> {
        let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        let line_start = valid.rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = (
            count(valid.matches('\n').count()),
            count(valid[line_start..].chars().count()),
        );
        let text = String::from_utf8_lossy(bytes).into_owned();
        let at = Position {
            file: self.sources.add(path, text),
            line,
            column,
        };
        let problem = Problem::Syntax("this is no UTF-8 text".into());
        Fault::new(problem, at).hint("save the file as UTF-8")
    }

    fn parse(&mut self, path: &Path, text: String) -> Outcome<Vec<Node>> {
        let file = self.sources.add(path, text);
        super::yaml::parse(self.sources.text(file), file)
    }

    fn interpolate(&mut self, node: &mut Node, scope: &Scope) -> Outcome<()> {
        match self.mode {
            Mode::KeepVariables => {
                let mut copy = node.clone();
                let mut interpolation = Interpolation {
                    environment: &scope.environment,
                    report: &mut self.report,
                };
                // Faults of the values do not matter here: they are not used.
                let _ = interpolate::interpolate(&mut copy, &mut interpolation);
                Ok(())
            }
            Mode::FillVariables => {
                let mut interpolation = Interpolation {
                    environment: &scope.environment,
                    report: &mut self.report,
                };
                interpolate::interpolate(node, &mut interpolation)
            }
        }
    }

    fn assemble(
        &mut self,
        decoded: Decoded,
        name: String,
        environment: IndexMap<String, String>,
        location: &Location,
    ) -> Project {
        Project {
            name,
            working_dir: location.working_dir.clone(),
            config_files: location
                .files
                .iter()
                .map(|file| match file {
                    FileSource::Path(path) => path.clone(),
                    FileSource::Stdin(_) => PathBuf::from("-"),
                })
                .collect(),
            env_files: location.env_files.clone(),
            default_env_file: location.default_env_file.clone(),
            services: decoded.services,
            disabled_services: IndexMap::new(),
            networks: decoded.networks,
            volumes: decoded.volumes,
            secrets: decoded.secrets,
            configs: decoded.configs,
            models: decoded.models,
            environment: InterpolationEnvironment(environment),
            extensions: decoded.extensions,
            variable_uses: std::mem::take(&mut self.report.uses),
            warnings: Vec::new(),
            default_platform: location
                .environment
                .get("DOCKER_DEFAULT_PLATFORM")
                .cloned()
                .filter(|platform| !platform.is_empty()),
            profiles: location.profiles.clone(),
        }
    }

    fn collect_warnings(&mut self, project: &mut Project) {
        let missing = self.report.missing.iter().map(|name| Warning {
            message: format!("the variable `{name}` is not set; it counts as empty"),
            path: project
                .variable_uses
                .iter()
                .find(|one| one.name == *name)
                .map(|one| one.path.clone()),
        });
        let mut all: Vec<Warning> = missing.collect();
        let messages = self.report.warnings.drain(..).map(|message| Warning {
            message,
            path: None,
        });
        all.extend(messages);
        all.append(&mut self.warnings);
        all.extend(idle_intervals(project));
        project.warnings = all;
    }
}
