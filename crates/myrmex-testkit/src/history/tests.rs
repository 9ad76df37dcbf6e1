//! Hand-made histories, good and bad, for every invariant.

use std::fmt::Write;

use super::*;

/// A history under construction: events and ledger in a short form.
#[derive(Default, Clone)]
struct Story {
    events: String,
    ledger: String,
    sequence: u64,
    expected: Expected,
}

impl Story {
    fn new() -> Self {
        let expected = Expected { is_over: true, keeps_ledger: true, ..Expected::default() };
        Self { expected, ..Self::default() }
    }

    /// Adds an event given as `TASK KIND FROM TO [TOKEN [END]]`; the task `-` is the run.
    fn event(mut self, text: &str) -> Self {
        self.sequence += 1;
        let words: Vec<&str> = text.split(' ').collect();
        let task = if words[0] == "-" { "null".to_owned() } else { format!("{:?}", words[0]) };
        let token = words.get(4).copied().unwrap_or("null");
        let data = words.get(5).map_or("null".to_owned(), |end| format!("{{\"end\":{end:?}}}"));
        let (sequence, kind, from, to) = (self.sequence, words[1], words[2], words[3]);
        let attempt = if token == "null" { "null" } else { "1" };
        writeln!(
            self.events,
            r#"{{"log":0,"seq":{sequence},"boot":1,"run":"r","task":{task},"attempt":{attempt},"token":{token},"type":"{kind}","from":"{from}","to":"{to}","data":{data}}}"#,
        )
        .unwrap();
        self
    }

    /// Adds an event like [`Story::event`], with one field of data.
    fn event_with(self, text: &str, field: &str, value: &str) -> Self {
        let mut story = self.event(text);
        let at = story.events.rfind("\"data\":null").unwrap();
        story.events.replace_range(at.., &format!("\"data\":{{\"{field}\":\"{value}\"}}}}\n"));
        story
    }

