//! No key and no value is lost silently: whatever stands in a file of another system stands in what it becomes, or the report names
//! it at its place.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use myrmex_lang::Source;
use myrmex_lang::import::{Format, Imported, Options, import};

/// The formats whose files are read key by key.
const FORMATS: &[Format] = &[Format::Argo, Format::Cron, Format::Dagu, Format::Github, Format::Kestra];

/// What replaces keys and values, one after the other. No file holds it.
const MARK: &str = "zqmark";

fn corpus(format: Format) -> Vec<(PathBuf, String)> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(format.as_str()).join("corpus");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

fn imported(format: Format, text: &str) -> Imported {
    import(format, &[Source::new("file", text)], &Options::default())
}

/// Whether all of it is refused, because what was made of it does not check.
fn is_refused(imported: &Imported) -> bool {
    imported.notes.iter().any(|note| note.code.0 == "E0907")
}

/// Whether the mark is seen in what was made or said, in any case, or something is said about the place where it stands.
fn is_known(imported: &Imported, text: &str) -> bool {
    let at = text.find(MARK).unwrap();
    let has = |text: &str| text.to_ascii_lowercase().contains(MARK);
    // What as a whole does not check is named as a whole, and nothing of it is written.
    is_refused(imported)
        || imported.files.iter().any(|file| has(&file.body) || has(&file.path))
        || imported
            .notes
            .iter()
            .any(|note| has(&note.message) || (note.span.start <= at && at < note.span.end))
}

/// Returns the text with a mark in place of each key, and of each value on the line of its key or in a list.
fn marked(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let own = line.trim_end();
        let blanks = own.len() - own.trim_start_matches([' ', '-']).len();
        let rest = &own[blanks..];
        let mut put = |from: usize, to: usize| {
            all.push(format!("{}{MARK}{}", &text[..start + from], &text[start + to..]));
        };
        if rest.starts_with('#') || rest.is_empty() {
            // A comment; that there are some is said.
        } else if let Some(colon) = rest.find(": ").filter(|at| !rest[..*at].contains([' ', '{', '"', '\'']))
        {
            let value = rest[colon + 2..].trim_start();
            put(blanks, blanks + colon);
            if !value.starts_with(['|', '>', '&', '*', '!']) {
                put(own.len() - value.len(), own.len());
            }
        } else if rest.ends_with(':') && !rest.contains(' ') {
            put(blanks, own.len() - 1);
        } else {
            put(blanks, own.len());
        }
        start += line.len();
    }
    all
}

/// Does the work on a thread with the stack that expressions ask for.
fn on_large_stack(work: fn()) {
    std::thread::Builder::new().stack_size(myrmex_expr::STACK_BYTES).spawn(work).unwrap().join().unwrap();
}

#[test]
fn each_key_and_each_value_is_seen_in_the_output_or_named_in_the_report() {
    on_large_stack(|| {
        for format in FORMATS {
            let (mut lost, mut refused, mut all) = (Vec::new(), 0, 0);
            for (path, text) in corpus(*format) {
                assert!(!text.contains(MARK));
                for marked in marked(&text) {
                    let made = imported(*format, &marked);
                    all += 1;
                    refused += usize::from(is_refused(&made));
                    if !is_known(&made, &marked) {
                        let line = marked.lines().find(|line| line.contains(MARK)).unwrap();
                        lost.push(format!("{}: {line}", path.file_name().unwrap().display()));
                    }
                }
            }
            assert!(lost.is_empty(), "{}:\n{}", format.as_str(), lost.join("\n"));
            assert!(refused * 10 < all, "{}: {refused} of {all} are refused as a whole", format.as_str());
        }
    });
}

#[test]
fn a_key_that_nobody_knows_is_named_wherever_it_stands() {
    on_large_stack(|| {
        for format in FORMATS {
            for (path, text) in corpus(*format) {
                for (at, line) in text.match_indices('\n').map(|(at, _)| at + 1).zip(text.lines().skip(1)) {
                    // Beside each key: one more before it, indented as it is.
                    let own = line.trim_start();
                    let is_key = own.split_once(':').is_some_and(|(key, _)| {
                        !key.is_empty()
                            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                    });
                    if !is_key {
                        continue;
                    }
                    let blanks = &line[..line.len() - own.len()];
                    let more = format!("{}{blanks}{MARK}: {{a: [1, x]}}\n{}", &text[..at], &text[at..]);
                    assert!(is_known(&imported(*format, &more), &more), "{}: {line}", path.display());
                }
            }
        }
    });
}

#[test]
fn texts_that_are_no_files_of_a_format_are_refused_and_never_panic() {
    on_large_stack(|| {
        let nested = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let aliases = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\njobs: *c\nsteps: *c\nspec: *c\ntasks: *c\n";
        for format in FORMATS {
            for text in ["", "---", "a", "[]", "{}", "a: b: c", "\u{0}", "- 1\n- 2\n", "%", &nested] {
                let made = imported(*format, text);
                assert!(made.files.is_empty(), "{}: {text:.20}", format.as_str());
                let has_said = made.notes.iter().any(|note| !note.message.is_empty());
                assert!(has_said || text.trim().is_empty(), "{}: {text:.20}", format.as_str());
            }
            assert!(!imported(*format, aliases).notes.is_empty());
            assert!(!imported(*format, aliases).notes.is_empty());
            for (_, text) in corpus(*format) {
                // Cut anywhere a file is read or refused, and nothing else.
                for end in (0..text.len()).step_by(37).filter(|end| text.is_char_boundary(*end)) {
                    imported(*format, &text[..end]);
                }
            }
        }
    });
}
