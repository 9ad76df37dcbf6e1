//! A chart for a terminal: a line a row, with bars of characters. Whatever decides the end has a `*` and a full bar, all else a grey one.

use std::fmt::Write;

use super::axis::{Axis, dated, relative};
use super::chart::{Chart, Row, Shape};
use super::section::Section;
use crate::render::table::{Side, rows as columns};

/// The fewest and the most characters of the line of time.
const TIME_MIN: usize = 24;
const TIME_MAX: usize = 160;

/// The longest name; a longer one is cut.
const NAME_MAX: usize = 40;

/// The longest list of those who work on something; a longer one is cut.
const WHO_MAX: usize = 20;

/// How many pixels of an axis one character stands for: labels of an axis are measured for pixels.
const PIXELS: i64 = 8;

/// Writes a chart and what belongs to it, for a terminal of so many characters.
pub fn text(chart: &Chart, sections: &[Section], width: usize) -> String {
    let mut out = format!("{}\n", chart.title);
    for fact in &chart.facts {
        let _ = writeln!(out, "{fact}");
    }
    out.push('\n');
    out.push_str(&gantt(chart, width));
    out + &self::sections(sections)
}

/// Writes sections below each other, an empty line before each.
pub fn sections(sections: &[Section]) -> String {
    let mut out = String::new();
    for section in sections {
        let _ = write!(out, "\n{}\n", section.heading);
        for line in &section.lines {
            let _ = writeln!(out, "  {line}");
        }
        let heads: Vec<(&str, Side)> =
            section.heads.iter().map(|(head, side)| (head.as_str(), *side)).collect();
        for line in columns(&heads, &section.rows).lines().take_while(|_| !section.rows.is_empty()) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

fn gantt(chart: &Chart, width: usize) -> String {
    let cells: Vec<[String; 5]> = chart.rows.iter().map(|row| cells(chart, row)).collect();
    let is_anybody = chart.rows.iter().any(|row| !row.who.is_empty());
    let heads = ["  TASK", "START", "FINISH", "FLOAT", if is_anybody { "WHO" } else { "" }];
    let widest = |column: usize| {
        let texts = cells.iter().map(|row| row[column].chars().count());
        texts.chain([heads[column].len()]).max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4].map(widest);
    // Where nothing has a column there is none.
    let left: usize = widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum();
    let room = width.saturating_sub(left).clamp(TIME_MIN, TIME_MAX);
    let mut out = String::new();
    let mut put = |row: &[String; 5], time: &str| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths).filter(|(_, width)| *width > 0) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(out, "{}", format!("{line}{time}").trim_end());
    };
    let pixels = i64::try_from(room).unwrap_or(0) * PIXELS;
    let axis = match &chart.zone {
        Some(zone) => dated(chart.from, chart.to, zone, pixels),
        None => relative(chart.from, chart.to, pixels),
    };
    let (upper, lower) = ticks(chart, &axis, room);
    if !upper.trim().is_empty() {
        put(&[const { String::new() }; 5], &upper);
    }
    put(&heads.map(str::to_owned), &lower);
    for (row, cells) in chart.rows.iter().zip(&cells) {
        put(cells, &bar(chart, row, room));
    }
    out
}

fn cells(chart: &Chart, row: &Row) -> [String; 5] {
    let mark = if row.is_critical { "* " } else { "  " };
    let name = cut(&format!("{mark}{}{}", "  ".repeat(row.depth), row.label), NAME_MAX);
    [name, chart.instant(row.start), chart.instant(row.finish), row.float.clone(), cut(&row.who, WHO_MAX)]
}

/// Returns at most so many characters of a text.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() > most {
        text.chars().take(most - 1).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// Returns in which character an instant lies.
fn place(chart: &Chart, at: i64, room: usize) -> usize {
    let length = i128::from((chart.to - chart.from).max(1));
    let past = i128::from(at.clamp(chart.from, chart.to) - chart.from);
    let place = past * i128::try_from(room).unwrap_or(0) / length;
    usize::try_from(place).unwrap_or(0).min(room - 1)
}

