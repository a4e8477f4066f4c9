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
