//! Runs a plan forward, waits for health, unwinds; recovers an unfinished journal.

mod away;
mod commit;
pub mod event;
mod evidence;
pub mod failure;
mod perform;
mod recover;
mod room;
mod run;
mod serving;
mod settle;
mod unwind;
mod waiting;
mod watch;

pub use event::{Event, EventSink};
pub use failure::{Failed, Failure, Finished};
pub use perform::labels;
pub use recover::{Journalled, recover, repair};
pub use run::{Execution, run};
pub use settle::start_and_settle;
