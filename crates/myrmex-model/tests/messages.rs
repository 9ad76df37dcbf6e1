//! Codec 2 of messages between runs: every variant is read back, and the bytes of the golden lines never change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use myrmex_model::address::Address;
use myrmex_model::command::ChildEnd;
use myrmex_model::event::Parent;
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::id::{DefinitionHash, RunId, ValueHash};
use myrmex_model::message::{Call, Message};
use myrmex_model::wire::message::{decode, encode};

/// The bytes of each of [`everything`], one a line.
const GOLDEN: &str = include_str!("golden/messages-v2.txt");

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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

#[test]
fn messages_are_read_and_written_for_ever() {
    let encoded: String = everything().iter().map(|message| hex(&encode(message)) + "\n").collect();
    assert_eq!(encoded, GOLDEN);
    for message in everything() {
        assert_eq!(decode(&encode(&message)), Ok(message));
    }
}

#[test]
fn a_message_names_the_run_that_gets_it() {
    let to: Vec<RunId> = everything().iter().map(Message::to).collect();
    assert_eq!(to, [CHILD, CHILD, CHILD, PARENT, PARENT, PARENT, PARENT, PARENT]);
}

#[test]
fn a_field_of_a_later_release_is_passed_over() {
    for message in everything() {
        let mut bytes = encode(&message);
        bytes[0] += 1;
        bytes.extend([0x18, 99, 0x82, 0xf6, 0x60]);
        assert_eq!(decode(&bytes), Ok(message));
    }
}

#[test]
fn damage_is_refused() {
    for message in everything() {
        let bytes = encode(&message);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "cut to {length}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(decode(&changed).as_ref(), Ok(&message), "{}", hex(&changed));
        }
    }
    let unknown = decode(&[0xa3, 0, 9, 1, 0x40, 2, 0x40]).unwrap_err();
    assert_eq!(unknown.to_string(), "a message cannot be read: a wrong number of bytes before byte 5");
}
