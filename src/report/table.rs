//! Tables with columns as wide as what stands in them.

/// Lays rows out under a head; the last column is not padded.
pub fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count());
        cells
            .chain(head.get(column).map(|h| h.chars().count()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    std::iter::once(&head)
        .chain(rows)
        .map(|row| line(row, &widths))
        .collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width - cell.chars().count() + 2));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
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
