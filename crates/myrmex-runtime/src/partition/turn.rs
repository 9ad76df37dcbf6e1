//! A turn: what a message means for runs, the queue, the timers and the batch in the making.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use myrmex_engine::dispatch::Grant as Granted;
use myrmex_engine::run::{Claim, Rejection, Run};
use myrmex_model::address::Address;
use myrmex_model::command::Command;
use myrmex_model::effect::{Decision, Effect, Request};
use myrmex_model::event::{Event, Recorded};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Attempt, FencingToken, RunId};
use myrmex_model::ir::{Body, Definition, Outputs};
use myrmex_model::outcome::{AttemptEnd, AttemptReport};
use myrmex_model::retry::Retry;
use myrmex_model::schema::Type;
use myrmex_model::status::Status;
use myrmex_model::time::Timestamp;
use myrmex_model::value::{VALUE_BYTES_MAX, Value};
use myrmex_model::wire;
use myrmex_store::operation::AttemptLog;
use myrmex_store::{Batch, Grant, IndexOperation, NewRecord, Ready, RunSummary, Timer};

use super::JournalError;
use super::batch::Release;
use super::cache::{self, Gave};
use super::children::FollowUp;
use super::demands::waiting;
use super::domain::{DOMAIN_LOG, Wish};
use super::message::{Answer, CalledDefinition, NewRetry, NewRun, RequestError};
use super::post::Word;
use super::snapshot::Upkeep;
use super::{Loaded, State, journal, writer};
use crate::evaluate::{self, Desk, checked_depth};
use crate::values::Values;
use crate::worker::{Assignment, Outcome, Produced, Report};

/// The most timers that fire in one batch; many that are due at once trickle, so that outcomes get their turn between.
const TIMERS_PER_BATCH: usize = 1_024;

/// The most runs that timers bring back in one turn: each is read from the store, which takes longer than to decide.
const WAKES_PER_TURN: u64 = 128;

impl State {
    /// Starts a run.
    pub(super) fn start(&mut self, new: NewRun, answer: Answer) {
        let namespace = self.parts.namespace.clone();
        let is_known = self.owned.runs.contains_key(&new.run);
        match self.owned.reader.summary(&namespace, new.run) {
            Ok(None) if !is_known => {}
            Ok(_) => return self.answer(answer, Err(Rejection::AlreadyStarted.into())),
            Err(error) => return self.answer(answer, Err(JournalError::from(error).into())),
        }
        let mut values = Values::new(namespace.clone(), new.run);
        let inputs = values.put(new.inputs);
        let run = Run::new(new.run, Arc::clone(&new.definition), new.hash);
        self.owned.open.operations([IndexOperation::PutDefinition {
            namespace,
            hash: new.hash,
            form: wire::definition::FORM,
            name: new.definition.name.clone(),
            body: new.form.to_vec(),
        }]);
        let closure = match self.store_called(&new.called) {
            Ok(closure) => closure.map(|closure| values.put(closure)),
            Err(error) => return self.answer(answer, Err(JournalError::from(error).into())),
        };
        let retry = new.retry.map(|retry| Box::new(take_over(retry, &mut values)));
        self.settle_in(&run, None);
        let upkeep = Upkeep::new(&self.parts.thrift);
        self.owned.runs.insert(new.run, Loaded { run, values, key: new.key, upkeep });
        let command = Command::Start {
            inputs,
            started_by: new.started_by,
            trigger: new.trigger,
            closure,
            parent: None,
            retry,
        };
        let started = self.put(new.run, command).map_err(RequestError::from);
        self.answer(answer, started);
    }

    /// Puts the definitions that a run may call into the batch, and returns them by name.
    fn store_called(&mut self, called: &[CalledDefinition]) -> Result<Option<Value>, wire::WireError> {
        let mut closure = serde_json::Map::new();
        for CalledDefinition { name, hash, form } in called {
            let definition = wire::definition::decode(form)?;
            self.owned.open.operations([IndexOperation::PutDefinition {
                namespace: self.parts.namespace.clone(),
                hash: *hash,
                form: wire::definition::FORM,
                name: definition.name.clone(),
                body: form.to_vec(),
            }]);
            self.owned.definitions.add(*hash, Arc::new(definition));
            closure.insert(name.as_str().to_owned(), Value::String(hash.to_string()));
        }
        Ok((!closure.is_empty()).then_some(Value::Object(closure)))
    }

