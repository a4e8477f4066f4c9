//! Carries out one step: one call of the engine, or one file.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::StreamExt as _;

use crate::engine::{CreateRequest, Engine, EngineError, ExecRequest};
use crate::execute::event::{Event, EventSink};
use crate::execute::failure::Failure;
use crate::execute::room::Room;
use crate::plan::image::{ImageKey, PlannedImage};
use crate::plan::spec::{ContainerSpec, LabelValue, PlannedId, label};
use crate::plan::step::{ContainerRef, HookKind, Plan, Stage, Step};
use crate::project::model::{Hook, Project};
use crate::state::{Outcome, Store};

/// What only the run itself finds out: ids of what it creates and pulls.
#[derive(Default)]
pub(super) struct Known {
    /// Ids of created containers.
    pub created: RefCell<BTreeMap<PlannedId, String>>,
    /// Images, their ids filled in as they come.
    pub images: RefCell<BTreeMap<ImageKey, PlannedImage>>,
    /// The names that containers are created with.
    pub names: BTreeMap<PlannedId, String>,
}

impl Known {
    pub(super) fn new(stages: &[Stage], images: impl IntoIterator<Item = PlannedImage>) -> Self {
        let steps = stages.iter().flat_map(|s| &s.lanes).flat_map(|l| &l.steps);
        let names = steps.filter_map(|s| match &s.step {
            Step::Create { container, name } => Some((container.clone(), name.clone())),
            _ => None,
        });
        Self {
            names: names.collect(),
            images: RefCell::new(
                images
                    .into_iter()
                    .map(|i| (i.reference.clone(), i))
                    .collect(),
            ),
            created: RefCell::default(),
        }
    }
}

/// Carries out steps.
pub(super) struct Performer<'a, E, S, R> {
    pub engine: &'a E,
    pub store: &'a S,
    pub events: &'a R,
    /// The mark of containers that this journal created.
    pub mark: &'a str,
    pub known: Known,
    /// What containers are created from; recovery has none and creates none.
    pub source: Option<(&'a Project, &'a Plan)>,
    pub room: Room,
}

