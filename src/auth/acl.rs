use std::borrow::Cow;

use crate::{
    auth::{Refusal, method::MethodRequirement},
    capabilities::Capabilities,
    forwarded::{ForwardedError, ForwardedRequest},
    requirements::{McpRoute, Requirement},
};

/// The capabilities that a request's `acl` and `mcp` requirements demand, and the paths to check them on.
#[derive(Default)]
pub(super) struct AclCheck<'r> {
    /// The paths; that of `mcp` is the last one.
    pub(super) paths: Vec<Cow<'r, str>>,
    /// The request's own method, for the paths of `acl`.
    method: Option<MethodRequirement<'r>>,
    /// The methods that the application may use instead of the request's own.
    overrides: Vec<MethodRequirement<'r>>,
    /// The MCP method, for the path of `mcp`.
    mcp: Option<MethodRequirement<'r>>,
}

impl<'r> AclCheck<'r> {
    /// Creates the check for a request; `None` without `acl` and `mcp` requirements.
    pub(super) fn new(
        requirements: impl Iterator<Item = &'r Requirement>,
        forwarded: &ForwardedRequest<'r>,
    ) -> Result<Option<Self>, Refusal> {
        let mut paths = Vec::new();
        let mut mcp = None;
        for requirement in requirements {
            match requirement {
                Requirement::Acl(path) => paths.push(path.as_str().into()),
                Requirement::AclUri(path) => {
                    let target = forwarded.target()?.path()?;
                    let joined = path.join(target).map_err(|_| Refusal::PathAmbiguous)?;
                    paths.push(joined.into());
                }
                Requirement::Mcp(route) => mcp = Some(route),
                Requirement::AnyPolicy(_) | Requirement::Tenant(_) => {}
            }
        }
        let mut check = Self { paths, ..Self::default() };
        if !check.paths.is_empty() {
            check.read_methods(forwarded)?;
        }
        if let Some(route) = mcp {
            check.read_call(route, forwarded)?;
        }
        Ok((!check.paths.is_empty()).then_some(check))
    }

    fn read_call(
        &mut self,
        McpRoute { path, endpoint }: &McpRoute,
        forwarded: &ForwardedRequest<'r>,
    ) -> Result<(), Refusal> {
        let call = forwarded.mcp_call()?;
        if let Some(endpoint) = endpoint {
            let target = forwarded.target()?.path()?;
            if target.strip_suffix('/').unwrap_or(target) != &**endpoint {
                return Err(Refusal::AclDenied);
            }
        }
        let joined = path.join_mcp(call.method, call.name.as_deref());
        self.paths.push(joined.map_err(|_| Refusal::PathAmbiguous)?.into());
        self.mcp = Some(MethodRequirement::for_mcp(call.method));
        Ok(())
    }

    fn read_methods(&mut self, forwarded: &ForwardedRequest<'r>) -> Result<(), Refusal> {
        let method = MethodRequirement::for_method(forwarded.method()?);
        self.method = Some(method.ok_or(Refusal::AclDenied)?);
        let query = match forwarded.target() {
            Ok(target) => target.query,
            // A proxy need not send the URI where the path is fixed.
            Err(ForwardedError::Missing(_)) => &[],
            Err(error) => return Err(error.into()),
        };
        self.overrides = MethodRequirement::for_overrides(query).ok_or(Refusal::AclDenied)?;
        Ok(())
    }

    /// Returns the methods whose capabilities are required on the path with this index.
    pub(super) fn methods(&self, index: usize) -> impl Iterator<Item = &MethodRequirement<'r>> {
        let mcp = self.mcp.as_ref().filter(|_| index + 1 == self.paths.len());
        let others = self.method.iter().chain(&self.overrides);
        mcp.into_iter().chain(others.filter(move |_| mcp.is_none()))
    }

    /// Returns true if enough is granted on every path; `None` if a path's capabilities are not
    /// cached.
    pub(super) fn check_cached(
        &self,
        cached: impl Fn(&str) -> Option<Capabilities>,
    ) -> Option<bool> {
        let granted = self.paths.iter().map(|path| cached(path));
        granted
            .enumerate()
            .map(|(index, one)| Some(self.is_sufficient(index, one?)))
            .try_fold(true, |all, one| Some(all & one?))
    }

    /// Returns true if enough is granted on every path.
    pub(super) fn is_satisfied_by(&self, granted: &[Capabilities]) -> bool {
        granted.len() == self.paths.len()
            && granted.iter().enumerate().all(|(index, on)| self.is_sufficient(index, *on))
    }

    fn is_sufficient(&self, index: usize, granted: Capabilities) -> bool {
        let mut methods = self.methods(index).peekable();
        methods.peek().is_some() && methods.all(|method| method.is_satisfied_by(granted))
    }
}
