//! Where the boxes of one scope lie: in layers, such that every line goes down, and no two share a pixel.
//!
//! Which layer a box is in follows from the longest path to it. A line over several layers is given a place in each of them, so
//! that it passes between the boxes. The order in a layer and the places across come from rust-sugiyama; what it gives is
//! swept once more, so that boxes keep apart whatever it says. It is not asked for very large scopes.

use std::collections::{BTreeMap, BTreeSet};

use rust_sugiyama::configure::{Config, CrossingMinimization, RankingType};

use super::route::{Point, Rect, Route, Size};

/// The room between two boxes of a layer, in pixels.
const BESIDE: i32 = 28;

/// The least room between two layers.
const BETWEEN: i32 = 38;

/// The least room between two layers with a label in it.
const BETWEEN_LABELLED: i32 = 64;

/// The most room that is added where lines go far across.
const BETWEEN_MORE_MAX: i32 = 60;

/// How wide the place of a line in a layer is.
const LINE_WIDTH: i32 = 4;

/// The room between two lines that go around, and before the first.
const LANE: i32 = 12;

/// The least width at which components are put below each other.
const ROW_WIDTH_MIN: i32 = 760;

/// The most places of one component that rust-sugiyama is asked about: so many take it a few tenths of a second.
const PLACES_MAX: usize = 2_500;

/// The most places up to which it also tries to swap neighbours, which takes time that grows fast.
const SWAPPED_MAX: usize = 150;

/// A box to be placed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) size: Size,
    /// Whether it may be made as high as the others of its layer.
    pub(super) can_grow: bool,
}

/// A line to be placed, between two boxes by their numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) is_back: bool,
    /// How large its label is.
    pub(super) label: Option<Size>,
}

/// Where everything lies, from the top left of the scope.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) size: Size,
    /// Of each box.
    pub(super) boxes: Vec<Rect>,
    /// Of each link.
    pub(super) routes: Vec<Route>,
}

/// Places the boxes of a scope. Links that are not marked as leading back make no cycle.
pub(super) fn place(bodies: &[Body], links: &[Link]) -> Placed {
    let origin = Point { x: 0, y: 0 };
    let mut placed = Placed {
        size: Size { width: 0, height: 0 },
        boxes: bodies.iter().map(|body| Rect { at: origin, size: body.size }).collect(),
        routes: links.iter().map(|_| Route::new(origin)).collect(),
    };
    let groups = components(bodies.len(), links);
    let layers = layers(bodies.len(), links);
    let mut sizes = Vec::with_capacity(groups.len());
    for group in &groups {
        sizes.push(Component::new(bodies, links, group, &layers).place(&mut placed));
    }
    let corners = shelves(&sizes);
    for ((group, size), corner) in groups.iter().zip(&sizes).zip(corners) {
        for body in &group.boxes {
            placed.boxes[*body] = placed.boxes[*body].moved(corner);
        }
        for link in &group.links {
            placed.routes[*link].move_by(corner);
        }
        placed.size.width = placed.size.width.max(corner.x + size.width);
        placed.size.height = placed.size.height.max(corner.y + size.height);
    }
    placed
}

/// Boxes that hang together, and the links between them.
#[derive(Debug, Default)]
struct Group {
    boxes: Vec<usize>,
    links: Vec<usize>,
}

/// Finds what hangs together, in the order of the first boxes.
fn components(count: usize, links: &[Link]) -> Vec<Group> {
    let mut leaders: Vec<usize> = (0..count).collect();
    for link in links {
        let (one, other) = (leader(&mut leaders, link.from), leader(&mut leaders, link.to));
        // The first box of a component leads it.
        leaders[one.max(other)] = one.min(other);
    }
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    for body in 0..count {
        groups.entry(leader(&mut leaders, body)).or_default().boxes.push(body);
    }
    for (number, link) in links.iter().enumerate() {
        groups.entry(leader(&mut leaders, link.from)).or_default().links.push(number);
    }
    groups.into_values().collect()
}

/// Returns the first box of what a box hangs together with, as far as that is known.
fn leader(leaders: &mut [usize], mut of: usize) -> usize {
    while leaders[of] != of {
        leaders[of] = leaders[leaders[of]];
        of = leaders[of];
    }
    of
}

