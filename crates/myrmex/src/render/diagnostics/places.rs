//! Lines and columns of places in a text, of which many are asked for.

/// The distance between two marks, in bytes: so much is read again for each place.
const STRIDE_BYTES: usize = 4 << 10;

/// Knows line and column of each place of a text. It holds a mark every few thousand bytes, so that neither a long text nor a long
/// line is counted through for each place.
#[derive(Debug, Default)]
pub struct Places<'t> {
    text: &'t str,
    /// In order, the first at the beginning of a text that is not empty.
    marks: Vec<Mark>,
}

/// A place of which line and column are known.
#[derive(Debug, Clone, Copy)]
struct Mark {
    byte: usize,
    line: usize,
    column: usize,
}

impl<'t> Places<'t> {
    /// Reads a text once.
    pub fn new(text: &'t str) -> Self {
        let (mut marks, mut at) = (Vec::with_capacity(text.len() / STRIDE_BYTES + 1), Mark::START);
        while at.byte < text.len() {
            marks.push(at);
            at = at.onward(text, floor(text, at.byte + STRIDE_BYTES));
        }
        Self { text, marks }
    }

    /// Returns line and column of a byte, both from 1; of one behind the end those of the end.
    pub fn of(&self, byte: usize) -> (usize, usize) {
        let byte = floor(self.text, byte);
        let before = self.marks.partition_point(|mark| mark.byte <= byte);
        let mark = before.checked_sub(1).map_or(Mark::START, |index| self.marks[index]);
        let at = mark.onward(self.text, byte);
        (at.line, at.column)
    }
}

impl Mark {
    const START: Self = Self { byte: 0, line: 1, column: 1 };

    /// Goes on to a later byte, at which a character begins.
    fn onward(self, text: &str, byte: usize) -> Self {
        let between = &text[self.byte..byte];
        let lines = between.matches('\n').count();
        let (start, column) = match between.rfind('\n') {
            Some(newline) => (newline + 1, 1),
            None => (0, self.column),
        };
        Self { byte, line: self.line + lines, column: column + between[start..].chars().count() }
    }
}

/// Returns where the character begins that a byte belongs to.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let places = Places::new("a\néx");
        assert_eq!(
            (places.of(0), places.of(2), places.of(3), places.of(4)),
            ((1, 1), (2, 1), (2, 1), (2, 2))
        );
        assert_eq!(Places::new("a").of(99), (1, 2));
        assert_eq!(Places::default().of(3), (1, 1));
    }

    #[test]
    fn long_texts_and_long_lines_are_counted_as_short_ones() {
        let text = format!("{}\n{}é{}", "x\n".repeat(STRIDE_BYTES), "é".repeat(STRIDE_BYTES * 2), "\nend");
        let places = Places::new(&text);
        for (byte, _) in text.char_indices().step_by(997).chain([(text.len(), 'e')]) {
            let before = &text[..byte];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            assert_eq!(places.of(byte), (line, column), "{byte}");
        }
    }

    #[test]
    fn many_places_in_one_long_line_take_no_quadratic_time() {
        let text = "é".repeat(2 << 20);
        let places = Places::new(&text);
        let columns: usize = (0..10_000).map(|index| places.of(text.len() - 2 * index).1).sum();
        assert_eq!(columns, 10_000 * ((2 << 20) + 1) - 9_999 * 10_000 / 2);
    }
}
