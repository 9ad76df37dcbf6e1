//! The settings of a workspace: `myrmex.yaml`, read with places like every other file.
//!
//! It says where secrets come from, what an evaluation may do, and what there is of pools and of the worker. It never holds
//! a secret itself.

mod limits;
mod supply;

use std::collections::BTreeMap;
use std::path::Path;

use myrmex_lang::tree::{Entry, Map, Node, Place, parse_source};
use myrmex_lang::{Source, codes, nearest};
use myrmex_model::diagnostic::{Code, Diagnostic, Severity, Span};
use myrmex_model::name::Name;
use myrmex_runtime::evaluate::EvaluationLimits;
use myrmex_runtime::secrets::{Provider, Providers};
use serde_json::{Value, json};

pub use supply::WorkerSettings;

use crate::exit::{Failure, FailureCode};
use crate::render::diagnostics;
use crate::sources::read_text;
use crate::workspace::{SETTINGS_NAME, Workspace};

/// The code of a secret without exactly one provider.
pub const PROVIDER: Code = Code("E0701");

/// The keys of the file.
const KEYS: [&str; 5] = ["secrets", "secrets_folder", "expressions", "pools", "worker"];

/// The keys of a secret: the ways it can come.
const PROVIDER_KEYS: [&str; 3] = ["env", "file", "command"];

/// Whether a source file holds the settings of a workspace, by its name or by its first key.
pub fn is_settings(path: &Path, text: &str) -> bool {
    let is_named = path.file_name().is_some_and(|name| name == SETTINGS_NAME);
    let is_content = |line: &&str| !line.trim().is_empty() && !line.starts_with(['#', '%']) && *line != "---";
    let first = text.lines().find(is_content).and_then(|line| line.split_once(':'));
    is_named || first.is_some_and(|(key, _)| KEYS.contains(&key.trim_end()))
}

/// Returns the JSON Schema (draft 2020-12) of the file, for editors.
pub fn schema() -> Value {
    let text = json!({"type": "string", "minLength": 1});
    let ways: serde_json::Map<String, Value> =
        PROVIDER_KEYS.map(|key| (key.to_owned(), way(key, &text))).into_iter().collect();
    let one_of: Vec<Value> = PROVIDER_KEYS.iter().map(|key| json!({"required": [key]})).collect();
    let provider = json!({
        "type": "object",
        "properties": ways,
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
        "oneOf": one_of,
    });
    let of_key = |key: &str| match key {
        "secrets" => json!({
            "description": "Where each secret comes from; one that is not named here comes from MYRMEX_SECRET_NAME",
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"},
            "additionalProperties": provider,
        }),
        "expressions" => limits::schema(),
        "pools" => supply::pools_schema(),
        "worker" => supply::worker_schema(),
        _ => json!({
            "description": "A folder with a file for each secret, by its name",
            "type": "string",
            "minLength": 1,
        }),
    };
    let keys: serde_json::Map<String, Value> =
        KEYS.map(|key| (key.to_owned(), of_key(key))).into_iter().collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The settings of a workspace of myrmex",
        "type": "object",
        "properties": keys,
        "patternProperties": {"^x-": {}},
        "additionalProperties": false,
    })
}

fn way(key: &str, text: &Value) -> Value {
    match key {
        "env" => json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
        "file" => text.clone(),
        _ => json!({"type": "array", "items": text, "minItems": 1}),
    }
}

/// The settings of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where secrets come from.
    pub providers: Providers,
    /// What an evaluation may do.
    pub limits: EvaluationLimits,
    /// The pools of all workflows, with how much there is of each.
    pub pools: BTreeMap<Name, u32>,
    /// What the local worker has.
    pub worker: WorkerSettings,
}

