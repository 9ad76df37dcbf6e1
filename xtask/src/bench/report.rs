//! Writes the figures down: all samples as JSON, medians and ratios as a Markdown table.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Series;
use super::gates::{Gate, peak_mb};
use super::machine::Machine;
use super::measure::Sample;
use super::workload::Contender;
use crate::failure::Failure;

/// Everything that was measured.
pub(super) struct Report<'a> {
    /// Where and when.
    pub(super) machine: &'a Machine,
    /// A bare `/bin/true` under the same harness.
    pub(super) floor: Sample,
    /// Counted rounds.
    pub(super) runs: usize,
    /// The samples.
    pub(super) series: &'a [Series],
    /// The judged gates.
    pub(super) gates: &'a [Gate],
}

impl Report<'_> {
    /// Writes both forms.
    pub(super) fn write(&self, json: &Path, table: &Path) -> Result<(), Failure> {
        if let Some(folder) = json.parent() {
            fs::create_dir_all(folder).map_err(Failure::because("folder of results"))?;
        }
        let text = serde_json::to_string_pretty(&self.json()).map_err(Failure::because("results"))?;
        fs::write(json, text + "\n").map_err(Failure::because("results"))?;
        fs::write(table, self.markdown()).map_err(Failure::because("table of results"))
    }

    fn json(&self) -> Value {
        let workloads: Vec<Value> = self.series.iter().map(workload_json).collect();
        json!({
            "command": format!("cargo xtask bench local --runs {}", self.runs),
            "machine": self.machine,
            "floor": self.floor,
            "workloads": workloads,
            "gates": self.gates,
        })
    }

    /// Returns the table of medians and ratios, with the machine and the judged gates.
    pub(super) fn markdown(&self) -> String {
        let Machine { date, commit, cpu, cores, kernel, disk, load, versions } = self.machine;
        let mut text = String::from("# myrmex beside ninja and make\n\n");
        let _ = writeln!(
            text,
            "Written by `cargo xtask bench local`; do not edit. {} rounds, interleaved.\n",
            self.runs
        );
        let _ = writeln!(
            text,
            "{date}, commit `{commit}`; {cpu}, {cores} cores; {kernel}; {disk}; load before: {load}."
        );
        let _ = writeln!(text, "Against {}.", versions.join(", "));
        let floor = (self.floor.wall_ms, peak_mb(&self.floor));
        let _ = writeln!(
            text,
            "A bare `/bin/true` under this harness: {:.1} ms, {:.1} MB (no peak below that can be seen).\n",
            floor.0, floor.1
        );
        text.push_str("Medians of whole commands. A ratio is the median of the ratios myrmex / other of each round.\n\n");
        text.push_str(
            "| work | contender | wall ms (least, most) | ratio | CPU ms a task | ratio | peak MB |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|\n");
        for series in self.series {
            for contender in Contender::ALL {
                row(&mut text, series, contender);
            }
        }
        text.push_str("\nGates:\n\n| gate | what | limit | measured | |\n|---|---|---|---|---|\n");
        for Gate { id, about, limit, measured, holds } in self.gates {
            let measured = number(*measured);
            let verdict = if *holds { "holds" } else { "**fails**" };
            let _ = writeln!(text, "| {id} | {about} | {limit} | {measured} | {verdict} |");
        }
        text
    }
}

fn row(text: &mut String, series: &Series, contender: Contender) {
    let wall = |sample: &Sample| sample.wall_ms;
    let cpu = |sample: &Sample| sample.cpu_ms;
    let work = match contender {
        Contender::Myrmex => format!("{}: {}", series.workload.id, series.workload.about),
        Contender::Ninja | Contender::Make => String::new(),
    };
    let ratio = |figure: fn(&Sample) -> f64| match contender {
        Contender::Myrmex => String::new(),
        Contender::Ninja | Contender::Make => number(series.ratio(contender, figure)),
    };
    let walls = || series.of(contender).iter().map(wall);
    let (least, most) = (walls().fold(f64::INFINITY, f64::min), walls().fold(0.0, f64::max));
    let _ = writeln!(
        text,
        "| {work} | {} | {} ({least:.1}, {most:.1}) | {} | {} | {} | {} |",
        contender.name(),
        number(series.median(contender, wall)),
        ratio(wall),
        number(series.median(contender, |sample| cpu(sample) / tasks(series))),
        ratio(cpu),
        number(series.median(contender, peak_mb)),
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no workload has so many tasks that a float cannot count them"
)]
fn tasks(series: &Series) -> f64 {
    series.workload.tasks() as f64
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.2}"))
}

fn workload_json(series: &Series) -> Value {
    let samples = Contender::ALL.map(|contender| (contender.name().to_owned(), json!(series.of(contender))));
    let ratios = [Contender::Ninja, Contender::Make].map(|other| {
        let ratio = json!({
            "wall": series.ratio(other, |sample| sample.wall_ms),
            "cpu": series.ratio(other, |sample| sample.cpu_ms),
        });
        (other.name().to_owned(), ratio)
    });
    json!({
        "id": series.workload.id,
        "about": series.workload.about,
        "tasks": series.workload.tasks(),
        "load_before": series.load,
        "samples": serde_json::Map::from_iter(samples),
        "median_ratio_to": serde_json::Map::from_iter(ratios),
    })
}