    /// Loads a run from the store and takes up what it has under way; returns the final status of one that is over.
    pub(super) fn load(&mut self, id: RunId) -> Result<Option<Status>, RequestError> {
        if self.owned.runs.contains_key(&id) || self.owned.aside.contains_key(&id) {
            return Ok(None);
        }
        if self.at_hand(id).is_some() {
            self.follow_up();
            return Ok(None);
        }
        let loaded = self.read(id)?.ok_or(RequestError::Unknown { run: id })?;
        if let Some(status) = Some(loaded.run.status()).filter(|status| status.is_terminal()) {
            self.parts.progress.set_durable(&[(id, status)]);
            return Ok(Some(status));
        }
        match loaded.run.claim().filter(|claim| claim.is_admitted).cloned() {
            Some(Claim { key, since, .. }) => {
                self.owned.aside.insert(id, loaded);
                self.ask_for_place(id, key, since);
            }
            None => self.go_on(id, loaded),
        }
        // A run that only waits for a timer makes nothing durable that would tell.
        self.tell_under_way();
        Ok(None)
    }

    /// Takes up what a run that was loaded has under way.
    pub(super) fn go_on(&mut self, id: RunId, loaded: Loaded) {
        let run = &loaded.run;
        let now = self.parts.clock.now();
        self.settle_in(run, run.parent_run());
        for (task, attempt, token) in run.grants() {
            let since = begun(run, &task).unwrap_or(now);
            let (worker, ready) = (Some(self.parts.worker.clone()), waiting(run, task, attempt, since));
            self.owned.leases.insert(token);
            self.wish(Wish::Adopt(Granted { token, worker, ready }));
        }
        for (timer, due) in run.timers() {
            self.owned.timers.arm(id, timer, due);
        }
        self.adopt_holds(run, now);
        let queued = self.queued(run);
        self.owned.runs.insert(id, loaded);
        for (task, attempt, since) in queued {
            self.enqueue(id, &task, attempt, since);
        }
        self.to_recount.push(id);
        self.recount();
        let now = self.parts.clock.now();
        if let Some(loaded) = self.owned.runs.get_mut(&id) {
            let decision = loaded.run.resume(now);
            self.absorb(id, decision);
            self.follow_up();
        }
    }

    /// Returns what waits of a run that was loaded, since when it does, and in that order.
    fn queued(&mut self, run: &Run) -> Vec<(Address, Attempt, Timestamp)> {
        let (now, queued) = (self.parts.clock.now(), run.queued());
        let (reader, namespace) = (self.owned.reader.as_ref(), &self.parts.namespace);
        let since = journal::waiting_since(reader, (self.parts.log, namespace), (run.id(), queued.len()));
        let since = since.unwrap_or_else(|error| {
            // The turn is dropped with it: otherwise nothing would know any more how long they wait.
            self.trouble.get_or_insert(error);
            BTreeMap::new()
        });
        let with_since = |(task, attempt)| {
            let at = since.get(&task).copied().unwrap_or(now);
            (task, attempt, at)
        };
        let mut queued: Vec<_> = queued.into_iter().map(with_since).collect();
        queued.sort_by_key(|(.., since)| *since);
        queued
    }

    /// Puts one command to a run and what follows from it into the batch, as far as that goes into this turn.
    pub(super) fn put(&mut self, id: RunId, command: Command) -> Result<(), Rejection> {
        self.put_at(id, command, self.parts.clock.now())
    }

    /// Does the same as of an instant that was read before.
    fn put_at(&mut self, id: RunId, command: Command, now: Timestamp) -> Result<(), Rejection> {
        let Some(loaded) = self.at_hand(id) else { return Err(Rejection::NotStarted) };
        let decided = loaded.run.decide(command, now).map(|decision| self.absorb(id, decision));
        // Also what a run had to say that has just come back.
        self.follow_up();
        decided
    }

