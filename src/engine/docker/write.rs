//! Changes the engine's world: networks, volumes, containers.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, EndpointSettings, NetworkConnectRequest,
    NetworkCreateRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, RenameContainerOptionsBuilder,
    UploadToContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt as _;
use serde_json::json;

use super::{DockerEngine, body, files};
use crate::engine::{CreateRequest, Created, EngineError};
use crate::plan::build::COMPOSE_VERSION;
use crate::plan::judge::{network_name, volume_name};
use crate::plan::observed::RestartPolicy;
use crate::plan::spec::{NetworkAttachment, label};
use crate::project::model::Project;

impl DockerEngine {
    pub(super) async fn new_network(
        &self,
        project: &Project,
        key: &str,
    ) -> Result<String, EngineError> {
        let network = project.networks.get(key).cloned().unwrap_or_default();
        let mut labels: BTreeMap<String, String> = network.labels.clone().into_iter().collect();
        labels.extend(resource_labels(
            project,
            label::NETWORK,
            key,
            project.network_hash(key),
        ));
        let pools: Vec<_> = network
            .ipam
            .config
            .iter()
            .map(|p| json!({"Subnet": p.subnet, "Gateway": p.gateway, "IPRange": p.ip_range, "AuxiliaryAddresses": p.aux_addresses}))
            .collect();
        let request = json!({
            "Name": network_name(project, key),
            "CheckDuplicate": true,
            "Driver": network.driver,
            "Internal": network.internal,
            "Attachable": network.attachable,
            "EnableIPv4": network.enable_ipv4.filter(|_| self.speaks(47)),
            "EnableIPv6": network.enable_ipv6,
            "Options": network.driver_opts,
            "Labels": labels,
            "IPAM": if network.ipam.driver.is_some() || !pools.is_empty() { json!({"Driver": network.ipam.driver, "Config": pools}) } else { json!(null) },
        });
        let request: NetworkCreateRequest = typed("create network", request)?;
        let created = self
            .short("create network", self.docker.create_network(request))
            .await?;
        Ok(created.id)
    }

