//! Servers by role, and the flags of `docker run` that they and accessories have.

use serde_json::{Map, Value, json};

use super::{Conversion, text_of};

impl Conversion {
    /// Role and settings; a list of hosts is the primary role's.
    pub(super) fn roles(&mut self, servers: Value, primary: &str) -> Vec<(String, Value)> {
        let roles: Vec<(String, Value)> = match servers {
            Value::Object(roles) => roles.into_iter().collect(),
            hosts => vec![(primary.to_owned(), json!({"hosts": hosts}))],
        };
        let mut hosts: Vec<String> = Vec::new();
        for (_, settings) in &roles {
            let list = settings.get("hosts").unwrap_or(settings).as_array();
            for host in list.into_iter().flatten() {
                let host = match host {
                    Value::Object(tagged) => tagged.keys().next().cloned().unwrap_or_default(),
                    other => text_of(Some(other.clone())).unwrap_or_default(),
                };
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
        }
        if hosts.len() > 1 {
            let message = format!(
                "deployctl works on one host; let CI call it on each of: {}",
                hosts.join(", ")
            );
            self.missing("servers", &message);
        }
        roles
    }

    pub(super) fn role(&mut self, service: &mut Map<String, Value>, role: &str, settings: &Value) {
        let Some(settings) = settings.as_object() else {
            return;
        };
        for (key, value) in settings {
            match key.as_str() {
                "hosts" | "proxy" | "traefik" => {}
                "cmd" => {
                    service.insert("command".into(), value.clone());
                }
                "labels" | "logging" => {
                    service.insert(key.clone(), value.clone());
                }
                "env" => {
                    let own = self.environment(value);
                    let all = service.entry("environment").or_insert_with(|| json!({}));
                    if let Some(all) = all.as_object_mut() {
                        all.extend(own);
                    }
                }
                "options" => self.options(service, role, value),
                other => self.missing(&format!("servers.{role}.{other}"), "unknown here"),
            }
        }
    }

    /// Flags of `docker run` that Compose has a key for.
    pub(super) fn options(
        &mut self,
        service: &mut Map<String, Value>,
        owner: &str,
        options: &Value,
    ) {
        for (flag, value) in options.as_object().into_iter().flatten() {
            let key = match flag.as_str() {
                "memory" => "mem_limit",
                "cpus" => "cpus",
                "user" => "user",
                "init" => "init",
                "network" => "network_mode",
                "shm-size" => "shm_size",
                "ulimit" => "ulimits",
                "cap-add" => "cap_add",
                "add-host" => "extra_hosts",
                "publish" => "ports",
                _ => {
                    self.missing(
                        &format!("{owner}.options.{flag}"),
                        "look for the Compose key",
                    );
                    continue;
                }
            };
            let listed = matches!(key, "cap_add" | "extra_hosts" | "ports") && !value.is_array();
            let value = if listed {
                json!([value])
            } else {
                value.clone()
            };
            service.insert(key.to_owned(), value);
        }
    }
}
