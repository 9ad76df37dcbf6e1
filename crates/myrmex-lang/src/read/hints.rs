//! What to write instead of what stands there, where that can be told.

use std::str::FromStr;

use myrmex_model::time::Length;

use super::keys;
use crate::tree::{Kind, Meaning, Node, Scalar};

/// Returns what to write where a value of another type was expected.
pub(super) fn of_type(what: &str, expected: &str, node: &Node) -> Option<String> {
    let scalar = node.as_scalar();
    let text = scalar.and_then(Scalar::as_text);
    let declared = ["input `", "output `"].iter().find_map(|start| what.strip_prefix(start));
    if let Some(name) = what.strip_prefix("task `").and_then(|rest| rest.strip_suffix('`')) {
        return of_task(name, node);
    }
    if let Some(name) = declared.and_then(|rest| rest.strip_suffix('`')) {
        return of_declaration(name, node);
    }
    match what {
        "`cache`" | "`concurrency`" | "`retry`" => return of_map(what, node),
        "`for_each`" if text.is_some_and(super::slips::is_path_of_ours) => {
            return Some(format!("write `for_each: ${{{{ {} }}}}`", text.unwrap_or_default()));
        }
        "`complete`" | "`join`" if scalar.is_some_and(|own| matches!(own.meaning, Meaning::Number(_))) => {
            return scalar.map(|own| format!("write `first({})`", own.text));
        }
        "`run`" if node.as_list().is_some() => return Some(of_run_list(node)),
        "`tasks`" if node.as_list().is_some() => {
            return Some("write `do:` before a list, whose tasks run one after the other".to_owned());
        }
        "`do`" if node.as_map().is_some() => {
            return Some("write `- NAME: {…}` for each task".to_owned());
        }
        "`tasks`" if node.is_null() => {
            return Some("add a task, such as `hello: {run: echo hello}`".to_owned());
        }
        "`do`" if node.is_null() => {
            return Some("add a task, such as `- hello: {run: echo hello}`".to_owned());
        }
        "`env`" if node.as_list().is_some() => return Some("write `env: {NAME: VALUE}`".to_owned()),
        "`outputs` of a task" if node.as_list().is_some() => {
            return Some("write `outputs: {NAME: {type: string}}`".to_owned());
        }
        "`needs`" if node.as_map().is_some() => {
            return Some("several with their outcomes are one map: `needs: {NAME: failed}`".to_owned());
        }
        "`for_each`" if text.is_some_and(|text| text.parse::<u32>().is_err()) => {
            return Some("write a list such as `[a, b]`, or an expression in quotes: '${{ … }}'".to_owned());
        }
        _ => {}
    }
    let is_number_wanted =
        ["an integer", "a number", "a whole number"].contains(&expected) || expected.contains("a count");
    if is_number_wanted && text.is_some_and(|text| text.parse::<f64>().is_ok()) {
        return Some("remove the quotes".to_owned());
    }
    let is_value =
        scalar.is_some_and(|scalar| matches!(scalar.meaning, Meaning::Boolean(_) | Meaning::Number(_)));
    (is_value && expected.contains("text")).then(|| "put quotes around it".to_owned())
}

/// Returns what to write where a task is no map.
fn of_task(name: &str, node: &Node) -> Option<String> {
    let is_key = keys::TASK.known(name).is_some();
    match &node.followed().kind {
        Kind::Scalar(scalar) if scalar.as_text().is_some() && is_key => {
            Some(format!("indent `{name}` deeper, so that it belongs to the task above"))
        }
        Kind::Scalar(scalar) if scalar.meaning == Meaning::Null => {
            Some("write what it does below it, indented deeper: `run: …`".to_owned())
        }
        Kind::Scalar(scalar) if scalar.as_text().is_some() => {
            Some(format!("a command is written `{name}: {{run: …}}`"))
        }
        Kind::List(_) => Some(format!("tasks one after the other are written `{name}: {{do: […]}}`")),
        Kind::Scalar(_) | Kind::Map(_) | Kind::Alias(_) | Kind::Broken => None,
    }
}

/// Returns what to write where one of our keys takes a map, and something shorter stands.
fn of_map(what: &str, node: &Node) -> Option<String> {
    if what == "`cache`" && node.as_list().is_some() {
        return Some("paths and globs are written `cache: {files: […]}`".to_owned());
    }
    let scalar = node.as_scalar()?;
    let text = scalar.text.as_str();
    match (what, &scalar.meaning) {
        ("`cache`", Meaning::Boolean(true)) => {
            Some("write `cache: {}`; all that the task is given counts then".to_owned())
        }
        ("`cache`", Meaning::Boolean(false)) => {
            Some("leave it out: without it nothing is taken over".to_owned())
        }
        ("`cache`", Meaning::Text) => Some(format!("write `cache: {{key: {text}}}`")),
        ("`concurrency`", Meaning::Text) => Some(format!("write `concurrency: {{key: {text}}}`")),
        ("`concurrency`", Meaning::Number(_)) => Some(format!("write `concurrency: {{limit: {text}}}`")),
        ("`retry`", Meaning::Number(_)) => Some(format!("write `retry: {{attempts: {text}}}`")),
        (_, Meaning::Text | Meaning::Number(_) | Meaning::Boolean(_) | Meaning::Null) => None,
    }
}

