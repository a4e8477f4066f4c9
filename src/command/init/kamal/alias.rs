//! Kamal's aliases in deployctl's words.

/// `app exec -i --reuse "bin/rails console"`, `app logs -f`, in deployctl's words.
pub(super) fn alias(line: &str, service: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix("app exec") {
        let reuse = rest.contains("--reuse");
        let mut words = rest.trim();
        while words.starts_with('-') {
            let (flag, after) = words.split_once(' ')?;
            if !matches!(
                flag,
                "-i" | "--interactive" | "--reuse" | "-p" | "--primary"
            ) {
                return None;
            }
            words = after.trim_start();
        }
        let command = words.trim_matches(['"', '\'']);
        let verb = if reuse { "exec" } else { "run --rm" };
        return Some(format!("{verb} {service} {command}"));
    }
    let rest = line.strip_prefix("app logs")?;
    let known = rest
        .split_whitespace()
        .all(|w| matches!(w, "-f" | "--follow"));
    known.then(|| format!("logs{rest} {service}"))
}
