//! Which images a registry is asked about, and what follows from its answer.

use crate::plan::image::{PlannedImage, TagArming};
use crate::plan::judge::without_digest;
use crate::plan::observed::LocalImage;
use crate::plan::tag;
use crate::project::model::{Project, Service};

/// What is asked of the registry for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Nothing: the local image is taken, and there must be one.
    LocalOnly,
    /// Which digest it has; it must answer.
    Registry,
    /// Which digest it has; out of reach, the local image is taken with a warning.
    RegistryIfReachable,
}

/// What to ask, by `pull_policy` and by the tag.
///
/// Compose Specification: `always`, `never`, `missing` (`if_not_present`), `build`, `daily`, `weekly`, `every_<duration>`.
pub fn question(
    project: &Project,
    service: &Service,
    reference: &str,
    local: Option<&LocalImage>,
) -> Question {
    let when_missing = if local.is_some() {
        Question::LocalOnly
    } else {
        Question::Registry
    };
    match service.pull_policy.as_deref() {
        Some("never" | "build") => Question::LocalOnly,
        Some("missing" | "if_not_present") => when_missing,
        Some("always") => Question::Registry,
        None if reference.contains('@') || is_immutable(project, reference) => when_missing,
        None if service.build.is_some() => when_missing,
        _ if local.is_some() => Question::RegistryIfReachable,
        _ => Question::Registry,
    }
}

/// The image as a plan needs it, once the registry has named a digest.
///
/// `by_digest` is the local image of that digest, `local` what the reference names here.
pub fn planned(
    reference: &str,
    digest: String,
    local: Option<&LocalImage>,
    by_digest: Option<&LocalImage>,
) -> PlannedImage {
    let here = local.filter(|l| l.repo_digests.iter().any(|d| d.ends_with(&digest)));
    let (id, tag) = match (here, by_digest, local) {
        (Some(image), _, _) => (Some(image.id.clone()), TagArming::Keep),
        (None, Some(image), Some(named)) if image.id == named.id => {
            (Some(image.id.clone()), TagArming::Keep)
        }
        (None, image, Some(_)) => (image.map(|i| i.id.clone()), TagArming::AtCommit),
        (None, image, None) => (image.map(|i| i.id.clone()), TagArming::AtOnce),
    };
    let tag = if reference.contains('@') {
        TagArming::Keep
    } else {
        tag
    };
    PlannedImage {
        reference: reference.to_owned(),
        digest: Some(digest),
        pull: id.is_none(),
        id,
        tag,
        platform: None,
    }
}

/// The image as a plan needs it, from what is here.
pub fn local(reference: &str, image: &LocalImage) -> PlannedImage {
    let repository = repository(reference);
    let digest = image.repo_digests.iter().find_map(|d| {
        d.strip_prefix(repository)?
            .strip_prefix('@')
            .map(str::to_owned)
    });
    PlannedImage {
        reference: reference.to_owned(),
        digest,
        id: Some(image.id.clone()),
        ..PlannedImage::default()
    }
}

/// A reference without its tag and digest.
pub fn repository(reference: &str) -> &str {
    let name = without_digest(reference);
    match tag::of_reference(name) {
        Some(tag) => &name[..name.len() - tag.len() - 1],
        None => name,
    }
}

/// Whether a tag never moves: `x-deployctl.immutable_tags`, by default `sha-*`.
fn is_immutable(project: &Project, reference: &str) -> bool {
    let Some(tag) = tag::of_reference(reference) else {
        return false;
    };
    let patterns = project
        .extensions
        .get("x-deployctl")
        .and_then(|x| x.get("immutable_tags"))
        .and_then(|p| p.as_array());
    match patterns {
        Some(patterns) => patterns
            .iter()
            .filter_map(|p| p.as_str())
            .any(|p| matches(p, tag)),
        None => matches("sha-*", tag),
    }
}

/// `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|i| rest.is_char_boundary(*i))
                .any(|i| matches(tail, &rest[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, digests: &[&str]) -> LocalImage {
        LocalImage {
            id: id.into(),
            repo_digests: digests.iter().map(|d| (*d).to_owned()).collect(),
            ..LocalImage::default()
        }
    }

    #[test]
    fn a_tag_that_names_the_digest_already_needs_no_pull() {
        let here = image("sha256:1", &["reg/api@sha256:a"]);
        let planned = planned("reg/api:stable", "sha256:a".into(), Some(&here), None);
        assert!(!planned.pull);
        assert_eq!(planned.tag, TagArming::Keep);
        assert_eq!(planned.create_reference(), "reg/api:stable");
    }

    #[test]
    fn a_tag_that_moves_is_pulled_by_digest_and_armed_at_commit() {
        let here = image("sha256:1", &["reg/api@sha256:a"]);
        let planned = planned("reg/api:stable", "sha256:b".into(), Some(&here), None);
        assert!(planned.pull);
        assert_eq!(planned.tag, TagArming::AtCommit);
        assert_eq!(planned.create_reference(), "reg/api:stable@sha256:b");
    }

    #[test]
    fn a_tag_that_is_new_here_is_armed_at_once() {
        let planned = planned("reg/api:sha-1", "sha256:b".into(), None, None);
        assert!(planned.pull);
        assert_eq!(planned.tag, TagArming::AtOnce);
        assert_eq!(planned.create_reference(), "reg/api:sha-1");
    }

    #[test]
    fn patterns_match_with_stars() {
        assert!(matches("sha-*", "sha-abc") && matches("v*.*", "v1.2") && matches("x", "x"));
        assert!(!matches("sha-*", "stable") && !matches("v*.*", "v12"));
    }

    #[test]
    fn a_repository_keeps_its_registrys_port() {
        assert_eq!(
            repository("127.0.0.1:5000/a/b:v1@sha256:0"),
            "127.0.0.1:5000/a/b"
        );
        assert_eq!(repository("127.0.0.1:5000/a/b"), "127.0.0.1:5000/a/b");
    }
}
