//! `include`: projects of their own that become part of this one.

use std::path::PathBuf;

use super::extends::absolute;
use super::{Input, Loader, Scope};
use crate::project::error::{Fault, Outcome, Problem, Under as _, circle};
use crate::project::read::read_file;
use crate::project::tree::{Mapping, Node, Value};
use crate::project::{dotenv, go_path};

const DEPTH_LIMIT: usize = 50;
/// A file counts as often as it is included.
const INCLUDE_LIMIT: usize = 1000;

/// One entry of `include`.
struct Include {
    paths: Vec<String>,
    project_directory: Option<String>,
    env_files: Vec<String>,
    at: crate::project::source::Position,
}

impl Loader {
    /// Loads what a document includes and takes it over.
    pub(super) fn apply_includes(
        &mut self,
        document: &mut Node,
        scope: &Scope,
        included: &mut Vec<PathBuf>,
    ) -> Outcome<()> {
        let Some(include) = document
            .as_mapping_mut()
            .and_then(|document| document.shift_remove("include"))
        else {
            return Ok(());
        };
        for include in read(&include).under("include")? {
            let imported = self.included_model(&include, scope, included)?;
            import(imported, document)?;
        }
        Ok(())
    }

    fn included_model(
        &mut self,
        include: &Include,
        scope: &Scope,
        included: &mut Vec<PathBuf>,
    ) -> Outcome<Node> {
        let paths: Vec<PathBuf> = include
            .paths
            .iter()
            .map(|path| absolute(&scope.directory, path).into())
            .collect();
        let Some(first) = paths.first() else {
            // Its env files are looked at all the same.
            if !include.env_files.is_empty() {
                self.included_environment(include, scope, &scope.directory)?;
            }
            return Ok(Node::mapping(Mapping::new(), include.at));
        };
        self.includes += 1;
        if self.includes > INCLUDE_LIMIT {
            let problem = Problem::TooLarge(format!(
                "the project includes more than {INCLUDE_LIMIT} files"
            ));
            return Err(Fault::new(problem, include.at));
        }
        if included.contains(first) || included.len() > DEPTH_LIMIT {
            let chain: Vec<String> = included
                .iter()
                .chain([first])
                .map(|path| path.display().to_string())
                .collect();
            let message = format!("files include one another in a circle: {}", circle(&chain));
            return Err(Fault::new(Problem::Cycle(message), include.at));
        }
        let directory = match &include.project_directory {
            Some(directory) => absolute(&scope.directory, directory),
            None => go_path::parent(&first.to_string_lossy()),
        };
        let environment = self.included_environment(include, scope, &directory)?;
        let inner = Scope {
            paths: base_of_paths(include, scope, &directory),
            directory,
            environment,
        };
        let inputs = paths
            .into_iter()
            .map(|path| Input {
                path,
                documents: None,
            })
            .collect();
        let outer_cache = self.take_extends_cache();
        let model = self.model(inputs, &inner, included);
        self.extends = outer_cache;
        model
    }

    /// The variables of an included project: ours, then those of its own env file.
    fn included_environment(
        &mut self,
        include: &Include,
        scope: &Scope,
        directory: &str,
    ) -> Outcome<indexmap::IndexMap<String, String>> {
        let mut files = Vec::new();
        if include.env_files.is_empty() {
            let default = PathBuf::from(go_path::join(directory, ".env"));
            if default.metadata().is_ok_and(|meta| !meta.is_dir()) {
                files.push(default);
            }
        }
        for file in include.env_files.iter().filter(|file| *file != "/dev/null") {
            files.push(PathBuf::from(absolute(&scope.directory, file)));
        }
        let mut environment = scope.environment.clone();
        let mut from_files = indexmap::IndexMap::new();
        for path in files {
            let bytes = read_file(&path).map_err(|source| {
                Fault::new(
                    Problem::Unreadable {
                        path: path.clone(),
                        source,
                    },
                    include.at,
                )
            })?;
            let text = String::from_utf8_lossy(&bytes);
            let lookup = |name: &str| scope.environment.get(name).cloned();
            let earlier = |name: &str| from_files.get(name).cloned();
            let missing = &mut self.report.missing;
            let values = dotenv::parse_with(&text, &lookup, &earlier, &mut |name| {
                missing.insert(name.to_owned());
            })
            .map_err(|problem| {
                Fault::new(
                    Problem::EnvFile {
                        path: path.clone(),
                        problem,
                    },
                    include.at,
                )
            })?;
            from_files.extend(values);
        }
        for (name, value) in from_files {
            environment.entry(name).or_insert(value);
        }
        Ok(environment)
    }
}

