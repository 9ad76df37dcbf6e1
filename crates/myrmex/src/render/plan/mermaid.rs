//! A chart as a Gantt diagram of Mermaid, as GitHub and others show it where it stands in Markdown.
//!
//! The language has no quotes: what means something in it is left out of names.

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::chart::{Chart, Row, Shape};

/// Writes a chart as Mermaid. Rows that hold others become sections, one for each stretch of rows that they hold; what is in none comes before
/// them, or in a section with the title of the chart.
pub fn mermaid(chart: &Chart) -> String {
    let (dates, axis) = match chart.zone {
        Some(_) => ("YYYY-MM-DDTHH:mm:ss", "%d %b"),
        None => ("x", "%H:%M:%S"),
    };
    let mut out =
        format!("gantt\n  title {}\n  dateFormat {dates}\n  axisFormat {axis}\n", plain(&chart.title));
    let mut around: Vec<usize> = Vec::new();
    let mut section = None;
    for (place, row) in chart.rows.iter().enumerate() {
        while around.last().is_some_and(|outer| chart.rows[*outer].depth >= row.depth) {
            around.pop();
        }
        match row.shape {
            Shape::Summary => around.push(place),
            Shape::Bar | Shape::Decision | Shape::Milestone => {
                let inside = around.last().copied();
                // Writing into a text cannot fail.
                if section != inside {
                    let label = inside.map_or(&chart.title, |outer| &chart.rows[outer].label);
                    let _ = writeln!(out, "  section {}", plain(label));
                    section = inside;
                }
                let _ = writeln!(out, "  {} :{}", plain(&row.label), fields(chart, place, row));
            }
        }
    }
    for mark in &chart.marks {
        let at = instant(chart, mark.at);
        let _ = writeln!(out, "  {} :vert, {at}, 0d", plain(&mark.label));
    }
    out
}

fn fields(chart: &Chart, place: usize, row: &Row) -> String {
    let critical = if row.is_critical { "crit, " } else { "" };
    let done = if row.done_percent == Some(100) { "done, " } else { "" };
    let start = instant(chart, row.start);
    match row.shape {
        Shape::Milestone => format!("{critical}{done}milestone, r{place}, {start}, 0d"),
        Shape::Bar | Shape::Decision | Shape::Summary => {
            format!("{critical}{done}r{place}, {start}, {}", instant(chart, row.finish))
        }
    }
}

/// Writes an instant as `dateFormat` says: by the clock of the plan's time zone, or in milliseconds.
fn instant(chart: &Chart, at: i64) -> String {
    let zoned = |zone: &TimeZone| {
        let at = jiff::Timestamp::from_millisecond(at).ok()?.to_zoned(zone.clone());
        Some(at.datetime().round(jiff::Unit::Second).ok()?.to_string())
    };
    chart.zone.as_ref().and_then(zoned).unwrap_or_else(|| (at - chart.from).to_string())
}

fn plain(name: &str) -> String {
    let spaced: String = name
        .chars()
        .map(|c| if matches!(c, ':' | ';' | '#' | ',') || c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::chart::Mark;
    use super::*;

    fn row(label: &str, (start, finish): (i64, i64), shape: Shape, is_critical: bool) -> Row {
        Row {
            depth: 0,
            label: label.to_owned(),
            shape,
            start,
            finish,
            float_until: None,
            float: String::new(),
            is_critical,
            done_percent: None,
            who: String::new(),
            reason: String::new(),
        }
    }

    #[test]
    fn rows_become_sections_bars_and_milestones() {
        let mut chart = Chart {
            title: "a: b".to_owned(),
            facts: Vec::new(),
            from: 0,
            to: 90_000,
            zone: Some(TimeZone::UTC),
            rows: vec![
                row("delivery", (0, 90_000), Shape::Summary, false),
                row("build #1; now", (0, 60_000), Shape::Bar, true),
                row("out", (60_000, 60_000), Shape::Milestone, false),
                row("empty", (60_000, 90_000), Shape::Summary, false),
            ],
            arrows: Vec::new(),
            closed: Vec::new(),
            marks: vec![Mark { at: 90_000, label: "deadline".to_owned() }],
            strips: Vec::new(),
        };
        chart.rows[1].depth = 1;
        let expected = "\
gantt
  title a b
  dateFormat YYYY-MM-DDTHH:mm:ss
  axisFormat %d %b
  section delivery
  build 1 now :crit, r1, 1970-01-01T00:00:00, 1970-01-01T00:01:00
  section a b
  out :milestone, r2, 1970-01-01T00:01:00, 0d
  deadline :vert, 1970-01-01T00:01:30, 0d
";
        assert_eq!(mermaid(&chart), expected);
        chart.zone = None;
        assert!(mermaid(&chart).contains("dateFormat x\n"));
        assert!(mermaid(&chart).contains(":crit, r1, 0, 60000\n"));
    }
}
