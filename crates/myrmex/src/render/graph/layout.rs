//! Where everything of a drawing lies. What is inside of a block is placed first and by itself; then the block is one box of
//! the scope around it. So nothing overlaps, at whatever depth.

use std::collections::BTreeMap;

use super::glyphs::{Face, shortened, width};
use super::layers::{Body, Link, Placed, place};
use super::model::{Arrow, Drawing, Role, Shape, ShapeId};
use super::route::{Point, Rect, Route, Size};

/// The most shapes of a drawing. More than these nobody can read, and they take seconds.
pub const SHAPES_MAX: usize = 10_000;

/// The room between the border of a box and its text, from the left.
pub(super) const PADDING: i32 = 14;

/// The room between the border of a box and its text, from the top.
pub(super) const PADDING_TOP: i32 = 9;

/// The room between the border of a block and what is inside.
const INSIDE: i32 = 18;

/// The room that the mark of a status takes before its word.
pub(super) const MARK: i32 = 17;

/// The least width of a box.
const WIDTH_MIN: i32 = 128;

/// The room around the whole drawing.
pub(super) const MARGIN: i32 = 24;

/// The height of the heading of the whole drawing.
const HEADING: i32 = 46;

/// The height of what stands below it.
pub(super) const FOOTING: i32 = 34;

/// The most characters of a name that are shown; the whole stands in what pointing at it shows.
const NAME_CHARACTERS_MAX: usize = 40;

/// Where everything of a drawing lies, from its top left.
#[derive(Debug, Clone)]
pub struct Layout {
    /// How large it is.
    pub size: Size,
    /// The box of each shape, in their order. That of the workflow itself holds all others.
    pub boxes: Vec<Rect>,
    /// The line of each arrow, in their order.
    pub routes: Vec<Route>,
    /// The lines across shapes, above what follows their bodies, each from its left end.
    pub rules: BTreeMap<ShapeId, Point>,
}

/// A drawing with more shapes than are drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has {count} tasks, and at most {SHAPES_MAX} are drawn")]
pub struct TooLarge {
    /// How many it has.
    pub count: usize,
}

/// A line of text in a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) face: Face,
    pub(super) text: String,
    /// Whether the mark of the status stands before it.
    pub(super) has_mark: bool,
}

impl Line {
    pub(super) fn height(&self) -> i32 {
        match self.face {
            Face::Title => 24,
            Face::Name => 18,
            Face::Note | Face::Label => 16,
        }
    }

    fn width(&self) -> i32 {
        width(&self.text, self.face) + if self.has_mark { MARK } else { 0 }
    }
}

/// Returns the text of a box.
pub(super) fn lines(shape: &Shape) -> Vec<Line> {
    let note = |text: String| Line { face: Face::Note, text, has_mark: false };
    let does = if shape.does.is_empty() { String::new() } else { format!(" · {}", shape.does) };
    let mut lines =
        vec![Line { face: Face::Name, text: shortened(&shape.name, NAME_CHARACTERS_MAX), has_mark: false }];
    lines.push(note(format!("{}{does}", shape.kind.as_str())));
    lines.extend(shape.notes.iter().cloned().chain(shape.measured.lines()).map(note));
    if let Some(state) = &shape.state {
        lines.push(Line { face: Face::Note, text: state.line(), has_mark: true });
        lines.extend(state.count_line().map(note));
    }
    lines
}

/// Returns how large the label of an arrow is, if it has one.
fn label(arrow: &Arrow) -> Option<Size> {
    let text = arrow.label();
    (!text.is_empty()).then(|| Size { width: width(&text, Face::Label) + 8, height: 16 })
}

impl Layout {
    /// Lays a drawing out.
    ///
    /// # Errors
    ///
    /// Returns [`TooLarge`] if it has too many shapes.
    pub fn of(drawing: &Drawing) -> Result<Self, TooLarge> {
        let count = drawing.shapes.len() - 1;
        if count > SHAPES_MAX {
            return Err(TooLarge { count });
        }
        let mut laying = Laying::new(drawing);
        // A parent stands before its children, so from the last on what is inside is known.
        for index in (0..drawing.shapes.len()).rev() {
            laying.fill(ShapeId(index));
        }
        for index in 1..drawing.shapes.len() {
            if let Some(parent) = drawing.shapes[index].parent {
                laying.boxes[index] = laying.boxes[index].moved(laying.boxes[parent.0].at);
            }
        }
        for (arrow, route) in drawing.arrows.iter().zip(&mut laying.routes) {
            if let Some(parent) = drawing.shape(arrow.from).parent {
                route.move_by(laying.boxes[parent.0].at);
            }
        }
        let Laying { boxes, routes, mut rules, .. } = laying;
        for (shape, at) in &mut rules {
            *at = at.moved(boxes[shape.0].at);
        }
        Ok(Self { size: boxes[0].size, boxes, routes, rules })
    }
}

