//! The secrets of an attempt: which it needs, the commands that give some of them, and what must be masked because of
//! them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::Duration;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{Epoch, FencingToken, RunId};
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::value::{Value, to_text};

use super::kin::Kin;
use super::{Assignment, Report, WorkerConfig};
use crate::partition::JournalError;
use crate::platform::{Exit, ProcessEnd, ProcessId, ProcessSpec, Stream};
use crate::secrets::{self, Masks, SECRET_BYTES_MAX, Secret};

/// How long a command may take to give a secret: one that waits for a person must not hold an attempt for ever.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long such a command has between the request to stop and its death.
const COMMAND_GRACE: Duration = Duration::from_secs(1);

/// The first number of a command's process. Tokens, which name the processes of attempts, stay below: they begin with
/// the owner's epoch, and no store is opened two thousand million times.
const COMMANDS_FROM: u64 = 1 << 63;

/// The most roots whose masks are kept. Of others the journal is asked again.
const ROOTS_MAX: usize = 256;

/// The most runs whose root is kept: of others the journal is asked again.
const RUNS_MAX: usize = 4_096;

/// The most bytes that all values given to runs of one root may have, because a command may give another one to each
/// attempt: masks take about 250 bytes of memory for each of them, and up to four times that for binary ones.
const SECRETS_BYTES_MAX: usize = 512 << 10;

/// The variables of an attempt that hold secrets.
#[derive(Default)]
pub(super) struct Wanted {
    variables: Vec<(String, Vec<Part>)>,
}

/// A part of such a variable.
enum Part {
    Text(String),
    Secret(String),
}

impl Wanted {
    /// Reads what the arguments ask for; nothing if that is no secret.
    ///
    /// # Errors
    ///
    /// Returns the attempt's error if they make no sense.
    pub(super) fn of(arguments: &Value) -> Result<Option<Self>, Fault> {
        let fields = match arguments.get("secret_env") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(misfit("`secret_env` is no map")),
        };
        let variables = fields.iter().map(|(name, parts)| {
            let parts = parts.as_array().ok_or_else(|| misfit("a secret variable is no list of parts"))?;
            Ok((name.clone(), parts.iter().map(part).collect()))
        });
        let variables = variables.collect::<Result<Vec<_>, Fault>>()?;
        Ok((!variables.is_empty()).then_some(Self { variables }))
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        let parts = self.variables.iter().flat_map(|(_, parts)| parts);
        let names = parts.filter_map(|part| match part {
            Part::Secret(name) => Some(name.clone()),
            Part::Text(_) => None,
        });
        names.collect()
    }

    fn compose(&self, values: &BTreeMap<String, Secret>) -> Vec<(OsString, OsString)> {
        let compose = |parts: &[Part]| {
            let pieces = parts.iter().map(|part| match part {
                Part::Text(text) => text.as_bytes(),
                Part::Secret(name) => values.get(name).map_or(b"".as_slice(), Secret::expose),
            });
            // In one piece, so that no copy is left behind where it had to grow.
            OsString::from_vec(pieces.collect::<Vec<_>>().concat())
        };
        self.variables.iter().map(|(name, parts)| (name.into(), compose(parts))).collect()
    }
}

fn part(part: &Value) -> Part {
    match part.get("secret").and_then(Value::as_str) {
        Some(name) => Part::Secret(name.to_owned()),
        None => Part::Text(to_text(part)),
    }
}

fn misfit(title: &str) -> Fault {
    Fault::new(FaultKind::Validation, title)
}

/// An attempt whose secrets are being fetched.
pub(super) struct Preparing {
    pub(super) assignment: Assignment,
    /// The success that it takes over instead of being started.
    hit: Option<Box<Report>>,
    root: RunId,
    wanted: Wanted,
    /// Secrets that it is not given: they are fetched to be masked.
    recalled: BTreeSet<String>,
    values: BTreeMap<String, Secret>,
    /// Commands that were not started yet, the last first.
    to_ask: Vec<(String, ProcessSpec)>,
    /// Commands under way.
    asked: u32,
    /// How the attempt ends instead of being started.
    end: Option<AttemptEnd>,
}

/// What became of a preparation.
pub(super) enum Prepared {
    /// Commands are under way.
    NotYet,
    /// The attempt can start, or take over this success.
    Ready(Assignment, Option<Box<Report>>, Secrets),
    /// It will not.
    Over(Assignment, AttemptEnd),
}

