//! The expressions of GitHub Actions, as a tree.

/// The longest expression that is read, in bytes: what is longer would not fit into one of ours.
const BYTES_MAX: usize = 4096;

/// The deepest nesting that is read: deeper ones would need a larger stack.
const DEPTH_MAX: usize = 50;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Null,
    Boolean(bool),
    /// A number as it is written.
    Number(String),
    Text(String),
    /// A path that begins with a name.
    Path(Vec<Step>),
    Call(String, Vec<Expression>),
    Not(Box<Expression>),
    /// An operator between two.
    Binary(&'static str, Box<Expression>, Box<Expression>),
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Field(String),
    Index(Expression),
    /// `.*`: this of all members.
    All,
}

/// The operators, those that bind least first.
const OPERATORS: [&[&str]; 4] = [&["||"], &["&&"], &["==", "!="], &["<=", ">=", "<", ">"]];

/// Parses an expression.
///
/// # Errors
///
/// Returns what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    if text.len() > BYTES_MAX {
        return Err(format!("it is longer than {BYTES_MAX} bytes"));
    }
    let mut reader = Reader { rest: text, depth: 0 };
    let expression = reader.binary(0)?;
    reader.blanks();
    if reader.rest.is_empty() { Ok(expression) } else { Err(reader.unexpected()) }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self) -> String {
        let shown: String = self.rest.chars().take(10).collect();
        if shown.is_empty() { "it ends too early".to_owned() } else { format!("`{shown}` is not expected") }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn binary(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        let mut count = 0;
        while let Some(operator) = operators.iter().find(|operator| self.eat(operator)) {
            let right = self.binary(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
            count += 1;
            if count > DEPTH_MAX {
                return Err(format!("it has more than {DEPTH_MAX} operators in a row"));
            }
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, String> {
        self.blanks();
        if self.rest.starts_with("!=") || self.depth == DEPTH_MAX {
            return Err(self.unexpected());
        }
        self.depth += 1;
        let found = if self.eat("!") {
            self.unary().map(|inner| Expression::Not(Box::new(inner)))
        } else if self.eat("(") {
            self.binary(0).and_then(|inner| self.expect(")").map(|()| inner))
        } else {
            self.primary()
        };
        self.depth -= 1;
        found
    }

    fn primary(&mut self) -> Result<Expression, String> {
        if let Some(rest) = self.rest.strip_prefix('\'') {
            return self.text(rest);
        }
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.');
        if self.rest.starts_with(is_number) {
            let end = self
                .rest
                .find(|c: char| !(is_number(c) || c.is_ascii_alphanumeric()))
                .unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(end);
            let is_good = number.parse::<f64>().is_ok_and(f64::is_finite) && !number.starts_with('+');
            self.rest = rest;
            return if is_good {
                Ok(Expression::Number(number.to_owned()))
            } else {
                Err(format!("`{number}` is no number"))
            };
        }
        let name = self.name().ok_or_else(|| self.unexpected())?;
        match name {
            "true" => return Ok(Expression::Boolean(true)),
            "false" => return Ok(Expression::Boolean(false)),
            "null" => return Ok(Expression::Null),
            _ => {}
        }
        if self.eat("(") {
            let call = Expression::Call(name.to_ascii_lowercase(), self.arguments()?);
            return if self.rest.starts_with(['.', '[']) {
                Err("a field of what a function gives".to_owned())
            } else {
                Ok(call)
            };
        }
        let mut path = vec![Step::Field(name.to_owned())];
        loop {
            if self.eat(".") {
                let step = if self.eat("*") {
                    Some(Step::All)
                } else {
                    self.name().map(|name| Step::Field(name.to_owned()))
                };
                path.push(step.ok_or_else(|| self.unexpected())?);
            } else if self.eat("[") {
                let index = self.binary(0)?;
                self.expect("]")?;
                path.push(match index {
                    Expression::Text(name) => Step::Field(name),
                    other => Step::Index(other),
                });
            } else {
                return Ok(Expression::Path(path));
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, String> {
        let mut arguments = Vec::new();
        if self.eat(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.binary(0)?);
            if self.eat(")") {
                return Ok(arguments);
            }
            self.expect(",")?;
        }
    }

    fn name(&mut self) -> Option<&'t str> {
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !self.rest.starts_with(is_first) {
            return None;
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(name)
    }

    /// Reads a text behind its opening quote; a quote in it is written twice.
    fn text(&mut self, rest: &'t str) -> Result<Expression, String> {
        let (mut text, mut rest) = (String::new(), rest);
        loop {
            let end = rest.find('\'').ok_or("a quote is not closed")?;
            text.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            if let Some(more) = rest.strip_prefix('\'') {
                text.push('\'');
                rest = more;
            } else {
                self.rest = rest;
                return Ok(Expression::Text(text));
            }
        }
    }
}
