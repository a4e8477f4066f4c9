//! Executables in `.deployctl/hooks/`: run around a release, known to its journal.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use super::app::App;
use crate::engine::LogStream;
use crate::error::{Error, ErrorKind};
use crate::execute::{Event, EventSink as _};
use crate::project::Project;
use crate::state::{Entry, ReleaseStore, Store as _};

/// How long a hook may run, where `x-deployctl.hook_timeout` says nothing.
const LIMIT: Duration = Duration::from_mins(5);
/// How long its last words may still come, when a child of it keeps its output open.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
/// Others' permission to write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Everything is checked, nothing is touched: a failure ends the deploy (4).
    PreDeploy,
    /// The new release serves: a failure is a warning.
    PostDeploy,
    /// As [`Self::PreDeploy`], for `rollback`.
    PreRollback,
    /// As [`Self::PostDeploy`], for `rollback`.
    PostRollback,
    /// The release failed, however it ended: a failure is a warning.
    OnFailure,
}

/// What a hook is told, beside its name.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub project: String,
    pub release: u32,
    pub command: String,
    pub tag: Option<String>,
    pub previous_tag: Option<String>,
    pub outcome: Option<String>,
    pub reason: Option<String>,
    pub backup: Option<String>,
}

impl Moment {
    fn name(self) -> &'static str {
        match self {
            Self::PreDeploy => "pre-deploy",
            Self::PostDeploy => "post-deploy",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::OnFailure => "on-failure",
        }
    }
}

const ALL: [Moment; 5] = [
    Moment::PreDeploy,
    Moment::PostDeploy,
    Moment::PreRollback,
    Moment::PostRollback,
    Moment::OnFailure,
];

/// Refuses hooks that somebody else could have written, before anything is touched.
pub(super) fn check(app: &App<'_>, directory: &Path) -> Result<(), Error> {
    for moment in ALL {
        let Some(path) = find(directory, moment) else {
            continue;
        };
        let owner = std::fs::metadata(directory).map(|m| m.uid());
        let owner = owner.map_err(|e| Error::new(ErrorKind::Check, e))?;
        for part in [
            folder(directory).parent().map(Path::to_owned),
            Some(folder(directory)),
            Some(path.clone()),
        ]
        .into_iter()
        .flatten()
        {
            trust(&part, owner)?;
        }
        let executable =
            std::fs::metadata(&path).is_ok_and(|m| m.permissions().mode() & 0o111 != 0);
        if !executable {
            app.reporter.warning(&format!(
                "the hook `{0}` is not executable and does not run: chmod +x {0}",
                path.display()
            ));
        }
    }
    Ok(())
}

/// Runs a hook, if there is one; its output goes where that of jobs goes.
pub(super) async fn run(
    app: &App<'_>,
    store: &ReleaseStore,
    directory: &Path,
    project: &Project,
    moment: Moment,
    facts: &Facts,
) -> Result<(), Error> {
    let name = moment.name();
    let Some(path) = find(directory, moment)
        .filter(|p| std::fs::metadata(p).is_ok_and(|m| m.permissions().mode() & 0o111 != 0))
    else {
        return Ok(());
    };
    store.append(&Entry::HookBegun {
        name: name.to_owned(),
    })?;
    let result = carry_out(app, store, directory, project, &path, name, facts).await;
    let failure = match &result {
        Ok(()) => None,
        Err(reason) => Some(reason.clone()),
    };
    store.append(&Entry::HookEnded {
        name: name.to_owned(),
        failure,
    })?;
    result.map_err(|reason| {
        Error::new(ErrorKind::Check, format!("the hook `{name}` {reason}"))
            .hint(format!("see {}", path.display()))
    })
}

