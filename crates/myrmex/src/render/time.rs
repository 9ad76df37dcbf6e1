//! Lengths of time for people.

use myrmex_model::time::Timestamp;

/// Shows the time between two instants with two or three digits: `12 ms`, `3.4 s`, `2 m 05 s`, `3 h 07 m`.
pub fn between(from: Timestamp, to: Timestamp) -> String {
    elapsed_ms(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0) / 1_000_000)
}

/// Shows an instant in UTC to the second: `2027-01-11 09:00:00`.
pub fn instant(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('.').next().unwrap_or(&text).replace('T', " ")
}

/// Shows a length in milliseconds as [`between`] does.
pub fn elapsed_ms(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} m {:02} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {:02} m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_to_the_second() {
        assert_eq!(instant(Timestamp(1_800_000_000_123_456_789)), "2027-01-15 08:00:00");
    }

    #[test]
    fn lengths_have_two_or_three_digits() {
        let shown = [12, 3_450, 125_000, 11_220_000].map(elapsed_ms);
        assert_eq!(shown, ["12 ms", "3.4 s", "2 m 05 s", "3 h 07 m"]);
    }
}
