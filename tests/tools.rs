//! The commands around a release, by the real binary on a real engine: inside containers, maintenance, migration alone,
//! aliases, prune, hooks, webhooks, the schema's gate, the gate for SSH keys, and the files of a first deploy.

#[path = "e2e/app.rs"]
#[expect(dead_code, reason = "shared with the other tests of the real engine")]
mod app;

#[path = "tools/hooks.rs"]
mod hooks;
#[path = "tools/init.rs"]
mod init;
#[path = "tools/inside.rs"]
mod inside;
#[path = "tools/maintenance.rs"]
mod maintenance;
#[path = "tools/migrations.rs"]
mod migrations;
#[path = "tools/notices.rs"]
mod notices;
#[path = "tools/prune.rs"]
mod prune;
#[path = "tools/ssh.rs"]
mod ssh;

/// An api and a database on images with a shell; jobs that say what they do.
pub(crate) const BOX: &str = r#"
services:
  api:
    image: 127.0.0.1:5000/test/box:${IMAGE_TAG}
    restart: unless-stopped
    stop_grace_period: 2s
    environment: {MODE: production}
    depends_on: {db: {condition: service_started}}
    deploy: {update_config: {monitor: 1ms}}
  db:
    image: 127.0.0.1:5000/test/box:v1
    restart: unless-stopped
    stop_grace_period: 2s
    volumes: ["data:/data"]
    deploy: {update_config: {monitor: 1ms}}
  backup:
    image: 127.0.0.1:5000/test/box:v1
    command: [sh, -c, "echo backup=/backups/7.sql; echo 'restore=psql < /backups/7.sql'"]
    profiles: [backup]
  migrate:
    image: 127.0.0.1:5000/test/box:${IMAGE_TAG}
    command: [sh, -c, "echo migrating; test \"$$SCHEMA\" != fail && echo $$SCHEMA > /data/schema"]
    environment: {SCHEMA: "${SCHEMA:-1}"}
    volumes: ["data:/data"]
    profiles: [migrate]
    depends_on: {db: {condition: service_started}}
volumes: {data: {}}
x-deployctl:
  schema: [sh, -c, "cat /data/schema 2>/dev/null || echo none"]
  aliases:
    console: exec api sh -c
    broken: frobnicate api
"#;
