//! A shop of four services in three waves over the engine in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deployctl::engine::memory::{Behaviour, MemoryEngine, World as EngineWorld};
use deployctl::engine::{Engine as _, Scope};
use deployctl::execute::{Event, EventSink, Execution, Finished, Journalled, recover, run};
use deployctl::plan::observed::{Health, LocalImage};
use deployctl::plan::options::TagChange;
use deployctl::plan::step::{MissingLine, VariableValue};
use deployctl::plan::{Options, Plan, PlannedImage, reconcile, repair};
use deployctl::project::Project;
use deployctl::state::{Entry, Header, Outcome, Store};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// The project, its engine and what is on its disk.
pub(crate) struct Scenario {
    pub(crate) engine: MemoryEngine,
    pub(crate) store: MemoryStore,
    release: u32,
    update: serde_json::Value,
}

/// What serves, without ids: name → image, running and healthy.
#[derive(Debug, PartialEq)]
pub(crate) struct World(pub(crate) BTreeMap<String, String>);

impl World {
    /// The shop at rest on one tag.
    pub(crate) fn of(tag: &str) -> Self {
        let names = [
            ("shop-db-1", "db"),
            ("shop-api-1", "api"),
            ("shop-api-2", "api"),
            ("the-worker", "worker"),
            ("shop-proxy-1", "proxy"),
        ];
        let state = |image: &str| format!("{image}:{tag} Running Healthy unless-stopped");
        Self(
            names
                .into_iter()
                .map(|(name, image)| (name.to_owned(), state(image)))
                .collect(),
        )
    }
}

impl Scenario {
    pub(crate) fn empty() -> Self {
        let mut world = EngineWorld::default();
        let names = ["db", "api", "worker", "proxy", "migrate"];
        for image in ["v1", "v2"]
            .iter()
            .flat_map(|tag| names.map(|name| format!("{name}:{tag}")))
        {
            world.images.insert(
                image.clone(),
                LocalImage {
                    id: format!("sha256:{image}"),
                    ..LocalImage::default()
                },
            );
        }
        for tag in ["v1", "v2"] {
            world
                .behaviour
                .insert(format!("migrate:{tag}"), Behaviour::Exits(0));
        }
        Self {
            engine: MemoryEngine::new(world),
            store: MemoryStore::default(),
            release: 0,
            update: json!({}),
        }
    }

    /// The shop as a first deploy left it.
    pub(crate) async fn running(tag: &str) -> Self {
        let mut scenario = Self::empty();
        let finished = scenario.deploy(tag).await;
        assert_eq!(
            finished.outcome,
            Outcome::Succeeded,
            "the set-up: {finished:?}"
        );
        scenario.store.forget();
        scenario.engine.arm(None);
        scenario
    }

    /// The same, and `api` and `proxy` start first.
    pub(crate) async fn start_first(tag: &str) -> Self {
        Self::updating(tag, json!({"order": "start-first"})).await
    }

    /// The same, and `api` and `proxy` are replaced as this `update_config` says.
    pub(crate) async fn updating(tag: &str, update: serde_json::Value) -> Self {
        let mut scenario = Self::empty();
        scenario.update = update;
        let finished = scenario.deploy(tag).await;
        assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
        scenario.store.forget();
        scenario.engine.arm(None);
        scenario
    }

    pub(crate) async fn calls_of_a_deploy() -> usize {
        let mut shop = Self::running("v1").await;
        shop.deploy("v2").await;
        shop.engine.calls()
    }

    pub(crate) async fn calls_of_a_failing_deploy() -> usize {
        let mut shop = Self::running("v1").await;
        shop.behaves("proxy:v2", Behaviour::Unhealthy);
        shop.deploy("v2").await;
        shop.engine.calls()
    }

    pub(crate) fn behaves(&self, image: &str, behaviour: Behaviour) {
        self.engine.change(|world| {
            world.behaviour.insert(image.to_owned(), behaviour);
        });
    }

