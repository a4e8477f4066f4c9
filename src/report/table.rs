//! Tables with columns as wide as what stands in them.

/// Lays rows out under a head; the last column is not padded.
pub fn render<S: AsRef<str>>(head: &[&str], rows: &[Vec<S>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| columns(cell)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(cell.as_ref()).max(*width);
        }
    }
    let mut text = String::new();
    line(&mut text, head.iter().copied(), &widths);
    for row in rows {
        line(&mut text, row.iter().map(AsRef::as_ref), &widths);
    }
    text
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    for (cell, width) in cells.zip(widths) {
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', width - columns(cell) + 2));
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

fn columns(cell: &str) -> usize {
    cell.chars().count()
}

/// Text whose further lines begin below its first one.
pub fn indented(text: &str, columns: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(columns)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["api".to_owned(), "sha-1".to_owned()],
            vec!["worker".to_owned(), "ü".to_owned()],
        ];
        assert_eq!(
            super::render(&["SERVICE", "TAG"], &rows),
            "SERVICE  TAG\napi      sha-1\nworker   ü\n"
        );
    }
}
