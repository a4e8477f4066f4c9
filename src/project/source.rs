//! The texts that were read, so that an error can show the line it means.

use std::path::{Path, PathBuf};

/// A place in one of the files that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// The file, as a number of [`Sources`]; 0 stands for "nowhere".
    pub(crate) file: u32,
    /// Counted from 1.
    pub(crate) line: u32,
    /// Counted from 1.
    pub(crate) column: u32,
}

/// A place for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1.
    pub column: u32,
    /// The line as it stands in the file.
    pub snippet: String,
}

impl Place {
    /// The line with a mark under the place, to be put below a message; empty where there is nothing to see.
    #[must_use]
    pub fn picture(&self) -> String {
        let column = usize::try_from(self.column).unwrap_or(1).max(1);
        if self.snippet.trim().is_empty() || column > self.snippet.chars().count() + 1 {
            return String::new();
        }
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let before = self.snippet.chars().take(column - 1);
        let space: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!(
            "\n {margin} |\n {number} | {}\n {margin} | {space}^",
            self.snippet
        )
    }
}

/// Every file that was read, in the order of reading.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<(PathBuf, String)>,
}

impl Sources {
    /// Keeps a text and returns its number.
    pub(crate) fn add(&mut self, path: &Path, text: String) -> u32 {
        self.files.push((path.to_owned(), text));
        u32::try_from(self.files.len()).unwrap_or(0)
    }

    /// The text of a number.
    pub(crate) fn text(&self, file: u32) -> &str {
        let place = usize::try_from(file).unwrap_or(0).wrapping_sub(1);
        self.files.get(place).map_or("", |(_, text)| text)
    }

    /// The place of a position, unless it is "nowhere".
    pub(crate) fn place(&self, at: Position) -> Option<Place> {
        let (file, text) = self
            .files
            .get(usize::try_from(at.file).ok()?.checked_sub(1)?)?;
        let line = text
            .lines()
            .nth(usize::try_from(at.line).ok()?.saturating_sub(1))
            .unwrap_or_default();
        let snippet: String = line.chars().take(SNIPPET_WIDTH).collect();
        Some(Place {
            file: file.clone(),
            line: at.line,
            column: at.column,
            snippet,
        })
    }
}

const SNIPPET_WIDTH: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_a_mark_under_it() {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("a.yaml"), "services:\n  web:\n\tx: 1\n\n".into());
        let picture = |line, column| {
            sources
                .place(Position { file, line, column })
                .unwrap()
                .picture()
        };
        assert_eq!(picture(2, 3), "\n   |\n 2 |   web:\n   |   ^");
        assert_eq!(picture(3, 2), "\n   |\n 3 | \tx: 1\n   | \t^");
        assert_eq!(picture(4, 1), "");
        assert_eq!(picture(2, 99), "");
    }
}
