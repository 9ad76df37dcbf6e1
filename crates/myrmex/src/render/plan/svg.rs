//! A chart as SVG: one file without scripts, fonts or links, for light and dark surroundings and for paper. What a colour says is said
//! by a shape or a word too: what decides the end has a thick border and a `*` at its name.

use std::fmt::Write;

use super::axis::{Axis, dated, relative};
use super::chart::{Arrow, ArrowKind, Chart, Row, Shape, Strip};
use crate::render::graph::glyphs::{Face, width};
use crate::render::graph::svg::escaped;

/// How everything looks. Colours of the light surroundings stand first; paper has them too.
const STYLE: &str = "\
text{font-family:ui-sans-serif,system-ui,-apple-system,\"Segoe UI\",Helvetica,Arial,sans-serif;fill:#1f2933;font-size:11px}
.title{font-size:17px;font-weight:600}.fact,.when,.tick{fill:#5b6774}.name.in{font-weight:600}.mid{text-anchor:middle}.end{text-anchor:end}
.page{fill:#ffffff}.band{fill:#f5f7fa}.closed{fill:#e9edf2}.line{stroke:#e1e6ec;stroke-width:1}.rule{stroke:#c3ccd5;stroke-width:1}
.bar{fill:#a5c8ee;stroke:#4a7fb5}.decision{fill:#f3e2b3;stroke:#a07f20}.critical{stroke:#c2255c;stroke-width:2.2}.bar.critical{fill:#f4b6c9}
.done{fill:#1f2933;fill-opacity:.35}.float{stroke:#7b8794;stroke-width:2;stroke-dasharray:2 3}.stone{fill:#364152}.stone.critical{fill:#c2255c}
.sum{fill:#52606d}.link{fill:none;stroke:#9aa5b1;stroke-width:1.2}.link.critical{stroke:#c2255c;stroke-width:1.8}.link.resource{stroke-dasharray:4 3}
.tip{fill:#9aa5b1}.tip.critical{fill:#c2255c;stroke:none}.mark{stroke:#862e9c;stroke-width:1.5;stroke-dasharray:5 3}.marked{fill:#862e9c}
.used{fill:#8fb3d9}.over{fill:#e8590c}.limit{stroke:#364152;stroke-width:1}
@media (prefers-color-scheme:dark){@media screen{
text{fill:#e6edf3}.fact,.when,.tick{fill:#9aa7b4}.page{fill:#0f151c}.band{fill:#141b24}.closed{fill:#1c2530}.line{stroke:#222c38}.rule{stroke:#3d4a58}
.bar{fill:#23486e;stroke:#6ea3da}.decision{fill:#574718;stroke:#d1ad48}.bar.critical{fill:#6b2440}.critical{stroke:#f783ac}.done{fill:#e6edf3}
.stone{fill:#c0cad4}.stone.critical,.tip.critical{fill:#f783ac}.sum{fill:#9aa7b4}.link{stroke:#66758a}.link.critical{stroke:#f783ac}.tip{fill:#66758a}
.mark{stroke:#da77f2}.marked{fill:#da77f2}.used{fill:#3d6ea3}.limit{stroke:#c0cad4}}}
";

/// The most rows that are drawn. A picture of more is no help; `--json` gives all of them.
pub(crate) const ROWS_MAX: usize = 5_000;

const MARGIN: i64 = 20;
const ROW: i64 = 24;
const BAR: i64 = 14;
const STRIP: i64 = 40;
const INDENT: i64 = 14;
const GAP: i64 = 14;
/// How wide the line of time is.
const PIXELS: i64 = 900;
/// The widest name and the widest list of who works on something, in pixels; longer ones are cut.
const NAME_MAX: i32 = 280;
const WHO_MAX: i32 = 150;

/// Why a chart is not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the plan has {rows} rows; at most {ROWS_MAX} are drawn")]
pub(crate) struct TooLong {
    /// How many there are.
    pub(crate) rows: usize,
}

/// Writes a chart as SVG.
///
/// # Errors
///
/// Returns [`TooLong`] if it has more rows than are drawn.
pub(crate) fn svg(chart: &Chart) -> Result<String, TooLong> {
    if chart.rows.len() > ROWS_MAX {
        return Err(TooLong { rows: chart.rows.len() });
    }
    let columns = Columns::of(chart);
    let axis = match &chart.zone {
        Some(zone) => dated(chart.from, chart.to, zone, PIXELS),
        None => relative(chart.from, chart.to, PIXELS),
    };
    let facts = i64::try_from(chart.facts.len()).unwrap_or(0);
    let heads = MARGIN + 24 + facts * 16 + 12;
    let rows_top = heads + if axis.upper.is_empty() { 22 } else { 38 };
    let rows_bottom = rows_top + ROW * i64::try_from(chart.rows.len()).unwrap_or(0);
    let strips = i64::try_from(chart.strips.len()).unwrap_or(0);
    let bottom = rows_bottom + if strips > 0 { 14 + strips * (STRIP + 8) } else { 0 };
    let mut page = Page {
        chart,
        axis: &axis,
        columns,
        heads,
        rows_top,
        rows_bottom,
        height: bottom + MARGIN + 16,
        out: String::new(),
    };
    page.write();
    Ok(page.out)
}

/// Where the columns stand, from the left, in pixels.
#[derive(Debug, Clone, Copy)]
struct Columns {
    start: i64,
    finish: i64,
    who: i64,
    time: i64,
}

impl Columns {
    fn of(chart: &Chart) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = i64>| texts.max().unwrap_or(0);
        let name = widest(&mut chart.rows.iter().map(|row| {
            i64::from(width(&row.label, Face::Note).min(NAME_MAX)) * 108 / 100 + indent(row) + 12
        }));
        let strip = widest(&mut chart.strips.iter().map(|strip| i64::from(width(&strip.label, Face::Note))));
        let instants = |of: fn(&Row) -> i64| {
            widest(&mut chart.rows.iter().map(|row| i64::from(width(&chart.instant(of(row)), Face::Note))))
        };
        let who =
            widest(&mut chart.rows.iter().map(|row| i64::from(width(&row.who, Face::Note).min(WHO_MAX))));
        let start = MARGIN + name.max(strip.min(i64::from(NAME_MAX))).max(60) + GAP;
        let finish = start + instants(|row| row.start).max(36) + GAP;
        let who_at = finish + instants(|row| row.finish).max(42) + GAP;
        let time = who_at + if who > 0 { who.max(30) + GAP } else { 0 };
        Self { start, finish, who: who_at, time }
    }
}

fn indent(row: &Row) -> i64 {
    INDENT * i64::try_from(row.depth).unwrap_or(0)
}

/// A chart that is being written.
struct Page<'c> {
    chart: &'c Chart,
    axis: &'c Axis,
    columns: Columns,
    /// Where the heads of the columns begin.
    heads: i64,
    rows_top: i64,
    rows_bottom: i64,
    height: i64,
    out: String,
}

impl Page<'_> {
    /// Adds a line. Writing into a text cannot fail.
    fn put(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(line);
        self.out.push('\n');
    }

    /// Returns where an instant stands, in tenths of a pixel.
    fn tenths(&self, at: i64) -> i64 {
        let length = i128::from((self.chart.to - self.chart.from).max(1));
        let past = i128::from(at.clamp(self.chart.from, self.chart.to) - self.chart.from);
        self.columns.time * 10 + i64::try_from(past * i128::from(PIXELS) * 10 / length).unwrap_or(0)
    }

    fn x(&self, at: i64) -> String {
        pixels(self.tenths(at))
    }

    fn row_top(&self, row: usize) -> i64 {
        self.rows_top + ROW * i64::try_from(row).unwrap_or(0)
    }

    fn write(&mut self) {
        let (width, height) = (self.columns.time + PIXELS + MARGIN, self.height);
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-labelledby=\"plan-title plan-desc\">"
        ));
        let (title, facts) = (escaped(&self.chart.title), escaped(&self.chart.facts.join(". ")));
        self.put(format_args!("<title id=\"plan-title\">{title}</title>"));
        self.put(format_args!("<desc id=\"plan-desc\">{facts}</desc>"));
        self.put(format_args!("<style>\n{STYLE}</style>"));
        self.put(format_args!("<rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>"));
        self.put(format_args!("<text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{title}</text>", MARGIN + 14));
        for (line, fact) in (0_i64..).zip(&self.chart.facts) {
            let y = MARGIN + 34 + line * 16;
            self.put(format_args!("<text class=\"fact\" x=\"{MARGIN}\" y=\"{y}\">{}</text>", escaped(fact)));
        }
        self.ground();
        self.heading();
        for arrow in &self.chart.arrows {
            self.arrow(*arrow);
        }
        for (place, row) in self.chart.rows.iter().enumerate() {
            self.row(place, row);
        }
        self.marks();
        for (place, strip) in (0_i64..).zip(&self.chart.strips) {
            self.strip(self.rows_bottom + 14 + place * (STRIP + 8), strip);
        }
        self.put(format_args!(
            "<text class=\"fact\" x=\"{MARGIN}\" y=\"{}\">* decides when all is over (thick border) · dotted: float · ◆ milestone · \
             thin arrows: links, broken ones: the same resource</text>",
            height - 12
        ));
        self.put(format_args!("</svg>"));
    }

    /// Draws the bands behind the rows, the time in which nobody works, and the lines of the axis.
    fn ground(&mut self) {
        let right = self.columns.time + PIXELS;
        for place in (1..self.chart.rows.len()).step_by(2) {
            let y = self.row_top(place);
            self.put(format_args!(
                "<rect class=\"band\" x=\"{MARGIN}\" y=\"{y}\" width=\"{}\" height=\"{ROW}\"/>",
                right - MARGIN
            ));
        }
        let height = self.rows_bottom - self.rows_top;
        for &(from, to) in &self.chart.closed {
            let (from, to) = (self.tenths(from), self.tenths(to));
            // What is thinner than a pixel would be a haze.
            if to - from >= 10 {
                let (x, width) = (pixels(from), pixels(to - from));
                let y = self.rows_top;
                self.put(format_args!(
                    "<rect class=\"closed\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
                ));
            }
        }
        for tick in &self.axis.lower {
            let (x, top, bottom) = (self.x(tick.from), self.rows_top, self.rows_bottom);
            self.put(format_args!("<path class=\"line\" d=\"M{x} {top}V{bottom}\"/>"));
        }
        let (top, bottom) = (self.rows_top, self.rows_bottom);
        self.put(format_args!(
            "<path class=\"rule\" d=\"M{MARGIN} {top}H{right}M{MARGIN} {bottom}H{right}\"/>"
        ));
    }

    fn heading(&mut self) {
        let y = self.rows_top - 8;
        let columns = self.columns;
        let who = if columns.who < columns.time { "Who" } else { "" };
        let heads =
            [(MARGIN, "Task"), (columns.start, "Start"), (columns.finish, "Finish"), (columns.who, who)];
        for (x, head) in heads {
            if !head.is_empty() {
                self.put(format_args!("<text class=\"tick\" x=\"{x}\" y=\"{y}\">{head}</text>"));
            }
        }
        for (ticks, y) in [(&self.axis.upper, self.heads + 14), (&self.axis.lower, y)] {
            for tick in ticks {
                let (from, to) = (self.tenths(tick.from), self.tenths(tick.to));
                // A stretch that is cut off may have no room for its name.
                if i64::from(width(&tick.label, Face::Note)) * 10 <= to - from {
                    let (x, label) = (pixels(from + 20), escaped(&tick.label));
                    self.put(format_args!("<text class=\"tick\" x=\"{x}\" y=\"{y}\">{label}</text>"));
                }
            }
        }
    }

    fn row(&mut self, place: usize, row: &Row) {
        let (top, columns) = (self.row_top(place), self.columns);
        let base = top + 16;
        let mark = if row.is_critical { "* " } else { "" };
        let class = if row.shape == Shape::Summary { "name in" } else { "name" };
        let name = escaped(&format!("{mark}{}", fitting(&row.label, NAME_MAX)));
        self.put(format_args!("<g><title>{}</title>", escaped(&hint(row))));
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{}\" y=\"{base}\">{name}</text>",
            MARGIN + indent(row)
        ));
        for (x, at) in [(columns.start, row.start), (columns.finish, row.finish)] {
            let text = escaped(&self.chart.instant(at));
            self.put(format_args!("<text class=\"when\" x=\"{x}\" y=\"{base}\">{text}</text>"));
        }
        if !row.who.is_empty() {
            let who = escaped(&fitting(&row.who, WHO_MAX));
            self.put(format_args!("<text class=\"when\" x=\"{}\" y=\"{base}\">{who}</text>", columns.who));
        }
        self.bar(top, row);
        self.put(format_args!("</g>"));
    }

    fn bar(&mut self, top: i64, row: &Row) {
        let (from, to) = (self.tenths(row.start), self.tenths(row.finish));
        let (x, y) = (pixels(from), top + (ROW - BAR) / 2);
        let critical = if row.is_critical { " critical" } else { "" };
        if let Some(until) = row.float_until.filter(|until| *until > row.finish) {
            let (begin, end, middle) = (self.x(row.finish), self.x(until), top + ROW / 2);
            self.put(format_args!("<path class=\"float\" d=\"M{begin} {middle}H{end}\"/>"));
        }
        // Whatever is short is still to be seen.
        let width = pixels((to - from).max(20));
        match row.shape {
            Shape::Bar | Shape::Decision => {
                let class = if row.shape == Shape::Bar { "bar" } else { "decision" };
                self.put(format_args!(
                    "<rect class=\"{class}{critical}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BAR}\" rx=\"3\"/>"
                ));
                if let Some(percent) = row.done_percent {
                    let done = pixels((to - from).max(20) * i64::from(percent.min(100)) / 100);
                    let y = y + BAR - 5;
                    self.put(format_args!(
                        "<rect class=\"done\" x=\"{x}\" y=\"{y}\" width=\"{done}\" height=\"5\"/>"
                    ));
                }
            }
            Shape::Milestone => {
                let middle = top + ROW / 2;
                self.put(format_args!(
                    "<path class=\"stone{critical}\" d=\"M{x} {}l6 6l-6 6l-6 -6z\"/>",
                    middle - 6
                ));
            }
            Shape::Summary => {
                let end = pixels((from + 20).max(to));
                self.put(format_args!(
                    "<path class=\"sum\" d=\"M{x} {}H{end}v9l-4 -4H{}l-4 4z\"/>",
                    y + 2,
                    pixels(from + 40)
                ));
            }
        }
    }

    /// Draws an arrow with right angles: out of a bar, down or up beside the next one, into it.
    fn arrow(&mut self, arrow: Arrow) {
        let (from, to) = (&self.chart.rows[arrow.from], &self.chart.rows[arrow.to]);
        let out = self.tenths(if arrow.from_start { from.start } else { from.finish });
        let into = self.tenths(if arrow.to_finish { to.finish } else { to.start });
        let middle = |place| self.row_top(place) + ROW / 2;
        let (begin, end) = (middle(arrow.from), middle(arrow.to));
        let (leaves, enters) =
            (if arrow.from_start { -60 } else { 60 }, if arrow.to_finish { 80 } else { -80 });
        let class = match arrow.kind {
            ArrowKind::Link => "",
            ArrowKind::Critical => " critical",
            ArrowKind::Resource => " resource",
        };
        let turn = if begin < end { begin + ROW / 2 } else { begin - ROW / 2 };
        let path = format!(
            "M{} {begin}H{}V{turn}H{}V{end}H{}",
            pixels(out),
            pixels(out + leaves),
            pixels(into + enters),
            pixels(into)
        );
        self.put(format_args!("<path class=\"link{class}\" d=\"{path}\"/>"));
        let (tip, back) = (pixels(into), if arrow.to_finish { 5 } else { -5 });
        self.put(format_args!("<path class=\"tip{class}\" d=\"M{tip} {end}l{back} -3v6z\"/>"));
    }

    fn marks(&mut self) {
        for mark in &self.chart.marks {
            let (x, at) = (self.x(mark.at), self.tenths(mark.at) / 10);
            let (top, bottom) = (self.rows_top, self.rows_bottom);
            self.put(format_args!("<path class=\"mark\" d=\"M{x} {top}V{bottom}\"/>"));
            // A word at the right edge stands before its line.
            let is_right = at + i64::from(width(&mark.label, Face::Note)) + 6 > self.columns.time + PIXELS;
            let (class, x) = if is_right { ("marked end", at - 4) } else { ("marked", at + 4) };
            let label = escaped(&mark.label);
            self.put(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{}\">{label}</text>", bottom + 11));
        }
    }

    /// Draws the load of a resource; what is more than there is stands out.
    fn strip(&mut self, top: i64, strip: &Strip) {
        let bottom = top + STRIP;
        let label = escaped(&fitting(&strip.label, NAME_MAX));
        self.put(format_args!("<g><title>{label}: {}</title>", escaped(&strip.words)));
        self.put(format_args!("<text class=\"name\" x=\"{MARGIN}\" y=\"{}\">{label}</text>", top + 18));
        let (words, x) = (escaped(&strip.words), self.columns.start);
        self.put(format_args!("<text class=\"when\" x=\"{x}\" y=\"{}\">{words}</text>", top + 18));
        let most = strip.profile.iter().map(|&(_, used)| used).max().unwrap_or(0).max(strip.capacity).max(1);
        let height = |used: u64| {
            i64::try_from(u128::from(used) * u128::from(STRIP.unsigned_abs()) * 10 / u128::from(most))
                .unwrap_or(0)
        };
        for pair in strip.profile.windows(2).filter(|pair| pair[0].1 > 0) {
            let (from, to) = (self.tenths(pair[0].0), self.tenths(pair[1].0));
            let (tall, class) = (height(pair[0].1), if pair[0].1 > strip.capacity { "over" } else { "used" });
            self.put(format_args!(
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                pixels(from),
                pixels(bottom * 10 - tall),
                pixels((to - from).max(5)),
                pixels(tall)
            ));
        }
        let limit = pixels(bottom * 10 - height(strip.capacity));
        let (left, right) = (self.columns.time, self.columns.time + PIXELS);
        self.put(format_args!("<path class=\"limit\" d=\"M{left} {limit}H{right}\"/>"));
        self.put(format_args!("<path class=\"rule\" d=\"M{left} {bottom}H{right}\"/></g>"));
    }
}

/// Writes tenths of a pixel: `12`, `12.5`.
fn pixels(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let tenths = tenths.unsigned_abs();
    match tenths % 10 {
        0 => format!("{sign}{}", tenths / 10),
        rest => format!("{sign}{}.{rest}", tenths / 10),
    }
}

/// Cuts a text that is wider than there is room for.
fn fitting(text: &str, room: i32) -> String {
    if width(text, Face::Note) <= room {
        return text.to_owned();
    }
    let mut cut = text.to_owned();
    while !cut.is_empty() && width(&cut, Face::Note) + 11 > room {
        cut.pop();
    }
    format!("{}…", cut.trim_end())
}

fn hint(row: &Row) -> String {
    let critical = if row.is_critical { "\ndecides when all is over" } else { "" };
    let reason = if row.reason.is_empty() { String::new() } else { format!("\n{}", row.reason) };
    format!("{}{critical}{reason}", row.label)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::chart::Mark;
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn row(label: &str, (start, finish): (i64, i64), shape: Shape) -> Row {
        Row {
            depth: usize::from(shape != Shape::Summary),
            label: label.to_owned(),
            shape,
            start: start * HOUR,
            finish: finish * HOUR,
            float_until: None,
            float: String::new(),
            is_critical: false,
            done_percent: None,
            who: String::new(),
            reason: String::new(),
        }
    }

    fn chart() -> Chart {
        let mut rows = vec![
            row("delivery", (0, 80), Shape::Summary),
            row("design <the> \"service\"", (0, 40), Shape::Bar),
            row("review", (40, 60), Shape::Decision),
            row("docs", (40, 50), Shape::Bar),
            row("done", (80, 80), Shape::Milestone),
        ];
        rows[1].is_critical = true;
        rows[1].done_percent = Some(50);
        rows[1].who = "ada, bo".to_owned();
        rows[3].float_until = Some(80 * HOUR);
        rows[2].reason = "after design".to_owned();
        let link = |from, to, kind| Arrow { from, to, from_start: false, to_finish: false, kind };
        Chart {
            title: "apollo".to_owned(),
            facts: vec!["80 h".to_owned()],
            from: 0,
            to: 84 * HOUR,
            zone: Some(TimeZone::UTC),
            rows,
            arrows: vec![
                link(1, 2, ArrowKind::Critical),
                link(1, 3, ArrowKind::Link),
                link(3, 4, ArrowKind::Link),
            ],
            closed: vec![(10 * HOUR, 20 * HOUR)],
            marks: vec![Mark { at: 82 * HOUR, label: "deadline".to_owned() }],
            strips: vec![Strip {
                label: "ada".to_owned(),
                capacity: 1_000,
                profile: vec![(0, 1_000), (40 * HOUR, 1_500), (60 * HOUR, 0)],
                words: "at most 1.5 of 1".to_owned(),
            }],
        }
    }

    #[test]
    fn every_row_mark_and_load_is_drawn_and_nothing_of_a_name_becomes_markup() {
        let drawn = svg(&chart()).unwrap();
        assert_eq!(drawn.matches("<rect class=\"bar").count(), 2);
        assert_eq!(drawn.matches("class=\"decision\"").count(), 1);
        assert_eq!(drawn.matches("class=\"stone\"").count(), 1);
        assert_eq!(drawn.matches("<path class=\"link").count(), 3);
        assert_eq!(drawn.matches("class=\"over\"").count(), 1);
        assert!(drawn.contains("* design &lt;the&gt; &quot;service&quot;"), "{drawn}");
        assert!(drawn.contains("class=\"marked end\"") && drawn.contains(">deadline<"), "{drawn}");
        assert!(!drawn.contains("<script") && !drawn.contains("href"), "{drawn}");
        assert_eq!(drawn, svg(&chart()).unwrap());
    }

    #[test]
    fn a_plan_that_nobody_could_read_is_not_drawn() {
        let mut long = chart();
        long.arrows.clear();
        long.rows = vec![row("a", (0, 1), Shape::Bar); ROWS_MAX + 1];
        assert_eq!(svg(&long), Err(TooLong { rows: ROWS_MAX + 1 }));
    }

    #[test]
    fn what_takes_no_time_is_drawn_too() {
        let mut empty = chart();
        (empty.from, empty.to, empty.zone) = (0, 0, None);
        for row in &mut empty.rows {
            (row.start, row.finish) = (0, 0);
        }
        assert!(svg(&empty).unwrap().contains("width=\"2\""));
    }

    #[test]
    fn tenths_of_a_pixel_are_written_short() {
        assert_eq!([0, 10, 125, -5].map(pixels), ["0", "1", "12.5", "-0.5"]);
    }
}
