use std::{net::IpAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::{
    cli::{
        misused,
        operator::{Operator, OperatorArgs},
        output::{Output, Style, columns},
        provenance::{Provenance, Word},
        sources::ForExplain,
        token::read_token,
    },
    config::Settings,
    decision::{Asked, Check, Explanation, Failures, Refusal, RootTokens, Validator},
    forwarded::{Forwarded, HeaderFamily, Peer, Trust},
    requirement::Requirements,
    token::{CacheSettings, Cause, Credential, CredentialError, Entry, FactsCache, Unavailable},
    vault::{Asker, Records, VaultAuthority},
};

/// Say what `/validate` would decide on a request, and why.
///
/// The token is read from standard input, or asked for on a terminal; it is never an argument,
/// which every user of the machine could see. Vault is asked with the operator's own token, which
/// needs what the policy `validator` grants. The service's own token, which is refused everywhere,
/// is not known here for what it is.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator explain --require 'tenant=acme&policy=crm-agent' < token-file
  vault-auth-validator explain --method POST --uri /contacts --require acl_uri=route/crm --output json")]
pub(super) struct Explain {
    /// The route's requirements, as they stand behind `/validate?` in the proxy's configuration.
    #[arg(long, value_name = "QUERY", default_value = "", value_parser = Requirements::parse)]
    require: Requirements,
    /// The method of the request.
    #[arg(long, default_value = "GET", value_parser = field)]
    method: HeaderValue,
    /// The target of the request.
    #[arg(long, default_value = "/", value_parser = field)]
    uri: HeaderValue,
    /// The host of the request, which is shown and has no say: requirements name their tenant.
    #[arg(long)]
    host: Option<String>,
    /// The address of the client; a token may be bound to some.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// Judge as `VALIDATOR_ALLOW_ROOT=true` does.
    #[arg(long)]
    allow_root: bool,
    #[command(flatten)]
    output: Output,
    /// Not taken; here so that what may be a token is not shown again as an unexpected argument.
    #[arg(hide = true)]
    argument: Vec<String>,
    #[command(flatten)]
    operator: OperatorArgs<ForExplain>,
}

/// An explanation is made once, and nothing of it is kept.
const NOTHING_KEPT: CacheSettings = CacheSettings {
    ttl: Duration::from_secs(10),
    negative_ttl: Duration::ZERO,
    stale_grace: Duration::ZERO,
    capacity: 1,
};

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        if !self.argument.is_empty() {
            return misused(
                "explain takes no argument besides its options: the token is read from standard \
                 input, and one that was an argument has been seen by others",
            );
        }
        let subject_mount = match Settings::load_subject_mount(self.operator.clone().sources()) {
            Ok(mount) => mount,
            Err(faults) => return misused(faults),
        };
        let operator = self.operator.clone();
        operator.run(async |operator| self.explain(operator, subject_mount).await)
    }

    async fn explain(&self, operator: Operator, subject_mount: String) -> Result<ExitCode, String> {
        let headers = self.headers();
        let trust = Trust { proxies: Vec::new(), family: HeaderFamily::Forwarded };
        let token = match read_token() {
            Ok(token) => token,
            Err(error) => return Ok(misused(format!("the token cannot be read: {error}"))),
        };
        let session = Arc::clone(&operator.session);
        let authority = VaultAuthority::new(session, Asker::Operator, subject_mount);
        let root_tokens = if self.allow_root { RootTokens::Allowed } else { RootTokens::Refused };
        let validator = Validator {
            cache: Arc::new(FactsCache::new(NOTHING_KEPT, Arc::new(authority))),
            root_tokens,
            failures: Failures::new(None),
            patience: Duration::from_mins(1),
        };
        let credential = match token.trim() {
            "" => Err(CredentialError::Missing),
            token => Credential::from_text(token).ok_or(CredentialError::Malformed),
        };
        let forwarded = Forwarded::new((&headers).into(), Peer::Local, &trust);
        let asked = Asked { credential, requirements: &self.require, forwarded };
        let explanation = validator.explain(&asked).await;
        if let Err(Refusal::Unavailable(unavailable)) = &explanation.outcome {
            return Err(why_unknown(unavailable));
        }
        let words = words(&explanation, &operator).await;
        self.output.print(
            || self.as_json(&explanation, &words),
            |style| self.as_text(&explanation, &words, style),
        );
        Ok(ExitCode::SUCCESS)
    }

    /// The request, in the words of a proxy.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-method", self.method.clone());
        headers.insert("x-forwarded-uri", self.uri.clone());
        // An address is always text that can stand in a header.
        let client = self.client.and_then(|client| client.to_string().try_into().ok());
        headers.extend(client.map(|client| (HeaderName::from_static("x-forwarded-for"), client)));
        headers
    }

    fn as_text(&self, explanation: &Explanation, words: &[Option<Word>], style: &Style) -> String {
        let request = format!(
            "{} {}{}",
            text(&self.method),
            self.host.as_deref().map(|host| format!("https://{host}")).unwrap_or_default(),
            text(&self.uri)
        );
        let verdict = match &explanation.outcome {
            Ok(()) => format!("{}  200", style.good("allowed")),
            Err(refusal) => {
                let terms = refusal.terms();
                let code = terms.status.as_u16();
                format!("{}  {code} {}: {}", style.bad("refused"), terms.code, terms.title)
            }
        };
        let rows = explanation.checks.iter().zip(words).flat_map(|(check, word)| {
            let outcome = match &check.outcome {
                Ok(()) => style.good("ok"),
                Err(_) => style.bad("no"),
            };
            let row = [outcome, check.what.clone(), check.because.clone()];
            let lines = word.as_ref().map(Word::lines).unwrap_or_default();
            let lines = lines.into_iter().map(|line| [String::new(), String::new(), line]);
            std::iter::once(row).chain(lines).collect::<Vec<_>>()
        });
        format!("{request}\n{verdict}\n\n{}", columns(&rows.collect::<Vec<_>>()))
    }

    fn as_json(&self, explanation: &Explanation, words: &[Option<Word>]) -> Value {
        let terms = explanation.outcome.as_ref().err().map(Refusal::terms);
        let checks = explanation.checks.iter().zip(words).map(|(check, word)| {
            json!({
                "check": check.what,
                "ok": check.outcome.is_ok(),
                "code": check.outcome.as_ref().err().map(|refusal| refusal.terms().code),
                "because": check.because,
                "path": check.path,
                "spoken": word.as_ref().map(Word::as_json),
            })
        });
        json!({
            "request": {
                "method": text(&self.method),
                "host": self.host,
                "uri": text(&self.uri),
                "client": self.client,
            },
            "allowed": explanation.outcome.is_ok(),
            "status": terms.map_or(200, |terms| terms.status.as_u16()),
            "code": terms.map(|terms| terms.code),
            "caller": explanation.entry.as_deref().map(caller),
            "checks": checks.collect::<Vec<_>>(),
        })
    }
}

