//! `history diff A B`: images, environment keys, fields, contents.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;

use super::super::app::App;
use crate::error::Error;
use crate::plan::difference::{FieldChange, Models};
use crate::report::record;
use crate::state::{ReleaseRecord, Releases};

/// Compares the resolved models of two releases, as they were kept.
pub(super) fn print(
    app: &App<'_>,
    releases: &Releases,
    from: &ReleaseRecord,
    to: &ReleaseRecord,
) -> Result<(), Error> {
    let (old, new) = (releases.model(from.number)?, releases.model(to.number)?);
    let tag_variable = new
        .set
        .iter()
        .find(|(_, value)| Some(*value) == to.tag.as_ref())
        .map(|(name, _)| name.as_str());
    let models = Models {
        from: &old.model,
        to: &new.model,
        tag_variable,
    };
    let fields = models.services();
    let digests = digests(from, to);
    let contents = contents(from, to);
    if app.reporter.json() {
        let services: serde_json::Map<_, _> = fields
            .into_iter()
            .map(|(name, fields)| (name, json!(fields)))
            .collect();
        let value = json!({
            "from": from.number, "to": to.number, "services": services,
            "digests": digests, "contents": contents,
        });
        app.reporter.result(&format!("{value}\n"));
        return Ok(());
    }
    let mut text = format!("{} → {}\n", record::name(from), record::name(to));
    if fields.is_empty() && digests.is_empty() && contents.is_empty() {
        text.push_str("  no difference\n");
    }
    for (name, fields) in &fields {
        let _ = writeln!(text, "  {name}");
        for field in fields {
            let _ = writeln!(text, "    {field}");
        }
    }
    for change in &digests {
        let _ = writeln!(text, "  {change}");
    }
    for content in &contents {
        let _ = writeln!(text, "  {content}: another content");
    }
    app.reporter.result(&text);
    Ok(())
}

/// The same tag can name another image.
fn digests(from: &ReleaseRecord, to: &ReleaseRecord) -> Vec<FieldChange> {
    let changed = to.images.iter().filter_map(|(name, new)| {
        let old = from.images.get(name)?;
        let differs = old.reference == new.reference && old.id != new.id;
        differs.then(|| FieldChange {
            field: format!("{name}.digest"),
            from: old.digest.clone().or_else(|| Some(old.id.clone())),
            to: new.digest.clone().or_else(|| Some(new.id.clone())),
        })
    });
    changed.collect()
}

/// `api: config web.conf`.
fn contents(from: &ReleaseRecord, to: &ReleaseRecord) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (service, new) in &to.content {
        let Some(old) = from.content.get(service) else {
            continue;
        };
        let changed = new
            .iter()
            .filter(|(n, digest)| old.get(*n) != Some(*digest));
        names.extend(changed.map(|(name, _)| format!("{service}: {name}")));
    }
    names.into_iter().collect()
}