fn ticks(chart: &Chart, axis: &Axis, room: usize) -> (String, String) {
    let [upper, lower] = [&axis.upper, &axis.lower].map(|ticks| {
        let mut line = vec![' '; room];
        let mut free = 0;
        for tick in ticks {
            let at = place(chart, tick.from, room);
            let length = tick.label.chars().count();
            // A name that would run into the one before it, or out of the line, is left out.
            if at >= free && at + length <= room {
                for (cell, character) in line[at..].iter_mut().zip(tick.label.chars()) {
                    *cell = character;
                }
                free = at + length + 1;
            }
        }
        line.into_iter().collect::<String>()
    });
    (upper, lower)
}

fn bar(chart: &Chart, row: &Row, room: usize) -> String {
    let mut line = vec![' '; room];
    let at = |instant| place(chart, instant, room);
    // A bar ends in the character before the one that its end begins, unless that is the one it begins in.
    let last = |from: i64, to: i64| at(to.max(from + 1) - 1).max(at(from));
    if let Some(until) = row.float_until.filter(|until| *until > row.finish) {
        line[at(row.finish)..=last(row.finish, until)].fill('·');
    }
    let work = match (row.shape, row.is_critical) {
        (Shape::Bar, true) => '█',
        (Shape::Bar, false) => '▒',
        (Shape::Decision, true) => '▓',
        (Shape::Decision, false) => '░',
        (Shape::Summary, _) => '━',
        (Shape::Milestone, _) => '◆',
    };
    match row.shape {
        Shape::Milestone => line[at(row.start)] = work,
        Shape::Bar | Shape::Decision | Shape::Summary => {
            line[at(row.start)..=last(row.start, row.finish)].fill(work);
        }
    }
    for mark in &chart.marks {
        let cell = &mut line[at(mark.at)];
        if *cell == ' ' || *cell == '·' {
            *cell = '┊';
        }
    }
    line.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::chart::Mark;
    use super::*;

    fn row(label: &str, (start, finish): (i64, i64), shape: Shape) -> Row {
        Row {
            depth: 0,
            label: label.to_owned(),
            shape,
            start,
            finish,
            float_until: None,
            float: String::new(),
            is_critical: false,
            done_percent: None,
            who: String::new(),
            reason: String::new(),
        }
    }

    #[test]
    fn bars_stand_below_the_times_that_they_last() {
        let mut rows = vec![
            row("build", (0, 600_000), Shape::Bar),
            row("test", (600_000, 1_200_000), Shape::Bar),
            row("docs", (600_000, 800_000), Shape::Bar),
            row("go", (1_200_000, 1_800_000), Shape::Decision),
            row("out", (1_800_000, 1_800_000), Shape::Milestone),
        ];
        for critical in [0, 1, 3] {
            rows[critical].is_critical = true;
        }
        (rows[2].float_until, rows[2].float) = (Some(1_200_000), "6 m 40 s".to_owned());
        let chart = Chart {
            title: "release".to_owned(),
            facts: vec!["30 m".to_owned()],
            from: 0,
            to: 2_000_000,
            zone: None,
            rows,
            arrows: Vec::new(),
            closed: Vec::new(),
            marks: vec![Mark { at: 1_950_000, label: "deadline".to_owned() }],
            strips: Vec::new(),
        };
        let heads = vec![("CODE".to_owned(), Side::Left)];
        let section = Section {
            heading: "Checks".to_owned(),
            lines: vec!["1 of 9 found something".to_owned()],
            heads,
            rows: vec![vec!["D1".to_owned()]],
        };
        let shown = text(&chart, &[section], 74);
        let expected = "\
release
30 m

  TASK   START  FINISH      FLOAT     0         +10 m      +20 m
* build  0      +10 m                 ███████████                        ┊
* test   +10 m  +20 m                           ████████████             ┊
  docs   +10 m  +13 m 20 s  6 m 40 s            ▒▒▒▒▒·······             ┊
* go     +20 m  +30 m                                      ▓▓▓▓▓▓▓▓▓▓▓▓  ┊
  out    +30 m  +30 m                                                 ◆  ┊

Checks
  1 of 9 found something
  CODE
  D1
";
        assert_eq!(shown, expected);
    }
}
