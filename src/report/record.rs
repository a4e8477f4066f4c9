//! How a release of the history reads: who made it, from where, when, why.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::state::{ReleaseKind, ReleaseRecord};

/// `release 7 (sha-abc123)`.
pub fn name(record: &ReleaseRecord) -> String {
    let tag = record.tag.as_deref().map(|t| format!(" ({t})"));
    format!("release {}{}", record.number, tag.unwrap_or_default())
}

/// `deploy`, `rollback to 6`, `adopted`.
pub fn kind(record: &ReleaseRecord) -> String {
    match (record.kind, record.source) {
        (ReleaseKind::Deploy, _) => "deploy".to_owned(),
        (ReleaseKind::Migration, _) => "migrate".to_owned(),
        (ReleaseKind::Adopted, _) => "adopted".to_owned(),
        (ReleaseKind::Rollback, Some(source)) => format!("rollback to {source}"),
        (ReleaseKind::Rollback, None) => "rollback".to_owned(),
    }
}

/// `deploy@web-1, as root, from 192.0.2.7`.
pub fn who(record: &ReleaseRecord) -> String {
    let mut text = match &record.origin.sudo_user {
        Some(user) => format!("{user}@{} (sudo, as {})", record.host, record.user),
        None => format!("{}@{}", record.user, record.host),
    };
    if let Some(address) = &record.origin.ssh {
        let _ = write!(text, " from {address}");
    }
    text
}

/// The CI run and the commit, where it came from one.
pub fn ci(record: &ReleaseRecord) -> Option<String> {
    let run = record.origin.ci_run.as_deref();
    let commit = record
        .origin
        .commit
        .as_deref()
        .map(|c| c.get(..12).unwrap_or(c));
    match (run, commit) {
        (None, None) => None,
        (Some(run), None) => Some(format!("CI run {run}")),
        (Some(run), Some(commit)) => Some(format!("CI run {run}, commit {commit}")),
        (None, Some(commit)) => Some(format!("commit {commit}")),
    }
}

/// `2026-01-31 10:00:00`, in UTC.
pub fn moment(text: &str) -> String {
    text.get(..19).unwrap_or(text).replace('T', " ")
}

/// How long a release took, in seconds.
pub fn seconds(record: &ReleaseRecord) -> Option<f64> {
    let started: Timestamp = record.started.parse().ok()?;
    let finished: Timestamp = record.finished.as_ref()?.parse().ok()?;
    Some(finished.duration_since(started).as_secs_f64())
}

/// How long ago: `45 s`, `12 min`, `3 h`, `5 days`.
pub fn ago(moment: &str) -> Option<String> {
    let moment: Timestamp = moment.parse().ok()?;
    let seconds = Timestamp::now().duration_since(moment).as_secs().max(0);
    Some(long(seconds.unsigned_abs()))
}

/// A time in the largest unit that says enough.
pub fn long(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_release_says_who_made_it_and_from_where() {
        let environment: BTreeMap<String, String> = [
            ("SSH_CONNECTION", "192.0.2.7 50122 192.0.2.1 22"),
            ("SUDO_USER", "anna"),
            ("GITHUB_SHA", "0123456789abcdef0123"),
            ("CI_JOB_URL", "https://ci.example/7"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        let mut record = ReleaseRecord::begin(7, ReleaseKind::Rollback, &environment);
        (record.user, record.host) = ("root".into(), "web-1".into());
        record.tag = Some("v2".into());
        record.source = Some(3);
        assert_eq!(name(&record), "release 7 (v2)");
        assert_eq!(kind(&record), "rollback to 3");
        assert_eq!(who(&record), "anna@web-1 (sudo, as root) from 192.0.2.7");
        assert_eq!(
            ci(&record).as_deref(),
            Some("CI run https://ci.example/7, commit 0123456789ab")
        );
    }

    #[test]
    fn a_time_is_given_in_the_largest_unit_that_says_enough() {
        let shown: Vec<String> = [0, 119, 120, 7199, 7200, 172_800].map(long).into();
        assert_eq!(shown, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    }
}
