//! Checks of the file of the keys that seal sessions.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use rustix::process::geteuid;

use crate::{diagnostics::finding::Finding, sealed::KeyRing};

const KEYS: &str = "sealing keys";
const PERMISSIONS: &str = "key permissions";

const OTHERS: u32 = 0o007;
const GROUP_WRITE: u32 = 0o020;
const GROUP_READ: u32 = 0o040;

/// Checks the keys, and who may read them.
pub(super) fn check(file: Option<&Path>) -> Vec<Finding> {
    let Some(file) = file else {
        let message = "VALIDATOR_SEALING_KEY_FILE is not set";
        let remedy = "`bootstrap` creates the file `sealing-keys`: set it to that path";
        return vec![
            Finding::failed(KEYS, message, remedy),
            Finding::skipped(PERMISSIONS, "there is no file", ""),
        ];
    };
    vec![check_keys(file), check_permissions(file)]
}

fn check_keys(file: &Path) -> Finding {
    match KeyRing::read(file) {
        Ok(keys) if keys.key_count() == 1 => Finding::ok(KEYS, "one valid key"),
        Ok(keys) => Finding::ok(
            KEYS,
            format!(
                "{} valid keys: the first seals; the others can be removed 30 days after they were the \
                 first",
                keys.key_count()
            ),
        ),
        Err(error) => Finding::failed(
            KEYS,
            format!("{}: {error}", file.display()),
            "correct the file, then send SIGHUP to the service; `bootstrap` creates one if there is none",
        ),
    }
}

fn check_permissions(file: &Path) -> Finding {
    let metadata = match fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) => return Finding::skipped(PERMISSIONS, error.to_string(), ""),
    };
    let mode = metadata.mode() & 0o7777;
    let group = metadata.gid();
    let restrict = format!("`chmod 600 {}`, as the user that the service runs as", file.display());
    let every_session = "whoever reads the keys can read every session";
    if mode & OTHERS != 0 {
        let message = format!("every user has access (mode {mode:04o}): {every_session}");
        return Finding::failed(PERMISSIONS, message, restrict);
    }
    if mode & GROUP_WRITE != 0 {
        let message = format!("the group {group} may write to the file (mode {mode:04o})");
        return Finding::failed(PERMISSIONS, message, restrict);
    }
    if mode & GROUP_READ == 0 {
        return Finding::ok(PERMISSIONS, format!("mode {mode:04o}: only the owner has access"));
    }
    let message = format!("mode {mode:04o}: the owner and the group {group} may read the file");
    if metadata.uid() == geteuid().as_raw() {
        return Finding::warning(
            PERMISSIONS,
            message,
            format!("if the service owns the file, its group needs no access: {restrict}"),
        );
    }
    Finding::ok(PERMISSIONS, message)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    use super::check;
    use crate::{
        diagnostics::finding::Status::{self, Failed, Ok, Skipped, Warning},
        sealed::KeyRing,
    };

    #[test]
    fn readable_or_invalid_key_file_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sealing-keys");
        let statuses = |content: &str, mode: u32| -> Vec<Status> {
            fs::write(&file, content).expect("a file");
            fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
            check(Some(&file)).iter().map(|finding| finding.status).collect()
        };
        let (key, other) = (KeyRing::generate(), KeyRing::generate());
        for (mode, status) in
            [(0o600, Ok), (0o400, Ok), (0o440, Warning), (0o644, Failed), (0o660, Failed)]
        {
            assert_eq!(statuses(&key, mode), [Ok, status], "{mode:o}");
        }
        assert_eq!(statuses(&format!("{}{}", *key, *other), 0o600), [Ok, Ok]);
        for invalid in ["", "no key", &format!("{}{}", *key, *key)] {
            assert_eq!(statuses(invalid, 0o600), [Failed, Ok]);
        }
        let missing = check(Some(&folder.path().join("none")));
        assert_eq!([missing[0].status, missing[1].status], [Failed, Skipped]);
        assert_eq!(check(None)[0].status, Failed);
    }
}
