//! Registry digests and pulls, through the engine and with the user's credentials.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;
use futures_util::stream::{self, LocalBoxStream};

use super::DockerEngine;
use super::credentials::{Found, registry};
use super::errors::{engine_error, pull_error, with_login};
use crate::engine::{EngineError, PullError, PullProgress};

/// A registry that says nothing for so long is out of reach.
const SILENCE: Duration = Duration::from_mins(2);

impl DockerEngine {
    pub(super) async fn registry_digest(&self, reference: &str) -> Result<String, PullError> {
        let found = self.credentials(reference).await;
        let asked = self
            .short(
                "ask the registry",
                self.docker
                    .inspect_registry_image(reference, found.credentials),
            )
            .await;
        let unreachable = |message: String| PullError::Unreachable {
            reference: reference.to_owned(),
            message,
        };
        match asked {
            Ok(found) => found.descriptor.digest.ok_or_else(|| PullError::NotFound {
                reference: reference.to_owned(),
            }),
            Err(EngineError::Timeout { after, .. }) => Err(unreachable(format!(
                "no answer within {} s",
                after.as_secs()
            ))),
            Err(error) => Err(with_login(
                pull_error(reference, &registry(reference), error),
                &found.login,
            )),
        }
    }

    pub(super) async fn pull_stream(
        &self,
        reference: &str,
        platform: Option<&str>,
    ) -> LocalBoxStream<'static, Result<PullProgress, PullError>> {
        let Found { credentials, login } = self.credentials(reference).await;
        let mut options = CreateImageOptionsBuilder::default().from_image(reference);
        if let Some(platform) = platform {
            options = options.platform(platform);
        }
        let address = self.address.clone();
        let (reference, registry) = (reference.to_owned(), registry(reference));
        let messages = self
            .docker
            .create_image(Some(options.build()), None, credentials)
            .boxed();
        let pull = Pull {
            messages,
            layers: HashMap::new(),
            ended: false,
        };
        let progress = stream::unfold(pull, move |mut pull| {
            let failure = {
                let (address, reference, registry, login) = (
                    address.clone(),
                    reference.clone(),
                    registry.clone(),
                    login.clone(),
                );
                move |error: bollard::errors::Error| {
                    let error = engine_error(&address, "pull", &error);
                    with_login(pull_error(&reference, &registry, error), &login)
                }
            };
            let silent = PullError::Unreachable {
                reference: reference.clone(),
                message: format!("nothing came for {} s", SILENCE.as_secs()),
            };
            async move {
                if pull.ended {
                    return None;
                }
                let item = match tokio::time::timeout(SILENCE, pull.messages.next()).await {
                    Ok(None) => return None,
                    Ok(Some(Ok(message))) => Ok(pull.take(message)),
                    Ok(Some(Err(error))) => Err(failure(error)),
                    Err(_) => Err(silent),
                };
                pull.ended = item.is_err();
                Some((item, pull))
            }
        });
        progress.boxed_local()
    }
}

struct Pull {
    messages: stream::BoxStream<'static, Result<CreateImageInfo, bollard::errors::Error>>,
    /// Current and total bytes, and whether it is complete, by layer.
    layers: HashMap<String, (u64, u64, bool)>,
    ended: bool,
}

impl Pull {
    fn take(&mut self, message: CreateImageInfo) -> PullProgress {
        let status = message.status.unwrap_or_default();
        let is_layer = matches!(
            status.as_str(),
            "Pulling fs layer"
                | "Waiting"
                | "Downloading"
                | "Verifying Checksum"
                | "Download complete"
                | "Extracting"
                | "Pull complete"
                | "Already exists"
        );
        if let (true, Some(id)) = (is_layer, message.id) {
            let layer = self.layers.entry(id).or_default();
            if let ("Downloading", Some(detail)) = (status.as_str(), message.progress_detail) {
                layer.0 = detail
                    .current
                    .and_then(|c| u64::try_from(c).ok())
                    .unwrap_or(layer.0);
                layer.1 = detail
                    .total
                    .and_then(|t| u64::try_from(t).ok())
                    .unwrap_or(layer.1);
            }
            if matches!(
                status.as_str(),
                "Download complete" | "Extracting" | "Pull complete" | "Already exists"
            ) {
                layer.0 = layer.1;
            }
            layer.2 |= matches!(status.as_str(), "Pull complete" | "Already exists");
        }
        let layers = || self.layers.values();
        PullProgress {
            current: layers().map(|l| l.0).sum(),
            total: layers().map(|l| l.1).sum(),
            layers_done: u32::try_from(layers().filter(|l| l.2).count()).unwrap_or(u32::MAX),
            layers: u32::try_from(self.layers.len()).unwrap_or(u32::MAX),
        }
    }
}
