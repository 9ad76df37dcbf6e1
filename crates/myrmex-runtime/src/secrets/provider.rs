//! Where the values of secrets come from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use myrmex_model::fault::{Fault, FaultKind};

use super::{MASKED_BYTES_MIN, SECRET_BYTES_MAX, Secret};

/// The variables that hold secrets begin with this.
pub(crate) const VARIABLE_PREFIX: &str = "MYRMEX_SECRET_";

/// The bits of a mode that say who may execute a file.
const MODE_EXECUTABLE: u32 = 0o111;

/// Where one secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// This environment variable of myrmex itself.
    Variable(String),
    /// This file.
    File(PathBuf),
    /// The standard output of this program, without its last newline.
    Command(Vec<String>),
}

/// Where secrets come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Providers {
    /// Those that were given a place.
    pub named: BTreeMap<String, Provider>,
    /// A folder with a file for each secret, asked for what is neither named nor in the environment.
    pub folder: Option<PathBuf>,
}

/// What the worker has to do for a secret.
pub(crate) enum Source<'p> {
    /// Nothing: here it is.
    Value(Secret),
    /// Carry out this command and take what it prints.
    Command(&'p [String]),
}

impl Providers {
    /// Returns whether there is a place from which the secret could come. Whether it can be had is known when it is asked
    /// for.
    pub fn knows(&self, name: &str) -> bool {
        let is_plain = Path::new(name).file_name().is_some_and(|last| last == name);
        self.named.contains_key(name)
            || std::env::var_os(format!("{VARIABLE_PREFIX}{name}")).is_some()
            || (is_plain && self.folder.as_ref().is_some_and(|folder| folder.join(name).exists()))
    }

    /// Finds a secret, or the command that gives it.
    ///
    /// # Errors
    ///
    /// Returns the error of the attempt that needs the secret.
    pub(crate) fn find(&self, name: &str) -> Result<Source<'_>, Fault> {
        match self.named.get(name) {
            Some(Provider::Variable(variable)) => match std::env::var_os(variable) {
                Some(value) => checked(name, value.into_vec()).map(Source::Value),
                None => Err(missing(
                    name,
                    format!(
                        "`myrmex.yaml` takes it from the environment variable `{variable}`, which is not set"
                    ),
                )),
            },
            Some(Provider::File(path)) => Self::read(name, path)?.map(Source::Value).ok_or_else(|| {
                let path = path.display();
                missing(name, format!("`myrmex.yaml` takes it from the file `{path}`, which does not exist"))
            }),
            Some(Provider::Command(words)) => Ok(Source::Command(words)),
            None => self.find_unnamed(name).map(Source::Value),
        }
    }

    /// Returns why a secret cannot be had, as far as that can be told without an effect: its value is looked at and forgotten,
    /// and of one that a command gives only the program is looked for, from the folder `workspace`.
    pub fn lacks(&self, name: &str, workspace: &Path) -> Option<Fault> {
        let words = match self.find(name) {
            Ok(Source::Value(_)) => return None,
            Ok(Source::Command(words)) => words,
            Err(fault) => return Some(fault),
        };
        let program = words.first()?;
        (!is_installed(program, workspace)).then(|| {
            let how = format!("`myrmex.yaml` takes it from the command `{program}`, which is not installed");
            missing(name, how)
        })
    }

    fn find_unnamed(&self, name: &str) -> Result<Secret, Fault> {
        let variable = format!("{VARIABLE_PREFIX}{name}");
        if let Some(value) = std::env::var_os(&variable) {
            return checked(name, value.into_vec());
        }
        let path = self.folder.as_ref().map(|folder| folder.join(name));
        if let Some(path) = &path
            && let Some(secret) = Self::read(name, path)?
        {
            return Ok(secret);
        }
        let file = path.map_or_else(String::new, |path| format!(", write the file `{}`", path.display()));
        Err(missing(
            name,
            format!(
                "set the environment variable {variable} of myrmex{file}, or say under `secrets` in `myrmex.yaml` where \
                 it comes from"
            ),
        ))
    }

    /// Reads a secret from a file; nothing if there is none.
    fn read(name: &str, path: &Path) -> Result<Option<Secret>, Fault> {
        let unreadable = |reason: String| {
            let title = format!("the file `{}` of the secret `{name}` cannot be read", path.display());
            Fault::new(FaultKind::Configuration, title).with_detail(reason)
        };
        match read_file(path) {
            Ok(bytes) => checked(name, without_newline(bytes)).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// Returns the variables of this process that hold secrets: tasks inherit the environment, but not these.
    pub(crate) fn hidden_variables(&self) -> Vec<OsString> {
        let own = std::env::vars_os().map(|(name, _)| name);
        let own = own.filter(|name| name.as_encoded_bytes().starts_with(VARIABLE_PREFIX.as_bytes()));
        let named = self.named.values().filter_map(|provider| match provider {
            Provider::Variable(variable) => Some(OsString::from(variable)),
            Provider::File(_) | Provider::Command(_) => None,
        });
        own.chain(named).collect()
    }
}

/// Whether there is a program to start.
fn is_installed(program: &str, workspace: &Path) -> bool {
    let is_program = |path: PathBuf| {
        std::fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & MODE_EXECUTABLE != 0)
    };
    if program.contains('/') {
        return is_program(workspace.join(program));
    }
    // Without a list of folders the system looks into some of its own.
    let Some(folders) = std::env::var_os("PATH") else { return true };
    std::env::split_paths(&folders).any(|folder| is_program(workspace.join(folder).join(program)))
}

