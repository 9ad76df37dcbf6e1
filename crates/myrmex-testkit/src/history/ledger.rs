//! The ledger of side effects: lines `start|end RUN TASK ATTEMPT TOKEN PID` that processes append, one write each.

/// Which end of a process a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The process began.
    Start,
    /// The process did all it had to do.
    End,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which end.
    pub mark: Mark,
    /// The run.
    pub run: String,
    /// The task's path.
    pub task: String,
    /// The attempt.
    pub attempt: u64,
    /// The fencing token.
    pub token: u64,
    /// The process.
    pub pid: u32,
    /// The line as it was written.
    pub line: String,
}

/// All lines, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The lines.
    pub entries: Vec<Entry>,
}

impl Ledger {
    /// Reads the lines of a ledger; nothing if one of them is not such a line.
    pub fn parse(text: &str) -> Option<Self> {
        text.lines().map(entry).collect::<Option<_>>().map(|entries| Self { entries })
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let mark = match words.next()? {
        "start" => Mark::Start,
        "end" => Mark::End,
        _ => return None,
    };
    let entry = Entry {
        mark,
        run: words.next()?.to_owned(),
        task: words.next()?.to_owned(),
        attempt: words.next()?.parse().ok()?,
        token: words.next()?.parse().ok()?,
        pid: words.next()?.parse().ok()?,
        line: line.to_owned(),
    };
    words.next().is_none().then_some(entry)
}
