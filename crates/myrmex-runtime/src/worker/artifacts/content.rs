//! What files hold, as one hash: names and contents, and nothing else. Times, owners and rights do not count.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use myrmex_model::fault::{Fault, FaultKind};
use sha2::{Digest, Sha256};

use super::tar::What;
use super::{BYTES_MAX, Content, ENTRIES_MAX, Place, Refusal};

/// Bytes that are read at a time: few system calls, and nothing next to the memory of a process.
const COPY_BYTES: usize = 128 << 10;

/// Hashes all files that a path, a folder or a pattern leads to, in an order that does not depend on the file system.
///
/// Of a link its target counts, and the content of a file that it leads to.
///
/// # Errors
///
/// Returns the task's error if there is nothing, if it leads out of the workspace or cannot be read.
pub(in super::super) fn digest(path: &str, around: (&Path, &Path)) -> Result<[u8; 32], Fault> {
    hash(path, around).map_err(|refusal| fault(refusal, path))
}

fn hash(path: &str, (workspace, workdir): (&Path, &Path)) -> Result<[u8; 32], Refusal> {
    let place = Place::new(workspace, workdir).map_err(Refusal::Unreadable)?;
    let mut hasher = Sha256::new();
    add(&mut hasher, b"path", path.as_bytes());
    match place.find(path)? {
        Content::File { file, .. } => add_file(&mut hasher, file)?,
        Content::Many { entries, .. } => {
            let is_folder = !super::pattern::is_pattern(path);
            let base = if is_folder { place.base.join(path) } else { place.base.clone() };
            for entry in entries {
                let name = entry.name.as_os_str().as_bytes();
                match entry.what {
                    What::Folder => {}
                    What::Link { target } => {
                        add(&mut hasher, b"link", name);
                        add(&mut hasher, b"to", target.as_bytes());
                        let (file, metadata) = place.open(&base.join(&entry.name))?;
                        if metadata.is_file() {
                            add_file(&mut hasher, file)?;
                        }
                    }
                    What::File { source, .. } => {
                        add(&mut hasher, b"file", name);
                        add_file(&mut hasher, place.open(&source)?.0)?;
                    }
                }
            }
        }
    }
    Ok(hasher.finalize().into())
}

fn add(hasher: &mut Sha256, kind: &[u8], text: &[u8]) {
    for part in [kind, text] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
}

/// Adds the hash of a file's content. Memory does not grow with its length.
fn add_file(hasher: &mut Sha256, mut file: File) -> io::Result<()> {
    let mut content = Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => content.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    hasher.update(content.finalize());
    Ok(())
}

/// Says why files cannot be told apart from others. A path that leads to nothing is an error: taking it for an empty set
/// would let a slip take over old results for ever.
fn fault(refusal: Refusal, path: &str) -> Fault {
    let says = |kind: FaultKind, what: String| Fault::new(kind, format!("`cache.files`: {what}"));
    match refusal {
        Refusal::Missing => says(FaultKind::Configuration, format!("there is no `{path}`"))
            .with_detail("a file that may be missing counts as part of its folder"),
        Refusal::Outside(place) => {
            let what = format!("`{}` leads out of the workspace", place.display());
            says(FaultKind::Configuration, what)
                .with_detail("a path is relative, without `..`, and no link leads away")
        }
        Refusal::Kind(place) => {
            says(FaultKind::Configuration, format!("`{}` is neither a file nor a folder", place.display()))
        }
        Refusal::Entries => says(FaultKind::DataLimit, format!("`{path}` are more than {ENTRIES_MAX} files")),
        Refusal::Bytes => {
            says(FaultKind::DataLimit, format!("`{path}` is larger than {} GiB", BYTES_MAX >> 30))
        }
        Refusal::Unreadable(error) => {
            says(FaultKind::Runtime, format!("`{path}` cannot be read")).with_detail(error.to_string())
        }
        Refusal::Secret | Refusal::Unstorable(_) => {
            unreachable!("what is only hashed is not stored")
        }
    }
}