/// Returns what to write where the schema of an input or an output is no map.
fn of_declaration(name: &str, node: &Node) -> Option<String> {
    let scalar = node.as_scalar()?;
    Some(match &scalar.meaning {
        Meaning::Text => {
            let word = scalar.text.as_str();
            let kind = super::schema::type_meant(word).unwrap_or("string");
            format!("write `{name}: {{type: {kind}}}`")
        }
        Meaning::Number(number) if number.is_f64() => {
            format!("write `{name}: {{type: number, default: {}}}`", scalar.text)
        }
        Meaning::Number(_) => format!("write `{name}: {{type: integer, default: {}}}`", scalar.text),
        Meaning::Boolean(_) => format!("write `{name}: {{type: boolean, default: {}}}`", scalar.text),
        Meaning::Null => format!("write `{name}: {{type: string}}`"),
    })
}

/// Returns what to write instead of a list behind `run`: its members are lines of a script, or a program and its arguments.
fn of_run_list(node: &Node) -> String {
    let items = node.as_list().map_or(&[][..], |list| &list.items);
    let texts = items.iter().map(|item| item.as_scalar().and_then(Scalar::as_text));
    let are_lines = texts.into_iter().any(|text| text.is_none_or(|text| text.contains(' ')));
    if are_lines {
        "several commands are one text: `run: |`, and each on a line below".to_owned()
    } else {
        "a program and its arguments are written `run: {command: […]}`".to_owned()
    }
}

/// Returns what to do about a text that is not a name.
pub(super) fn of_name(text: &str) -> Option<&'static str> {
    match text.bytes().next()? {
        _ if text.contains(":{") || text.contains(":[") => Some("put a space after the `:`"),
        b'0'..=b'9' => Some("begin it with a letter, or with `_`"),
        _ if text.contains([' ', '.', '/', ':']) => Some("write `-` or `_` instead"),
        _ => None,
    }
}

/// Returns what a key means to readers of YAML that is written without quotes, if that is not its text.
pub(super) fn bare_meaning(source: &str) -> Option<&'static str> {
    match source {
        "null" | "Null" | "NULL" => Some("null"),
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Some("a boolean"),
        _ => None,
    }
}

/// Returns what to write instead of a key that has no effect where it stands.
pub(super) fn of_misplaced(key: &str, is_run: bool) -> Option<&'static str> {
    match key {
        "with" if is_run => Some("a process is given values by `env: {NAME: VALUE}`"),
        _ => None,
    }
}

/// Returns the duration that a text was probably meant to be: with words for units, spaces between, or a last unit left
/// out; with a fraction, as `HH:MM:SS`, or as in ISO 8601.
pub(super) fn length_meant(text: &str) -> Option<String> {
    const UNITS: [(&str, &[&str]); 5] = [
        ("d", &["d", "day", "days"]),
        ("h", &["h", "hr", "hrs", "hour", "hours"]),
        ("m", &["m", "min", "mins", "minute", "minutes"]),
        ("s", &["s", "sec", "secs", "second", "seconds"]),
        ("ms", &["ms", "msec", "millis", "millisecond", "milliseconds"]),
    ];
    if let Some(meant) = clock_meant(text).or_else(|| fraction_meant(text)) {
        return Some(meant);
    }
    let plain = iso_letters(text);
    let text = plain.as_deref().unwrap_or(text);
    let mut rest = text.trim();
    let (mut meant, mut last) = (String::new(), None);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let (count, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters =
            after.len() - after.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).len();
        let (word, after) = after.split_at(letters);
        let word = word.to_ascii_lowercase();
        let unit = match last {
            Some(last) if word.is_empty() => last + 1,
            _ => UNITS.iter().position(|(_, words)| words.contains(&word.as_str()))?,
        };
        meant.push_str(count);
        meant.push_str(UNITS.get(unit)?.0);
        last = Some(unit);
        rest = after.trim_start();
    }
    Length::from_str(&meant).ok().map(|_| meant)
}

/// Returns the letters of a duration of ISO 8601 such as `PT1H30M`, without those that are no units.
fn iso_letters(text: &str) -> Option<String> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    // Months are no fixed length.
    (!date.contains(['M', 'Y'])).then(|| format!("{date}{time}"))
}

/// Returns the duration that `MM:SS` or `HH:MM:SS` stands for.
fn clock_meant(text: &str) -> Option<String> {
    let parts: Option<Vec<u64>> = text.split(':').map(|part| part.parse().ok()).collect();
    let seconds = match parts?.as_slice() {
        [minutes, seconds] => minutes.checked_mul(60)?.checked_add(*seconds)?,
        [hours, minutes, seconds] => {
            hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(*seconds)?
        }
        _ => return None,
    };
    Some(Length(seconds.checked_mul(1000)?).to_string())
}

/// Returns the duration that a number with a fraction, or of weeks, stands for.
fn fraction_meant(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let unit = match text[digits..].trim() {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" | "week" | "weeks" => 604_800_000_u64,
        _ => return None,
    };
    let (whole, fraction) = text[..digits].split_once('.').unwrap_or((&text[..digits], "0"));
    let tenths =
        u64::from_str(whole).ok()?.checked_mul(10)?.checked_add(u64::from_str(fraction.get(..1)?).ok()?)?;
    let is_exact = fraction.len() == 1;
    let length = Length(tenths.checked_mul(unit)? / 10);
    is_exact.then(|| length.to_string()).filter(|meant| Length::from_str(meant).is_ok())
}
