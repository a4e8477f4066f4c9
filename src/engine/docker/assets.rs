//! Hashed files of one release beside those of another: copied by the engine's archives.

use std::collections::BTreeSet;
use std::time::Duration;

use bollard::models::ChangeType;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::StreamExt as _;

use super::archive::Sieve;
use super::{DockerEngine, errors};
use crate::engine::EngineError;

/// How long a copy may take.
const COPY: Duration = Duration::from_mins(5);
/// A file that the image does not have.
const ADDED: ChangeType = ChangeType::_1;

impl DockerEngine {
    /// Copies the files below `path` of one container that another one lacks.
    ///
    /// What the first one has got this way itself stays behind: files of a release are kept beside those
    /// of the next one, and no longer.
    pub(super) async fn copy_files(
        &self,
        from: &str,
        to: &str,
        path: &str,
    ) -> Result<(), EngineError> {
        let mut known = BTreeSet::new();
        let names = |name: &str| {
            known.insert(name.to_owned());
            false
        };
        self.sifted(to, path, names).await?;
        let borrowed = self.added(from, path).await?;
        let mut copied = false;
        let lacking = |name: &str| {
            let lacking = !known.contains(name) && !borrowed.contains(name);
            copied |= lacking;
            lacking
        };
        let archive = match self.sifted(from, path, lacking).await {
            // The release before had no such folder.
            Err(EngineError::NotFound { .. }) => return Ok(()),
            result => result?,
        };
        if !copied {
            return Ok(());
        }
        let options = UploadToContainerOptionsBuilder::default()
            .path(path)
            .build();
        let body = bollard::body_full(archive.into());
        let upload = self.docker.upload_to_container(to, Some(options), body);
        self.call("copy files", COPY, upload).await
    }

    /// The entries below a folder of a container that `keep` wants, as an archive.
    async fn sifted(
        &self,
        container: &str,
        path: &str,
        keep: impl FnMut(&str) -> bool,
    ) -> Result<Vec<u8>, EngineError> {
        let folder = format!("{}/.", path.trim_end_matches('/'));
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(&folder)
            .build();
        let mut pieces = std::pin::pin!(
            self.docker
                .download_from_container(container, Some(options))
        );
        let (mut sieve, mut kept) = (Sieve::new(keep), Vec::new());
        let read = async {
            while let Some(piece) = pieces.next().await {
                let piece = piece
                    .map_err(|error| errors::engine_error(&self.address, "copy files", &error))?;
                sieve.take(&piece, &mut kept);
            }
            Ok(())
        };
        match tokio::time::timeout(COPY, read).await {
            Ok(result) => result.map(|()| kept),
            Err(_) => Err(EngineError::Timeout {
                call: "copy files".into(),
                after: COPY,
            }),
        }
    }

    /// The files below a folder that a container has and its image has not, relative to the folder.
    async fn added(&self, container: &str, path: &str) -> Result<BTreeSet<String>, EngineError> {
        let folder = format!("{}/", path.trim_end_matches('/'));
        let changes = self
            .short("changes", self.docker.container_changes(container))
            .await?;
        let added = changes.into_iter().flatten().filter_map(|change| {
            let name = change.path.strip_prefix(&folder)?.to_owned();
            (change.kind == ADDED).then_some(name)
        });
        Ok(added.collect())
    }
}
