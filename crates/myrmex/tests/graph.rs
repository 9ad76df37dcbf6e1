//! Drawings of workflows: whatever is drawn, nothing overlaps, lines end where they should, and the same comes out twice. Small
//! workflows are compared whole, in every format, with `tests/graph`; `MYRMEX_BLESS=1` writes those anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use myrmex::render::graph::dot::dot;
use myrmex::render::graph::json::json;
use myrmex::render::graph::layout::{Layout, SHAPES_MAX};
use myrmex::render::graph::mermaid::mermaid;
use myrmex::render::graph::model::{Drawing, ShapeId};
use myrmex::render::graph::route::{Point, Rect, Route, Step};
use myrmex::render::graph::states::of_definition;
use myrmex::render::graph::svg::svg;
use myrmex_lang::{Beside, Source};
use proptest::prelude::*;

#[path = "graph/xml.rs"]
mod xml;

/// Draws a workflow that is whole in itself.
#[track_caller]
fn draw(text: &str) -> Drawing {
    draw_beside(text, &[])
}

#[track_caller]
fn draw_beside(text: &str, workflows: &[&str]) -> Drawing {
    let workflows =
        (0..).zip(workflows).map(|(number, text): (usize, _)| Source::new(format!("w{number}.yaml"), *text));
    let beside = Beside { workflows: workflows.collect(), ..Beside::default() };
    let checked = myrmex_lang::check_with(&Source::new("drawn.yaml", text), &beside);
    let definition = checked.definition.unwrap_or_else(|| panic!("{text}\n{:?}", checked.diagnostics));
    of_definition(&definition)
}

/// Checks all that must hold of where things lie.
#[track_caller]
fn check_layout(drawing: &Drawing) {
    let layout = Layout::of(drawing).unwrap();
    for (index, shape) in drawing.shapes.iter().enumerate() {
        let own = layout.boxes[index];
        if let Some(parent) = shape.parent {
            assert!(layout.boxes[parent.0].holds(own), "`{}` leaves what is around it", shape.path);
        }
    }
    for children in drawing.children() {
        for (number, child) in children.iter().enumerate() {
            for other in &children[..number] {
                let (one, two) = (drawing.shape(*child), drawing.shape(*other));
                let do_overlap = layout.boxes[child.0].overlaps(layout.boxes[other.0]);
                assert!(!do_overlap, "`{}` and `{}` overlap", one.path, two.path);
            }
        }
        check_routes(drawing, &layout, &children);
    }
}

/// Checks the lines between the children of one shape.
#[track_caller]
fn check_routes(drawing: &Drawing, layout: &Layout, children: &[ShapeId]) {
    let Some(parent) = children.first().and_then(|child| drawing.shape(*child).parent) else { return };
    let own = drawing.arrows.iter().zip(&layout.routes).filter(|(arrow, _)| children.contains(&arrow.from));
    for (arrow, route) in own {
        let (from, to) = (layout.boxes[arrow.from.0], layout.boxes[arrow.to.0]);
        let names = || format!("{} -> {}", drawing.shape(arrow.from).path, drawing.shape(arrow.to).path);
        assert!(is_on_border(from, route.start), "{} does not begin at its box", names());
        assert!(is_on_border(to, route.end()), "{} does not end at its box", names());
        for point in points(route) {
            let around = layout.boxes[parent.0];
            let is_around = around.at.x <= point.x && point.x <= around.right();
            assert!(is_around, "{} leaves what is around it", names());
            for child in children {
                let crossed = layout.boxes[child.0];
                let is_inside = crossed.at.x < point.x
                    && point.x < crossed.right()
                    && crossed.at.y < point.y
                    && point.y < crossed.bottom();
                assert!(!is_inside, "{} runs over `{}`", names(), drawing.shape(*child).path);
            }
        }
        if let Some(label) = route.label {
            assert!(layout.boxes[parent.0].holds(label), "the label of {} lies outside", names());
            for child in children {
                assert!(!layout.boxes[child.0].overlaps(label), "the label of {} lies on a box", names());
            }
        }
    }
}

fn is_on_border(of: Rect, point: Point) -> bool {
    (point.y == of.at.y || point.y == of.bottom()) && of.at.x <= point.x && point.x <= of.right()
}

