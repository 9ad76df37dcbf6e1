//! Texts for a shell in which others put values: the values go by variables, never into the text.
//!
//! Others paste a value into the text before the shell reads it, so a value can be code. Here a variable stands in its place,
//! written as the quotes around it ask for. What stands bare is split at blanks as a pasted text would be; nothing of it is read
//! as code.

use serde_json::{Map, Value};

use super::foreign::shown;
use super::template::Piece;

/// How deep quotes and `$( )` nest that are followed.
const DEPTH_MAX: usize = 100;

/// The most placeholders of one script whose variables would have one name: each is compared with all before it.
const ALIKE_MAX: usize = 100;

/// What is around a place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Bare,
    /// Inside `$( )`, which is bare until its end.
    Substitution,
    Single,
    /// Inside `$' '`.
    Ansi,
    Double,
    Comment,
}

/// A text below `<<WORD`.
struct Heredoc {
    word: String,
    is_quoted: bool,
    /// Whether tabs before its end do not count.
    is_indented: bool,
}

/// Follows the quotes of a text for a shell.
struct Reader {
    around: Vec<Around>,
    /// Texts that begin after this line.
    waiting: Vec<Heredoc>,
    /// The one that is being read, with the line so far.
    open: Option<(Heredoc, String)>,
    /// The character before this one.
    before: char,
    out: String,
}