/// Takes what the command of a secret printed.
///
/// # Errors
///
/// Returns the error of the attempt that needs the secret.
pub(crate) fn printed(name: &str, bytes: Vec<u8>) -> Result<Secret, Fault> {
    checked(name, without_newline(bytes))
}

/// Builds the error of an attempt whose secret cannot be had.
pub(crate) fn fault(title: String, detail: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Configuration, title).with_detail(detail)
}

fn missing(name: &str, how: String) -> Fault {
    fault(format!("the secret `{name}` is missing"), how)
}

/// Reads a file at once, into memory that is not copied around.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe in its place must not hold up the worker.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::with_capacity(SECRET_BYTES_MAX + 2);
    file.take(SECRET_BYTES_MAX as u64 + 2).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn without_newline(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    bytes
}

/// Checks that a value can be given to a process and masked.
fn checked(name: &str, bytes: Vec<u8>) -> Result<Secret, Fault> {
    let secret = Secret::new(bytes);
    let length = secret.expose().len();
    if length == 0 {
        return Err(fault(format!("the secret `{name}` is empty"), "give it a value"));
    }
    if length < MASKED_BYTES_MIN {
        let title =
            format!("the secret `{name}` is shorter than {MASKED_BYTES_MIN} bytes and cannot be masked");
        return Err(fault(title, "a text as short stands in every log by chance; choose a longer one"));
    }
    if length > SECRET_BYTES_MAX {
        let title = format!("the secret `{name}` is longer than {} KiB", SECRET_BYTES_MAX >> 10);
        return Err(fault(title, "keep large data in a file of its own and its key as the secret"));
    }
    if secret.expose().contains(&0) {
        let title = format!("the secret `{name}` contains a zero byte");
        return Err(fault(
            title,
            "no variable of the environment can hold one; encode it, such as by base64",
        ));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(providers: &Providers, name: &str) -> Result<String, String> {
        match providers.find(name) {
            Ok(Source::Value(secret)) => Ok(String::from_utf8(secret.expose().to_vec()).unwrap()),
            Ok(Source::Command(words)) => Ok(words.join(" ")),
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Configuration);
                Err(fault.title)
            }
        }
    }

    #[test]
    fn a_file_gives_a_secret_without_its_last_newline() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("TOKEN");
        let mut providers = Providers { folder: Some(folder.path().to_owned()), ..Providers::default() };
        assert_eq!(value(&providers, "TOKEN").unwrap_err(), "the secret `TOKEN` is missing");
        assert!(!providers.knows("TOKEN") && !providers.knows(""));
        std::fs::write(&file, "hunter2\n\n").unwrap();
        assert_eq!(value(&providers, "TOKEN").unwrap(), "hunter2\n");
        assert!(providers.knows("TOKEN") && !providers.knows("./TOKEN"));
        let other = folder.path().join("other");
        providers.named.insert("TOKEN".into(), Provider::File(other.clone()));
        assert_eq!(value(&providers, "TOKEN").unwrap_err(), "the secret `TOKEN` is missing");
        std::fs::write(&other, "elsewhere").unwrap();
        assert_eq!(value(&providers, "TOKEN").unwrap(), "elsewhere");
        providers.named.insert("TOKEN".into(), Provider::File(folder.path().to_owned()));
        assert!(value(&providers, "TOKEN").unwrap_err().ends_with("cannot be read"));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_refused_by_name() {
        let refused = |bytes: &[u8]| printed("A", bytes.to_vec()).err().map(|fault| fault.title);
        assert_eq!(refused(b"\n").unwrap(), "the secret `A` is empty");
        assert_eq!(refused(b"abc\n").unwrap(), "the secret `A` is shorter than 4 bytes and cannot be masked");
        assert_eq!(
            refused(&b"x".repeat(SECRET_BYTES_MAX + 1)).unwrap(),
            "the secret `A` is longer than 16 KiB"
        );
        assert_eq!(refused(b"abc\0d").unwrap(), "the secret `A` contains a zero byte");
        assert_eq!(refused(b"abcd\n"), None);
    }

    #[test]
    fn a_missing_secret_says_how_to_give_it() {
        let fault = Providers::default().find("NO_SUCH_SECRET").err().unwrap();
        assert_eq!(fault.title, "the secret `NO_SUCH_SECRET` is missing");
        assert!(fault.detail.unwrap().contains("MYRMEX_SECRET_NO_SUCH_SECRET"));
        let mapped = Provider::Variable("NO_SUCH_VARIABLE".into());
        let providers = Providers { named: [("A".to_owned(), mapped)].into(), folder: None };
        assert!(providers.find("A").err().unwrap().detail.unwrap().contains("`NO_SUCH_VARIABLE`"));
        assert!(providers.hidden_variables().contains(&"NO_SUCH_VARIABLE".into()));
    }
}
