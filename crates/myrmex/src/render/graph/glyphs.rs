//! How wide text is, without a font: a table of widths that is part of the code, so that a drawing does not depend on the
//! machine it was made on. The widths are those of a wide font; narrower ones leave a little room.

/// The width of the characters from space to `~` in thousandths of the font's size.
const WIDTHS: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636,
    636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295,
    295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838,
    500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521,
    392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];

/// The width of every other character of alphabets.
const OTHER: u16 = 720;

/// The width of ideographs, symbols and emoji.
const WIDE: u16 = 1_050;

/// From here on characters are ideographs, symbols or emoji.
const FIRST_WIDE: char = '\u{1100}';

/// How text is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Face {
    /// The name of a workflow.
    Title,
    /// The name of a task.
    Name,
    /// Everything else in a box.
    Note,
    /// What stands beside an arrow.
    Label,
}

impl Face {
    /// Returns the size in pixels.
    pub(super) fn size(self) -> i32 {
        match self {
            Self::Title => 17,
            Self::Name => 13,
            Self::Note | Self::Label => 11,
        }
    }

    /// How much wider it is than the table says, in percent: names are bold.
    fn percent(self) -> i64 {
        match self {
            Self::Title | Self::Name => 111,
            Self::Note | Self::Label => 100,
        }
    }
}

/// Returns how wide `text` is, in whole pixels, rounded up.
pub(in crate::render) fn width(text: &str, face: Face) -> i32 {
    let thousandths: i64 = text.chars().map(|character| i64::from(width_of(character))).sum();
    let scaled = thousandths * i64::from(face.size()) * face.percent();
    i32::try_from((scaled + 99_999) / 100_000).unwrap_or(i32::MAX)
}

fn width_of(character: char) -> u16 {
    match u32::from(character).checked_sub(32).and_then(|index| WIDTHS.get(index as usize)) {
        Some(width) => *width,
        None if character >= FIRST_WIDE && !matches!(character, '\u{2010}'..='\u{2026}') => WIDE,
        None => OTHER,
    }
}

/// Returns the first line of `text`, cut to at most `most` characters with an ellipsis; controls become spaces.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let text = text.trim();
    let line = text.lines().next().unwrap_or_default().trim_end();
    let is_cut = line.len() < text.len();
    let mut shown: Vec<char> =
        line.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if shown.len() > most || is_cut {
        shown.truncate(most.saturating_sub(1));
        while shown.last() == Some(&' ') {
            shown.pop();
        }
        shown.push('…');
    }
    shown.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_the_width_of_its_characters() {
        assert_eq!(width("", Face::Note), 0);
        assert_eq!(width("mm", Face::Note), 22);
        assert!(width("mm", Face::Name) > width("mm", Face::Note));
        assert!(width("你好", Face::Note) > width("ab", Face::Note));
    }

    #[test]
    fn text_is_cut_at_its_first_line() {
        assert_eq!(shortened("  make all\n", 20), "make all");
        assert_eq!(shortened("set -e\nmake", 20), "set -e…");
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("a\tb", 4), "a b");
    }
}
