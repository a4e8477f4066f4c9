//! Fingerprints of content that a container sees and its config hash does not: configs, secrets, bind-mounted files.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::model::{FileObject, FileReference, Project, Service};

/// A larger file is judged by its size and time, not read.
const LARGEST: u64 = 1024 * 1024;
/// So many entries of a mounted folder are looked at.
const MOST: usize = 1000;

/// What a service's containers see of files and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFingerprint {
    /// Over all items: 64 hexadecimal digits.
    pub fingerprint: String,
    /// Each item with its own fingerprint.
    pub items: Vec<ContentItem>,
}

/// One config, secret or bind mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentItem {
    /// For people: `nginx.conf`, `secret db_password`.
    pub name: String,
    /// 64 hexadecimal digits.
    pub fingerprint: String,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}` of service `{service}`", path.display())]
pub struct ContentError {
    /// The service.
    pub service: String,
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: std::io::Error,
}

impl Project {
    /// The fingerprint of a service's configs, secrets and bind mounts inside the project directory; `None` without any.
    ///
    /// docker compose does not see such a change (its hash covers paths, not content).
    pub fn content_fingerprint(
        &self,
        service: &str,
    ) -> Result<Option<ContentFingerprint>, ContentError> {
        let Some(found) = self.service(service) else {
            return Ok(None);
        };
        let mut items = Vec::new();
        for (kind, references) in [("secret", &found.secrets), ("config", &found.configs)] {
            for reference in references {
                items.extend(self.file_object(service, kind, reference)?);
            }
        }
        items.extend(self.binds(service, found)?);
        if items.is_empty() {
            return Ok(None);
        }
        let mut whole = Sha256::new();
        for item in &items {
            whole.update(format!("{}\0{}\0", item.name, item.fingerprint));
        }
        Ok(Some(ContentFingerprint {
            fingerprint: hexadecimal(whole),
            items,
        }))
    }

    fn file_object(
        &self,
        service: &str,
        kind: &str,
        reference: &FileReference,
    ) -> Result<Option<ContentItem>, ContentError> {
        let Some(source) = &reference.source else {
            return Ok(None);
        };
        let objects = if kind == "secret" {
            &self.secrets
        } else {
            &self.configs
        };
        let Some(object) = objects.get(source) else {
            return Ok(None);
        };
        // The name of service and object keep equal secrets from having equal fingerprints.
        let mut hash =
            Sha256::new_with_prefix(format!("{}\0{service}\0{kind}\0{source}\0", self.name));
        match object {
            FileObject {
                content: Some(content),
                ..
            } => hash.update(content),
            FileObject {
                environment_value: Some(value),
                ..
            } => hash.update(value),
            FileObject {
                file: Some(file), ..
            } => match add_path(&mut hash, Path::new(file), &mut 0) {
                Ok(()) => {}
                Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(source) => {
                    return Err(ContentError {
                        service: service.to_owned(),
                        path: file.into(),
                        source,
                    });
                }
            },
            _ => return Ok(None),
        }
        Ok(Some(ContentItem {
            name: format!("{kind} {source}"),
            fingerprint: hexadecimal(hash),
        }))
    }

    fn binds(&self, name: &str, service: &Service) -> Result<Vec<ContentItem>, ContentError> {
        let mut items = Vec::new();
        for mount in service
            .volumes
            .iter()
            .filter(|v| v.r#type.as_deref() == Some("bind"))
        {
            let Some(source) = mount.source.as_deref().map(Path::new) else {
                continue;
            };
            // What a container writes to is its data, not its configuration.
            let (true, Ok(relative)) = (
                is_configuration(mount.read_only, source),
                source.strip_prefix(&self.working_dir),
            ) else {
                continue;
            };
            let mut hash = Sha256::new_with_prefix(format!("{}\0{name}\0", self.name));
            match add_path(&mut hash, source, &mut 0) {
                Ok(()) => items.push(ContentItem {
                    name: relative.display().to_string(),
                    fingerprint: hexadecimal(hash),
                }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(ContentError {
                        service: name.to_owned(),
                        path: source.to_owned(),
                        source: error,
                    });
                }
            }
        }
        Ok(items)
    }
}

/// A file, or a folder that is mounted read-only.
fn is_configuration(read_only: bool, source: &Path) -> bool {
    read_only || source.is_file()
}

/// Adds a file, or a folder's entries in order.
fn add_path(hash: &mut Sha256, path: &Path, entries: &mut usize) -> std::io::Result<()> {
    *entries += 1;
    if *entries > MOST {
        return Ok(());
    }
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        let mut names: Vec<PathBuf> = std::fs::read_dir(path)?
            .map(|e| e.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        names.sort();
        for name in names {
            hash.update(name.file_name().unwrap_or_default().as_encoded_bytes());
            hash.update([0]);
            add_path(hash, &name, entries)?;
        }
        return Ok(());
    }
    if !metadata.is_file() {
        return Ok(());
    }
    hash.update(metadata.len().to_le_bytes());
    if metadata.len() > LARGEST {
        let modified = metadata
            .modified()?
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        hash.update(modified.as_nanos().to_le_bytes());
        return Ok(());
    }
    let mut content = Vec::new();
    std::fs::File::open(path)?
        .take(LARGEST)
        .read_to_end(&mut content)?;
    hash.update(&content);
    Ok(())
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::model::VolumeMount;

    fn project(directory: &Path, read_only: bool, source: &str) -> Project {
        let mount = VolumeMount {
            r#type: Some("bind".into()),
            source: Some(directory.join(source).display().to_string()),
            target: Some("/x".into()),
            read_only,
            ..VolumeMount::default()
        };
        let mut project = Project {
            name: "p".into(),
            working_dir: directory.to_owned(),
            ..Project::default()
        };
        project.services.insert(
            "web".into(),
            Service {
                volumes: vec![mount],
                ..Service::default()
            },
        );
        project
    }

    #[test]
    fn a_mounted_files_content_is_seen_and_nothing_else_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("nginx.conf");
        let of = |text: &str| {
            std::fs::write(&file, text).expect("written");
            project(folder.path(), true, "nginx.conf")
                .content_fingerprint("web")
                .expect("read")
                .expect("some")
        };
        let (first, second, again) = (of("a"), of("b"), of("a"));
        assert_eq!(first, again);
        assert_ne!(first.fingerprint, second.fingerprint);
        assert_eq!(first.items[0].name, "nginx.conf");
    }

    #[test]
    fn a_writable_folder_is_data_and_has_no_fingerprint() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("made");
        assert_eq!(
            project(folder.path(), false, "data")
                .content_fingerprint("web")
                .expect("read"),
            None
        );
        assert!(
            project(folder.path(), true, "data")
                .content_fingerprint("web")
                .expect("read")
                .is_some()
        );
    }
}
