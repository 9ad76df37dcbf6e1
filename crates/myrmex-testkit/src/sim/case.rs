//! A history that can be played again: workflows, and every choice that was made. It stands in a file of JSON, so that a
//! failure that was found once is tried in every test run.

use serde_json::{Value, json};

use super::planted::Planted;
use super::random::Choices;

/// A history that can be played again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The seed; it says how long attempts take and how they end.
    pub seed: u64,
    /// The bug that is planted, if one is.
    pub planted: Option<Planted>,
    /// The workflow files; the first is the one that is run.
    pub workflows: Vec<String>,
    /// The choices of the world.
    pub world: Choices,
    /// The choices of the disk.
    pub disk: Choices,
    /// The choices of the people who want tasks to be skipped. A file may say nothing of them: then nobody does.
    pub people: Choices,
}

impl Case {
    /// Returns the text of its file.
    pub fn to_text(&self) -> String {
        let workflows = self.workflows.iter().map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
        let value = json!({
            "seed": self.seed,
            "planted": self.planted.map(Planted::name),
            "world": self.world.numbers,
            "disk": self.disk.numbers,
            "people": self.people.numbers,
            "workflows": workflows.collect::<Vec<_>>(),
        });
        let Value::Object(fields) = value else { unreachable!("it is an object") };
        let lines: Vec<String> = fields.iter().map(|(name, value)| format!("  {name:?}: {value}")).collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let choices = |name: &str| {
            let numbers = value[name].as_array().ok_or(format!("`{name}` is no list"))?;
            let numbers: Option<Vec<u64>> = numbers.iter().map(Value::as_u64).collect();
            Ok::<_, String>(Choices {
                numbers: numbers.ok_or(format!("`{name}` holds no numbers"))?,
                marks: Vec::new(),
            })
        };
        let planted = match &value["planted"] {
            Value::Null => None,
            name => Some(name.as_str().and_then(Planted::named).ok_or(format!("there is no bug {name}"))?),
        };
        Ok(Self {
            seed: value["seed"].as_u64().ok_or("`seed` is no number")?,
            planted,
            workflows: value["workflows"]
                .as_array()
                .ok_or("there are no workflows")?
                .iter()
                .map(Value::to_string)
                .collect(),
            world: choices("world")?,
            disk: choices("disk")?,
            people: if value["people"].is_null() { Choices::default() } else { choices("people")? },
        })
    }

    /// Returns how large it is: choices, and bytes of workflows.
    pub fn size(&self) -> (usize, usize) {
        let tapes = [&self.world, &self.disk, &self.people];
        let choices = tapes.iter().map(|tape| tape.numbers.len()).sum();
        (choices, self.workflows.iter().map(String::len).sum())
    }
}