    /// Takes a decision into the batch, answering its requests until there are none.
    pub(super) fn absorb(&mut self, id: RunId, decision: Decision) {
        let mut requests: VecDeque<Request> = VecDeque::new();
        let mut next = Some(decision);
        while let Some(decision) = next.take() {
            self.journal(id, &decision.events);
            for effect in decision.effects {
                self.effect(id, effect);
            }
            requests.extend(decision.requests);
            next = requests.pop_front().map(|request| self.evaluated(id, &request));
        }
        let Some(loaded) = self.owned.runs.get_mut(&id) else { return };
        if loaded.run.has_more() && !self.unfinished.contains(&id) {
            self.unfinished.push_back(id);
        }
        let fresh = loaded.values.take_fresh();
        if loaded.values.is_large() && !self.large.contains(&id) {
            self.large.push(id);
        }
        if loaded.run.is_worth_folding() && !self.lengthy.contains(&id) {
            self.lengthy.push(id);
        }
        self.owned.open.operations(fresh);
        self.touch(id);
    }

    /// Returns whether a run has more to decide and may go on by itself. After an interrupt none does: what it has left
    /// follows from what is durable, and a resume decides it.
    pub(super) fn goes_on(&self) -> bool {
        !self.is_interrupted && !self.unfinished.is_empty()
    }

    /// Lets every run go on that had more to decide than went into its turn, once, while there is room in the batch.
    pub(super) fn take_more(&mut self) {
        for _ in 0..self.unfinished.len() {
            if self.is_full() || !self.goes_on() {
                return;
            }
            let Some(id) = self.unfinished.pop_front() else { return };
            let now = self.parts.clock.now();
            if let Some(loaded) = self.owned.runs.get_mut(&id) {
                let decision = loaded.run.go_on(now);
                self.absorb(id, decision);
                self.follow_up();
            }
        }
    }

    /// Lets runs forget what has ended in them and nothing can ask for.
    pub(super) fn fold(&mut self) {
        for id in std::mem::take(&mut self.lengthy) {
            if let Some(loaded) = self.owned.runs.get_mut(&id) {
                loaded.run.fold();
            }
        }
    }

    fn evaluated(&mut self, id: RunId, request: &Request) -> Decision {
        let now = self.parts.clock.now();
        let loaded = self.owned.runs.get_mut(&id).expect("a run that asks is loaded");
        let mut desk = Desk {
            evaluator: &mut self.evaluator,
            values: &mut loaded.values,
            lines: &mut self.lines,
            definitions: &mut self.owned.definitions,
            namespace: &self.parts.namespace,
            reader: self.owned.reader.as_ref(),
            now: now.max(loaded.run.last()),
            trouble: None,
        };
        let result = evaluate::answer(&mut desk, &loaded.run, request);
        let trouble = desk.trouble.take();
        self.trouble = self.trouble.take().or(trouble);
        let answer = Command::Evaluated { ticket: request.ticket, result };
        loaded.run.decide(answer, now).expect("a request of this turn is open until it is answered")
    }

    fn journal(&mut self, id: RunId, events: &[Recorded]) {
        let namespace = &self.parts.namespace;
        for recorded in events {
            let body = wire::event::encode(recorded, self.owned.epoch);
            let record = NewRecord { namespace: namespace.clone(), run: id, codec: wire::event::CODEC, body };
            self.owned.open.record(record);
        }
        let last = self.owned.last.plus(self.owned.open.records.len());
        if let Some(loaded) = self.owned.runs.get_mut(&id) {
            loaded.upkeep.note(events.len(), last);
        }
        let is_marked = events.iter().any(|recorded| {
            matches!(
                recorded.event,
                Event::RunStarted { .. }
                    | Event::RunAdmitted
                    | Event::RunEnded { .. }
                    | Event::Rebased { .. }
            )
        });
        if is_marked {
            self.summarise(id);
        }
        self.note_cancel(id, events);
    }

