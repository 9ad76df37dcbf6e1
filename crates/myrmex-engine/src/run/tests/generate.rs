//! Definitions and luck drawn from bytes. When the bytes run out every draw is the first choice, which is always the one
//! that leads to an end, so fewer bytes make a simpler case.

use myrmex_model::effect::{CatchChoice, Evaluation, Question};
use myrmex_model::event::{Limit, NotBefore};
use myrmex_model::ir::{AwaitKind, Body, Gate, GateDecision, Holds, Join, Node, Rest, Tolerance};
use myrmex_model::outcome::Outcome;
use myrmex_model::time::{Length, Timestamp};

use super::build::{
    Need, Spec, Then, approval, awaiting, call, catch, choose, computed_task, detached_call, each, flow,
    graph, listener, name, raise, task, timer, value,
};
use super::host::{Answer, fault, list, map, plain_answer, value_hash};

/// Draws choices from bytes.
#[derive(Debug, Clone)]
pub(super) struct Chooser {
    bytes: Vec<u8>,
    at: usize,
    /// Whether tasks wait for people too.
    has_people: bool,
}

impl Chooser {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, has_people: false }
    }

    /// Draws tasks that wait for people, or for a message, too.
    pub(super) fn with_people(self) -> Self {
        Self { has_people: true, ..self }
    }

    /// Draws a number below `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % count.max(1)
    }

    /// Draws true in one of `times` cases.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// Draws an answer to a question about `node`.
    pub(super) fn answer(&mut self, node: &Node, question: &Question, now: Timestamp) -> Answer {
        if matches!(question, Question::Lag { .. }) {
            return Ok(plain_answer(node, question, now));
        }
        if self.one_in(24) {
            return Err(fault("no value"));
        }
        if *question == Question::Begin && node.guard.is_some() && self.one_in(3) {
            return Ok(Evaluation::Skip);
        }
        Ok(match (question, &node.body) {
            (Question::Key, _) => Evaluation::Key(None),
            (Question::MayBegin, _) => Evaluation::MayBegin(match self.below(4) {
                0 | 1 => None,
                2 => Some((now.after(Length(30)), NotBefore::Window)),
                _ => Some((now.after(Length(400)), NotBefore::Calendar(name("office")))),
            }),
            (Question::Retry { .. }, _) => Evaluation::Retry(self.below(3) > 0),
            (Question::Begin, Body::Value(_)) => {
                let vars = self.one_in(3).then(|| value_hash("{\"v\":1}"));
                Evaluation::Value { output: value_hash("\"value\""), vars }
            }
            (Question::Begin, Body::Timer(_)) => {
                Evaluation::Due(now.after(Length([0, 5, 500][self.below(3)])))
            }
            (Question::Begin, Body::Choose(body)) => {
                // The first case leads on; a jump back needs luck, which runs out.
                let case = self.below(body.cases.len() + 1);
                Evaluation::Case(u32::try_from(case).ok().filter(|case| (*case as usize) < body.cases.len()))
            }
            (Question::Begin, Body::Each(_)) => match self.below(4) {
                0 => list(0),
                1 => list(3),
                2 => list(u32::try_from(self.below(6)).unwrap()),
                _ => map(&["eu", "a/b", "x[1]"]),
            },
            (Question::Round { .. }, _) => Evaluation::Round(self.below(3) > 0),
            (Question::Catch { candidates, .. }, _) => {
                let handler = candidates.get(self.below(candidates.len() + 1)).copied();
                let may_retry = self.below(3) > 0;
                Evaluation::Catch(handler.map(|handler| CatchChoice { handler, may_retry }))
            }
            (
                Question::Begin
                | Question::Output { .. }
                | Question::Answered
                | Question::ScopeOutput
                | Question::Lag { .. },
                _,
            ) => plain_answer(node, question, now),
        })
    }

    /// Draws a definition's root scope.
    pub(super) fn root(&mut self) -> Spec {
        let mut left = 4 + self.below(24);
        let spec = if self.one_in(3) {
            flow("root", self.flow_children(&mut left, 0))
        } else {
            self.graph("root", &mut left, 0)
        };
        let spec = if self.one_in(3) { spec.computed() } else { spec };
        let spec = if self.one_in(4) { spec.limit(Limit::Total, 300) } else { spec };
        self.follow(spec, &mut left, 0)
    }

    /// Draws the root of a project: one graph.
    pub(super) fn project(&mut self) -> Spec {
        let mut left = 4 + self.below(24);
        self.graph("root", &mut left, 0)
    }

    fn graph(&mut self, name: &str, left: &mut usize, depth: usize) -> Spec {
        let mut children = Vec::new();
        for index in 0..=self.below(6) {
            let mut child = self.child(&format!("t{index}"), left, depth);
            for earlier in &children {
                if self.one_in(2) {
                    child.needs.push(self.need(earlier));
                    if self.one_in(8) {
                        child.needs.push(self.need(earlier));
                    }
                }
            }
            child.join = match self.below(5) {
                0..=2 => Join::All,
                3 => Join::AllLive,
                _ => Join::First(u32::try_from(self.below(4)).unwrap()),
            };
            if matches!(child.join, Join::First(_)) && self.one_in(2) {
                child = child.cancelling_late();
            }
            children.push(child);
        }
        let mut spec = graph(name, children);
        if self.one_in(3) {
            spec = spec.parallel(u32::try_from(self.below(4)).unwrap());
        }
        let spec = if self.one_in(4) { spec.failing_fast() } else { spec };
        self.complete(spec)
    }

    fn need(&mut self, from: &Spec) -> Need {
        let all = [
            vec![Outcome::Succeeded],
            vec![Outcome::Succeeded, Outcome::Failed, Outcome::Skipped],
            vec![Outcome::Failed],
            vec![Outcome::Started],
            vec![Outcome::Skipped, Outcome::Succeeded],
            vec![Outcome::Started, Outcome::Failed],
        ];
        let on = myrmex_model::outcome::OutcomeSet::of(&all[self.below(all.len())]);
        let lag_ms = if self.one_in(5) { 1 + self.below(300) as u64 } else { 0 };
        let cases = match &from.what {
            super::build::What::Choose(_) if self.one_in(2) => vec![u32::try_from(self.below(3)).unwrap()],
            _ => Vec::new(),
        };
        // Only those that wait for people have what only projects have.
        let holds = if self.has_people && self.one_in(4) { Holds::End } else { Holds::Begin };
        let is_working = self.has_people && self.one_in(2);
        Need { from: from.name.clone(), on, cases, lag_ms, is_working, holds }
    }

    fn flow_children(&mut self, left: &mut usize, depth: usize) -> Vec<Spec> {
        let count = self.below(5);
        let mut children: Vec<Spec> =
            (0..count).map(|index| self.child(&format!("f{index}"), left, depth)).collect();
        let last = format!("f{}", count.saturating_sub(1));
        for child in &mut children {
            child.then = match self.below(12) {
                9 => Then::Exit,
                10 => Then::End,
                11 if child.name != last => Then::Goto(last.clone()),
                _ => Then::Continue,
            };
        }
        if self.one_in(2) && count > 0 {
            let back = Then::Goto(format!("f{}", self.below(count)));
            let cases = vec![Then::Continue, back, [Then::Exit, Then::End][self.below(2)].clone()];
            children.push(choose("again", cases));
            children.push(value("last"));
        }
        children
    }

    fn child(&mut self, name: &str, left: &mut usize, depth: usize) -> Spec {
        *left = left.saturating_sub(1);
        let kinds = if depth < 3 && *left > 0 { 14 } else { 9 };
        let mut spec = match self.below(kinds) {
            1..=5 if self.has_people && self.one_in(2) => self.awaiting(name),
            0 | 1 => task(name),
            2 => computed_task(name),
            3 => task(name).declared(),
            4 => value(name),
            5 => timer(name),
            6 => choose(name, vec![Then::Continue; 3]),
            7 => raise(name),
            8 if self.one_in(4) => detached_call(name),
            8 => call(name),
            9 => graph_named(self, name, left, depth),
            10 | 11 => self.flow_named(name, left, depth),
            _ => {
                let body = self.child(name, left, depth + 1);
                // The address of an item has room for one key, so a `for_each` is not the body of another.
                let body =
                    if matches!(body.what, super::build::What::Each { .. }) { task(name) } else { body };
                let spec = each(name, body);
                let spec =
                    if self.one_in(2) { spec.parallel(u32::try_from(self.below(3)).unwrap()) } else { spec };
                let spec = if self.one_in(3) { spec.failing_fast() } else { spec };
                let spec = match self.below(6) {
                    4 => spec.tolerating(Tolerance::Count(u32::try_from(self.below(3)).unwrap())),
                    5 => spec.tolerating(Tolerance::Percent([50, 90][self.below(2)])),
                    _ => spec,
                };
                self.complete(spec)
            }
        };
        if self.one_in(4) {
            spec = spec.guarded();
        }
        if spec.is_scope() && self.one_in(4) {
            spec = spec.bound();
        }
        if self.one_in(3) {
            let retries = u32::try_from(self.below(3)).unwrap();
            let pause = [0, 10, 200][self.below(3)];
            spec =
                if self.one_in(2) { spec.retried_when(retries, pause) } else { spec.retried(retries, pause) };
        }
        if self.one_in(5) {
            let limit = Limit::ALL[self.below(3)];
            spec = spec.limit(limit, [5, 100][self.below(2)]);
        }
        if self.one_in(6) {
            spec = spec.once();
        }
        if self.one_in(5) {
            spec = spec.pooled(1);
        }
        if self.has_people && self.one_in(5) {
            spec = spec.dated();
        }
        self.follow(spec, left, depth)
    }

    /// Draws a task that waits for people, or for a message.
    fn awaiting(&mut self, name: &str) -> Spec {
        let spec = match self.below(7) {
            0 => awaiting(name, AwaitKind::Manual),
            1 => awaiting(name, AwaitKind::Form),
            2 => approval(name, 1),
            3 => approval(name, 2),
            4 => awaiting(name, AwaitKind::Gate(Box::new(gate()))),
            5 => listener(name, "go"),
            _ => listener(name, "stop"),
        };
        if self.one_in(3) { spec.expiring([5, 100][self.below(2)]) } else { spec }
    }

    /// Draws a flow, which may go round.
    fn flow_named(&mut self, name: &str, left: &mut usize, depth: usize) -> Spec {
        let spec = flow(name, self.flow_children(left, depth + 1));
        let spec = if self.one_in(2) { spec.last() } else { spec };
        let most = u32::try_from(self.below(4)).unwrap();
        match self.below(4) {
            2 => spec.repeated_while(most),
            3 => spec.repeated_until(most),
            _ => spec,
        }
    }

    /// Draws when enough of a scope has succeeded.
    fn complete(&mut self, spec: Spec) -> Spec {
        if !self.one_in(4) {
            return spec;
        }
        let count = 1 + u32::try_from(self.below(3)).unwrap();
        spec.first(count, [Rest::Cancel, Rest::Ignore, Rest::Run][self.below(3)])
    }

    /// Draws what follows a node.
    fn follow(&mut self, mut spec: Spec, left: &mut usize, depth: usize) -> Spec {
        if !self.one_in(4) || *left == 0 {
            return spec;
        }
        for _ in 0..self.below(3) {
            let mut taken = catch(self.child("h", left, depth + 1));
            if self.one_in(3) {
                taken = taken.of_kind(["runtime", "timeout"][self.below(2)]);
            }
            if self.one_in(2) {
                taken = taken.when();
            }
            if self.one_in(2) {
                taken = taken.retried(1 + u32::try_from(self.below(2)).unwrap(), [0, 10][self.below(2)]);
            }
            spec = spec.catching(taken);
        }
        if self.one_in(3) {
            spec = spec.on_failure(self.child("h", left, depth + 1));
        }
        if self.one_in(2) {
            spec = spec.finally(self.child("h", left, depth + 1));
        }
        if self.one_in(3) { spec.continuing() } else { spec }
    }
}

/// A gate at which everything can be decided.
pub(super) fn gate() -> Gate {
    Gate { decisions: GateDecision::ALL.to_vec(), ..Gate::default() }
}

fn graph_named(chooser: &mut Chooser, name: &str, left: &mut usize, depth: usize) -> Spec {
    let spec = chooser.graph(name, left, depth + 1);
    if chooser.one_in(2) { spec.computed() } else { spec }
}
