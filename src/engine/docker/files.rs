//! Configs and secrets whose content comes from the compose file or the environment: copied into the container.

use crate::project::model::{FileObject, FileReference, Project, Service};

/// A file to be copied into a container before its start.
pub(super) struct InlineFile {
    pub target: String,
    pub content: Vec<u8>,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
}

/// The inline files of a service.
pub(super) fn inline(project: &Project, service: &Service) -> Vec<InlineFile> {
    let secrets = references(
        &service.secrets,
        |s| project.secrets.get(s),
        "/run/secrets/",
    );
    let configs = references(&service.configs, |s| project.configs.get(s), "/");
    secrets
        .chain(configs)
        .filter_map(|(reference, object, target)| file(reference, object, target))
        .collect()
}

/// References with their objects and absolute targets.
pub(super) fn references<'a>(
    references: &'a [FileReference],
    find: impl Fn(&str) -> Option<&'a FileObject> + 'a,
    folder: &'static str,
) -> impl Iterator<Item = (&'a FileReference, &'a FileObject, String)> {
    references.iter().filter_map(move |reference| {
        let source = reference.source.as_deref()?;
        let target = reference.target.as_deref().unwrap_or(source);
        let target = if target.starts_with('/') {
            target.to_owned()
        } else {
            format!("{folder}{target}")
        };
        Some((reference, find(source)?, target))
    })
}

fn file(reference: &FileReference, object: &FileObject, target: String) -> Option<InlineFile> {
    let content = object
        .content
        .as_ref()
        .or(object.environment_value.as_ref())?;
    let number = |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok()).unwrap_or(0);
    let mode = reference
        .mode
        .as_ref()
        .map_or(0o444, |m| u32::try_from(m.0).unwrap_or(0o444));
    Some(InlineFile {
        target,
        content: content.clone().into_bytes(),
        mode,
        uid: number(&reference.uid),
        gid: number(&reference.gid),
    })
}

/// A tar archive (ustar) of the files, relative to `/`.
pub(super) fn tar(files: &[InlineFile]) -> Vec<u8> {
    let mut archive = Vec::new();
    for file in files {
        archive.extend_from_slice(&header(file));
        archive.extend_from_slice(&file.content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn header(file: &InlineFile) -> [u8; 512] {
    let mut header = [0_u8; 512];
    let name = file.target.trim_start_matches('/').as_bytes();
    let (prefix, name) = split(name);
    put(&mut header, 0, name);
    put(
        &mut header,
        100,
        format!("{:07o}\0", file.mode & 0o7777).as_bytes(),
    );
    put(&mut header, 108, format!("{:07o}\0", file.uid).as_bytes());
    put(&mut header, 116, format!("{:07o}\0", file.gid).as_bytes());
    put(
        &mut header,
        124,
        format!("{:011o}\0", file.content.len()).as_bytes(),
    );
    put(&mut header, 136, b"00000000000\0");
    put(&mut header, 148, b"        ");
    put(&mut header, 156, b"0");
    put(&mut header, 257, b"ustar\x0000");
    put(&mut header, 345, prefix);
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
    header
}

/// A name beyond 100 bytes goes in two parts, divided at a slash.
fn split(name: &[u8]) -> (&[u8], &[u8]) {
    if name.len() <= 100 {
        return (b"", name);
    }
    let at = (0..name.len()).find(|i| name[*i] == b'/' && name.len() - i - 1 <= 100);
    at.map_or((b"".as_slice(), &name[..100]), |at| {
        (&name[..at.min(155)], &name[at + 1..])
    })
}

fn put(header: &mut [u8; 512], at: usize, bytes: &[u8]) {
    header[at..at + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_read_by_tar() {
        let file = InlineFile {
            target: "/run/secrets/key".into(),
            content: b"value\n".to_vec(),
            mode: 0o400,
            uid: 1000,
            gid: 1000,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.tar");
        std::fs::write(&path, tar(&[file])).expect("written");
        let listed = std::process::Command::new("tar")
            .arg("-tvf")
            .arg(&path)
            .output()
            .expect("tar");
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            text.starts_with("-r-------- 1000/1000") && text.contains("run/secrets/key"),
            "{text}"
        );
    }
}
