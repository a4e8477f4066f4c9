//! Relative paths into absolute ones.

use super::error::{Fault, Outcome, Under as _};
use super::go_path;
use super::tree::{Key, Mapping, Node, Value};

/// Where relative paths begin.
pub(crate) struct PathBase<'a> {
    pub(crate) directory: &'a str,
    /// What `~` stands for.
    pub(crate) home: Option<&'a str>,
}

impl PathBase<'_> {
    /// Makes every path of a model absolute.
    pub(crate) fn resolve(&self, model: &mut Node) -> Outcome<()> {
        let Some(model) = model.as_mapping_mut() else {
            return Ok(());
        };
        if let Some(services) = model.get_mut("services").and_then(Node::as_mapping_mut) {
            for (name, service) in services.iter_mut() {
                if let Some(service) = service.as_mapping_mut() {
                    self.service(service).under(name).under("services")?;
                }
            }
        }
        for section in ["configs", "secrets"] {
            for (_, object) in entries(model.get_mut(section)) {
                if let Some(file) = object
                    .as_mapping_mut()
                    .and_then(|object| object.get_mut("file"))
                {
                    self.unix_path(file);
                }
            }
        }
        for (_, volume) in entries(model.get_mut("volumes")) {
            self.bound_volume(volume);
        }
        Ok(())
    }

    fn service(&self, service: &mut Mapping) -> Outcome<()> {
        for (key, node) in service.iter_mut() {
            match key.as_str() {
                "build" => self.build(node),
                "env_file" => self.each(node, |base, entry| {
                    if let Some(path) = entry
                        .as_mapping_mut()
                        .and_then(|entry| entry.get_mut("path"))
                    {
                        base.path(path);
                    }
                }),
                "label_file" => self.each(node, Self::path),
                "extends" => {
                    if let Some(file) = node
                        .as_mapping_mut()
                        .and_then(|extends| extends.get_mut("file"))
                    {
                        self.path(file);
                    }
                }
                "develop" => {
                    if let Some(watch) = node
                        .as_mapping_mut()
                        .and_then(|develop| develop.get_mut("watch"))
                    {
                        self.each(watch, |base, trigger| {
                            if let Some(path) = trigger
                                .as_mapping_mut()
                                .and_then(|trigger| trigger.get_mut("path"))
                            {
                                base.path(path);
                                follow_links(path);
                            }
                        });
                    }
                }
                "volumes" => self.volumes(node).under(key)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn build(&self, node: &mut Node) {
        let Some(build) = node.as_mapping_mut() else {
            return;
        };
        if let Some(context) = build.get_mut("context") {
            self.context(context);
        }
        for (_, context) in entries(build.get_mut("additional_contexts")) {
            self.context(context);
        }
    }

    fn each(&self, list: &mut Node, resolve: fn(&Self, &mut Node)) {
        list.as_sequence_mut()
            .into_iter()
            .flatten()
            .for_each(|item| resolve(self, item));
    }

    fn volumes(&self, list: &mut Node) -> Outcome<()> {
        for (index, volume) in list.as_sequence_mut().into_iter().flatten().enumerate() {
            let at = volume.at;
            let Some(mapping) = volume.as_mapping_mut() else {
                continue;
            };
            if mapping.get("type").and_then(Node::as_str) != Some("bind") {
                continue;
            }
            if let Some(source) = mapping.get_mut("source") {
                self.unix_path(source);
            } else {
                let fault = Fault::invalid("a mount of type `bind` needs a source", at);
                return Err(fault.hint("add `source: ./path`")).within(index);
            }
        }
        Ok(())
    }

    /// `driver_opts: {o: bind, device: ./x}` is a bind mount in disguise.
    fn bound_volume(&self, volume: &mut Node) {
        let Some(mapping) = volume.as_mapping_mut() else {
            return;
        };
        if mapping.get("driver").and_then(Node::as_str) != Some("local") {
            return;
        }
        let Some(options) = mapping
            .get_mut("driver_opts")
            .and_then(Node::as_mapping_mut)
        else {
            return;
        };
        if options.get("o").and_then(Node::as_str) == Some("bind")
            && let Some(device) = options.get_mut("device")
        {
            self.unix_path(device);
        }
    }

    fn path(&self, node: &mut Node) {
        if let Value::String(path) = &mut node.value {
            *path = self.expand_home(path);
            if !path.starts_with('/') && !path.is_empty() {
                *path = go_path::join(self.directory, path);
            }
        }
    }

    fn unix_path(&self, node: &mut Node) {
        if let Value::String(path) = &mut node.value {
            *path = self.expand_home(path);
            if !path.starts_with('/') && !go_path::is_windows_absolute(path) {
                *path = go_path::join(self.directory, path);
            }
        }
    }

    fn context(&self, node: &mut Node) {
        let remote = |path: &str| {
            let prefixes = [
                "https://",
                "http://",
                "git://",
                "ssh://",
                "github.com/",
                "git@",
            ];
            path.contains("://")
                || prefixes.iter().any(|prefix| path.starts_with(prefix))
                || path.starts_with("service:")
        };
        if !node.as_str().is_some_and(remote) {
            self.path(node);
        }
    }

    fn expand_home(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) => go_path::join(home, rest),
            _ => path.to_owned(),
        }
    }
}

fn entries(node: Option<&mut Node>) -> impl Iterator<Item = (&Key, &mut Node)> {
    node.and_then(Node::as_mapping_mut).into_iter().flatten()
}

fn follow_links(node: &mut Node) {
    if let Value::String(path) = &mut node.value
        && path.starts_with('/')
        && let Ok(real) = std::fs::canonicalize(&*path)
    {
        *path = real.to_string_lossy().into_owned();
    }
}
