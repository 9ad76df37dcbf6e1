//! Patterns of paths: `*`, `?` and `[…]` within a name, `**` for any number of folders. What begins with a dot is matched
//! only by a pattern that says so.

/// Returns whether a path is a pattern.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Returns whether `name` fits `pattern`, both without slashes.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut here) = (0, 0);
    // Where to go on if what follows the last `*` does not fit: `*` takes one letter more.
    let mut back: Option<(usize, usize)> = None;
    while here < name.len() {
        if pattern.get(at) == Some(&'*') {
            at += 1;
            back = Some((at, here));
            continue;
        }
        if let Some(length) = fits_letter(&pattern[at..], name[here]) {
            (at, here) = (at + length, here + 1);
        } else if let Some((after, taken)) = back {
            back = Some((after, taken + 1));
            (at, here) = (after, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// Returns how long the part of the pattern is that takes `letter`; nothing if it does not.
fn fits_letter(pattern: &[char], letter: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            // A bracket right behind the first stands for itself; without a second one so does the first.
            let Some(end) = pattern.iter().skip(2).position(|letter| *letter == ']').map(|index| index + 2)
            else {
                return (letter == '[').then_some(1);
            };
            let set = &pattern[1..end];
            let (set, is_negated) = match set {
                ['!', rest @ ..] if !rest.is_empty() => (rest, true),
                set => (set, false),
            };
            (is_in(set, letter) != is_negated).then_some(end + 1)
        }
        exact => (*exact == letter).then_some(1),
    }
}

fn is_in(set: &[char], letter: char) -> bool {
    match set {
        [] => false,
        [from, '-', to, rest @ ..] => (*from..=*to).contains(&letter) || is_in(rest, letter),
        [one, rest @ ..] => *one == letter || is_in(rest, letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_patterns_as_in_a_shell() {
        for (pattern, name) in [
            ("*", "a"),
            ("*.txt", "a.txt"),
            ("a*b*c", "aXbXbc"),
            ("?b", "ab"),
            ("[a-c]x", "bx"),
            ("[!a]", "b"),
            ("a", "a"),
            (".*", ".git"),
            ("*", ""),
            ("[]]", "]"),
            ("a[", "a["),
            ("é?", "éü"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.txt", "a.txd"),
            ("?", ""),
            ("[a-c]", "d"),
            ("[!a]", "a"),
            ("*", ".git"),
            ("a", "ab"),
            ("a*b", "aXc"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
