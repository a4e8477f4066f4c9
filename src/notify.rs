//! Webhooks: who is told of what, and in which form. Nobody's answer decides anything.
//!
//! The address of a webhook is a secret: whoever knows it can write there. Only its host is ever shown.

mod http;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

/// How long a webhook may take, all in all.
const DEADLINE: Duration = Duration::from_secs(10);

/// What somebody can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// A release begins: everything is checked, nothing is touched yet.
    Start,
    /// The new release serves.
    Success,
    /// It failed before anything that serves was touched.
    Failure,
    /// The old containers are back, or an earlier release is.
    Rollback,
    /// Neither world stands.
    Degraded,
}

/// What a webhook's body looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Slack, and what understands it (Mattermost, Rocket.Chat).
    Slack,
    /// Discord.
    Discord,
    /// ntfy: text, with a title and a priority.
    Ntfy,
    /// Everything that is known, as a JSON object.
    Json,
}

/// An entry under `x-deployctl.notify`.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    url: String,
    form: Form,
    on: Vec<Moment>,
    headers: BTreeMap<String, String>,
}

/// What there is to tell.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// The project.
    pub project: String,
    /// This host's name.
    pub host: String,
    /// `deploy sha-abc123`.
    pub command: String,
    /// Number of the release, once there is one.
    pub release: Option<u32>,
    /// Its tag.
    pub tag: Option<String>,
    /// Who runs it.
    pub user: String,
    /// The address of the CI run.
    pub ci_run: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// The exit code of the command.
    pub exit_code: Option<u8>,
    /// Seconds since the command began.
    pub seconds: Option<u64>,
}

