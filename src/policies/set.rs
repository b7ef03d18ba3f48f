use std::{collections::BTreeMap, fs, io, path::Path};

use super::{Check, Finding, Policy, PolicyName, Position, name::NameFault};

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, for messages.
    pub file: String,
    /// What is in it.
    pub text: String,
}

impl Source {
    /// A file with this text.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// The files of a folder with this extension, in the order of their names; not those of
    /// folders in it.
    ///
    /// # Errors
    /// If the folder or one of the files cannot be read; the error names it.
    pub fn read_all(folder: &Path, extension: &str) -> io::Result<Vec<Self>> {
        let named = |path: &Path, error: &io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| named(folder, &error))? {
            let path = entry.map_err(|error| named(folder, &error))?.path();
            if path.is_file() && path.extension().is_some_and(|found| found == extension) {
                paths.push(path);
            }
        }
        paths.sort();
        let read = |path: &std::path::PathBuf| {
            let text = fs::read_to_string(path).map_err(|error| named(path, &error))?;
            Ok(Self::new(path.display().to_string(), text))
        };
        paths.iter().map(read).collect()
    }

    /// The name of the file, without folders and extension.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// A policy, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its text, and the file.
    pub source: Source,
    /// The text, read.
    pub policy: Policy,
}

/// Policies by name. What is in it can be read, and has a name that Vault takes as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySet(BTreeMap<PolicyName, Member>);

impl PolicySet {
    /// The policies in these files, each under the name of its file, and what is wrong with the
    /// files that hold none.
    #[must_use]
    pub fn read(sources: Vec<Source>) -> (Self, Vec<Finding>) {
        let mut set = BTreeMap::new();
        let mut findings = Vec::new();
        for source in sources {
            let name = PolicyName::parse(source.stem());
            let policy = Policy::parse(&source.text);
            if let Err(fault) = &name {
                findings.push(misnamed(&source, fault));
            }
            if let Err(error) = &policy {
                let (at, message) = (error.position(), error.message().to_owned());
                findings.push(Finding::new(&source, Check::Syntax, at, message, String::new()));
            }
            if let (Ok(name), Ok(policy)) = (name, policy) {
                set.insert(name, Member { source, policy });
            }
        }
        (Self(set), findings)
    }

    /// Each policy, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&PolicyName, &Member)> {
        self.0.iter()
    }

    /// The policy of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Member> {
        self.iter().find(|(own, _)| own.as_str() == name).map(|(_, member)| member)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn misnamed(source: &Source, fault: &NameFault) -> Finding {
    let remedy = match fault {
        NameFault::BuiltIn(_) => {
            "give the file another name: Vault's own policies stay as they are"
        }
        NameFault::Form(_) => {
            "name the file with a-z, 0-9, `-`, `_` and `.` alone: Vault folds upper case, and a \
             list of policies is split at commas"
        }
    };
    Finding::new(source, Check::Name, Position::START, fault.to_string(), remedy.to_owned())
}
