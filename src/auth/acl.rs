use std::borrow::Cow;

use crate::{
    auth::{Refusal, method::MethodRequirement},
    capabilities::Capabilities,
    forwarded::{ForwardedError, ForwardedRequest},
    requirements::Requirement,
};

/// The capabilities that a request's `acl` requirements demand, and the paths to check them on.
pub(super) struct AclCheck<'r> {
    pub(super) paths: Vec<Cow<'r, str>>,
    method: MethodRequirement<'r>,
    /// The methods that the application may use instead of the request's own.
    overrides: Vec<MethodRequirement<'r>>,
}

impl<'r> AclCheck<'r> {
    /// Creates the check for a request; `None` without `acl` requirements.
    pub(super) fn new(
        requirements: impl Iterator<Item = &'r Requirement>,
        forwarded: &ForwardedRequest<'r>,
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
        let method =
            MethodRequirement::for_method(forwarded.method()?).ok_or(Refusal::AclDenied)?;
        let query = match target {
            Ok(target) => target.query,
            // A proxy need not send the URI where the path is fixed.
            Err(ForwardedError::Missing(_)) => &[],
            Err(error) => return Err(error.into()),
        };
        let overrides = MethodRequirement::for_overrides(query).ok_or(Refusal::AclDenied)?;
        Ok(Some(Self { paths, method, overrides }))
    }

    /// Returns the request's methods, each with the capabilities that it requires on every path.
    pub(super) fn methods(&self) -> impl Iterator<Item = &MethodRequirement<'r>> {
        std::iter::once(&self.method).chain(&self.overrides)
    }

    /// Returns true if enough is granted on every path; `None` if a path's capabilities are not
    /// cached.
    pub(super) fn check_cached(
        &self,
        cached: impl Fn(&str) -> Option<Capabilities>,
    ) -> Option<bool> {
        let granted = self.paths.iter().map(|path| cached(path));
        granted
            .map(|one| Some(self.is_sufficient(one?)))
            .try_fold(true, |all, one| Some(all & one?))
    }

    /// Returns true if enough is granted on every path.
    pub(super) fn is_satisfied_by(&self, granted: &[Capabilities]) -> bool {
        granted.len() == self.paths.len() && granted.iter().all(|on| self.is_sufficient(*on))
    }

    fn is_sufficient(&self, granted: Capabilities) -> bool {
        self.methods().all(|method| method.is_satisfied_by(granted))
    }
}