    /// Every container with all that is told of it: the same ones, by id.
    pub(crate) fn containers(&self) -> BTreeMap<String, String> {
        let state = |c: &deployctl::plan::Container| {
            let restart = c
                .details
                .as_ref()
                .map(|d| d.restart.name.clone())
                .unwrap_or_default();
            format!("{} {:?} {:?} {restart}", c.name, c.state, c.health)
        };
        self.engine
            .world()
            .containers
            .iter()
            .map(|(id, c)| (id.clone(), state(c)))
            .collect()
    }

    pub(crate) fn world(&self) -> World {
        let state = |c: &deployctl::plan::Container| {
            let restart = c
                .details
                .as_ref()
                .map(|d| d.restart.name.clone())
                .unwrap_or_default();
            (
                c.name.clone(),
                format!("{} {:?} {:?} {restart}", c.image, c.state, c.health),
            )
        };
        World(self.engine.world().containers.values().map(state).collect())
    }

    pub(crate) fn plan(&mut self, tag: &str) -> Plan {
        let project = self.project(tag);
        let images = self.engine.world().images.clone();
        let observed = self.observe();
        let serving = observed
            .containers
            .iter()
            .find(|c| c.service() == "api")
            .and_then(|c| c.image.split(':').nth(1))
            .map(str::to_owned);
        let used = project
            .services
            .values()
            .chain(project.disabled_services.values())
            .filter_map(|s| s.image.clone());
        let options = Options {
            release: self.release,
            mark: format!("test:/app:{}", self.release),
            seed: self.release.to_string(),
            images: used
                .map(|reference| {
                    let id = images.get(&reference).map(|i| i.id.clone());
                    (
                        reference.clone(),
                        PlannedImage {
                            reference,
                            id,
                            ..PlannedImage::default()
                        },
                    )
                })
                .collect(),
            tag: Some(TagChange {
                file: PathBuf::from("/app/.env.prod"),
                variable: "IMAGE_TAG".into(),
                asked: tag.into(),
                in_file: self.store.variable("IMAGE_TAG"),
                serving: serving.clone(),
            }),
            rollback_tag: serving.filter(|s| s != tag),
            ..Options::default()
        };
        let first = reconcile(&project, &observed, &options).expect("a plan");
        // The second time with what only an inspection tells of the containers that it touches.
        let mut observed = observed;
        let touched = deployctl::plan::reconcile::touched(&first);
        for container in observed
            .containers
            .iter_mut()
            .filter(|c| touched.contains(&c.id))
        {
            container.details = self
                .engine
                .world()
                .find(&container.id)
                .and_then(|c| c.details.clone());
        }
        reconcile(&project, &observed, &options).expect("a plan")
    }

    pub(crate) async fn deploy(&mut self, tag: &str) -> Finished {
        self.deploy_with(tag, async |_| {}).await
    }

    /// Deploys while something else goes on.
    pub(crate) async fn deploy_with(
        &mut self,
        tag: &str,
        beside: impl AsyncFnOnce(&MemoryEngine),
    ) -> Finished {
        self.start_release();
        let (plan, project) = (self.plan(tag), self.project(tag));
        let deploy = run(self.execution(&plan, &project, CancellationToken::new()));
        let (finished, ()) = tokio::join!(deploy, beside(&self.engine));
        finished.expect("a journal")
    }

    pub(crate) async fn deploy_interrupted_after(&mut self, tag: &str, calls: usize) -> Finished {
        self.start_release();
        let (plan, project, cancel) = (self.plan(tag), self.project(tag), CancellationToken::new());
        let deploy = run(self.execution(&plan, &project, cancel.clone()));
        let interrupt = async {
            while self.engine.calls() < calls {
                tokio::task::yield_now().await;
            }
            cancel.cancel();
        };
        let (finished, ()) = tokio::join!(deploy, interrupt);
        finished.expect("a journal")
    }

    /// Deploys until the armed crash, then drops everything that was in memory.
    pub(crate) async fn deploy_until_crash(&mut self, tag: &str) {
        let ended = self.deploy_until_crash_or_end(tag).await;
        assert!(ended.is_none(), "no crash came: {ended:?}");
    }

