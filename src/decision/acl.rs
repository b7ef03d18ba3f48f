use std::borrow::Cow;

use crate::{
    capabilities::Capabilities,
    decision::{Refusal, method::Need},
    forwarded::{Forwarded, ForwardedError},
    requirement::Requirement,
};

/// The paths that Vault has to be asked about, and what has to be granted on each.
pub(super) struct AclQuestion<'r> {
    pub(super) paths: Vec<Cow<'r, str>>,
    method: Need<'r>,
    /// The methods that an application may act by instead.
    overrides: Vec<Need<'r>>,
}

impl<'r> AclQuestion<'r> {
    /// What these requirements ask for this request; `None` if nothing.
    pub(super) fn new(
        requirements: impl Iterator<Item = &'r Requirement>,
        forwarded: &Forwarded<'r>,
    ) -> Result<Option<Self>, Refusal> {
        let is_acl =
            |one: &&Requirement| matches!(one, Requirement::Acl(_) | Requirement::AclUri(_));
        let mut requirements = requirements.filter(is_acl).peekable();
        if requirements.peek().is_none() {
            return Ok(None);
        }
        let target = forwarded.target();
        let mut paths = Vec::new();
        for requirement in requirements {
            match requirement {
                Requirement::Acl(path) => paths.push(path.as_str().into()),
                Requirement::AclUri(path) => {
                    let joined = path.join(target?.path()?).map_err(|_| Refusal::PathAmbiguous)?;
                    paths.push(joined.into());
                }
                Requirement::AnyPolicy(_) | Requirement::Tenant(_) => {}
            }
        }
        let method = Need::of(forwarded.method()?).ok_or(Refusal::AclDenied)?;
        let query = match target {
            Ok(target) => target.query,
            // A proxy need not tell the URI where the path is a fixed one.
            Err(ForwardedError::Missing(_)) => &[],
            Err(error) => return Err(error.into()),
        };
        let overrides = Need::of_overrides(query).ok_or(Refusal::AclDenied)?;
        Ok(Some(Self { paths, method, overrides }))
    }

    /// The needs of each method of the request, on every path.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Need<'r>> {
        std::iter::once(&self.method).chain(&self.overrides)
    }

    /// Whether enough is granted on every path, if memory has it for all of them.
    pub(super) fn is_met_from_memory(
        &self,
        on: impl Fn(&str) -> Option<Capabilities>,
    ) -> Option<bool> {
        let granted = self.paths.iter().map(|path| on(path));
        granted.map(|on| Some(self.is_enough(on?))).try_fold(true, |all, one| Some(all & one?))
    }

    /// Whether enough is granted on every path.
    pub(super) fn is_met_by(&self, granted: &[Capabilities]) -> bool {
        granted.len() == self.paths.len() && granted.iter().all(|on| self.is_enough(*on))
    }

    fn is_enough(&self, granted: Capabilities) -> bool {
        self.needs().all(|need| need.is_met_by(granted))
    }
}
