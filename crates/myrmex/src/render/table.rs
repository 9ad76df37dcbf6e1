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
    written(&heads, &rows.iter().map(<[String; N]>::as_slice).collect::<Vec<_>>())
}

/// Writes a table whose columns are known only when it is written, as [`table`] does. A row with fewer cells ends early.
pub fn rows(heads: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    written(heads, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn written(heads: &[(&str, Side)], rows: &[&[String]]) -> String {
    let heading: Vec<String> = heads.iter().map(|(head, _)| (*head).to_owned()).collect();
    let all: Vec<&[String]> = std::iter::once(heading.as_slice()).chain(rows.iter().copied()).collect();
    let widest = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(widest).collect();
    let mut written = String::new();
    for row in &all {
        let mut line = String::new();
        for (((_, side), cell), width) in heads.iter().zip(*row).zip(&widths) {
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