/// `x-deployctl.notify` is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("`x-deployctl.notify`: {0}")]
pub struct InvalidWebhook(String);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Url(String),
    Webhook(WrittenWebhook),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWebhook {
    url: String,
    r#type: Option<Form>,
    on: Option<Vec<Moment>>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Reads `x-deployctl.notify`: addresses, or mappings of `url`, `type`, `on` and `headers`.
///
/// An address that is empty (a variable that is not set) is nobody's.
pub fn webhooks(written: &Value) -> Result<Vec<Webhook>, InvalidWebhook> {
    let list = match written {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let webhooks = list.into_iter().map(|entry| {
        // What serde says would quote the address.
        let entry: Written = serde_json::from_value(entry).map_err(|_| {
            InvalidWebhook("an entry is an address, or a mapping of `url`, `type` (slack, discord, ntfy, json), `on` (start, success, failure, rollback, degraded) and `headers`".into())
        })?;
        let webhook = match entry {
            Written::Url(url) => WrittenWebhook { url, r#type: None, on: None, headers: BTreeMap::new() },
            Written::Webhook(webhook) => webhook,
        };
        if webhook.url.is_empty() {
            return Ok(None);
        }
        let host = http::Address::parse(&webhook.url).map_err(InvalidWebhook)?.host;
        if webhook.headers.iter().any(|(name, value)| {
            name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') || value.chars().any(char::is_control)
        }) {
            return Err(InvalidWebhook(format!("the headers for {host} are none that can be sent")));
        }
        Ok(Some(Webhook {
            form: webhook.r#type.unwrap_or_else(|| likely_form(&host)),
            on: webhook.on.unwrap_or_else(|| vec![Moment::Success, Moment::Failure, Moment::Rollback, Moment::Degraded]),
            headers: webhook.headers,
            url: webhook.url,
        }))
    });
    webhooks.filter_map(Result::transpose).collect()
}

impl Webhook {
    /// Whether it wants to hear of this.
    pub fn wants(&self, moment: Moment) -> bool {
        self.on.contains(&moment)
    }

    /// Tells it; the error names the host alone.
    pub async fn tell(self, moment: Moment, notice: Notice) -> Result<(), String> {
        let address = http::Address::parse(&self.url)?;
        let host = address.host.clone();
        let (body, mut headers) = self.message(moment, &notice);
        headers.extend(self.headers.clone());
        let sent = tokio::time::timeout(DEADLINE, http::post(&address, &headers, &body)).await;
        let reason = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => reason,
            Err(_) => format!("no answer within {} s", DEADLINE.as_secs()),
        };
        Err(format!("the webhook at {host} was not told: {reason}"))
    }

    fn message(&self, moment: Moment, notice: &Notice) -> (String, BTreeMap<String, String>) {
        let text = sentence(moment, notice);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let json_type = || header("Content-Type", "application/json");
        match self.form {
            Form::Slack => (json!({"text": text}).to_string(), [json_type()].into()),
            Form::Discord => {
                // Without the list, a reason that says `@everyone` would call everyone.
                let body = json!({"content": text, "allowed_mentions": {"parse": []}});
                (body.to_string(), [json_type()].into())
            }
            Form::Ntfy => {
                let (priority, tag) = match moment {
                    Moment::Start => ("2", "hourglass"),
                    Moment::Success => ("3", "white_check_mark"),
                    Moment::Failure | Moment::Rollback => ("4", "warning"),
                    Moment::Degraded => ("5", "rotating_light"),
                };
                let headers = [
                    header("Title", &format!("deployctl: {}", notice.project)),
                    header("Priority", priority),
                    header("Tags", tag),
                    header("Content-Type", "text/plain; charset=utf-8"),
                ];
                (text, headers.into())
            }
            Form::Json => {
                let body = json!({
                    "event": name(moment), "project": notice.project, "host": notice.host, "command": notice.command,
                    "release": notice.release, "tag": notice.tag, "user": notice.user, "ci_run": notice.ci_run,
                    "reason": notice.reason, "exit_code": notice.exit_code, "seconds": notice.seconds, "text": text,
                });
                (body.to_string(), [json_type()].into())
            }
        }
    }
}

fn name(moment: Moment) -> &'static str {
    match moment {
        Moment::Start => "start",
        Moment::Success => "success",
        Moment::Failure => "failure",
        Moment::Rollback => "rollback",
        Moment::Degraded => "degraded",
    }
}

fn sentence(moment: Moment, notice: &Notice) -> String {
    let what = format!("{}: {} on {}", notice.project, notice.command, notice.host);
    let after = notice
        .seconds
        .map(|s| format!(" after {s} s"))
        .unwrap_or_default();
    let outcome = match moment {
        Moment::Start => format!("begins, by {}", notice.user),
        Moment::Success => format!("serves{after}"),
        Moment::Failure => format!("failed{after}; the old release serves"),
        Moment::Rollback if notice.exit_code == Some(0) => {
            format!("went back to the earlier release{after}")
        }
        Moment::Rollback => format!("failed{after}; the old containers are back"),
        Moment::Degraded => {
            format!("failed{after}, and going back failed, too: see deployctl status")
        }
    };
    let reason = notice.reason.as_deref().map(|r| format!(" ({r})"));
    let run = notice.ci_run.as_deref().map(|r| format!(" {r}"));
    format!(
        "{what} {outcome}{}{}",
        reason.unwrap_or_default(),
        run.unwrap_or_default()
    )
}

fn likely_form(host: &str) -> Form {
    let is = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    match host {
        _ if is("slack.com") => Form::Slack,
        _ if is("discord.com") || is("discordapp.com") => Form::Discord,
        _ if is("ntfy.sh") => Form::Ntfy,
        _ => Form::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(written: &Value) -> Webhook {
        webhooks(written).expect("valid").remove(0)
    }

    #[test]
    fn the_form_follows_from_the_host_unless_it_is_written() {
        for (url, form) in [
            ("https://hooks.slack.com/services/T/B/x", Form::Slack),
            ("https://discord.com/api/webhooks/1/x", Form::Discord),
            ("https://ntfy.sh/topic", Form::Ntfy),
            ("https://notslack.com/x", Form::Json),
        ] {
            assert_eq!(one(&json!([url])).form, form, "{url}");
        }
        let written = one(&json!({"url": "https://chat.example/x", "type": "slack"}));
        assert_eq!(written.form, Form::Slack);
    }

    #[test]
    fn a_start_is_told_only_to_those_who_ask() {
        assert!(!one(&json!(["https://a.example/x"])).wants(Moment::Start));
        assert!(one(&json!({"url": "https://a.example/x", "on": ["start"]})).wants(Moment::Start));
    }

    #[test]
    fn an_address_that_no_variable_fills_is_nobodys() {
        assert!(
            webhooks(&json!(["", {"url": ""}]))
                .expect("valid")
                .is_empty()
        );
    }

    #[test]
    fn an_invalid_entry_does_not_show_its_address() {
        for entry in [
            json!([{"url": "https://a.example/secret", "on": ["nothing"]}]),
            json!([{"url": "https://a.example/secret", "colour": "red"}]),
            json!(["gopher://a.example/secret"]),
            json!(["https://user:secret@a.example/"]),
            json!([{"url": "https://a.example/", "headers": {"X": "secret\r\nY: 1"}}]),
        ] {
            let error = webhooks(&entry).err().map(|e| e.to_string());
            let error = error.unwrap_or_else(|| panic!("{entry} is taken"));
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn every_form_says_what_happened() {
        let notice = Notice {
            project: "shop".into(),
            host: "web-1".into(),
            command: "deploy v2".into(),
            exit_code: Some(8),
            reason: Some("container `shop-web-1` is unhealthy @everyone".into()),
            ..Notice::default()
        };
        for kind in ["slack", "discord", "ntfy", "json"] {
            let webhook = one(&json!({"url": "https://a.example/x", "type": kind}));
            let (body, _) = webhook.message(Moment::Rollback, &notice);
            assert!(
                body.contains("shop: deploy v2 on web-1 failed; the old containers are back"),
                "{body}"
            );
            assert!(body.contains("is unhealthy"), "{body}");
            assert!(
                kind != "discord" || body.contains("allowed_mentions"),
                "{body}"
            );
        }
    }
}