/// Where the relative paths of an included project begin, seen from ours.
fn base_of_paths(include: &Include, scope: &Scope, directory: &str) -> String {
    match include.project_directory.as_deref() {
        Some(named) if named.starts_with('/') => named.to_owned(),
        // A directory that is not there is taken for a file: its own directory counts.
        Some(named) if !std::path::Path::new(directory).is_dir() => {
            let parent = absolute(&scope.directory, &go_path::parent(named));
            let parent = go_path::relative(&scope.directory, &parent);
            if named.starts_with('~') {
                go_path::parent(named)
            } else {
                parent
            }
        }
        _ => go_path::relative(&scope.directory, directory),
    }
}

fn read(include: &Node) -> Outcome<Vec<Include>> {
    if include.is_null() {
        return Ok(Vec::new());
    }
    let items = include
        .as_sequence()
        .ok_or_else(|| Fault::wrong_type("a list", include))?;
    items
        .iter()
        .enumerate()
        .map(|(index, item)| read_one(item).within(index))
        .collect()
}

fn read_one(item: &Node) -> Outcome<Include> {
    let nothing = Include {
        paths: Vec::new(),
        project_directory: None,
        env_files: Vec::new(),
        at: item.at,
    };
    let mapping = match &item.value {
        Value::String(path) => {
            return Ok(Include {
                paths: vec![path.clone()],
                ..nothing
            });
        }
        Value::Mapping(mapping) => mapping,
        Value::Null => return Ok(nothing),
        _ => return Err(Fault::wrong_type("a path or a mapping", item)),
    };
    let directory = match mapping
        .get("project_directory")
        .filter(|node| !node.is_null())
    {
        Some(node) => Some(
            node.as_str()
                .ok_or_else(|| Fault::wrong_type("a path", node))?
                .to_owned(),
        ),
        None => None,
    };
    Ok(Include {
        paths: strings(mapping, "path")?,
        project_directory: directory.filter(|directory| !directory.is_empty()),
        env_files: strings(mapping, "env_file")?,
        ..nothing
    })
}

fn strings(mapping: &Mapping, key: &str) -> Outcome<Vec<String>> {
    let Some(node) = mapping.get(key).filter(|node| !node.is_null()) else {
        return Ok(Vec::new());
    };
    let items = node.as_sequence().unwrap_or(std::slice::from_ref(node));
    let text = |item: &Node| {
        item.as_str()
            .map(str::to_owned)
            .ok_or_else(|| Fault::wrong_type("a path", item))
    };
    items
        .iter()
        .map(text)
        .collect::<Outcome<Vec<String>>>()
        .under(key)
}

/// Takes over every resource; one that exists already must be the same.
fn import(imported: Node, document: &mut Node) -> Outcome<()> {
    let (Value::Mapping(mut imported), Some(document)) =
        (imported.value, document.as_mapping_mut())
    else {
        return Ok(());
    };
    for section in [
        "services", "volumes", "networks", "secrets", "configs", "models",
    ] {
        let Some(Node {
            value: Value::Mapping(resources),
            at,
            ..
        }) = imported.shift_remove(section)
        else {
            continue;
        };
        let target = document.or_insert_with(section, || Node::mapping(Mapping::new(), at));
        if target.is_null() {
            target.value = Value::Mapping(Mapping::new());
        }
        let Some(target) = target.as_mapping_mut() else {
            continue;
        };
        for (name, resource) in resources {
            match target.get(&name) {
                Some(ours) if !ours.same(&resource) => {
                    let problem = Problem::Conflict(
                        "an included file defines this, too, and otherwise".into(),
                    );
                    let fault = Fault::new(problem, ours.key_at).under(&name).under(section);
                    return Err(fault.hint(
                        "change it in an override file: `include: [{path: [FILE, OVERRIDE]}]`",
                    ));
                }
                Some(_) => {}
                None => {
                    target.insert(name, resource);
                }
            }
        }
    }
    Ok(())
}
