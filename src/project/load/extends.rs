//! `extends`: a service that begins where another one ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Loader, Mode, Scope};
use crate::project::error::{Fault, Outcome, Problem, Under as _, circle};
use crate::project::reset::Resets;
use crate::project::resolve_paths::PathBase;
use crate::project::source::Position;
use crate::project::tree::{Mapping, Node, Value};
use crate::project::{canonical, go_path, merge, suggest, unique};

const DEPTH_LIMIT: usize = 100;

/// Files that services extend from, each read once for a set of variables.
#[derive(Debug, Default)]
pub(super) struct Cache {
    files: HashMap<PathBuf, Rc<Base>>,
    resolved: HashMap<(PathBuf, usize, String), Node>,
    /// How many documents were begun: the same file may hold several.
    documents: usize,
}

/// The services of a file that others extend from.
#[derive(Debug)]
struct Base {
    services: Mapping,
    resets: Resets,
}

/// The file a service stands in.
struct Context<'a> {
    file: &'a Path,
    services: &'a Mapping,
    resets: &'a Resets,
    /// Tells the documents of a file apart.
    document: usize,
}

impl Loader {
    /// Completes every service of a document that extends another one.
    pub(super) fn apply_extends(
        &mut self,
        document: &mut Node,
        file: &Path,
        scope: &Scope,
        resets: &Resets,
    ) -> Outcome<()> {
        let Some(services) = document.get("services") else {
            return Ok(());
        };
        let Some(services) = services.as_mapping() else {
            return Err(Fault::wrong_type("a mapping", services)).under("services");
        };
        self.extends.documents += 1;
        let document_number = self.extends.documents;
        let context = Context {
            file,
            services,
            resets,
            document: document_number,
        };
        let extending = services
            .iter()
            .filter(|(_, node)| node.get("extends").is_some())
            .map(|(name, _)| name.clone());
        let mut completed = Vec::new();
        for name in extending {
            let service = self
                .extended(&name, &context, scope, &mut Vec::new())
                .under(&name)
                .under("services")?;
            completed.push((name, service));
        }
        if let Some(services) = document
            .as_mapping_mut()
            .and_then(|document| document.get_mut("services"))
        {
            for (name, service) in completed {
                if let (Some(services), Some(service)) = (services.as_mapping_mut(), service) {
                    services.insert(name, service);
                }
            }
        }
        Ok(())
    }

    /// A service with all that it extends; `None` if it is empty.
    fn extended(
        &mut self,
        name: &str,
        context: &Context<'_>,
        scope: &Scope,
        trail: &mut Vec<(PathBuf, String)>,
    ) -> Outcome<Option<Node>> {
        let Some(service) = context
            .services
            .get(name)
            .filter(|service| !service.is_null())
        else {
            return Ok(None);
        };
        let Some(mapping) = service.as_mapping() else {
            return Err(Fault::wrong_type("a mapping", service));
        };
        let Some(extends) = mapping.get("extends").filter(|extends| !extends.is_null()) else {
            return Ok(Some(service.clone()));
        };
        let here = (context.file.to_owned(), name.to_owned());
        let key = (context.file.to_owned(), context.document, name.to_owned());
        if let Some(known) = self.extends.resolved.get(&key) {
            return Ok(Some(known.clone()));
        }
        if trail.len() >= DEPTH_LIMIT {
            let problem = Problem::TooLarge(format!(
                "more than {DEPTH_LIMIT} services extend one another"
            ));
            return Err(Fault::new(problem, extends.at));
        }
        if trail.contains(&here) {
            let chain: Vec<&str> = trail
                .iter()
                .map(|(_, name)| name.as_str())
                .chain([name])
                .collect();
            let message = format!(
                "services extend one another in a circle: {}",
                circle(&chain)
            );
            return Err(Fault::new(Problem::Cycle(message), extends.at));
        }
        trail.push(here);
        let base = self.base_of(extends, context, scope, trail);
        trail.pop();
        // The path is that of the service that was asked for, the place that of the service at fault.
        let base = if trail.is_empty() {
            base.under("extends")
        } else {
            base
        };
        let mut own = service.clone();
        if let Some(own) = own.as_mapping_mut() {
            own.shift_remove("extends");
        }
        let merged = match base? {
            None => own,
            Some(mut base) => {
                context
                    .resets
                    .apply_to_resource("services", name, &mut base);
                if let Some(base) = base.as_mapping_mut() {
                    base.shift_remove("extends");
                }
                merge::merge_service(base, own, name)?
            }
        };
        self.extends.resolved.insert(key, merged.clone());
        Ok(Some(merged))
    }

