//! The secrets of an attempt: which it needs, the commands that give some of them, and what must be masked because of
//! them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::Duration;

use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{FencingToken, RunId};
use myrmex_model::outcome::AttemptEnd;
use myrmex_model::value::{Value, to_text};

use super::{Assignment, WorkerConfig};
use crate::platform::{Exit, ProcessEnd, ProcessId, ProcessSpec, Stream};
use crate::secrets::{self, Masks, SECRET_BYTES_MAX, Secret};

/// How long a command may take to give a secret: one that waits for a person must not hold an attempt for ever.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long such a command has between the request to stop and its death.
const COMMAND_GRACE: Duration = Duration::from_secs(1);

/// The first number of a command's process. Tokens, which name the processes of attempts, stay below: they begin with
/// the owner's epoch, and no store is opened two thousand million times.
const COMMANDS_FROM: u64 = 1 << 63;

/// The most runs whose secrets are remembered; of older ones those of the attempts under way are.
const RUNS_MAX: usize = 64;

/// The most secrets of one run that are remembered, the newest: each costs memory and time, and a command may give
/// another one to each attempt.
const SECRETS_PER_RUN_MAX: usize = 128;

/// The variables of an attempt that hold secrets.
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

    fn names(&self) -> BTreeSet<String> {
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
    wanted: Wanted,
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
    /// The attempt can start.
    Ready(Assignment, Secrets),
    /// It will not.
    Over(Assignment, AttemptEnd),
}

/// The secrets of an attempt that can start.
#[derive(Default)]
pub(super) struct Secrets {
    /// The variables that hold them.
    pub(super) variables: Vec<(OsString, OsString)>,
    /// Their values.
    pub(super) values: Vec<Secret>,
}

impl Preparing {
    /// Fetches what can be had at once. If a secret cannot be had, that is how the attempt ends.
    pub(super) fn new(assignment: Assignment, wanted: Wanted, config: &WorkerConfig) -> Self {
        let names = wanted.names();
        let (values, to_ask) = (BTreeMap::new(), Vec::new());
        let mut preparing = Self { assignment, wanted, values, to_ask, asked: 0, end: None };
        for name in names {
            match config.providers.find(&name) {
                Ok(secrets::Source::Value(secret)) => {
                    preparing.values.insert(name, secret);
                }
                Ok(secrets::Source::Command(words)) => preparing.to_ask.push((name, spec(words, config))),
                Err(fault) => {
                    preparing.end(AttemptEnd::Failed { fault });
                    break;
                }
            }
        }
        preparing
    }

    /// Returns the next command to start.
    pub(super) fn next_command(&mut self) -> Option<(String, ProcessSpec)> {
        let next = self.to_ask.pop();
        self.asked += u32::from(next.is_some());
        next
    }

    /// Takes the answer for a secret, or why there is none.
    pub(super) fn answered(&mut self, name: &str, answer: Result<Secret, Fault>) {
        self.asked -= 1;
        match answer {
            Ok(secret) => {
                self.values.insert(name.to_owned(), secret);
            }
            Err(fault) => self.end(AttemptEnd::Failed { fault }),
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
        Prepared::Ready(self.assignment, Secrets { variables, values })
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

/// The secrets that attempts were given, by run: another task of the run may find one in a file and print it.
#[derive(Default)]
pub(super) struct RunMasks {
    /// The newest last.
    runs: VecDeque<(RunId, Arc<Masks>)>,
}

impl RunMasks {
    /// Returns the masks of a run; none if it has no secrets, which costs nothing.
    pub(super) fn of(&self, run: RunId) -> Option<Arc<Masks>> {
        self.runs.iter().find(|(of, _)| *of == run).map(|(_, masks)| Arc::clone(masks))
    }

    /// Adds secrets of a run; returns its masks if they have changed.
    pub(super) fn learn(&mut self, run: RunId, values: &[Secret]) -> Option<Arc<Masks>> {
        let old = self.of(run);
        let mut known: Vec<Secret> = old.map(|masks| masks.secrets().to_vec()).unwrap_or_default();
        let count = known.len();
        for value in values {
            if !known.iter().any(|known| known.expose() == value.expose()) {
                known.push(value.clone());
            }
        }
        if known.len() == count {
            return None;
        }
        known.drain(..known.len().saturating_sub(SECRETS_PER_RUN_MAX));
        let masks = Arc::new(Masks::new(known));
        self.runs.retain(|(of, _)| *of != run);
        self.runs.push_back((run, Arc::clone(&masks)));
        if self.runs.len() > RUNS_MAX {
            self.runs.pop_front();
        }
        Some(masks)
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
    fn masks_of_a_run_grow_and_are_forgotten_with_old_runs() {
        let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
        let mut masks = RunMasks::default();
        let run = RunId([1; 16]);
        assert!(masks.of(run).is_none());
        assert!(masks.learn(run, &[secret("hunter2")]).is_some());
        assert!(masks.learn(run, &[secret("hunter2")]).is_none());
        assert_eq!(masks.learn(run, &[secret("other")]).unwrap().text("hunter2 other"), "*** ***");
        for number in 0..RUNS_MAX {
            masks.learn(RunId::derived(&[&number.to_string()]), &[secret("hunter2")]);
        }
        assert!(masks.of(run).is_none());
    }
}
