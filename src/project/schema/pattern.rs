//! Names and words that are described by a pattern.

/// A test of a string and what it stands for.
pub(super) struct Pattern {
    pub(super) matches: fn(&str) -> bool,
    pub(super) meaning: &'static str,
}

pub(super) const CONTAINER_NAME: Pattern = Pattern {
    matches: holds_container_name,
    meaning: "a container name: two or more of letters, digits, `_`, `.`, `-`",
};

pub(super) const PULL_POLICY: Pattern = Pattern {
    matches: holds_pull_policy,
    meaning: "one of always, never, build, missing, if_not_present, refresh, daily, weekly, every_<duration>",
};

pub(super) fn resource_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

pub(super) fn any_name(text: &str) -> bool {
    text.chars().any(|c| c != '\n')
}

pub(super) fn ulimit_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase())
}

/// The pattern is not anchored: any part of the text will do.
fn holds_container_name(text: &str) -> bool {
    let follows = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_alphanumeric() && follows(pair[1]))
}

/// Not anchored, either.
fn holds_pull_policy(text: &str) -> bool {
    let words = [
        "always",
        "never",
        "build",
        "if_not_present",
        "missing",
        "refresh",
        "daily",
        "weekly",
    ];
    words.iter().any(|word| text.contains(word))
        || text.match_indices("every_").any(|(at, every)| {
            let rest = &text.as_bytes()[at + every.len()..];
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            digits > 0 && matches!(rest.get(digits), Some(b'w' | b'd' | b'h' | b'm' | b's'))
        })
}