impl Settings {
    /// Reads the settings of a workspace. Without a file they are the built-in ones. Problems are printed.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if the file cannot be read or has errors.
    pub fn load(workspace: &Workspace) -> Result<Self, Failure> {
        let path = workspace.root.join(SETTINGS_NAME);
        if !path.exists() {
            return Ok(Self::default());
        }
        let failure = |message: String| Failure::new(FailureCode::Settings, message);
        let text = read_text(&path)
            .map_err(|reason| failure(format!("`{}` cannot be read: {reason}", path.display())))?;
        let source = Source::new(path.display().to_string(), text);
        let (settings, problems) = Self::read(&source, &workspace.root);
        diagnostics::print(&source, &problems);
        match problems.iter().filter(|problem| problem.severity == Severity::Error).count() {
            0 => Ok(settings),
            1 => Err(failure(format!("`{SETTINGS_NAME}` has an error"))),
            count => Err(failure(format!("`{SETTINGS_NAME}` has {count} errors"))),
        }
    }

    /// Reads the settings of a workspace for a check: what is wrong with them is not said, and says nothing.
    pub fn load_quietly(root: &Path) -> Self {
        let Ok(text) = read_text(&root.join(SETTINGS_NAME)) else { return Self::default() };
        Self::read(&Source::new(SETTINGS_NAME, text), root).0
    }

    /// Returns what a check knows of what the workspace has: never what the machine has that it runs on.
    pub fn declared(&self) -> myrmex_lang::Supply {
        let WorkerSettings { labels, resources, .. } = self.worker.clone();
        myrmex_lang::Supply { pools: self.pools.clone(), labels, resources }
    }

    /// Reads the text of the file; relative paths in it start at `root`. Returns all problems at once.
    pub fn read(source: &Source, root: &Path) -> (Self, Vec<Diagnostic>) {
        let (tree, mut problems) = parse_source(source);
        // The file also marks a workspace, so an empty one is complete.
        problems.retain(|problem| problem.code != codes::EMPTY);
        let mut reader = Reader { source, root, problems };
        let settings = tree.root.map(|root| reader.settings(&root)).unwrap_or_default();
        reader.problems.sort_by_key(|problem| problem.span.start);
        (settings, reader.problems)
    }
}

