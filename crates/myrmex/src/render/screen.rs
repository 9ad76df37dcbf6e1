//! Where a command tells people what goes on: lines on standard error and, on a terminal, a few rows below them that change.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use terminal_size::{Height, Width, terminal_size_of};

/// How often in a second the rows are drawn at most.
const DRAWS_PER_SECOND: u8 = 10;

/// The rows and columns of a terminal that does not say how many it has.
const USUAL_SIZE: Size = Size { rows: 24, columns: 80 };

/// How large a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From top to bottom.
    pub rows: usize,
    /// From left to right.
    pub columns: usize,
}

/// Standard error. Its clones write to the same place without getting in each other's way.
#[derive(Clone)]
pub struct Screen {
    /// What draws the rows; none where lines are all there is.
    rows: Option<ProgressBar>,
    /// Whether rows are shown at the moment.
    is_open: Arc<AtomicBool>,
    has_colors: bool,
}

impl Screen {
    /// Takes standard error. It has rows if it is a terminal that can move its cursor, unless the variable `CI` says that nobody
    /// watches.
    pub fn of_stderr() -> Self {
        let stderr = std::io::stderr();
        let has_colors = AutoStream::choice(&stderr) != ColorChoice::Never;
        let is_live = stderr.is_terminal()
            && !is_set("CI")
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let rows = is_live.then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            let style = ProgressStyle::with_template("{msg}").expect("the template is a constant");
            ProgressBar::with_draw_target(None, target).with_style(style)
        });
        Self { rows, is_open: Arc::default(), has_colors }
    }

    /// Makes ready for rows, also after those of another run were taken away.
    pub fn open(&self) {
        if let Some(rows) = &self.rows {
            rows.reset();
            self.is_open.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it has rows that change.
    pub fn is_live(&self) -> bool {
        self.rows.is_some()
    }

    /// Writes a line above the rows. If standard error is closed, what it tells of goes on unseen.
    pub fn line(&self, line: &str) {
        match &self.rows {
            Some(rows) if self.is_open.load(Ordering::Relaxed) => rows.println(self.painted(line)),
            Some(_) | None => drop(writeln!(anstream::stderr(), "{line}")),
        }
    }

    /// Shows these rows in the place of those before.
    pub fn show(&self, shown: &[String]) {
        if let Some(rows) = self.rows.as_ref().filter(|_| self.is_open.load(Ordering::Relaxed)) {
            rows.set_message(self.painted(&shown.join("\n")));
        }
    }

    /// Takes the rows away. What was shown is true no more, and lines stand alone from now on.
    pub fn close(&self) {
        if let Some(rows) = self.rows.as_ref().filter(|_| self.is_open.swap(false, Ordering::Relaxed)) {
            rows.finish_and_clear();
        }
    }

    /// Returns how large the terminal is now.
    pub fn size(&self) -> Size {
        match terminal_size_of(std::io::stderr()) {
            Some((Width(columns), Height(rows))) if columns > 0 && rows > 0 => {
                Size { rows: usize::from(rows), columns: usize::from(columns) }
            }
            Some(_) | None => USUAL_SIZE,
        }
    }

    fn painted(&self, text: &str) -> String {
        if self.has_colors { text.to_owned() } else { anstream::adapter::strip_str(text).to_string() }
    }
}

/// Whether a variable says yes: it is set, and neither empty nor `false` nor `0`.
fn is_set(variable: &str) -> bool {
    let value = std::env::var_os(variable).unwrap_or_default();
    !["", "0", "false"].iter().any(|no| value == *no)
}
