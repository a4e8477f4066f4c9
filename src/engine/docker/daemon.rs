//! What `check` asks beyond the trait: how the engine is set up, and what an image has.

use bollard::query_parameters::ContainerArchiveInfoOptionsBuilder;

use super::DockerEngine;
use crate::engine::EngineError;

/// How the engine is set up.
#[derive(Debug, Clone, Default)]
pub struct Daemon {
    /// The log driver of containers that name none.
    pub log_driver: String,
    /// RFC 3339, by the engine's clock.
    pub time: String,
}

impl DockerEngine {
    /// Asks for it once.
    pub async fn daemon(&self) -> Result<Daemon, EngineError> {
        let info = self.short("info", self.docker.info()).await?;
        Ok(Daemon {
            log_driver: info.logging_driver.unwrap_or_default(),
            time: info.system_time.unwrap_or_default(),
        })
    }

    /// Whether a container, running or not, has this file. Asks only.
    pub async fn has_file(&self, container: &str, path: &str) -> Result<bool, EngineError> {
        let options = ContainerArchiveInfoOptionsBuilder::default()
            .path(path)
            .build();
        let asked = self
            .docker
            .get_container_archive_info(container, Some(options));
        match self.short("look for a file", asked).await {
            Ok(_) => Ok(true),
            Err(EngineError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