    /// Adds an attempt that took over the success of the task `origin` of the same run.
    fn took_over(self, task: &str, token: u64, origin: &str) -> Self {
        let mut story = self.granted(task, token).attempt_ended(task, token, "succeeded");
        let at = story.events.rfind("\"data\":").unwrap();
        let data = format!(r#""data":{{"end":"succeeded","cached":{{"run":"r","task":"{origin}"}}}}}}"#);
        story.events.replace_range(at.., &format!("{data}\n"));
        story.succeeded(task)
    }

    /// Closes a batch.
    fn head(mut self) -> Self {
        let sequence = self.sequence;
        writeln!(self.events, r#"{{"log":0,"seq":{sequence},"head":"{sequence:064x}"}}"#).unwrap();
        self
    }

    fn skip_sequence(mut self) -> Self {
        self.sequence += 1;
        self
    }

    fn started(self) -> Self {
        self.event("- run.started pending running").head()
    }

    fn ended(self) -> Self {
        self.event("- run.ended running succeeded").head()
    }

    fn granted(self, task: &str, token: u64) -> Self {
        self.event(&format!("{task} attempt.granted pending running {token}"))
    }

    fn attempt_ended(self, task: &str, token: u64, end: &str) -> Self {
        self.event(&format!("{task} attempt.ended running running {token} {end}"))
    }

    fn succeeded(self, task: &str) -> Self {
        self.event(&format!("{task} task.succeeded running succeeded"))
    }

    /// One attempt from grant to success, with its ledger.
    fn done(self, task: &str, token: u64) -> Self {
        let story = self.granted(task, token).line("start", task, token).line("end", task, token);
        story.attempt_ended(task, token, "succeeded").succeeded(task)
    }

    /// One attempt that is lost after it began; the next is queued.
    fn lost(self, task: &str, token: u64) -> Self {
        let story = self.granted(task, token).line("start", task, token).attempt_ended(task, token, "lost");
        story.event(&format!("{task} task.queued running pending"))
    }

    fn line(mut self, mark: &str, task: &str, token: u64) -> Self {
        writeln!(self.ledger, "{mark} r {task} 1 {token} 7").unwrap();
        self
    }

    fn edge(mut self, from: &str, to: &str) -> Self {
        self.expected.edges.push((from.to_owned(), to.to_owned()));
        self
    }

    fn attempts_max(mut self, task: &str, count: u32) -> Self {
        self.expected.attempts_max.insert(task.to_owned(), count);
        self
    }

    fn export(&self) -> Export {
        Export::parse(&self.events).unwrap()
    }

    fn breaches(&self) -> Vec<Breach> {
        check(&self.export(), &Ledger::parse(&self.ledger).unwrap(), &self.expected)
    }
}

#[track_caller]
fn assert_good(story: &Story) {
    assert_eq!(story.breaches(), []);
}

/// Asserts that exactly this invariant is broken, and what is said first.
#[track_caller]
fn assert_bad(story: &Story, invariant: Invariant, message: &str) {
    let breaches = story.breaches();
    assert!(breaches.iter().all(|breach| breach.invariant == invariant), "{breaches:#?}");
    assert_eq!(breaches.first().map(|breach| breach.message.as_str()), Some(message));
}

/// Asserts that this breach is found; such a history breaks other promises with it.
#[track_caller]
fn assert_among(story: &Story, invariant: Invariant, message: &str) {
    let breaches = story.breaches();
    let is_found = |breach: &Breach| breach.invariant == invariant && breach.message == message;
    assert!(breaches.iter().any(is_found), "{breaches:#?}");
}

#[test]
fn whole_histories_are_good() {
    assert_good(&Story::new().started().ended());
    assert_good(&Story::new().started().done("a", 1).done("b", 2).ended().edge("a", "b"));
    assert_good(&Story::new().started().lost("a", 1).done("a", 2).ended());
    assert_good(&Story::new().started().done("a#2", 1).done("b[x/y]", 2).ended());
}

#[test]
fn a_gap_or_a_missing_head_breaks_i2() {
    let invariant = Invariant::HistoryGrows;
    let gap = Story::new().started().skip_sequence().ended();
    assert_bad(&gap, invariant, "log 0 goes from sequence 1 to 3");
    let open = Story::new().started().event("- run.ended running succeeded");
    assert_bad(&open, invariant, "log 0 ends at sequence 2, its chain at 1");
    let again = Story::new().started().head().ended();
    assert_bad(&again, invariant, "the head at sequence 1 of log 0 does not come after the one before");
}

#[test]
fn an_export_grows_at_its_end_alone() {
    let early = Story::new().started().done("a", 1).head();
    let later = early.clone().done("b", 2).ended();
    assert_eq!(compare(&early.export(), &later.export()), []);
    assert_eq!(compare(&Export::default(), &later.export()), []);
    assert_eq!(compare(&later.export(), &later.export()), []);
    let says = |early: &Story, later: &Story| compare(&early.export(), &later.export())[0].message.clone();
    assert_eq!(says(&later, &early), "line 7 of log 0 has vanished");
    let other = Story::new().started().done("c", 1).head();
    assert_eq!(says(&early, &other), "line 3 of log 0 has changed");
    let closed_early = Story::new().started().granted("a", 1).head();
    assert_eq!(says(&closed_early, &early), "line 4 of log 0 has changed");
}

#[test]
fn acknowledged_lines_must_be_there() {
    let story = Story::new().started().done("a", 1).ended();
    let export = story.export();
    let lines: Vec<&str> = story.events.lines().filter(|line| !line.contains("head")).collect();
    assert_eq!(contains_lines(&export, lines.iter().copied()), []);
    assert_eq!(contains_lines(&export, []), []);
    assert_eq!(contains_lines(&Export::default(), lines.iter().copied()).len(), lines.len());
    assert_eq!(contains_lines(&export, [lines[0], "{}"])[0].window, ["{}"]);
    let changed = lines[1].replace("pending", "waiting");
    assert_eq!(contains_lines(&export, [changed.as_str()])[0].invariant, Invariant::AcknowledgedIsThere);
}

#[test]
fn transitions_are_legal_and_final_is_final() {
    let invariant = Invariant::LegalTransitions;
    assert_good(
        &Story::new().started().event("a timer.armed pending waiting").event("a x waiting succeeded").ended(),
    );
    assert_good(&Story::new().started().event("a task.skipped pending skipped").ended());
    let jump = Story::new().started().event("a x pending running").event("a x waiting succeeded").ended();
    assert_bad(&jump, invariant, "`a` is running and an event begins at waiting");
    let late = Story::new().started().done("a", 1).event("a task.failed succeeded failed").ended();
    assert_bad(&late, invariant, "`a` is succeeded and goes on");
    let wrong = Story::new().started().event("a x pending running").event("a x running skipped").ended();
    assert_bad(&wrong, invariant, "`a` goes from running to skipped");
    let after_end = Story::new().started().ended().event("a x pending succeeded").head();
    assert_bad(&after_end, invariant, "run r is over and its task goes on");
}

#[test]
fn a_task_has_one_outcome() {
    let invariant = Invariant::OneOutcome;
    let twice = Story::new().started().done("a", 1).event("a task.succeeded succeeded succeeded").ended();
    assert_bad(&twice, invariant, "`a` is succeeded and goes on");
    assert_eq!(twice.breaches()[0].window.len(), 2);
    let doubled = Story::new().started().granted("a", 1).line("start", "a", 1).line("end", "a", 1);
    let doubled = doubled.attempt_ended("a", 1, "succeeded").attempt_ended("a", 1, "succeeded");
    assert_bad(&doubled.succeeded("a").ended(), invariant, "`a` has an outcome without an open attempt");
    let open = Story::new().started().granted("a", 1).succeeded("a").ended();
    assert_bad(&open, invariant, "`a` is succeeded while an attempt has no recorded end");
}

#[test]
fn outcomes_are_earned() {
    let invariant = Invariant::OutcomeInLedger;
    let message = "`a` is recorded as succeeded under token 1, the ledger knows less";
    let ending = |story: Story| story.attempt_ended("a", 1, "succeeded").succeeded("a").ended();
    assert_bad(&ending(Story::new().started().granted("a", 1)), invariant, message);
    assert_bad(&ending(Story::new().started().granted("a", 1).line("start", "a", 1)), invariant, message);
    let failed = Story::new().started().granted("a", 1).attempt_ended("a", 1, "failed");
    let failed = failed.event("a task.failed running failed").ended();
    assert_bad(&failed, invariant, "`a` is recorded as failed under token 1, the ledger knows less");
    let mut trusting = ending(Story::new().started().granted("a", 1));
    trusting.expected.keeps_ledger = false;
    assert_good(&trusting);
    assert_good(&failed.line("start", "a", 1));
    let never_began = Story::new().started().granted("a", 1).attempt_ended("a", 1, "lost");
    assert_good(&never_began.event("a task.queued running pending").done("a", 2).ended());
}

#[test]
fn what_is_taken_over_was_recorded_before() {
    let invariant = Invariant::OutcomeInLedger;
    assert_good(&Story::new().started().done("a", 1).took_over("b", 2, "a").ended());
    let message = "the success of `a` of run r was taken over before it was recorded";
    assert_bad(&Story::new().started().took_over("b", 1, "a").done("a", 2).ended(), invariant, message);
    let again = Story::new().started().done("a", 1).took_over("b", 2, "a").took_over("c", 3, "b").ended();
    assert_bad(&again, invariant, "the success of `b` of run r was taken over before it was recorded");
    let ran = Story::new().started().done("a", 1).took_over("b", 2, "a").line("start", "b", 2).ended();
    assert_bad(&ran, invariant, "`b` is recorded as succeeded under token 2, the ledger knows more");
}

#[test]
fn attempts_overlap_only_after_a_recorded_loss() {
    let invariant = Invariant::NoOverlap;
    let ghost = Story::new().started().lost("a", 1).granted("a", 2).line("start", "a", 2).line("end", "a", 1);
    let ghost = ghost.line("end", "a", 2).attempt_ended("a", 2, "succeeded").succeeded("a").ended();
    assert_good(&ghost);
    let two = Story::new()
        .started()
        .granted("a", 1)
        .event("a attempt.granted running running 2")
        .attempts_max("a", 2);
    let two = two.line("start", "a", 2).line("end", "a", 2);
    let two = two.attempt_ended("a", 2, "succeeded").succeeded("a").ended();
    assert_bad(&two, invariant, "`a` is granted again while the attempt of token 1 has no recorded end");
    let shrunk = Story::new().started().lost("a", 2).done("a", 1).ended();
    assert_among(&shrunk, invariant, "`a` is granted token 1 after token 2");
    let stale = Story::new().started().lost("a", 1).granted("a", 2).line("start", "a", 2).line("end", "a", 1);
    let stale = stale.attempt_ended("a", 1, "succeeded").succeeded("a").ended();
    assert_among(&stale, invariant, "`a` has the outcome of token 1 while token 2 is granted");
    let failed = Story::new().started().granted("a", 1).line("start", "a", 1).attempt_ended("a", 1, "failed");
    let failed = failed.event("a task.queued running pending").granted("a", 2).line("start", "a", 2);
    let failed =
        failed.line("end", "a", 1).line("end", "a", 2).attempt_ended("a", 2, "succeeded").succeeded("a");
    assert_bad(&failed.ended().attempts_max("a", 2), invariant, "two attempts of `a` were at work at a time");
}

#[test]
fn edges_hold() {
    let invariant = Invariant::EdgesHold;
    let message = "`b` begins before `a` has succeeded";
    let order =
        |from: &str, to: &str| Story::new().started().done(from, 1).done(to, 2).ended().edge("a", "b");
    assert_good(&order("a", "b"));
    assert_bad(&order("b", "a"), invariant, message);
    assert_bad(&order("b", "c"), invariant, message);
    let skipped = Story::new().started().event("b task.skipped pending skipped").done("a", 1).ended();
    assert_good(&skipped.edge("a", "b"));
    let early =
        Story::new().started().granted("a", 1).line("start", "a", 1).event("b task.queued pending pending");
    let early = early.line("end", "a", 1).attempt_ended("a", 1, "succeeded").succeeded("a");
    assert_bad(&early.done("b", 2).ended().edge("a", "b"), invariant, message);
    assert_good(&Story::new().started().done("a", 1).ended().edge("a", "b"));
}

#[test]
fn attempts_are_bounded() {
    let invariant = Invariant::AttemptsBounded;
    let retried = |task: &str| {
        let story = Story::new().started().granted(task, 1).line("start", task, 1);
        let story =
            story.attempt_ended(task, 1, "failed").event(&format!("{task} task.retrying running waiting"));
        story.event(&format!("{task} task.queued waiting pending")).done(task, 2).ended()
    };
    assert_bad(&retried("a"), invariant, "`a` was granted 2 attempts of 1");
    assert_good(&retried("a").attempts_max("a", 2));
    assert_bad(&retried("a").attempts_max("b", 2), invariant, "`a` was granted 2 attempts of 1");
    assert_good(&retried("a[k]").attempts_max("a", 2));
    assert_bad(&retried("b[k]").attempts_max("a", 2), invariant, "`b[k]` was granted 2 attempts of 1");
    assert_good(&Story::new().started().lost("a", 1).lost("a", 2).done("a", 3).ended());
}

#[test]
fn everything_comes_to_an_end() {
    let invariant = Invariant::ReachesEnd;
    assert_bad(&Story::new().started(), invariant, "run r is running at the end");
    let hung = Story::new().started().event("a x pending running").ended();
    assert_bad(&hung, invariant, "`a` is running at the end");
    let waiting = Story::new().started().event("a timer.armed pending waiting").ended();
    assert_bad(&waiting, invariant, "`a` is waiting at the end");
    let mut half_way = Story::new().started().event("a timer.armed pending waiting").head();
    half_way.expected.is_over = false;
    assert_good(&half_way);
    assert_good(&Story::new().started().ended());
    assert_good(&Story::new());
}

#[test]
fn what_succeeded_does_not_run_again() {
    let invariant = Invariant::NoRepetition;
    let again = Story::new().started().done("a", 1).ended().line("start", "a", 1);
    assert_bad(&again, invariant, "the attempt of token 1 did its work twice");
    let ended_twice = Story::new().started().done("a", 1).ended().line("end", "a", 1);
    assert_bad(&ended_twice, invariant, "the attempt of token 1 did its work twice");
    let later = Story::new().started().done("a", 1).event("a attempt.granted succeeded running 2");
    let later = later.line("start", "a", 2).head();
    assert!(later.breaches().iter().any(|breach| breach.message == "`a` has succeeded and runs again"));
    assert_good(&Story::new().started().done("a", 1).done("a#2", 2).ended());
    assert_good(&Story::new().started().lost("a", 1).lost("a", 2).done("a", 3).ended());
    assert_good(&Story::new().started().done("a[0]", 1).done("a[1]", 2).ended());
}

#[test]
fn an_effect_needs_a_recorded_grant() {
    let invariant = Invariant::GrantBeforeEffect;
    let early = Story::new().started().line("start", "a", 1).ended();
    assert_bad(&early, invariant, "`a` had an effect under token 1, which was never granted");
    let other_task = Story::new().started().done("a", 1).ended().line("start", "b", 3);
    assert_bad(&other_task, invariant, "`b` had an effect under token 3, which was never granted");
    let mut borrowed = Story::new().started().granted("a", 1).attempt_ended("a", 1, "lost");
    borrowed.expected.is_over = false;
    let borrowed = borrowed.head().line("start", "b", 1);
    assert_bad(&borrowed, invariant, "token 1 was granted to something else than `b`");
    assert_good(&Story::new().started().done("a", 1).ended());
    assert_good(&Story::new().started().lost("a", 1).done("a", 2).ended());
    let unrecorded_end = Story::new().started().granted("a", 1).line("start", "a", 1).head();
    let mut unrecorded_end = unrecorded_end.line("end", "a", 1);
    unrecorded_end.expected.is_over = false;
    assert_good(&unrecorded_end);
}

#[test]
fn lines_that_are_no_events_are_refused() {
    for wrong in ["{", "{}", r#"{"log":0,"seq":1,"boot":1,"run":"r","type":"x","from":"?","to":"running"}"#] {
        assert!(Export::parse(wrong).is_err(), "{wrong}");
    }
    for wrong in ["begin r a 1 1 1", "start r a 1 1", "start r a 1 1 1 1", "start r a x 1 1"] {
        assert_eq!(Ledger::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_breach_shows_the_shortest_window() {
    let story = Story::new().started().granted("a", 1).done("b", 2).succeeded("a").ended();
    let breach = story.breaches().into_iter().find(|breach| breach.message.contains("`a`")).unwrap();
    assert_eq!(breach.window.len(), 2);
    assert!(breach.window.iter().all(|line| line.contains(r#""task":"a""#)));
    assert!(breach.to_string().starts_with("I4: `a` is succeeded while an attempt has no recorded end\n  {"));
}

/// A task with a `finally`, up to the end of its body.
fn begun() -> Story {
    let mut story = Story::new().started().granted("a", 1).line("start", "a", 1).line("end", "a", 1);
    story.expected.finally.insert("a".to_owned());
    story.attempt_ended("a", 1, "succeeded")
}

#[test]
fn a_task_that_began_needs_its_finally() {
    let handled = begun().event_with("a handler.entered running running", "handler", "finally");
    assert_good(&handled.done("a/finally", 2).succeeded("a").ended());
    assert_bad(
        &begun().succeeded("a").ended(),
        Invariant::FinallyRuns,
        "`a` began and ended without its `finally`",
    );
    let cancel = |story: Story| story.event_with("- cancel.requested running running", "by", "ana");
    assert_bad(
        &cancel(begun()).succeeded("a").ended(),
        Invariant::FinallyRuns,
        "`a` began and ended without its `finally`",
    );
    assert_good(&cancel(cancel(begun())).succeeded("a").ended());
}

#[test]
fn nothing_is_granted_where_the_time_is_over() {
    let entered = Story::new().started().event("b task.entered pending running");
    let late = entered.event_with("b limit.reached running running", "limit", "attempt");
    assert_bad(
        &late.clone().done("b/x", 1).succeeded("b").ended(),
        Invariant::LimitsHold,
        "`b/x` is granted after the time of `b` was over",
    );
    assert_good(&late.clone().done("b/x/finally", 1).done("bc", 2).succeeded("b").ended());
    let again = late.event("b task.retrying running waiting").event("b task.entered waiting running");
    assert_good(&again.done("b~2/x", 1).succeeded("b").ended());
}