/// Puts variables in place of the placeholders of a script: `name` says which for the next one.
///
/// # Errors
///
/// Returns why there is none for a place.
pub(super) fn with_variables(
    pieces: &[Piece<'_>],
    mut name: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut reader =
        Reader { around: Vec::new(), waiting: Vec::new(), open: None, before: '\n', out: String::new() };
    for piece in pieces {
        match piece {
            Piece::Text(text) => reader.text(text)?,
            Piece::Hole(inner) => {
                let name = name(inner)?;
                reader.hole(&name)?;
            }
        }
    }
    Ok(reader.out)
}

impl Reader {
    fn now(&self) -> Around {
        self.around.last().copied().unwrap_or(Around::Bare)
    }

    fn hole(&mut self, name: &str) -> Result<(), String> {
        if let Some((heredoc, line)) = &mut self.open {
            if heredoc.is_quoted {
                return Err(format!("nothing can be put into the text below `<<'{}'`", heredoc.word));
            }
            line.push('$');
        }
        let variable = match (self.now(), self.open.is_some()) {
            (Around::Single, false) => format!("'\"${{{name}}}\"'"),
            (Around::Ansi, false) => return Err("nothing can be put between `$'` and `'`".to_owned()),
            (Around::Bare | Around::Substitution | Around::Double | Around::Comment, _) | (_, true) => {
                format!("${{{name}}}")
            }
        };
        self.out.push_str(&variable);
        self.before = '}';
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text.char_indices();
        while let Some((at, c)) = rest.next() {
            self.out.push(c);
            if self.open.is_some() {
                self.below(c);
                continue;
            }
            if c == '\\' && !matches!(self.now(), Around::Single | Around::Comment) {
                if let Some((_, next)) = rest.next() {
                    self.out.push(next);
                }
                self.before = 'x';
                continue;
            }
            self.plain(c, &text[at..])?;
            self.before = c;
        }
        Ok(())
    }

    /// Reads a character outside of texts below `<<`.
    fn plain(&mut self, c: char, rest: &str) -> Result<(), String> {
        match (self.now(), c) {
            (Around::Single | Around::Ansi, '\'')
            | (Around::Double, '"')
            | (Around::Comment, '\n')
            | (Around::Substitution, ')') => {
                self.around.pop();
            }
            (Around::Bare | Around::Substitution, '\'') => {
                self.push(if self.before == '$' { Around::Ansi } else { Around::Single })?;
            }
            (Around::Bare | Around::Substitution, '"') => self.push(Around::Double)?,
            (Around::Bare | Around::Substitution | Around::Double, '(') if self.before == '$' => {
                self.push(Around::Substitution)?;
            }
            // A `(` of its own, so that its `)` does not end what is around it.
            (Around::Substitution, '(') => self.push(Around::Substitution)?,
            (Around::Bare | Around::Substitution, '#')
                if self.before.is_whitespace() || self.before == ';' =>
            {
                self.push(Around::Comment)?;
            }
            (Around::Bare | Around::Substitution, '<') if self.before != '<' && rest.starts_with("<<") => {
                self.waiting.extend(heredoc(&rest[2..]));
            }
            (
                Around::Bare
                | Around::Substitution
                | Around::Single
                | Around::Ansi
                | Around::Double
                | Around::Comment,
                _,
            ) => {}
        }
        if c == '\n' && !self.waiting.is_empty() && !matches!(self.now(), Around::Single | Around::Double) {
            self.open = Some((self.waiting.remove(0), String::new()));
        }
        Ok(())
    }

    /// Reads a character of a text below `<<`.
    fn below(&mut self, c: char) {
        let Some((heredoc, line)) = &mut self.open else { return };
        if c != '\n' {
            line.push(c);
            return;
        }
        let own = if heredoc.is_indented { line.trim_start_matches('\t') } else { line.as_str() };
        if own == heredoc.word {
            self.open = (!self.waiting.is_empty()).then(|| (self.waiting.remove(0), String::new()));
            self.before = '\n';
        } else {
            line.clear();
        }
    }

    fn push(&mut self, around: Around) -> Result<(), String> {
        if self.around.len() == DEPTH_MAX {
            return Err(format!("its quotes nest deeper than {DEPTH_MAX}"));
        }
        self.around.push(around);
        Ok(())
    }
}

/// Reads what stands behind `<<`.
fn heredoc(rest: &str) -> Option<Heredoc> {
    if rest.starts_with('<') {
        // It is `<<<`, which takes a word.
        return None;
    }
    let is_indented = rest.starts_with('-');
    let rest = rest.trim_start_matches('-').trim_start_matches([' ', '\t']);
    let is_quoted = rest.starts_with(['\'', '"', '\\']);
    let rest = rest.trim_start_matches(['\'', '"', '\\']);
    let end =
        rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(rest.len());
    (end > 0).then(|| Heredoc { word: rest[..end].to_owned(), is_quoted, is_indented })
}

/// Gives an expression a variable of its own in `env`, and returns its name.
///
/// # Errors
///
/// Returns why there is none: too many placeholders that are alike.
pub(super) fn give(env: &mut Map<String, Value>, inner: &str, source: &str) -> Result<String, String> {
    let value = Value::String(format!("${{{{ {source} }}}}"));
    let base = variable(inner);
    let (mut name, mut number) = (base.clone(), 2);
    while env.get(&name).is_some_and(|other| *other != value) {
        if number > ALIKE_MAX {
            return Err(format!("it has more than {ALIKE_MAX} placeholders like `{}`", shown(inner)));
        }
        name = format!("{base}_{number}");
        number += 1;
    }
    env.insert(name.clone(), value);
    Ok(name)
}

/// Makes a name of a variable of what stands in a placeholder. It always has a `_` or a prefix, so that it never names a
/// variable that a system gives a meaning to, such as `PATH`.
pub(super) fn variable(inner: &str) -> String {
    let mut name: String = inner
        .chars()
        .take(48)
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    let name = name.trim_matches('_');
    let is_own = name.contains('_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["LD_", "DYLD_", "MYRMEX_"].iter().any(|taken| name.starts_with(taken));
    if is_own { name.to_owned() } else { format!("VALUE_{name}").trim_end_matches('_').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::template::pieces;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let pieces = pieces(text, "{{", "}}").unwrap();
        let made = with_variables(&pieces, |inner| Ok(inner.to_uppercase()));
        assert_eq!(made.unwrap_or_else(|problem| problem), expected, "{text}");
    }

    #[test]
    fn a_variable_is_written_as_the_quotes_around_it_ask_for() {
        check("echo {{a}} \"{{b}}\" '{{c}}'", "echo ${A} \"${B}\" ''\"${C}\"''");
        check("echo \"$(cat '{{a}}')\" {{b}}", "echo \"$(cat ''\"${A}\"'')\" ${B}");
        check("# don't\necho {{a}}", "# don't\necho ${A}");
        check("echo it\\'s {{a}}", "echo it\\'s ${A}");
        check("cat <<END\nit's {{a}}\nEND\necho '{{b}}'", "cat <<END\nit's ${A}\nEND\necho ''\"${B}\"''");
        check("cat <<'END'\n{{a}}\nEND", "nothing can be put into the text below `<<'END'`");
        check("echo $'{{a}}'", "nothing can be put between `$'` and `'`");
    }

    #[test]
    fn no_variable_of_the_system_is_named() {
        assert_eq!(
            ["path", "matrix.os", "ld.preload", "inputs['a b']", "1"].map(variable),
            ["VALUE_PATH", "MATRIX_OS", "VALUE_LD_PRELOAD", "INPUTS_A_B", "VALUE_1"]
        );
    }
}
