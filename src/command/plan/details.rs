//! What a change of a container consists of, and how long nothing answers meanwhile.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::super::prepare::Prepared;
use super::super::release::{self, content_items};
use crate::plan::difference::{FieldChange, Models};
use crate::plan::observed::Container;
use crate::plan::spec::label;
use crate::plan::step::{Action, Cause, Change};
use crate::project::{Project, ServiceReferences};
use crate::state::{ReleaseRecord, Releases};

/// What docker gives a container to stop, where nothing is written.
const USUAL_GRACE: u64 = 10;

/// A change with all that is known of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Detailed {
    #[serde(flatten)]
    pub change: Change,
    /// Fields of the service that differ; values that could be secrets are masked.
    pub fields: Vec<FieldChange>,
    /// Files, secrets and configs whose content differs.
    pub contents: Vec<String>,
    /// Why no fields can be told, where the configuration differs.
    pub unknown: Option<String>,
    pub gap: Gap,
}

/// How long the service does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(super) enum Gap {
    /// It goes on answering, or did not answer before.
    None,
    /// Measured in an earlier release: an estimate for this one.
    Measured { milliseconds: u64, release: u32 },
    /// Its stop takes at most so long, and its boot has not been measured yet.
    Unmeasured { stop_seconds: u64 },
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => write!(f, "none"),
            Self::Measured {
                milliseconds,
                release,
            } => {
                let seconds = f64::from(u32::try_from(*milliseconds).unwrap_or(u32::MAX)) / 1000.0;
                write!(
                    f,
                    "about {seconds:.1} s (an estimate: as long as in release {release})"
                )
            }
            Self::Unmeasured { stop_seconds } => write!(
                f,
                "its stop (at most {stop_seconds} s) and its boot, which no release has measured yet"
            ),
        }
    }
}

/// The history, as far as a plan compares with it.
pub(super) struct Past {
    /// Newest first, with the models that can be read.
    models: Vec<(ReleaseRecord, Project, Value)>,
    current: Option<ReleaseRecord>,
    measured: BTreeMap<String, (u64, u32)>,
}

impl Past {
    /// Reads the kept releases. One that cannot be read is no reason not to plan.
    pub(super) fn read(releases: &Releases) -> Self {
        let mut records = releases.list().unwrap_or_default();
        records.retain(ReleaseRecord::serves);
        records.sort_by_key(|r| std::cmp::Reverse(r.number));
        let mut measured = BTreeMap::new();
        for record in &records {
            for (service, gap) in &record.gaps {
                measured
                    .entry(service.clone())
                    .or_insert((*gap, record.number));
            }
        }
        let current = records.first().cloned();
        let models = records.into_iter().filter_map(|record| {
            let stored = releases.model(record.number).ok()?.model;
            let project = Project::from_stored(stored.clone()).ok()?;
            Some((record, project, stored))
        });
        Self {
            models: models.collect(),
            current,
            measured,
        }
    }

    /// The model that a container was made from: its label says which. An older one may be the one.
    fn model_of(&self, container: &Container) -> Option<&Value> {
        let hash = container.label(label::CONFIG_HASH)?;
        let references = ServiceReferences::new();
        let service = container.service();
        let found = self.models.iter().find(|(_, project, _)| {
            project.service(service).is_some() && project.config_hash(service, &references) == hash
        });
        // References to other containers are part of the hash: then our own label says it.
        let number = container.label(label::RELEASE).and_then(|n| n.parse().ok());
        let labelled = self
            .models
            .iter()
            .find(|(record, _, _)| Some(record.number) == number);
        found.or(labelled).map(|(_, _, stored)| stored)
    }
}

/// Every change of a plan, field by field.
pub(super) fn details(prepared: &Prepared, past: &Past) -> Vec<Detailed> {
    let desired = release::stored_model(&prepared.project, &[]).model;
    let now = content_items(&prepared.project);
    let changes = prepared.plan.changes.iter();
    changes
        .map(|change| {
            let (fields, unknown) = fields(prepared, past, &desired, change);
            Detailed {
                change: change.clone(),
                fields,
                unknown,
                contents: contents(past, &now, change),
                gap: gap(&prepared.project, past, change),
            }
        })
        .collect()
}

fn fields(
    prepared: &Prepared,
    past: &Past,
    desired: &Value,
    change: &Change,
) -> (Vec<FieldChange>, Option<String>) {
    if !replaces(change.action) {
        return (Vec::new(), None);
    }
    let mut of_it = prepared
        .observed
        .containers
        .iter()
        .filter(|c| c.service() == change.service && !c.is_oneoff());
    let container = of_it
        .clone()
        .find(|c| c.name == change.container)
        .or_else(|| of_it.next());
    let known = container.and_then(|c| past.model_of(c));
    let Some(from) = known else {
        let differs = matches!(change.cause, Cause::ConfigurationChanged);
        let unknown = "the fields are not known: no kept release made this container";
        return (Vec::new(), differs.then(|| unknown.to_owned()));
    };
    let models = Models {
        from,
        to: desired,
        tag_variable: prepared.options.tag.as_ref().map(|t| t.variable.as_str()),
    };
    (models.service(&change.service), None)
}

/// What the release recorded of each file tells which of them changed; without a record all are named.
fn contents(
    past: &Past,
    now: &BTreeMap<String, BTreeMap<String, String>>,
    change: &Change,
) -> Vec<String> {
    let Cause::ContentChanged { items } = &change.cause else {
        return Vec::new();
    };
    let before = past
        .current
        .as_ref()
        .and_then(|c| c.content.get(&change.service));
    let (Some(before), Some(now)) = (before, now.get(&change.service)) else {
        return items.clone();
    };
    let changed = now
        .iter()
        .filter(|(name, digest)| before.get(*name) != Some(*digest));
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let mut names: Vec<String> = changed.map(|(n, _)| n).chain(gone).cloned().collect();
    if names.is_empty() {
        names.clone_from(items);
    }
    names
}

fn replaces(action: Action) -> bool {
    matches!(action, Action::Recreate | Action::RecreateStartFirst)
}

fn gap(project: &Project, past: &Past, change: &Change) -> Gap {
    if !matches!(change.action, Action::Recreate | Action::Restart) {
        return Gap::None;
    }
    if let Some((milliseconds, release)) = past.measured.get(&change.service) {
        return Gap::Measured {
            milliseconds: *milliseconds,
            release: *release,
        };
    }
    let grace = project
        .service(&change.service)
        .and_then(|s| s.stop_grace_period)
        .map_or(USUAL_GRACE, |g| g.as_std().as_secs());
    Gap::Unmeasured {
        stop_seconds: grace,
    }
}
