//! The engine's calls, on containers in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, LocalBoxStream};
use tokio::sync::mpsc;

use super::{Fault, MemoryEngine};
use crate::engine::{
    ContainerEvent, CreateRequest, Created, Engine, EngineError, ExecRequest, ExecResult, LogLine,
    LogOptions, LogStream, PullError, PullProgress, Scope,
};
use crate::plan::observed::{
    Container, ContainerState, EngineInfo, Health, LocalImage, Observed, ObservedNetwork,
    ObservedVolume, RestartPolicy,
};
use crate::plan::spec::{NetworkAttachment, label};
use crate::project::model::Project;

impl Engine for MemoryEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        Ok(EngineInfo {
            id: "memory".into(),
            version: "0".into(),
            api_version: "1.41".into(),
            ..EngineInfo::default()
        })
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, EngineError> {
        let world = self.world.borrow();
        let ours = |c: &&Container| c.label(label::PROJECT) == Some(scope.project.as_str());
        let listed = |c: &Container| Container {
            details: None,
            ..c.clone()
        };
        Ok(Observed {
            engine: EngineInfo {
                id: "memory".into(),
                ..EngineInfo::default()
            },
            containers: world.containers.values().filter(ours).map(listed).collect(),
            strangers: world
                .containers
                .values()
                .filter(|c| scope.strangers && !ours(c))
                .map(listed)
                .collect(),
            networks: world.networks.values().cloned().collect(),
            volumes: world.volumes.values().cloned().collect(),
            images: world
                .images
                .iter()
                .filter(|(r, _)| scope.images.contains(r))
                .map(|(r, i)| (r.clone(), i.clone()))
                .collect(),
        })
    }

    async fn inspect(&self, container: &str) -> Result<Option<Container>, EngineError> {
        Ok(self.world.borrow().find(container).cloned())
    }

    async fn image(&self, reference: &str) -> Result<Option<LocalImage>, EngineError> {
        Ok(self.world.borrow().images.get(reference).cloned())
    }

    async fn create_network(&self, project: &Project, key: &str) -> Result<String, EngineError> {
        let name = crate::plan::judge::network_name(project, key);
        self.effect("create network", |world| {
            let id = world.next_id();
            let network = ObservedNetwork {
                id: id.clone(),
                name: name.clone(),
                ..ObservedNetwork::default()
            };
            world.networks.insert(name, network);
            Ok(id)
        })
        .await
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        self.effect("remove network", |world| {
            world.networks.remove(name);
            Ok(())
        })
        .await
    }

    async fn create_volume(&self, project: &Project, key: &str) -> Result<(), EngineError> {
        let name = crate::plan::judge::volume_name(project, key);
        self.effect("create volume", |world| {
            world.volumes.insert(
                name.clone(),
                ObservedVolume {
                    name,
                    ..ObservedVolume::default()
                },
            );
            Ok(())
        })
        .await
    }

    async fn create_container(&self, request: &CreateRequest<'_>) -> Result<Created, EngineError> {
        self.effect("create", |world| world.create(request)).await
    }

    async fn join(
        &self,
        _request: &CreateRequest<'_>,
        container: &str,
        network: &NetworkAttachment,
    ) -> Result<(), EngineError> {
        self.effect("connect", |world| {
            let name = network.name.clone();
            let id = world.networks.get(&name).map(|n| n.id.clone());
            let found = world.get(container)?;
            found.networks.insert(name, id.unwrap_or_default());
            Ok(())
        })
        .await
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        self.effect("start", |world| world.start(container)).await
    }

    async fn stop(&self, container: &str, _grace: Option<Duration>) -> Result<(), EngineError> {
        if let Some(Fault::CrashInStop(number, calls)) = self.fault.get()
            && number == self.calls.get()
        {
            *self.stopping.borrow_mut() = Some((container.to_owned(), calls));
            return self.die().await;
        }
        self.stopping.borrow_mut().take();
        self.effect("stop", |world| world.stop(container)).await
    }

    async fn signal(&self, container: &str, _signal: &str) -> Result<(), EngineError> {
        self.effect("signal", |world| world.get(container).map(|_| ()))
            .await
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        self.effect("rename", |world| world.rename(container, name))
            .await
    }

    async fn remove(&self, container: &str) -> Result<(), EngineError> {
        self.effect("remove", |world| {
            let id = world.find(container).map(|c| c.id.clone());
            id.and_then(|id| world.containers.remove(&id));
            Ok(())
        })
        .await
    }

    async fn set_restart(
        &self,
        container: &str,
        policy: &RestartPolicy,
    ) -> Result<(), EngineError> {
        self.effect("update", |world| {
            world
                .get(container)?
                .details
                .get_or_insert_default()
                .restart = policy.clone();
            Ok(())
        })
        .await
    }

    async fn copy_lacking(&self, from: &str, to: &str, _path: &str) -> Result<(), EngineError> {
        self.effect("copy files", |world| {
            world.get(from)?;
            world.get(to).map(|_| ())
        })
        .await
    }

    async fn exec(
        &self,
        container: &str,
        _request: &ExecRequest,
    ) -> Result<ExecResult, EngineError> {
        self.effect("exec", |world| {
            world.get(container).map(|_| ExecResult::default())
        })
        .await
    }

    async fn events(
        &self,
        _project: &str,
    ) -> Result<LocalBoxStream<'static, Result<ContainerEvent, EngineError>>, EngineError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.subscribers.borrow_mut().push(sender);
        let events = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|e| (Ok(e), receiver))
        });
        Ok(events.boxed_local())
    }

    async fn logs(
        &self,
        container: &str,
        _options: &LogOptions,
    ) -> Result<LocalBoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
        let image = self
            .world
            .borrow()
            .find(container)
            .map(|c| c.image.clone())
            .unwrap_or_default();
        let line = LogLine {
            stream: LogStream::Stdout,
            text: format!("output of {image}"),
        };
        Ok(stream::iter([Ok(line)]).boxed_local())
    }

    async fn resolve_digest(&self, reference: &str) -> Result<String, PullError> {
        let digest = self.world.borrow().registry.get(reference).cloned();
        digest.ok_or_else(|| PullError::NotFound {
            reference: reference.to_owned(),
        })
    }

    async fn pull(
        &self,
        reference: &str,
        _platform: Option<&str>,
    ) -> Result<LocalBoxStream<'static, Result<PullProgress, PullError>>, PullError> {
        let pulled = self.effect("pull", |world| {
            let image = LocalImage {
                id: format!("sha256:of-{reference}"),
                ..LocalImage::default()
            };
            world.images.insert(reference.to_owned(), image);
            Ok(())
        });
        pulled.await?;
        Ok(stream::iter([Ok(PullProgress::default())]).boxed_local())
    }

    async fn tag_image(&self, image: &str, reference: &str) -> Result<(), EngineError> {
        self.effect("tag", |world| {
            let image = LocalImage {
                id: image.to_owned(),
                ..LocalImage::default()
            };
            world.images.insert(reference.to_owned(), image);
            Ok(())
        })
        .await
    }

    async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        self.effect("remove image", |world| {
            world.images.remove(reference);
            Ok(())
        })
        .await
    }

    async fn hold_image(
        &self,
        image: &str,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        self.effect("hold", |world| {
            let id = world.next_id();
            let held = Container {
                id: id.clone(),
                name: name.to_owned(),
                image_id: image.to_owned(),
                labels: labels.clone().into(),
                state: ContainerState::Created,
                health: Health::None,
                ..Container::default()
            };
            world.containers.insert(id, held);
            Ok(())
        })
        .await
    }
}
