//! "Did you mean …?"

/// The candidate that is most like the text, if any is like it at all.
pub(crate) fn closest<'a>(
    text: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (text.len() / 3).clamp(1, 3);
    let candidates: Vec<&str> = candidates.collect();
    let near = candidates.iter().map(|name| (distance(text, name), *name));
    let near = near.filter(|(d, _)| *d <= limit).min();
    // `healthy` for `service_healthy`
    let mut holding = candidates
        .iter()
        .filter(|name| text.len() > 4 && name.contains(text));
    near.map(|(_, name)| name)
        .or_else(|| holding.next().copied().filter(|_| holding.next().is_none()))
}

/// How many letters must change, with two swapped ones as one change.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        let words = ["ports", "expose", "environment", "volumes"];
        assert_eq!(closest("prots", words.into_iter()), Some("ports"));
        assert_eq!(
            closest("enviroment", words.into_iter()),
            Some("environment")
        );
        assert_eq!(closest("zzz", words.into_iter()), None);
        let conditions = ["service_started", "service_healthy"];
        assert_eq!(
            closest("healthy", conditions.into_iter()),
            Some("service_healthy")
        );
        assert_eq!(closest("service", conditions.into_iter()), None);
    }
}
