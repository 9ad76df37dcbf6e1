//! What partitions of one process say to each other beside the outbox.
//!
//! A letter never is the only place of anything: messages between runs wait in the store until they are taken, and what
//! concerns the [domain](super::domain) follows from journals and is said again after every opening. So nothing is lost
//! with a letter but time.

use std::sync::Arc;

use myrmex_model::id::Epoch;
use myrmex_store::{LogId, MessageNumber};

use super::domain::{Verdict, Wish};
use super::inbox::Entry;
use super::message::{Hold, Message};

/// Carries letters to the other partitions. Those from one to another stay in their order.
pub trait Post: Send {
    /// Brings a letter on its way; does not wait. A partition that has ended gets none.
    fn put(&self, to: LogId, letter: Letter);
}

/// Something that one partition says to another.
#[derive(Debug, Clone)]
pub struct Letter {
    pub(super) from: LogId,
    /// Which opening of the store its sender has.
    pub(super) domain: Epoch,
    pub(super) word: Word,
}

#[derive(Debug, Clone)]
pub(super) enum Word {
    /// There are messages for you in the outbox.
    Mail,
    /// Your messages up to this one are taken, durably.
    Taken(MessageNumber),
    /// The store was opened again.
    Reopened,
    /// What runs want of the domain.
    Wish(Wish),
    /// What the domain has decided about a run.
    Verdict(Verdict),
    /// The runs are taken up for which places were held back.
    LetGo(Arc<Hold>),
}

impl Letter {
    /// Returns whether it may arrive twice, late, or out of order, or be lost until another one like it comes. The others
    /// are part of a conversation.
    pub fn is_notice(&self) -> bool {
        match self.word {
            Word::Mail | Word::Taken(_) | Word::Reopened => true,
            Word::Wish(_) | Word::Verdict(_) | Word::LetGo(_) => false,
        }
    }
}

/// Puts letters into the inboxes of partitions that have threads, by log.
pub(super) struct Inboxes(pub(super) Vec<Entry>);

impl Post for Inboxes {
    fn put(&self, to: LogId, letter: Letter) {
        if let Some(inbox) = self.0.get(to.0 as usize) {
            let _is_heard = inbox.put(Message::Letter(letter));
        }
    }
}
