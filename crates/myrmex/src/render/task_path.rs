//! The path of a task as people write it: an item's key may be written as it is (`copy[a/b]`) or as it is printed
//! (`copy[a%2Fb]`).

use myrmex_model::address::Address;

/// A path that somebody wrote.
pub struct TaskPath {
    written: String,
    /// The same with its keys escaped, which is how paths are printed.
    escaped: String,
}

impl TaskPath {
    /// Takes what was written.
    pub fn new(written: &str) -> Self {
        Self { written: written.to_owned(), escaped: escaped(written) }
    }

    /// Whether it names this path.
    pub fn is(&self, path: &str) -> bool {
        path == self.written || path == self.escaped
    }

    /// Whether it names this task, by path or by address.
    pub fn names(&self, task: &Address) -> bool {
        self.is(&task.path()) || self.is(task.as_str())
    }

    /// Whether it names this task, by path or by address, or one that is inside of it.
    pub fn is_within(&self, task: &Address) -> bool {
        let path = task.path();
        [&self.written, &self.escaped].into_iter().any(|text| {
            let by_path =
                text.strip_prefix(&*path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']));
            let by_address = text.strip_prefix(task.as_str());
            by_path || by_address.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[', '~']))
        })
    }

    /// Whether it names this task, by path or by address, or one that it is inside of.
    pub fn holds(&self, task: &Address) -> bool {
        let is_in = |text: &str, outer: &str| {
            let rest = text.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[', '#']))
        };
        let path = task.path();
        [&*path, task.as_str()].iter().any(|text| is_in(text, &self.written) || is_in(text, &self.escaped))
    }
}

/// Escapes the keys in a path. A key ends with a `]` behind which the path ends or goes on.
fn escaped(written: &str) -> String {
    let mut path = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('[') {
        path.push_str(before);
        let ends = |at: &usize| matches!(after[at + 1..].chars().next(), None | Some('/' | '~'));
        let Some(end) = after.match_indices(']').map(|(at, _)| at).find(ends) else {
            path.push('[');
            rest = after;
            continue;
        };
        path.push_str(Address::root().item(&after[..end]).as_str());
        rest = &after[end + 1..];
    }
    path.push_str(rest);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(written: &str, address: &str) -> bool {
        TaskPath::new(written).names(&Address::parse(address).unwrap())
    }

    #[test]
    fn keys_may_be_written_as_they_are_or_as_they_are_printed() {
        assert!(names("a[x/y]", "a[x%2Fy]"));
        assert!(names("a[x%2Fy]", "a[x%2Fy]"));
        assert!(names("a[b[0]]/c[x/y]", "a[b%5B0%5D]/c[x%2Fy]"));
        assert!(names("a/b", "a/b#2"));
        assert!(!names("a", "a[x%2Fy]"));
    }

    #[test]
    fn what_is_inside_is_within_a_task() {
        let is_within = |written: &str, address: &str| {
            TaskPath::new(written).is_within(&Address::parse(address).unwrap())
        };
        assert!(
            is_within("a", "a")
                && is_within("a/b", "a#2")
                && is_within("a[x/y]/b", "a")
                && is_within("a~2/b", "a")
        );
        assert!(!is_within("a", "a/b") && !is_within("ab", "a") && !is_within("a#2/b", "a"));
    }

    #[test]
    fn a_task_holds_what_is_inside() {
        let holds = |address: &str| TaskPath::new("a[x/y]").holds(&Address::parse(address).unwrap());
        assert!(holds("a[x%2Fy]") && holds("a[x%2Fy]/b") && !holds("a[x]"));
    }
}
