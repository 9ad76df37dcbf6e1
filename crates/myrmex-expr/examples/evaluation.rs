//! Measures what an evaluation costs beside contexts of growing size: `evaluation [ROUNDS]`. Prints JSON; judges nothing.
//!
//! An expression reads what it names, so the size of the run around it must not matter. For comparison the whole context
//! is made text, which is what an evaluation costs that is handed all there is.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "measures time")]
#![expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]

use std::hint::black_box;
use std::time::Instant;

use myrmex_expr::{Evaluator, Reference, Step, template_of_text};
use myrmex_model::OrderedMap;
use myrmex_model::template::Expr;
use myrmex_model::value::Value;
use serde_json::json;

/// Sizes of contexts, in tasks.
const TASKS: [usize; 3] = [100, 10_000, 100_000];

/// Evaluations in a round: enough to see a tenth of a nanosecond.
const EVALUATIONS: u32 = 20_000;

const CONDITION: &str = "tasks.t42.output.code == 0";
const TEXT: &str = "deploy ${{ tasks.t42.output.name }} to ${{ inputs.zone }}";
const JQ: &str = "tasks.t42.output | jq('.code + 1')";

/// A run as an evaluation sees it.
struct World {
    inputs: Value,
    outputs: OrderedMap<String, Value>,
}

impl World {
    fn new(tasks: usize) -> Self {
        let output = |place| (format!("t{place}"), json!({"code": 0, "name": format!("service-{place}")}));
        Self { inputs: json!({"zone": "eu-1"}), outputs: (0..tasks).map(output).collect() }
    }

    fn read(&self, reference: &Reference) -> Option<Value> {
        let (mut at, rest) = match (reference.root.as_str(), reference.steps.as_slice()) {
            ("inputs", rest) => (&self.inputs, rest),
            ("tasks", [Step::Field(task), Step::Field(_), rest @ ..]) => (self.outputs.get(task)?, rest),
            _ => return None,
        };
        for step in rest {
            at = match step {
                Step::Field(name) => at.get(name)?,
                Step::Index(index) => at.get(usize::try_from(*index).ok()?)?,
            };
        }
        Some(at.clone())
    }

    fn text(&self) -> String {
        let outputs: serde_json::Map<String, Value> =
            self.outputs.iter().map(|(name, output)| (name.clone(), json!({"output": output}))).collect();
        json!({"inputs": self.inputs, "tasks": outputs}).to_string()
    }
}

/// Returns the median of the times of one call, in nanoseconds.
fn median(rounds: usize, calls: u32, mut call: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..=rounds)
        .map(|_| {
            let begun = Instant::now();
            (0..calls).for_each(|_| call());
            begun.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    // The first round pays for compiling and for cold memory.
    times.remove(0);
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(11).max(1);
    let template = template_of_text(TEXT).expect("the text has two holes");
    let (condition, jq) = (Expr::jinja(CONDITION), Expr::jinja(JQ));
    let sizes: Vec<Value> = TASKS
        .iter()
        .map(|&tasks| {
            let world = World::new(tasks);
            let mut evaluator = Evaluator::new();
            let mut resolve = |reference: &Reference| world.read(reference);
            let condition_ns = median(rounds, EVALUATIONS, || {
                assert_eq!(evaluator.condition(&condition, &mut resolve), Ok(true));
            });
            let text_ns = median(rounds, EVALUATIONS, || {
                black_box(evaluator.render(&template, &mut resolve)).expect("all names are there");
            });
            let jq_ns = median(rounds, EVALUATIONS / 10, || {
                black_box(evaluator.value(&jq, &mut resolve)).expect("all names are there");
            });
            let world_ns = median(rounds, 1, || drop(black_box(world.text())));
            json!({
                "tasks": tasks,
                "condition_ns": condition_ns,
                "text_ns": text_ns,
                "jq_ns": jq_ns,
                "world_as_json_ns": world_ns,
            })
        })
        .collect();
    println!("{}", json!({"condition": CONDITION, "text": TEXT, "jq": JQ, "rounds": rounds, "sizes": sizes}));
}