    /// The same, for a fault that not every call can have; says how the deploy ended where it did.
    pub(crate) async fn deploy_until_crash_or_end(&mut self, tag: &str) -> Option<Finished> {
        self.start_release();
        let (plan, project) = (self.plan(tag), self.project(tag));
        let deploy = run(self.execution(&plan, &project, CancellationToken::new()));
        tokio::select! {
            finished = deploy => Some(finished.expect("a journal")),
            () = self.engine.crashed() => None,
        }
    }

    pub(crate) async fn recover(&mut self) -> Finished {
        self.engine.arm(None);
        let journal = Journalled::from_entries(self.store.entries()).expect("a header");
        if let Some(outcome) = journal.closed {
            return Finished {
                outcome,
                failed: None,
                problems: Vec::new(),
                backup: None,
                images: Vec::new(),
            };
        }
        recover(&self.engine, &self.store, &Silent, &journal).await
    }

    /// What the next command does when the journal is gone; says which world it found nearer.
    pub(crate) async fn repair(&mut self, tag: &str) -> Option<repair::World> {
        self.engine.arm(None);
        let mut observed = self.observe();
        for container in &mut observed.containers {
            let found = self.engine.inspect(&container.id).await.expect("an answer");
            container.details = found.and_then(|c| c.details);
        }
        let repair = repair::repair(&self.project(tag), &observed, None)?;
        let problems =
            deployctl::execute::repair(&self.engine, &Silent, &repair, "test:/app").await;
        assert_eq!(problems, Vec::<String>::new());
        Some(repair.world)
    }

    /// A recovery may be over before the armed crash comes.
    pub(crate) async fn recover_until_crash(&mut self) {
        let journal = Journalled::from_entries(self.store.entries()).expect("a header");
        tokio::select! {
            _ = recover(&self.engine, &self.store, &Silent, &journal) => {}
            () = self.engine.crashed() => {}
        }
    }

    /// The old world with every container by id, or the new one; and what the files say agrees.
    pub(crate) fn assert_one_world(
        &self,
        before: &BTreeMap<String, String>,
        finished: &Finished,
        case: &str,
    ) {
        assert!(finished.problems.is_empty(), "{case}: {finished:?}");
        match finished.outcome {
            Outcome::Succeeded => {
                // A container that could not be removed in the end is a warning.
                let mut world = self.world();
                world.0.retain(|name, state| {
                    !(name.contains(".before-")
                        && state.contains("Exited")
                        && state.ends_with(" no"))
                });
                assert_eq!(world, World::of("v2"), "{case}");
                assert_eq!(
                    self.store.variable("IMAGE_TAG").as_deref(),
                    Some("v2"),
                    "{case}"
                );
                assert_eq!(self.store.rollback_tag().as_deref(), Some("v1"), "{case}");
            }
            Outcome::RolledBack | Outcome::Failed => {
                assert_eq!(&self.containers(), before, "{case}");
                assert_eq!(
                    self.store.variable("IMAGE_TAG").as_deref(),
                    Some("v1"),
                    "{case}"
                );
                assert_eq!(self.store.rollback_tag(), None, "{case}");
            }
            other => panic!("{case}: {other:?}: {finished:?}"),
        }
    }

    fn project(&self, tag: &str) -> Project {
        project(tag, &self.update)
    }

    fn start_release(&mut self) {
        self.release += 1;
        self.store
            .entries
            .replace(vec![Entry::Begin(self.header())]);
    }

    fn observe(&self) -> deployctl::plan::Observed {
        let scope = Scope {
            project: "shop".into(),
            strangers: true,
            resources: true,
            ..Scope::default()
        };
        futures_util::FutureExt::now_or_never(self.engine.observe(&scope))
            .expect("no wait")
            .expect("a snapshot")
    }

    fn header(&self) -> Header {
        Header {
            format: 1,
            binary: "test".into(),
            engine: "memory".into(),
            project: "shop".into(),
            directory: "/app".into(),
            release: self.release,
            command: "deploy".into(),
            tag: None,
            started: String::new(),
            mark: format!("test:/app:{}", self.release),
        }
    }

