//! Paths as Go's `path` package treats them: by their text alone.

/// The shortest path of the same meaning.
pub(crate) fn clean(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

/// Two paths, one below the other, cleaned.
pub(crate) fn join(base: &str, path: &str) -> String {
    match (base.is_empty(), path.is_empty()) {
        (true, true) => String::new(),
        (true, false) => clean(path),
        (false, true) => clean(base),
        (false, false) => clean(&format!("{base}/{path}")),
    }
}

/// The way from one absolute path to another.
pub(crate) fn relative(from: &str, to: &str) -> String {
    let (from, to) = (clean(from), clean(to));
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let (from, to) = (parts(&from), parts(&to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - common);
    let down = to[common..].iter().map(String::as_str);
    clean(&up.chain(down).collect::<Vec<_>>().join("/"))
}

/// The directory of a path.
pub(crate) fn parent(path: &str) -> String {
    match path.rfind('/') {
        Some(at) => clean(&path[..=at]),
        None => ".".into(),
    }
}

/// `C:\x` and `\\server\share`.
pub(crate) fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive || path.starts_with("\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_two_paths() {
        for (from, to, way) in [
            ("/a/b", "/a/b", "."),
            ("/a", "/a/b/c", "b/c"),
            ("/a/b", "/a/c", "../c"),
            ("/", "/x", "x"),
            ("/a/b", "/", "../.."),
        ] {
            assert_eq!(relative(from, to), way, "{from} {to}");
        }
    }

    #[test]
    fn paths_are_cleaned_by_their_text() {
        for (path, cleaned) in [
            ("/a/../b/", "/b"),
            ("a/./b//c", "a/b/c"),
            ("..", ".."),
            ("a/..", "."),
            ("/../x", "/x"),
            ("", "."),
        ] {
            assert_eq!(clean(path), cleaned);
        }
        assert_eq!(join("/srv/app", "../data"), "/srv/data");
        assert_eq!(parent("/srv/app/x.yml"), "/srv/app");
    }
}
