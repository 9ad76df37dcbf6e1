//! Writes a tree as JSON: what its author had on one line stays there if it fits, the rest is indented by two.

use serde_json::Value;

use super::WIDTH;
use crate::tree::{Kind, Meaning, Node};

/// Writes `root` as JSON.
pub(super) fn print(text: &str, root: &Node) -> String {
    let mut out = String::new();
    write(text, root, 0, &mut out);
    out.push('\n');
    out
}

fn write(text: &str, node: &Node, indent: usize, out: &mut String) {
    let was_one_line = !text[node.place.start..node.place.end].contains('\n');
    if was_one_line || !matches!(node.kind, Kind::List(_) | Kind::Map(_)) {
        let short = line(node);
        let column = out.chars().rev().take_while(|c| *c != '\n').count();
        if column + short.chars().count() <= WIDTH {
            out.push_str(&short);
            return;
        }
    }
    let inner = indent + 2;
    let mut members = 0;
    let mut begin = |out: &mut String| {
        out.push_str(if members == 0 { "\n" } else { ",\n" });
        members += 1;
        out.extend(std::iter::repeat_n(' ', inner));
    };
    let close = |bracket: char, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
        out.push(bracket);
    };
    match &node.followed().kind {
        Kind::List(list) if !list.items.is_empty() => {
            out.push('[');
            for item in &list.items {
                begin(out);
                write(text, item, inner, out);
            }
            close(']', out);
        }
        Kind::Map(map) if !map.entries.is_empty() => {
            out.push('{');
            for entry in &map.entries {
                begin(out);
                out.push_str(&Value::from(entry.key.text.as_str()).to_string());
                out.push_str(": ");
                write(text, &entry.value, inner, out);
            }
            close('}', out);
        }
        Kind::List(_) | Kind::Map(_) | Kind::Scalar(_) | Kind::Alias(_) | Kind::Broken => {
            out.push_str(&line(node));
        }
    }
}

/// Writes a node on one line.
fn line(node: &Node) -> String {
    match &node.followed().kind {
        Kind::Scalar(scalar) => match &scalar.meaning {
            Meaning::Number(_) if is_json_number(&scalar.text) => scalar.text.clone(),
            Meaning::Text | Meaning::Null | Meaning::Boolean(_) | Meaning::Number(_) => {
                scalar.value().to_string()
            }
        },
        Kind::List(list) => {
            let items: Vec<_> = list.items.iter().map(|item| line(item)).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Map(map) => {
            let pair = |entry: &crate::tree::Entry| {
                format!("{}: {}", Value::from(entry.key.text.as_str()), line(&entry.value))
            };
            format!("{{{}}}", map.entries.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Kind::Alias(_) | Kind::Broken => "null".to_owned(),
    }
}

/// Returns whether a number is written as JSON allows it.
fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}
