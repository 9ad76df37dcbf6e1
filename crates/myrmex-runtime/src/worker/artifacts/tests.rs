//! What paths lead to, and what is refused.

use super::*;

fn place() -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let space = folder.path().join("space");
    for path in ["reports/deep", ".hidden"] {
        fs::create_dir_all(space.join(path)).unwrap();
    }
    for path in ["a.txt", "b.txt", "reports/one.xml", "reports/deep/two.xml", ".hidden/three.xml"] {
        fs::write(space.join(path), path).unwrap();
    }
    fs::write(folder.path().join("outside.txt"), "outside").unwrap();
    let place = Place::new(&space, &space).unwrap();
    (folder, place)
}

/// Returns the names that a path leads to, or why it is refused.
fn find(place: &Place, path: &str) -> Result<Vec<String>, String> {
    match place.find(path) {
        Ok(Content::File { name, .. }) => Ok(vec![name]),
        Ok(Content::Many { entries }) => {
            Ok(entries.iter().map(|entry| entry.name.display().to_string()).collect())
        }
        Err(refusal) => Err(refusal.fault("the artifact `a`", path).title),
    }
}

#[test]
fn a_path_is_a_file_a_folder_or_a_pattern() {
    let (_folder, place) = place();
    assert_eq!(find(&place, "./a.txt").unwrap(), ["a.txt"]);
    assert_eq!(find(&place, "reports").unwrap(), ["deep", "deep/two.xml", "one.xml"]);
    assert_eq!(find(&place, "*.txt").unwrap(), ["a.txt", "b.txt"]);
    assert_eq!(find(&place, "**/*.xml").unwrap(), ["reports/deep/two.xml", "reports/one.xml"]);
    assert_eq!(find(&place, "rep*/d*").unwrap(), ["reports/deep", "reports/deep/two.xml"]);
    assert_eq!(find(&place, "reports/**").unwrap(), ["reports/deep/two.xml", "reports/one.xml"]);
    assert_eq!(find(&place, "none").unwrap_err(), "the artifact `a` is missing: there is no `none`");
    assert_eq!(find(&place, "none/*").unwrap_err(), "the artifact `a` is missing: there is no `none/*`");
}

#[test]
fn nothing_outside_of_the_workspace_is_read() {
    let (folder, place) = place();
    let outside = folder.path().join("outside.txt");
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, place.base.join(name)).unwrap();
    link(&outside, "reports/link");
    link(folder.path(), "up");
    link(Path::new("../a.txt"), "reports/deep/odd");
    link(Path::new("a.txt"), "inside");
    let paths = [
        "../outside.txt",
        outside.to_str().unwrap(),
        "reports/link",
        "reports",
        "up/outside.txt",
        "up",
        "rep*/*",
    ];
    for path in paths {
        let refused = find(&place, path).unwrap_err();
        assert!(refused.contains("leads out of the workspace"), "{path}: {refused}");
    }
    // A pattern follows no links.
    assert!(find(&place, "up/*").unwrap_err().contains("is missing"));
    assert_eq!(find(&place, "inside").unwrap(), ["inside"]);
    assert_eq!(find(&place, "").unwrap_err(), "the artifact `a` leads out of the workspace: ``");
}

#[test]
fn what_a_task_names_itself_may_be_a_whole_path_but_no_pattern() {
    let (_folder, place) = place();
    let written = |path: &Path| match place.find_written(path) {
        Ok(Content::File { name, .. }) => name,
        Ok(Content::Many { entries }) => format!("{} entries", entries.len()),
        Err(refusal) => refusal.fault("it", &path.display().to_string()).title,
    };
    assert_eq!(written(Path::new("a.txt")), "a.txt");
    assert_eq!(written(&place.base.join("reports/../b.txt")), "b.txt");
    assert_eq!(written(&place.base.join("reports")), "3 entries");
    assert_eq!(written(Path::new("*.txt")), "it is missing: there is no `*.txt`");
    assert_eq!(written(Path::new("")), "it is missing: there is no ``");
    assert_eq!(written(Path::new("/etc/hostname")), "it leads out of the workspace: `/etc/hostname`");
    assert!(written(Path::new("../outside.txt")).contains("leads out of the workspace"));
}

#[test]
fn what_is_neither_file_nor_folder_is_refused() {
    let (_folder, place) = place();
    let pipe = place.base.join("reports/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in ["reports", "reports/pipe"] {
        let refused = find(&place, path).unwrap_err();
        assert!(refused.contains("neither a file nor a folder"), "{refused}");
    }
}

#[test]
fn a_pattern_looks_into_each_folder_once_for_each_of_its_parts() {
    let (_folder, place) = place();
    let deep: PathBuf = std::iter::repeat_n("d", 60).collect();
    fs::create_dir_all(place.base.join(&deep)).unwrap();
    fs::write(place.base.join(&deep).join("end.bin"), "end").unwrap();
    // By every way there would be more visits than atoms.
    let pattern = "**/".repeat(30) + "*.bin";
    assert_eq!(find(&place, &pattern).unwrap(), [deep.join("end.bin").display().to_string()]);
}
