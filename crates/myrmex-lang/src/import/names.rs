//! Names of ours for what others call as they like.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::name::{NAME_BYTES_MAX, Name};

/// Makes names of ids.
#[derive(Debug, Default)]
pub(super) struct Names {
    used: BTreeSet<String>,
    /// For each name that was wanted more than once, the number to try next.
    next: BTreeMap<String, usize>,
}

impl Names {
    /// Returns a name that is like `id` and was not returned before.
    pub(super) fn unique(&mut self, id: &str) -> String {
        let mut base: String = id
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' })
            .collect();
        if !base.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            base.insert_str(0, "t_");
        }
        base.truncate(NAME_BYTES_MAX);
        if Name::new(&base).is_err() {
            // Only the reserved words are left.
            base.push('_');
        }
        let mut name = base.clone();
        while !self.used.insert(name.clone()) {
            let next = self.next.entry(base.clone()).or_insert(2);
            let suffix = format!("_{next}");
            *next += 1;
            name = format!("{}{suffix}", &base[..base.len().min(NAME_BYTES_MAX - suffix.len())]);
        }
        name
    }
}
