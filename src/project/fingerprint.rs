//! What stands in the files that a service mounts: Compose's hash does not see it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hash::hex;
use super::model::{FileObject, FileReference, Project, Service};

/// Larger files count by their size alone.
const FILE_LIMIT: u64 = 1024 * 1024;
/// More entries of a directory are not looked at.
const ENTRY_LIMIT: usize = 1000;

/// The contents of everything that a service mounts from files of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFingerprint {
    /// Over all items.
    pub digest: String,
    /// One for each config, secret and mounted file, in the order of the service.
    pub items: Vec<ContentItem>,
}

/// One config, secret or mounted path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentItem {
    /// `config web.conf`, `secret db`, `file ./nginx.conf`.
    pub name: String,
    /// Over its content.
    pub digest: String,
}

/// A file whose content is needed cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be read", path.display())]
pub struct ContentError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

impl Project {
    /// The fingerprint of a service's configs, secrets and bind-mounted files inside the project directory;
    /// `None` where there are none.
    pub fn content_fingerprint(
        &self,
        service: &str,
    ) -> Result<Option<ContentFingerprint>, ContentError> {
        let Some(service) = self.service(service) else {
            return Ok(None);
        };
        let mut items = Vec::new();
        for reference in &service.configs {
            items.extend(object_item("config", reference, &self.configs)?);
        }
        for reference in &service.secrets {
            items.extend(object_item("secret", reference, &self.secrets)?);
        }
        for path in self.mounted_paths(service) {
            items.extend(path_item(&self.working_dir, &path)?);
        }
        if items.is_empty() {
            return Ok(None);
        }
        let mut all = Sha256::new();
        for item in &items {
            part(&mut all, item.name.as_bytes());
            part(&mut all, item.digest.as_bytes());
        }
        Ok(Some(ContentFingerprint {
            digest: hex(&all.finalize()),
            items,
        }))
    }

    fn mounted_paths(&self, service: &Service) -> Vec<PathBuf> {
        let binds = service
            .volumes
            .iter()
            .filter(|volume| volume.r#type.as_deref() == Some("bind"));
        let sources = binds.filter_map(|volume| volume.source.as_ref().map(PathBuf::from));
        // The project directory as a whole changes with every release: it says nothing.
        sources
            .filter(|path| path.starts_with(&self.working_dir) && *path != self.working_dir)
            .collect()
    }
}

fn object_item(
    kind: &str,
    reference: &FileReference,
    objects: &indexmap::IndexMap<String, FileObject>,
) -> Result<Option<ContentItem>, ContentError> {
    let Some(key) = &reference.source else {
        return Ok(None);
    };
    let Some(object) = objects.get(key).filter(|object| !object.external) else {
        return Ok(None);
    };
    let mut hash = Sha256::new();
    match (&object.file, &object.content, &object.environment_value) {
        (Some(file), _, _) => file_content(&mut hash, Path::new(file))?,
        (None, Some(content), _) => part(&mut hash, content.as_bytes()),
        (None, None, Some(value)) => part(&mut hash, value.as_bytes()),
        (None, None, None) => return Ok(None),
    }
    Ok(Some(ContentItem {
        name: format!("{kind} {key}"),
        digest: hex(&hash.finalize()),
    }))
}

/// A path that does not exist yet has no content: the engine makes a directory of it.
fn path_item(directory: &Path, path: &Path) -> Result<Option<ContentItem>, ContentError> {
    let Ok(meta) = std::fs::metadata(path) else {
        return Ok(None);
    };
    let mut hash = Sha256::new();
    if meta.is_dir() {
        let mut left = ENTRY_LIMIT;
        directory_content(&mut hash, path, path, &mut left)?;
    } else if meta.is_file() {
        file_content(&mut hash, path)?;
    } else {
        return Ok(None);
    }
    let shown = path.strip_prefix(directory).unwrap_or(path);
    Ok(Some(ContentItem {
        name: format!("file ./{}", shown.display()),
        digest: hex(&hash.finalize()),
    }))
}

fn directory_content(
    hash: &mut Sha256,
    root: &Path,
    path: &Path,
    left: &mut usize,
) -> Result<(), ContentError> {
    let fault = |source| ContentError {
        path: path.to_owned(),
        source,
    };
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fault)? {
        entries.push(entry.map_err(fault)?.path());
    }
    entries.sort();
    for entry in entries {
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        // Links are not followed: they may lead out of the project, or in circles.
        let Ok(meta) = std::fs::symlink_metadata(&entry) else {
            continue;
        };
        let name = entry
            .strip_prefix(root)
            .unwrap_or(&entry)
            .to_string_lossy()
            .into_owned();
        if meta.is_dir() {
            directory_content(hash, root, &entry, left)?;
        } else if meta.is_file() && meta.len() <= FILE_LIMIT {
            part(hash, name.as_bytes());
            file_content(hash, &entry)?;
        }
    }
    Ok(())
}

fn file_content(hash: &mut Sha256, path: &Path) -> Result<(), ContentError> {
    let fault = |source| ContentError {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    let size = file.metadata().map_err(fault)?.len();
    if size > FILE_LIMIT {
        part(hash, &size.to_be_bytes());
        return Ok(());
    }
    let mut content = Vec::new();
    file.take(FILE_LIMIT)
        .read_to_end(&mut content)
        .map_err(fault)?;
    part(hash, &content);
    Ok(())
}

/// The length in front keeps two parts apart.
fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