    /// The service that `extends` names, itself extended.
    fn base_of(
        &mut self,
        extends: &Node,
        context: &Context<'_>,
        scope: &Scope,
        trail: &mut Vec<(PathBuf, String)>,
    ) -> Outcome<Option<Node>> {
        let (name, file) = match &extends.value {
            Value::String(name) => (name.as_str(), None),
            Value::Mapping(mapping) => {
                let service = mapping.get("service").and_then(Node::as_str);
                let missing = || Fault::new(Problem::MissingKey("service"), extends.at);
                (
                    service.ok_or_else(missing)?,
                    mapping.get("file").filter(|file| !file.is_null()),
                )
            }
            _ => return Err(Fault::wrong_type("a name or a mapping", extends)),
        };
        let Some(file) = file else {
            check_name(name, context.services, context.file, extends.at)?;
            return self.extended(name, context, scope, trail);
        };
        let path = file
            .as_str()
            .ok_or_else(|| Fault::wrong_type("a path", file))
            .under("file")?;
        let path = PathBuf::from(absolute(&scope.directory, path));
        let base = self.base_file(&path, scope, file.at)?;
        check_name(name, &base.services, &path, extends.at)?;
        let context = Context {
            file: &path,
            services: &base.services,
            resets: &base.resets,
            document: 0,
        };
        self.extended(name, &context, scope, trail)
    }

    fn base_file(&mut self, path: &Path, scope: &Scope, at: Position) -> Outcome<Rc<Base>> {
        if let Some(base) = self.extends.files.get(path) {
            return Ok(Rc::clone(base));
        }
        let mut model = Node::mapping(Mapping::new(), at);
        let mut all_resets = Resets::default();
        for mut document in self.read_documents(path, at)? {
            let resets = Resets::collect(&mut document);
            self.prepare(&mut document, scope)?;
            resets.apply(&mut model);
            model = merge::merge_models(model, document)?;
            unique::enforce(&mut model)?;
            if self.mode == Mode::FillVariables {
                canonical::canonicalize(&mut model)?;
            } else {
                canonical::canonicalize_leniently(&mut model)?;
            }
            unique::enforce(&mut model)?;
            all_resets = resets;
        }
        // Seen from the project, which makes them absolute if it is asked to.
        let directory = go_path::parent(&path.to_string_lossy());
        let directory = go_path::relative(&scope.directory, &directory);
        PathBase {
            directory: &directory,
            home: self.home.as_deref(),
        }
        .resolve(&mut model)?;
        let services = model
            .as_mapping_mut()
            .and_then(|model| model.shift_remove("services"));
        let Some(Node {
            value: Value::Mapping(services),
            ..
        }) = services
        else {
            return Err(Fault::invalid(
                format!("`{}` has no services", path.display()),
                at,
            ));
        };
        let base = Rc::new(Base {
            services,
            resets: all_resets,
        });
        self.extends.files.insert(path.to_owned(), Rc::clone(&base));
        Ok(base)
    }

    /// Another set of variables begins: nothing that was filled in before holds.
    pub(super) fn take_extends_cache(&mut self) -> Cache {
        std::mem::take(&mut self.extends)
    }
}

/// A path of a file, below the directory unless it is absolute.
pub(super) fn absolute(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        go_path::join(directory, path)
    }
}

fn check_name(name: &str, services: &Mapping, file: &Path, at: Position) -> Outcome<()> {
    if services.contains_key(name) {
        return Ok(());
    }
    let fault = Fault::new(
        Problem::Undefined(format!("`{}` has no service `{name}`", file.display())),
        at,
    );
    Err(match suggest::closest(name, services.keys()) {
        Some(close) => fault.hint(format!("did you mean `{close}`?")),
        None => fault,
    })
}
