//! What a plan says in words: why a task lies where it lies, how long something is.

use myrmex_plan::chain::Resource;
use myrmex_plan::outcome::Driver;

use super::axis;
use super::json::Named;

/// Says why a task does not begin earlier.
pub(super) fn reason(named: Named<'_>, driver: Driver) -> String {
    match driver {
        Driver::Start => "begins with the plan".to_owned(),
        Driver::Predecessor(task) => format!("after {}", named.task(task)),
        Driver::Resource(resource, task) => {
            let (name, holder) = (named.resource(resource), named.task(task));
            match resource {
                Resource::Pool(_) => format!("{holder} holds {name} until then"),
                Resource::Person(_) => format!("{name} works on {holder} until then"),
                Resource::Phase(_) => format!("{name} has as much under way as it may until {holder} ends"),
            }
        }
        Driver::Calendar => "its calendar opens then".to_owned(),
        Driver::Constraint => "was asked to begin then".to_owned(),
        Driver::Fact => "has begun".to_owned(),
    }
}

/// Shows a length that may be negative: `1 d 4 h`, `-2 h`.
pub fn signed(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}", axis::length(ms.unsigned_abs()))
}

/// Shows a part of something with one decimal: `62.5 %`.
pub fn percent(millionths: u64) -> String {
    format!("{}.{} %", millionths / 10_000, millionths % 10_000 / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_parts_are_short() {
        assert_eq!([signed(-7_200_000), signed(0), signed(100_800_000)], ["-2 h", "0", "1 d 4 h"]);
        assert_eq!([percent(625_000), percent(0), percent(1_000_000)], ["62.5 %", "0.0 %", "100.0 %"]);
    }
}
