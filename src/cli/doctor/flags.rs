//! What is to be looked at besides Vault.

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

use super::proxy::Site;
use crate::{
    cli::token::{first_line, read_token},
    policies::{PolicySet, Source, shipped},
    probe::Trust,
    token::Credential,
};

/// The proxy in front.
#[derive(Args)]
#[command(next_help_heading = "The proxy")]
pub(super) struct ProxyArgs {
    /// Where clients reach Caddy.
    #[arg(long, value_name = "URL")]
    caddy: Option<Url>,
    /// A host that is guarded; the URL's own if none is given.
    #[arg(long, requires = "caddy", value_parser = host)]
    host: Option<Authority>,
    /// A path behind the guard.
    #[arg(long, default_value = "/", value_parser = path)]
    path: String,
    /// A path at which the application answers with the headers that it received.
    #[arg(long, value_name = "PATH", requires = "caddy_token", value_parser = path)]
    echo: Option<String>,
    /// A file with the token of somebody who may come in; - for standard input or a prompt.
    #[arg(long, value_name = "FILE", requires = "caddy")]
    caddy_token: Option<PathBuf>,
    /// A PEM file of the authorities to trust instead of the system's.
    #[arg(long, value_name = "FILE", requires = "caddy")]
    caddy_cacert: Option<PathBuf>,
}

impl ProxyArgs {
    /// The site that is to be looked at, if there is one.
    pub(super) fn site(self) -> Result<Option<Site>, String> {
        let Some(url) = self.caddy else { return Ok(None) };
        let host = match self.host {
            Some(host) => host,
            None => host(&url[url::Position::BeforeHost..url::Position::AfterPort])
                .map_err(|_| "--caddy names no host")?,
        };
        let authorization = self.caddy_token.as_deref().map(authorization).transpose()?;
        let trust = self.caddy_cacert.map_or(Trust::System, Trust::Only);
        let (path, echo) = (self.path, self.echo);
        Ok(Some(Site { url, host, trust, path, echo, authorization }))
    }
}

/// The header of somebody with the token in this file.
fn authorization(file: &Path) -> Result<HeaderValue, String> {
    let token = if file == Path::new("-") {
        read_token().map_err(|error| format!("no token: {error}"))?
    } else {
        // Somebody may have put the token itself there. It has no slash, and a path has one.
        let opened = File::open(file).and_then(first_line);
        opened.map_err(|error| match file.components().count() {
            0 | 1 => format!("--caddy-token has to be the path of a file, or -: {error}"),
            _ => format!("--caddy-token: {}: {error}", file.display()),
        })?
    };
    let token = token.trim();
    Credential::from_text(token).ok_or("what --caddy-token holds cannot be a token")?;
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut header = HeaderValue::from_str(&bearer).map_err(|error| error.to_string())?;
    header.set_sensitive(true);
    Ok(header)
}

/// A host, as it stands in a request.
fn host(text: &str) -> Result<Authority, &'static str> {
    let wrong = "it is no host, such as acme.crm.example.com";
    let host: Authority = text.parse().map_err(|_| wrong)?;
    if host.as_str().contains('@') { Err(wrong) } else { Ok(host) }
}

/// The path of a request, without a query.
fn path(text: &str) -> Result<String, &'static str> {
    let wrong = "a path begins with `/`, and has no `?` and nothing that is not ASCII";
    let plain = text.starts_with('/') && text.is_ascii() && !text.contains(['?', '#', ' ']);
    let read = PathAndQuery::try_from(text).map_err(|_| wrong)?;
    plain.then(|| read.as_str().to_owned()).ok_or(wrong)
}

/// The policies that Vault should have.
pub(super) fn shipped_or(folder: Option<&Path>) -> Result<PolicySet, String> {
    let sources = match folder {
        None => shipped::policies(),
        Some(folder) => Source::read_all(folder, "hcl").map_err(|error| error.to_string())?,
    };
    let (set, findings) = PolicySet::read(sources);
    match findings.first() {
        None if set.is_empty() => {
            Err("--policies: there is no policy in it, no NAME.hcl".to_owned())
        }
        None => Ok(set),
        Some(finding) => Err(format!("--policies: {}\n{finding}", finding.message)),
    }
}