impl<E: Engine, S: Store, R: EventSink> Performer<'_, E, S, R> {
    /// Carries out a step; returns the id of what it created.
    ///
    /// [`Step::Await`] and [`Step::Monitor`] are the runner's: they wait and change nothing.
    pub(super) async fn perform(&self, step: &Step) -> Result<Option<String>, Failure> {
        match step {
            Step::Pull { image } => return self.pull(image).await.map(Some),
            Step::ArmTag { image } => self.arm_tag(image).await?,
            Step::CreateNetwork { key, .. } => {
                let (project, _) = self
                    .source
                    .ok_or(Failure::NotRecoverable("create a network"))?;
                return Ok(Some(self.engine.create_network(project, key).await?));
            }
            Step::RemoveNetwork { name } => self.engine.remove_network(name).await?,
            Step::CreateVolume { key, .. } => {
                let (project, _) = self
                    .source
                    .ok_or(Failure::NotRecoverable("create a volume"))?;
                self.engine.create_volume(project, key).await?;
            }
            Step::Create { container, name } => {
                return self.create(container, name).await.map(Some);
            }
            Step::Start { container } => self.engine.start(&self.id(container).await?).await?,
            Step::Stop { container, grace } => {
                self.engine.stop(&self.id(container).await?, *grace).await?;
            }
            Step::Rename { container, to, .. } => {
                self.engine.rename(&self.id(container).await?, to).await?;
            }
            Step::Remove { container } => self.remove(container).await?,
            Step::SetRestart { container, policy } => {
                self.engine
                    .set_restart(&self.id(container).await?, policy)
                    .await?;
            }
            Step::Signal { container, signal } => {
                self.engine
                    .signal(&self.id(container).await?, signal)
                    .await?;
            }
            Step::Join { container, network } => self.join(container, network).await?,
            Step::CopyAssets { from, to, path } => {
                let (from, to) = (self.id(from).await?, self.id(to).await?);
                self.engine.copy_lacking(&from, &to, path).await?;
            }
            Step::Hooks { container, kind } => self.hooks(container, *kind).await?,
            Step::Await { .. } | Step::Monitor { .. } => {}
            Step::Delay { duration } => tokio::time::sleep(*duration).await,
            Step::WriteVariable {
                file,
                name,
                value,
                missing,
            } => {
                stored(self.store.write_variable(file, name, value, *missing))?;
            }
            Step::WriteRollbackTag { value } => {
                stored(self.store.write_rollback_tag(value))?;
            }
            Step::RecordRelease => stored(self.store.record(Outcome::Succeeded, None))?,
            Step::HoldImage { id, release } => self.hold(id, *release).await?,
            Step::LetGo { id, references } => self.let_go(id, references).await?,
        }
        Ok(None)
    }

    /// The engine's id of a container; one that a killed run may have created is found by name and mark.
    pub(super) async fn id(&self, container: &ContainerRef) -> Result<String, Failure> {
        match self.find(container).await? {
            Some(id) => Ok(id),
            None => Err(Failure::Vanished {
                container: container.to_string(),
            }),
        }
    }

    pub(super) async fn find(&self, container: &ContainerRef) -> Result<Option<String>, Failure> {
        let planned = match container {
            ContainerRef::Existing { id, .. } => return Ok(Some(id.clone())),
            ContainerRef::Planned(planned) => planned,
        };
        if let Some(id) = self.known.created.borrow().get(planned) {
            return Ok(Some(id.clone()));
        }
        let Some(name) = self.known.names.get(planned) else {
            return Ok(None);
        };
        let found = self.engine.inspect(name).await?;
        Ok(found
            .filter(|c| c.label(label::JOURNAL) == Some(self.mark))
            .map(|c| c.id))
    }

    async fn create(&self, planned: &PlannedId, name: &str) -> Result<String, Failure> {
        let (project, plan) = self
            .source
            .ok_or(Failure::NotRecoverable("create a container"))?;
        let spec = plan.specs.get(planned).ok_or(Failure::NotRecoverable(
            "create a container without its spec",
        ))?;
        let mut references = BTreeMap::new();
        for (service, container) in &spec.references {
            references.insert(service.clone(), self.id(container).await?);
        }
        let (image, image_id) = self.image_of(spec).await?;
        let labels = labels(project, spec, &references, &image_id);
        let spec = ContainerSpec {
            name: name.to_owned(),
            ..spec.clone()
        };
        let request = CreateRequest {
            project,
            spec: &spec,
            image,
            labels,
            references,
        };
        let created = self.engine.create_container(&request).await?;
        for warning in created.warnings {
            self.events
                .record(Event::Warning(format!("{}: {warning}", spec.service_name)));
        }
        self.known
            .created
            .borrow_mut()
            .insert(planned.clone(), created.id.clone());
        Ok(created.id)
    }

    async fn join(&self, planned: &PlannedId, network: &str) -> Result<(), Failure> {
        let missing = Failure::NotRecoverable("connect a container");
        let Some((project, plan)) = self.source else {
            return Err(missing);
        };
        let Some(spec) = plan.specs.get(planned) else {
            return Err(missing);
        };
        let mut late = spec.late_networks.iter();
        let Some(attachment) = late.find(|n| n.name == network) else {
            return Err(missing);
        };
        let request = CreateRequest {
            project,
            spec,
            image: String::new(),
            labels: BTreeMap::new(),
            references: BTreeMap::new(),
        };
        let id = self.id(&ContainerRef::Planned(planned.clone())).await?;
        Ok(self.engine.join(&request, &id, attachment).await?)
    }

    /// The reference to create from, and the image's id.
    async fn image_of(&self, spec: &ContainerSpec) -> Result<(String, String), Failure> {
        let image = self
            .known
            .images
            .borrow()
            .get(&spec.image)
            .cloned()
            .unwrap_or_else(|| PlannedImage {
                reference: spec.image.clone(),
                ..PlannedImage::default()
            });
        let reference = image.create_reference();
        let id = match image.id {
            Some(id) => id,
            None => self.local_id(&reference).await?,
        };
        Ok((reference, id))
    }

    async fn local_id(&self, reference: &str) -> Result<String, Failure> {
        let image = self.engine.image(reference).await?;
        let missing = || EngineError::NotFound {
            message: format!("no image `{reference}` on the engine"),
        };
        Ok(image.ok_or_else(missing)?.id)
    }

    async fn pull(&self, key: &ImageKey) -> Result<String, Failure> {
        let image = self
            .known
            .images
            .borrow()
            .get(key)
            .cloned()
            .unwrap_or_default();
        let reference = by_digest(&image);
        let mut progress = self
            .engine
            .pull(&reference, image.platform.as_deref())
            .await?;
        while let Some(progress) = progress.next().await {
            self.events.record(Event::Pulling {
                image: key,
                progress: progress?,
            });
        }
        let id = self.local_id(&reference).await?;
        if let Some(image) = self.known.images.borrow_mut().get_mut(key) {
            image.id = Some(id.clone());
        }
        Ok(id)
    }

    async fn arm_tag(&self, key: &ImageKey) -> Result<(), Failure> {
        let image = self
            .known
            .images
            .borrow()
            .get(key)
            .cloned()
            .unwrap_or_default();
        let id = match (&image.id, &image.digest) {
            (Some(id), _) => id.clone(),
            (None, _) => self.local_id(&by_digest(&image)).await?,
        };
        let tag = image
            .reference
            .split('@')
            .next()
            .unwrap_or(&image.reference);
        Ok(self.engine.tag_image(&id, tag).await?)
    }

    async fn remove(&self, container: &ContainerRef) -> Result<(), Failure> {
        match self.find(container).await? {
            Some(id) => Ok(self.engine.remove(&id).await?),
            None => Ok(()),
        }
    }

    async fn hooks(&self, container: &ContainerRef, kind: HookKind) -> Result<(), Failure> {
        let id = self.id(container).await?;
        let Some((project, plan)) = self.source else {
            return Ok(());
        };
        let service = match container {
            ContainerRef::Planned(planned) => plan.specs.get(planned).map(|s| s.service.as_ref()),
            ContainerRef::Existing { id, .. } => {
                let service = plan
                    .before
                    .iter()
                    .find(|b| b.id == *id)
                    .map(|b| b.service.as_str());
                service.and_then(|name| project.service(name))
            }
        };
        let Some(service) = service else {
            return Ok(());
        };
        let hooks = match kind {
            HookKind::PostStart => &service.post_start,
            HookKind::PreStop => &service.pre_stop,
        };
        if kind == HookKind::PreStop && !self.runs(&id).await {
            return Ok(());
        }
        for hook in hooks {
            match self.hook(container, &id, hook).await {
                // A container that is going away goes, whatever its hook says.
                Err(failure) if kind == HookKind::PreStop => {
                    self.events.record(Event::Warning(failure.to_string()));
                }
                result => result?,
            }
        }
        Ok(())
    }

    async fn hook(&self, container: &ContainerRef, id: &str, hook: &Hook) -> Result<(), Failure> {
        let result = self.engine.exec(id, &exec_request(hook)).await?;
        if result.exit_code == 0 {
            return Ok(());
        }
        Err(Failure::Hook {
            container: container.to_string(),
            command: hook.command.clone().unwrap_or_default().join(" "),
            code: result.exit_code,
            output: result.output.lines().last().unwrap_or_default().to_owned(),
        })
    }

    async fn runs(&self, id: &str) -> bool {
        let found = self.engine.inspect(id).await;
        matches!(found, Ok(Some(container)) if container.is_running())
    }

    async fn hold(&self, id: &str, release: u32) -> Result<(), Failure> {
        let labels = BTreeMap::from([
            ("io.deployctl.hold".to_owned(), release.to_string()),
            (label::JOURNAL.to_owned(), self.mark.to_owned()),
        ]);
        Ok(self
            .engine
            .hold_image(id, &hold_name(self.mark, id), &labels)
            .await?)
    }

    async fn let_go(&self, id: &str, references: &[String]) -> Result<(), Failure> {
        if let Some(held) = self.engine.inspect(&hold_name(self.mark, id)).await? {
            self.engine.remove(&held.id).await?;
        }
        for reference in references {
            self.engine.remove_image(reference).await?;
        }
        Ok(())
    }
}

