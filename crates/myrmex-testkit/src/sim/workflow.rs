//! Workflows drawn at random, as text in the native language: what is simulated passes the checker and the evaluator
//! that people's files pass.
//!
//! Names tell what a task is: `once…` has `effect: once`, `h…` stands in a handler and may begin after a cancel, `…_p` takes a
//! unit of the pool `p` for each attempt, and `…_b` is a block that holds one.

use serde_json::{Map, Value, json};

use super::project;
use super::random::Random;

/// How many of a thousand are projects.
const PROJECTS: u64 = 120;

/// The most blocks within blocks.
const DEPTH_MAX: u32 = 3;

/// How many units the pool has: blocks within blocks hold one each, and what is inside them takes one more.
pub(super) const UNITS: u32 = DEPTH_MAX + 1;

/// Draws workflow files: the first is the one to run, the others are those that it may call.
pub(super) fn draw(random: &mut Random) -> Vec<String> {
    let mut writer = Writer { random, count: 0, left: 0, in_handler: false, may_call: true };
    let main = writer.file("main");
    writer.may_call = false;
    let child = writer.file("child");
    if random.permille(PROJECTS) { vec![project::draw(random)] } else { vec![main, child] }
}

struct Writer<'r> {
    random: &'r mut Random,
    count: u32,
    /// How many more tasks there may be.
    left: u64,
    in_handler: bool,
    may_call: bool,
}

type Task = Map<String, Value>;

fn task(value: Value) -> Task {
    match value {
        Value::Object(task) => task,
        other => unreachable!("a task is a map, not {other}"),
    }
}