async fn carry_out(
    app: &App<'_>,
    store: &ReleaseStore,
    directory: &Path,
    project: &Project,
    path: &Path,
    name: &str,
    facts: &Facts,
) -> Result<(), String> {
    let limit = limit(project)?;
    let mut child = Command::new(path)
        .current_dir(directory)
        .envs(environment(directory, name, facts))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: at the limit all of it ends, and a Ctrl-C is deployctl's to read.
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cannot be run: {e}"))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let label = format!("hook:{name}");
    let reading = futures_util::future::join(
        show(app, store, &label, child.stdout.take(), LogStream::Stdout),
        show(app, store, &label, child.stderr.take(), LogStream::Stderr),
    );
    let mut reading = std::pin::pin!(reading);
    let waiting = async {
        let mut read = false;
        let ended = loop {
            tokio::select! {
                ended = child.wait() => break ended,
                _ = &mut reading, if !read => read = true,
            }
        };
        if !read {
            let _ = tokio::time::timeout(LAST_OUTPUT, reading).await;
        }
        ended
    };
    let ended = tokio::select! {
        ended = tokio::time::timeout(limit, waiting) => ended.ok(),
        () = app.cancel.cancelled(), if name.starts_with("pre-") => {
            end(group);
            return Err("was interrupted".to_owned());
        }
    };
    match ended {
        Some(Ok(status)) if status.success() => Ok(()),
        Some(Ok(status)) => Err(status.code().map_or_else(
            || "was ended by a signal".to_owned(),
            |code| format!("ended with {code}"),
        )),
        Some(Err(error)) => Err(error.to_string()),
        None => {
            end(group);
            Err(format!("did not end within {} s", limit.as_secs()))
        }
    }
}

fn end(group: Option<i32>) {
    if let Some(group) = group {
        // It may have ended just now.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

async fn show(
    app: &App<'_>,
    store: &ReleaseStore,
    label: &str,
    output: Option<impl AsyncRead + Unpin>,
    stream: LogStream,
) {
    let Some(output) = output else { return };
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        store.log(label, line);
        app.reporter.record(Event::Output {
            source: label,
            stream,
            line,
        });
    }
}

fn environment(directory: &Path, name: &str, facts: &Facts) -> Vec<(&'static str, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    vec![
        ("DEPLOYCTL_HOOK", name.to_owned()),
        ("DEPLOYCTL_DIRECTORY", directory.display().to_string()),
        ("DEPLOYCTL_PROJECT", facts.project.clone()),
        ("DEPLOYCTL_RELEASE", facts.release.to_string()),
        ("DEPLOYCTL_COMMAND", facts.command.clone()),
        ("DEPLOYCTL_TAG", text(&facts.tag)),
        ("DEPLOYCTL_PREVIOUS_TAG", text(&facts.previous_tag)),
        ("DEPLOYCTL_OUTCOME", text(&facts.outcome)),
        ("DEPLOYCTL_REASON", text(&facts.reason)),
        ("DEPLOYCTL_BACKUP", text(&facts.backup)),
    ]
}

fn limit(project: &Project) -> Result<Duration, String> {
    let written = project
        .extensions
        .get("x-deployctl")
        .and_then(|x| x.get("hook_timeout"))
        .and_then(serde_json::Value::as_str);
    match written {
        None => Ok(LIMIT),
        Some(text) => crate::project::duration::parse(text)
            .map(crate::project::model::GoDuration::as_std)
            .ok_or_else(|| format!("has no limit: `hook_timeout: {text}` is no duration")),
    }
}

fn folder(directory: &Path) -> PathBuf {
    directory.join(".deployctl/hooks")
}

fn find(directory: &Path, moment: Moment) -> Option<PathBuf> {
    let path = folder(directory).join(moment.name());
    std::fs::symlink_metadata(&path).is_ok().then_some(path)
}

/// Whoever could change a hook could run programs as whoever deploys next.
fn trust(path: &Path, owner: u32) -> Result<(), Error> {
    let found = std::fs::symlink_metadata(path).map_err(|e| Error::new(ErrorKind::Check, e))?;
    let shown = path.display();
    if found.file_type().is_symlink() {
        let error = format!("`{shown}` is a link, and hooks are not run through links");
        return Err(Error::new(ErrorKind::Check, error).hint(format!(
            "put the file itself there: cp --remove-destination \"$(readlink -f {shown})\" {shown}"
        )));
    }
    if found.uid() != owner && found.uid() != 0 {
        let error = format!(
            "`{shown}` belongs to user {}, who owns neither the directory nor the host",
            found.uid()
        );
        return Err(Error::new(ErrorKind::Check, error)
            .hint(format!("look into it, then: sudo chown {owner} {shown}")));
    }
    if found.permissions().mode() & WRITABLE_BY_OTHERS != 0 {
        let error = format!("`{shown}` can be written by others than its owner");
        return Err(Error::new(ErrorKind::Check, error)
            .hint(format!("look into it, then: chmod go-w {shown}")));
    }
    Ok(())
}
