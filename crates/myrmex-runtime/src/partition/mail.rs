//! Messages between runs: sent by a row of the outbox in the batch that decides them, taken by reading that row.
//!
//! A run of the same partition gets its message in the same turn, by the same code; then no row is needed, since both
//! are in one batch. Only when that batch is full, or the turn has done its [`Share`](super::children::Share), a partition sends a
//! row to itself, and then all that follow until they are taken, so that messages stay in their order. A partition that has put
//! rows into its outbox only gives notice; the receiver reads them when it has room. So nothing is kept in memory that a slow
//! receiver has not taken, and a notice that is lost costs time only.

use std::collections::{BTreeMap, BTreeSet};

use myrmex_model::message::Message;
use myrmex_model::wire;
use myrmex_store::outbox::Message as Row;
use myrmex_store::{IndexOperation, LogId, MessageNumber, Partitions, Reader, StoreError};

use super::State;
use super::batch::Release;
use super::children::FollowUp;
use super::post::Word;

/// The most messages of one sender taken in one turn; what else arrives gets its turn between.
const MESSAGES_PER_TURN: usize = 256;

/// How many rows are read at a time to find the last one.
const PAGE: usize = 1_000;

/// How far messages are sent and taken, for one opening of the store.
#[derive(Debug, Default)]
pub(super) struct Mail {
    peers: BTreeMap<LogId, Peer>,
    /// Those who may have sent something that was not looked at.
    unread: BTreeSet<LogId>,
}

/// How it stands with another log.
#[derive(Debug)]
struct Peer {
    /// The last message to it.
    sent: MessageNumber,
    /// The last one that it has taken durably.
    taken: MessageNumber,
    /// The last one whose row is gone, or goes in the batch in the making.
    removed: MessageNumber,
    /// The last message of it that was taken here.
    received: MessageNumber,
    /// The messages to it that call somebody and are not taken.
    calls: BTreeSet<MessageNumber>,
}

impl Mail {
    /// Reads how it stands with all logs, this one too: it may have sent itself what went into no batch.
    pub(super) fn open(reader: &dyn Reader, log: LogId, partitions: Partitions) -> Result<Self, StoreError> {
        let mut mail = Self::default();
        for other in partitions.logs() {
            let (taken, received) = (reader.received(other, log)?, reader.received(log, other)?);
            // Rows are removed only after they were taken, so no number is given twice.
            let (mut sent, mut calls) = (taken, BTreeSet::new());
            loop {
                let page = reader.messages((log, other), sent, PAGE)?;
                let Some(last) = page.last() else { break };
                sent = last.number;
                let is_call = |row: &&Row| matches!(wire::message::decode(&row.body), Ok(Message::Call(_)));
                calls.extend(page.iter().filter(is_call).map(|row| row.number));
            }
            let removed = MessageNumber::NONE;
            mail.peers.insert(other, Peer { sent, taken, removed, received, calls });
            // Nobody else sends what this one sends to itself, so what there is has been seen.
            if other != log || sent > received {
                mail.unread.insert(other);
            }
        }
        Ok(mail)
    }

    /// Returns how many calls are on their way to others.
    pub(super) fn calls_on_the_way(&self) -> usize {
        self.peers.values().map(|peer| peer.calls.len()).sum()
    }

    /// Returns whether there are messages to `log` that it has not taken here.
    pub(super) fn has_untaken(&self, log: LogId) -> bool {
        self.peers.get(&log).is_some_and(|peer| peer.sent > peer.received)
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    pub(super) fn note_unread(&mut self, from: LogId) {
        if self.peers.contains_key(&from) {
            self.unread.insert(from);
        }
    }

    pub(super) fn note_taken(&mut self, by: LogId, through: MessageNumber) {
        if let Some(peer) = self.peers.get_mut(&by) {
            peer.taken = peer.taken.max(through);
            peer.calls = peer.calls.split_off(&through.next());
        }
    }

    /// Returns what the next batch can remove from the outbox.
    pub(super) fn removals(&mut self) -> Vec<IndexOperation> {
        let done = self.peers.iter_mut().filter(|(_, peer)| peer.removed < peer.taken);
        let remove = |(to, peer): (&LogId, &mut Peer)| {
            peer.removed = peer.taken;
            IndexOperation::RemoveMessages { to: *to, through: peer.taken }
        };
        done.map(remove).collect()
    }
}

impl State {
    /// Sends a message to a run. One of this partition gets it in this turn, another one once it is durable.
    pub(super) fn send(&mut self, message: Message) {
        let (own, to) = (self.parts.log, self.parts.partitions.log_of(message.to()));
        if to == own && !self.owned.mail.has_untaken(own) {
            self.follow_ups.push_back(FollowUp::Message(message));
        } else {
            self.put_message(to, &message);
        }
    }

    /// Puts a message to a run of the partition of `to` into the outbox.
    pub(super) fn put_message(&mut self, to: LogId, message: &Message) {
        let Some(peer) = self.owned.mail.peers.get_mut(&to) else { return };
        peer.sent = peer.sent.next();
        let (number, namespace, run) = (peer.sent, self.parts.namespace.clone(), message.to());
        if let Message::Call(_) = message {
            peer.calls.insert(number);
        }
        let (codec, body) = (wire::message::CODEC, wire::message::encode(message));
        let row = Row { to, number, namespace, run, codec, body };
        self.owned.open.operations([IndexOperation::PutMessage(row)]);
        self.owned.open.effects.push(Release::Say(to, Word::Mail));
    }

    /// Takes messages of other partitions, as many as fit into the batch. After an interrupt they wait where they are, for
    /// whoever opens the store next.
    pub(super) fn take_mail(&mut self) {
        if self.is_interrupted {
            return;
        }
        for from in std::mem::take(&mut self.owned.mail.unread) {
            if self.is_full() || self.trouble.is_some() {
                self.owned.mail.unread.insert(from);
                continue;
            }
            let Some(after) = self.owned.mail.peers.get(&from).map(|peer| peer.received) else { continue };
            let route = (from, self.parts.log);
            // What others sent does not wait for those who say much.
            self.messages.begin();
            match self.owned.reader.messages(route, after, MESSAGES_PER_TURN) {
                Ok(page) => self.take_messages(from, page),
                // The turn is dropped with it.
                Err(error) => {
                    self.trouble.get_or_insert(error);
                }
            }
        }
    }

    fn take_messages(&mut self, from: LogId, page: Vec<Row>) {
        if page.is_empty() {
            return;
        }
        // There may be more; a page that is not full does not tell.
        self.owned.mail.unread.insert(from);
        let mut through = MessageNumber::NONE;
        for Row { number, codec, body, .. } in page {
            if self.is_full() || !self.messages.take_one() {
                break;
            }
            through = number;
            if let Some(peer) = self.owned.mail.peers.get_mut(&from) {
                peer.received = through;
            }
            match wire::message::decode(&body) {
                Ok(message) if codec == wire::message::CODEC => {
                    self.deliver(message);
                    self.follow_up();
                }
                // One that cannot be read must not stop those behind it.
                Ok(_) | Err(_) => {
                    let number = number.0;
                    let note = format!("message {number} of partition {from} cannot be read and is left out");
                    self.parts.progress.note(note);
                }
            }
        }
        self.owned.open.operations([IndexOperation::PutReceived { from, through }]);
        self.owned.open.effects.push(Release::Say(from, Word::Taken(through)));
    }
}