impl Writer<'_> {
    fn file(&mut self, name: &str) -> String {
        self.left = 2 + self.random.below(14);
        let mut file = Task::new();
        file.insert("workflow".into(), name.into());
        file.insert("inputs".into(), json!({"n": {"type": "integer", "default": 3}}));
        file.insert("pools".into(), json!({"p": UNITS}));
        if self.random.permille(150) {
            file.insert("deadline".into(), "40s".into());
        }
        if self.random.permille(350) {
            let bounds = self.concurrency();
            file.insert("concurrency".into(), bounds);
        }
        if self.random.permille(150) {
            let defaults = [
                json!({"retry": {"attempts": 2, "delay": "1ms"}}),
                json!({"timeout": {"run": "20s"}}),
                json!({"effect": "pure"}),
            ];
            file.insert("defaults".into(), self.random.one_of(&defaults).clone());
        }
        let (key, body) = self.body(0);
        if key == "tasks" {
            self.bounds(&mut file, &body);
        }
        file.insert(key.into(), body);
        if self.random.permille(250) {
            let handler = self.handler(1);
            file.insert("on_failure".into(), handler);
        }
        if self.random.permille(250) {
            let handler = self.handler(1);
            file.insert("finally".into(), handler);
        }
        // Every task may use the input, so that it is never unused.
        file.insert("outputs".into(), json!({"n": "${{ inputs.n }}"}));
        Value::Object(file).to_string()
    }

    fn name(&mut self, is_once: bool) -> String {
        self.count += 1;
        let kind = match (self.in_handler, is_once) {
            (true, _) => "h",
            (false, true) => "once",
            (false, false) => "t",
        };
        format!("{kind}{}", self.count)
    }

    /// Draws how many runs there may be at a time.
    fn concurrency(&mut self) -> Value {
        let mut bounds = Task::new();
        bounds.insert("limit".into(), (1 + self.random.below(2)).into());
        let words = ["queue", "skip", "cancel"];
        bounds.insert("on_conflict".into(), (*self.random.one_of(&words)).into());
        if self.random.permille(300) {
            bounds.insert("key".into(), "${{ inputs.n }}".into());
        }
        Value::Object(bounds)
    }

    /// Draws what bounds the tasks of a graph, and when enough of it has succeeded.
    fn bounds(&mut self, made: &mut Task, graph: &Value) {
        if self.random.permille(200) {
            made.insert("max_parallel".into(), (1 + self.random.below(3)).into());
        }
        let count = graph.as_object().map_or(0, Map::len);
        if self.random.permille(100) && count > 1 {
            made.insert("complete".into(), "first(1)".into());
            made.insert("rest".into(), (*self.random.one_of(&["cancel", "run", "ignore"])).into());
        } else if self.random.permille(100) {
            made.insert("fail_fast".into(), true.into());
        }
    }

    fn body(&mut self, depth: u32) -> (&'static str, Value) {
        if self.random.permille(600) { ("tasks", self.graph(depth)) } else { ("do", self.flow(depth)) }
    }

    fn graph(&mut self, depth: u32) -> Value {
        let mut tasks = Task::new();
        for _ in 0..=self.random.below(5) {
            let earlier: Vec<String> = tasks.keys().cloned().collect();
            let (name, mut made) = self.task(&earlier, depth);
            self.needs(&mut made, &earlier);
            tasks.insert(name, Value::Object(made));
        }
        if self.random.permille(150) && self.left > 2 {
            self.route(&mut tasks);
        }
        Value::Object(tasks)
    }

    /// Draws a `switch` of a graph, the two tasks that it chooses from, and one that joins them.
    fn route(&mut self, tasks: &mut Task) {
        let [choose, one, two, both] = [(); 4].map(|()| self.name(false));
        let (first, second) = (self.process(&[], false), self.process(&[], false));
        let cases = json!([{"if": "inputs.n > 4", "then": one}, {"else": two}]);
        tasks.insert(choose, json!({"switch": cases}));
        tasks.insert(one.clone(), Value::Object(first));
        tasks.insert(two.clone(), Value::Object(second));
        tasks.insert(both, json!({"needs": [one, two], "join": "all_live", "set": {"v": 1}}));
        self.left = self.left.saturating_sub(4);
    }

    fn needs(&mut self, made: &mut Task, earlier: &[String]) {
        let mut needs = Task::new();
        for name in earlier {
            if self.random.permille(350) {
                let accepted = [
                    json!("succeeded"),
                    json!(["succeeded", "skipped"]),
                    json!("finished"),
                    json!(["failed", "succeeded"]),
                ];
                needs.insert(name.clone(), self.random.one_of(&accepted).clone());
            }
        }
        if needs.len() > 1 && self.random.permille(250) {
            let joins = ["all_live", "any", "first(2)"];
            made.insert("join".into(), (*self.random.one_of(&joins)).into());
            if self.random.permille(300) {
                made.insert("late".into(), "cancel".into());
            }
        }
        if !needs.is_empty() {
            made.insert("needs".into(), Value::Object(needs));
        }
    }

    fn flow(&mut self, depth: u32) -> Value {
        let mut tasks = Vec::new();
        let mut earlier = Vec::new();
        for _ in 0..=self.random.below(4) {
            let (name, made) = self.task(&earlier, depth);
            tasks.push(json!({name.clone(): made}));
            earlier.push(name);
        }
        if self.random.permille(250) {
            self.jumps(&mut tasks);
        }
        Value::Array(tasks)
    }

    /// Draws tasks of a flow that jump: forth over each other, out, to the end of the run, or back.
    fn jumps(&mut self, tasks: &mut Vec<Value>) {
        let [choose, one, two, last] = [(); 4].map(|()| self.name(false));
        let (mut first, second) = (self.process(&[], false), self.process(&[], false));
        let ways = [last.as_str(), "exit", "end"];
        first.insert("then".into(), (*self.random.one_of(&ways)).into());
        tasks.push(
            json!({choose: {"switch": [{"if": "inputs.n > 4", "then": one.clone()}, {"else": two.clone()}]}}),
        );
        tasks.push(json!({one: first}));
        tasks.push(json!({two: second}));
        if self.random.permille(500) {
            tasks.push(json!({last: {"set": {"v": 1}}}));
        } else {
            let (again, asked) = (self.name(false), self.name(false));
            tasks.push(json!({last: {"set": {"k": 0}}}));
            tasks.push(json!({again.clone(): {"set": {"k": "${{ vars.k + 1 }}"}}}));
            tasks.push(json!({asked: {"switch": [{"if": "vars.k < 2", "then": again}, {"else": "exit"}]}}));
        }
    }

    /// Draws a task that may read those before it.
    fn task(&mut self, earlier: &[String], depth: u32) -> (String, Task) {
        self.left = self.left.saturating_sub(1);
        let is_small = self.left == 0 || depth >= DEPTH_MAX;
        let kinds: &[u32] = if is_small {
            &[0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 10]
        } else {
            &[0, 0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]
        };
        let kind = *self.random.one_of(kinds);
        let is_once = kind == 0 && self.random.permille(150);
        // What a called workflow asks for is not known before, so only the workflow that calls it has blocks that hold.
        let is_pooled = match kind {
            0 | 5 => self.may_call && self.random.permille(250),
            3 => self.may_call && self.random.permille(400),
            _ => false,
        };
        let name = match kind {
            3 if is_pooled => format!("{}_b", self.name(is_once)),
            _ if is_pooled => format!("{}_p", self.name(is_once)),
            _ => self.name(is_once),
        };
        let mut made = match kind {
            0 => self.process(earlier, is_once),
            1 => task(json!({"set": {"v": self.reads(earlier)}})),
            2 => {
                let until = json!({"until": "2023-11-14T22:13:25Z"});
                let waits = [json!("3ms"), json!("1s"), json!("20s"), until];
                task(json!({"wait": self.random.one_of(&waits).clone()}))
            }
            3 => {
                let (key, body) = self.body(depth + 1);
                let mut made = Task::new();
                if key == "tasks" {
                    self.bounds(&mut made, &body);
                }
                made.insert(key.into(), body);
                made
            }
            4 => self.guarded(depth),
            5 => self.each(earlier),
            6 => self.repeat(depth),
            7 => self.switch(depth),
            8 if self.may_call => {
                let wait = !self.random.permille(200);
                task(json!({"workflow": "child", "with": {"n": self.random.below(9)}, "wait": wait}))
            }
            8 => self.process(earlier, false),
            10 => self.awaiting(),
            _ => task(json!({"fail": {"title": "on purpose"}})),
        };
        if is_pooled {
            made.insert("pools".into(), json!({"p": 1}));
        }
        self.common(&mut made, kind, is_once, depth);
        (name, made)
    }

    /// Draws what waits for people, or for a message.
    fn awaiting(&mut self) -> Task {
        let bodies = [
            json!({"manual": "do it"}),
            json!({"manual": {"ask": "do it", "fields": {"v": {"type": "integer", "default": 1}}}}),
            json!({"form": {"ask": "how many?", "fields": {"v": {"type": "integer"}}}}),
            json!({"approval": {"ask": "may it?", "form": {"v": {"type": "integer", "required": false}}}}),
            json!({"approval": {"ask": "may it?", "count": 2, "expires": "9s"}}),
            json!({"wait": {"signal": "go"}}),
            json!({"wait": {"signal": "go", "timeout": "9s"}}),
        ];
        task(self.random.one_of(&bodies).clone())
    }

    fn common(&mut self, made: &mut Task, kind: u32, is_once: bool, depth: u32) {
        if self.random.permille(120) {
            let condition = *self.random.one_of(&["inputs.n > 2", "inputs.n > 7"]);
            made.insert("if".into(), condition.into());
        }
        if matches!(kind, 0 | 3 | 4) && self.random.permille(300) {
            let retry = self.retry();
            made.insert("retry".into(), retry);
        }
        if matches!(kind, 0 | 3) && self.random.permille(250) {
            let timeouts = [
                json!("5s"),
                json!({"total": "30s"}),
                json!({"queue": "8s", "run": "9s"}),
                json!({"heartbeat": "2s"}),
            ];
            let blocks = [json!("25s"), json!({"total": "30s"})];
            let choices = if kind == 0 { &timeouts[..] } else { &blocks[..] };
            made.insert("timeout".into(), self.random.one_of(choices).clone());
        }
        if self.random.permille(120) && !is_once {
            made.insert("continue_on_error".into(), true.into());
        }
        if matches!(kind, 0 | 3..=5) && !self.in_handler && self.random.permille(150) && self.left > 0 {
            let handler = self.handler(depth + 1);
            made.insert("finally".into(), handler);
        }
        if matches!(kind, 0 | 3 | 5) && !self.in_handler && self.random.permille(120) && self.left > 0 {
            let handler = self.handler(depth + 1);
            made.insert("on_failure".into(), handler);
        }
        if kind == 0 && !is_once && self.random.permille(200) {
            let caches = [json!({}), json!({"key": ["v", "${{ inputs.n }}"]}), json!({"ttl": "1h"})];
            made.insert("cache".into(), self.random.one_of(&caches).clone());
        }
    }

    fn retry(&mut self) -> Value {
        let delay = *self.random.one_of(&["1ms", "2s"]);
        let mut retry = task(json!({"attempts": 2 + self.random.below(3), "delay": delay}));
        match self.random.below(5) {
            0 => retry.insert("when".into(), "error.type != 'timeout'".into()),
            1 => retry.insert("jitter".into(), "full".into()),
            2 => retry.insert("max_delay".into(), "3s".into()),
            _ => None,
        };
        Value::Object(retry)
    }

    fn process(&mut self, earlier: &[String], is_once: bool) -> Task {
        let mut made = task(json!({
            "run": {"command": ["work", self.reads(earlier)]},
            "outputs": {"v": {"type": "integer"}},
        }));
        if is_once {
            made.insert("effect".into(), "once".into());
        }
        made
    }

    /// Draws an expression over the tasks before; it has a value whatever became of them.
    fn reads(&mut self, earlier: &[String]) -> String {
        if earlier.is_empty() || self.random.permille(500) {
            return "${{ inputs.n }}".to_owned();
        }
        let name = self.random.one_of(earlier);
        format!("${{{{ tasks.{name}.status | default('none') }}}}")
    }

    fn each(&mut self, earlier: &[String]) -> Task {
        let mut made = match self.random.below(6) {
            0 => task(json!({"do": self.flow(DEPTH_MAX)})),
            1 if self.may_call => task(json!({"workflow": "child", "with": {"n": "${{ index }}"}})),
            _ => self.process(earlier, false),
        };
        let sources = [
            json!(3),
            json!(["a", "b", "c", "d"]),
            json!({"x": 1, "y": 2}),
            json!([]),
            json!("${{ inputs.n }}"),
        ];
        made.insert("for_each".into(), self.random.one_of(&sources).clone());
        if self.random.permille(400) {
            made.insert("max_parallel".into(), (1 + self.random.below(2)).into());
        }
        match self.random.below(6) {
            0 => made.insert("fail_fast".into(), true.into()),
            1 => made.insert("min_success".into(), "50%".into()),
            2 => {
                made.insert("rest".into(), (*self.random.one_of(&["cancel", "run", "ignore"])).into());
                made.insert("complete".into(), "first(1)".into())
            }
            _ => None,
        };
        made
    }

    fn guarded(&mut self, depth: u32) -> Task {
        let (key, body) = self.body(depth + 1);
        let mut made = task(json!({"try": {key: body}}));
        let (was, mut catch) = (self.in_handler, self.handler(depth + 1));
        if let (Value::Object(catch), true) = (&mut catch, self.random.permille(300)) {
            catch.insert("retry".into(), json!({"attempts": 2, "delay": "1ms"}));
        }
        self.in_handler = was;
        if self.random.permille(300) {
            let (timeout, status) =
                (json!({"type": "timeout", "set": {"v": 1}}), json!({"status": 500, "set": {"v": 2}}));
            catch = json!([timeout, status, {"when": "error.title != ''", "set": {"v": 3}}, catch]);
        }
        made.insert("catch".into(), catch);
        made
    }

    /// Draws the body of a handler.
    fn handler(&mut self, depth: u32) -> Value {
        let was = std::mem::replace(&mut self.in_handler, true);
        let body = if self.random.permille(500) || depth >= DEPTH_MAX {
            json!({"run": {"command": ["clean"]}})
        } else {
            let (key, body) = self.body(DEPTH_MAX);
            json!({key: body})
        };
        self.in_handler = was;
        body
    }

    fn repeat(&mut self, depth: u32) -> Task {
        let body = self.flow(depth + 1);
        let most = 1 + self.random.below(3);
        let condition = format!("index >= {}", self.random.below(most + 1));
        if self.random.permille(30) {
            // More rounds than one turn decides.
            let body = json!([{self.name(false): {"set": {"v": 1}}}]);
            return task(json!({"repeat": {"while": "index < 600", "max": 600, "do": body}}));
        }
        if self.random.permille(400) {
            let condition = format!("index < {most}");
            return task(json!({"repeat": {"while": condition, "max": most, "do": body}}));
        }
        task(json!({"repeat": {"until": condition, "max": most, "do": body}}))
    }

    fn switch(&mut self, depth: u32) -> Task {
        let (first, second) = (self.flow(depth + 1), self.graph(depth + 1));
        task(json!({"switch": [
            {"if": "inputs.n > 5", "do": {"do": first}},
            {"else": {"do": {"tasks": second}}},
        ]}))
    }
}
