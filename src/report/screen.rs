//! Lines that stay, and below them a picture that is drawn over and over.

use std::os::fd::BorrowedFd;

use rustix::termios::tcgetwinsize;

/// How large a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// What a terminal has that does not tell.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

/// Asked anew for each picture: windows are resized.
pub(super) fn size(terminal: BorrowedFd<'_>) -> Size {
    match tcgetwinsize(terminal) {
        Ok(found) if found.ws_col > 0 && found.ws_row > 0 => Size {
            columns: usize::from(found.ws_col),
            rows: usize::from(found.ws_row),
        },
        _ => USUAL,
    }
}

/// What has been drawn.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// The widths of the picture's lines.
    drawn: Vec<usize>,
}

impl Screen {
    /// Whether no picture stands.
    pub(super) fn is_clear(&self) -> bool {
        self.drawn.is_empty()
    }

    /// The bytes that take the old picture away, add text, and draw the new picture below it.
    pub(super) fn draw(&mut self, text: &[u8], mut picture: Vec<String>, size: Size) -> Vec<u8> {
        let mut bytes = self.erase(size);
        bytes.extend_from_slice(text);
        // A picture taller than the terminal could not be taken away again.
        picture.truncate(size.rows.saturating_sub(1));
        for line in &picture {
            let line = fit(line, size.columns.saturating_sub(1));
            self.drawn.push(width(&line));
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        bytes
    }

    /// A terminal that has become narrower has broken the lines that it shows.
    fn erase(&mut self, size: Size) -> Vec<u8> {
        let columns = size.columns.max(1);
        let rows: usize = self
            .drawn
            .drain(..)
            .map(|width| width.div_ceil(columns).max(1))
            .sum();
        match rows {
            0 => Vec::new(),
            rows => format!("\x1b[{rows}A\r\x1b[J").into_bytes(),
        }
    }
}

/// Cuts a line so that it is no wider than so many columns; colours stay whole.
pub(super) fn fit(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let (mut cut, mut used, mut coloured) = (String::new(), 0, false);
    for (text, is_colour) in pieces(line) {
        if is_colour {
            cut.push_str(text);
            coloured = true;
            continue;
        }
        for character in text.chars() {
            let wide = columns_of(character);
            if used + wide > columns.saturating_sub(1) {
                if columns > 0 {
                    cut.push('…');
                }
                if coloured {
                    cut.push_str("\x1b[0m");
                }
                return cut;
            }
            used += wide;
            cut.push(character);
        }
    }
    cut
}

/// How many columns a line takes.
pub(super) fn width(line: &str) -> usize {
    let visible = pieces(line).filter(|(_, is_colour)| !is_colour);
    visible
        .flat_map(|(text, _)| text.chars())
        .map(columns_of)
        .sum()
}

/// What a container wrote, without anything that could move the cursor.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => skip_sequence(&mut characters),
            '\t' => plain.push_str("    "),
            // A progress bar that is written over itself: its last state counts.
            '\r' if characters.peek().is_some() => plain.clear(),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

fn skip_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']') => {
            while characters
                .next()
                .is_some_and(|c| c != '\x07' && c != '\x1b')
            {}
        }
        _ => {}
    }
}

/// Text and colours of our own (`ESC [ … m`), in turn.
fn pieces(line: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find("\x1b[").unwrap_or(rest.len());
        let (end, is_colour) = match start {
            0 => (rest.find('m').map_or(rest.len(), |at| at + 1), true),
            start => (start, false),
        };
        let piece;
        (piece, rest) = rest.split_at(end);
        Some((piece, is_colour))
    })
}

/// East Asian wide characters and pictures take two columns, marks that are put on others none.
fn columns_of(character: char) -> usize {
    match u32::from(character) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size {
        columns: 20,
        rows: 5,
    };

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_picture_is_taken_away_before_the_next_line() {
        let mut screen = Screen::default();
        let lines = vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(text(screen.draw(b"", lines, SMALL)), "one\ntwo\n");
        let next = text(screen.draw(b"a line\n", vec!["one".to_owned()], SMALL));
        assert_eq!(next, "\x1b[2A\r\x1b[Ja line\none\n");
        assert_eq!(text(screen.draw(b"", Vec::new(), SMALL)), "\x1b[1A\r\x1b[J");
        assert!(screen.is_clear());
    }

    #[test]
    fn a_terminal_that_became_narrower_has_broken_the_lines() {
        let mut screen = Screen::default();
        screen.draw(b"", vec!["x".repeat(19)], SMALL);
        let narrow = Size {
            columns: 8,
            ..SMALL
        };
        assert!(text(screen.draw(b"", Vec::new(), narrow)).starts_with("\x1b[3A"));
    }

    #[test]
    fn a_picture_is_never_taller_or_wider_than_the_terminal() {
        let mut screen = Screen::default();
        let lines: Vec<String> = (0..9)
            .map(|n| format!("{n} {}", "wide ".repeat(9)))
            .collect();
        let drawn = text(screen.draw(b"", lines, SMALL));
        assert_eq!(drawn.lines().count(), 4);
        assert!(drawn.lines().all(|l| width(l) <= 19), "{drawn}");
    }

    #[test]
    fn colours_take_no_room_and_are_ended_where_a_line_is_cut() {
        let line = "\x1b[31mfailed\x1b[0m and more";
        assert_eq!(width(line), 15);
        assert_eq!(fit(line, 15), line);
        assert_eq!(fit(line, 4), "\x1b[31mfai…\x1b[0m");
        assert_eq!(fit("日本語の行", 6), "日本…");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn what_a_container_writes_moves_no_cursor() {
        assert_eq!(plain("\x1b[2J\x1b[31mred\x1b[0m\tend"), "red    end");
        assert_eq!(plain("10%\r20%"), "20%");
        assert_eq!(plain("\x1b]0;title\x07text\r"), "text");
    }
}