/// Returns the layer of each box: how many links the longest path to it has.
fn layers(count: usize, links: &[Link]) -> Vec<usize> {
    let (mut targets, mut left) = (vec![Vec::new(); count], vec![0_usize; count]);
    for link in links.iter().filter(|link| !link.is_back) {
        targets[link.from].push(link.to);
        left[link.to] += 1;
    }
    let mut layers = vec![0; count];
    let mut open: Vec<usize> = (0..count).filter(|body| left[*body] == 0).collect();
    while let Some(body) = open.pop() {
        for target in &targets[body] {
            layers[*target] = layers[*target].max(layers[body] + 1);
            left[*target] -= 1;
            if left[*target] == 0 {
                open.push(*target);
            }
        }
    }
    layers
}

/// Returns the corners of parts that are put beside each other, and below where a row is full.
fn shelves(sizes: &[Size]) -> Vec<Point> {
    let area: i64 =
        sizes.iter().map(|size| i64::from(size.width + BESIDE) * i64::from(size.height + BESIDE)).sum();
    let wide = i32::try_from((area * 8 / 5).isqrt()).unwrap_or(i32::MAX);
    let widest = sizes.iter().map(|size| size.width).max().unwrap_or(0);
    let row_width = widest.max(wide).max(ROW_WIDTH_MIN);
    let (mut corners, mut next, mut below) = (Vec::with_capacity(sizes.len()), Point { x: 0, y: 0 }, 0);
    for size in sizes {
        if next.x > 0 && next.x + size.width > row_width {
            next = Point { x: 0, y: below + BESIDE };
        }
        corners.push(next);
        next.x += size.width + BESIDE;
        below = below.max(next.y + size.height);
    }
    corners
}

/// A place in a layer: a box, or a line that passes.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The box, or the one that the line leaves.
    body: usize,
    is_line: bool,
    layer: usize,
    width: i32,
    /// Where its middle is.
    x: i32,
}

/// What hangs together, while it is placed.
struct Component<'a> {
    bodies: &'a [Body],
    links: &'a [Link],
    group: &'a Group,
    layer_of: &'a [usize],
    slots: Vec<Slot>,
    /// The slot of each box.
    slot_of: BTreeMap<usize, usize>,
    /// The slots of the line that leaves a box, one for each layer below it.
    lines: BTreeMap<usize, Vec<usize>>,
    /// The links that go around all boxes: those that lead back, and the long ones if there is no room for them between.
    around: BTreeSet<usize>,
    /// The slots of each layer, from the left.
    layers: Vec<Vec<usize>>,
}

impl<'a> Component<'a> {
    fn new(bodies: &'a [Body], links: &'a [Link], group: &'a Group, layer_of: &'a [usize]) -> Self {
        let mut component = Self {
            bodies,
            links,
            group,
            layer_of,
            slots: Vec::new(),
            slot_of: BTreeMap::new(),
            lines: BTreeMap::new(),
            around: BTreeSet::new(),
            layers: Vec::new(),
        };
        component.fill();
        component
    }

    fn forward(&self) -> impl Iterator<Item = (usize, &'a Link)> {
        let (links, group) = (self.links, self.group);
        group.links.iter().map(|number| (*number, &links[*number])).filter(|(_, link)| !link.is_back)
    }

    /// Makes the slots of all boxes and of the lines between them.
    fn fill(&mut self) {
        let depth = self.group.boxes.iter().map(|body| self.layer_of[*body] + 1).max().unwrap_or(0);
        self.layers = vec![Vec::new(); depth];
        for body in &self.group.boxes {
            let (layer, width) = (self.layer_of[*body], self.bodies[*body].size.width);
            let slot = self.add(Slot { body: *body, is_line: false, layer, width, x: 0 });
            self.slot_of.insert(*body, slot);
        }
        let mut ends: BTreeMap<usize, usize> = BTreeMap::new();
        for (_, link) in self.forward() {
            let end = ends.entry(link.from).or_default();
            *end = (*end).max(self.layer_of[link.to]);
        }
        let passed: usize = ends.iter().map(|(from, end)| end - self.layer_of[*from] - 1).sum();
        let is_crowded = self.group.boxes.len() + passed > PLACES_MAX;
        for number in &self.group.links {
            let link = &self.links[*number];
            let is_long = link.is_back || self.layer_of[link.to] > self.layer_of[link.from] + 1;
            if link.is_back || (is_crowded && is_long) {
                self.around.insert(*number);
            }
        }
        if is_crowded {
            return;
        }
        for (from, end) in ends {
            for layer in self.layer_of[from] + 1..end {
                let slot = self.add(Slot { body: from, is_line: true, layer, width: LINE_WIDTH, x: 0 });
                self.lines.entry(from).or_default().push(slot);
            }
        }
    }

