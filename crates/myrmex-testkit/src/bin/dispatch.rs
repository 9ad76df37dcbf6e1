//! Runs the traces of a folder in every order on so many slots and prints after how many milliseconds each was over, for
//! `cargo xtask bench dispatch`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use myrmex_testkit::dispatch::{Order, Trace};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let slots = |slots: &String| slots.parse::<u32>().ok().filter(|slots| *slots > 0);
    let Some((folder, slots)) = words
        .split_first()
        .and_then(|(folder, counts)| Some((folder, counts.iter().map(slots).collect::<Option<Vec<_>>>()?)))
    else {
        eprintln!("usage: dispatch FOLDER SLOTS...");
        return ExitCode::from(2);
    };
    let folder = Path::new(folder);
    let mut paths: Vec<PathBuf> =
        [folder.to_owned(), folder.join("wide")].iter().flat_map(|folder| traces(folder)).collect();
    paths.sort();
    let figures: Vec<Value> = paths.iter().map(|path| figures(&Trace::read(path), &slots)).collect();
    println!("{}", Value::from(figures));
    ExitCode::SUCCESS
}

/// Returns the files of a folder that have a trace.
fn traces(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    paths
        .filter(|path| {
            path.extension().is_some_and(|end| end == "json" || end == "csv") && !path.ends_with("index.csv")
        })
        .collect()
}

fn figures(trace: &Trace, slots: &[u32]) -> Value {
    eprintln!("{}: {} tasks", trace.name, trace.tasks());
    let on = |&slots: &u32| {
        json!({
            "slots": slots,
            "bound_ms": trace.bound(slots),
            "arrival_ms": trace.makespan(slots, Order::Arrival),
            "lengths_ms": trace.makespan(slots, Order::Lengths),
            "guesses_ms": trace.makespan(slots, Order::Guesses),
            "tasks_ms": trace.makespan(slots, Order::Tasks),
        })
    };
    json!({"trace": trace.name, "tasks": trace.tasks(), "on": slots.iter().map(on).collect::<Vec<_>>()})
}
