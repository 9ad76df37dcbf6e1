//! How long a task waits before its next attempt.

use myrmex_model::address::Address;
use myrmex_model::id::RunId;
use myrmex_model::ir::{Backoff, Retry};
use myrmex_model::time::{LENGTH_MAX, Length};
use sha2::{Digest, Sha256};

/// Returns the pause before retry number `retry_number` (from 1).
///
/// Constant: `delay`. Linear: `delay * n`. Exponential: `delay * 2^(n-1)`. Then at most `delay_max`. Full jitter draws
/// evenly from zero to that length; the draw is derived from the run, the task and the number, so that deciding again
/// decides the same (full jitter as in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
pub(super) fn before_retry(retry: &Retry, retry_number: u32, run: &RunId, task: &Address) -> Length {
    let number = u64::from(retry_number.max(1));
    let grown = match retry.backoff {
        Backoff::Constant => retry.delay.0,
        Backoff::Linear => retry.delay.0.saturating_mul(number),
        Backoff::Exponential => {
            let factor = u32::try_from(number - 1).ok().and_then(|shift| 1_u64.checked_shl(shift));
            retry.delay.0.saturating_mul(factor.unwrap_or(u64::MAX))
        }
    };
    let most = retry.delay_max.unwrap_or(LENGTH_MAX).0;
    let full = grown.min(most);
    if !retry.has_jitter {
        return Length(full);
    }
    let mut hasher = Sha256::new();
    hasher.update(run.0);
    hasher.update(task.as_str().as_bytes());
    hasher.update(number.to_be_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let draw = digest[..8].iter().fold(0_u64, |draw, byte| draw << 8 | u64::from(*byte));
    // The high half of the product maps the draw evenly onto 0 ..= full.
    let scaled = (u128::from(draw) * (u128::from(full) + 1)) >> 64;
    Length(u64::try_from(scaled).unwrap_or(full))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(backoff: Backoff, delay_max: Option<u64>, has_jitter: bool) -> Vec<u64> {
        let retry = Retry {
            retries: 9,
            delay: Length(100),
            backoff,
            delay_max: delay_max.map(Length),
            has_jitter,
            when: None,
        };
        let run = RunId([7; 16]);
        (1..=4).map(|number| before_retry(&retry, number, &run, &Address::root()).0).collect()
    }

    #[test]
    fn pauses_grow_as_the_backoff_says() {
        assert_eq!(pauses(Backoff::Constant, None, false), [100, 100, 100, 100]);
        assert_eq!(pauses(Backoff::Linear, None, false), [100, 200, 300, 400]);
        assert_eq!(pauses(Backoff::Exponential, None, false), [100, 200, 400, 800]);
        assert_eq!(pauses(Backoff::Exponential, Some(300), false), [100, 200, 300, 300]);
    }

    #[test]
    fn jitter_stays_within_the_pause_and_is_drawn_once() {
        let drawn = pauses(Backoff::Exponential, None, true);
        assert!(drawn.iter().zip([100, 200, 400, 800]).all(|(drawn, full)| *drawn <= full));
        assert_eq!(drawn, pauses(Backoff::Exponential, None, true));
    }

    #[test]
    fn a_huge_number_of_retries_does_not_overflow() {
        let retry = Retry {
            retries: u32::MAX,
            delay: Length(1_000),
            backoff: Backoff::Exponential,
            delay_max: None,
            has_jitter: false,
            when: None,
        };
        assert_eq!(before_retry(&retry, u32::MAX, &RunId([0; 16]), &Address::root()), LENGTH_MAX);
    }
}
