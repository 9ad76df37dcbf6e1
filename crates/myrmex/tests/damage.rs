//! What a command says of a store in which single pages are not what was written.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

use std::fs;
use std::os::unix::fs::FileExt;

use said::Workspace;

#[path = "support/said.rs"]
mod said;

const WORKFLOW: &str = "
workflow: w
tasks:
  each: {for_each: 20, set: {index: '${{ item }}'}}
  after: {needs: each, run: {command: [echo, hi]}}
";

/// Where the header of the store has the number of its format.
const FORMAT_AT: u64 = 60;

/// The bytes of a page of the store.
const PAGE: usize = 4096;

#[test]
fn a_page_that_is_not_what_was_written_is_told_as_damage_or_does_not_matter() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    assert_eq!(workspace.run(&["run", "-q", "w.yaml"]).code, 0);
    let store = workspace.path().join(".myrmex/store.db");
    let whole = fs::read(&store).unwrap();
    let (mut told, mut unnoticed) = (0, 0);
    for page in 1..whole.len() / PAGE {
        fs::write(&store, &whole).unwrap();
        for beside in ["store.db-wal", "store.db-shm"] {
            drop(fs::remove_file(workspace.path().join(".myrmex").join(beside)));
        }
        let file = fs::File::options().write(true).open(&store).unwrap();
        file.write_all_at(&[0xA5; PAGE], (page * PAGE) as u64).unwrap();
        let ended = workspace.run(&["run", "-q", "w.yaml"]);
        match ended.code {
            0 => unnoticed += 1,
            7 => {
                told += 1;
                let is_told = ended.stderr.contains("error[X0203]") && ended.stderr.contains("copy the data");
                assert!(is_told, "page {page}: {}", ended.stderr);
            }
            code => panic!("page {page}: {code}: {}", ended.stderr),
        }
    }
    assert!(told > 0, "{told} told, {unnoticed} unnoticed");
}

#[test]
fn a_store_of_another_format_is_refused_with_what_to_do() {
    let workspace = Workspace::with(&[("w.yaml", WORKFLOW)]);
    assert_eq!(workspace.run(&["run", "-q", "w.yaml"]).code, 0);
    let store = workspace.path().join(".myrmex/store.db");
    let hints = [(0_u32, "`--data-dir DIR`"), (2, "use the release that made it, or a later one")];
    for (format, hint) in hints {
        let file = fs::File::options().write(true).open(&store).unwrap();
        file.write_all_at(&format.to_be_bytes(), FORMAT_AT).unwrap();
        let before = fs::read(&store).unwrap();
        for command in [&["run", "-q", "w.yaml"][..], &["runs", "list"]] {
            let ended = workspace.run(command);
            let told = format!("the store has format {format}, this release reads and writes format 1 (");
            let is_told = ended.stderr.contains(&told) && ended.stderr.contains("store.db)");
            assert!(is_told && ended.stderr.contains(hint), "{command:?}: {}", ended.stderr);
            assert!(
                ended.stderr.contains("error[X02") && ended.code == 7,
                "{}: {}",
                ended.code,
                ended.stderr
            );
        }
        assert_eq!(fs::read(&store).unwrap(), before, "it is left as it was");
    }
}