    /// Puts how a run stands into the index. Only its start, its place, its moves and its end change that.
    fn summarise(&mut self, id: RunId) {
        let Some(Loaded { run, key, .. }) = self.owned.runs.get(&id) else { return };
        let last = self.owned.last.plus(self.owned.open.records.len());
        let summary = RunSummary {
            namespace: self.parts.namespace.clone(),
            run: id,
            workflow: run.definition().name.clone(),
            definition: run.definition_hash(),
            status: run.status(),
            started: run.started().unwrap_or(run.last()),
            ended: run.status().is_terminal().then(|| run.last()),
            started_by: run.started_by().unwrap_or_default().to_owned(),
            last,
            key: key.clone(),
            fault: run.fault().map(ToString::to_string),
        };
        self.owned.open.operations([IndexOperation::PutSummary(summary)]);
    }

    /// Takes an effect into the machine it concerns, and its trace into the batch.
    fn effect(&mut self, id: RunId, effect: Effect) {
        let namespace = self.parts.namespace.clone();
        let operation = match effect {
            Effect::QueueRun { key, since } => {
                self.ask_for_place(id, key, since);
                None
            }
            Effect::Queue { task, attempt } => {
                let at = self.parts.clock.now();
                self.enqueue(id, &task, attempt, at);
                Some(IndexOperation::PutReady(Ready { namespace, run: id, task, attempt, at }))
            }
            Effect::Withdraw { task, .. } => {
                self.wish(Wish::Withdraw(id, task.clone()));
                Some(IndexOperation::RemoveReady { namespace, run: id, task })
            }
            Effect::Assign { task, attempt, token } => {
                self.assign(id, &task, attempt, token);
                None
            }
            Effect::Release { token } => {
                self.owned.leases.remove(&token);
                self.wish(Wish::Release(token));
                Some(IndexOperation::RemoveGrant { token })
            }
            Effect::Stop { token } => {
                self.owned.open.effects.push(Release::Stop(token));
                None
            }
            Effect::StartChild { task, child, definition, inputs, is_awaited } => {
                self.call_child((id, task, is_awaited), child, (definition, inputs));
                None
            }
            Effect::CancelChild { child } => {
                self.drop_child(id, child);
                None
            }
            Effect::Arm { timer, due } => {
                self.owned.timers.arm(id, timer.clone(), due);
                Some(IndexOperation::PutTimer(Timer { namespace, run: id, timer, due }))
            }
            Effect::Disarm { timer } => {
                self.owned.timers.disarm(id, &timer);
                Some(IndexOperation::RemoveTimer { namespace, run: id, timer })
            }
            Effect::End => {
                self.drop_timers(id);
                self.drop_snapshot(id);
                self.wish(Wish::Leave(id));
                self.tell_parent(id);
                self.owned.open.effects.push(Release::End(id));
                None
            }
        };
        self.owned.open.operations(operation);
    }

    fn drop_timers(&mut self, id: RunId) {
        let namespace = &self.parts.namespace;
        let timers = self.owned.timers.disarm_all(id).into_iter();
        let removals = timers.map(|(timer, _)| IndexOperation::RemoveTimer {
            namespace: namespace.clone(),
            run: id,
            timer,
        });
        self.owned.open.operations(removals);
    }

    /// Puts a grant into the batch; the worker hears of it once that is durable.
    fn assign(&mut self, id: RunId, task: &Address, attempt: Attempt, token: FencingToken) {
        let namespace = self.parts.namespace.clone();
        self.owned.leases.insert(token);
        let grant = Grant {
            namespace: namespace.clone(),
            run: id,
            task: task.clone(),
            attempt,
            token,
            worker: self.parts.worker.clone(),
            at: self.parts.clock.now(),
            logs_from: self.log_position(),
        };
        self.owned.open.operations([
            IndexOperation::RemoveReady { namespace, run: id, task: task.clone() },
            IndexOperation::PutGrant(grant),
        ]);
        match self.assignment(id, task, attempt, token) {
            Ok(assignment) => self.owned.open.effects.push(Release::Assign(Box::new(assignment))),
            // A fault of the disk decides nothing: the turn is dropped.
            Err(_) if self.trouble.is_some() => {}
            Err(fault) => {
                let end = AttemptEnd::Failed { fault };
                let report = AttemptReport::of(end);
                let task = task.clone();
                let report = Command::Report { task, attempt, token, report };
                self.follow_ups.push_back(FollowUp::Command(id, report));
            }
        }
    }

