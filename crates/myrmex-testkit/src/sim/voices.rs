//! People and programs who answer what runs ask, and send messages: early, late, twice, and again when they hear nothing.
//!
//! What they say is drawn from the tape of people, and only if a workflow asks anybody, so a case that knows nothing of them is as it
//! was. What is acknowledged has to be in the journal, once; what is refused must not be. When faults are over, everything that still
//! asks is answered, so that every run ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::TryRecvError;

use myrmex_engine::run::{TaskView, node_at};
use myrmex_model::address::Address;
use myrmex_model::event::{Event, Recorded};
use myrmex_model::id::RunId;
use myrmex_model::ir::{AwaitKind, Body, Definition};
use myrmex_model::name::Name;
use myrmex_model::signal::{Answer, Progress, Settlement, Signal, Word};
use myrmex_runtime::partition::{Answered, NewSignal, RequestError, load_run};
use serde_json::json;

use super::planted::Planted;
use super::random::{mix, mix_text};
use super::world::World;

/// The most that people say of themselves in one history: more would leave nothing to the faults.
const VOICES_MAX: usize = 40;

/// What became of something that somebody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Open,
    Taken,
    Refused,
}

/// Something that somebody says to a run.
struct Voice {
    new: NewSignal,
    answer: Option<Answered>,
    /// Whether an answer was lost, so that it is said again.
    is_doubtful: bool,
    verdict: Verdict,
}

impl Voice {
    /// Forgets an answer that will not come.
    fn lose_answer(&mut self, planted: Option<Planted>) {
        if self.answer.take().is_some() {
            self.is_doubtful = true;
            if planted == Some(Planted::SignalTwice) {
                self.new.signal.id.push('+');
            }
        }
    }

    /// Says what of a journal is not as it has to be after what was answered; nothing if all is well.
    fn breach(&self, journal: &[Recorded]) -> Option<String> {
        let name = self.new.signal.id.trim_end_matches('+');
        let is_ours = |recorded: &&Recorded| match &recorded.event {
            Event::SignalReceived { signal, .. } => signal.id.trim_end_matches('+') == name,
            _ => false,
        };
        let found = journal.iter().filter(is_ours).count();
        let is_good = match self.verdict {
            Verdict::Taken => found == 1,
            Verdict::Refused => found == 0,
            Verdict::Open => found <= 1,
        };
        let (run, verdict) = (self.new.run, self.verdict);
        (!is_good).then(|| format!("run {run}: `{name}` is {verdict:?}, and recorded {found} times"))
    }
}

/// What people say in one history.
#[derive(Default)]
pub(super) struct Voices {
    all: Vec<Voice>,
}

impl Voices {
    /// Whether everything that was said is answered.
    pub(super) fn are_answered(&self) -> bool {
        self.all.iter().all(|voice| voice.verdict != Verdict::Open)
    }

    /// The process died: who waits for an answer will not hear it.
    pub(super) fn lose_answers(&mut self, planted: Option<Planted>) {
        self.all.iter_mut().for_each(|voice| voice.lose_answer(planted));
    }

    /// Returns what waits for an answer, for whoever looks into a breach.
    pub(super) fn describe(&self) -> impl Iterator<Item = String> {
        let open = self.all.iter().filter(|voice| voice.verdict == Verdict::Open);
        open.map(|voice| format!("said to {}: {:?}", voice.new.run, voice.new.signal))
    }

    /// Says what the journal of a run does not hold of what people were told about it.
    pub(super) fn breaches(&self, run: RunId, journal: &[Recorded]) -> impl Iterator<Item = String> {
        self.all.iter().filter(move |voice| voice.new.run == run).filter_map(|voice| voice.breach(journal))
    }
}

impl World {
    /// Whether a workflow asks anybody.
    fn asks_people(&self) -> bool {
        // In a project somebody decides what becomes of what failed.
        let asks = |definition: &Definition| {
            let mut nodes = definition.nodes.iter();
            definition.project.is_some() || nodes.any(|node| matches!(node.body, Body::Await(_)))
        };
        self.definitions.iter().any(asks)
    }

    /// Lets somebody say something, sometimes.
    pub(super) fn speak(&mut self) {
        if !self.asks_people() || self.voices.all.len() >= VOICES_MAX {
            return;
        }
        if !self.wishes.random.permille(60 / self.pace()) {
            return;
        }
        let runs: Vec<RunId> = self.open_runs().into_iter().map(|open| open.run).collect();
        if runs.is_empty() {
            return;
        }
        let run = *self.wishes.random.one_of(&runs);
        let Some(word) = self.draw_word(run) else { return };
        let by = match self.wishes.random.below(6) {
            0..=2 => format!("p{}", self.voices.all.len()),
            3 | 4 => "p".to_owned(),
            _ => "eve".to_owned(),
        };
        self.say(run, word, by);
    }

