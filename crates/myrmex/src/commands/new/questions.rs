//! Questions to a person: one line each, asked on standard error and answered on standard input.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::exit::{Failure, FailureCode};

/// How often a question is asked again whose answer is none of the choices: then nobody reads it.
const TRIES_MAX: usize = 5;

/// Somebody who may be there to answer.
pub(super) struct Person {
    input: Option<(Box<dyn BufRead>, Box<dyn Write>)>,
    /// Whether what is proposed is taken without a question.
    agrees: bool,
}

impl Person {
    /// Returns somebody who takes what is proposed, and answers nothing else.
    pub(super) fn who_agrees() -> Self {
        Self { input: None, agrees: true }
    }

    /// Returns whoever sits at the terminal; nobody if there is none, or if nothing `is_asked`.
    pub(super) fn at_a_terminal(is_asked: bool) -> Self {
        let is_there = is_asked && io::stdin().is_terminal() && io::stderr().is_terminal();
        let input = is_there.then(|| (Box::new(io::stdin().lock()) as _, Box::new(anstream::stderr()) as _));
        Self { input, agrees: false }
    }

    /// Asks for a line; an empty one takes what is proposed. None if nobody is there who can say it.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if there is no answer.
    pub(super) fn ask(&mut self, question: &str, proposed: Option<&str>) -> Result<Option<String>, Failure> {
        let Some((input, output)) = &mut self.input else {
            return Ok(proposed.filter(|_| self.agrees).map(str::to_owned));
        };
        let default = proposed.map(|proposed| format!(" [{proposed}]")).unwrap_or_default();
        for _ in 0..TRIES_MAX {
            write!(output, "{question}{default}: ")
                .and_then(|()| output.flush())
                .map_err(|error| Failure::output(&error))?;
            let mut line = String::new();
            let read = input.read_line(&mut line).map_err(|_| unanswered())?;
            if read == 0 {
                return Err(unanswered());
            }
            match (line.trim(), proposed) {
                ("", None) => {}
                ("", Some(proposed)) => return Ok(Some(proposed.to_owned())),
                (answer, _) => return Ok(Some(answer.to_owned())),
            }
        }
        Err(unanswered())
    }

    /// Asks for one of a few words, by the word or its number; an empty line takes the first. None if nobody is there.
    ///
    /// # Errors
    ///
    /// Returns [`Failure`] if there is no answer that is one of them.
    pub(super) fn choose<'w>(
        &mut self,
        question: &str,
        words: &[&'w str],
    ) -> Result<Option<&'w str>, Failure> {
        let Some((_, output)) = &mut self.input else {
            return Ok(words.first().copied().filter(|_| self.agrees));
        };
        let mut listed = words.iter().enumerate();
        writeln!(output, "{question}")
            .and_then(|()| listed.try_for_each(|(index, word)| writeln!(output, "  {}  {word}", index + 1)))
            .map_err(|error| Failure::output(&error))?;
        for _ in 0..TRIES_MAX {
            let answer = self.ask("Number or name", words.first().copied())?;
            let Some(answer) = answer else { return Ok(None) };
            let by_number = answer.parse::<usize>().ok().and_then(|number| words.get(number.checked_sub(1)?));
            if let Some(word) = by_number.or_else(|| words.iter().find(|word| **word == answer)) {
                return Ok(Some(word));
            }
        }
        Err(unanswered())
    }
}

fn unanswered() -> Failure {
    Failure::new(FailureCode::Unanswered, "a question was not answered")
        .with_hint("say it on the command line: `myrmex new --help` names what there is to say")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person who answers with these lines.
    fn answering(lines: &'static str) -> Person {
        Person { input: Some((Box::new(lines.as_bytes()), Box::new(io::sink()))), agrees: false }
    }

    #[test]
    fn an_empty_line_takes_what_is_proposed() {
        assert_eq!(answering("\n").ask("Where", Some(".")).unwrap().as_deref(), Some("."));
        assert_eq!(answering(" there \n").ask("Where", Some(".")).unwrap().as_deref(), Some("there"));
        assert_eq!(answering("\n\nthere\n").ask("Where", None).unwrap().as_deref(), Some("there"));
    }

    #[test]
    fn a_choice_is_made_by_word_or_number() {
        let words = ["project", "workflow"];
        for (lines, chosen) in [
            ("\n", "project"),
            ("2\n", "workflow"),
            ("workflow\n", "workflow"),
            ("0\n3\nnope\n1\n", "project"),
        ] {
            assert_eq!(answering(lines).choose("What?", &words).unwrap(), Some(chosen), "{lines:?}");
        }
    }

    #[test]
    fn without_an_answer_there_is_an_error_and_without_a_person_no_question() {
        assert!(answering("").ask("Where", Some(".")).is_err());
        assert!(answering("a\nb\nc\nd\ne\n1\n").choose("What?", &["project"]).is_err());
        let mut nobody = Person { input: None, agrees: false };
        assert_eq!(nobody.choose("What?", &["project"]).unwrap(), None);
    }

    #[test]
    fn who_agrees_takes_what_is_proposed_and_nothing_else() {
        let mut person = Person::who_agrees();
        assert_eq!(person.choose("What?", &["project", "workflow"]).unwrap(), Some("project"));
        assert_eq!(person.ask("Where", Some(".")).unwrap().as_deref(), Some("."));
        assert_eq!(person.ask("Where", None).unwrap(), None);
    }
}