/// For each path on which Vault granted too little: which of the caller's policies spoke.
async fn words(explanation: &Explanation, operator: &Operator) -> Vec<Option<Word>> {
    let denied = |check: &Check| check.path.clone().filter(|_| check.outcome.is_err());
    let paths: Vec<Option<String>> = explanation.checks.iter().map(denied).collect();
    let provenance = match &explanation.entry {
        Some(entry) if paths.iter().any(Option::is_some) => {
            Some(Provenance::of(&entry.identity, &Records::new(&operator.session)).await)
        }
        _ => None,
    };
    let word = |path: String| provenance.as_ref().map(|provenance| provenance.word(&path));
    paths.into_iter().map(|path| path.and_then(word)).collect()
}

/// What a proxy could send in a header.
fn field(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_str(text)
        .ok()
        .filter(|field| field.to_str().is_ok_and(|text| !text.is_empty()))
        .ok_or("a request has only visible ASCII characters there; others are percent-encoded")
}

fn text(field: &HeaderValue) -> &str {
    field.to_str().unwrap_or_default()
}

/// Why there is no decision to explain, and what to do about it.
fn why_unknown(unavailable: &Unavailable) -> String {
    let remedy = match unavailable.cause {
        Cause::NotReady => {
            "; your own token needs what policies/validator.hcl grants: update on \
             auth/token/lookup and sys/capabilities, read on identity/entity/id/+"
        }
        _ => "",
    };
    format!("Vault does not tell about the token: {}{remedy}", unavailable.detail)
}

fn caller(entry: &Entry) -> Value {
    let identity = &entry.identity;
    json!({
        "accessor": entry.accessor,
        "subject": identity.subject(),
        "entity_id": identity.entity_id(),
        "tenant": identity.tenant(),
        "policies": identity.policies().collect::<Vec<_>>(),
        "token_type": identity.token_type().as_str(),
        "expires": identity.expires(),
        "bound_cidrs": entry.bound_cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