fn stored<E: std::error::Error + 'static>(result: Result<(), E>) -> Result<(), Failure> {
    result.map_err(|error| Failure::Store(with_causes(&error)))
}

/// The name of the container that keeps an image from being pruned.
pub(super) fn hold_name(mark: &str, image: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(mark);
    let owner = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let image = image.strip_prefix("sha256:").unwrap_or(image);
    format!(
        "deployctl-hold-{owner:08x}-{}",
        image.get(..12).unwrap_or(image)
    )
}

/// An error with its causes, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn by_digest(image: &PlannedImage) -> String {
    let name = image
        .reference
        .split('@')
        .next()
        .unwrap_or(&image.reference);
    match &image.digest {
        Some(digest) => {
            // The last `:` behind the last `/` sets off the tag; one before it belongs to the registry's port.
            let slash = name.rfind('/').map_or(0, |i| i + 1);
            let repository = name[slash..].find(':').map_or(name, |i| &name[..slash + i]);
            format!("{repository}@{digest}")
        }
        None => image.reference.clone(),
    }
}

/// The labels of a container, the image's id and the config hash filled in.
pub fn labels(
    project: &Project,
    spec: &ContainerSpec,
    ids: &BTreeMap<String, String>,
    image: &str,
) -> BTreeMap<String, String> {
    let value = |value: &LabelValue| match value {
        LabelValue::Text(text) => text.clone(),
        LabelValue::ImageId => image.to_owned(),
        LabelValue::ConfigHash => {
            project.config_hash(&spec.service_name, &ids.clone().into_iter().collect())
        }
    };
    spec.labels
        .iter()
        .map(|(name, v)| (name.clone(), value(v)))
        .collect()
}

fn exec_request(hook: &Hook) -> ExecRequest {
    let environment = hook
        .environment
        .iter()
        .filter_map(|(k, v)| v.as_ref().map(|v| format!("{k}={v}")));
    ExecRequest {
        command: hook.command.clone().unwrap_or_default(),
        environment: environment.collect(),
        user: hook.user.clone(),
        working_dir: hook.working_dir.clone(),
        privileged: hook.privileged,
    }
}
