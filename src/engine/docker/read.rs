//! Asks the engine: snapshot, inspection, events.

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::{
    EventsOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptions, ListVolumesOptions,
};
use futures_util::StreamExt as _;
use futures_util::future::{join_all, try_join, try_join3};
use futures_util::stream::LocalBoxStream;

use super::DockerEngine;
use super::list::over_socket;
use super::model::{event, image, inspected, network, summary};
use crate::engine::{ContainerEvent, EngineError, Scope};
use crate::plan::observed::{
    Container, ContainerState, EngineInfo, LocalImage, Observed, ObservedNetwork, ObservedVolume,
};
use crate::plan::spec::label;

/// Events that change what a container is. Each run of a healthcheck makes three others, which the engine keeps to itself.
/// `health_status` stands for `health_status: healthy` and its like.
const TOLD: [&str; 10] = [
    "create",
    "start",
    "die",
    "oom",
    "health_status",
    "rename",
    "destroy",
    "pause",
    "unpause",
    "update",
];

impl DockerEngine {
    /// One list of each kind, side by side.
    pub(super) async fn snapshot(&self, scope: &Scope) -> Result<Observed, EngineError> {
        let (containers, (networks, volumes), images) = try_join3(
            self.list(scope),
            self.resources(scope),
            self.images(&scope.images),
        )
        .await?;
        let (containers, strangers) = containers
            .into_iter()
            .partition(|c: &Container| c.label(label::PROJECT) == Some(scope.project.as_str()));
        Ok(Observed {
            engine: EngineInfo::default(),
            containers,
            strangers,
            networks,
            volumes,
            images,
        })
    }

    pub(super) async fn resources(
        &self,
        scope: &Scope,
    ) -> Result<(Vec<ObservedNetwork>, Vec<ObservedVolume>), EngineError> {
        if !scope.resources {
            return Ok((Vec::new(), Vec::new()));
        }
        let ahead = self.ahead.borrow_mut().resources.take();
        match ahead {
            Some(ahead) => Ok(ahead),
            None => try_join(self.networks(), self.volumes()).await,
        }
    }

    pub(super) async fn list(&self, scope: &Scope) -> Result<Vec<Container>, EngineError> {
        if scope.strangers
            && let Some(ahead) = self.ahead.borrow_mut().containers.take()
        {
            return Ok(ahead);
        }
        let project = (!scope.strangers).then_some(scope.project.as_str());
        if let Some(listed) = over_socket(&self.address, Some(self.api), project).await? {
            return Ok(there(listed));
        }
        let mut filters: HashMap<&str, Vec<String>> = HashMap::new();
        if !scope.strangers {
            filters.insert(
                "label",
                vec![format!("{}={}", label::PROJECT, scope.project)],
            );
        }
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self
            .short(
                "list containers",
                self.docker.list_containers(Some(options)),
            )
            .await?;
        Ok(there(listed.into_iter().map(summary).collect()))
    }

    async fn networks(&self) -> Result<Vec<ObservedNetwork>, EngineError> {
        let listed = self
            .short(
                "list networks",
                self.docker.list_networks(None::<ListNetworksOptions>),
            )
            .await?;
        Ok(listed.into_iter().map(network).collect())
    }

    async fn volumes(&self) -> Result<Vec<ObservedVolume>, EngineError> {
        let listed = self
            .short(
                "list volumes",
                self.docker.list_volumes(None::<ListVolumesOptions>),
            )
            .await?;
        let volumes = listed.volumes.unwrap_or_default().into_iter();
        Ok(volumes
            .map(|v| ObservedVolume {
                name: v.name,
                labels: v.labels.into_iter().collect(),
                driver: v.driver,
            })
            .collect())
    }

    pub(super) async fn images(
        &self,
        references: &[String],
    ) -> Result<BTreeMap<String, LocalImage>, EngineError> {
        let mut images = std::mem::take(&mut self.ahead.borrow_mut().images);
        images.retain(|reference, _| references.contains(reference));
        let unknown = references.iter().filter(|r| !images.contains_key(*r));
        let asked =
            join_all(unknown.map(|r| async move { Ok((r.clone(), self.inspect_image(r).await?)) }))
                .await;
        for answer in asked {
            let (reference, image): (String, Option<LocalImage>) = answer?;
            images.extend(image.map(|i| (reference, i)));
        }
        Ok(images)
    }

    pub(super) async fn inspect_image(
        &self,
        reference: &str,
    ) -> Result<Option<LocalImage>, EngineError> {
        match self
            .short("inspect image", self.docker.inspect_image(reference))
            .await
        {
            Ok(found) => Ok(Some(image(found))),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A container that is being removed, or whose removal failed half-way, is none: nothing starts it again.
    pub(super) async fn inspect_container(
        &self,
        container: &str,
    ) -> Result<Option<Container>, EngineError> {
        let options = None::<bollard::query_parameters::InspectContainerOptions>;
        match self
            .short("inspect", self.docker.inspect_container(container, options))
            .await
        {
            Ok(found) => {
                let going = |c: &Container| {
                    matches!(c.state, ContainerState::Removing | ContainerState::Dead)
                };
                Ok(Some(inspected(found)).filter(|c| !going(c)))
            }
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The subscription stands when this returns: the engine is asked something behind it on its own
    /// connection, and answers events from then on.
    pub(super) async fn event_stream(
        &self,
        project: &str,
    ) -> Result<LocalBoxStream<'static, Result<ContainerEvent, EngineError>>, EngineError> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("event", TOLD.map(str::to_owned).to_vec()),
            ("label", vec![format!("{}={project}", label::PROJECT)]),
        ]);
        // From the engine's own now on: what happens between the request and its arrival is not lost, and a container
        // that was healthy in this second and has been started again is not said to be healthy.
        let now = self.short("info", self.docker.info()).await?.system_time;
        let since = now.and_then(|t| t.parse::<jiff::Timestamp>().ok());
        let mut options = EventsOptionsBuilder::default().filters(&filters);
        let text;
        if let Some(since) = since {
            text = format!("{}.{:09}", since.as_second(), since.subsec_nanosecond());
            options = options.since(&text);
        }
        let address = self.address.clone();
        let stream = self.docker.events(Some(options.build()));
        let events = stream.filter_map(move |message| {
            let event = match message {
                Ok(message) => event(message).map(Ok),
                Err(error) => Some(Err(super::errors::engine_error(&address, "events", &error))),
            };
            std::future::ready(event)
        });
        Ok(events.boxed_local())
    }
}

/// Without those that the engine is just removing.
pub(super) fn there(mut containers: Vec<Container>) -> Vec<Container> {
    containers.retain(|c| c.state != ContainerState::Removing);
    containers
}
