//! Deploys a Docker Compose project as one transaction.

pub mod command;
pub mod project;
