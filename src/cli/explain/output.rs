//! The output of `explain`, as text and as JSON.

use serde_json::{Value, json};

use super::{Explain, mcp_call::McpCallArgument, sealed::SealedDescription, text};
use crate::{
    auth::{AuthCheck, Refusal},
    cli::output::{TextStyle, align_columns},
    diagnostics::{ExplainedDecision, MatchedRule, RuleTrace},
    token::TokenEntry,
};

impl Explain {
    pub(super) fn as_text(
        &self,
        decision: &ExplainedDecision,
        sealed: Option<&SealedDescription>,
        style: &TextStyle,
    ) -> String {
        let sealed = sealed.map(|sealed| sealed_text(sealed, decision)).unwrap_or_default();
        let host = self.host.as_deref().map(|host| format!("https://{host}")).unwrap_or_default();
        let call = self.mcp.as_ref().map(|mcp| format!(" {}", mcp.call())).unwrap_or_default();
        let request = format!("{} {host}{}{call}", text(self.method()), text(&self.uri()));
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
        format!("{sealed}{request}\n{verdict}\n\n{}", align_columns(&rows))
    }

    pub(super) fn as_json(
        &self,
        decision: &ExplainedDecision,
        sealed: Option<&SealedDescription>,
    ) -> Value {
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
        let mut report = json!({
            "request": {
                "method": text(self.method()),
                "host": self.host,
                "uri": text(&self.uri()),
                "client": self.client,
                "mcp": self.mcp.as_ref().map(mcp_as_json),
            },
            "allowed": explanation.outcome.is_ok(),
            "status": terms.map_or(200, |terms| terms.status.as_u16()),
            "code": terms.map(|terms| terms.code),
            "caller": explanation.entry.as_deref().map(caller_as_json),
            "checks": checks.collect::<Vec<_>>(),
        });
        if let Some(sealed) = sealed {
            report["sealed"] = sealed.json.clone();
        }
        report
    }
}

fn mcp_as_json(mcp: &McpCallArgument) -> Value {
    let call = mcp.call();
    json!({ "method": call.method, "name": call.name })
}

/// Describes a sealed text, and the caller whose token it has.
fn sealed_text(sealed: &SealedDescription, decision: &ExplainedDecision) -> String {
    let caller = decision.explanation.entry.as_deref().map(describe_caller);
    let rows = [("sealed", Some(sealed.text.clone())), ("caller", caller)];
    let rows = rows.into_iter().filter_map(|(name, text)| Some([name.to_owned(), text?]));
    format!("{}\n\n", align_columns(&rows.collect::<Vec<_>>()))
}

fn describe_caller(entry: &TokenEntry) -> String {
    let identity = &entry.identity;
    let subject = identity.subject().unwrap_or_default();
    let tenant = match identity.tenant() {
        Some(tenant) => format!("of the tenant {tenant}"),
        None => "without a tenant".to_owned(),
    };
    let policies = identity.policies().collect::<Vec<_>>().join(", ");
    let ends = match identity.expires() {
        Some(expires) => format!("the token expires {expires} unless it is renewed"),
        None => "the token never expires".to_owned(),
    };
    format!("{subject} {tenant}, with the policies {policies}; {ends}")
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