    /// Draws what is said to a run: mostly an answer to what it asks, now and then one to something else, or a message that nobody
    /// waits for; nothing if it asks nothing.
    fn draw_word(&mut self, run: RunId) -> Option<Word> {
        let loaded = load_run(self.disk.reader().as_ref(), &self.namespace, run).ok()??;
        let asking: Vec<Address> = loaded.tasks().filter(wants_people).map(|task| task.address()).collect();
        let all: Vec<Address> = loaded.tasks().map(|task| task.address()).collect();
        let random = &mut self.wishes.random;
        let message = Word::Message(Name::new("go").expect("it is a name"));
        let task = match random.below(12) {
            0..=8 if !asking.is_empty() => random.one_of(&asking).clone(),
            9 if !all.is_empty() => random.one_of(&all).clone(),
            10 => return Some(message),
            _ => return None,
        };
        if loaded.task(&task).is_some_and(|task| task.is_stuck()) {
            let settlement = *random.one_of(&Settlement::ALL);
            return Some(Word::Answer { task, answer: Answer::Settled(settlement) });
        }
        let kind =
            loaded.task(&task).and_then(|task| task.awaited()).map(|awaited| awaited.body.kind.clone());
        let half = Answer::Progress(Progress { percent: 50, spent: None, remaining: None });
        let answer = match kind {
            Some(AwaitKind::Signal(name)) => return Some(Word::Message(name)),
            Some(AwaitKind::Approval) => {
                *random.one_of(&[Answer::Approved, Answer::Approved, Answer::Rejected])
            }
            Some(AwaitKind::Manual) => *random.one_of(&[Answer::Done, half, half, Answer::Failed]),
            Some(AwaitKind::Form | AwaitKind::Gate(_)) | None => Answer::Done,
        };
        Some(Word::Answer { task, answer })
    }

    /// Answers the first task that still asks, as well as can be; false if none does. To be asked when nothing else can happen.
    pub(super) fn answer_plainly(&mut self) -> bool {
        if !self.asks_people() || !self.voices.are_answered() {
            return false;
        }
        for run in self.open_runs().into_iter().map(|open| open.run) {
            let loaded = load_run(self.disk.reader().as_ref(), &self.namespace, run);
            let Ok(Some(loaded)) = loaded else { continue };
            let asking = loaded.tasks().find(wants_people);
            let Some((task, is_stuck)) = asking.map(|task| (task.address(), task.is_stuck())) else {
                continue;
            };
            let kind = loaded.task(&task).and_then(|task| task.awaited()).map(|own| own.body.kind.clone());
            let answer = |answer| Word::Answer { task: task.clone(), answer };
            let word = match kind {
                _ if is_stuck => answer(Answer::Settled(Settlement::Skip)),
                Some(AwaitKind::Signal(name)) => Word::Message(name),
                Some(AwaitKind::Approval) => answer(Answer::Approved),
                Some(AwaitKind::Manual | AwaitKind::Form | AwaitKind::Gate(_)) | None => answer(Answer::Done),
            };
            self.say(run, word, format!("p{}", self.voices.all.len()));
            return true;
        }
        false
    }

    fn say(&mut self, run: RunId, word: Word, by: String) {
        let is_form = matches!(word, Word::Answer { answer: Answer::Done, .. });
        let is_message = matches!(word, Word::Message(_));
        let id = format!("voice {}", self.voices.all.len());
        let signal = Signal { id, by, word, data: None, comment: None };
        let data = (is_form || is_message).then(|| json!({"v": 1}));
        self.counts.voices.said += 1;
        self.counts.voices.messages += u64::from(is_message);
        let new = NewSignal { run, signal, data };
        self.voices.all.push(Voice { new, answer: None, is_doubtful: false, verdict: Verdict::Open });
    }

