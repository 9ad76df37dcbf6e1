//! Finds cycles in a graph and names the whole of each.

use std::collections::VecDeque;

use super::{Link, Origin};
use crate::codes;
use crate::outline::Scope;
use crate::report::Report;

/// The most tasks of a cycle that a message names one by one.
const SHOWN_MAX: usize = 20;

/// Reports one shortest cycle of each knot of tasks that depend on each other. Returns whether there is any.
pub(super) fn check(scope: &Scope, links: &[Link], report: &mut Report) -> bool {
    let incoming = incoming(scope.tasks.len(), links);
    let knots = knots(&incoming, links);
    for knot in &knots {
        if let Some(cycle) = shortest_cycle(knot, &incoming, links) {
            report_cycle(scope, &cycle, report);
        }
    }
    !knots.is_empty()
}

/// For each task, the places in `links` of those that enter it.
fn incoming(count: usize, links: &[Link]) -> Vec<Vec<usize>> {
    let mut incoming = vec![Vec::new(); count];
    for (index, link) in links.iter().enumerate() {
        incoming[link.to as usize].push(index);
    }
    incoming
}

/// Returns the strongly connected components of more than one task (Tarjan, without recursion), each sorted.
fn knots(incoming: &[Vec<usize>], links: &[Link]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let count = incoming.len();
    let (mut order, mut low, mut is_open) = (vec![NEW; count], vec![0; count], vec![false; count]);
    let (mut open, mut next, mut knots) = (Vec::new(), 0, Vec::new());
    for start in 0..count {
        if order[start] != NEW {
            continue;
        }
        let mut path = vec![(start, 0)];
        while let Some((task, edge)) = path.last_mut() {
            let task = *task;
            if *edge == 0 {
                (order[task], low[task]) = (next, next);
                next += 1;
                open.push(task);
                is_open[task] = true;
            }
            if let Some(link) = incoming[task].get(*edge) {
                *edge += 1;
                let other = links[*link].from as usize;
                if order[other] == NEW {
                    path.push((other, 0));
                } else if is_open[other] {
                    low[task] = low[task].min(order[other]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[task]);
            }
            if low[task] == order[task] {
                let from = open.iter().rposition(|member| *member == task).unwrap_or(0);
                let mut members = open.split_off(from);
                for member in &members {
                    is_open[*member] = false;
                }
                members.sort_unstable();
                if members.len() > 1 {
                    knots.push(members);
                }
            }
        }
    }
    knots.sort();
    knots
}

/// Returns the links of a shortest cycle through the first task of a knot; each leads from what is needed to what
/// needs it, and the first enters that task.
fn shortest_cycle<'l>(knot: &[usize], incoming: &[Vec<usize>], links: &'l [Link]) -> Option<Vec<&'l Link>> {
    let first = *knot.first()?;
    let mut reached_by: Vec<Option<usize>> = vec![None; knot.len()];
    let mut queue = VecDeque::from([first]);
    while let Some(task) = queue.pop_front() {
        for link in &incoming[task] {
            let other = links[*link].from as usize;
            let Ok(member) = knot.binary_search(&other) else { continue };
            if reached_by[member].is_some() {
                continue;
            }
            reached_by[member] = Some(*link);
            if other == first {
                return Some(path_back(first, knot, &reached_by, links));
            }
            queue.push_back(other);
        }
    }
    None
}

fn path_back<'l>(
    first: usize,
    knot: &[usize],
    reached_by: &[Option<usize>],
    links: &'l [Link],
) -> Vec<&'l Link> {
    let (mut path, mut at) = (Vec::new(), first);
    while let Some(link) = knot.binary_search(&at).ok().and_then(|member| reached_by[member]) {
        path.push(&links[link]);
        at = links[link].to as usize;
        if at == first {
            break;
        }
    }
    path.reverse();
    path
}

fn report_cycle(scope: &Scope, cycle: &[&Link], report: &mut Report) {
    let name = |index: u32| scope.tasks[index as usize].name.value.as_str();
    let mut names: Vec<&str> = cycle.iter().map(|link| name(link.to)).collect();
    let total = names.len();
    names.truncate(SHOWN_MAX);
    names.extend((total > SHOWN_MAX).then_some("…"));
    names.extend(cycle.first().map(|link| name(link.to)));
    let Some((first, rest)) = cycle.split_first() else { return };
    let message = format!("dependency cycle between tasks: {}", names.join(" -> "));
    let mut diagnostic = report.error(codes::CYCLE, first.place, message).with_label(label(first, &name));
    for link in rest.iter().take(SHOWN_MAX) {
        diagnostic = diagnostic.with_related(report.span(link.place), label(link, &name));
    }
    report.push(diagnostic.with_hint("remove one of these dependencies"));
}

fn label<'o>(link: &Link, name: &impl Fn(u32) -> &'o str) -> String {
    let (to, from) = (name(link.to), name(link.from));
    match link.origin {
        Origin::Needs => format!("`{to}` needs `{from}`"),
        Origin::Reference => format!("`{to}` refers to `{from}`"),
        Origin::Case => format!("`{from}` goes on to `{to}`"),
    }
}
