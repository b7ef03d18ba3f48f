mod access_token;
mod mcp_call;
mod output;
mod sealed;
mod session;

use std::{net::IpAddr, process::ExitCode, sync::Arc};

use clap::Args;
use http::HeaderValue;

use self::{
    access_token::{AccessTokenInput, OAuthCredentialKind},
    mcp_call::McpCallArgument,
    sealed::SealedDescription,
    session::{SealedInput, SessionArgs},
};
use crate::{
    auth::RootTokens,
    cli::{
        operator::{Operator, OperatorArgs},
        output::{OutputArgs, print_status},
        sources::ForExplain,
        token::read_token,
        usage_error,
    },
    config::Settings,
    diagnostics::{CredentialToExplain, RequestToExplain, explain},
    requirements::Requirements,
    resource_uri::ResourceUri,
    sealed::KeyRing,
    token::{ACCESS_TOKEN_PREFIX, Unavailable, UnavailableReason},
    vault::Requester,
};

/// Explain the decision that `/validate` would make on a request.
///
/// The token is read from standard input, or from a prompt on a terminal; it is never an argument,
/// which every user of the machine could see. Requests to Vault use the operator's own token, which
/// needs the access that the policy `validator` grants. `/validate` always rejects the service's own
/// token, which this command does not recognise.
///
/// With --session, standard input has a session cookie instead: its value, `NAME=VALUE`, or a whole
/// `Cookie` header. The command says what the value is, until when it is valid and whose it is, and
/// explains the decision on a request with it. It never prints the token in it, and does not renew it.
///
/// An OAuth access token (`vat_…`) is recognised by its prefix. It needs the file of the sealing keys, and
/// `resource=URI` among the requirements: it is valid for one resource.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator explain --require 'tenant=acme&policy=crm-agent' < token-file
  vault-auth-validator explain --method POST --uri /contacts --require acl_uri=route/crm --output json
  vault-auth-validator explain --mcp tools/call/send_invoice --require mcp=route/mcp < token-file
  vault-auth-validator explain --mcp resources/read/file:///reports/2026.md \\
      --require 'resource=https://mcp.example.com/mcp&mcp=route/mcp' \\
      --sealing-key-file /keys/validator/sealing-keys < access-token-file
  vault-auth-validator explain --session --host crm.example.com --method POST --require acl=route/crm \\
      --sealing-key-file /keys/validator/sealing-keys < cookie-file")]
