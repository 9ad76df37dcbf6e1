//! Gates: who decides, what has to hold before the work may go on, and the end of a project at one.
//!
//! | decision | what happens |
//! |---|---|
//! | `go` | counts if every criterion holds; with enough of them the gate opens |
//! | `hold` | recorded; the gate goes on asking |
//! | `stop` | the gate fails, and with it the project: what is under way is cancelled |
//!
//! Whoever puts a decision to the run has looked at the criteria, and says which do not hold. What was found is recorded, so a replay
//! asks nobody.

use myrmex_model::ir::{AwaitKind, Body, Gate, GateDecision};
use myrmex_model::planning::Project;
use myrmex_model::signal::{Answer, Look, Signal, Word};

use super::Run;
use super::arena::{ActivationId, Work};
use super::decide::Rejection;
use super::people::person;

/// Returns whether a name, as it stands in `from` or for an owner, stands for a person; none if nobody can know. In a workflow that is so
/// of everything with a kind in front, such as `group:board`; in a project only of roles that people who are not named have.
pub fn stands_for(project: Option<&Project>, name: &str, by: &str) -> Option<bool> {
    let by = person(by);
    let (kind, rest) = match name.split_once(':') {
        None => return Some(name == by),
        Some(("person", rest)) => return Some(rest == by),
        Some((kind, rest)) => (kind, rest.trim()),
    };
    let resources = &project?.resources;
    let has = |members: &[myrmex_model::name::Name]| members.iter().any(|member| member.as_str() == by);
    match kind {
        "role" => {
            let role = resources.roles.iter().find(|role| role.name.as_str() == rest)?;
            (!role.members.is_empty()).then(|| has(&role.members))
        }
        "group" | "team" => {
            let group = resources.groups.iter().find(|group| group.name.as_str() == rest)?;
            Some(has(&group.members))
        }
        _ => None,
    }
}

impl Run {
    /// Returns whether a task is a gate at which `stop` was decided.
    pub(super) fn is_stop(&self, id: ActivationId) -> bool {
        let is_gate =
            matches!(&self.node(id).body, Body::Await(body) if matches!(body.kind, AwaitKind::Gate(_)));
        let Work::Await(state) = &self.at(id).work else { return false };
        let is_stop = |signal: &Signal| {
            matches!(signal.word, Word::Answer { answer: Answer::Decided(GateDecision::Stop), .. })
        };
        is_gate && state.answers.iter().any(|received| is_stop(&received.signal))
    }

    /// Says whether a decision at a gate can be taken as its criteria stand.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection`] for a `go` if a criterion does not hold, something is not confirmed, or nobody has looked.
    pub(super) fn check_criteria(&self, signal: &Signal, look: Option<&Look>) -> Result<(), Rejection> {
        let Word::Answer { task, answer: Answer::Decided(GateDecision::Go) } = &signal.word else {
            return Ok(());
        };
        let body = self.find(task).and_then(|id| self.await_of(id));
        let asks_more = |gate: &Gate| !gate.criteria.is_empty() || !gate.checklist.is_empty();
        let has_criteria =
            body.is_some_and(|body| matches!(&body.kind, AwaitKind::Gate(gate) if asks_more(gate)));
        let refused = |why| Err(Rejection::NotAnswerable { task: task.clone(), why });
        match look {
            None if has_criteria => refused("nobody has looked at its criteria".to_owned()),
            Some(look) if !look.red.is_empty() => refused(look.red.join("; ")),
            Some(_) | None => Ok(()),
        }
    }
}
