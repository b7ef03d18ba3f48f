use std::collections::VecDeque;

use futures_util::{Stream, stream};
use serde::Deserialize;

use crate::{
    secrets::{SecretError, SecretName},
    tenants::TenantName,
    vault::{
        client::Operation,
        error::Failure,
        secrets::{Call, Secrets},
    },
};

/// How many names are asked for at once. Vault, which knows no pages, answers with all of a folder.
const PAGE: usize = 500;

/// The names of a tenant's secrets, folder by folder, in the order of the alphabet. What is no
/// name of ours is passed over.
pub struct SecretNames<'c> {
    secrets: Secrets<'c>,
    tenant: TenantName,
    /// The folder that is being walked, below those that it is in.
    folders: Vec<Folder>,
}

/// A part of the tree of names.
struct Folder {
    /// What the names in it begin with: `mcp/`, or nothing.
    prefix: String,
    keys: VecDeque<String>,
    rest: Rest,
}

/// What is still to be asked for of a folder.
enum Rest {
    All,
    After(String),
    Nothing,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

impl<'c> SecretNames<'c> {
    pub(super) fn new(secrets: Secrets<'c>, tenant: &TenantName) -> Self {
        let folders = vec![Folder::new(String::new())];
        Self { secrets, tenant: tenant.clone(), folders }
    }

    /// The next name; `None` after the last.
    ///
    /// # Errors
    /// [`SecretError`] if the token may not list them, or Vault does not answer.
    pub async fn next(&mut self) -> Result<Option<SecretName>, SecretError> {
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
                    self.folders.push(Folder::new(name));
                }
                Some(_) => {}
                None => {
                    if let Ok(name) = SecretName::parse(&name) {
                        return Ok(Some(name));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The names as a stream, which ends at the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<SecretName, SecretError>> {
        stream::try_unfold(self, async |mut names| {
            let next = names.next().await?;
            Ok(next.map(|name| (name, names)))
        })
    }

    async fn turn_page(&mut self) -> Result<(), SecretError> {
        let Some(folder) = self.folders.last_mut() else { return Ok(()) };
        let Secrets { mounts, .. } = self.secrets;
        let path = format!("{}/metadata/tenants/{}/{}", mounts.kv, self.tenant, folder.prefix);
        let limit = PAGE.to_string();
        let mut query = vec![("list", "true"), ("limit", limit.as_str())];
        if let Rest::After(last) = &folder.rest {
            query.push(("after", last));
        }
        let call = Call::get(path.trim_end_matches('/').to_owned()).with_query(&query);
        match self.secrets.ask(Operation::SecretList, &call).await {
            Ok(Keys { keys }) => folder.add(keys),
            Err(error) if error.failure == Failure::NotFound => folder.rest = Rest::Nothing,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl Folder {
    fn new(prefix: String) -> Self {
        Self { prefix, keys: VecDeque::new(), rest: Rest::All }
    }

    /// Takes up an answer. One of another length than was asked for is the last, and one that
    /// knows no pages has what came before in it again.
    fn add(&mut self, mut keys: Vec<String>) {
        let length = keys.len();
        if let Rest::After(last) = &self.rest {
            keys.retain(|key| key > last);
        }
        self.rest = match keys.last() {
            Some(last) if length == PAGE => Rest::After(last.clone()),
            _ => Rest::Nothing,
        };
        self.keys = keys.into();
    }
}
