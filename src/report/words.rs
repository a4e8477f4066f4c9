//! Words for stages, steps, causes and events.

use serde_json::{Value, json};

use crate::execute::Event;
use crate::plan::step::{Action, Cause, HookKind, StageKind, Step, Until, VariableValue};

/// What a stage is called.
pub fn stage(kind: StageKind) -> &'static str {
    match kind {
        StageKind::PutBack => "put the serving tag back",
        StageKind::Pull => "pull",
        StageKind::Prepare => "networks and volumes",
        StageKind::Dependencies(_) => "what the jobs need",
        StageKind::Backup => "backup",
        StageKind::Migrate => "migrate",
        StageKind::Create => "create",
        StageKind::Wave(_) => "update",
        StageKind::Monitor => "watch",
        StageKind::Smoke => "smoke test",
        StageKind::Commit => "commit",
        StageKind::Clean => "clean up",
    }
}

/// What a step does.
pub fn step(step: &Step) -> String {
    match step {
        Step::Pull { image } => format!("pull {image}"),
        Step::ArmTag { image } => format!("tag {image}"),
        Step::CreateNetwork { name, .. } => format!("create network {name}"),
        Step::RemoveNetwork { name } => format!("remove network {name}"),
        Step::CreateVolume { name, .. } => format!("create volume {name}"),
        Step::Create { name, .. } => format!("create {name}"),
        Step::Start { container } => format!("start {container}"),
        Step::Stop { container, .. } => format!("stop {container}"),
        Step::Rename { from, to, .. } => format!("rename {from} to {to}"),
        Step::Remove { container } => format!("remove {container}"),
        Step::SetRestart { container, policy } => {
            format!("restart policy of {container}: {}", policy.name)
        }
        Step::Signal { container, signal } => format!("send {signal} to {container}"),
        Step::CopyAssets { from, to, path } => {
            format!("copy files of {path} that {to} lacks from {from}")
        }
        Step::Await {
            container,
            until,
            timeout,
        } => {
            let what = match until {
                Until::Healthy => "healthy",
                Until::Running => "running",
                Until::Completed => "done",
            };
            format!(
                "wait until {container} is {what} (up to {} s)",
                timeout.as_secs()
            )
        }
        Step::Hooks {
            container,
            kind: HookKind::PostStart,
        } => format!("post_start hooks of {container}"),
        Step::Hooks {
            container,
            kind: HookKind::PreStop,
        } => format!("pre_stop hooks of {container}"),
        Step::Monitor { containers } if containers.len() == 1 => {
            let (container, duration) = &containers[0];
            format!("watch {container} ({})", seconds(*duration))
        }
        Step::Monitor { containers } => {
            let longest = containers
                .iter()
                .map(|(_, d)| d.as_secs())
                .max()
                .unwrap_or(0);
            format!("watch {} containers (up to {longest} s)", containers.len())
        }
        Step::Delay { duration } => format!("wait {}", seconds(*duration)),
        Step::WriteVariable {
            file, name, value, ..
        } => match value {
            VariableValue::Tag(tag) => format!("write {name}={tag} to {}", file.display()),
            VariableValue::InRelease(_) => format!("write {name} to {}", file.display()),
        },
        Step::WriteRollbackTag { value } => format!("write {value} to .rollback-tag"),
        Step::RecordRelease => "record the release".to_owned(),
        Step::HoldImage { id, .. } => format!("hold image {} for a rollback", short(id)),
        Step::LetGo { id, .. } => format!("let go of image {}", short(id)),
    }
}

/// Why something is done.
pub fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Missing => "it is not there".to_owned(),
        Cause::ConfigurationChanged => "its configuration changed".to_owned(),
        Cause::ImageChanged { from, to } => format!("image {from} → {to}"),
        Cause::ContentChanged { items } => format!("content changed: {}", items.join(", ")),
        Cause::AttachmentChanged { what } => format!("not attached to {what}"),
        Cause::FollowsService { service } => format!("goes with service {service}"),
        Cause::NotRunning => "it does not run".to_owned(),
        Cause::Scaled { from, to } => format!("scaled from {from} to {to}"),
        Cause::Orphan => "its service is not in the project any more".to_owned(),
        Cause::Job => "job".to_owned(),
        Cause::Release => "part of every release".to_owned(),
    }
}