    pub(super) async fn new_volume(&self, project: &Project, key: &str) -> Result<(), EngineError> {
        let volume = project.volumes.get(key).cloned().unwrap_or_default();
        let mut labels: HashMap<String, String> = volume.labels.clone().into_iter().collect();
        labels.extend(resource_labels(
            project,
            label::VOLUME,
            key,
            project.volume_hash(key),
        ));
        let request = VolumeCreateRequest {
            name: Some(volume_name(project, key)),
            driver: volume.driver,
            driver_opts: Some(volume.driver_opts.into_iter().collect()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        self.short("create volume", self.docker.create_volume(request))
            .await
            .map(|_| ())
    }

    /// Creates the container on all its networks and puts its inline configs and secrets into it.
    ///
    /// An API before 1.44 takes one network at creation; the others are connected right after it. A
    /// failure in between removes what was created: nothing half-made stays behind.
    pub(super) async fn new_container(
        &self,
        request: &CreateRequest<'_>,
    ) -> Result<Created, EngineError> {
        let (json, mut warnings) = body::container(request, self.api);
        let body: ContainerCreateBody = typed("create", json)?;
        let mut options = CreateContainerOptionsBuilder::default().name(&request.spec.name);
        if let Some(platform) = &request.spec.service.platform {
            options = options.platform(platform);
        }
        let options = options.build();
        let create = || {
            let (options, body) = (options.clone(), body.clone());
            self.short("create", self.docker.create_container(Some(options), body))
        };
        let mut created = create().await;
        if matches!(created, Err(EngineError::Conflict { .. }))
            && self.gives_way(&request.spec.name).await
        {
            created = create().await;
        }
        let created = created?;
        warnings.extend(created.warnings);
        if let Err(error) = self.complete(request, &created.id).await {
            let _ = crate::engine::Engine::remove(self, &created.id).await;
            return Err(error);
        }
        Ok(Created {
            id: created.id,
            warnings,
        })
    }

    async fn complete(&self, request: &CreateRequest<'_>, id: &str) -> Result<(), EngineError> {
        if !self.speaks(44) {
            for attachment in request.spec.networks.iter().skip(1) {
                self.attach_network(request, id, attachment).await?;
            }
        }
        let inline = files::inline(request.project, &request.spec.service);
        if !inline.is_empty() {
            let options = UploadToContainerOptionsBuilder::default().path("/").build();
            let tar = bollard::body_full(files::tar(&inline).into());
            self.short(
                "copy files",
                self.docker.upload_to_container(id, Some(options), tar),
            )
            .await?;
        }
        Ok(())
    }

    pub(super) async fn attach_network(
        &self,
        request: &CreateRequest<'_>,
        id: &str,
        attachment: &NetworkAttachment,
    ) -> Result<(), EngineError> {
        let endpoint: EndpointSettings =
            typed("connect", body::endpoint(request, attachment, self.api))?;
        let connect = NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(endpoint),
        };
        self.short(
            "connect network",
            self.docker.connect_network(&attachment.name, connect),
        )
        .await
    }

    /// The engine refuses to give a container the name that it has.
    pub(super) async fn rename_to(&self, container: &str, name: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptionsBuilder::default().name(name).build();
        let rename = || {
            let renamed = self.docker.rename_container(container, options.clone());
            self.short("rename", renamed)
        };
        let mut renamed = rename().await;
        if matches!(renamed, Err(EngineError::Conflict { .. })) && self.gives_way(name).await {
            renamed = rename().await;
        }
        match renamed {
            Err(error @ (EngineError::Conflict { .. } | EngineError::Refused { .. })) => {
                let found = self.inspect_container(container).await?;
                if found.is_some_and(|c| c.name == name) {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            other => other,
        }
    }

    /// Waits for the end of a container of this name that somebody removes at this moment; false where it stays.
    async fn gives_way(&self, name: &str) -> bool {
        let options = None::<InspectContainerOptions>;
        let found = self
            .short("inspect", self.docker.inspect_container(name, options))
            .await;
        let found = match found {
            Ok(found) => found,
            Err(error) => return matches!(error, EngineError::NotFound { .. }),
        };
        let state = found.state.and_then(|state| state.status);
        match state.map(|state| state.to_string()).as_deref() {
            Some("removing") => {}
            // Its removal ended half-way: it is begun again.
            Some("dead") => {
                let id = found.id.clone().unwrap_or_default();
                return crate::engine::Engine::remove(self, &id).await.is_ok();
            }
            _ => return false,
        }
        let removed = WaitContainerOptionsBuilder::default()
            .condition("removed")
            .build();
        let id = found.id.unwrap_or_default();
        let mut ends = self.docker.wait_container(&id, Some(removed));
        // Its exit code is of no interest, nor whether it was gone before the question.
        let ended = self.short("wait", async { Ok(ends.next().await) }).await;
        ended.is_ok()
    }

    pub(super) async fn update_restart(
        &self,
        container: &str,
        policy: &RestartPolicy,
    ) -> Result<(), EngineError> {
        let update = json!({"RestartPolicy": {"Name": policy.name, "MaximumRetryCount": policy.maximum_retry_count}});
        let update: ContainerUpdateBody = typed("update", update)?;
        self.short("update", self.docker.update_container(container, update))
            .await
    }

    pub(super) async fn hold(
        &self,
        image: &str,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        let body = json!({"Image": image, "Labels": labels, "Entrypoint": ["-"], "NetworkDisabled": true, "HostConfig": {"NetworkMode": "none"}});
        let body: ContainerCreateBody = typed("hold image", body)?;
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        let held = self
            .short(
                "hold image",
                self.docker.create_container(Some(options), body),
            )
            .await;
        super::unless(held.map(|_| ()), |e| {
            matches!(e, EngineError::Conflict { .. })
        })
    }
}

fn resource_labels(
    project: &Project,
    kind: &str,
    key: &str,
    hash: String,
) -> [(String, String); 4] {
    [
        (label::PROJECT.to_owned(), project.name.clone()),
        (label::VERSION.to_owned(), COMPOSE_VERSION.to_owned()),
        (kind.to_owned(), key.to_owned()),
        (label::CONFIG_HASH.to_owned(), hash),
    ]
}

/// The client's type of a request; what does not fit is a mistake of ours, named by its call.
fn typed<T: serde::de::DeserializeOwned>(
    call: &str,
    json: serde_json::Value,
) -> Result<T, EngineError> {
    let json = without_nulls(json);
    serde_json::from_value(json).map_err(|error| EngineError::Refused {
        call: call.to_owned(),
        status: 400,
        message: error.to_string(),
    })
}

fn without_nulls(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Object(map) => map
            .into_iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k, without_nulls(v)))
            .collect(),
        serde_json::Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
