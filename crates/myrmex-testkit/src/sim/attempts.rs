//! What the worker of a simulation does, and what must hold of that whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::address::Address;
use myrmex_model::id::{FencingToken, RunId};
use myrmex_runtime::worker::{Outcome, Report, Said};

use super::cache;
use super::network::Told;
use super::planted::Planted;
use super::worker::Hands;
use super::world::World;

/// What attempts did, of all workers.
#[derive(Default)]
pub(super) struct Attempts {
    /// Those that began.
    pub(super) started: BTreeSet<FencingToken>,
    /// Those that left no doubt about what they did.
    pub(super) produced: BTreeSet<FencingToken>,
    /// Those whose worker died.
    pub(super) dead: BTreeSet<FencingToken>,
    /// The last attempts of tasks that may be done only once.
    once: BTreeMap<(RunId, Address), FencingToken>,
}

impl Attempts {
    /// Notes that a worker dies with what it has.
    pub(super) fn note_death(&mut self, hands: &Hands) {
        self.dead.extend(self.started.iter().filter(|token| hands.has(**token)));
    }
}

impl World {
    /// The worker reads one word, if the network brings it.
    pub(super) fn read(&mut self) {
        let now = self.now();
        let Some(process) = &mut self.process else { return };
        let told = process.network.read(&mut self.random, &mut self.counts.traffic);
        let Some(told) = told else { return };
        if let Told::Assign(assignment) = &told {
            let (token, key) = (assignment.token, (assignment.run, assignment.task.clone()));
            let text = assignment.task.to_string();
            let overlaps = process.hands.running().any(|open| (open.run, &open.task) == (key.0, &key.1));
            let before = FencingToken(token.0 - 1);
            let log = self.partitions.log_of(key.0);
            let grants = self.disk.reader().grants(log, before, 1).unwrap_or_default();
            let is_durable = grants.first().is_some_and(|grant| grant.token == token);
            if !is_durable {
                self.breaches.push(format!("`{text}` begins before its grant is durable"));
            }
            if overlaps {
                self.breaches.push(format!("`{text}` begins while another attempt of it runs"));
            }
            if !self.attempts.started.insert(token) {
                self.breaches.push(format!("token {token} begins twice"));
            }
            let is_once = text.rsplit('/').next().is_some_and(|name| name.starts_with("once"));
            if is_once
                && let Some(earlier) = self.attempts.once.insert(key, token)
                && !self.attempts.produced.contains(&earlier)
            {
                self.breaches.push(format!("`{text}` is repeated though what its attempt did is unknown"));
            }
            if process.hands.running().count() >= process.slots {
                self.breaches.push(format!("`{text}` begins though all places are taken"));
            }
            self.counts.attempts += 1;
            if self.planted == Some(Planted::AssignedTwice) && self.random.permille(50) {
                process.network.line.put(Told::Assign(assignment.clone()));
            }
        }
        let found = match &told {
            Told::Assign(assignment) => cache::find(self.disk.reader().as_ref(), &self.namespace, assignment),
            Told::Stop(_) | Told::StopAll | Told::Acknowledge(_) | Told::Forget | Told::Recount => None,
        };
        self.counts.taken_over += u64::from(found.is_some());
        let said = process.hands.obey(told, found, now);
        process.network.say(said);
    }

    /// The partitions hear one word, if the network brings it.
    pub(super) fn hear(&mut self) {
        let Some(process) = &mut self.process else { return };
        if let Some(said) = process.network.hear(&mut self.random, &mut self.counts.traffic) {
            self.weather.keep(&said);
            process.partitions.ear().hear(said);
        }
    }

    /// The worker finds itself connected again, and says again what it has kept.
    pub(super) fn reconnect(&mut self) {
        if let Some(process) = self.process.as_mut().filter(|_| self.planted != Some(Planted::BreakUnnoticed))
        {
            process.network.say(process.hands.say_again());
        }
    }

    pub(super) fn end(&mut self, token: FencingToken) {
        let now = self.now();
        let Some(process) = &mut self.process else { return };
        if let Some(report) = process.hands.end(token, now) {
            process.network.say([Said::Report(Box::new(report.clone()))]);
            let run = self.disk.reader().summary(&self.namespace, report.run).ok().flatten();
            if run.is_none_or(|run| run.status.is_terminal()) {
                self.breaches.push(format!("an attempt of `{}` outlives its run", report.task));
            }
            if is_known(&report) {
                self.attempts.produced.insert(token);
            }
        }
    }
}

/// Whether a report leaves no doubt about what its attempt did.
pub(super) fn is_known(report: &Report) -> bool {
    match &report.outcome {
        Outcome::Produced { .. } | Outcome::TakenOver { .. } => true,
        Outcome::Ended(report) => matches!(report.end, myrmex_model::outcome::AttemptEnd::Failed { .. }),
    }
}
