//! The Docker Engine API, over bollard: the only place that names it.

mod archive;
mod assets;
mod attach;
mod body;
mod connect;
mod credentials;
mod daemon;
mod errors;
mod files;
mod list;
mod logs;
mod model;
mod pull;
mod read;
mod write;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use bollard::Docker;
pub use credentials::GivenLogin;
pub use daemon::Daemon;
use futures_util::future::join;
use futures_util::stream::LocalBoxStream;

use crate::engine::{
    ContainerEvent, CreateRequest, Created, Engine, EngineError, ExecRequest, ExecResult, LogLine,
    LogOptions, PullError, PullProgress, Scope,
};
use crate::plan::observed::{
    Container, EngineInfo, LocalImage, Observed, ObservedNetwork, ObservedVolume, RestartPolicy,
};
use crate::plan::spec::NetworkAttachment;
use crate::project::model::Project;

/// How long a call may take that only asks, or changes one thing.
const SHORT: Duration = Duration::from_secs(30);
/// What a stop may take beyond the container's grace.
const AFTER_GRACE: Duration = Duration::from_secs(30);
/// The grace of a container that has none of its own (the engine's default is 10 s; a container may say more).
const UNKNOWN_GRACE: Duration = Duration::from_mins(10);

/// A Docker Engine.
pub struct DockerEngine {
    docker: Docker,
    address: String,
    /// The API version agreed upon: major, minor.
    api: (u32, u32),
    /// Where registry credentials are looked up.
    configuration: Option<std::path::PathBuf>,
    /// A login that the command line gave.
    given: Option<GivenLogin>,
    /// What [`Self::look_ahead`] has listed.
    ahead: RefCell<Ahead>,
}

/// Lists that a snapshot takes instead of asking again.
#[derive(Default)]
struct Ahead {
    containers: Option<Vec<Container>>,
    resources: Option<(Vec<ObservedNetwork>, Vec<ObservedVolume>)>,
    images: BTreeMap<String, LocalImage>,
}

impl DockerEngine {
    /// The address that it was reached at.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the engine runs on this host: its ports and paths are ours.
    pub fn is_local(&self) -> bool {
        self.address.starts_with("unix://")
    }

    /// Lists what the scope asks for ahead of the next snapshot, while the caller is busy with files.
    pub async fn look_ahead(&self, scope: &Scope) {
        // A failure is found again, and told, where the snapshot is taken.
        let (containers, resources) = join(self.list(scope), self.resources(scope)).await;
        let mut ahead = self.ahead.borrow_mut();
        ahead.containers = containers.ok();
        ahead.resources = resources.ok().filter(|_| scope.resources);
    }

    /// Looks images up ahead of the next snapshot, as soon as their names are known.
    pub async fn look_ahead_for(&self, references: &[String]) {
        if let Ok(images) = self.images(references).await {
            self.ahead.borrow_mut().images = images;
        }
    }

    /// Whether the agreed API is at least `1.minor`.
    fn speaks(&self, minor: u32) -> bool {
        self.api >= (1, minor)
    }

    /// A call with its deadline. Boxed at once: a lane for each of many services holds room for its largest call else.
    fn call<'a, T>(
        &'a self,
        call: &'a str,
        deadline: Duration,
        work: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> impl Future<Output = Result<T, EngineError>> {
        let work = Box::pin(work);
        async move {
            let started = std::time::Instant::now();
            let result = tokio::time::timeout(deadline, work).await;
            tracing::debug!(call, seconds = started.elapsed().as_secs_f64(), "engine");
            match result {
                Ok(result) => {
                    result.map_err(|error| errors::engine_error(&self.address, call, &error))
                }
                Err(_) => Err(EngineError::Timeout {
                    call: call.to_owned(),
                    after: deadline,
                }),
            }
        }
    }

    fn short<'a, T>(
        &'a self,
        call: &'a str,
        work: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> impl Future<Output = Result<T, EngineError>> {
        self.call(call, SHORT, work)
    }
}

/// What is gone, or so already, is a success.
fn unless<T: Default>(
    result: Result<T, EngineError>,
    fine: impl Fn(&EngineError) -> bool,
) -> Result<T, EngineError> {
    match result {
        Err(error) if fine(&error) => Ok(T::default()),
        other => other,
    }
}

fn not_found(error: &EngineError) -> bool {
    matches!(error, EngineError::NotFound { .. })
}

