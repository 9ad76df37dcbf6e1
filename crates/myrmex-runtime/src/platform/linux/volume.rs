//! What the system tells about the file system that a folder lies on, and about the limits of this process.

#![expect(unsafe_code, reason = "every call into libc is unsafe; the wrappers give them safe signatures")]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::syscall::check;
use crate::platform::spec::{FileSystem, Limits, Volume};

/// Returns what is known of the file system that an existing file or folder lies on.
///
/// # Errors
///
/// Returns the error of the operating system.
pub fn volume_of(path: &Path) -> io::Result<Volume> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: a `statfs` is plain numbers, for which zeroes are a value.
    let mut known: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is NUL-terminated, and the pointer is to a local of the right type.
    check(unsafe { libc::statfs(path.as_ptr(), &raw mut known) })?;
    let block_bytes = u64::try_from(known.f_bsize).unwrap_or(0);
    // SAFETY: the path is NUL-terminated.
    let is_writable = unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) } == 0;
    Ok(Volume {
        kind: kind_of(known.f_type),
        is_writable,
        free_bytes: block_bytes.saturating_mul(known.f_bavail),
        // Some file systems do not count files, and say that they have none at all.
        free_files: (known.f_files > 0).then_some(known.f_ffree),
    })
}

#[allow(clippy::unnecessary_cast, reason = "the type of the number differs between C libraries")]
fn kind_of(number: libc::__fsword_t) -> FileSystem {
    // The magic numbers of `statfs(2)`.
    match number as i64 & 0xffff_ffff {
        0x0102_1994 | 0x8584_58f6 => FileSystem::Memory("tmpfs"),
        0x6969 => FileSystem::Network("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => FileSystem::Network("SMB"),
        0x00c3_6400 => FileSystem::Network("Ceph"),
        0x0102_1997 => FileSystem::Network("9p"),
        0x5346_414f => FileSystem::Network("AFS"),
        0x6573_5546 => FileSystem::User("FUSE"),
        0xef53 => FileSystem::Local("ext4"),
        0x5846_5342 => FileSystem::Local("XFS"),
        0x9123_683e => FileSystem::Local("Btrfs"),
        0x2fc1_2fc1 => FileSystem::Local("ZFS"),
        0x794c_7630 => FileSystem::Local("overlay"),
        0xf2f5_2010 => FileSystem::Local("F2FS"),
        _ => FileSystem::Unknown,
    }
}

/// Returns the limits of this process that tasks meet.
pub fn limits() -> Limits {
    let soft = |what| {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointer is to a local of the right type.
        let is_known = unsafe { libc::getrlimit(what, &raw mut limit) } == 0;
        is_known.then_some((limit.rlim_cur, limit.rlim_max))
    };
    let bounded = |value: u64| (value != libc::RLIM_INFINITY).then_some(value);
    Limits {
        // The soft limit is raised to the hard one before tasks run.
        open_files: soft(libc::RLIMIT_NOFILE).and_then(|(_, hard)| bounded(hard)),
        processes: soft(libc::RLIMIT_NPROC).and_then(|(soft, _)| bounded(soft)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_lies_on_something_and_a_path_that_is_not_there_does_not() {
        let root = volume_of(Path::new("/")).unwrap();
        assert!(root.free_files != Some(0));
        let folder = tempfile::tempdir().unwrap();
        assert!(volume_of(folder.path()).unwrap().is_writable);
        assert_eq!(volume_of(Path::new("/proc")).unwrap().kind, FileSystem::Unknown);
        assert!(volume_of(Path::new("/is/not/there")).is_err());
    }
}
