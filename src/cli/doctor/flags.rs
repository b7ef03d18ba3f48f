//! The arguments that are read before the diagnostics run: the proxy and the policies.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use clap::Args;
use http::{
    HeaderValue,
    uri::{Authority, PathAndQuery},
};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    cli::token::{read_first_line, read_token},
    diagnostics::Site,
    policy::{PolicySet, PolicySource, builtin},
    probe::TrustRoots,
    token::Credential,
};

/// The arguments about the proxy.
#[derive(Args)]
#[command(next_help_heading = "The proxy")]
pub(super) struct ProxyArgs {
    /// The URL at which clients reach Caddy.
    #[arg(long, value_name = "URL")]
    caddy: Option<Url>,
    /// A guarded host; by default that of the URL.
    #[arg(long, requires = "caddy", value_parser = host)]
    host: Option<Authority>,
    /// A path behind the guard.
    #[arg(long, default_value = "/", value_parser = path)]
    path: String,
    /// A path at which the application returns the request headers.
    #[arg(long, value_name = "PATH", requires = "caddy_token", value_parser = path)]
    echo: Option<String>,
    /// A file with the token of a caller with access; - for standard input or a prompt. With
    /// `VALIDATOR_RESOURCES` it is also sent to the MCP servers, if the guard is in front of them.
    #[arg(long, value_name = "FILE", requires = "caddy")]
    caddy_token: Option<PathBuf>,
    /// A PEM file with the certificate authorities to trust instead of the system's.
    #[arg(long, value_name = "FILE", requires = "caddy")]
    caddy_cacert: Option<PathBuf>,
}

impl ProxyArgs {
    /// Returns the site to probe, if --caddy is given.
    pub(super) fn site(self) -> Result<Option<Site>, String> {
        let Some(url) = self.caddy else { return Ok(None) };
        let host = match self.host {
            Some(host) => host,
            None => host(&url[url::Position::BeforeHost..url::Position::AfterPort])
                .map_err(|_| "--caddy has no host")?,
        };
        let authorization = self.caddy_token.as_deref().map(authorization).transpose()?;
        let trust = self.caddy_cacert.map_or(TrustRoots::System, TrustRoots::CaFile);
        let (path, echo) = (self.path, self.echo);
        Ok(Some(Site { url, host, trust, path, echo, authorization }))
    }
}

/// Returns the `Authorization` header for the token in this file.
fn authorization(file: &Path) -> Result<HeaderValue, String> {
    let token = if file == Path::new("-") {
        read_token().map_err(|error| format!("the token cannot be read: {error}"))?
    } else {
        // The argument may be the token itself, and must not be shown then. A token contains no
        // slash, a path does.
        let opened = File::open(file).and_then(read_first_line);
        opened.map_err(|error| match file.components().count() {
            0 | 1 => format!("--caddy-token has to be the path of a file, or -: {error}"),
            _ => format!("--caddy-token: {}: {error}", file.display()),
        })?
    };
    let token = token.trim();
    Credential::from_text(token).ok_or("the content of --caddy-token is not a valid token")?;
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut header = HeaderValue::from_str(&bearer).map_err(|error| error.to_string())?;
    header.set_sensitive(true);
    Ok(header)
}

/// Parses the value of a `Host` header.
fn host(text: &str) -> Result<Authority, &'static str> {
    let message = "not a host (expected for example acme.crm.example.com)";
    let host: Authority = text.parse().map_err(|_| message)?;
    if host.as_str().contains('@') { Err(message) } else { Ok(host) }
}

/// Parses a request path without a query.
fn path(text: &str) -> Result<String, &'static str> {
    let message = "not a path (expected `/` and ASCII characters other than `?`, `#` and space)";
    let plain = text.starts_with('/') && text.is_ascii() && !text.contains(['?', '#', ' ']);
    let read = PathAndQuery::try_from(text).map_err(|_| message)?;
    plain.then(|| read.as_str().to_owned()).ok_or(message)
}

/// Reads the policies of a directory, or returns the built-in ones.
pub(super) fn read_policies(folder: Option<&Path>) -> Result<PolicySet, String> {
    let sources = match folder {
        None => builtin::policies(),
        Some(folder) => {
            PolicySource::read_all(folder, "hcl").map_err(|error| format!("--policies: {error}"))?
        }
    };
    let (set, findings) = PolicySet::read(sources);
    match findings.first() {
        None => Ok(set),
        Some(finding) => Err(format!("--policies: {}\n{finding}", finding.message)),
    }
}