    fn add(&mut self, slot: Slot) -> usize {
        self.layers[slot.layer].push(self.slots.len());
        self.slots.push(slot);
        self.slots.len() - 1
    }

    /// Returns the slots that a link passes, from that of its box to that of the one it enters.
    fn way(&self, link: &Link) -> Vec<usize> {
        let between = self.layer_of[link.to] - self.layer_of[link.from] - 1;
        let passed = self.lines.get(&link.from).into_iter().flatten().take(between).copied();
        [self.slot_of[&link.from]].into_iter().chain(passed).chain([self.slot_of[&link.to]]).collect()
    }

    fn ways(&self) -> Vec<(usize, Vec<usize>)> {
        let direct = self.forward().filter(|(number, _)| !self.around.contains(number));
        direct.map(|(number, link)| (number, self.way(link))).collect()
    }

    /// Places all of it and returns how large it is.
    fn place(mut self, placed: &mut Placed) -> Size {
        let ways = self.ways();
        self.across(&ways);
        let mut size = self.down(&ways, placed);
        // Labels may reach out to the left.
        let labels = self.group.links.iter().filter_map(|link| placed.routes[*link].label);
        let (mut left, mut right) = (0, size.width);
        for label in labels {
            (left, right) = (left.min(label.at.x), right.max(label.right()));
        }
        if left < 0 {
            let by = Point { x: -left, y: 0 };
            for body in &self.group.boxes {
                placed.boxes[*body] = placed.boxes[*body].moved(by);
            }
            for link in &self.group.links {
                placed.routes[*link].move_by(by);
            }
        }
        size.width = right - left;
        size
    }

    /// Decides where every slot lies across, from 0 at the left.
    fn across(&mut self, ways: &[(usize, Vec<usize>)]) {
        if self.slots.len() <= PLACES_MAX {
            self.ask(ways);
        } else {
            self.spread(ways);
        }
        for layer in &mut self.layers {
            layer.sort_by_key(|slot| (self.slots[*slot].x, *slot));
            let mut free = i32::MIN;
            for slot in layer {
                let slot = &mut self.slots[*slot];
                slot.x = slot.x.max(free.saturating_add(slot.width / 2));
                free = slot.x - slot.width / 2 + slot.width + BESIDE;
            }
        }
        if self.is_mirrored() {
            for slot in &mut self.slots {
                // The middle of an odd width is nearer to its left end.
                slot.x = -(slot.x + slot.width % 2);
            }
        }
        let left = self.slots.iter().map(|slot| slot.x - slot.width / 2).min().unwrap_or(0);
        for slot in &mut self.slots {
            slot.x -= left;
        }
    }

    /// Whether more neighbours stand against the author's order than in it: people read from the left.
    fn is_mirrored(&self) -> bool {
        let boxes = |layer: &Vec<usize>| -> Vec<usize> {
            let own = layer.iter().map(|slot| &self.slots[*slot]).filter(|slot| !slot.is_line);
            own.map(|slot| slot.body).collect()
        };
        let bodies: Vec<Vec<usize>> = self.layers.iter().map(boxes).collect();
        let pairs = || bodies.iter().flat_map(|layer| layer.windows(2));
        pairs().filter(|pair| pair[0] > pair[1]).count() > pairs().filter(|pair| pair[0] < pair[1]).count()
    }

