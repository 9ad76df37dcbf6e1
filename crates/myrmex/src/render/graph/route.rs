//! Points, boxes and the lines between them. A line is made of steps that stay in the gaps between layers, so none of them
//! runs over a box.

/// How round the corners of a line are, in pixels.
const RADIUS: i32 = 8;

/// A place in pixels, from the left and from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
}

/// How large something is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: i32,
    /// From top to bottom.
    pub height: i32,
}

/// A box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Its corner at the top left.
    pub at: Point,
    /// How large it is.
    pub size: Size,
}

impl Point {
    /// Returns the point moved by `by`.
    #[must_use]
    pub fn moved(self, by: Self) -> Self {
        Self { x: self.x + by.x, y: self.y + by.y }
    }
}

impl Rect {
    /// Returns the first pixel to its right.
    pub fn right(self) -> i32 {
        self.at.x + self.size.width
    }

    /// Returns the first pixel below it.
    pub fn bottom(self) -> i32 {
        self.at.y + self.size.height
    }

    /// Returns where its middle is, from the left.
    pub fn middle(self) -> i32 {
        self.at.x + self.size.width / 2
    }

    /// Returns whether it shares a pixel with another.
    pub fn overlaps(self, other: Self) -> bool {
        self.at.x < other.right()
            && other.at.x < self.right()
            && self.at.y < other.bottom()
            && other.at.y < self.bottom()
    }

    /// Returns whether all of another is inside of it.
    pub fn holds(self, other: Self) -> bool {
        self.at.x <= other.at.x
            && self.at.y <= other.at.y
            && other.right() <= self.right()
            && other.bottom() <= self.bottom()
    }

    /// Returns the box moved by `by`.
    #[must_use]
    pub fn moved(self, by: Point) -> Self {
        Self { at: self.at.moved(by), size: self.size }
    }
}

/// A piece of a line, from where the one before ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Straight to here.
    Line(Point),
    /// A cubic curve: two control points and where it ends.
    Curve(Point, Point, Point),
}

impl Step {
    /// Returns where it ends.
    pub fn end(self) -> Point {
        match self {
            Self::Line(end) | Self::Curve(_, _, end) => end,
        }
    }

    fn moved(self, by: Point) -> Self {
        match self {
            Self::Line(end) => Self::Line(end.moved(by)),
            Self::Curve(one, two, end) => Self::Curve(one.moved(by), two.moved(by), end.moved(by)),
        }
    }
}

/// A line from the border of one box to that of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it begins.
    pub start: Point,
    /// Its pieces.
    pub steps: Vec<Step>,
    /// The box of its label, if it has one.
    pub label: Option<Rect>,
}

impl Route {
    /// Begins a line.
    pub(super) fn new(start: Point) -> Self {
        Self { start, steps: Vec::new(), label: None }
    }

    /// Returns where it ends.
    pub fn end(&self) -> Point {
        self.steps.last().map_or(self.start, |step| step.end())
    }

    /// Goes on straight.
    pub(super) fn line(&mut self, end: Point) {
        if end != self.end() {
            self.steps.push(Step::Line(end));
        }
    }

    /// Goes on down to `end`, which is elsewhere, such that it leaves and arrives upright.
    pub(super) fn down(&mut self, end: Point) {
        let from = self.end();
        if from.x == end.x {
            return self.line(end);
        }
        let middle = i32::midpoint(from.y, end.y);
        let (one, two) = (Point { x: from.x, y: middle }, Point { x: end.x, y: middle });
        self.steps.push(Step::Curve(one, two, end));
    }

    /// Goes on along `corners`, which are made round.
    pub(super) fn around(&mut self, corners: &[Point]) {
        for (index, corner) in corners.iter().enumerate() {
            let Some(next) = corners.get(index + 1) else { return self.line(*corner) };
            let before = self.end();
            let (into, out) = (toward(*corner, before), toward(*corner, *next));
            self.line(into);
            self.steps.push(Step::Curve(*corner, *corner, out));
        }
    }

    /// Moves all of it.
    pub(super) fn move_by(&mut self, by: Point) {
        self.start = self.start.moved(by);
        for step in &mut self.steps {
            *step = step.moved(by);
        }
        self.label = self.label.map(|label| label.moved(by));
    }
}

/// Returns the point near `corner` in the direction of `other`, which is straight above, below or beside it.
fn toward(corner: Point, other: Point) -> Point {
    let near = |from: i32, to: i32| {
        from + (to - from).clamp(-RADIUS, RADIUS) / if (to - from).abs() < 2 * RADIUS { 2 } else { 1 }
    };
    Point { x: near(corner.x, other.x), y: near(corner.y, other.y) }
}
