//! Runs a plan forward, waits for health, unwinds; recovers an unfinished journal.

pub mod event;

pub use event::{Event, EventSink};
