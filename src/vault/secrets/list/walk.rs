//! The traversal of the folders that contain a tenant's secrets.

use std::collections::{HashMap, VecDeque};

use crate::{
    secrets::{SecretError, SecretName},
    tenants::{TenantName, secrets_folder},
    vault::{
        SecretsClient,
        api::kv::{self, KeyInfo, KeyList, Page, SecretMetadata},
        client::{FailureKind, VaultError},
        secrets::{checks::EngineFact, retry::once_more_after_reset},
    },
};

/// A traversal in byte order. Vault sorts the keys of a folder in this order, and the key of a
/// subfolder ends in `/`, as the names in it continue.
pub(super) struct SecretWalk<'c> {
    secrets: SecretsClient<'c>,
    tenant: TenantName,
    endpoint: ListEndpoint,
    /// The number of keys that are requested per page.
    page_size: usize,
    /// The folder that is being traversed, last, after the folders that contain it.
    folders: Vec<ListedFolder>,
}

/// The endpoint that the keys of a folder are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListEndpoint {
    /// The keys only.
    Metadata,
    /// The keys with their metadata. OpenBao has this endpoint, HashiCorp Vault does not.
    DetailedMetadata,
}

/// A secret, with its metadata if the endpoint has returned it.
pub(super) struct WalkEntry {
    pub(super) name: SecretName,
    pub(super) metadata: Option<SecretMetadata>,
}

/// A folder whose keys are being traversed.
struct ListedFolder {
    /// The prefix of the names in it: `mcp/`, or empty.
    prefix: String,
    keys: VecDeque<String>,
    metadata: HashMap<String, SecretMetadata>,
    cursor: PageCursor,
}

/// The position of a folder's next page.
enum PageCursor {
    Start,
    After(String),
    End,
}

impl<'c> SecretWalk<'c> {
    /// Starts a traversal of all of a tenant's secrets.
    pub(super) fn new(
        secrets: SecretsClient<'c>,
        tenant: &TenantName,
        endpoint: ListEndpoint,
        page_size: usize,
    ) -> Self {
        let folders = vec![ListedFolder::new(String::new(), PageCursor::Start)];
        Self { secrets, tenant: tenant.clone(), endpoint, page_size, folders }
    }

    /// Moves the start behind this name, which need not exist.
    pub(super) fn after(mut self, name: &SecretName) -> Self {
        let name = name.as_str();
        self.folders.clear();
        let mut start = 0;
        for (slash, _) in name.match_indices('/') {
            let cursor = PageCursor::After(name[start..=slash].to_owned());
            self.folders.push(ListedFolder::new(name[..start].to_owned(), cursor));
            start = slash + 1;
        }
        let cursor = PageCursor::After(name[start..].to_owned());
        self.folders.push(ListedFolder::new(name[..start].to_owned(), cursor));
        self
    }

    /// Limits the number of keys that are requested per page from now on.
    pub(super) fn limit_page(&mut self, keys: usize) {
        self.page_size = self.page_size.min(keys).max(1);
    }

    /// Returns the next secret; `None` after the last. Keys that are not names of secrets are
    /// skipped.
    pub(super) async fn next(&mut self) -> Result<Option<WalkEntry>, SecretError> {
        while let Some(folder) = self.folders.last_mut() {
            let Some(key) = folder.keys.pop_front() else {
                match folder.cursor {
                    PageCursor::End => drop(self.folders.pop()),
                    _ => self.fetch_page().await?,
                }
                continue;
            };
            let name = format!("{}{key}", folder.prefix);
            match name.strip_suffix('/') {
                Some(inner) if SecretName::parse(inner).is_ok() => {
                    self.folders.push(ListedFolder::new(name, PageCursor::Start));
                }
                Some(_) => {}
                None => {
                    if let Ok(name) = SecretName::parse(&name) {
                        let metadata = folder.metadata.remove(&key);
                        return Ok(Some(WalkEntry { name, metadata }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Reads the next page of the current folder. Falls back to `metadata` if `detailed-metadata`
    /// is missing or denied, and to smaller pages if the response is too large.
    async fn fetch_page(&mut self) -> Result<(), SecretError> {
        loop {
            let Some(folder) = self.folders.last_mut() else { return Ok(()) };
            let listed =
                list_folder(self.secrets, self.endpoint, &self.tenant, folder, self.page_size);
            let error = match listed.await {
                Ok(keys) => {
                    folder.add_page(keys, self.page_size);
                    return Ok(());
                }
                Err(error) => error,
            };
            match (self.endpoint, error.kind) {
                (_, FailureKind::NotFound) => {
                    folder.cursor = PageCursor::End;
                    return Ok(());
                }
                (ListEndpoint::DetailedMetadata, FailureKind::EndpointNotFound) => {
                    self.endpoint = ListEndpoint::Metadata;
                    if let Some(checks) = self.secrets.checks {
                        checks.insert(EngineFact::NoDetailedMetadata).await;
                    }
                }
                // A policy that was written for HashiCorp Vault.
                (ListEndpoint::DetailedMetadata, FailureKind::PermissionDenied) => {
                    self.endpoint = ListEndpoint::Metadata;
                }
                (_, FailureKind::ResponseTooLarge) if self.page_size > 1 => self.page_size /= 2,
                _ => return Err(error.into()),
            }
        }
    }
}

/// Reads the next page of a folder's keys.
async fn list_folder(
    secrets: SecretsClient<'_>,
    endpoint: ListEndpoint,
    tenant: &TenantName,
    folder: &ListedFolder,
    limit: usize,
) -> Result<KeyList, VaultError> {
    let (client, token, mount) = secrets.kv();
    let path = format!("{}/{}", secrets_folder(tenant), folder.prefix);
    let path = path.trim_end_matches('/');
    let after = match &folder.cursor {
        PageCursor::After(last) => Some(last.as_str()),
        PageCursor::Start | PageCursor::End => None,
    };
    let page = Page { limit, after };
    match endpoint {
        ListEndpoint::Metadata => {
            once_more_after_reset(|| kv::list_metadata(client, token, mount, path, page)).await
        }
        ListEndpoint::DetailedMetadata => {
            let list = || kv::list_detailed_metadata(client, token, mount, path, page);
            once_more_after_reset(list).await
        }
    }
}

impl ListedFolder {
    fn new(prefix: String, cursor: PageCursor) -> Self {
        Self { prefix, keys: VecDeque::new(), metadata: HashMap::new(), cursor }
    }

    /// Adds the response to a request for `limit` keys. A response of another length is the last,
    /// and one of a server without pagination repeats the keys before it.
    fn add_page(&mut self, KeyList { mut keys, key_info }: KeyList, limit: usize) {
        let length = keys.len();
        if let PageCursor::After(last) = &self.cursor {
            keys.retain(|key| key > last);
        }
        self.cursor = match keys.last() {
            Some(last) if length == limit => PageCursor::After(last.clone()),
            _ => PageCursor::End,
        };
        let secrets =
            key_info.into_iter().filter_map(|(key, KeyInfo(metadata))| Some((key, metadata?)));
        self.metadata = secrets.collect();
        self.keys = keys.into();
    }
}
