//! Decides what a command does: resolved model + snapshot of the engine → steps with undo and cause.
//!
//! Pure: nothing here awaits, reads a clock or touches a file.

pub mod image;
pub mod observed;
pub mod spec;
pub mod step;

pub use image::{ImageKey, PlannedImage};
pub use observed::{Container, Observed};
pub use spec::{ContainerSpec, PlannedId};
pub use step::{Cause, ContainerRef, Lane, Plan, PlannedStep, Stage, StageKind, Step, Undo};
