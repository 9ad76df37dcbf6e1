//! The numbers that stand for words in stored forms. A number is never used again for something else.

use crate::event::{HandlerKind, Limit};
use crate::fault::FaultKind;
use crate::ir::GateDecision;
use crate::outcome::Outcome;
use crate::signal::{Answer, Settlement};
use crate::status::{Phase, Status};

/// Returns what of `all` has `number`.
fn find<T: Copy>(all: &[T], number: u64, number_of: impl Fn(T) -> u8) -> Option<T> {
    all.iter().copied().find(|one| u64::from(number_of(*one)) == number)
}

pub(super) fn of_status(status: Status) -> u8 {
    match status {
        Status::Pending => 0,
        Status::Running => 1,
        Status::Waiting => 2,
        Status::Succeeded => 3,
        Status::Failed => 4,
        Status::Cancelled => 5,
        Status::TimedOut => 6,
        Status::Compensated => 7,
        Status::Stuck => 8,
        Status::Skipped => 9,
    }
}

pub(super) fn status(number: u64) -> Option<Status> {
    find(&Status::ALL, number, of_status)
}

/// No phase is absent.
pub(super) fn of_phase(phase: Phase) -> u8 {
    match phase {
        Phase::None => 0,
        Phase::Queued => 1,
        Phase::Granted => 2,
        Phase::Retrying => 3,
        Phase::Cancelling => 4,
        Phase::Handling => 5,
        Phase::Finishing => 6,
        Phase::Awaiting => 7,
        Phase::Held => 8,
        Phase::Postponed => 9,
    }
}

pub(super) fn phase(number: u64) -> Option<Phase> {
    find(&Phase::ALL, number, of_phase)
}

/// The parts of an answer stand in fields of their own.
pub(super) fn of_answer(answer: Answer) -> u8 {
    match answer {
        Answer::Approved => 0,
        Answer::Rejected => 1,
        Answer::Done => 2,
        Answer::Failed => 3,
        Answer::Progress(_) => 4,
        Answer::Decided(_) => 5,
        Answer::Settled(_) => 6,
    }
}

pub(super) fn of_decision(decision: GateDecision) -> u8 {
    match decision {
        GateDecision::Go => 0,
        GateDecision::Hold => 1,
        GateDecision::Stop => 2,
    }
}

pub(super) fn of_settlement(settlement: Settlement) -> u8 {
    match settlement {
        Settlement::Retry => 0,
        Settlement::Skip => 1,
        Settlement::Abandon => 2,
    }
}

pub(super) fn settlement(number: u64) -> Option<Settlement> {
    find(&Settlement::ALL, number, of_settlement)
}

pub(super) fn decision(number: u64) -> Option<GateDecision> {
    find(&GateDecision::ALL, number, of_decision)
}

pub(super) fn of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Started => 0,
        Outcome::Succeeded => 1,
        Outcome::Failed => 2,
        Outcome::Skipped => 3,
        Outcome::Cancelled => 4,
    }
}

pub(super) fn outcome(number: u64) -> Option<Outcome> {
    find(&Outcome::ALL, number, of_outcome)
}

pub(super) fn of_limit(limit: Limit) -> u8 {
    match limit {
        Limit::Queue => 0,
        Limit::Attempt => 1,
        Limit::Total => 2,
    }
}

pub(super) fn limit(number: u64) -> Option<Limit> {
    find(&Limit::ALL, number, of_limit)
}

/// The index of a `catch` stands beside it.
pub(super) fn of_handler(handler: HandlerKind) -> u8 {
    match handler {
        HandlerKind::Catch(_) => 0,
        HandlerKind::OnFailure => 1,
        HandlerKind::Finally => 2,
    }
}

/// Nothing for an author's own kind, which is stored as its text.
pub(super) fn of_fault(kind: &FaultKind) -> Option<u8> {
    Some(match kind {
        FaultKind::Configuration => 0,
        FaultKind::Validation => 1,
        FaultKind::Expression => 2,
        FaultKind::Timeout => 3,
        FaultKind::Runtime => 4,
        FaultKind::NoChoice => 5,
        FaultKind::BranchFailed => 6,
        FaultKind::ToleranceExceeded => 7,
        FaultKind::RoundsExceeded => 8,
        FaultKind::Conflict => 9,
        FaultKind::Deadlock => 10,
        FaultKind::DataLimit => 11,
        FaultKind::Refused => 12,
        FaultKind::Own(_) => return None,
    })
}

pub(super) fn fault(number: u64) -> Option<FaultKind> {
    FaultKind::KNOWN.into_iter().find(|kind| of_fault(kind).map(u64::from) == Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_for_the_word_that_it_was_made_of() {
        for one in Status::ALL {
            assert_eq!(status(of_status(one).into()), Some(one));
        }
        for one in Phase::ALL {
            assert_eq!(phase(of_phase(one).into()), Some(one));
        }
        for one in Outcome::ALL {
            assert_eq!(outcome(of_outcome(one).into()), Some(one));
        }
        for one in Limit::ALL {
            assert_eq!(limit(of_limit(one).into()), Some(one));
        }
        for one in GateDecision::ALL {
            assert_eq!(decision(of_decision(one).into()), Some(one));
        }
        for one in Settlement::ALL {
            assert_eq!(settlement(of_settlement(one).into()), Some(one));
        }
        for one in FaultKind::KNOWN {
            assert_eq!(of_fault(&one).and_then(|number| fault(number.into())), Some(one));
        }
        assert_eq!((status(10), phase(10), outcome(5), limit(3), fault(13)), (None, None, None, None, None));
    }
}
