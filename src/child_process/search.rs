use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

/// The exit code of shells, `env` and similar commands for a program that was not found
/// (POSIX.1-2024, 2.8.2).
const NOT_FOUND: u8 = 127;

/// Their exit code for a program that could not be started.
const NOT_STARTED: u8 = 126;

/// The search path of a process without `PATH`, as in `execvp(3)`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Finds a program by name in a search path, as `execvp(3)` does. A name with a slash is a path
/// itself.
///
/// # Errors
/// `NotFound`, or the reason why the last candidate is not executable.
pub(crate) fn find_program(program: &OsStr, search_path: Option<OsString>) -> io::Result<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(program));
    }
    let path = search_path.unwrap_or_else(|| DEFAULT_PATH.into());
    let mut failure = None;
    for folder in env::split_paths(&path) {
        // An empty entry is the current directory (POSIX.1-2024, XBD 8.3).
        let folder = if folder.as_os_str().is_empty() { Path::new(".").into() } else { folder };
        let candidate = folder.join(program);
        if !candidate.is_file() {
            continue;
        }
        match access(&candidate, Access::EXEC_OK) {
            Ok(()) => return Ok(candidate),
            Err(error) => failure = Some(error.into()),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::from(ErrorKind::NotFound)))
}

/// Returns the exit code for a program that could not be started: 127 if it does not exist, else
/// 126.
pub(crate) fn spawn_failure_code(error: &io::Error) -> u8 {
    match error.kind() {
        ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_STARTED,
    }
}
