//! The steps that every release has: tag line put back, images, commit, clean-up.

use std::collections::BTreeSet;

use crate::plan::image::{PlannedImage, TagArming};
use crate::plan::lanes::{Steps, final_step};
use crate::plan::options::Options;
use crate::plan::step::{Cause, Lane, MissingLine, Stage, StageKind, Step, VariableValue};

/// The env file names what serves until the commit: a new tag that CI wrote into it is put back.
pub fn put_back(options: &Options) -> Option<Stage> {
    let tag = options.tag.as_ref()?;
    let serving = tag.serving.as_ref()?;
    if tag.in_file.is_none() || tag.in_file.as_ref() == Some(serving) {
        return None;
    }
    let step = Step::WriteVariable {
        file: tag.file.clone(),
        name: tag.variable.clone(),
        value: VariableValue::Tag(serving.clone()),
        missing: MissingLine::Leave,
    };
    let reason = "what serves is the right tag in the old world, too";
    Some(stage(
        StageKind::PutBack,
        "env file",
        vec![final_step(step, reason, &Cause::Release)],
    ))
}

/// Pulls, side by side, and tags that are new here.
pub fn pull(options: &Options, needed: &BTreeSet<String>) -> Option<Stage> {
    let images = options
        .images
        .values()
        .filter(|i| needed.contains(&i.reference));
    let lanes: Vec<Lane> = images.filter_map(pull_lane).collect();
    (!lanes.is_empty()).then_some(Stage {
        kind: StageKind::Pull,
        lanes,
    })
}

/// What follows from the line `committed`.
pub fn commit(options: &Options) -> Option<Stage> {
    let mut steps = write_variables(options);
    let arming = options
        .images
        .values()
        .filter(|i| i.tag == TagArming::AtCommit);
    steps.extend(arming.map(|i| {
        redone(Step::ArmTag {
            image: i.reference.clone(),
        })
    }));
    if let Some(value) = &options.rollback_tag {
        steps.push(redone(Step::WriteRollbackTag {
            value: value.clone(),
        }));
    }
    steps.push(redone(Step::RecordRelease));
    Some(stage(StageKind::Commit, "commit", steps))
}

/// Old containers go; the images that a rollback needs are held.
pub fn clean(options: &Options, mut lanes: Vec<Lane>) -> Option<Stage> {
    let hold = options.hold.iter().map(|id| Step::HoldImage {
        id: id.clone(),
        release: options.release,
    });
    let let_go = options.let_go.iter().map(|(id, references)| Step::LetGo {
        id: id.clone(),
        references: references.clone(),
    });
    let steps: Steps = hold
        .chain(let_go)
        .map(|s| final_step(s, "the new release stands", &Cause::Release))
        .collect();
    if !steps.is_empty() {
        lanes.push(Lane {
            name: "images".into(),
            steps,
        });
    }
    (!lanes.is_empty()).then_some(Stage {
        kind: StageKind::Clean,
        lanes,
    })
}

/// No container changes, yet the tag line is behind what serves.
pub fn only_tag_line(options: &Options) -> Vec<Stage> {
    let steps = write_variables(options);
    if steps.is_empty() {
        Vec::new()
    } else {
        vec![stage(StageKind::Commit, "env file", steps)]
    }
}

fn write_variables(options: &Options) -> Steps {
    let tag = options.tag.as_ref().filter(|tag| {
        let put_back = put_back(options).is_some();
        put_back || tag.in_file.as_ref() != Some(&tag.asked)
    });
    let tag = tag.map(|tag| Step::WriteVariable {
        file: tag.file.clone(),
        name: tag.variable.clone(),
        value: VariableValue::Tag(tag.asked.clone()),
        missing: MissingLine::Append,
    });
    let set = options.set.iter().filter_map(|name| {
        Some(Step::WriteVariable {
            file: options.env_file.clone()?,
            name: name.clone(),
            value: VariableValue::InRelease(options.release),
            missing: MissingLine::Append,
        })
    });
    tag.into_iter().chain(set).map(redone).collect()
}

fn pull_lane(image: &PlannedImage) -> Option<Lane> {
    let mut steps = Steps::new();
    let keep = "an image that is here does no harm";
    if image.pull {
        steps.push(final_step(
            Step::Pull {
                image: image.reference.clone(),
            },
            keep,
            &Cause::Release,
        ));
    }
    if image.tag == TagArming::AtOnce {
        steps.push(final_step(
            Step::ArmTag {
                image: image.reference.clone(),
            },
            keep,
            &Cause::Release,
        ));
    }
    (!steps.is_empty()).then(|| Lane {
        name: image.reference.clone(),
        steps,
    })
}

/// The commit of what is no release: a line in the history.
pub fn record() -> Stage {
    stage(
        StageKind::Commit,
        "commit",
        vec![redone(Step::RecordRelease)],
    )
}

fn redone(step: Step) -> crate::plan::PlannedStep {
    final_step(
        step,
        "the release is committed: this is redone, not undone",
        &Cause::Release,
    )
}

fn stage(kind: StageKind, name: &str, steps: Steps) -> Stage {
    Stage {
        kind,
        lanes: vec![Lane {
            name: name.to_owned(),
            steps,
        }],
    }
}
