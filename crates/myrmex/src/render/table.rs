//! Tables for people: columns as wide as what is in them, two spaces apart.

use std::fmt::Write;

/// On which side the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Writes a table with its heads. Each row has as many cells as there are heads; no line ends with a space.
pub fn table<const N: usize>(heads: [(&str, Side); N], rows: &[[String; N]]) -> String {
    let heading = heads.map(|(head, _)| head.to_owned());
    let all: Vec<&[String; N]> = std::iter::once(&heading).chain(rows).collect();
    let mut written = String::new();
    for row in &all {
        let mut line = String::new();
        for (column, (_, side)) in heads.iter().enumerate() {
            let width = all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            let cell = &row[column];
            // Writing into a text cannot fail.
            let _ = match side {
                Side::Left => write!(line, "{cell:<width$}  "),
                Side::Right => write!(line, "{cell:>width$}  "),
            };
        }
        written.push_str(line.trim_end());
        written.push('\n');
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["a".to_owned(), "10".to_owned()], ["größer".to_owned(), String::new()]];
        let shown = table([("NAME", Side::Left), ("N", Side::Right)], &rows);
        assert_eq!(shown, "NAME     N\na       10\ngrößer\n");
    }
}