struct Reader<'s> {
    source: &'s Source,
    root: &'s Path,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn settings(&mut self, node: &Node) -> Settings {
        let mut settings = Settings::default();
        let Some(map) = self.map("the file", node) else { return settings };
        self.keys(map, &KEYS, "the settings");
        if let Some(entry) = map.entry("secrets")
            && let Some(secrets) = self.map("`secrets`", &entry.value)
        {
            for entry in &secrets.entries {
                let name = self.name(entry);
                let provider = self.provider(entry);
                settings.providers.named.extend(name.zip(provider));
            }
        }
        if let Some(entry) = map.entry("secrets_folder") {
            let folder = self.text("`secrets_folder`", &entry.value);
            settings.providers.folder = folder.map(|folder| self.root.join(folder));
        }
        if let Some(entry) = map.entry("expressions") {
            settings.limits = self.limits(&entry.value);
        }
        if let Some(entry) = map.entry("pools") {
            settings.pools = self.pools(&entry.value);
        }
        if let Some(entry) = map.entry("worker") {
            settings.worker = self.worker(&entry.value);
        }
        settings
    }

    fn name(&mut self, entry: &Entry) -> Option<String> {
        match Name::new(&entry.key.text) {
            Ok(name) => Some(name.as_str().to_owned()),
            Err(error) => {
                let message = format!("`{}` cannot name a secret: {error}", entry.key.text);
                self.refuse(codes::NAME, entry.key.place, message);
                None
            }
        }
    }

    fn provider(&mut self, entry: &Entry) -> Option<Provider> {
        let name = &entry.key.text;
        let map = self.map(&format!("the secret `{name}`"), &entry.value)?;
        let is_known = self.keys(map, &PROVIDER_KEYS, "a secret");
        let known = map.entries.iter().filter(|entry| PROVIDER_KEYS.contains(&entry.key.text.as_str()));
        let [one] = known.collect::<Vec<_>>()[..] else {
            if is_known {
                let message = format!("the secret `{name}` must have one of `env`, `file` and `command`");
                self.refuse(PROVIDER, entry.value.place, message);
            }
            return None;
        };
        match one.key.text.as_str() {
            "env" => self.variable(&one.value).map(Provider::Variable),
            "file" => self.text("`file`", &one.value).map(|path| Provider::File(self.root.join(path))),
            _ => self.command(&one.value).map(Provider::Command),
        }
    }

    fn variable(&mut self, node: &Node) -> Option<String> {
        let name = self.text("`env`", node)?;
        let is_name = name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
            && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if !is_name {
            let message = format!("`{name}` cannot name an environment variable");
            let problem = self.problem(codes::VARIABLE, node.place, message);
            self.problems.push(problem.with_hint("use letters, digits and `_`, no digit first"));
        }
        is_name.then(|| name.to_owned())
    }

    fn command(&mut self, node: &Node) -> Option<Vec<String>> {
        let Some(list) = node.as_list().filter(|list| !list.items.is_empty()) else {
            if !node.is_broken() {
                let message = "`command` must be a list of a program and its arguments".to_owned();
                let problem = self.problem(codes::TYPE, node.place, message);
                self.problems.push(problem.with_hint("write [PROGRAM, ARGUMENT, …]; no shell reads it"));
            }
            return None;
        };
        let words = list.items.iter().map(|item| self.text("a part of `command`", item).map(str::to_owned));
        // All of them are looked at, so that all problems are found.
        let words: Vec<_> = words.collect();
        words.into_iter().collect()
    }

    fn map<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n Map> {
        let map = node.as_map();
        if map.is_none() {
            self.refuse_type(what, "a map", node);
        }
        map
    }

    fn text<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n str> {
        let text = node.as_scalar().and_then(|scalar| scalar.as_text()).filter(|text| !text.is_empty());
        if text.is_none() {
            self.refuse_type(what, "text", node);
        }
        text
    }

    /// Checks the keys of a map; false if one is unknown.
    fn keys(&mut self, map: &Map, known: &[&'static str], owner: &str) -> bool {
        let mut is_good = true;
        for entry in &map.entries {
            let key = entry.key.text.as_str();
            if known.contains(&key) || key.starts_with("x-") {
                continue;
            }
            is_good = false;
            let mut problem =
                self.problem(codes::KEY_UNKNOWN, entry.key.place, format!("unknown key `{key}` in {owner}"));
            if let Some(near) = nearest(key, known.iter().copied()) {
                problem = problem.with_hint(format!("did you mean `{near}`?"));
            }
            self.problems.push(problem);
        }
        is_good
    }

    fn refuse_type(&mut self, what: &str, expected: &str, node: &Node) {
        // What the syntax tree refused was reported.
        if !node.is_broken() {
            let message = format!("{what} must be {expected}, this is {}", node.type_word());
            self.refuse(codes::TYPE, node.place, message);
        }
    }

    fn refuse(&mut self, code: Code, place: Place, message: String) {
        let problem = self.problem(code, place, message);
        self.problems.push(problem);
    }

    fn problem(&self, code: Code, place: Place, message: String) -> Diagnostic {
        let span = Span { file: self.source.name.clone(), start: place.start, end: place.end };
        Diagnostic::error(code, span, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Settings, Vec<String>) {
        let (settings, problems) = Settings::read(&Source::new(SETTINGS_NAME, text), Path::new("/space"));
        let shown = problems.iter().map(|found| {
            let line = text[..found.span.start].matches('\n').count() + 1;
            let hint = found.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{} {line} {}{hint}", found.code, found.message)
        });
        (settings, shown.collect())
    }

    #[test]
    fn an_empty_file_is_complete() {
        assert_eq!(read(""), (Settings::default(), Vec::new()));
        assert_eq!(read("# nothing yet\n"), (Settings::default(), Vec::new()));
    }

    #[test]
    fn each_provider_is_read() {
        let text = "secrets:\n  A: {env: CI_TOKEN}\n  B: {file: keys/b}\n  C: {command: [op, read, 'op://x']}\n\
                    secrets_folder: /run/secrets\n";
        let (settings, problems) = read(text);
        assert_eq!(problems, Vec::<String>::new());
        let named = [
            ("A".to_owned(), Provider::Variable("CI_TOKEN".into())),
            ("B".to_owned(), Provider::File("/space/keys/b".into())),
            ("C".to_owned(), Provider::Command(["op", "read", "op://x"].map(str::to_owned).to_vec())),
        ];
        assert_eq!(
            settings.providers,
            Providers { named: named.into(), folder: Some("/run/secrets".into()) }
        );
    }

    #[test]
    fn limits_of_evaluations_are_read_within_their_bounds() {
        let text = "expressions:\n  fuel: 200000\n  depth: 20\n  jq_deadline: 2s\n  jq_lost: 0\n";
        let (settings, problems) = read(text);
        assert_eq!(problems, Vec::<String>::new());
        let limits = EvaluationLimits {
            expression: myrmex_expr::Limits { fuel: 200_000, depth: 20 },
            jq_deadline: std::time::Duration::from_secs(2),
            jq_lost_max: 0,
        };
        assert_eq!(settings.limits, limits);
        let (settings, problems) = read("expressions: {depth: 20}\n");
        assert_eq!((settings.limits.expression.fuel, problems.len()), (myrmex_expr::FUEL, 0));
        let text =
            "expressions:\n  fuel: 99\n  depth: 113\n  jq_deadline: 2m\n  jq_lost: -1\n  jq_dedline: 1s\n";
        let expected = [
            "E0308 2 `fuel` must be a whole number from 100 to 5000000, this is 99",
            "E0308 3 `depth` must be a whole number from 1 to 112, this is 113",
            "E0308 4 `jq_deadline` must be from 1ms to 1m, this is 2m",
            "E0308 5 `jq_lost` must be a whole number from 0 to 64, this is -1",
            "E0202 6 unknown key `jq_dedline` in `expressions` (did you mean `jq_deadline`?)",
        ];
        assert_eq!(read(text).1, expected);
        let text = "expressions:\n  fuel: '1'\n  jq_deadline: 250\n  jq_lost: [1]\n  depth: 1.5\n";
        assert_eq!(
            read(text).1,
            [
                "E0301 2 `fuel` must be a whole number, this is text",
                "E0301 3 `jq_deadline` must be a duration such as `250ms`, this is a number",
                "E0301 4 `jq_lost` must be a whole number, this is a list",
                "E0308 5 `depth` must be a whole number from 1 to 112, this is 1.5",
            ]
        );
        assert_eq!(read("expressions: {jq_deadline: soon}\n").1.len(), 1);
    }

    #[test]
    fn all_problems_are_found_each_at_its_place() {
        let text = "secret: {}\nsecrets:\n  2x: {env: A}\n  B: {env: A-B}\n  C: {fiel: x}\n  D: {}\n  \
                    E: {env: A, file: b}\n  F: {command: op read}\n  G: hunter2\n  H: {file: 3}\nsecrets_folder: []\n";
        let expected = [
            "E0202 1 unknown key `secret` in the settings (did you mean `secrets`?)",
            "E0208 3 `2x` cannot name a secret: a name begins with a letter or `_`, not with `2`",
            "E0310 4 `A-B` cannot name an environment variable (use letters, digits and `_`, no digit first)",
            "E0202 5 unknown key `fiel` in a secret (did you mean `file`?)",
            "E0701 6 the secret `D` must have one of `env`, `file` and `command`",
            "E0701 7 the secret `E` must have one of `env`, `file` and `command`",
            "E0301 8 `command` must be a list of a program and its arguments (write [PROGRAM, ARGUMENT, …]; no shell \
             reads it)",
            "E0301 9 the secret `G` must be a map, this is text",
            "E0301 10 `file` must be text, this is a number",
            "E0301 11 `secrets_folder` must be text, this is a list",
        ];
        assert_eq!(read(text).1, expected);
        assert_eq!(read("secrets: {A: {env: X}, A: {env: Y}}\n").1.len(), 1);
        assert_eq!(read("- 1\n").1, ["E0301 1 the file must be a map, this is a list"]);
    }
}
