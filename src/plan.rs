//! Decides what a command does: resolved model + snapshot of the engine → steps with undo and cause.
//!
//! Pure: nothing here awaits, reads a clock or touches a file.

pub mod build;
pub mod check;
mod error;
pub mod graph;
pub mod image;
pub mod judge;
pub mod lanes;
pub mod observed;
pub mod options;
pub mod owner;
pub mod reconcile;
pub mod registry;
pub mod release;
pub mod repair;
pub mod spec;
pub mod step;
pub mod strategy;
pub mod tag;

pub use error::PlanError;
pub use image::{ImageKey, PlannedImage};
pub use observed::{Container, Observed};
pub use options::Options;
pub use reconcile::reconcile;
pub use spec::{ContainerSpec, PlannedId};
pub use step::{Cause, ContainerRef, Lane, Plan, PlannedStep, Stage, StageKind, Step, Undo};