/// A drawing that is laid out from the inside.
struct Laying<'d> {
    drawing: &'d Drawing,
    children: Vec<Vec<ShapeId>>,
    /// The arrows between the children of each shape.
    arrows: Vec<Vec<usize>>,
    /// Where each shape lies in the one around it.
    boxes: Vec<Rect>,
    /// Where each arrow runs in the shape around it.
    routes: Vec<Route>,
    rules: BTreeMap<ShapeId, Point>,
}

impl<'d> Laying<'d> {
    fn new(drawing: &'d Drawing) -> Self {
        let origin = Point { x: 0, y: 0 };
        let nothing = Rect { at: origin, size: Size { width: 0, height: 0 } };
        Self {
            drawing,
            children: drawing.children(),
            arrows: drawing.arrows_inside(),
            boxes: vec![nothing; drawing.shapes.len()],
            routes: drawing.arrows.iter().map(|_| Route::new(origin)).collect(),
            rules: BTreeMap::new(),
        }
    }

    /// Places what is inside a shape, and decides how large it is.
    fn fill(&mut self, shape: ShapeId) {
        let role = |child: &ShapeId| self.drawing.shape(*child).role;
        let (body, handlers): (Vec<ShapeId>, Vec<ShapeId>) =
            self.children[shape.0].iter().partition(|child| role(child) == Role::Body);
        let is_whole = shape.0 == 0;
        let edge = if is_whole { MARGIN } else { INSIDE };
        let (text_width, text_height) =
            if is_whole { self.heading() } else { text_size(self.drawing.shape(shape)) };
        if body.is_empty() && handlers.is_empty() && !is_whole {
            let size = Size { width: text_width.max(WIDTH_MIN), height: text_height + PADDING_TOP };
            self.boxes[shape.0].size = size;
            return;
        }
        let inner = self.place(&body, &self.arrows[shape.0].clone());
        let after = self.place(&handlers, &[]);
        let width = text_width.max(even(inner.size.width.max(after.size.width)) + 2 * edge);
        let mut y = text_height + if is_whole { 0 } else { 6 };
        if !body.is_empty() {
            self.keep(&body, &inner, Point { x: (width - inner.size.width) / 2, y });
            for (number, route) in self.arrows[shape.0].clone().into_iter().zip(inner.routes) {
                self.routes[number] = route;
                self.routes[number].move_by(Point { x: (width - inner.size.width) / 2, y });
            }
            y += inner.size.height + edge.min(INSIDE);
        }
        if !handlers.is_empty() {
            if !body.is_empty() {
                self.rules.insert(shape, Point { x: edge, y });
                y += INSIDE - 4;
            }
            self.keep(&handlers, &after, Point { x: (width - after.size.width) / 2, y });
            y += after.size.height + INSIDE;
        }
        let below = if is_whole { FOOTING } else { 0 };
        self.boxes[shape.0].size = Size { width, height: y + below };
    }

    /// Returns how much room the heading of the whole takes.
    fn heading(&self) -> (i32, i32) {
        let drawing = self.drawing;
        let run = drawing.run.as_ref().map_or(0, |_| 330);
        (width(&drawing.workflow, Face::Title).max(run).max(300) + 2 * MARGIN, MARGIN + HEADING)
    }

    fn place(&self, shapes: &[ShapeId], arrows: &[usize]) -> Placed {
        let is_leaf = |shape: ShapeId| self.children[shape.0].is_empty();
        // Tasks of one scope are equally wide: the eye goes along their edges.
        let widths =
            shapes.iter().filter(|shape| is_leaf(**shape)).map(|shape| self.boxes[shape.0].size.width);
        let leaf_width = widths.max().unwrap_or(0);
        let bodies: Vec<Body> = shapes
            .iter()
            .map(|shape| {
                let (size, can_grow) = (self.boxes[shape.0].size, is_leaf(*shape));
                Body { size: if can_grow { Size { width: leaf_width, ..size } } else { size }, can_grow }
            })
            .collect();
        let number = |shape: ShapeId| shapes.binary_search(&shape).expect("an arrow stays in its scope");
        let links: Vec<Link> = arrows
            .iter()
            .map(|arrow| {
                let arrow = &self.drawing.arrows[*arrow];
                let (from, to) = (number(arrow.from), number(arrow.to));
                Link { from, to, is_back: arrow.is_back, label: label(arrow) }
            })
            .collect();
        place(&bodies, &links)
    }

    fn keep(&mut self, shapes: &[ShapeId], placed: &Placed, by: Point) {
        for (shape, own) in shapes.iter().zip(&placed.boxes) {
            self.boxes[shape.0] = own.moved(by);
        }
    }
}

/// Returns how much room the text of a box takes, with the room around it.
fn text_size(shape: &Shape) -> (i32, i32) {
    let lines = lines(shape);
    let width = lines.iter().map(Line::width).max().unwrap_or(0) + 2 * PADDING;
    (even(width), lines.iter().map(Line::height).sum::<i32>() + PADDING_TOP)
}

/// Makes a width even, so that the middle of a box is a whole pixel.
fn even(width: i32) -> i32 {
    width + width % 2
}
