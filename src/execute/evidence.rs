//! What a failed container said last: its log and its last probe, for the person who reads the failure.

use std::fmt::Write as _;

use futures_util::StreamExt as _;

use crate::engine::{Engine, LogOptions};
use crate::execute::event::{Event, EventSink};
use crate::plan::observed::Container;
use crate::state::Store;

const LINES: u64 = 20;

/// Shows and keeps the last lines of a container; an engine that does not tell is no further failure.
pub(super) async fn show<E: Engine, S: Store, R: EventSink>(
    engine: &E,
    store: &S,
    events: &R,
    id: &str,
    name: &str,
) {
    let Ok(Some(container)) = engine.inspect(id).await else {
        return;
    };
    let mut log = Vec::new();
    let options = LogOptions {
        tail: Some(LINES),
        ..LogOptions::default()
    };
    if let Ok(mut lines) = engine.logs(id, &options).await {
        while let Some(Ok(line)) = lines.next().await {
            store.log(name, &line.text);
            log.push(line.text);
        }
    }
    let details = container.details.as_ref();
    let probe = details
        .and_then(|d| d.probes.last())
        .map(|p| format!("exit {}: {}", p.exit_code, p.output.trim_end()));
    events.record(Event::Evidence {
        container: name,
        log,
        probe,
        state: state(&container),
    });
}

fn state(container: &Container) -> String {
    let details = container.details.clone().unwrap_or_default();
    let mut text = container.status.clone();
    if text.is_empty() {
        text = format!("{:?}, exit code {}", container.state, details.exit_code).to_lowercase();
    }
    if details.oom_killed {
        text.push_str(", killed for its memory");
    }
    if details.restart_count > 0 {
        let _ = write!(text, ", restarted {} times", details.restart_count);
    }
    if !details.error.is_empty() {
        text.push_str(": ");
        text.push_str(&details.error);
    }
    text
}
