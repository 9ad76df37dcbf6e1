//! The gates: figures below which the speed of this build is not good enough.

use serde::Serialize;

use super::Series;
use super::measure::Sample;
use super::workload::Contender;

/// One judged gate.
#[derive(Debug, Serialize)]
pub(super) struct Gate {
    /// Its number among the goals.
    pub(super) id: &'static str,
    /// What is compared.
    pub(super) about: &'static str,
    /// The figure it must not exceed.
    pub(super) limit: f64,
    /// The figure that was measured; none where the workload was not.
    pub(super) measured: Option<f64>,
    /// Whether it holds.
    pub(super) holds: bool,
}

/// Judges every gate that this benchmark can.
pub(super) fn judge(series: &[Series]) -> Vec<Gate> {
    let of = |id: &str| series.iter().find(|series| series.workload.id == id);
    let ratio = |id: &str| of(id).and_then(|series| series.ratio(Contender::Ninja, |sample| sample.wall_ms));
    let own = |id: &str, figure: fn(&Sample) -> f64| of(id).and_then(|s| s.median(Contender::Myrmex, figure));
    vec![
        gate("G1", "W1, wall clock, times ninja", 1.0, ratio("W1")),
        gate("G2", "W2 as argv, wall clock, times ninja", 1.3, ratio("W2")),
        gate("G3", "W5, wall clock, times ninja", 1.3, ratio("W5")),
        gate("G3", "W5, peak MB", 60.0, own("W5", peak_mb)),
        gate("G5", "W3, wall clock, times ninja", 1.05, ratio("W3")),
        gate("G13", "W6, command, cold to first result, ms", 30.0, own("W6", |sample| sample.wall_ms)),
    ]
}

fn gate(id: &'static str, about: &'static str, limit: f64, measured: Option<f64>) -> Gate {
    Gate { id, about, limit, measured, holds: measured.is_some_and(|measured| measured <= limit) }
}

/// Returns the largest resident set in units of a million bytes.
#[expect(clippy::cast_precision_loss, reason = "no process is so large that a float cannot hold its size")]
pub(super) fn peak_mb(sample: &Sample) -> f64 {
    sample.peak_kib as f64 * 1_024.0 / 1e6
}

impl Series {
    /// Returns the samples of one contender.
    pub(super) fn of(&self, contender: Contender) -> &[Sample] {
        let own = self.samples.iter().find(|(c, _)| *c == contender);
        own.map_or(&[], |(_, samples)| samples.as_slice())
    }

    /// Returns the median of a figure.
    pub(super) fn median(&self, contender: Contender, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        median(self.of(contender).iter().map(figure).collect())
    }

    /// Returns the median of the ratios of myrmex to another contender, taken round by round.
    ///
    /// The two runs of a round lie seconds apart, so a slow phase of the machine disturbs both and the ratio little.
    pub(super) fn ratio(&self, other: Contender, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        let pairs = self.of(Contender::Myrmex).iter().zip(self.of(other));
        median(pairs.map(|(own, other)| figure(own) / figure(other)).collect())
    }
}

/// Returns the middle of the values, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

#[cfg(test)]
mod tests {
    use super::super::workload::WORKLOADS;
    use super::*;

    fn samples(walls: &[f64]) -> Vec<Sample> {
        walls.iter().map(|&wall_ms| Sample { wall_ms, cpu_ms: 1.0, peak_kib: 1_000 }).collect()
    }

    fn series(id: &str, own: &[f64], ninja: &[f64]) -> Series {
        let workload = WORKLOADS.iter().find(|workload| workload.id == id).unwrap();
        let samples = vec![(Contender::Myrmex, samples(own)), (Contender::Ninja, samples(ninja))];
        Series { workload, load: String::new(), samples }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let ratio = series("W1", &[1.0, 20.0, 3.0], &[2.0, 40.0, 3.0]).ratio(Contender::Ninja, |s| s.wall_ms);
        assert!((ratio.unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_gate_fails_above_its_limit_and_when_nothing_was_measured() {
        let gates = judge(&[series("W1", &[11.0], &[10.0]), series("W2", &[13.0], &[10.0])]);
        let holds: Vec<(&str, bool)> = gates.iter().map(|gate| (gate.id, gate.holds)).collect();
        assert_eq!(holds[..3], [("G1", false), ("G2", true), ("G3", false)]);
    }

    #[test]
    fn the_median_of_an_even_number_of_values_lies_between_the_two_in_the_middle() {
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median(vec![]), None);
    }
}
