//! The lines of a journal as text: number, checksum, entry.

use sha2::{Digest as _, Sha256};

use crate::state::entry::Entry;

/// A line, as it is appended.
pub(super) fn line(number: u64, entry: &Entry) -> String {
    let entry = serde_json::to_string(entry).expect("an entry has only text keys");
    let sum = checksum(number, &entry);
    format!("{{\"seq\":{number},\"sum\":\"{sum}\",\"entry\":{entry}}}\n")
}

/// A line that was read.
pub(super) struct Line<'a> {
    pub(super) number: u64,
    /// As it is written.
    pub(super) entry: &'a str,
}

/// A line that is as it was written, by its sum.
pub(super) fn whole(bytes: &[u8]) -> Result<Line<'_>, &'static str> {
    let text = bytes.strip_suffix(b"\n").ok_or("it has no end")?;
    let text = std::str::from_utf8(text).map_err(|_| "it is no text")?;
    split(text)
        .ok_or("it is no line of a journal")
        .and_then(|(line, sum)| {
            (checksum(line.number, line.entry) == sum)
                .then_some(line)
                .ok_or("its checksum is wrong")
        })
}

// By hand rather than as JSON: the sum is over the entry as it is written.
fn split(text: &str) -> Option<(Line<'_>, &str)> {
    let (number, rest) = text.strip_prefix("{\"seq\":")?.split_once(",\"sum\":\"")?;
    let (sum, rest) = rest.split_once("\",\"entry\":")?;
    let entry = rest.strip_suffix('}')?;
    let number = number.parse().ok()?;
    Some((Line { number, entry }, sum))
}

fn checksum(number: u64, entry: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(number.to_string());
    hasher.update(entry);
    let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}
