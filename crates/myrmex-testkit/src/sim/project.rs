//! Projects drawn at random: links of all four kinds with lags, work of people, milestones, windows, a start of the whole.
//!
//! Instants lie shortly after the one at which simulations begin, so that some have passed and some have not when a task is asked.

use serde_json::{Map, Value, json};

use super::random::Random;

/// Draws a project file in the place of the workflow that is run.
pub(super) fn draw(random: &mut Random) -> String {
    let mut tasks: Map<String, Value> = Map::new();
    for number in 1..=3 + random.below(5) {
        let earlier: Vec<String> = tasks.keys().cloned().collect();
        let is_automated = random.permille(350);
        let mut made = if is_automated {
            json!({"run": {"command": ["work", "x"]}, "outputs": {"v": {"type": "integer"}}})
        } else {
            random.one_of(&[json!({"manual": "do it"}), json!({"approval": "may it?"})]).clone()
        };
        let needs = links(random, &earlier, !is_automated);
        if !needs.is_empty() {
            made["needs"] = Value::Object(needs);
        }
        if random.permille(250) {
            made["window"] = json!({"start_after": "2023-11-14T22:13:40Z"});
        }
        if random.permille(400) {
            // Open at every instant, so that a lag in working time is asked for and soon over.
            made["calendar"] = json!("always");
        }
        tasks.insert(format!("t{number}"), made);
    }
    let names: Vec<String> = tasks.keys().cloned().collect();
    let mut file = json!({
        "project": "main",
        "phases": {"all": {"tasks": tasks}},
        "milestones": {"m": {"needs": links(random, &names, true)}},
    });
    if random.permille(500) {
        file["plan"] = json!({"start": "2023-11-14T22:13:25Z"});
    }
    file.to_string()
}

/// Draws links into a task from those before it; only what takes no time, or what people do, can have its end held.
fn links(random: &mut Random, earlier: &[String], may_hold_end: bool) -> Map<String, Value> {
    let kinds = if may_hold_end { &["FS", "SS", "FF", "SF"][..] } else { &["FS", "SS"][..] };
    let mut needs = Map::new();
    for name in earlier {
        if random.permille(400) {
            let mut link = json!({"type": *random.one_of(kinds)});
            if random.permille(400) {
                link["lag"] = (*random.one_of(&["3es", "20es", "2s"])).into();
            }
            needs.insert(name.clone(), link);
        }
    }
    needs
}