    /// Lets people say what they have to say, and hear what they are answered. Now and then somebody says again what was taken.
    pub(super) fn ask_to_hear(&mut self) {
        let Some(process) = &self.process else { return };
        let planted = self.planted;
        let mut heard = Vec::new();
        for (index, voice) in self.voices.all.iter_mut().enumerate() {
            if voice.verdict != Verdict::Open {
                continue;
            }
            let new = &voice.new;
            let answer = voice.answer.get_or_insert_with(|| process.partitions.signal_run(new.clone()));
            match answer.try_recv() {
                Ok(Ok(())) => voice.verdict = Verdict::Taken,
                Ok(Err(RequestError::Rejected(_) | RequestError::Data(_))) => {
                    voice.verdict = Verdict::Refused;
                }
                // Nothing was done.
                Ok(Err(RequestError::Journal(_))) => voice.answer = None,
                // Nobody knows whether it was.
                Ok(Err(RequestError::Unknowable)) | Err(TryRecvError::Disconnected) => {
                    voice.lose_answer(planted);
                }
                Ok(Err(error)) => self.breaches.push(format!("a signal is refused: {error}")),
                Err(TryRecvError::Empty) if planted == Some(Planted::SignalRace) => {
                    voice.verdict = Verdict::Taken;
                }
                Err(TryRecvError::Empty) => {}
            }
            if voice.verdict != Verdict::Open {
                heard.push(index);
            }
        }
        for index in heard {
            self.hear_of_signal(index);
        }
    }

    /// Somebody was answered: what is durable now has to be so.
    fn hear_of_signal(&mut self, index: usize) {
        let journal = self.journal(self.voices.all[index].new.run);
        let voice = &self.voices.all[index];
        self.breaches.extend(voice.breach(&journal));
        let is_taken = voice.verdict == Verdict::Taken;
        self.trace = mix(mix_text(self.trace, &voice.new.signal.id), u64::from(is_taken));
        let counts = &mut self.counts.voices;
        counts.taken += u64::from(is_taken);
        counts.refused += u64::from(!is_taken);
        counts.again += u64::from(voice.is_doubtful);
        // Some do not trust what they heard.
        if is_taken && self.wishes.random.permille(100) {
            let voice = &mut self.voices.all[index];
            (voice.verdict, voice.answer) = (Verdict::Open, None);
            self.counts.voices.doubled += 1;
        }
    }
}

/// Judges what the journal of a run says of people: an approval needs as many different ones as it says, and a message is taken by
/// one task at most, after it came.
pub(super) fn check(run: RunId, journal: &[Recorded], definition: &Definition, breaches: &mut Vec<String>) {
    let mut agreed: BTreeMap<&Address, BTreeSet<&str>> = BTreeMap::new();
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    let mut wrong = |text: String| breaches.push(format!("run {run}: {text}"));
    for recorded in journal {
        match &recorded.event {
            Event::AwaitOpened { task, .. } => drop(agreed.insert(task, BTreeSet::new())),
            Event::SignalReceived { signal, .. } => match &signal.word {
                Word::Message(_) => drop(kept.insert(&signal.id)),
                Word::Answer { task, answer: Answer::Approved } => {
                    if !agreed.entry(task).or_default().insert(&signal.by) {
                        wrong(format!("`{}` counts twice for `{task}`", signal.by));
                    }
                }
                Word::Answer { .. } => {}
            },
            Event::SignalTaken { task, id } if !kept.remove(id.as_str()) => {
                wrong(format!("`{task}` takes `{id}`, which nobody left"));
            }
            Event::TaskSucceeded { task, fault: None, .. } => {
                let body = node_at(definition, task).map(|node| &definition.node(node).body);
                let Some(Body::Await(body)) = body else { continue };
                let count = agreed.get(task).map_or(0, BTreeSet::len);
                if body.kind == AwaitKind::Approval && count < body.count as usize {
                    wrong(format!("`{task}` succeeds with {count} of {} who agree", body.count));
                }
            }
            _ => {}
        }
    }
}

/// Whether something may be said to a task: it asks, or somebody has to decide what becomes of it.
fn wants_people(task: &TaskView<'_>) -> bool {
    task.is_awaiting() || task.is_stuck()
}

/// What came of what people said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VoiceCounts {
    /// What was said.
    pub said: u64,
    /// What of that was messages.
    pub messages: u64,
    /// What was acknowledged.
    pub taken: u64,
    /// What was refused.
    pub refused: u64,
    /// What was answered after an answer had been lost.
    pub again: u64,
    /// What was said again although it had been acknowledged.
    pub doubled: u64,
}

impl VoiceCounts {
    /// Adds what came of others.
    pub(super) fn add(&mut self, other: &Self) {
        self.said += other.said;
        self.messages += other.messages;
        self.taken += other.taken;
        self.refused += other.refused;
        self.again += other.again;
        self.doubled += other.doubled;
    }
}