/// What happens to a container.
pub fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Recreate => "recreate",
        Action::RecreateStartFirst => "recreate (start first)",
        Action::Restart => "restart",
        Action::Start => "start",
        Action::Remove => "remove",
        Action::Signal => "signal",
        Action::Run => "run",
    }
}

/// Whether a step is worth a line although it was quick.
pub fn is_notable(step: &Step) -> bool {
    matches!(
        step,
        Step::Pull { .. }
            | Step::Create { .. }
            | Step::Start { .. }
            | Step::Stop { .. }
            | Step::Await { .. }
            | Step::Signal { .. }
            | Step::CreateNetwork { .. }
            | Step::CreateVolume { .. }
            | Step::WriteVariable { .. }
            | Step::WriteRollbackTag { .. }
            | Step::Monitor { .. }
    )
}

/// Whether a step is announced before it is done.
pub fn takes_time(step: &Step) -> bool {
    matches!(
        step,
        Step::Pull { .. } | Step::Await { .. } | Step::Monitor { .. } | Step::Delay { .. }
    )
}

/// An event as a JSON object.
pub fn json(event: &Event<'_>) -> Value {
    match event {
        Event::StageStarted { kind, lanes } => {
            json!({"event": "stage-started", "stage": stage(*kind), "lanes": lanes})
        }
        Event::StepStarted { lane, step } => {
            json!({"event": "step-started", "lane": lane, "number": step.number, "step": self::step(&step.step)})
        }
        Event::StepSucceeded {
            lane,
            step,
            elapsed,
        } => {
            json!({"event": "step-succeeded", "lane": lane, "number": step.number, "step": self::step(&step.step), "seconds": elapsed.as_secs_f64()})
        }
        Event::StepFailed {
            lane,
            step,
            message,
        } => {
            json!({"event": "step-failed", "lane": lane, "number": step.number, "step": self::step(&step.step), "message": message})
        }
        Event::Pulling { image, progress } => {
            json!({"event": "pulling", "image": image, "current": progress.current, "total": progress.total})
        }
        Event::Output {
            source,
            line,
            stream,
        } => {
            json!({"event": "output", "source": source, "stream": format!("{stream:?}").to_lowercase(), "line": line})
        }
        Event::Tail { lane, line } => json!({"event": "tail", "lane": lane, "line": line}),
        Event::Evidence {
            container,
            log,
            probe,
            state,
        } => {
            json!({"event": "evidence", "container": container, "log": log, "probe": probe, "state": state})
        }
        Event::Committed => json!({"event": "committed"}),
        Event::Unwinding { reason } => json!({"event": "unwinding", "reason": reason}),
        Event::Undoing { step } => json!({"event": "undoing", "step": self::step(step)}),
        Event::UndoFailed { step, message } => {
            json!({"event": "undo-failed", "step": self::step(step), "message": message})
        }
        Event::Warning(text) => json!({"event": "warning", "message": text}),
        Event::Note(text) => json!({"event": "note", "message": text}),
    }
}

/// An event with the time of now.
pub fn stamped(mut event: Value) -> Value {
    if let Some(object) = event.as_object_mut() {
        object.insert("time".into(), json!(jiff::Timestamp::now().to_string()));
    }
    event
}

/// Lines that nobody read are said to be missing.
pub fn dropped(lines: usize) -> String {
    format!("({lines} lines were dropped: nobody read them)\n")
}

/// The same as an event.
pub fn dropped_json(lines: usize) -> String {
    let event = json!({"event": "dropped", "lines": lines, "message": "nobody read them"});
    format!("{}\n", stamped(event))
}

/// A line of the log of `-vv` as an event.
pub fn log_json(line: &[u8]) -> Vec<u8> {
    let line = String::from_utf8_lossy(line);
    let event = json!({"event": "log", "message": line.trim_end()});
    format!("{}\n", stamped(event)).into_bytes()
}

/// `1.5 s`, and `5 s` where it is whole.
fn seconds(duration: std::time::Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

fn short(id: &str) -> &str {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.get(..12).unwrap_or(id)
}