/// The secrets of an attempt that can start.
pub(super) struct Secrets {
    /// The root of its run.
    pub(super) root: RunId,
    /// The variables that hold them.
    pub(super) variables: Vec<(OsString, OsString)>,
    /// Their values, and those of others that it may come across.
    pub(super) values: Vec<Secret>,
}

impl Secrets {
    /// None, for an attempt of a run that comes from `root`.
    pub(super) fn none(root: RunId) -> Self {
        Self { root, variables: Vec::new(), values: Vec::new() }
    }
}

impl Preparing {
    /// Fetches what can be had at once, of the secrets that the attempt is given and of those that are `recalled`. If one
    /// that it is given cannot be had, that is how the attempt ends.
    pub(super) fn new(
        (assignment, hit): (Assignment, Option<Box<Report>>),
        wanted: Wanted,
        Recalled { root, names: recalled }: Recalled,
        config: &WorkerConfig,
    ) -> Self {
        let given = wanted.names();
        let recalled: BTreeSet<_> = recalled.difference(&given).cloned().collect();
        let names: Vec<_> = given.into_iter().chain(recalled.iter().cloned()).collect();
        let (values, to_ask) = (BTreeMap::new(), Vec::new());
        let mut preparing =
            Self { assignment, hit, root, wanted, recalled, values, to_ask, asked: 0, end: None };
        for name in names {
            match config.providers.find(&name) {
                Ok(secrets::Source::Value(secret)) => {
                    preparing.values.insert(name, secret);
                }
                Ok(secrets::Source::Command(words)) => preparing.to_ask.push((name, spec(words, config))),
                Err(fault) => preparing.refused(&name, fault, config),
            }
            if preparing.end.is_some() {
                break;
            }
        }
        preparing
    }

    /// Takes that a secret cannot be had. One that another attempt was given before is not masked then; of that somebody
    /// should know.
    fn refused(&mut self, name: &str, fault: Fault, config: &WorkerConfig) {
        if self.recalled.contains(name) {
            let Fault { title, .. } = fault;
            config.kin.note(format!(
                "what an earlier process gave to tasks as the secret `{name}` is not masked any more: {title}"
            ));
        } else {
            self.end(AttemptEnd::Failed { fault });
        }
    }

    /// Returns the next command to start.
    pub(super) fn next_command(&mut self) -> Option<(String, ProcessSpec)> {
        let next = self.to_ask.pop();
        self.asked += u32::from(next.is_some());
        next
    }

    /// Takes the answer for a secret, or why there is none.
    pub(super) fn answered(&mut self, name: &str, answer: Result<Secret, Fault>, config: &WorkerConfig) {
        self.asked -= 1;
        match answer {
            Ok(secret) => {
                self.values.insert(name.to_owned(), secret);
            }
            Err(fault) => self.refused(name, fault, config),
        }
    }

    /// Lets the attempt end like this once nothing of it is under way. The first reason stays.
    pub(super) fn end(&mut self, end: AttemptEnd) {
        self.to_ask.clear();
        self.end.get_or_insert(end);
    }

    /// Whether it waits for nothing any more.
    pub(super) fn is_settled(&self) -> bool {
        self.asked == 0 && self.to_ask.is_empty()
    }

    /// Ends the preparation.
    pub(super) fn settle(self) -> Prepared {
        if !self.is_settled() {
            return Prepared::NotYet;
        }
        if let Some(end) = self.end {
            return Prepared::Over(self.assignment, end);
        }
        let variables = self.wanted.compose(&self.values);
        let values = self.values.into_values().collect();
        Prepared::Ready(self.assignment, self.hit, Secrets { root: self.root, variables, values })
    }
}

/// The process of a command that gives a secret. It has the whole environment of myrmex, its own credentials included.
fn spec(words: &[String], config: &WorkerConfig) -> ProcessSpec {
    ProcessSpec {
        argv: words.iter().map(OsString::from).collect(),
        env: Vec::new(),
        env_remove: Vec::new(),
        script: None,
        workdir: config.workspace.clone(),
        timeout: Some(COMMAND_TIMEOUT),
        grace: COMMAND_GRACE,
    }
}

/// The commands under way that give secrets.
#[derive(Default)]
pub(super) struct Commands {
    running: BTreeMap<ProcessId, Command>,
    started: u64,
}

/// A command under way.
pub(super) struct Command {
    /// The attempt that needs the secret.
    pub(super) token: FencingToken,
    /// The secret.
    pub(super) name: String,
    program: String,
    printed: Vec<u8>,
}