impl Engine for DockerEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        let info = self.short("info", self.docker.info()).await?;
        Ok(EngineInfo {
            id: info.id.unwrap_or_default(),
            version: info.server_version.unwrap_or_default(),
            api_version: format!("{}.{}", self.api.0, self.api.1),
            os: info.os_type.unwrap_or_default(),
            architecture: info.architecture.unwrap_or_default(),
            root: info.docker_root_dir.unwrap_or_default(),
        })
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, EngineError> {
        self.snapshot(scope).await
    }

    async fn inspect(&self, container: &str) -> Result<Option<Container>, EngineError> {
        self.inspect_container(container).await
    }

    async fn image(&self, reference: &str) -> Result<Option<LocalImage>, EngineError> {
        self.inspect_image(reference).await
    }

    async fn create_network(&self, project: &Project, key: &str) -> Result<String, EngineError> {
        self.new_network(project, key).await
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        unless(
            self.short("remove network", self.docker.remove_network(name))
                .await,
            not_found,
        )
    }

    async fn create_volume(&self, project: &Project, key: &str) -> Result<(), EngineError> {
        self.new_volume(project, key).await
    }

    async fn create_container(&self, request: &CreateRequest<'_>) -> Result<Created, EngineError> {
        Box::pin(self.new_container(request)).await
    }

    async fn join(
        &self,
        request: &CreateRequest<'_>,
        container: &str,
        network: &NetworkAttachment,
    ) -> Result<(), EngineError> {
        let joined = self.attach_network(request, container, network).await;
        // 403: it is on that network.
        unless(
            joined,
            |e| matches!(e, EngineError::Refused { status: 403, message, .. } if message.contains("already exists")),
        )
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        let options = None::<bollard::query_parameters::StartContainerOptions>;
        self.short("start", self.docker.start_container(container, options))
            .await
    }

    async fn stop(&self, container: &str, grace: Option<Duration>) -> Result<(), EngineError> {
        let deadline = grace.unwrap_or(UNKNOWN_GRACE) + AFTER_GRACE;
        let mut options = bollard::query_parameters::StopContainerOptionsBuilder::default();
        if let Some(grace) = grace {
            options = options.t(i32::try_from(grace.as_secs()).unwrap_or(i32::MAX));
        }
        let stopped = self
            .call(
                "stop",
                deadline,
                self.docker.stop_container(container, Some(options.build())),
            )
            .await;
        // 304: it does not run.
        unless(stopped, |e| {
            matches!(e, EngineError::Refused { status: 304, .. })
        })
    }

    async fn signal(&self, container: &str, signal: &str) -> Result<(), EngineError> {
        let options = bollard::query_parameters::KillContainerOptionsBuilder::default()
            .signal(signal)
            .build();
        self.short("kill", self.docker.kill_container(container, Some(options)))
            .await
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        self.rename_to(container, name).await
    }

    async fn remove(&self, container: &str) -> Result<(), EngineError> {
        let options = bollard::query_parameters::RemoveContainerOptionsBuilder::default()
            .force(true)
            .build();
        let removed = self
            .call(
                "remove",
                AFTER_GRACE * 2,
                self.docker.remove_container(container, Some(options)),
            )
            .await;
        unless(removed, |e| {
            not_found(e)
                || matches!(e, EngineError::Conflict { message } if message.contains("already in progress"))
        })
    }

    async fn set_restart(
        &self,
        container: &str,
        policy: &RestartPolicy,
    ) -> Result<(), EngineError> {
        self.update_restart(container, policy).await
    }

    async fn copy_lacking(&self, from: &str, to: &str, path: &str) -> Result<(), EngineError> {
        self.copy_files(from, to, path).await
    }

    async fn exec(
        &self,
        container: &str,
        request: &ExecRequest,
    ) -> Result<ExecResult, EngineError> {
        self.run_exec(container, request).await
    }

    async fn events(
        &self,
        project: &str,
    ) -> Result<LocalBoxStream<'static, Result<ContainerEvent, EngineError>>, EngineError> {
        self.event_stream(project).await
    }

    async fn logs(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> Result<LocalBoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
        Ok(self.log_stream(container, options))
    }

    async fn resolve_digest(&self, reference: &str) -> Result<String, PullError> {
        self.registry_digest(reference).await
    }

    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
    ) -> Result<LocalBoxStream<'static, Result<PullProgress, PullError>>, PullError> {
        Ok(self.pull_stream(reference, platform).await)
    }

    async fn tag_image(&self, image: &str, reference: &str) -> Result<(), EngineError> {
        let repository = crate::plan::registry::repository(reference);
        let tag = crate::plan::tag::of_reference(reference).unwrap_or("latest");
        let options = bollard::query_parameters::TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(tag)
            .build();
        self.short("tag", self.docker.tag_image(image, Some(options)))
            .await
    }

    async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        let options = None::<bollard::query_parameters::RemoveImageOptions>;
        let removed = self
            .short(
                "remove image",
                self.docker.remove_image(reference, options, None),
            )
            .await;
        unless(removed.map(|_| ()), |e| {
            not_found(e) || matches!(e, EngineError::Conflict { .. })
        })
    }

    async fn hold_image(
        &self,
        image: &str,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        self.hold(image, name, labels).await
    }
}
