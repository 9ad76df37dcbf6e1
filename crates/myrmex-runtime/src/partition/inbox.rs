//! The inbox of a partition: two lanes, so that a flood of new work never keeps an outcome or a cancel waiting.
//!
//! In the reserved lane is what others have to say about work that is there; those who say it bound it: a worker has a
//! report or two for each of its slots, the writer one word for the batch it has, another partition a wish or two for each
//! attempt, whoever cancels waits for the answer. What brings new work goes into the ordinary lane, which is bounded and
//! is read only when the other one is empty.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::message::{Message, RequestError};

/// The most requests for new work that wait in one inbox. They are taken some thousand a second, so who is let in waits for
/// seconds at most.
pub(super) const REQUESTS_MAX: usize = 4_096;

/// Makes the inbox of a partition: where messages are put, and where they are taken.
pub(super) fn inbox() -> (Entry, Messages) {
    let shared = Arc::new(Shared::default());
    (Entry(Arc::clone(&shared)), Messages(shared))
}

/// Where messages are put. Cloning gives another way in.
#[derive(Clone)]
pub(super) struct Entry(Arc<Shared>);

/// Where messages are taken; by one loop.
pub(super) struct Messages(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lanes: Mutex<Lanes>,
    arrived: Condvar,
}

#[derive(Default)]
struct Lanes {
    reserved: VecDeque<Message>,
    ordinary: VecDeque<Message>,
    is_closed: bool,
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // The lanes are whole after every change.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Puts a message into its lane; false if the loop has ended. A request for which there is no room is answered.
    pub(super) fn put(&self, message: Message) -> bool {
        let mut lanes = self.0.lanes();
        if lanes.is_closed {
            return false;
        }
        match message {
            Message::Start(..) | Message::Resume { .. } | Message::Say(_)
                if lanes.ordinary.len() >= REQUESTS_MAX =>
            {
                drop(lanes);
                refuse(message);
                return true;
            }
            Message::Start(..) | Message::Resume { .. } | Message::Say(_) => {
                lanes.ordinary.push_back(message);
            }
            Message::Cancel { .. }
            | Message::Skip(_)
            | Message::Attach(_)
            | Message::Said(_)
            | Message::Letter(_)
            | Message::Hold(_)
            | Message::Interrupt
            | Message::Written(..)
            | Message::Quit => lanes.reserved.push_back(message),
        }
        self.0.arrived.notify_one();
        true
    }
}

fn refuse(message: Message) {
    let answer = match message {
        Message::Start(_, answer) | Message::Resume { answer, .. } => answer,
        Message::Say(say) => say.answer,
        Message::Cancel { .. }
        | Message::Skip(_)
        | Message::Attach(_)
        | Message::Said(_)
        | Message::Letter(_)
        | Message::Hold(_)
        | Message::Interrupt
        | Message::Written(..)
        | Message::Quit => return,
    };
    drop(answer.give(Err(RequestError::Full { waiting: REQUESTS_MAX })));
}

impl Messages {
    /// Takes the next message if there is one: of the ordinary lane only if the other is empty.
    pub(super) fn try_next(&self) -> Option<Message> {
        let mut lanes = self.0.lanes();
        lanes.reserved.pop_front().or_else(|| lanes.ordinary.pop_front())
    }

    /// Takes the next message of the reserved lane, if there is one.
    pub(super) fn try_next_reserved(&self) -> Option<Message> {
        self.0.lanes().reserved.pop_front()
    }

    /// Returns whether there is no message.
    pub(super) fn is_empty(&self) -> bool {
        let lanes = self.0.lanes();
        lanes.reserved.is_empty() && lanes.ordinary.is_empty()
    }

    /// Waits for the next message, at most `limit`.
    pub(super) fn next(&self, limit: Duration) -> Option<Message> {
        let until = Instant::now() + limit;
        let mut lanes = self.0.lanes();
        loop {
            if let Some(message) = lanes.reserved.pop_front().or_else(|| lanes.ordinary.pop_front()) {
                return Some(message);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            lanes = self.0.arrived.wait_timeout(lanes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the next message of the reserved lane. Meanwhile the ordinary one fills up.
    pub(super) fn next_reserved(&self) -> Message {
        let mut lanes = self.0.lanes();
        loop {
            if let Some(message) = lanes.reserved.pop_front() {
                return message;
            }
            lanes = self.0.arrived.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let mut lanes = self.0.lanes();
        lanes.is_closed = true;
        // Whoever waits for an answer learns that there will be none.
        let left = (std::mem::take(&mut lanes.reserved), std::mem::take(&mut lanes.ordinary));
        drop(lanes);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use myrmex_model::id::RunId;

    use super::super::message::Answer;
    use super::*;

    fn request() -> (Message, Receiver<Result<(), RequestError>>) {
        let (answer, answered) = Answer::new(None);
        (Message::Resume { runs: Vec::new(), asked: None, answer }, answered)
    }

    fn cancel() -> Message {
        let (by, reason) = ("ann".to_owned(), "enough".to_owned());
        Message::Cancel { run: RunId([1; 16]), by, reason, answer: Answer::new(None).0 }
    }

    #[test]
    fn a_flood_of_requests_delays_no_cancel_and_is_told_when_there_is_no_room() {
        let (entry, messages) = inbox();
        let answers: Vec<_> = (0..=REQUESTS_MAX)
            .map(|_| {
                let (request, answered) = request();
                assert!(entry.put(request));
                answered
            })
            .collect();
        let full = answers.last().unwrap().try_recv().unwrap().unwrap_err();
        assert!(matches!(full, RequestError::Full { waiting: REQUESTS_MAX }), "{full}");
        assert!(answers[0].try_recv().is_err(), "it waits for its answer");
        assert!(entry.put(cancel()));
        assert!(matches!(messages.try_next(), Some(Message::Cancel { .. })));
        assert!(matches!(messages.try_next(), Some(Message::Resume { .. })));
        assert!(messages.try_next_reserved().is_none());
        assert!(entry.put(request().0), "there is room again");
    }

    #[test]
    fn a_message_wakes_who_waits_for_it() {
        let (entry, messages) = inbox();
        assert!(messages.next(Duration::ZERO).is_none());
        let waits = std::thread::spawn(move || messages.next(Duration::from_mins(1)));
        assert!(entry.put(cancel()));
        assert!(waits.join().unwrap().is_some());
        assert!(!entry.put(cancel()), "nobody takes it any more");
    }

    #[test]
    fn who_asked_a_loop_that_ends_learns_that_there_is_no_answer() {
        let (entry, messages) = inbox();
        let (request, answered) = request();
        assert!(entry.put(request));
        drop(messages);
        assert!(answered.recv().is_err());
    }
}
