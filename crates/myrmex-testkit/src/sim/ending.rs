//! The end of a simulation: whether everything is over, and what is judged then.

use myrmex_model::ir::Definition;
use myrmex_model::status::Status;
use myrmex_runtime::partition::load_run;
use myrmex_store::RunSummary;
use myrmex_store::contract::Arrival;

use super::people::Client;
use super::random::mix_text;
use super::world::World;
use super::{cache, judge, laws, order, voices};

impl World {
    /// Judges what is durable when everything is over.
    pub(super) fn judge_end(&mut self) {
        self.count_thrift();
        let reader = self.disk.reader();
        let durable = judge::read(reader.as_ref(), (self.partitions, &self.disk.order()), &mut self.breaches);
        for log in self.partitions.logs() {
            judge::check_indexes(reader.as_ref(), log, &self.namespace, &mut self.breaches);
        }
        (self.counts.messages, self.counts.disk) = (self.disk.messages(), self.disk.trouble());
        let mut wrong = Vec::new();
        for token in &self.attempts.started {
            if !durable.tokens.contains(token) {
                wrong.push(format!("an attempt with token {token} ran that no journal knows"));
            }
        }
        for (run, journal) in &durable.runs {
            for (task, _, token) in judge::successes(journal) {
                if !self.attempts.produced.contains(&token) {
                    wrong.push(format!("run {run}: the success of `{task}` was produced by no attempt"));
                }
            }
            for origin in cache::origins(journal) {
                if !cache::is_success(origin, durable.runs.get(&origin.run)) {
                    wrong.push(cache::breach(*run, origin));
                }
            }
            wrong.extend(self.wishes.breaches(*run, journal));
            wrong.extend(self.voices.breaches(*run, journal));
            let source = (reader.as_ref(), &self.namespace);
            self.segments.check(source, (*run, journal), &self.attempts, &mut wrong);
            for (task, token) in laws::lost(journal) {
                if self.attempts.started.contains(&token) && !self.attempts.dead.contains(&token) {
                    wrong.push(format!("run {run}: `{task}` counts as lost, and its worker lived"));
                }
            }
            let workflow = durable.workflows.get(run);
            let named =
                |definition: &&Definition| Some(definition.name.as_str()) == workflow.map(String::as_str);
            if let Some(definition) = self.definitions.iter().find(named) {
                order::check(*run, journal, definition, &mut wrong);
                voices::check(*run, journal, definition, &mut wrong);
            }
            let has_snapshot = !matches!(reader.snapshot(&self.namespace, *run), Ok(None));
            if has_snapshot && judge::end_of(journal).is_some() {
                wrong.push(format!("run {run} is over and has a snapshot"));
            }
            self.counts.events += journal.len() as u64;
            self.counts.kinds.extend(journal.iter().map(|recorded| recorded.event.kind()));
            if judge::end_of(journal).is_none() {
                wrong.push(format!("run {run} is not over"));
            }
        }
        // A run that was not taken up when the others were has no place until it is, and holds nothing.
        if self.counts.disk.unread == 0 && self.counts.left_alone == 0 {
            wrong.extend(durable.overtaken.clone());
            laws::check_places(&durable.moves, &durable.workflows, &self.definitions, &mut wrong);
        }
        self.judge_clients(&durable, &mut wrong);
        self.breaches.extend(wrong);
        if let Some(process) = &self.process {
            for note in process.progress.take_notes() {
                self.trace = mix_text(self.trace, &note);
            }
        }
    }

    /// Judges what became of the runs whose start was acknowledged.
    fn judge_clients(&mut self, durable: &judge::Durable, wrong: &mut Vec<String>) {
        for client in &self.clients {
            let end = durable.runs.get(&client.run).and_then(|journal| judge::end_of(journal));
            match end {
                None => wrong.push(format!("run {} was acknowledged and is not there", client.run)),
                Some(end) if client.is_cancelled && end != Status::Cancelled => {
                    wrong.push(format!("run {} was cancelled and ended {}", client.run, end.as_str()));
                }
                Some(end) => {
                    *self.counts.ends.entry(end.as_str()).or_default() += 1;
                }
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let is_done =
            |client: &Client| client.is_acknowledged && (!client.wants_cancel || client.is_cancelled);
        self.clients.iter().all(is_done)
            && self.wishes.are_answered()
            && self.voices.are_answered()
            && process.network.is_empty()
            && process.hands.running().next().is_none()
            && process.hands.reports().next().is_none()
            && self.open_runs().is_empty()
            && judge::untaken(self.disk.reader().as_ref(), self.partitions) == 0
    }

    /// Returns the runs of all partitions that are not over.
    pub(super) fn open_runs(&self) -> Vec<RunSummary> {
        let reader = self.disk.reader();
        let open = |log| reader.open_runs(log, Arrival::NONE, 1_000).unwrap_or_default();
        self.partitions.logs().flat_map(open).map(|open| open.summary).collect()
    }

    /// Says how what is open stands.
    pub(super) fn describe(&self) -> String {
        let reader = self.disk.reader();
        let mut lines = Vec::new();
        for open in self.open_runs() {
            let id = open.run;
            let Ok(Some(run)) = load_run(reader.as_ref(), &self.namespace, id) else { continue };
            let open_tasks = run.tasks().filter(|task| !task.status().is_terminal());
            let tasks: Vec<_> = open_tasks
                .map(|task| format!("{} {} {:?}", task.address(), task.status().as_str(), task.phase()))
                .collect();
            let (workflow, timers) = (&open.workflow, run.timers());
            lines.push(format!("run {id} of {workflow}: {}; timers {timers:?}", tasks.join(", ")));
        }
        for Client { run, is_acknowledged, wants_cancel, is_cancelled, .. } in &self.clients {
            let facts = [*is_acknowledged, *wants_cancel, *is_cancelled];
            lines.push(format!("client of {run}: acknowledged, wants to cancel, cancelled {facts:?}"));
        }
        lines.extend(self.wishes.describe());
        lines.extend(self.voices.describe());
        if let Some(process) = &self.process {
            let running: Vec<_> = process.hands.running().map(|open| open.task.to_string()).collect();
            let kept: Vec<_> = process.hands.reports().map(|report| report.task.to_string()).collect();
            let (network, notes) = (&process.network, process.progress.take_notes());
            lines.push(format!("running {running:?}, reports kept {kept:?}, {network:?}, notes {notes:?}"));
        }
        lines.join("\n")
    }

    pub(super) fn history(&self) -> Vec<String> {
        let reader = self.disk.reader();
        self.partitions.logs().flat_map(|log| judge::history(reader.as_ref(), log)).collect()
    }
}
