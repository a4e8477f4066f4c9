//! A tar archive as it streams by: its entries' names, and a part of its entries.

/// tar's unit.
const BLOCK: usize = 512;

/// Takes an archive in pieces and gives back the entries that `keep` wants, as an archive.
pub(super) struct Sieve<F> {
    keep: F,
    /// Bytes of a header, or of a long name, that are not complete yet.
    open: Vec<u8>,
    /// Headers and bodies that belong to the next entry: its long name, its extended header.
    ahead: Vec<u8>,
    long_name: Option<String>,
    /// Bytes of the current body that are still to come, padding included, and what becomes of them.
    body: usize,
    to: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
    /// It names the next entry: `L` (GNU) or `x` (POSIX).
    Names(u8, usize),
}

impl<F: FnMut(&str) -> bool> Sieve<F> {
    pub(super) fn new(keep: F) -> Self {
        Self {
            keep,
            open: Vec::new(),
            ahead: Vec::new(),
            long_name: None,
            body: 0,
            to: Fate::Dropped,
        }
    }

    /// Takes the next piece, and puts behind `out` what is kept of it.
    pub(super) fn take(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        while !piece.is_empty() {
            if self.body > 0 {
                let (now, later) = piece.split_at(self.body.min(piece.len()));
                piece = later;
                self.body -= now.len();
                match self.to {
                    Fate::Kept => out.extend_from_slice(now),
                    Fate::Dropped => {}
                    Fate::Names(kind, length) => self.name(now, kind, length),
                }
                continue;
            }
            let missing = BLOCK - self.open.len();
            let (now, later) = piece.split_at(missing.min(piece.len()));
            piece = later;
            self.open.extend_from_slice(now);
            if self.open.len() == BLOCK {
                let header = std::mem::take(&mut self.open);
                self.header(&header, out);
            }
        }
    }

    fn header(&mut self, header: &[u8], out: &mut Vec<u8>) {
        if header.iter().all(|b| *b == 0) {
            out.extend_from_slice(header);
            return;
        }
        let length = size(&header[124..136]);
        // A length that no archive has is not one: the rest is its body, and dropped with it.
        self.body = length.checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX);
        let kind = header[156];
        if matches!(kind, b'L' | b'x') && length > 0 {
            self.ahead.extend_from_slice(header);
            self.to = Fate::Names(kind, length);
            return;
        }
        let name = self.long_name.take().unwrap_or_else(|| plain_name(header));
        // A header for all that follows (`g`) is no entry.
        let kept = kind == b'g' || (self.keep)(relative(&name));
        let ahead = std::mem::take(&mut self.ahead);
        self.to = Fate::Dropped;
        if kept {
            out.extend_from_slice(&ahead);
            out.extend_from_slice(header);
            self.to = Fate::Kept;
        }
    }

    fn name(&mut self, piece: &[u8], kind: u8, length: usize) {
        self.ahead.extend_from_slice(piece);
        self.open.extend_from_slice(piece);
        if self.body > 0 {
            return;
        }
        let mut text = std::mem::take(&mut self.open);
        text.truncate(length);
        let found = if kind == b'L' {
            Some(string(&text))
        } else {
            path_of(&text)
        };
        self.long_name = found.or(self.long_name.take());
    }
}

/// `./chunks/a.js` and `chunks/` without what does not tell entries apart.
fn relative(name: &str) -> &str {
    let name = name.trim_start_matches("./").trim_matches('/');
    if name == "." { "" } else { name }
}

fn plain_name(header: &[u8]) -> String {
    let name = string(&header[..100]);
    let prefix = string(&header[345..500]);
    // Only POSIX's own format has a prefix there; GNU's ends in two spaces.
    if header[257..263] == *b"ustar\0" && !prefix.is_empty() {
        format!("{prefix}/{name}")
    } else {
        name
    }
}

/// Octal digits, or a binary number behind a set first bit.
fn size(field: &[u8]) -> usize {
    if field[0] & 0x80 != 0 {
        return field[4..].iter().fold(0, |n, b| n << 8 | usize::from(*b));
    }
    usize::from_str_radix(string(field).trim(), 8).unwrap_or(0)
}

fn string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// The record `path` of an extended header: `LENGTH path=NAME\n`.
fn path_of(text: &[u8]) -> Option<String> {
    let mut rest = text;
    while let Some(space) = rest.iter().position(|b| *b == b' ') {
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length.checked_sub(1)?)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(String::from_utf8_lossy(path).into_owned());
        }
        rest = &rest[length..];
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// What tar makes of a folder with a short, a nested and a very long name.
    fn archive(format: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let long = format!("{}/{}.js", "d".repeat(90), "n".repeat(200));
        for name in ["a.js", "chunks/b.js", long.as_str()] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, name.repeat(40)).expect("written");
        }
        let made = Command::new("tar")
            .arg("-C")
            .arg(folder.path())
            .args([&format!("--format={format}"), "-cf", "-", "."])
            .output()
            .expect("tar");
        assert!(made.status.success());
        made.stdout
    }

    fn sift(archive: &[u8], piece: usize, keep: impl FnMut(&str) -> bool) -> Vec<u8> {
        let (mut sieve, mut out) = (Sieve::new(keep), Vec::new());
        for piece in archive.chunks(piece) {
            sieve.take(piece, &mut out);
        }
        out
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        sift(archive, 1000, |name| {
            names.push(name.to_owned());
            false
        });
        names.sort();
        names
    }

    fn unpacked(archive: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("archive.tar");
        std::fs::write(&file, archive).expect("written");
        let status = Command::new("tar")
            .arg("-C")
            .arg(folder.path())
            .arg("-xf")
            .arg(&file)
            .status();
        assert!(status.expect("tar").success());
        folder
    }

    #[test]
    fn every_name_is_read_in_each_format_that_engines_write() {
        let long = format!("{}/{}.js", "d".repeat(90), "n".repeat(200));
        let folder = "d".repeat(90);
        for format in ["gnu", "pax"] {
            let expected = ["", "a.js", "chunks", "chunks/b.js", &folder, &long];
            assert_eq!(names(&archive(format)), expected, "{format}");
        }
    }

    #[test]
    fn what_is_kept_is_an_archive_that_tar_unpacks_however_the_pieces_fall() {
        for (format, piece) in [("gnu", 1), ("gnu", 512), ("pax", 700), ("pax", 100_000)] {
            let kept = sift(&archive(format), piece, |name| {
                name.ends_with("b.js") || name.ends_with("n.js")
            });
            let folder = unpacked(&kept);
            let read = |name: &Path| std::fs::read_to_string(folder.path().join(name));
            let long = format!("{}/{}.js", "d".repeat(90), "n".repeat(200));
            assert!(read(Path::new("a.js")).is_err(), "{format} {piece}");
            let nested = read(Path::new("chunks/b.js")).expect("kept");
            assert_eq!(nested, "chunks/b.js".repeat(40), "{format} {piece}");
            assert_eq!(read(Path::new(&long)).expect("kept"), long.repeat(40));
        }
    }

    #[test]
    fn an_archive_that_breaks_off_or_is_none_does_no_harm() {
        let whole = archive("pax");
        for length in (0..whole.len()).step_by(97) {
            sift(&whole[..length], 300, |_| true);
        }
        sift(&vec![0xff; 5000], 300, |_| true);
    }
}
