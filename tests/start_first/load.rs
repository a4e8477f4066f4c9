//! The load generator of `compose/app`, beside a deploy: every failed request is told, none is repeated.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Requests that are being sent.
pub(crate) struct Load(Child);

/// What came of them.
pub(crate) struct Seen(Value);

impl Load {
    pub(crate) fn on(port: u16, rate: u32) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("compose/app/target/x86_64-unknown-linux-gnu/release/load");
        let child = Command::new(&program)
            .args([&format!("127.0.0.1:{port}"), &rate.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self(child.expect("the load generator: run scripts/images proxies first"))
    }

    /// Sends no more, and waits for the answers that are still to come.
    pub(crate) fn end(mut self) -> Seen {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().expect("the load generator");
        Seen(serde_json::from_slice(&output.stdout).expect("JSON"))
    }
}

impl Seen {
    pub(crate) fn sent(&self) -> u64 {
        self.0["sent"].as_u64().expect("a number")
    }

    /// The versions that answered.
    pub(crate) fn versions(&self) -> Vec<String> {
        let versions = self.0["versions"].as_object().expect("an object");
        versions.keys().cloned().collect()
    }

    #[track_caller]
    pub(crate) fn none_failed(&self) {
        assert_eq!(self.0["failed"], 0, "{}", self.0["reasons"]);
    }

    /// Every POST that was answered has been received once, and none twice.
    #[track_caller]
    pub(crate) fn each_post_arrived_once(&self, record: &str) {
        let mut received: BTreeMap<&str, u32> = BTreeMap::new();
        for id in record.lines().filter_map(|l| l.split(' ').nth(1)) {
            *received.entry(id).or_default() += 1;
        }
        let twice: Vec<_> = received.iter().filter(|(_, n)| **n > 1).collect();
        assert!(twice.is_empty(), "received twice: {twice:?}");
        let stored = self.0["stored"].as_array().expect("a list");
        assert!(!stored.is_empty(), "no POST was sent");
        for id in stored {
            let id = id.as_str().expect("an id");
            assert!(
                received.contains_key(id),
                "{id} was answered and not received"
            );
        }
    }
}
