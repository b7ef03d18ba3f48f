use std::{net::IpAddr, process::ExitCode};

use clap::Args;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::{
    auth::{AuthCheck, Refusal, RootTokens},
    cli::{
        operator::{Operator, OperatorArgs},
        output::{OutputArgs, TextStyle, align_columns},
        sources::ForExplain,
        token::read_token,
        usage_error,
    },
    config::Settings,
    diagnostics::{ExplainedDecision, MatchedRule, RequestToExplain, RuleTrace, explain},
    requirements::Requirements,
    token::{TokenEntry, Unavailable, UnavailableReason},
};

/// Explain the decision that `/validate` would make on a request.
///
/// The token is read from standard input, or from a prompt on a terminal; it is never an argument,
/// which every user of the machine could see. Requests to Vault use the operator's own token, which
/// needs the access that the policy `validator` grants. `/validate` always rejects the service's own
/// token, which this command does not recognise.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator explain --require 'tenant=acme&policy=crm-agent' < token-file
  vault-auth-validator explain --method POST --uri /contacts --require acl_uri=route/crm --output json")]
pub(super) struct Explain {
    /// The route's requirements, as written after `/validate?` in the proxy's configuration.
    #[arg(long, value_name = "QUERY", default_value = "", value_parser = Requirements::parse)]
    require: Requirements,
    /// The method of the request.
    #[arg(long, default_value = "GET", value_parser = header_value)]
    method: HeaderValue,
    /// The target of the request.
    #[arg(long, default_value = "/", value_parser = header_value)]
    uri: HeaderValue,
    /// The host of the request, for display only: it has no effect on the decision.
    #[arg(long)]
    host: Option<String>,
    /// The address of the client; a token may be bound to certain addresses.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// Accept root tokens, as with `VALIDATOR_ALLOW_ROOT=true`.
    #[arg(long)]
    allow_root: bool,
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
        let subject_mount = match Settings::load_subject_mount(self.operator.clone().sources()) {
            Ok(mount) => mount,
            Err(faults) => return usage_error(faults),
        };
        let operator = self.operator.clone();
        operator.run(async |operator| self.explain(operator, subject_mount).await)
    }

    async fn explain(&self, operator: Operator, subject_mount: String) -> Result<ExitCode, String> {
        let token = match read_token() {
            Ok(token) => token,
            Err(error) => return Ok(usage_error(format!("the token cannot be read: {error}"))),
        };
        let request = RequestToExplain {
            token: token.trim(),
            requirements: &self.require,
            method: &self.method,
            uri: &self.uri,
            client: self.client,
            root_tokens: if self.allow_root { RootTokens::Accepted } else { RootTokens::Rejected },
        };
        let decision = explain(&operator.session, subject_mount, &request).await;
        let decision = decision.map_err(|unavailable| lookup_error(&unavailable))?;
        self.output.print(|| self.as_json(&decision), |style| self.as_text(&decision, style));
        Ok(ExitCode::SUCCESS)
    }

    fn as_text(&self, decision: &ExplainedDecision, style: &TextStyle) -> String {
        let request = format!(
            "{} {}{}",
            text(&self.method),
            self.host.as_deref().map(|host| format!("https://{host}")).unwrap_or_default(),
            text(&self.uri)
        );
        let verdict = match &decision.explanation.outcome {
            Ok(()) => format!("{}  200", style.success("allowed")),
            Err(refusal) => {
                let terms = refusal.problem_spec();
                let status = terms.status.as_u16();
                format!("{}  {status} {}: {}", style.error("refused"), terms.code, terms.title)
            }
        };
        let checks = decision.explanation.checks.iter().zip(&decision.traces);
        let rows: Vec<_> =
            checks.flat_map(|(check, trace)| rows_of(check, trace.as_ref(), style)).collect();
        format!("{request}\n{verdict}\n\n{}", align_columns(&rows))
    }

    fn as_json(&self, decision: &ExplainedDecision) -> Value {
        let explanation = &decision.explanation;
        let terms = explanation.outcome.as_ref().err().map(Refusal::problem_spec);
        let checks = explanation.checks.iter().zip(&decision.traces).map(|(check, trace)| {
            json!({
                "check": check.name,
                "ok": check.outcome.is_ok(),
                "code": check.outcome.as_ref().err().map(|refusal| refusal.problem_spec().code),
                "because": check.reason,
                "path": check.path,
                "spoken": trace.as_ref().map(trace_as_json),
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
            "caller": explanation.entry.as_deref().map(caller_as_json),
            "checks": checks.collect::<Vec<_>>(),
        })
    }
}

/// Returns the row of a check, and one for each rule that decided.
fn rows_of(check: &AuthCheck, trace: Option<&RuleTrace>, style: &TextStyle) -> Vec<[String; 3]> {
    let outcome = match &check.outcome {
        Ok(()) => style.success("ok"),
        Err(_) => style.error("no"),
    };
    let row = [outcome, check.name.clone(), check.reason.clone()];
    let lines = trace.map(trace_lines).unwrap_or_default();
    let lines = lines.into_iter().map(|line| [String::new(), String::new(), line]);
    std::iter::once(row).chain(lines).collect()
}

/// Returns a line for each rule that decided.
fn trace_lines(trace: &RuleTrace) -> Vec<String> {
    match trace {
        RuleTrace::Matched(rules) => rules
            .iter()
            .map(|MatchedRule { policy, line, path, capabilities }| {
                format!(
                    "policy {policy}, line {line}: path \"{path}\" with capabilities {capabilities}"
                )
            })
            .collect(),
        RuleTrace::NoMatch => vec!["no rule of the caller's policies matches it".to_owned()],
        RuleTrace::Unknown(why) => vec![format!("the deciding policy is unknown: {why}")],
    }
}

fn trace_as_json(trace: &RuleTrace) -> Value {
    match trace {
        RuleTrace::Matched(rules) => rules
            .iter()
            .map(|MatchedRule { policy, line, path, capabilities }| {
                json!({ "policy": policy, "line": line, "path": path, "grants": capabilities })
            })
            .collect(),
        RuleTrace::NoMatch => json!([]),
        RuleTrace::Unknown(why) => json!({ "unknown": why }),
    }
}

fn caller_as_json(entry: &TokenEntry) -> Value {
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