impl Commands {
    /// Takes up a command and names its process.
    pub(super) fn add(&mut self, token: FencingToken, name: String, spec: &ProcessSpec) -> ProcessId {
        let id = ProcessId(COMMANDS_FROM | self.started);
        self.started += 1;
        let program = spec.argv.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        // As much as is ever kept, so that growing leaves no copy behind.
        let printed = Vec::with_capacity(SECRET_BYTES_MAX + 2);
        self.running.insert(id, Command { token, name, program, printed });
        id
    }

    /// Returns the processes that work for an attempt.
    pub(super) fn of(&self, token: FencingToken) -> impl Iterator<Item = ProcessId> {
        self.running.iter().filter(move |(_, command)| command.token == token).map(|(id, _)| *id)
    }

    /// Keeps what a command printed; false if the process is none of these. What it says on its standard error is left
    /// out: it may hold anything.
    pub(super) fn keep(&mut self, id: ProcessId, stream: Stream, bytes: &[u8]) -> bool {
        let Some(command) = self.running.get_mut(&id) else { return false };
        if stream == Stream::Stdout {
            let room = command.printed.capacity() - command.printed.len();
            command.printed.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        true
    }

    /// Takes a command out that has ended or was never started.
    pub(super) fn remove(&mut self, id: ProcessId) -> Option<Command> {
        self.running.remove(&id)
    }
}

impl Command {
    /// Makes the secret of what was printed.
    pub(super) fn answer(self, end: &ProcessEnd) -> (FencingToken, String, Result<Secret, Fault>) {
        let Self { token, name, program, printed } = self;
        // Also what is not used is overwritten when it is dropped.
        let printed = Secret::new(printed);
        let failed = |how: String| {
            let hint = "what it says is not shown, because it could be the secret; try the command by hand";
            let title = format!("the command `{program}` did not give the secret `{name}`: {how}");
            Err(secrets::fault(title, hint))
        };
        let answer = match end.exit {
            Exit::Code(0) => secrets::printed(&name, printed.expose().to_vec()),
            Exit::Code(code) => failed(format!("exit code {code}")),
            Exit::Signal(signal) => failed(format!("killed by signal {signal}")),
            Exit::TimedOut { .. } => {
                failed(format!("it took longer than {} seconds", COMMAND_TIMEOUT.as_secs()))
            }
            Exit::Stopped { .. } => failed("it was stopped".to_owned()),
            Exit::NotStarted { errno, .. } => {
                failed(format!("it cannot be started: {}", std::io::Error::from_raw_os_error(errno)))
            }
            Exit::ReaperLost => failed("the process that watches over it was killed".to_owned()),
        };
        (token, name, answer)
    }
}

/// The secrets that attempts were given, by the root of their run: another task may find one in a file and print it.
#[derive(Default)]
pub(super) struct RunMasks {
    /// Those of each root whose journal was asked, the newest last; none if it has no secrets.
    roots: VecDeque<(RunId, Option<Arc<Masks>>)>,
    /// The root of each run that was asked for.
    root_of: BTreeMap<RunId, RunId>,
    has_forgotten: bool,
}

/// What must be fetched before an attempt can start, beside what it is given.
pub(super) struct Recalled {
    /// The root of its run.
    pub(super) root: RunId,
    /// The secrets that attempts were given which this process has not seen.
    pub(super) names: BTreeSet<String>,
}

impl RunMasks {
    /// Finds the root of a run, and the secrets of earlier attempts of which the masks do not know.
    ///
    /// # Errors
    ///
    /// Returns [`JournalError`] if the journal cannot be read.
    pub(super) fn recall(
        &mut self,
        kin: &Kin,
        run: RunId,
        token: FencingToken,
    ) -> Result<Recalled, JournalError> {
        let (mut root, mut passed) = (run, Vec::new());
        loop {
            if let Some(known) = self.root_of.get(&root) {
                root = *known;
                break;
            }
            passed.push(root);
            match kin.parent(root)? {
                Some(parent) => root = parent,
                None => break,
            }
        }
        if self.root_of.len() + passed.len() > RUNS_MAX {
            self.root_of.clear();
        }
        self.root_of.extend(passed.into_iter().map(|run| (run, root)));
        let is_known = self.roots.iter().any(|(of, _)| *of == root);
        // What this very process knew and forgot was given in its own epoch.
        let until = if self.has_forgotten { Epoch(u32::MAX) } else { token.epoch() };
        let names = if is_known { BTreeSet::new() } else { kin.given_before(root, until)? };
        Ok(Recalled { root, names })
    }