    /// Asks rust-sugiyama. All links lead from one layer to the next, so the layers are those that we chose.
    fn ask(&mut self, ways: &[(usize, Vec<usize>)]) {
        let id = |slot: usize| u32::try_from(slot).expect("there are few slots");
        let vertices: Vec<(u32, (f64, f64))> = (0..self.slots.len())
            .map(|slot| (id(slot), (f64::from(self.slots[slot].width), f64::from(BESIDE))))
            .collect();
        let mut edges: Vec<(u32, u32)> =
            ways.iter().flat_map(|(_, way)| way.windows(2)).map(|pair| (id(pair[0]), id(pair[1]))).collect();
        edges.sort_unstable();
        edges.dedup();
        let config = Config {
            minimum_length: 1,
            vertex_spacing: f64::from(BESIDE),
            dummy_vertices: true,
            dummy_size: 1.0,
            ranking_type: RankingType::Up,
            c_minimization: CrossingMinimization::Barycenter,
            transpose: self.slots.len() <= SWAPPED_MAX,
        };
        let mut offset = 0.0;
        // A component stays one here unless it is held together by links that go around.
        for (places, width, _) in rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config) {
            let left = places
                .iter()
                .map(|(slot, (x, _))| x - f64::from(self.slots[*slot].width) / 2.0)
                .fold(f64::INFINITY, f64::min);
            for (slot, (x, _)) in places {
                // Far below the largest i32: there are few slots of bounded width.
                #[expect(clippy::cast_possible_truncation, reason = "a place in a drawing is a small number")]
                let x = (x - left + offset).round() as i32;
                self.slots[slot].x = x;
            }
            offset += width + f64::from(BESIDE);
        }
    }

    /// Puts the slots of a layer beside each other, below the middle of what leads to them.
    fn spread(&mut self, ways: &[(usize, Vec<usize>)]) {
        let mut above: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for pair in ways.iter().flat_map(|(_, way)| way.windows(2)) {
            above.entry(pair[1]).or_default().push(pair[0]);
        }
        for index in 0..self.layers.len() {
            let middle = |slot: usize| {
                let above = above.get(&slot)?;
                let sum: i64 = above.iter().map(|slot| i64::from(self.slots[*slot].x)).sum();
                Some(sum / i64::try_from(above.len()).unwrap_or(i64::MAX))
            };
            let mut order: Vec<(i64, usize)> =
                self.layers[index].iter().map(|slot| (middle(*slot).unwrap_or(0), *slot)).collect();
            order.sort_unstable();
            let width: i32 = order.iter().map(|(_, slot)| self.slots[*slot].width + BESIDE).sum();
            let mut x = -width / 2;
            for (_, slot) in order {
                let slot = &mut self.slots[slot];
                slot.x = x + slot.width / 2;
                x += slot.width + BESIDE;
            }
        }
    }

    /// Decides where every layer lies, and with that every box and line; returns how large all of it is.
    fn down(&self, ways: &[(usize, Vec<usize>)], placed: &mut Placed) -> Size {
        let room = |is_needed: bool| if is_needed { BETWEEN } else { 0 };
        let links = || self.around.iter().map(|number| &self.links[*number]);
        let above = room(links().any(|link| self.layer_of[link.to] == 0));
        let below = room(links().any(|link| self.layer_of[link.from] + 1 == self.layers.len()));
        let mut tops = Vec::with_capacity(self.layers.len());
        let gaps = self.gaps(ways);
        let mut y = above;
        for (layer, gap) in self.layers.iter().zip(gaps) {
            let own = |slot: &&usize| !self.slots[**slot].is_line;
            let height_of = |slot: &usize| self.bodies[self.slots[*slot].body].size.height;
            let height = layer.iter().filter(own).map(height_of).max().unwrap_or(0);
            let grows = |slot: &&usize| self.bodies[self.slots[**slot].body].can_grow;
            let stretched = layer.iter().filter(own).filter(grows).map(height_of).max().unwrap_or(0);
            for slot in layer.iter().filter(own) {
                let (slot, body) = (&self.slots[*slot], &mut placed.boxes[self.slots[*slot].body]);
                if self.bodies[slot.body].can_grow {
                    body.size.height = stretched;
                }
                body.at = Point { x: slot.x - slot.width / 2, y: y + (height - body.size.height) / 2 };
            }
            tops.push((y, y + height));
            y += height + gap;
        }
        let height = tops.last().map_or(0, |(_, bottom)| *bottom) + below;
        let right = self.slots.iter().map(|slot| slot.x - slot.width / 2 + slot.width).max().unwrap_or(0);
        let mut labels: Vec<Rect> = Vec::new();
        for (number, way) in ways {
            placed.routes[*number] = self.line((*number, way), &tops, placed, &mut labels);
        }
        for (lane, number) in (1..).zip(&self.around) {
            let x = right + lane * LANE;
            placed.routes[*number] = self.lane(*number, x, &tops, placed);
        }
        let lanes = i32::try_from(self.around.len()).unwrap_or(i32::MAX);
        let lanes = if lanes == 0 { 0 } else { (lanes + 1) * LANE };
        Size { width: right + lanes, height }
    }

    /// Returns how much room there is below each layer.
    fn gaps(&self, ways: &[(usize, Vec<usize>)]) -> Vec<i32> {
        let mut gaps = vec![BETWEEN; self.layers.len()];
        for (number, way) in ways {
            let is_labelled = self.links[*number].label.is_some();
            for (index, pair) in way.windows(2).enumerate() {
                let (from, to) = (self.slots[pair[0]], self.slots[pair[1]]);
                let is_last = index + 2 == way.len();
                let least = if is_labelled && is_last { BETWEEN_LABELLED } else { BETWEEN };
                let far = ((from.x - to.x).abs() / 12).min(BETWEEN_MORE_MAX);
                gaps[from.layer] = gaps[from.layer].max(least).max(BETWEEN + far);
            }
        }
        gaps
    }

    /// Leads a line down from layer to layer.
    fn line(
        &self,
        (number, way): (usize, &[usize]),
        tops: &[(i32, i32)],
        placed: &Placed,
        labels: &mut Vec<Rect>,
    ) -> Route {
        let link = &self.links[number];
        let (from, to) = (placed.boxes[link.from], placed.boxes[link.to]);
        let mut route = Route::new(Point { x: from.middle(), y: from.bottom() });
        let (mut gap, mut end) = ((route.start, route.start), route.start.x);
        for slot in way {
            let slot = self.slots[*slot];
            let (top, bottom) = tops[slot.layer];
            let x = match (slot.is_line, route.end().x) {
                // Rounding leaves a line a pixel aside; there is room for it to go straight on.
                (_, before) if (slot.x - before).abs() <= LINE_WIDTH => before,
                (true, _) => slot.x,
                (false, _) => placed.boxes[slot.body].middle(),
            };
            end = x;
            if slot.layer > self.layer_of[link.from] {
                gap = (route.end(), Point { x, y: top });
                route.down(gap.1);
            }
            if slot.layer < self.layer_of[link.to] {
                route.line(Point { x, y: bottom });
            }
        }
        route.line(Point { x: end, y: to.at.y });
        route.label = link.label.map(|size| free_place(gap, size, labels));
        route
    }

    /// Leads a line around all boxes, at `x` to their right.
    fn lane(&self, number: usize, x: i32, tops: &[(i32, i32)], placed: &Placed) -> Route {
        let link = &self.links[number];
        let (from, to) = (placed.boxes[link.from], placed.boxes[link.to]);
        // Beside the lines that go down.
        let aside = |body: Rect| body.middle() + (body.size.width / 4).min(2 * LANE);
        let below = tops[self.layer_of[link.from]].1 + BETWEEN / 2;
        let above = tops[self.layer_of[link.to]].0 - BETWEEN / 2;
        let mut route = Route::new(Point { x: aside(from), y: from.bottom() });
        route.around(&[
            Point { x: aside(from), y: below },
            Point { x, y: below },
            Point { x, y: above },
            Point { x: aside(to), y: above },
            Point { x: aside(to), y: to.at.y },
        ]);
        route.label = link.label.map(|size| {
            let at = Point { x: x - size.width - LANE / 2, y: above - size.height / 2 };
            Rect { at, size }
        });
        route
    }
}

/// Finds a place for a label on the line through a gap that no other label has; the middle if all are taken.
fn free_place((from, to): (Point, Point), size: Size, labels: &mut Vec<Rect>) -> Rect {
    let height = to.y - from.y;
    let at = |percent: i32| {
        // The curve is at 3t²-2t³ across where it is about at t down; whole numbers keep it the same everywhere.
        let across = (3 * percent * percent * 100 - 2 * percent * percent * percent) / 10_000;
        let x = i32::try_from(i64::from(from.x) + i64::from(to.x - from.x) * i64::from(across) / 100)
            .unwrap_or(from.x);
        let y = from.y + height * percent / 100;
        Rect { at: Point { x: x - size.width / 2, y: y - size.height / 2 }, size }
    };
    let places = [50, 68, 32, 82, 18].map(at);
    let free = places.into_iter().find(|place| labels.iter().all(|label| !label.overlaps(*place)));
    let place = free.unwrap_or(places[0]);
    labels.push(place);
    place
}
