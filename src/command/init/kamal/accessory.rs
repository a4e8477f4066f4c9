//! Databases and the like that stand beside the app.

use serde_json::{Map, Value, json};

use super::{Conversion, text_of};

impl Conversion {
    pub(super) fn accessory(&mut self, name: &str, settings: &Value) -> Value {
        let mut service = Map::new();
        service.insert("restart".into(), json!("unless-stopped"));
        for (key, value) in settings.as_object().into_iter().flatten() {
            match key.as_str() {
                "host" | "hosts" | "role" | "roles" | "service" | "registry" => {}
                "image" => {
                    service.insert("image".into(), value.clone());
                }
                "cmd" => {
                    service.insert("command".into(), value.clone());
                }
                "port" => {
                    let port = text_of(Some(value.clone())).unwrap_or_default();
                    let port = if port.contains(':') {
                        port
                    } else {
                        format!("127.0.0.1:{port}:{port}")
                    };
                    service.insert("ports".into(), json!([port]));
                }
                "env" => {
                    let environment = self.environment(value);
                    service.insert("environment".into(), Value::Object(environment));
                }
                "volumes" | "directories" | "files" => {
                    let mounts = value
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str);
                    let mounts: Vec<String> = mounts.map(|m| self.mount(name, key, m)).collect();
                    let all = service.entry("volumes").or_insert_with(|| json!([]));
                    if let Some(all) = all.as_array_mut() {
                        all.extend(mounts.into_iter().map(Value::String));
                    }
                }
                "labels" => {
                    service.insert(key.clone(), value.clone());
                }
                "options" => self.options(&mut service, name, value),
                other => self.missing(&format!("accessories.{name}.{other}"), "unknown here"),
            }
        }
        Value::Object(service)
    }

    /// A directory of an accessory becomes a named volume; a file is mounted from the app directory.
    fn mount(&mut self, accessory: &str, key: &str, mount: &str) -> String {
        let (source, target) = mount.split_once(':').unwrap_or((mount, mount));
        match key {
            "directories" => {
                let volume = format!("{accessory}-{}", source.replace('/', "-"));
                self.volumes.insert(volume.clone(), json!({}));
                let from = format!(
                    "a named volume now; Kamal's data are in ~/{accessory}/{source} on the host"
                );
                self.missing(&format!("accessories.{accessory}.directories"), &from);
                format!("{volume}:{target}")
            }
            "files" => format!("./{source}:{target}:ro"),
            _ => {
                self.name_volumes(&json!([mount]));
                mount.to_owned()
            }
        }
    }

    pub(super) fn name_volumes(&mut self, mounts: &Value) {
        for mount in mounts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let source = mount.split(':').next().unwrap_or_default();
            if mount.contains(':') && !source.starts_with(['/', '.', '~']) {
                self.volumes.insert(source.to_owned(), json!({}));
            }
        }
    }
}