    fn execution<'a>(
        &'a self,
        plan: &'a Plan,
        project: &'a Project,
        cancel: CancellationToken,
    ) -> Execution<'a, MemoryEngine, MemoryStore, Silent> {
        Execution {
            engine: &self.engine,
            store: &self.store,
            events: &Silent,
            project,
            plan,
            header: self.header(),
            cancel,
        }
    }
}

/// Four services in three waves: `db`; `api` (two replicas, two networks) and `worker` (a fixed name); `proxy`.
fn project(tag: &str, update: &serde_json::Value) -> Project {
    let healthy = json!({"condition": "service_healthy", "required": true});
    let order = json!({"update_config": update});
    let service = |image: &str, more: serde_json::Value| {
        let mut service = json!({
            "image": format!("{image}:{tag}"),
            "command": null,
            "entrypoint": null,
            "restart": "unless-stopped",
            "networks": {"default": null},
            "healthcheck": {"test": ["CMD", "probe"], "interval": "1s", "timeout": "1s", "retries": 3},
        });
        if let (Some(service), Some(more)) = (service.as_object_mut(), more.as_object()) {
            service.extend(more.clone());
        }
        service
    };
    Project::from_stored(json!({
        "name": "shop",
        "working_dir": "/app",
        "config_files": ["/app/compose.prod.yml"],
        "services": {
            "db": service("db", json!({"volumes": [{"type": "volume", "source": "data", "target": "/data"}]})),
            "api": service("api", json!({"scale": 2, "deploy": order, "networks": {"default": null, "back": null}, "depends_on": {"db": healthy}})),
            "worker": service("worker", json!({"container_name": "the-worker", "depends_on": {"db": healthy}})),
            "proxy": service("proxy", json!({"deploy": order, "depends_on": {"api": healthy}})),
        },
        "disabled_services": {
            "migrate": {"image": format!("migrate:{tag}"), "command": null, "entrypoint": null, "profiles": ["migrate"], "networks": {"default": null}, "depends_on": {"db": healthy}},
        },
        "networks": {"default": {"name": "shop_default", "ipam": {}}, "back": {"name": "shop_back", "ipam": {}}},
        "volumes": {"data": {"name": "shop_data"}},
    }))
    .expect("a project")
}

/// The disk: journal, env file and `.rollback-tag`.
#[derive(Default)]
pub(crate) struct MemoryStore {
    entries: RefCell<Vec<Entry>>,
    variables: RefCell<BTreeMap<String, String>>,
    rollback_tag: RefCell<Option<String>>,
}

impl MemoryStore {
    /// What the journal holds, read back from its written form.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let written = serde_json::to_string(&*self.entries.borrow()).expect("JSON");
        serde_json::from_str(&written).expect("entries")
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.variables.borrow().get(name).cloned()
    }

    pub(crate) fn rollback_tag(&self) -> Option<String> {
        self.rollback_tag.borrow().clone()
    }

    fn forget(&self) {
        self.rollback_tag.borrow_mut().take();
    }
}

impl Store for MemoryStore {
    type Error = std::io::Error;

    fn append(&self, entry: &Entry) -> Result<(), Self::Error> {
        self.entries.borrow_mut().push(entry.clone());
        Ok(())
    }

    fn write_variable(
        &self,
        _: &Path,
        name: &str,
        value: &VariableValue,
        _: MissingLine,
    ) -> Result<(), Self::Error> {
        if let VariableValue::Tag(tag) = value {
            self.variables
                .borrow_mut()
                .insert(name.to_owned(), tag.clone());
        }
        Ok(())
    }

    fn write_rollback_tag(&self, value: &str) -> Result<(), Self::Error> {
        self.rollback_tag.replace(Some(value.to_owned()));
        Ok(())
    }

    fn record(&self, _: Outcome, _: Option<&str>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn log(&self, _: &str, _: &str) {}
}

/// Nobody looks.
pub(crate) struct Silent;

impl EventSink for Silent {
    fn record(&self, event: Event<'_>) {
        // What happens is told by the world afterwards; a health verdict is worth nothing here.
        let _: (Event<'_>, Health) = (event, Health::None);
    }
}
