//! The tag variable: which one it is, which tag serves, which tags are valid.

use std::collections::BTreeSet;

use crate::plan::judge::without_digest;
use crate::plan::observed::Observed;
use crate::project::model::Project;

/// The variable that is taken without further ado.
const USUAL: &str = "IMAGE_TAG";
/// A tag's longest form (OCI Distribution Specification).
const LONGEST: usize = 128;

/// A tag cannot be deployed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum TagError {
    /// It is no tag.
    #[error(
        "`{tag}` is no valid image tag: letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`"
    )]
    Invalid {
        /// As given.
        tag: String,
    },
    /// No image's tag is a variable.
    #[error("no service takes its image's tag from a variable, so a tag cannot be given")]
    NoVariable {
        /// Variables that the files use elsewhere.
        variables: Vec<String>,
    },
    /// Several variables stand in a tag's place.
    #[error("several variables stand for tags: {}", .variables.join(", "))]
    Ambiguous {
        /// Which.
        variables: Vec<String>,
    },
}

/// Refuses what the OCI Distribution Specification does not call a tag.
pub fn validate(tag: &str) -> Result<(), TagError> {
    let first = tag
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let rest = tag
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if first && rest && tag.len() <= LONGEST {
        Ok(())
    } else {
        Err(TagError::Invalid {
            tag: tag.to_owned(),
        })
    }
}

/// The variable behind the images' tags: `x-deployctl.tag_variable`, `IMAGE_TAG`, or the only one there is.
pub fn variable(project: &Project) -> Result<String, TagError> {
    let written = project
        .extensions
        .get("x-deployctl")
        .and_then(|x| x.get("tag_variable"))
        .and_then(|v| v.as_str());
    let candidates: BTreeSet<&str> = project
        .variable_uses
        .iter()
        .filter(|u| is_image_tag(u))
        .map(|u| u.name.as_str())
        .collect();
    if let Some(name) = written.or_else(|| candidates.get(USUAL).copied()) {
        return Ok(name.to_owned());
    }
    match candidates.len() {
        1 => Ok(candidates.into_iter().collect()),
        0 => {
            let all: BTreeSet<&String> = project.variable_uses.iter().map(|u| &u.name).collect();
            Err(TagError::NoVariable {
                variables: all.into_iter().cloned().collect(),
            })
        }
        _ => Err(TagError::Ambiguous {
            variables: candidates.into_iter().map(str::to_owned).collect(),
        }),
    }
}

/// The services whose image's tag is the variable.
pub fn services<'a>(project: &'a Project, variable: &str) -> BTreeSet<&'a str> {
    let uses = project
        .variable_uses
        .iter()
        .filter(|u| u.name == variable && is_image_tag(u));
    uses.filter_map(|u| u.service.as_deref()).collect()
}

/// The tag that serves, asked of the engine: that of the running containers, where they agree.
pub fn serving(project: &Project, observed: &Observed, variable: &str) -> Option<String> {
    let services = services(project, variable);
    let containers = observed
        .containers
        .iter()
        .filter(|c| c.is_running() && !c.is_oneoff());
    let mut tags: Vec<&str> = containers
        .filter(|c| services.contains(c.service()))
        .filter_map(|c| of_reference(&c.image))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    match tags.as_slice() {
        [only] => Some((*only).to_owned()),
        _ => None,
    }
}

/// The tag in an image reference.
pub fn of_reference(reference: &str) -> Option<&str> {
    let name = without_digest(reference);
    let (path, tag) = name.rsplit_once(':')?;
    (!tag.contains('/') && path != "sha256").then_some(tag)
}

fn is_image_tag(variable: &crate::project::model::VariableUse) -> bool {
    variable.tag_position
        && std::path::Path::new(&variable.path)
            .extension()
            .is_some_and(|ext| ext.eq_ignore_ascii_case("image"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_the_specification_are_valid_and_others_are_refused() {
        for tag in [
            "latest",
            "sha-abc123",
            "v1.2.3",
            "_x",
            "A-b.c_d",
            &"a".repeat(128),
        ] {
            assert_eq!(validate(tag), Ok(()), "{tag}");
        }
        for tag in [
            "",
            "a b",
            "../x",
            ";rm",
            "sha-v2&x",
            "feature/x",
            "-a",
            ".a",
            "a:b",
            "a@b",
            "ä",
            &"a".repeat(129),
        ] {
            assert!(validate(tag).is_err(), "{tag}");
        }
    }

    #[test]
    fn the_tag_of_a_reference_is_not_its_registrys_port() {
        assert_eq!(of_reference("ghcr.io/acme/api:sha-1"), Some("sha-1"));
        assert_eq!(of_reference("127.0.0.1:5000/acme/api"), None);
        assert_eq!(
            of_reference("127.0.0.1:5000/acme/api:v1@sha256:00"),
            Some("v1")
        );
        assert_eq!(of_reference("sha256:0011"), None);
    }
}