pub(super) struct Explain {
    /// The route's requirements, as written after `/validate?` in the proxy's configuration.
    #[arg(long, value_name = "QUERY", default_value = "", value_parser = Requirements::parse)]
    require: Requirements,
    /// The method of the request.
    #[arg(long, default_value = "GET", value_parser = header_value)]
    method: HeaderValue,
    /// The MCP call of the request, as for a requirement mcp=PATH: a POST with the headers of revision
    /// 2026-07-28. The methods tools/call, prompts/get and resources/read have a name, which may be any text.
    #[arg(long, value_name = "METHOD[/NAME]", conflicts_with = "method")]
    mcp: Option<McpCallArgument>,
    /// The target of the request.
    #[arg(long, default_value = "/", value_parser = header_value)]
    uri: HeaderValue,
    /// The host of the request: for display only, or with --session the host that the session is for.
    #[arg(long)]
    host: Option<String>,
    /// The address of the client; a token may be bound to certain addresses.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// Accept root tokens, as with `VALIDATOR_ALLOW_ROOT=true`.
    #[arg(long)]
    allow_root: bool,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Rejected; declared so that clap does not echo what may be a token as an unexpected argument.
    #[arg(hide = true)]
    argument: Vec<String>,
    #[command(flatten)]
    operator: OperatorArgs<ForExplain>,
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        if !self.argument.is_empty() {
            return usage_error(
                "explain takes no argument besides its options: the token is read from standard \
                 input, and one passed as an argument is visible to other users",
            );
        }
        let keys = match self.session.keys(self.host.as_deref(), &self.operator) {
            Ok(keys) => keys,
            Err(error) => return usage_error(error),
        };
        let subject_mount = match Settings::load_subject_mount(self.operator.clone().sources()) {
            Ok(mount) => mount,
            Err(faults) => return usage_error(faults),
        };
        let operator = self.operator.clone();
        operator.run(async |operator| match keys {
            Some(keys) => self.explain_session(operator, subject_mount, keys).await,
            None => self.explain_token(operator, subject_mount).await,
        })
    }

    async fn explain_token(
        &self,
        operator: Operator,
        subject_mount: String,
    ) -> Result<ExitCode, String> {
        let token = match read_token() {
            Ok(token) => token,
            Err(error) => return Ok(usage_error(format!("the token cannot be read: {error}"))),
        };
        match OAuthCredentialKind::of(token.trim()) {
            None => {
                let credential = CredentialToExplain::Token(token.trim());
                self.explain(&operator, subject_mount, credential, None).await
            }
            Some(OAuthCredentialKind::AccessToken) => {
                self.explain_access_token(&operator, subject_mount, token.trim()).await
            }
            Some(OAuthCredentialKind::TokenEndpoint(kind)) => Ok(usage_error(format!(
                "this is an OAuth {kind}, which only the token endpoint accepts; give the access token, \
                 which begins with {ACCESS_TOKEN_PREFIX}"
            ))),
        }
    }

    async fn explain_access_token(
        &self,
        operator: &Operator,
        subject_mount: String,
        token: &str,
    ) -> Result<ExitCode, String> {
        let Some(resource) = &self.require.resource else {
            return Ok(usage_error(
                "this is an OAuth access token, which is valid for one resource: add resource=URI to \
                 --require; a route without it refuses the token",
            ));
        };
        let keys = match Settings::load_sealing_keys(self.operator.clone().sources()) {
            Ok(keys) => keys,
            Err(errors) => return Ok(usage_error(errors)),
        };
        let input = AccessTokenInput::new(&keys, resource.as_str(), token);
        let access = match input.to_explain(keys) {
            Ok(access) => access,
            Err(error) => return Ok(usage_error(error)),
        };
        let credential = CredentialToExplain::AccessToken(&access);
        self.explain(operator, subject_mount, credential, Some(&input.description())).await
    }

    async fn explain_session(
        &self,
        operator: Operator,
        subject_mount: String,
        keys: Arc<KeyRing>,
    ) -> Result<ExitCode, String> {
        let input = match SealedInput::read(&keys, self.host.as_deref().unwrap_or_default()) {
            Ok(input) => input,
            Err(error) => return Ok(usage_error(error)),
        };
        let session = match input.to_explain(keys, self.session.origin()) {
            Ok(session) => session,
            Err(error) => return Ok(usage_error(error)),
        };
        let credential = CredentialToExplain::Session(&session);
        self.explain(&operator, subject_mount, credential, Some(&input.description())).await
    }

    /// Explains the decision on the request with this credential, after a description of the sealed text
    /// that the credential is.
    async fn explain(
        &self,
        operator: &Operator,
        subject_mount: String,
        credential: CredentialToExplain<'_>,
        sealed: Option<&SealedDescription>,
    ) -> Result<ExitCode, String> {
        let request = RequestToExplain {
            credential,
            requirements: &self.require,
            method: self.method(),
            uri: &self.uri(),
            mcp: self.mcp.as_ref().map(McpCallArgument::call),
            client: self.client,
            root_tokens: if self.allow_root { RootTokens::Accepted } else { RootTokens::Rejected },
        };
        if let Some(note) = self.mcp_note() {
            print_status(note);
        }
        let session = &operator.session;
        let decision = explain(session, Requester::Operator, subject_mount, &request).await;
        let decision = decision.map_err(|unavailable| lookup_error(&unavailable))?;
        self.output.print(
            || self.as_json(&decision, sealed),
            |style| self.as_text(&decision, sealed, style),
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Explain {
    /// Returns the target of the request. An MCP call is sent to the endpoint of the resource, unless another
    /// target is given.
    fn uri(&self) -> HeaderValue {
        let endpoint = self.require.resource.as_ref().map(ResourceUri::path);
        let endpoint = endpoint.filter(|_| self.mcp.is_some() && self.uri == "/");
        endpoint
            .and_then(|path| HeaderValue::from_str(path).ok())
            .unwrap_or_else(|| self.uri.clone())
    }

    /// Returns the method of the request. MCP calls are sent by POST.
    fn method(&self) -> &HeaderValue {
        static POST: HeaderValue = HeaderValue::from_static("POST");
        if self.mcp.is_some() { &POST } else { &self.method }
    }

    /// Returns a note if the call and the requirements do not fit.
    fn mcp_note(&self) -> Option<&'static str> {
        match (&self.mcp, self.require.has_mcp()) {
            (None, true) => Some(
                "the route is for MCP clients: say with --mcp which call the request makes, such as \
                 --mcp tools/call/NAME",
            ),
            (Some(_), false) => Some(
                "without mcp=PATH in --require the call makes no difference: the route does not check it",
            ),
            _ => None,
        }
    }
}

/// Parses a value that a proxy could send in a header.
fn header_value(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_str(text)
        .ok()
        .filter(|value| value.to_str().is_ok_and(|text| !text.is_empty()))
        .ok_or("only visible ASCII characters are valid here; others have to be percent-encoded")
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// Returns the message for a failed lookup of the token.
fn lookup_error(unavailable: &Unavailable) -> String {
    let remedy = match unavailable.reason {
        UnavailableReason::NotReady => {
            "; your own token needs what policies/validator.hcl grants: update on \
             auth/token/lookup and sys/capabilities, read on identity/entity/id/+"
        }
        _ => "",
    };
    format!("the token lookup failed: {}{remedy}", unavailable.detail)
}
