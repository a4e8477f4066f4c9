//! Compose files and env files → the resolved model, its canonical form and its config hash.

pub mod duration;
pub mod model;

pub use model::Project;