    /// Returns the masks of all runs of a root; none if they have no secrets, which costs nothing.
    pub(super) fn of(&self, root: RunId) -> Option<Arc<Masks>> {
        self.roots.iter().find(|(of, _)| *of == root).and_then(|(_, masks)| masks.clone())
    }

    /// Adds secrets to those of a root, about which everything else is known; returns its masks if they have changed.
    ///
    /// # Errors
    ///
    /// Returns the error of the attempt that has them if there are too many to be masked.
    pub(super) fn learn(&mut self, root: RunId, values: &[Secret]) -> Result<Option<Arc<Masks>>, Fault> {
        let old = self.of(root).unwrap_or_default();
        let mut fresh: Vec<Secret> = Vec::new();
        for value in values {
            let is_new = |known: &Secret| known.expose() != value.expose();
            if old.secrets().chain(&fresh).all(is_new) {
                fresh.push(value.clone());
            }
        }
        let bytes: usize = old.secrets().chain(&fresh).map(|secret| secret.expose().len()).sum();
        if !fresh.is_empty() && bytes > SECRETS_BYTES_MAX {
            let most = SECRETS_BYTES_MAX >> 10;
            let title = format!("the secrets of this run have more than {most} KiB and cannot all be masked");
            let detail = "does a provider give another value to each attempt?";
            return Err(Fault::new(FaultKind::DataLimit, title).with_detail(detail));
        }
        let known = self.roots.iter_mut().find(|(of, _)| *of == root);
        let has_changed = !fresh.is_empty();
        let masks = has_changed.then(|| Arc::new(old.with(fresh)));
        match known {
            Some((_, known)) if has_changed => known.clone_from(&masks),
            Some(_) => {}
            None => self.roots.push_back((root, masks.clone())),
        }
        if self.roots.len() > ROOTS_MAX {
            self.roots.pop_front();
            self.has_forgotten = true;
        }
        Ok(masks)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_is_put_together_of_texts_and_secrets() {
        let wanted = Wanted::of(&json!({"secret_env": {"URL": ["https://u:", {"secret": "PW"}, "@h:", 80]}}));
        let wanted = wanted.unwrap().unwrap();
        assert_eq!(wanted.names(), ["PW".to_owned()].into());
        let values = [("PW".to_owned(), Secret::new(b"hunter2".to_vec()))].into();
        assert_eq!(wanted.compose(&values), [("URL".into(), "https://u:hunter2@h:80".into())]);
    }

    #[test]
    fn arguments_without_secrets_ask_for_none() {
        assert!(Wanted::of(&json!({"script": "true"})).unwrap().is_none());
        assert!(Wanted::of(&json!({"secret_env": {}})).unwrap().is_none());
        assert!(Wanted::of(&json!({"secret_env": 3})).is_err());
        assert!(Wanted::of(&json!({"secret_env": {"A": "text"}})).is_err());
    }

    #[test]
    fn masks_of_a_root_grow_and_are_forgotten_with_old_roots() {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let mut masks = RunMasks::default();
        let root = RunId([1; 16]);
        assert!(masks.of(root).is_none());
        assert!(masks.learn(root, &[]).unwrap().is_none() && masks.of(root).is_none());
        assert!(masks.learn(root, &[secret("hunter2")]).unwrap().is_some());
        assert!(masks.learn(root, &[secret("hunter2")]).unwrap().is_none());
        assert_eq!(masks.learn(root, &[secret("other")]).unwrap().unwrap().text("hunter2 other"), "*** ***");
        for number in 0..ROOTS_MAX {
            masks.learn(RunId::derived(&[&number.to_string()]), &[secret("hunter2")]).unwrap();
        }
        assert!(masks.of(root).is_none() && masks.has_forgotten);
    }

    #[test]
    fn more_secrets_than_can_be_masked_fail_the_attempt() {
        let mut masks = RunMasks::default();
        let root = RunId([1; 16]);
        let value = |number: usize| Secret::new(format!("{number:04}").repeat(1_024).into_bytes());
        let count = SECRETS_BYTES_MAX / 4_096;
        for number in 0..count {
            assert!(masks.learn(root, &[value(number)]).unwrap().is_some());
        }
        let fault = masks.learn(root, &[value(count)]).err().unwrap();
        assert_eq!(fault.title, "the secrets of this run have more than 512 KiB and cannot all be masked");
        // What is known may be given again.
        assert!(masks.learn(root, &[value(0)]).unwrap().is_none());
        assert_eq!(masks.of(root).unwrap().text(&"0000".repeat(1_024)), "***");
    }
}
