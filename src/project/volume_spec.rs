//! The short form of a mount: `source:target:options`.

/// A mount in short form, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct VolumeSpec {
    pub(crate) is_bind: bool,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) read_only: bool,
    pub(crate) nocopy: bool,
    pub(crate) propagation: Option<String>,
    pub(crate) selinux: Option<String>,
    /// One or two characters: Compose writes no options for it.
    pub(crate) is_bare: bool,
}

/// Takes the short form apart; the error is the reason.
pub(crate) fn parse(text: &str) -> Result<VolumeSpec, String> {
    let mut spec = VolumeSpec::default();
    if text.is_empty() {
        return Err("the volume is empty".into());
    }
    if text.len() <= 2 {
        return Ok(VolumeSpec {
            target: text.to_owned(),
            is_bare: true,
            ..spec
        });
    }
    for (part, is_last) in sections(text) {
        if part.is_empty() {
            return Err(format!("`{text}`: nothing stands between two colons"));
        }
        if spec.source.is_empty() {
            *(if is_last {
                &mut spec.target
            } else {
                &mut spec.source
            }) = part;
        } else if spec.target.is_empty() {
            spec.target = part;
        } else if is_last {
            part.split(',').for_each(|option| spec.apply(option));
        } else {
            return Err(format!("`{text}` has too many colons"));
        }
    }
    spec.is_bind = is_path(&spec.source);
    Ok(spec)
}

impl VolumeSpec {
    fn apply(&mut self, option: &str) {
        match option {
            "ro" => self.read_only = true,
            "rw" => self.read_only = false,
            "nocopy" => self.nocopy = true,
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                self.propagation = Some(option.to_owned());
            }
            "z" | "Z" => self.selinux = Some(option.to_owned()),
            // Compose ignores what it does not know (`cached`, `delegated` …).
            _ => {}
        }
    }
}

/// The parts between colons; those of a Windows drive and of a `${…}` do not count.
fn sections(text: &str) -> Vec<(String, bool)> {
    let mut sections = Vec::new();
    let mut buffer = String::new();
    let mut open_braces = 0_usize;
    for char in text.chars() {
        match char {
            '{' if buffer.ends_with('$') => open_braces += 1,
            '}' => open_braces = open_braces.saturating_sub(1),
            _ => {}
        }
        if char == ':' && open_braces == 0 && !is_drive(&buffer) {
            sections.push((std::mem::take(&mut buffer), false));
        } else {
            buffer.push(char);
        }
    }
    sections.push((buffer, true));
    sections
}

fn is_drive(buffer: &str) -> bool {
    let mut chars = buffer.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

fn is_path(source: &str) -> bool {
    let mut chars = source.chars();
    match chars.next() {
        None => false,
        Some('.' | '/' | '~') => true,
        Some('\\') => source.starts_with("\\\\"),
        Some(first) => first.is_alphabetic() && chars.next() == Some(':'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_is_taken_apart() {
        let spec = parse("./data:/var/lib:ro,z").unwrap();
        assert!(spec.is_bind && spec.read_only);
        assert_eq!(
            (spec.source.as_str(), spec.target.as_str()),
            ("./data", "/var/lib")
        );
        assert_eq!(spec.selinux.as_deref(), Some("z"));
        let spec = parse("data:/y:nocopy").unwrap();
        assert!(!spec.is_bind && spec.nocopy);
        assert_eq!(parse("/only").unwrap().target, "/only");
    }

    #[test]
    fn a_single_letter_is_a_drive() {
        assert_eq!(parse("d:/y").unwrap().target, "d:/y");
        assert_eq!(parse("C:\\x:/y").unwrap().source, "C:\\x");
    }

    #[test]
    fn empty_parts_and_too_many_colons_are_errors() {
        for text in ["", "ab::c", "/a:/b:ro:x", ":/x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
