//! Codec 1 of messages between runs: every variant is read back, and the bytes of the golden lines never change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use myrmex_model::address::Address;
use myrmex_model::command::ChildEnd;
use myrmex_model::event::Parent;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{DefinitionHash, RunId, ValueHash};
use myrmex_model::message::{Call, Message};
use myrmex_model::wire::message::{decode, encode};

/// One line for each variant, in the order of [`everything`].
const GOLDEN: &str = include_str!("golden/messages-v1.jsonl");

const PARENT: RunId = RunId([1; 16]);
const CHILD: RunId = RunId([2; 16]);

fn everything() -> Vec<Message> {
    let task = || Address::parse("each[eu]/call#2").unwrap();
    let call = |is_awaited, closure| {
        Message::Call(Call {
            child: CHILD,
            parent: Parent { run: PARENT, task: task(), depth: 3, is_awaited },
            definition: DefinitionHash::of(b"1"),
            inputs: ValueHash::of(b"{}"),
            closure,
            started_by: "user:ann".to_owned(),
        })
    };
    let fault = Fault::new(FaultKind::Runtime, "no \"tea\"").with_detail("d");
    let ended =
        |end, is_unknown| Message::Ended { parent: PARENT, task: task(), child: CHILD, end, is_unknown };
    vec![
        call(true, Some(ValueHash::of(b"[]"))),
        call(false, None),
        Message::Cancel { child: CHILD, parent: PARENT, cancels: 2, by: "ann".to_owned() },
        ended(ChildEnd::Succeeded { output: ValueHash::of(b"7") }, false),
        ended(ChildEnd::Failed { fault: fault.clone(), is_timeout: false }, true),
        ended(ChildEnd::Failed { fault, is_timeout: true }, false),
        ended(ChildEnd::Cancelled, false),
        ended(ChildEnd::Skipped, false),
    ]
}

#[test]
fn messages_are_read_and_written_for_ever() {
    let lines: Vec<&str> = GOLDEN.lines().collect();
    let encoded: Vec<String> =
        everything().iter().map(|message| String::from_utf8(encode(message)).unwrap()).collect();
    assert_eq!(encoded, lines);
    let decoded: Vec<Message> = lines.iter().map(|line| decode(line.as_bytes()).unwrap()).collect();
    assert_eq!(decoded, everything());
}

#[test]
fn a_message_names_the_run_that_gets_it() {
    let to: Vec<RunId> = everything().iter().map(Message::to).collect();
    assert_eq!(to, [CHILD, CHILD, CHILD, PARENT, PARENT, PARENT, PARENT, PARENT]);
}

#[test]
fn damage_is_refused() {
    for line in GOLDEN.lines() {
        for length in 0..line.len() {
            assert!(decode(&line.as_bytes()[..length]).is_err());
        }
        let unknown = line.replacen(r#""m":""#, r#""m":"x"#, 1);
        assert!(decode(unknown.as_bytes()).is_err());
    }
}
