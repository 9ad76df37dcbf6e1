//! Flows that go round: after the last child the token goes back to the first, as long as a condition says so.
//!
//! Visits count on over rounds, so every round leaves its own trace. `exit`, a failure and a cancel end the flow.

use std::sync::Arc;

use myrmex_model::effect::Question;
use myrmex_model::event::{Change, Event};
use myrmex_model::fault::{Fault, FaultKind};
use myrmex_model::ir::{Body, Next, RoundCondition, Rounds};
use myrmex_model::outcome::Outcome;
use myrmex_model::status::Phase;
use myrmex_model::time::Timestamp;

use super::Run;
use super::arena::{ActivationId, Work};
use super::decide::Turn;

/// Where the token of a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// In a child that has not ended.
    Inside,
    /// Behind the last child of a round, or before the first round.
    BetweenRounds,
    /// Out of the flow; the child that failed, if one did.
    Out(Option<ActivationId>),
}

impl Run {
    pub(super) fn rounds(&self, flow: ActivationId) -> Option<&Rounds> {
        match &self.node(flow).body {
            Body::Flow(body) => body.rounds.as_ref(),
            Body::Task(_)
            | Body::Value(_)
            | Body::Timer(_)
            | Body::Choose(_)
            | Body::Raise(_)
            | Body::Await(_)
            | Body::Graph(_)
            | Body::Each(_)
            | Body::Call(_) => None,
        }
    }

    /// Returns where the token of a flow under way is.
    pub(super) fn token(&self, flow: ActivationId) -> Token {
        let goes_round = self.rounds(flow).is_some() && !self.at(flow).is_winding_down();
        let end = if goes_round { Token::BetweenRounds } else { Token::Out(None) };
        let Some(child) = self.flow(flow).current else { return end };
        match Outcome::of(self.at(child).status) {
            None | Some(Outcome::Started) => Token::Inside,
            Some(Outcome::Failed) => Token::Out(Some(child)),
            Some(Outcome::Succeeded | Outcome::Skipped | Outcome::Cancelled) => {
                if self.after(flow, child) == Next::Continue { end } else { Token::Out(None) }
            }
        }
    }

    /// Applies the beginning of a round, which is known to fit.
    pub(super) fn apply_round(&mut self, flow: ActivationId, round: u32, at: Timestamp) -> Change {
        let change = self.change(flow, Phase::None, at, |activation| {
            if let Work::Flow(state) = &mut activation.work {
                state.round = Some(round);
            }
        });
        self.go_to_first(flow);
        change
    }
}

impl Turn<'_> {
    /// Decides whether a flow goes round once more.
    pub(super) fn next_round(&mut self, flow: ActivationId) {
        let definition = Arc::clone(&self.run.definition);
        let Body::Flow(body) = &definition.node(self.run.at(flow).node).body else { return };
        let Some(rounds) = &body.rounds else { return };
        let round = self.run.flow(flow).round;
        match (&rounds.condition, round) {
            (RoundCondition::Until(_), None) => self.begin_round(flow, 0, rounds.most),
            (RoundCondition::Until(_), Some(round)) => self.ask(flow, Question::Round { round }),
            (RoundCondition::While(_), round) => {
                let round = round.map_or(0, |round| round + 1);
                self.ask(flow, Question::Round { round });
            }
        }
    }

    /// Goes on after the condition was evaluated.
    pub(super) fn round_decided(&mut self, flow: ActivationId, goes_on: bool) {
        let Some(most) = self.run.rounds(flow).map(|rounds| rounds.most) else { return };
        if !goes_on || self.run.at(flow).is_winding_down() {
            return self.end_scope(flow, None);
        }
        let round = self.run.flow(flow).round.map_or(0, |round| round + 1);
        self.begin_round(flow, round, most);
    }

    fn begin_round(&mut self, flow: ActivationId, round: u32, most: u32) {
        if round >= most {
            let title = format!("the loop asks for more than its {most} rounds");
            return self.retry(flow, Fault::new(FaultKind::RoundsExceeded, title), false);
        }
        let task = self.run.address(flow);
        self.emit(Event::RoundBegan { task, round });
    }
}
