//! `myrmex explain`: the page of a code, as it stands in `spec/codes`, whose examples are tests.

use std::io::Write;

use clap_complete::engine::ArgValueCompleter;
use myrmex_model::fault::FaultKind;
use serde_json::{Value, json};

use crate::complete;
use crate::exit::{Exit, Failure};

/// Explain a code that a message shows
///
/// Without a code, all codes are listed; with a word, those that are about it, and the types of errors that bear it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The code, such as E0207, or a word, such as `cycle`
    #[arg(value_parser = asked, add = ArgValueCompleter::new(complete::codes))]
    code: Option<Asked>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is asked about.
#[derive(Debug, Clone)]
enum Asked {
    /// One code.
    Code(Page),
    /// A word: the codes whose pages hold it, those with it in their titles first, and the types of errors it is in.
    Word(Vec<Page>, Vec<(FaultKind, &'static str)>),
}

/// The page of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// What kind of problem it stands for, in one line.
    pub title: &'static str,
    /// The whole page, Markdown.
    pub text: &'static str,
}

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        /// The pages of all codes: of problems in files first, then of failures of commands, then points of a plan.
        const PAGES: &[(&str, &str)] =
            &[$(($code, include_str!(concat!("../../../../spec/codes/", $code, ".md")))),*];
    };
}

#[rustfmt::skip]
pages![
    "E0001", "E0101", "E0102", "E0103", "E0104", "E0105", "E0106", "E0107", "E0108", "E0109",
    "E0110", "E0111", "E0112", "E0113", "E0114", "E0115", "E0201", "E0202", "E0203", "E0204",
    "E0205", "E0206", "E0207", "E0208", "E0209", "E0210", "E0211", "E0212", "E0213", "E0214",
    "E0215", "E0216", "E0217", "E0218", "E0219", "E0220", "E0231", "E0232", "E0233", "E0234",
    "E0241", "E0242", "E0243", "E0244", "E0245", "E0246", "E0247", "E0301", "E0302", "E0303", "E0304",
    "E0305", "E0306", "E0307", "E0308", "E0309", "E0310", "E0311", "E0312", "E0313", "E0321",
    "E0331", "E0332", "E0333", "E0334", "E0335", "E0336", "E0401",
    "E0402", "E0403", "E0404", "E0405", "E0406", "E0407", "E0408", "E0409", "E0410", "E0411",
    "E0412", "E0413", "E0414", "E0415", "E0501", "E0503", "E0601", "E0602", "E0603", "E0604",
    "E0605", "E0606", "E0607", "E0608", "E0609", "E0610", "E0701", "E0702", "E0801",
    "E0901", "E0902", "E0903", "E0904", "E0905", "E0906", "E0907", "E0908", "N0001", "N0901", "W0201", "W0202",
    "W0203", "W0204", "W0205", "W0206", "W0207", "W0208", "W0209", "W0210", "W0211", "W0212",
    "W0213", "W0221", "W0231", "W0701", "W0901", "W0902", "W0903", "W0904", "X0101", "X0102", "X0103", "X0104", "X0105", "X0106", "X0107", "X0108",
    "X0109", "X0110", "X0111", "X0112", "X0201", "X0202", "X0203", "X0301",
    "P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P10", "P12", "P13",
];

/// What the types of errors mean that tasks and runs bear.
const TYPES: &[(FaultKind, &str)] = &[
    (FaultKind::Configuration, "a definition or setting that cannot be carried out"),
    (FaultKind::Validation, "data that does not fit its declared type"),
    (FaultKind::Expression, "an expression that has no value"),
    (FaultKind::Timeout, "a limit of time that ran out"),
    (FaultKind::Runtime, "a task that failed by itself, such as an exit code other than zero"),
    (FaultKind::NoChoice, "no case of a `switch` holds, and there is no `else`"),
    (FaultKind::BranchFailed, "a task inside a block, or an item of a `for_each`, failed"),
    (
        FaultKind::ToleranceExceeded,
        "more items failed than are tolerated, or fewer succeeded than are asked for",
    ),
    (FaultKind::RoundsExceeded, "a `repeat` asked for more rounds than it may make"),
    (FaultKind::Conflict, "a run for which `concurrency` leaves no place"),
    (FaultKind::Deadlock, "a run that would wait for ever: those that hold its place wait for it"),
    (FaultKind::DataLimit, "a value beyond a stated size or depth"),
];

/// Explains a code or a word, or lists all.
///
/// # Errors
///
/// Returns [`Failure`] if standard output cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let line = |page: &Page| format!("{}  {}\n", page.code, page.title);
    let shown = match (&args.code, args.json) {
        (Some(Asked::Code(page)), false) => page.text.to_owned(),
        (Some(Asked::Code(page)), true) => format!("{:#}\n", json(*page, true)),
        (Some(Asked::Word(pages, types)), false) => {
            let codes: String = pages.iter().map(line).collect();
            let types = types.iter().map(|(kind, about)| format!("error type {}: {about}\n", kind.as_str()));
            codes + &types.collect::<String>()
        }
        (Some(Asked::Word(pages, types)), true) => {
            let codes: Vec<Value> = pages.iter().map(|page| json(*page, false)).collect();
            let of_type = |(kind, about): &(FaultKind, &str)| json!({"type": kind.as_str(), "title": about});
            let types: Vec<Value> = types.iter().map(of_type).collect();
            format!("{:#}\n", json!({ "codes": codes, "types": types }))
        }
        (None, false) => {
            let lines: Vec<_> = pages().map(|page| line(&page)).collect();
            lines.concat()
        }
        (None, true) => {
            let codes: Vec<Value> = pages().map(|page| json(page, false)).collect();
            format!("{:#}\n", json!({ "codes": codes }))
        }
    };
    std::io::stdout().write_all(shown.as_bytes()).map_err(|error| Failure::output(&error))?;
    Ok(Exit::Success)
}

