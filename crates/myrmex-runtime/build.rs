//! Names the build of the engine: a hash of the sources that decide what a snapshot of a run means. A snapshot of another
//! build is not read.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where what decides that is written.
const SOURCES: [&str; 2] = ["../myrmex-engine/src", "../myrmex-model/src"];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    for folder in SOURCES {
        println!("cargo::rerun-if-changed={folder}");
        collect(Path::new(folder), &mut files)?;
    }
    files.sort();
    // FNV-1a: nobody builds engines to make two of them look alike.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for file in files {
        add(file.as_os_str().as_encoded_bytes());
        add(&fs::read(&file)?);
    }
    println!("cargo::rustc-env=MYRMEX_ENGINE_BUILD={hash}");
    Ok(())
}

/// Collects the sources of a folder and of those below, but for tests.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_test = entry.file_name() == "tests" || entry.file_name() == "tests.rs";
        match entry.file_type()?.is_dir() {
            _ if is_test => {}
            true => collect(&entry.path(), files)?,
            false if entry.path().extension().is_some_and(|extension| extension == "rs") => {
                files.push(entry.path());
            }
            false => {}
        }
    }
    Ok(())
}
