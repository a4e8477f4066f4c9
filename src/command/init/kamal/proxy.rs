//! Kamal's proxy: its port, and its health check as the container's own.

use serde_json::{Map, Value, json};

use super::Conversion;

/// The port that Kamal's proxy expects an app on.
const PORT: u64 = 80;

pub(super) struct Port {
    pub(super) number: u64,
    path: String,
    interval: u64,
    timeout: u64,
}

impl Port {
    pub(super) fn healthcheck(&self) -> Value {
        let url = format!("http://127.0.0.1:{}{}", self.number, self.path);
        json!({
            "test": ["CMD", "curl", "-fsS", "-o", "/dev/null", url],
            "interval": format!("{}s", self.interval),
            "timeout": format!("{}s", self.timeout),
            "retries": 5,
            "start_period": "30s",
        })
    }
}

impl Conversion {
    pub(super) fn proxy(&mut self, deploy: &mut Map<String, Value>) -> Port {
        let proxy = deploy.remove("proxy").unwrap_or_default();
        let old = deploy.remove("healthcheck").unwrap_or_default();
        let health = proxy
            .get("healthcheck")
            .cloned()
            .unwrap_or_else(|| old.clone());
        let number = proxy.get("app_port").or_else(|| old.get("port"));
        for key in [
            "ssl",
            "host",
            "hosts",
            "ssl_redirect",
            "forward_headers",
            "buffering",
            "response_timeout",
            "path_prefix",
        ] {
            if proxy.get(key).is_some() {
                self.missing(
                    &format!("proxy.{key}"),
                    "your reverse proxy, in front of the published port",
                );
            }
        }
        let seconds =
            |key: &str, default: u64| health.get(key).and_then(Value::as_u64).unwrap_or(default);
        Port {
            number: number.and_then(Value::as_u64).unwrap_or(PORT),
            path: health
                .get("path")
                .and_then(Value::as_str)
                .unwrap_or("/up")
                .to_owned(),
            interval: seconds("interval", 3),
            timeout: seconds("timeout", 3),
        }
    }
}