/// Returns points of a line, close to each other.
fn points(route: &Route) -> Vec<Point> {
    let (mut from, mut points) = (route.start, vec![route.start]);
    for step in &route.steps {
        let end = step.end();
        let (one, two) = match *step {
            Step::Line(end) => (from, end),
            Step::Curve(one, two, _) => (one, two),
        };
        for part in 1..=16_i64 {
            let rest = 16 - part;
            let at = |a: i32, b: i32, c: i32, d: i32| {
                let [a, b, c, d] = [a, b, c, d].map(i64::from);
                let sum = a * rest * rest * rest
                    + 3 * b * rest * rest * part
                    + 3 * c * rest * part * part
                    + d * part * part * part;
                i32::try_from(sum / 4_096).unwrap()
            };
            points.push(Point { x: at(from.x, one.x, two.x, end.x), y: at(from.y, one.y, two.y, end.y) });
        }
        from = end;
    }
    points
}

/// Makes a workflow of choices: every number is used for one, and when they are used up the simplest is taken.
struct Making {
    choices: std::vec::IntoIter<u8>,
    text: String,
    names: usize,
}

impl Making {
    fn workflow(choices: Vec<u8>) -> String {
        let mut making = Self { choices: choices.into_iter(), text: String::new(), names: 0 };
        making.text.push_str("workflow: made\ndefaults: {timeout: 1m}\n");
        making.scope(0, 0);
        if making.choose(4) == 1 {
            making.text.push_str("on_failure: {run: echo alarm}\nfinally: {run: echo done}\n");
        }
        making.text
    }

    fn choose(&mut self, below: usize) -> usize {
        usize::from(self.choices.next().unwrap_or(0)) % below
    }

