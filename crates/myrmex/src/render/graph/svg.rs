//! A drawing as SVG: one file without scripts, fonts or links, for light and dark surroundings, and for those who have it read
//! to them. What a colour says is said in words too.

use std::collections::BTreeSet;
use std::fmt::Write;

use myrmex_model::status::Status;

use super::critical::Basis;
use super::glyphs::{Face, width};
use super::layout::{FOOTING, Layout, MARGIN, MARK, PADDING, PADDING_TOP, TooLarge, lines};
use super::model::{Arrow, Drawing, Kind, Role, Shape, ShapeId};
use super::route::{Point, Rect, Route, Step};
use crate::render::{measured, time};

/// How everything looks. Colours of the light surroundings stand first.
const STYLE: &str = "\
text{font-family:ui-sans-serif,system-ui,-apple-system,\"Segoe UI\",Helvetica,Arial,sans-serif;fill:#1f2933}
.title{font-size:17px;font-weight:600}.name{font-size:13px;font-weight:600}
.note,.label{font-size:11px}.note{fill:#5b6774}.label{fill:#3e4c59;text-anchor:middle}
.page{fill:#ffffff}.task{fill:#ffffff;stroke:#c3ccd5}.block{fill:#f5f7fa;stroke:#d5dce3}
.inner{fill:#eceff3}.handler{stroke-dasharray:4 3}.called{fill:none;stroke:#c3ccd5}
.rule{stroke:#d5dce3;stroke-dasharray:4 3}.edge{fill:none;stroke:#9aa5b1;stroke-width:1.4}.tip{fill:#9aa5b1}
.halo{fill:#ffffff;fill-opacity:.92}.critical{stroke:#3b5bdb;stroke-width:2.2}.edge.critical{stroke-width:2.6}
.tip.critical{fill:#3b5bdb;stroke:none}
.sign{fill:none;stroke:#ffffff;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round}
.succeeded{fill:#2b8a3e}.failed{fill:#c92a2a}.timed_out{fill:#b8480f}.stuck{fill:#862e9c}.running{fill:#1864ab}
.waiting{fill:#8a6100}.pending{fill:#7b8794}.skipped{fill:#7b8794}.cancelled{fill:#52606d}.compensated{fill:#0b7285}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.note{fill:#9aa7b4}.label{fill:#c0cad4}
.page{fill:#0f151c}.task{fill:#1a222c;stroke:#3d4a58}.block{fill:#141b24;stroke:#2f3a46}
.inner{fill:#1c2530}.called{stroke:#3d4a58}.rule{stroke:#3d4a58}.edge{stroke:#66758a}.tip{fill:#66758a}
.halo{fill:#0f151c}.critical{stroke:#8ea6ff}.tip.critical{fill:#8ea6ff}
.succeeded{fill:#2f9e44}.failed{fill:#e03131}.running{fill:#1c7ed6}}
";

/// Half the width of an arrow's tip, and a third of its length.
const TIP: i32 = 4;

/// Writes a drawing as SVG.
///
/// # Errors
///
/// Returns [`TooLarge`] if it has more shapes than are drawn.
pub fn svg(drawing: &Drawing) -> Result<String, TooLarge> {
    let layout = Layout::of(drawing)?;
    let mut page = Page {
        drawing,
        layout: &layout,
        is_critical: vec![false; drawing.shapes.len()],
        steps: drawing.critical.steps(&drawing.shapes),
        arrows: drawing.arrows_inside(),
        out: String::new(),
    };
    for shape in &drawing.critical.shapes {
        page.is_critical[shape.0] = true;
    }
    page.write();
    Ok(page.out)
}

/// A drawing that is being written.
struct Page<'d> {
    drawing: &'d Drawing,
    layout: &'d Layout,
    /// Whether each shape is on the critical path.
    is_critical: Vec<bool>,
    /// Which shapes follow each other on it.
    steps: BTreeSet<(ShapeId, ShapeId)>,
    /// The arrows between the children of each shape.
    arrows: Vec<Vec<usize>>,
    out: String,
}

impl Page<'_> {
    /// Adds a line. Writing into a text cannot fail.
    fn put(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(line);
        self.out.push('\n');
    }

    fn write(&mut self) {
        let (width, height) = (self.layout.size.width, self.layout.size.height);
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-labelledby=\"graph-title graph-desc\">"
        ));
        let (title, description) = (escaped(&title(self.drawing)), escaped(&description(self.drawing)));
        self.put(format_args!("<title id=\"graph-title\">{title}</title>"));
        self.put(format_args!("<desc id=\"graph-desc\">{description}</desc>"));
        self.put(format_args!("<style>\n{STYLE}</style>"));
        self.put(format_args!("<rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>"));
        self.heading();
        self.rule(ShapeId(0));
        let children = self.drawing.children();
        let mut open = vec![(ShapeId(0), false)];
        while let Some((shape, is_done)) = open.pop() {
            if is_done {
                self.put(format_args!("</g>"));
                continue;
            }
            if shape.0 > 0 {
                self.shape(shape, !children[shape.0].is_empty());
                open.push((shape, true));
            }
            self.arrows_in(shape);
            open.extend(children[shape.0].iter().rev().map(|child| (*child, false)));
        }
        self.footing();
        self.put(format_args!("</svg>"));
    }

    fn heading(&mut self) {
        let name = escaped(&self.drawing.workflow);
        self.put(format_args!("<text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{name}</text>", MARGIN + 13));
        let Some(run) = &self.drawing.run else {
            let count = self.drawing.inner().count();
            let tasks = if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") };
            let measured = self.drawing.measured.map(|took| measured::line(took, took.count, "run"));
            let measured = measured.map(|measured| format!(" · {measured}")).unwrap_or_default();
            self.put(format_args!(
                "<text class=\"note\" x=\"{MARGIN}\" y=\"{}\">{tasks}{measured}</text>",
                MARGIN + 33
            ));
            return;
        };
        let id: String = run.id.chars().take(crate::render::summary::SHORT_DIGITS).collect();
        let took = time::elapsed_ms(run.took_ms);
        let text = format!("{} in {took} · run {id}", run.word());
        let at = Point { x: MARGIN, y: MARGIN + 33 };
        self.mark(look(run.status, run.word()), at);
        self.put(format_args!("<text class=\"note\" x=\"{}\" y=\"{}\">{text}</text>", at.x + MARK, at.y));
    }

    /// Opens the group of a shape and draws its box and its text.
    fn shape(&mut self, id: ShapeId, is_block: bool) {
        let (shape, rect) = (self.drawing.shape(id), self.layout.boxes[id.0]);
        let mut class = if is_block { "block" } else { "task" }.to_owned();
        if is_block && self.depth(id).is_multiple_of(2) {
            class.push_str(" inner");
        }
        if shape.role != Role::Body {
            class.push_str(" handler");
        }
        if self.is_critical[id.0] {
            class.push_str(" critical");
        }
        self.put(format_args!("<g><title>{}</title>", escaped(&hint(shape, self.is_critical[id.0]))));
        let radius = if is_block { 10 } else { 7 };
        self.put(format_args!("<rect class=\"{class}\" {} rx=\"{radius}\"/>", place(rect)));
        if shape.kind == Kind::Workflow {
            let inside = Rect {
                at: rect.at.moved(Point { x: 3, y: 3 }),
                size: super::route::Size { width: rect.size.width - 6, height: rect.size.height - 6 },
            };
            self.put(format_args!("<rect class=\"called\" {} rx=\"5\"/>", place(inside)));
        }
        let mut y = rect.at.y + PADDING_TOP;
        let look = shape.state.as_ref().map(|state| look(state.status, state.word));
        if let Some((class, _)) = look.filter(|_| !is_block) {
            let (x, y, height) = (rect.at.x + 5, rect.at.y + 8, rect.size.height - 16);
            self.put(format_args!(
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"3\" height=\"{height}\" rx=\"1.5\"/>"
            ));
        }
        for line in lines(shape) {
            let class = class_of(line.face);
            y += line.height();
            let (mut x, base) = (rect.at.x + PADDING, y - 4);
            if let Some(look) = look.filter(|_| line.has_mark) {
                self.mark(look, Point { x, y: base });
                x += MARK;
            }
            self.put(format_args!(
                "<text class=\"{class}\" x=\"{x}\" y=\"{base}\">{}</text>",
                escaped(&line.text)
            ));
        }
        self.rule(id);
    }

    /// Returns how many shapes are around one.
    fn depth(&self, shape: ShapeId) -> usize {
        std::iter::successors(self.drawing.shape(shape).parent, |around| self.drawing.shape(*around).parent)
            .count()
    }

    /// Draws the line above what follows the body of a shape, if something does.
    fn rule(&mut self, shape: ShapeId) {
        let Some(at) = self.layout.rules.get(&shape) else { return };
        let within = self.layout.boxes[shape.0];
        let right = within.right() - (at.x - within.at.x);
        self.put(format_args!("<path class=\"rule\" d=\"M{} {}H{right}\"/>", at.x, at.y));
    }

    /// Draws the arrows between the children of a shape, those on the critical path last.
    fn arrows_in(&mut self, shape: ShapeId) {
        let (drawing, layout) = (self.drawing, self.layout);
        let own: Vec<(&Arrow, &Route)> = self.arrows[shape.0]
            .iter()
            .map(|number| (&drawing.arrows[*number], &layout.routes[*number]))
            .collect();
        for is_critical in [false, true] {
            for (arrow, route) in &own {
                if self.steps.contains(&(arrow.from, arrow.to)) == is_critical {
                    self.arrow(route, is_critical);
                }
            }
        }
        for (arrow, route) in own {
            let Some(label) = route.label else { continue };
            self.put(format_args!("<rect class=\"halo\" {} rx=\"4\"/>", place(label)));
            let (x, y) = (label.middle(), label.bottom() - 4);
            self.put(format_args!(
                "<text class=\"label\" x=\"{x}\" y=\"{y}\">{}</text>",
                escaped(&arrow.label())
            ));
        }
    }

    fn arrow(&mut self, route: &Route, is_critical: bool) {
        let class = if is_critical { " critical" } else { "" };
        let mut path = format!("M{} {}", route.start.x, route.start.y);
        for step in &route.steps {
            // Writing into a text cannot fail.
            let _ = match step {
                Step::Line(end) => write!(path, "L{} {}", end.x, end.y),
                Step::Curve(one, two, end) => {
                    write!(path, "C{} {} {} {} {} {}", one.x, one.y, two.x, two.y, end.x, end.y)
                }
            };
        }
        self.put(format_args!("<path class=\"edge{class}\" d=\"{path}\"/>"));
        let Point { x, y } = route.end();
        self.put(format_args!(
            "<path class=\"tip{class}\" d=\"M{x} {y}l-{TIP} -{}h{}z\"/>",
            2 * TIP,
            2 * TIP
        ));
    }

    /// Draws the mark of a status, which stands on the line of a text that begins at `at`.
    fn mark(&mut self, (class, sign): (&str, &str), at: Point) {
        let (x, y) = (at.x + 6, at.y - 4);
        self.put(format_args!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"6\"/>"));
        self.put(format_args!("<path class=\"sign\" d=\"M{x} {y}{sign}\"/>"));
    }

    /// Says what the thick line is.
    fn footing(&mut self) {
        let text = legend(self.drawing);
        let Some(text) = text else { return };
        let y = self.layout.size.height - FOOTING / 2 + 2;
        self.put(format_args!("<path class=\"edge critical\" d=\"M{MARGIN} {}h22\"/>", y - 4));
        self.put(format_args!(
            "<text class=\"note\" x=\"{}\" y=\"{y}\">{}</text>",
            MARGIN + 30,
            escaped(&text)
        ));
        debug_assert!(width(&text, Face::Note) < 20 * self.layout.size.width, "the legend is one line");
    }
}

/// Returns the class of a status, which colours it, and the sign in its mark. What was cut off looks as if it waited, and what
/// failed but was accepted like neither.
fn look(status: Status, word: &str) -> (&'static str, &'static str) {
    let sign = match (status, word) {
        (Status::Running, "interrupted") => return look(Status::Waiting, ""),
        (Status::Succeeded, "failed, accepted") => return ("waiting", "m0 -3v3.4m0 2.4v.1"),
        (Status::Succeeded, _) => "m-2.8 .2l1.9 2 3.6-4.2",
        (Status::Failed, _) => "m-2.2 -2.2l4.4 4.4m0 -4.4l-4.4 4.4",
        (Status::TimedOut, _) => "m0 -3v3l2.2 1.4",
        (Status::Stuck, _) => "m0 -3v3.4m0 2.4v.1",
        (Status::Running, _) => "m-1.4 -2.6l3.8 2.6-3.8 2.6z",
        (Status::Waiting, _) => "m-1.5 -2.4v4.8m3 -4.8v4.8",
        (Status::Pending, _) => "m-2.4 0h.1m2.2 0h.1m2.2 0h.1",
        (Status::Cancelled, _) => "m-2.4 2.4l4.8-4.8",
        (Status::Skipped, _) => "m-2.6 0h5.2",
        (Status::Compensated, _) => "m2.6 1.6a3 3 0 1 0-4.6.6m0 -2.4v2.4h2.4",
    };
    (status.as_str(), sign)
}

/// Says what the thick line is; nothing if there is none.
fn legend(drawing: &Drawing) -> Option<String> {
    if drawing.critical.shapes.is_empty() {
        return None;
    }
    Some(match drawing.critical.basis {
        Basis::Recorded => "critical path: decided when the run ended".to_owned(),
        Basis::Longest => "longest chain, each task counted as one".to_owned(),
    })
}

fn class_of(face: Face) -> &'static str {
    match face {
        Face::Title => "title",
        Face::Name => "name",
        Face::Note => "note",
        Face::Label => "label",
    }
}

fn place(rect: Rect) -> String {
    let Rect { at, size } = rect;
    format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", at.x, at.y, size.width, size.height)
}

/// Says what is drawn, in a few words.
fn title(drawing: &Drawing) -> String {
    match &drawing.run {
        Some(run) => format!("Run {} of workflow {}: {}", run.id, drawing.workflow, run.word()),
        None => format!("Workflow {}", drawing.workflow),
    }
}

/// Says what is drawn to those who do not see it: how many tasks, where they stand, and the critical path.
fn description(drawing: &Drawing) -> String {
    let counted = |status: Status| {
        drawing
            .inner()
            .filter(|(_, shape)| shape.state.as_ref().is_some_and(|state| state.status == status))
            .count()
    };
    let by_status: Vec<String> = Status::ALL
        .into_iter()
        .map(|status| (status, counted(status)))
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    let count = drawing.inner().count();
    let by_status = if by_status.is_empty() { String::new() } else { format!(" ({})", by_status.join(", ")) };
    let arrows = drawing.arrows.len();
    let path: Vec<&str> =
        drawing.critical.shapes.iter().take(40).map(|shape| drawing.shape(*shape).path.as_str()).collect();
    let legend = legend(drawing).map(|legend| format!(" {legend}: {}.", path.join(", "))).unwrap_or_default();
    format!("{count} boxes{by_status} and {arrows} arrows.{legend}")
}

/// Returns what pointing at a shape shows.
fn hint(shape: &Shape, is_critical: bool) -> String {
    let state = shape.state.as_ref().map(|state| format!(": {}", state.line())).unwrap_or_default();
    let critical = if is_critical { " (on the critical path)" } else { "" };
    format!("{} {}{state}{critical}", shape.kind.as_str(), shape.path)
}

/// Escapes text; what XML cannot hold at all becomes the replacement character.
pub(in crate::render) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}');
            }
            other => escaped.push(other),
        }
    }
    escaped
}
