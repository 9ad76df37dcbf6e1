//! The blocks of a page, and what each is for.

use std::ops::Range;

/// Beginnings of commands that no test executes, with the reason.
const NOT_EXECUTED: &[(&str, &str)] = &[
    ("cargo build", "it makes the binary that the tests have"),
    ("cargo xtask", "the suites run these themselves"),
    ("export PATH=", "the tests have the binary on their path"),
    ("source <(", "it changes the shell of the reader"),
];

/// A fenced block of a page.
#[derive(Debug)]
pub(crate) struct Block {
    /// The words of its first line.
    info: Vec<String>,
    content: Vec<String>,
    /// Which lines of the page its content is.
    pub(crate) lines: Range<usize>,
}

/// What a block is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is only read.
    Shown,
    /// It is a file with this name.
    File(String),
    /// It is commands with what they print.
    Commands(Vec<Command>),
}

/// A command with what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) text: String,
    pub(crate) output: Vec<String>,
}

impl Block {
    pub(crate) fn text(&self) -> String {
        self.content.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// Tells what the block is for, or why it may not stand there.
    pub(crate) fn used(&self) -> Result<Use, String> {
        match self.info.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["console"] => self.commands().map(Use::Commands),
            ["sh"] => self.all_not_executed().map(|()| Use::Shown),
            ["text" | "mermaid"] if !self.content.iter().any(|line| line.starts_with("$ ")) => Ok(Use::Shown),
            ["text" | "mermaid"] => Err("commands stand in a block `console`".to_owned()),
            [_, name] => Ok(Use::File((*name).to_owned())),
            other => Err(format!(
                "a block `{}` is neither commands (`console`) nor a file (`yaml NAME`) nor only to be read (`text`)",
                other.join(" ")
            )),
        }
    }

    fn commands(&self) -> Result<Vec<Command>, String> {
        let mut commands: Vec<Command> = Vec::new();
        for line in &self.content {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(text), _) => commands.push(Command { text: text.to_owned(), output: Vec::new() }),
                (None, Some(command)) => command.output.push(line.clone()),
                (None, None) => return Err("a block `console` begins with `$ COMMAND`".to_owned()),
            }
        }
        Ok(commands)
    }

    fn all_not_executed(&self) -> Result<(), String> {
        let is_command = |line: &&String| !line.is_empty() && !line.starts_with([' ', '#']);
        let is_excused =
            |line: &str| NOT_EXECUTED.iter().any(|(beginning, _reason)| line.starts_with(beginning));
        match self.content.iter().filter(is_command).find(|line| !is_excused(line)) {
            Some(line) => Err(format!("`{line}` is not executed; write it into a block `console`")),
            None => Ok(()),
        }
    }
}

/// Returns the fenced blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in page.lines().enumerate() {
        match (open.take(), line.strip_prefix("```")) {
            (None, Some(info)) => {
                let info = info.split_whitespace().map(str::to_owned).collect();
                open = Some(Block { info, content: Vec::new(), lines: number + 1..number + 1 });
            }
            (Some(mut block), Some(_)) => {
                block.lines.end = number;
                blocks.push(block);
            }
            (Some(mut block), None) => {
                block.content.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Returns the parts between `<!-- generated: NAME -->` and `<!-- end -->`, with the lines between these two.
pub(crate) fn generated(page: &str) -> Vec<(String, Range<usize>)> {
    let mut parts = Vec::new();
    let mut open: Option<(String, usize)> = None;
    for (number, line) in page.lines().enumerate() {
        let name = line.strip_prefix("<!-- generated: ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(name) = name {
            assert!(open.is_none(), "a generated part inside another");
            open = Some((name.to_owned(), number + 1));
        } else if line == "<!-- end -->" {
            let (name, from) = open.take().expect("the end of a generated part has a beginning");
            parts.push((name, from..number));
        }
    }
    assert!(open.is_none(), "a generated part without an end");
    parts
}
