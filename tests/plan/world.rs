//! A snapshot made from a project, and a plan as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use deployctl::plan::observed::{
    Container, ContainerState, Details, Health, LocalImage, Mount, Observed, ObservedNetwork,
    ObservedVolume, RestartPolicy,
};
use deployctl::plan::options::TagChange;
use deployctl::plan::step::Undo;
use deployctl::plan::{Options, Plan, PlannedImage, judge, reconcile, spec::label};
use deployctl::project::{LoadOptions, Project, load, locate};
use deployctl::report::words;

/// The project `shop` as its file reads with a tag, by the real loader.
pub(crate) fn project(compose: &str, tag: &str) -> Project {
    let folder = tempfile::tempdir().expect("a directory");
    let compose = format!("name: shop\n{compose}");
    std::fs::write(folder.path().join("compose.prod.yml"), compose).expect("written");
    let options = LoadOptions {
        directory: folder.path().to_owned(),
        overrides: [("IMAGE_TAG".to_owned(), tag.to_owned())]
            .into_iter()
            .collect(),
        ..LoadOptions::default()
    };
    let location = locate(&options).expect("a project");
    load(&location, &options).expect("a model")
}

/// Everything that serves when the project was deployed: each replica runs, healthy.
pub(crate) fn serving(project: &Project) -> Observed {
    let mut observed = Observed {
        images: images(project),
        ..Observed::default()
    };
    for key in project.networks.keys() {
        let name = judge::network_name(project, key);
        observed.networks.push(ObservedNetwork {
            id: format!("id-of-{name}"),
            name,
            ..ObservedNetwork::default()
        });
    }
    for key in project.volumes.keys() {
        observed.volumes.push(ObservedVolume {
            name: judge::volume_name(project, key),
            ..ObservedVolume::default()
        });
    }
    let mut ids = BTreeMap::new();
    for (name, service) in &project.services {
        for number in 1..=service.replicas() {
            let container = container(project, name, u32::try_from(number).expect("few"), &ids);
            ids.entry(name.clone()).or_insert(container.id.clone());
            observed.containers.push(container);
        }
    }
    observed
}

fn container(
    project: &Project,
    name: &str,
    number: u32,
    ids: &BTreeMap<String, String>,
) -> Container {
    let service = &project.services[name];
    let image = service.image.clone().expect("an image");
    let references = ids.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let labels = [
        (label::PROJECT, project.name.clone()),
        (label::SERVICE, name.to_owned()),
        (label::ONEOFF, "False".to_owned()),
        (label::CONTAINER_NUMBER, number.to_string()),
        (label::CONFIG_HASH, project.config_hash(name, &references)),
        (label::IMAGE, image_id(&image)),
    ];
    let networks = service.networks.keys().map(|key| {
        let network = judge::network_name(project, key);
        (network.clone(), format!("id-of-{network}"))
    });
    let volumes = service.volumes.iter().filter_map(|v| v.source.as_ref());
    Container {
        id: format!("id-of-{name}-{number}"),
        name: service
            .container_name
            .clone()
            .unwrap_or_else(|| format!("shop-{name}-{number}")),
        image_id: image_id(&image),
        image,
        labels: labels.into_iter().map(|(k, v)| (k.to_owned(), v)).into(),
        state: ContainerState::Running,
        health: Health::Healthy,
        status: "Up 3 minutes (healthy)".to_owned(),
        networks: networks.collect(),
        mounts: volumes
            .map(|key| Mount {
                kind: "volume".to_owned(),
                name: judge::volume_name(project, key),
                ..Mount::default()
            })
            .collect(),
        details: Some(Details {
            restart: RestartPolicy {
                name: service.restart.clone().unwrap_or_else(|| "no".to_owned()),
                maximum_retry_count: 0,
            },
            ..Details::default()
        }),
        ..Container::default()
    }
}

fn image_id(reference: &str) -> String {
    format!("sha256:{reference}")
}

fn images(project: &Project) -> BTreeMap<String, LocalImage> {
    let all = project.services.values();
    let used = all.chain(project.disabled_services.values());
    used.filter_map(|s| s.image.clone())
        .map(|reference| {
            let image = LocalImage {
                id: image_id(&reference),
                repo_tags: vec![reference.clone()],
                ..LocalImage::default()
            };
            (reference, image)
        })
        .collect()
}

/// Options of a deploy whose images are all here.
pub(crate) fn options(project: &Project, tag: &str, serving: Option<&str>) -> Options {
    let resolved = images(project).into_iter().map(|(reference, image)| {
        let planned = PlannedImage {
            reference: reference.clone(),
            id: Some(image.id),
            ..PlannedImage::default()
        };
        (reference, planned)
    });
    Options {
        release: 7,
        mark: "host:/app".to_owned(),
        images: resolved.collect(),
        tag: Some(TagChange {
            file: PathBuf::from("/app/.env.prod"),
            variable: "IMAGE_TAG".to_owned(),
            asked: tag.to_owned(),
            serving: serving.map(str::to_owned),
            in_file: serving.map(str::to_owned),
        }),
        rollback_tag: serving.filter(|s| *s != tag).map(str::to_owned),
        ..Options::default()
    }
}

/// The plan from one tag to another, as text.
pub(crate) fn from_to(compose: &str, from: &str, to: &str) -> String {
    let observed = serving(&project(compose, from));
    let desired = project(compose, to);
    let options = options(&desired, to, Some(from));
    text(&reconcile(&desired, &observed, &options).expect("a plan"))
}

/// Changes first, then each lane of each stage with its steps; behind `<-` what takes a step back.
pub(crate) fn text(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        let _ = writeln!(
            text,
            "{} {}: {}",
            words::action(change.action),
            change.container,
            words::cause(&change.cause)
        );
    }
    for stage in &plan.stages {
        let _ = writeln!(text, "[{}]", words::stage(stage.kind));
        for lane in &stage.lanes {
            let _ = writeln!(text, "  {}", lane.name);
            for planned in &lane.steps {
                let _ = write!(text, "    {}", words::step(&planned.step));
                let undos = match &planned.undo {
                    Undo::Run(undos) => undos.iter().map(words::step).collect(),
                    Undo::RunLast(undos) => {
                        undos.iter().map(|u| words::step(u) + ", last").collect()
                    }
                    Undo::Nothing(_) => Vec::new(),
                };
                let _ = match undos.join(", ") {
                    undos if undos.is_empty() => writeln!(text),
                    undos => writeln!(text, " <- {undos}"),
                };
            }
        }
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}
