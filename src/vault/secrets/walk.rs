//! The walk through the folders in which a tenant's secrets are.

use std::collections::{HashMap, VecDeque};

use serde::Deserialize;

use super::{
    checks::Check,
    metadata::{KeyInfo, Metadata},
};
use crate::{
    secrets::{SecretError, SecretName},
    tenants::{TenantName, secrets_folder},
    vault::{
        client::Operation,
        error::{Failure, VaultError},
        secrets::{Call, Secrets},
    },
};

/// A walk in alphabetical order, by bytes. So Vault sorts the keys of a folder, and the key of a
/// folder within ends in `/`, as the names in it go on.
pub(super) struct Walk<'c> {
    secrets: Secrets<'c>,
    tenant: TenantName,
    source: Source,
    /// The number of keys that Vault is asked for at once.
    page: usize,
    /// The folder that is being walked, below those that it is in.
    folders: Vec<Folder>,
}

/// The endpoint that the keys of a folder are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The list of `metadata`: the keys alone.
    Keys,
    /// The list of `detailed-metadata`, which OpenBao has and HashiCorp Vault has not.
    Details,
}

/// A secret, with its metadata if the source has told it.
pub(super) struct Entry {
    pub(super) name: SecretName,
    pub(super) metadata: Option<Metadata>,
}

/// A part of the tree of names.
struct Folder {
    /// The beginning of the names in it: `mcp/`, or nothing.
    prefix: String,
    keys: VecDeque<String>,
    metadata: HashMap<String, Metadata>,
    rest: Rest,
}

/// The part of a folder that is still to be asked for.
enum Rest {
    All,
    After(String),
    Nothing,
}

/// The `data` of the answer of either source.
#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
    #[serde(default)]
    key_info: HashMap<String, KeyInfo>,
}

impl<'c> Walk<'c> {
    /// The walk through all of a tenant's secrets, which asks Vault for so many keys at once.
    pub(super) fn new(
        secrets: Secrets<'c>,
        tenant: &TenantName,
        source: Source,
        page: usize,
    ) -> Self {
        let folders = vec![Folder::new(String::new(), Rest::All)];
        Self { secrets, tenant: tenant.clone(), source, page, folders }
    }

    /// The same from behind this name on, which need not exist.
    pub(super) fn after(mut self, name: &SecretName) -> Self {
        let name = name.as_str();
        self.folders.clear();
        let mut start = 0;
        for (slash, _) in name.match_indices('/') {
            let rest = Rest::After(name[start..=slash].to_owned());
            self.folders.push(Folder::new(name[..start].to_owned(), rest));
            start = slash + 1;
        }
        let rest = Rest::After(name[start..].to_owned());
        self.folders.push(Folder::new(name[..start].to_owned(), rest));
        self
    }

    /// Has Vault asked for no more than so many keys at once, from now on.
    pub(super) fn limit_page(&mut self, keys: usize) {
        self.page = self.page.min(keys).max(1);
    }

    /// The next secret; `None` after the last. Keys that are no name of a secret are left out.
    pub(super) async fn next(&mut self) -> Result<Option<Entry>, SecretError> {
        while let Some(folder) = self.folders.last_mut() {
            let Some(key) = folder.keys.pop_front() else {
                match folder.rest {
                    Rest::Nothing => drop(self.folders.pop()),
                    _ => self.turn_page().await?,
                }
                continue;
            };
            let name = format!("{}{key}", folder.prefix);
            match name.strip_suffix('/') {
                Some(inner) if SecretName::parse(inner).is_ok() => {
                    self.folders.push(Folder::new(name, Rest::All));
                }
                Some(_) => {}
                None => {
                    if let Ok(name) = SecretName::parse(&name) {
                        let metadata = folder.metadata.remove(&key);
                        return Ok(Some(Entry { name, metadata }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Asks for more keys of the folder. Where there are no details to be had, for the keys alone;
    /// and for fewer, if so many make an answer that is too large.
    async fn turn_page(&mut self) -> Result<(), SecretError> {
        loop {
            let Some(folder) = self.folders.last_mut() else { return Ok(()) };
            let error = match self.secrets.keys(self.source, &self.tenant, folder, self.page).await
            {
                Ok(keys) => {
                    folder.add(keys, self.page);
                    return Ok(());
                }
                Err(error) => error,
            };
            match (self.source, error.failure) {
                (_, Failure::NotFound) => {
                    folder.rest = Rest::Nothing;
                    return Ok(());
                }
                (Source::Details, Failure::NoEndpoint) => {
                    self.source = Source::Keys;
                    self.secrets.note(Check::NoDetails).await;
                }
                // A policy that was made for HashiCorp Vault.
                (Source::Details, Failure::OwnPolicy) => self.source = Source::Keys,
                (_, Failure::AnswerTooLarge) if self.page > 1 => self.page /= 2,
                _ => return Err(error.into()),
            }
        }
    }
}

impl Secrets<'_> {
    /// The next keys of a folder. Vault ignores `limit` and `after`, if it knows no pages.
    async fn keys(
        &self,
        source: Source,
        tenant: &TenantName,
        folder: &Folder,
        limit: usize,
    ) -> Result<Keys, VaultError> {
        let (kind, operation) = match source {
            Source::Keys => ("metadata", Operation::SecretList),
            Source::Details => ("detailed-metadata", Operation::SecretDetails),
        };
        let (kv, secrets) = (&self.mounts.kv, secrets_folder(tenant));
        let path = format!("{kv}/{kind}/{secrets}/{}", folder.prefix);
        let limit = limit.to_string();
        let mut query = vec![("list", "true"), ("limit", limit.as_str())];
        if let Rest::After(last) = &folder.rest {
            query.push(("after", last));
        }
        let call = Call::get(path.trim_end_matches('/').to_owned()).with_query(&query);
        self.ask(operation, &call).await
    }
}

impl Folder {
    fn new(prefix: String, rest: Rest) -> Self {
        Self { prefix, keys: VecDeque::new(), metadata: HashMap::new(), rest }
    }

    /// Takes up the answer to the question for so many keys. One of another length is the last, and
    /// one that knows no pages has in it again what came before.
    fn add(&mut self, Keys { mut keys, key_info }: Keys, limit: usize) {
        let length = keys.len();
        if let Rest::After(last) = &self.rest {
            keys.retain(|key| key > last);
        }
        self.rest = match keys.last() {
            Some(last) if length == limit => Rest::After(last.clone()),
            _ => Rest::Nothing,
        };
        let secrets =
            key_info.into_iter().filter_map(|(key, KeyInfo(metadata))| Some((key, metadata?)));
        self.metadata = secrets.collect();
        self.keys = keys.into();
    }
}
