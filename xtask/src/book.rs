//! The book: the documents of the repository as pages that a browser shows, made by mdbook from `docs/SUMMARY.md`.
//!
//! Documents stay where they are and link each other by their places in the repository. So they are laid out in the same
//! places in a folder of their own, from which the book is built, and every link works in both.

mod html;
mod summary;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::workspace::{SourceFile, Workspace};
use crate::{markdown, process};

/// The version of mdbook, whatever else is installed: another one makes other pages.
const MDBOOK: &str = "0.5.4";

const SUMMARY: &str = "docs/SUMMARY.md";
const SETTINGS: &str = "docs/book.toml";

/// Builds the book in `target/book` and checks every link of its pages.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let mdbook = mdbook(workspace)?;
    let folder = workspace.target.join("book");
    let chapters = lay_out(workspace, &folder)?;
    let mut build = Command::new(mdbook);
    build.env("MDBOOK_BOOK__SRC", "src").env("MDBOOK_BUILD__BUILD_DIR", "html");
    process::run(build.arg("build").arg(&folder))?;
    let pages = folder.join("html");
    let broken = html::broken_links(&html::read(&pages)?);
    for problem in &broken {
        println!("{problem}");
    }
    if !broken.is_empty() {
        return Err(Failure::new(format!("{} broken links in the book", broken.len())));
    }
    println!("{chapters} pages without a broken link: {}", pages.join("index.html").display());
    Ok(())
}

/// Returns the program, built from the registry of crates where it is not yet.
///
/// Without optimisation, debug information and its server that takes about a minute on 2 cores.
fn mdbook(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let root = workspace.target.join("tools");
    let program = root.join("bin/mdbook");
    let is_there = Command::new(&program).arg("--version").output();
    if is_there.is_ok_and(|output| output.stdout.trim_ascii() == format!("mdbook v{MDBOOK}").as_bytes()) {
        return Ok(program);
    }
    let words = ["install", "mdbook", "--version", MDBOOK, "--locked", "--debug", "--no-default-features"];
    let mut install = workspace.cargo();
    install.env("CARGO_PROFILE_DEV_DEBUG", "0");
    install.args(words).arg("--root").arg(root).arg("--target-dir").arg(workspace.target.join("tools-build"));
    process::run(&mut install)?;
    Ok(program)
}

/// Lays out the chapters, and the files that they link, as mdbook wants them; returns the number of chapters.
fn lay_out(workspace: &Workspace, folder: &Path) -> Result<usize, Failure> {
    let files = workspace.files()?;
    let text = |path: &str| {
        let found = files.iter().find(|file| file.path == path);
        found.map(|file| file.text.as_str()).ok_or_else(|| Failure::new(format!("`{path}` is missing")))
    };
    let summary = summary::expanded(text(SUMMARY)?, SUMMARY, &files);
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Failure::because("the last book"))?;
    }
    let chapters = linked(&summary, "SUMMARY.md");
    let mut paths = chapters.clone();
    for chapter in &chapters {
        paths.extend(linked(text(chapter)?, chapter));
    }
    let source = folder.join("src");
    for path in paths.iter().filter(|path| is_file(&files, path)) {
        copy(&workspace.root.join(path), &source.join(path))?;
    }
    copy(&workspace.root.join(SETTINGS), &folder.join("book.toml"))?;
    fs::write(source.join("SUMMARY.md"), summary).map_err(Failure::because("SUMMARY.md"))?;
    Ok(chapters.len())
}

/// Returns the paths that a page links.
fn linked(text: &str, page: &str) -> BTreeSet<String> {
    let targets = markdown::links(text).into_iter().map(|(_, target)| target);
    let paths = targets.filter(|target| !markdown::is_outside(target)).map(|target| {
        let path = target.split('#').next().unwrap_or_default();
        if path.is_empty() { String::new() } else { markdown::resolved(page, path) }
    });
    paths.filter(|path| !path.is_empty()).collect()
}

fn is_file(files: &[SourceFile], path: &str) -> bool {
    files.iter().any(|file| file.path == path)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let name = || from.display().to_string();
    fs::create_dir_all(to.parent().expect("a file lies in a folder")).map_err(Failure::because(name()))?;
    fs::copy(from, to).map_err(Failure::because(name()))?;
    Ok(())
}
