use std::borrow::Cow;

use crate::{
    decision::Refusal, forwarded::Forwarded, requirement::Requirement, token::Capabilities,
};

/// The paths that Vault has to be asked about, and what has to be granted on each.
pub(super) struct AclQuestion<'r> {
    pub(super) paths: Vec<Cow<'r, str>>,
    needed: Capabilities,
}

impl<'r> AclQuestion<'r> {
    /// What these requirements ask for this request; `None` if nothing.
    pub(super) fn new(
        requirements: impl Iterator<Item = &'r Requirement>,
        forwarded: &Forwarded<'_>,
    ) -> Result<Option<Self>, Refusal> {
        let mut paths = Vec::new();
        for requirement in requirements {
            match requirement {
                Requirement::Acl(path) => paths.push(path.as_str().into()),
                Requirement::AclUri(path) => {
                    let target = forwarded.uri()?;
                    let joined = path.join(target).map_err(|_| Refusal::PathAmbiguous)?;
                    paths.push(joined.into());
                }
                Requirement::AnyPolicy(_) | Requirement::Tenant(_) => {}
            }
        }
        if paths.is_empty() {
            return Ok(None);
        }
        let needed = implied(forwarded.method()?).ok_or(Refusal::AclDenied)?;
        Ok(Some(Self { paths, needed }))
    }

    /// Whether enough is granted on every path, if memory has it for all of them.
    pub(super) fn is_met_from_memory(
        &self,
        on: impl Fn(&str) -> Option<Capabilities>,
    ) -> Option<bool> {
        let granted = self.paths.iter().map(|path| on(path));
        granted.map(|on| Some(on?.has_any(self.needed))).try_fold(true, |all, one| Some(all & one?))
    }

    /// Whether enough is granted on every path.
    pub(super) fn is_met_by(&self, granted: &[Capabilities]) -> bool {
        granted.len() == self.paths.len() && granted.iter().all(|on| on.has_any(self.needed))
    }
}

/// The capabilities of which one has to be granted for a request with this method. Methods are
/// case-sensitive (RFC 9110, 9.1); one that is not listed is nobody's right.
pub(super) fn implied(method: &str) -> Option<Capabilities> {
    match method {
        "GET" | "HEAD" | "OPTIONS" => Some(Capabilities::READ),
        "POST" => Some(Capabilities::CREATE | Capabilities::UPDATE),
        "PUT" => Some(Capabilities::UPDATE),
        "PATCH" => Some(Capabilities::PATCH),
        "DELETE" => Some(Capabilities::DELETE),
        _ => None,
    }
}