    fn assignment(
        &mut self,
        id: RunId,
        task: &Address,
        attempt: Attempt,
        token: FencingToken,
    ) -> Result<Assignment, Fault> {
        let unreadable = |detail: String| {
            Fault::new(FaultKind::Runtime, "the task's input cannot be read").with_detail(detail)
        };
        let loaded = self.owned.runs.get_mut(&id).ok_or_else(|| unreadable("the run is gone".into()))?;
        let view = loaded.run.task(task).ok_or_else(|| unreadable("the task is gone".into()))?;
        let definition = Arc::clone(loaded.run.definition());
        let node = definition.node(view.node());
        let Body::Task(body) = &node.body else { return Err(unreadable("it is no leaf task".into())) };
        let arguments = match (view.input(), body.arguments.as_literal()) {
            (Some(hash), _) => match loaded.values.get(hash, self.owned.reader.as_ref()) {
                Ok(arguments) => arguments,
                Err(error) => {
                    let fault = unreadable(error.to_string());
                    self.trouble.get_or_insert(error);
                    return Err(fault);
                }
            },
            (None, Some(literal)) => Arc::new(literal.clone()),
            (None, None) => return Err(unreadable("it was never evaluated".into())),
        };
        let (timeout, heartbeat) = (node.policy.attempt_timeout, node.policy.heartbeat_timeout);
        let cache = cache::scope(&definition, (node, body), task, &arguments);
        Ok(Assignment { run: id, task: task.clone(), attempt, token, arguments, timeout, heartbeat, cache })
    }

    pub(super) fn fire_timers(&mut self) {
        let (now, wakes) = (self.parts.clock.now(), self.tally.wakes);
        for _ in 0..TIMERS_PER_BATCH {
            if self.is_full() {
                return;
            }
            while let Some(run) = self.sleeper_due(now) {
                if self.tally.wakes - wakes >= WAKES_PER_TURN || self.at_hand(run).is_none() {
                    return;
                }
                self.follow_up();
            }
            let Some((run, timer)) = self.owned.timers.take_due(now) else { return };
            let namespace = self.parts.namespace.clone();
            self.owned.open.operations([IndexOperation::RemoveTimer {
                namespace,
                run,
                timer: timer.clone(),
            }]);
            if let Err(rejection) = self.put_at(run, Command::Fire { timer }, now) {
                self.parts.progress.note(format!("a timer of run {run}: {rejection}"));
            }
        }
    }

    /// Takes the report of an attempt. The worker keeps it until the batch is durable.
    pub(super) fn report(&mut self, report: Report) {
        let Report { run, task, attempt, token, outcome, artifacts, logs, digest } = report;
        if self.owned.aside.contains_key(&run) {
            // The worker keeps it, and reports again when the run has its place and is taken up.
            return;
        }
        self.owned.open.effects.push(Release::Acknowledge(token));
        if self.at_hand(run).is_none() {
            return;
        }
        let loaded = self.owned.runs.get_mut(&run).expect("it is at hand");
        let mut report = match outcome {
            Outcome::Ended(report) => report,
            Outcome::TakenOver { output, origin } => {
                let end = AttemptEnd::Succeeded { output: loaded.values.put(output) };
                AttemptReport { cached: Some(Box::new(origin)), ..AttemptReport::of(end) }
            }
            Outcome::Produced { produced, facts } => {
                let definition = Arc::clone(loaded.run.definition());
                let outputs = loaded.run.task(&task).map(|view| &definition.node(view.node()).outputs);
                if produced == Produced::Stdout(None) && !matches!(outputs, Some(Outputs::Declared(_))) {
                    let note = "printed more than 1 MiB, so its output has no `stdout`; `runs logs` shows it";
                    self.parts.progress.note(format!("`{}` {note}", task.path()));
                }
                let end = match shape(produced, outputs).and_then(checked_depth) {
                    Ok(value) => AttemptEnd::Succeeded { output: loaded.values.put(value) },
                    Err(fault) => AttemptEnd::Failed { fault },
                };
                facts.report(end)
            }
        };
        report.artifacts = (!artifacts.is_empty()).then(|| loaded.values.put(Value::Object(artifacts)));
        let namespace = self.parts.namespace.clone();
        let ranges = logs.into_iter().map(|range| {
            let (namespace, task) = (namespace.clone(), task.clone());
            IndexOperation::PutLogRange(AttemptLog { namespace, run, task, attempt, token, range })
        });
        self.owned.open.operations(ranges);
        let success = match &report.end {
            AttemptEnd::Succeeded { output } => {
                let gave = Gave { output: *output, artifacts: report.artifacts };
                digest.map(|digest| (task.clone(), gave, digest))
            }
            AttemptEnd::Failed { .. }
            | AttemptEnd::TimedOut { .. }
            | AttemptEnd::Stopped
            | AttemptEnd::Lost { .. } => None,
        };
        match self.put(run, Command::Report { task, attempt, token, report }) {
            Ok(()) => {
                if let Some((task, gave, digest)) = success {
                    self.keep_success(run, task, gave, digest);
                }
            }
            // Answered by its acknowledgement, and without effect: the attempt has its one outcome already.
            Err(rejection) => self.parts.progress.note(rejection.to_string()),
        }
    }

