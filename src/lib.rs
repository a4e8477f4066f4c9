//! Deploys a Docker Compose project as one transaction, with the old containers as the rollback.

pub mod cli;
pub mod command;
pub mod engine;
pub mod error;
pub mod execute;
pub mod notify;
pub mod plan;
pub mod project;
pub mod report;
pub mod signal;
pub mod state;
