use std::{collections::BTreeMap, error::Error, fmt, fs, io, path::Path};

use super::{
    Lint, LintFinding, Policy, PolicyName, Position, SyntaxError, error::ParseError,
    name::PolicyNameError,
};

/// The text of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// The path of the file, for messages.
    pub file: String,
    /// The content; empty if the file could not be read.
    pub text: String,
    error: Option<ParseError>,
}

impl PolicySource {
    /// Creates a source with this text.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into(), error: None }
    }

    /// Reads the files of a folder with this extension, ordered by name, without subfolders. A
    /// file that cannot be read, or is not UTF-8, is reported as an error of that file where it is
    /// used.
    ///
    /// # Errors
    /// Fails if the folder cannot be read or has no such file; the error names it.
    pub fn read_all(folder: &Path, extension: &str) -> io::Result<Vec<Self>> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(named)? {
            let path = entry.map_err(named)?.path();
            if !path.is_dir() && path.extension().is_some_and(|found| found == extension) {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            let message = format!("no *.{extension} files found");
            return Err(named(io::Error::new(io::ErrorKind::NotFound, message)));
        }
        paths.sort();
        Ok(paths.iter().map(|path| Self::read(path)).collect())
    }

    fn read(path: &Path) -> Self {
        let file = path.display().to_string();
        let (text, error) = match read_bytes(path).map(String::from_utf8) {
            Ok(Ok(text)) => (text, None),
            Ok(Err(error)) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let byte = error.as_bytes().get(valid).copied().unwrap_or_default();
                let message = format!("the file is not UTF-8: found the byte 0x{byte:02x}");
                let error = ParseError::new(Position::of(&text, valid), message);
                (text, Some(error.with_remedy("save the file as UTF-8")))
            }
            Err(error) => {
                let message = format!("the file cannot be read: {error}");
                let error = ParseError::new(Position::START, message);
                (
                    String::new(),
                    Some(error.with_remedy("make it a regular file with read permission")),
                )
            }
        };
        Self { file, text, error }
    }

    /// Returns the error if the file could not be read as text.
    pub(super) fn unreadable(&self) -> Option<SyntaxError> {
        self.error.clone().map(|error| SyntaxError::new(&self.text, error))
    }

    /// Returns the file name without folders and extension.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// A parsed policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// The source.
    pub source: PolicySource,
    /// The parsed policy.
    pub policy: Policy,
}

/// Policies by name. Each was parsed without errors and has a valid name.
///
/// The rules that could be parsed in invalid files are kept for [`PolicySet::lint`] only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySet {
    policies: BTreeMap<PolicyName, PolicyFile>,
    invalid: Vec<PolicyFile>,
}

/// The policies of a folder cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFolderError(String);

impl fmt::Display for PolicyFolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PolicyFolderError {}

impl PolicySet {
    /// Reads the policies of a folder, `NAME.hcl`.
    ///
    /// # Errors
    /// Fails if the folder cannot be read or has no policies, or if one of them is invalid.
    pub fn read_folder(folder: &Path) -> Result<Self, PolicyFolderError> {
        let sources = PolicySource::read_all(folder, "hcl");
        let (set, findings) =
            Self::read(sources.map_err(|error| PolicyFolderError(error.to_string()))?);
        match findings.first() {
            None => Ok(set),
            Some(LintFinding { file, at, message, .. }) => {
                Err(PolicyFolderError(format!("{file}:{at}: {message}")))
            }
        }
    }

    /// Parses these files, each as the policy of the file's name, and returns the findings of the
    /// invalid ones.
    #[must_use]
    pub fn read(sources: Vec<PolicySource>) -> (Self, Vec<LintFinding>) {
        let mut set = Self::default();
        let mut findings = Vec::new();
        for source in sources {
            let name = PolicyName::parse(source.stem());
            let (policy, found) = match source.unreadable() {
                Some(error) => (None, vec![LintFinding::error(&source, Lint::Unreadable, &error)]),
                None => parse_source(&source),
            };
            let is_valid = found.is_empty();
            findings.extend(found);
            if let Err(error) = &name {
                findings.push(misnamed(&source, error));
            }
            match (name, policy) {
                (Ok(name), Some(policy)) if is_valid => {
                    set.policies.insert(name, PolicyFile { source, policy });
                }
                (_, Some(policy)) => set.invalid.push(PolicyFile { source, policy }),
                (_, None) => (),
            }
        }
        (set, findings)
    }

    /// Returns the invalid files, with those of their rules that could be parsed.
    pub(super) fn invalid(&self) -> &[PolicyFile] {
        &self.invalid
    }

    /// Returns the policies, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&PolicyName, &PolicyFile)> {
        self.policies.iter()
    }

    /// Returns the policy of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&PolicyFile> {
        self.iter().find(|(own, _)| own.as_str() == name).map(|(_, file)| file)
    }

    /// Returns the number of policies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }
}

fn parse_source(source: &PolicySource) -> (Option<Policy>, Vec<LintFinding>) {
    let (policy, errors) = Policy::parse_in_part(&source.text);
    let finding = |error| LintFinding::error(source, Lint::Syntax, error);
    (Some(policy), errors.iter().map(finding).collect())
}

/// Reads a regular file; reading a pipe would block.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() {
        return fs::read(path);
    }
    Err(io::Error::other("not a regular file"))
}

fn misnamed(source: &PolicySource, error: &PolicyNameError) -> LintFinding {
    let remedy = match error {
        PolicyNameError::BuiltIn(_) => "rename the file: built-in policies cannot be replaced",
        PolicyNameError::Form(_) => {
            "use only a-z, 0-9, `-`, `_` and `.` in the file name: Vault lower-cases names, and a \
             list of policies is split at commas"
        }
    };
    LintFinding::new(source, Lint::Name, Position::START, error.to_string(), remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, process::Command};

    use super::{Lint, PolicySet, PolicySource, Position};

    #[test]
    fn unreadable_file_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        let rule = "path \"a\" { capabilities = [\"read\"] }\n";
        let file = |name: &str| folder.path().join(name);
        fs::write(file("good.hcl"), rule).unwrap();
        fs::write(file("latin.hcl"), [rule.as_bytes(), b"# caf\xe9\n"].concat()).unwrap();
        fs::write(file("utf16.hcl"), b"\xff\xfep\0a\0").unwrap();
        symlink("nowhere", file("dangling.hcl")).unwrap();
        assert!(Command::new("mkfifo").arg(file("pipe.hcl")).status().unwrap().success());
        fs::create_dir(file("folder.hcl")).unwrap();
        let (set, findings) =
            PolicySet::read(PolicySource::read_all(folder.path(), "hcl").unwrap());
        assert_eq!(set.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["good"]);
        let found: Vec<_> = findings.iter().map(|one| (one.check, one.at, &*one.message)).collect();
        let at = |line, column| Position { line, column };
        let expected = [
            (at(1, 1), "the file cannot be read: No such file or directory (os error 2)"),
            (at(2, 6), "the file is not UTF-8: found the byte 0xe9"),
            (at(1, 1), "the file cannot be read: not a regular file"),
            (at(1, 1), "the file is not UTF-8: found the byte 0xff"),
        ];
        let expected: Vec<_> =
            expected.iter().map(|(at, message)| (Lint::Unreadable, *at, *message)).collect();
        assert_eq!(found, expected);
    }
}