    /// Makes the batch durable if the writer is idle; false when the loop is to end.
    ///
    /// With `is_idle` there is nothing else to decide, so a small batch is committed here.
    pub(super) fn hand_over(&mut self, is_idle: bool) -> bool {
        while self.trouble.is_none() && !self.owned.writer.is_busy() && !self.owned.open.is_empty() {
            let open = std::mem::take(&mut self.owned.open);
            let is_light = open.is_light();
            let (expected, count) = (self.owned.last, open.records.len());
            self.owned.last = expected.plus(count);
            let waiting = writer::Waiting { answers: open.answers, effects: open.effects };
            let mut operations = open.operations;
            let rows = open.records.len() + operations.len();
            if rows == 0 {
                // Nothing to make durable: what is answered has been durable before.
                self.carry_out(waiting);
                continue;
            }
            operations.extend(self.owned.mail.removals());
            let batch = Batch {
                log: self.parts.log,
                expected,
                epoch: self.owned.epoch,
                records: open.records,
                operations,
            };
            if !(is_idle && is_light && self.owned.writer.commits_here(rows)) {
                self.owned.writer.hand_over(batch, waiting);
                return true;
            }
            match self.owned.writer.commit(&batch) {
                Ok(_) => self.release(waiting),
                Err(error) if error.is_retryable() => {
                    self.owned.writer.hand_over(batch, waiting);
                    return true;
                }
                Err(error) => {
                    self.owned.open.answers = waiting.answers;
                    // What the runs that are loaded again decide is handed over at once, too.
                    if !self.reload(error) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Takes what the writer made durable.
    pub(super) fn committed(&mut self) {
        if let Some(waiting) = self.owned.writer.take_waiting() {
            self.release(waiting);
        }
    }

    /// Releases what waited for a batch that is durable now.
    fn release(&mut self, waiting: writer::Waiting) {
        self.failures = 0;
        // There is one batch on its way at a time.
        self.owned.durable = self.owned.last;
        let ended: Vec<_> = waiting
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Release::End(run) => Some((*run, self.owned.runs.get(run)?.run.status())),
                Release::Assign(_) | Release::Stop(_) | Release::Acknowledge(_) | Release::Say(..) => None,
            })
            .collect();
        // A run that a message called is under way before the sender hears that the message is taken.
        self.tell_under_way();
        self.carry_out(waiting);
        if self.owned.open.is_empty() {
            // Every definition and every value that a run knows is durable now.
            self.owned.definitions.shrink();
            for run in std::mem::take(&mut self.large) {
                if let Some(loaded) = self.owned.runs.get_mut(&run) {
                    loaded.values.forget_oldest();
                }
            }
        }
        self.tell_under_way();
        self.parts.progress.set_durable(&ended);
    }

    fn carry_out(&mut self, waiting: writer::Waiting) {
        for effect in waiting.effects {
            match (effect, &self.worker) {
                (Release::Assign(assignment), Some(worker)) if !self.is_interrupted => {
                    worker.tell().assign(*assignment);
                }
                (Release::Assign(assignment), _) => self.give_back(*assignment),
                (Release::Stop(token), Some(worker)) => worker.tell().stop(token),
                (Release::Acknowledge(token), Some(worker)) => worker.tell().acknowledge(token),
                (Release::Say(to, word), _) => self.say(to, word),
                (Release::Stop(_) | Release::Acknowledge(_), None) => {}
                (Release::End(run), _) => {
                    self.owned.runs.remove(&run);
                    self.wish(Wish::SettleOut(run));
                    if let Some(worker) = &self.worker {
                        worker.tell().forget(run);
                    }
                }
            }
        }
        for (answer, result) in waiting.answers {
            // It follows the claims of the runs that were taken up, on the same way.
            if let Some(hold) = answer.give(result).filter(|_| self.parts.log != DOMAIN_LOG) {
                self.say(DOMAIN_LOG, Word::LetGo(hold));
            }
        }
    }

    /// Takes back a grant that no worker can be given any more.
    fn give_back(&mut self, assignment: Assignment) {
        let Assignment { run, task, attempt, token, .. } = assignment;
        let report = AttemptReport::of(AttemptEnd::Stopped);
        let command = Command::Report { task: task.clone(), attempt, token, report };
        if let Err(rejection) = self.put(run, command) {
            self.parts.progress.note(format!("attempt {attempt} of `{task}`: {rejection}"));
        }
    }
}

/// Returns when an attempt, or a block, got what it has; nothing if only its grant is recorded.
pub(super) fn begun(run: &Run, task: &Address) -> Option<Timestamp> {
    run.task(task)?.started()
}

/// Has what a retry takes over copied into the values of the new run, with the batch that starts it.
fn take_over(NewRetry { of, attempt, takings }: NewRetry, values: &mut Values) -> Retry {
    values.copy(of, takings.values());
    let taken = values.put(wire::retry::encode(&takings));
    Retry { of, attempt, taken }
}

/// Returns how many attempts of a run may be under way at a time: the root's `max_parallel` bounds all that is inside.
pub fn most_parallel(definition: &Definition) -> Option<u32> {
    match &definition.node(definition.root).body {
        Body::Graph(graph) => graph.max_parallel,
        Body::Task(_)
        | Body::Value(_)
        | Body::Timer(_)
        | Body::Choose(_)
        | Body::Raise(_)
        | Body::Await(_)
        | Body::Flow(_)
        | Body::Each(_)
        | Body::Call(_) => None,
    }
}

/// Gives what a task produced the shape of its declared outputs: lines are texts, or JSON where another type is
/// declared; a task that declares nothing and wrote nothing gives its standard output.
///
/// # Errors
///
/// Returns the task's error if outputs are declared and more was written than values may hold.
fn shape(produced: Produced, outputs: Option<&Outputs>) -> Result<Value, Fault> {
    let declared = match outputs {
        Some(Outputs::Declared(fields)) => fields.as_slice(),
        Some(Outputs::Raw | Outputs::Computed(_) | Outputs::Last) | None => &[],
    };
    Ok(match produced {
        Produced::File(_) if !declared.is_empty() => return Err(too_large()),
        Produced::Object(fields) | Produced::File(fields) => Value::Object(fields),
        Produced::Lines(mut lines) => {
            for field in declared.iter().filter(|field| field.schema.kind.reads_json()) {
                if let Some(Value::String(text)) = lines.get(field.name.as_str())
                    && let Ok(value) = serde_json::from_str::<Value>(text)
                    && (field.schema.kind != Type::Any || !value.is_string())
                {
                    lines.insert(field.name.as_str().to_owned(), value);
                }
            }
            Value::Object(lines)
        }
        Produced::Stdout(Some(text)) if declared.is_empty() => serde_json::json!({"stdout": text}),
        Produced::Stdout(_) => Value::Object(serde_json::Map::new()),
    })
}

/// Returns the error of a task whose declared outputs are more than values may hold together: as one file they would have
/// no fields.
fn too_large() -> Fault {
    let title = format!("the declared outputs are larger than {} MiB together", VALUE_BYTES_MAX >> 20);
    let detail =
        "write what is large to a file of its own, declare that output with `type: file`, and give its path";
    Fault::new(FaultKind::DataLimit, title).with_detail(detail)
}
