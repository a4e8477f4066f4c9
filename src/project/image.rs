//! Image references.

use std::fmt;

use super::template::Part;

/// `registry/repository:tag@digest`, with the parts that were written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageReference {
    /// Everything in front of tag and digest, as written.
    pub repository: String,
    /// The tag, if written.
    pub tag: Option<String>,
    /// The digest with its algorithm, if written.
    pub digest: Option<String>,
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no image reference: {reason}")]
pub struct InvalidReference {
    /// The text.
    pub text: String,
    /// Why it is none.
    pub reason: &'static str,
}

impl ImageReference {
    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let fault = |reason| InvalidReference {
            text: text.to_owned(),
            reason,
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (repository, tag) = match name.rfind(':') {
            Some(colon) if !name[colon..].contains('/') => {
                (&name[..colon], Some(&name[colon + 1..]))
            }
            _ => (name, None),
        };
        if digest.is_some_and(|digest| !is_valid_digest(digest)) {
            return Err(fault("the digest is malformed"));
        }
        if tag.is_some_and(|tag| !is_valid_tag(tag)) {
            return Err(fault("the tag is malformed"));
        }
        if repository.is_empty() {
            return Err(fault("the name is empty"));
        }
        let (registry, path) = split_registry(repository);
        if registry.is_some_and(|registry| registry.contains(char::is_whitespace))
            || !path.split('/').all(is_valid_component)
        {
            let upper = path.chars().any(|c| c.is_ascii_uppercase());
            return Err(fault(if upper {
                "the name must be lower case"
            } else {
                "the name is malformed"
            }));
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// The registry's host, `docker.io` where none is written.
    #[must_use]
    pub fn registry(&self) -> &str {
        match split_registry(&self.repository).0 {
            None | Some("index.docker.io") => "docker.io",
            Some(registry) => registry,
        }
    }

    /// The path in the registry: `library/nginx` for `nginx`.
    #[must_use]
    pub fn path(&self) -> String {
        let path = split_registry(&self.repository).1;
        if self.registry() == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        }
    }

    /// `docker.io/library/nginx` for `nginx`.
    #[must_use]
    pub fn canonical_repository(&self) -> String {
        format!("{}/{}", self.registry(), self.path())
    }

    /// The tag, `latest` where neither tag nor digest is written.
    #[must_use]
    pub fn tag_or_latest(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, Some(_)) => None,
            (None, None) => Some("latest"),
        }
    }

    /// The same image with another tag and no digest.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self {
            repository: self.repository.clone(),
            tag: Some(tag.to_owned()),
            digest: None,
        }
    }

    /// The same image with a digest.
    #[must_use]
    pub fn with_digest(&self, digest: &str) -> Self {
        Self {
            digest: Some(digest.to_owned()),
            ..self.clone()
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Tells whether a registry would take the text as a tag.
#[must_use]
pub fn is_valid_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = text.bytes();
    text.len() <= 128
        && bytes.next().is_some_and(word)
        && bytes.all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_valid_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else {
        return false;
    };
    !algorithm.is_empty()
        && hex.len() >= 32
        && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_valid_component(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    word(*first)
        && word(*last)
        && bytes
            .iter()
            .all(|b| word(*b) || matches!(b, b'.' | b'_' | b'-'))
}

fn split_registry(repository: &str) -> (Option<&str>, &str) {
    match repository.split_once('/') {
        Some((host, path))
            if host.contains(['.', ':'])
                || host == "localhost"
                || host.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            (Some(host), path)
        }
        _ => (None, repository),
    }
}

/// The part of an image text behind which the tag begins.
pub(crate) fn tag_part(parts: &[Part<'_>]) -> Option<usize> {
    let colon = parts
        .iter()
        .rposition(|part| matches!(part, Part::Literal(text) if text.contains(':')))?;
    let Part::Literal(text) = parts[colon] else {
        return None;
    };
    let behind = text.rsplit(':').next().unwrap_or_default();
    let literal_holds =
        |part: &Part<'_>, sign: char| matches!(part, Part::Literal(text) if text.contains(sign));
    let port = behind.contains('/')
        || parts[colon + 1..]
            .iter()
            .any(|part| literal_holds(part, '/'));
    let digest = parts[..=colon].iter().any(|part| literal_holds(part, '@'));
    (!port && !digest).then_some(colon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::template;

    #[test]
    fn a_reference_is_cut_into_its_parts() {
        for (text, repository, tag, registry, canonical) in [
            (
                "nginx",
                "nginx",
                None,
                "docker.io",
                "docker.io/library/nginx",
            ),
            (
                "nginx:1.27",
                "nginx",
                Some("1.27"),
                "docker.io",
                "docker.io/library/nginx",
            ),
            (
                "localhost:5000/team/x:1",
                "localhost:5000/team/x",
                Some("1"),
                "localhost:5000",
                "localhost:5000/team/x",
            ),
            (
                "localhost:5000/x",
                "localhost:5000/x",
                None,
                "localhost:5000",
                "localhost:5000/x",
            ),
            (
                "ghcr.io/acme/web:sha-1",
                "ghcr.io/acme/web",
                Some("sha-1"),
                "ghcr.io",
                "ghcr.io/acme/web",
            ),
            (
                "index.docker.io/acme/a_b",
                "index.docker.io/acme/a_b",
                None,
                "docker.io",
                "docker.io/acme/a_b",
            ),
        ] {
            let image = ImageReference::parse(text).unwrap();
            assert_eq!(
                (image.repository.as_str(), image.tag.as_deref()),
                (repository, tag)
            );
            assert_eq!(
                (image.registry(), image.canonical_repository().as_str()),
                (registry, canonical)
            );
            assert_eq!(image.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["", ":1", "Nginx", "a:b c", "a@sha256:12", "a//b", "x:-1"] {
            assert!(ImageReference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_tag_begins_behind_the_last_colon() {
        let tag_from = |text: &str| tag_part(&template::split(text).unwrap());
        assert_eq!(tag_from("ghcr.io/x/web:${TAG:-a:b}"), Some(0));
        assert_eq!(tag_from("${REGISTRY:-r:5}/web:${TAG}"), Some(1));
        assert_eq!(tag_from("localhost:${PORT}/web"), None);
        assert_eq!(tag_from("${IMAGE:-web:1}"), None);
        assert_eq!(tag_from("web@sha256:${DIGEST}"), None);
    }
}