    fn line(&mut self, depth: usize, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "  ".repeat(depth));
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("task-{}{}", "long-".repeat(self.names % 3), self.names)
    }

    fn scope(&mut self, depth: usize, nested: usize) {
        let count = 1 + self.choose(7);
        if self.choose(3) == 2 {
            self.line(depth, "do:");
            let names: Vec<String> = (0..count).map(|_| self.name()).collect();
            for name in &names {
                self.line(depth + 1, &format!("- {name}:"));
                self.task(depth + 4, nested);
                if self.choose(6) == 5 {
                    let target = names[self.choose(count)].clone();
                    self.line(depth + 4, "if: 'run.attempt == 1'");
                    self.line(depth + 4, &format!("then: {target}"));
                }
            }
            return;
        }
        self.line(depth, "tasks:");
        let mut names: Vec<String> = Vec::new();
        for _ in 0..count {
            let name = self.name();
            self.line(depth + 1, &format!("{name}:"));
            let mut needs = BTreeMap::new();
            if !names.is_empty() {
                for _ in 0..self.choose(4) {
                    let accepted =
                        ["succeeded", "finished", "[succeeded, skipped]", "failed"][self.choose(4)];
                    needs.insert(names[self.choose(names.len())].clone(), accepted);
                }
            }
            if !needs.is_empty() {
                let needs: Vec<String> = needs.iter().map(|(name, on)| format!("{name}: {on}")).collect();
                self.line(depth + 2, &format!("needs: {{{}}}", needs.join(", ")));
            }
            self.task(depth + 2, nested);
            names.push(name);
        }
    }

    fn task(&mut self, depth: usize, nested: usize) {
        let kinds = if nested < 3 { 8 } else { 3 };
        match self.choose(kinds) {
            0 => self.line(depth, "run: ./a-program --with some --options"),
            1 => self.line(depth, "wait: 1s"),
            2 => {
                self.line(depth, "for_each: 3");
                self.line(depth, "run: echo");
            }
            3 => {
                self.line(depth, "run: echo");
                self.line(depth, "on_failure: {run: echo}");
            }
            4 => {
                self.line(depth, "try: {run: echo}");
                self.line(depth, "catch: {run: echo}");
                self.line(depth, "finally: {run: echo}");
            }
            5 => {
                self.line(depth, "for_each: 2");
                self.scope(depth, nested + 1);
            }
            _ => self.scope(depth, nested + 1),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps_whatever_is_drawn(choices in proptest::collection::vec(any::<u8>(), 0..160)) {
        let text = Making::workflow(choices);
        let drawing = draw(&text);
        check_layout(&drawing);
        let picture = svg(&drawing).unwrap();
        prop_assert_eq!(&picture, &svg(&drawing).unwrap());
        prop_assert_eq!(xml::problem(&picture), None);
    }
}

/// Writes a workflow of tasks with what they need.
fn workflow(tasks: impl IntoIterator<Item = (String, Vec<String>)>) -> String {
    let mut text = "workflow: large\ndefaults: {timeout: 1m}\ntasks:\n".to_owned();
    for (name, needs) in tasks {
        let _ = writeln!(text, "  {name}: {{run: echo, needs: [{}]}}", needs.join(", "));
    }
    text.replace(", needs: []", "")
}

fn chain(count: usize) -> String {
    let before =
        |number: usize| number.checked_sub(1).map(|before| format!("t{before}")).into_iter().collect();
    workflow((0..count).map(|number| (format!("t{number}"), before(number))))
}

#[test]
fn large_workflows_have_a_picture() {
    let fan = workflow(
        (0..400)
            .map(|number| (format!("b{number}"), vec!["first".to_owned()]))
            .chain([("first".to_owned(), Vec::new())])
            .chain([("last".to_owned(), (0..400).map(|number| format!("b{number}")).collect())]),
    );
    let parents = |layer: usize, number: usize| {
        let other = (number * 37 + layer * 11) % 100;
        let mut parents = vec![format!("n{}-{number}", layer - 1)];
        if other != number {
            parents.push(format!("n{}-{other}", layer - 1));
        }
        parents
    };
    let layers = workflow((0..1_000).map(|number| {
        let (layer, number) = (number / 100, number % 100);
        let needs = if layer == 0 { Vec::new() } else { parents(layer, number) };
        (format!("n{layer}-{number}"), needs)
    }));
    // Every task leads to the next one and to the last: as many long lines as tasks.
    let long = workflow((0..300).map(|number| {
        let needs = if number == 299 {
            (0..299).map(|before| format!("t{before}")).collect()
        } else {
            (number.max(1) - 1..number).map(|before| format!("t{before}")).collect()
        };
        (format!("t{number}"), needs)
    }));
    for text in [chain(1_000), fan, layers, long] {
        let drawing = draw(&text);
        check_layout(&drawing);
        assert_eq!(svg(&drawing).unwrap(), svg(&drawing).unwrap());
    }
}

#[test]
fn a_workflow_beyond_the_limit_is_refused() {
    let drawing = draw(&chain(SHAPES_MAX + 1));
    let said = svg(&drawing).unwrap_err().to_string();
    assert_eq!(said, "it has 10001 tasks, and at most 10000 are drawn");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graph")
}

/// Compares a text with the file that holds it, or writes it there if asked to.
#[track_caller]
fn check_file(path: &Path, text: &str) {
    if std::env::var_os("MYRMEX_BLESS").is_some() {
        std::fs::write(path, text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == text,
        "{} is not what is drawn; MYRMEX_BLESS=1 writes it anew, read the difference",
        path.display()
    );
}

#[track_caller]
fn check_drawn(name: &str) {
    let text = std::fs::read_to_string(folder().join(format!("{name}.yaml"))).unwrap();
    let drawing = draw_beside(&text, &["workflow: child\ntasks: {a: {run: echo, timeout: 1m}}\n"]);
    check_layout(&drawing);
    check_file(&folder().join(format!("{name}.svg")), &svg(&drawing).unwrap());
    check_file(&folder().join(format!("{name}.mmd")), &mermaid(&drawing));
    check_file(&folder().join(format!("{name}.dot")), &dot(&drawing));
    check_file(&folder().join(format!("{name}.txt")), &myrmex::render::graph::text::text(&drawing));
    check_file(&folder().join(format!("{name}.json")), &format!("{:#}\n", json(&drawing)));
}

#[test]
fn a_small_workflow_is_drawn_in_every_format() {
    check_drawn("small");
}

#[test]
fn every_construct_is_drawn_in_every_format() {
    check_drawn("everything");
}

#[test]
fn a_flow_that_leads_back_is_drawn_in_every_format() {
    check_drawn("back");
}

#[test]
fn the_picture_of_the_documentation_is_what_is_drawn() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = std::fs::read_to_string(docs.join("graph.md")).unwrap();
    let (_, rest) = page.split_once("```yaml release.yaml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    check_file(&docs.join("graph.svg"), &svg(&draw(text)).unwrap());
}
