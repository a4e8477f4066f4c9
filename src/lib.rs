//! Deploys a Docker Compose project as one transaction.
