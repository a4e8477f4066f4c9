//! Tells the webhooks of `x-deployctl.notify` how a command goes; no answer of theirs changes anything.

use std::cell::RefCell;
use std::time::Instant;

use tokio::task::JoinHandle;

use super::app::App;
use crate::error::{Error, ErrorKind};
use crate::notify::{Moment, Notice, Webhook, webhooks};
use crate::project::Project;
use crate::state::{Holder, Origin};

/// Who is to be told, and what is under way.
pub(super) struct Notices {
    state: RefCell<State>,
    began: Instant,
}

#[derive(Default)]
struct State {
    webhooks: Vec<Webhook>,
    notice: Notice,
    started: bool,
    sending: Vec<JoinHandle<Result<(), String>>>,
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            state: RefCell::default(),
            began: Instant::now(),
        }
    }
}

impl Notices {
    /// Reads whom a project wants to be told.
    pub(super) fn prepare(
        &self,
        app: &App<'_>,
        project: &Project,
        command: &str,
    ) -> Result<(), Error> {
        let Some(written) = project
            .extensions
            .get("x-deployctl")
            .and_then(|x| x.get("notify"))
        else {
            return Ok(());
        };
        let webhooks = webhooks(written).map_err(|e| Error::new(ErrorKind::Invalid, e))?;
        let origin = Origin::from_environment(&app.environment.clone().into_iter().collect());
        let holder = Holder::current(command);
        let mut state = self.state.borrow_mut();
        state.webhooks = webhooks;
        state.notice = Notice {
            project: project.name.clone(),
            host: holder.host,
            user: holder.user,
            command: command.to_owned(),
            ci_run: origin.ci_run,
            ..Notice::default()
        };
        Ok(())
    }

    /// A release begins.
    pub(super) fn started(&self, release: u32, tag: Option<&str>) {
        let mut state = self.state.borrow_mut();
        state.started = true;
        state.notice.release = Some(release);
        state.notice.tag = tag.map(str::to_owned);
        drop(state);
        self.tell(Moment::Start);
    }

    /// The command has ended; waits until everybody is told, or has had time enough.
    pub(super) async fn ended<T>(&self, app: &App<'_>, result: &Result<T, Error>) {
        let moment = self.moment(result);
        if let Some(moment) = moment {
            self.tell(moment);
        }
        let sending = std::mem::take(&mut self.state.borrow_mut().sending);
        for sent in sending {
            if let Ok(Err(reason)) = sent.await {
                app.reporter.warning(&reason);
            }
        }
    }

    fn moment<T>(&self, result: &Result<T, Error>) -> Option<Moment> {
        let mut state = self.state.borrow_mut();
        let going_back = state.notice.command.starts_with("rollback");
        let moment = match result {
            Ok(_) if !state.started => return None,
            Ok(_) if going_back => Moment::Rollback,
            Ok(_) => Moment::Success,
            Err(error) => match error.kind {
                ErrorKind::Usage | ErrorKind::Locked | ErrorKind::Differs => return None,
                ErrorKind::RolledBack => Moment::Rollback,
                ErrorKind::Degraded => Moment::Degraded,
                _ => Moment::Failure,
            },
        };
        state.notice.exit_code = Some(result.as_ref().err().map_or(0, |e| e.kind as u8));
        state.notice.reason = result.as_ref().err().map(ToString::to_string);
        state.notice.seconds = Some(self.began.elapsed().as_secs());
        Some(moment)
    }

    fn tell(&self, moment: Moment) {
        let mut state = self.state.borrow_mut();
        let told: Vec<Webhook> = state
            .webhooks
            .iter()
            .filter(|w| w.wants(moment))
            .cloned()
            .collect();
        for webhook in told {
            let notice = state.notice.clone();
            // Beside the deploy: nobody waits for it before the end.
            let sending = tokio::spawn(webhook.tell(moment, notice));
            state.sending.push(sending);
        }
    }
}