/// Reads a code, or a word that pages are about.
fn asked(text: &str) -> Result<Asked, String> {
    let unknown = match code(text) {
        Ok(page) => return Ok(Asked::Code(page)),
        Err(unknown) => unknown,
    };
    let word = text.trim().to_lowercase();
    // What has the form of a code is none that exists; the shortest words stand on every page.
    let is_code = word.len() <= 5 && word.ends_with(|last: char| last.is_ascii_digit());
    if is_code || word.len() < 3 {
        return Err(unknown);
    }
    let (mut titled, others): (Vec<Page>, Vec<Page>) =
        pages().filter(|page| has_word(page.text, &word)).partition(|page| has_word(page.title, &word));
    let types: Vec<_> = TYPES.iter().filter(|(kind, _)| has_word(kind.as_str(), &word)).cloned().collect();
    if titled.is_empty() {
        titled = others;
    }
    if titled.is_empty() && types.is_empty() {
        return Err(format!("no code is about `{word}`; without one, `explain` lists them all"));
    }
    Ok(Asked::Word(titled, types))
}

/// Returns whether a word of `text` begins with `word`, which is in lower case.
fn has_word(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let mut places = text.match_indices(word);
    places.any(|(at, _)| !text[..at].ends_with(|before: char| before.is_alphanumeric()))
}

/// Reads a code; of one that does not exist, says which was probably meant: one digit differs, or zeroes are missing.
fn code(text: &str) -> Result<Page, String> {
    let digits = |code: &str| code.trim_start_matches(|letter| !matches!(letter, '1'..='9')).to_owned();
    let upper = text.to_uppercase();
    let is_near = |known: &&str| {
        let differing = known.chars().zip(upper.chars()).filter(|(a, b)| a != b).count();
        let is_slip = known.len() == upper.len() && differing == 1;
        let is_short = upper.starts_with(&known[..1]) && digits(known) == digits(&upper);
        is_slip || is_short
    };
    page(text).ok_or_else(|| match codes().find(|known| !upper.is_empty() && is_near(known)) {
        Some(near) => format!("there is no such code, did you mean {near}?"),
        None => "there is no such code; without one, `explain` lists them all".to_owned(),
    })
}

/// Returns the page of a code, in whatever case it is written.
pub fn page(code: &str) -> Option<Page> {
    pages().find(|page| page.code.eq_ignore_ascii_case(code))
}

/// Returns all pages in order of their codes.
pub fn pages() -> impl Iterator<Item = Page> {
    PAGES.iter().map(|(code, text)| {
        let heading = text.lines().next().unwrap_or_default();
        let title = heading.split_once(": ").map_or("", |(_, title)| title);
        Page { code, title, text }
    })
}

fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

fn json(page: Page, is_whole: bool) -> Value {
    let mut json = json!({"code": page.code, "title": page.title});
    if is_whole {
        json["text"] = page.text.into();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::lacking;

    #[test]
    fn every_code_has_a_page_under_its_title() {
        for info in myrmex_lang::codes::ALL {
            let page = page(info.code.0).unwrap_or_else(|| panic!("no page of {}", info.code));
            assert_eq!(page.text.lines().next(), Some(format!("# {}: {}", info.code, info.title).as_str()));
        }
    }

    #[test]
    fn every_failure_has_a_page_and_every_page_has_its_code() {
        let source = include_str!("../exit.rs");
        let failures = source.split('"').filter(|text| text.len() == 5 && text.starts_with("X0"));
        let mut known: Vec<_> =
            failures.chain(myrmex_lang::codes::ALL.iter().map(|info| info.code.0)).collect();
        known.extend([crate::commands::UNREADABLE.0, crate::settings::PROVIDER.0]);
        known.push(crate::commands::check::PASSED_OVER.0);
        known.extend([lacking::MISSING.0, lacking::MAYBE_MISSING.0]);
        known.extend(myrmex_lang::import::codes::ALL.iter().map(|code| code.0));
        // Points that look at what has happened are told nowhere yet.
        let points = include_str!("../../../myrmex-plan/src/check/quality.rs").split('"');
        let points = points.filter(|text| text.len() == 3 && text.starts_with('P'));
        known.extend(points.filter(|point| !["P09", "P11", "P14"].contains(point)));
        known.sort_unstable();
        let mut explained: Vec<_> = codes().collect();
        explained.sort_unstable();
        assert_eq!(explained, known);
        assert!(
            pages()
                .all(|page| page.text.starts_with(&format!("# {}: ", page.code)) && !page.title.is_empty())
        );
    }
}
