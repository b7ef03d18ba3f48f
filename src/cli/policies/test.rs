use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{dev::DevServer, folder::PolicyFolder};
use crate::{
    capabilities::Capabilities,
    cli::{
        operator::{Operator, OperatorArgs, block_on},
        output::{OutputArgs, TextStyle, align_columns, pluralize},
        print_error,
        signals::shutdown_signal,
    },
    policy::{Expectation, Policy, PolicySet, TestCaller, evaluate},
    vault::TestPrincipals,
};

/// Test in Vault that policies grant exactly the expected access.
///
/// Expectations are read from tests/*.toml. For each caller, a token with copies of the policies,
/// an entity with the metadata, and test groups are created in Vault, queried, and deleted again,
/// also after Ctrl-C. The policies in Vault are neither used nor changed. With --dev, an in-memory
/// development server is started and queried instead.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator policies test --dev policies/
  VAULT_ADDR=https://vault:8200 vault-auth-validator policies test policies/

A file of expectations:
  [[caller]]
  who = \"a service of acme\"
  policies = [\"tenant\", \"default\"]
  metadata.tenant = \"acme\"
  groups.sales.metadata.area = \"south\"
  may.read = [\"secret/data/tenants/acme/crm\"]
  may_not.update = [\"secret/data/tenants/acme/crm\"]
  may_not.any = [\"secret/data/tenants/globex/crm\"]")]
pub(super) struct TestArgs {
    #[command(flatten)]
    folder: PolicyFolder,
    /// Start a development server for the test, and stop it afterwards.
    #[arg(long)]
    dev: bool,
    /// The server program to start: OpenBao or HashiCorp Vault [default: `bao` or `vault` in PATH]
    #[arg(long, value_name = "PATH", requires = "dev")]
    bao: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// An expectation, and the capabilities that Vault granted.
struct ExpectationResult<'c> {
    caller: &'c TestCaller,
    expectation: &'c Expectation,
    granted: Capabilities,
}

impl TestArgs {
    pub(super) fn run(self) -> ExitCode {
        // Lint findings are ignored: the expectations may be about them.
        let read = self.folder.readable().and_then(|set| {
            let callers = self.folder.expectations(&set)?;
            Ok((callers, set))
        });
        let (callers, set) = match read {
            Ok(read) => read,
            Err(error) => return error.exit(self.output),
        };
        let output = self.output;
        if self.dev {
            return block_on(async || {
                let stop = tokio::spawn(shutdown_signal());
                let server = DevServer::start(self.bao.as_deref(), &stop).await?;
                let principals = TestPrincipals::new(&server.operator.session, &callers);
                let results = test_all(&principals, &set, &callers, &stop).await?;
                Ok(report(&results, &set, output))
            });
        }
        self.operator.run(async |operator: Operator| {
            let stop = tokio::spawn(shutdown_signal());
            let principals = TestPrincipals::new(&operator.session, &callers);
            let results = test_all(&principals, &set, &callers, &stop).await;
            for left in principals.cleanup().await {
                print_error(format!("cleanup failed, please delete it: {left}"));
            }
            Ok(report(&results?, &set, output))
        })
    }
}

async fn test_all<'c>(
    principals: &TestPrincipals<'_>,
    set: &PolicySet,
    callers: &'c [TestCaller],
    stop: &JoinHandle<()>,
) -> Result<Vec<ExpectationResult<'c>>, String> {
    let policies = set.iter().map(|(name, file)| (name.as_str(), &*file.source.text));
    principals.copy_policies(policies).await?;
    let mut results = Vec::new();
    for caller in callers {
        // Checked between two callers, so that no request is in flight during cleanup.
        if stop.is_finished() {
            return Err("stopped".to_owned());
        }
        let token = principals.create_token(caller).await?;
        let paths: BTreeSet<&str> = caller.expectations.iter().map(|e| e.path.as_str()).collect();
        let paths: Vec<&str> = paths.into_iter().collect();
        let granted = principals.capabilities(&token, &paths).await?;
        let on = |path: &str| paths.iter().zip(&granted).find(|(asked, _)| **asked == path);
        for expectation in &caller.expectations {
            let granted = on(&expectation.path).map(|(_, granted)| *granted).unwrap_or_default();
            results.push(ExpectationResult { caller, expectation, granted });
        }
    }
    Ok(results)
}

fn report(results: &[ExpectationResult<'_>], set: &PolicySet, output: OutputArgs) -> ExitCode {
    let failed = results.iter().filter(|result| !result.is_met()).count();
    let named: BTreeSet<&str> =
        results.iter().flat_map(|result| &result.caller.policies).map(String::as_str).collect();
    let untested: Vec<&str> =
        set.iter().map(|(name, _)| name.as_str()).filter(|name| !named.contains(name)).collect();
    let json = || {
        json!({
            "expectations": results.iter().map(|result| result.as_json(set)).collect::<Vec<_>>(),
            "failed": failed,
            "untried": untested,
        })
    };
    output.print(json, |style| {
        let rows: Vec<_> = results.iter().map(|result| result.row(set, style)).collect();
        let summary = format!(
            "{}, {} of {}",
            pluralize(results.len(), "expectation"),
            pluralize(failed, "failure"),
            pluralize(set.len() - untested.len(), "policy")
        );
        let untested = match untested.as_slice() {
            [] => String::new(),
            untested => format!("\nno expectations for {}", untested.join(", ")),
        };
        format!("{}\n\n{summary}{untested}", align_columns(&rows))
    });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl ExpectationResult<'_> {
    fn is_met(&self) -> bool {
        self.expectation.expected.is_met(self.granted)
    }

    fn row(&self, set: &PolicySet, style: &TextStyle) -> [String; 5] {
        let Self { caller, expectation, granted } = self;
        let (outcome, because) = if self.is_met() {
            (style.success("ok"), String::new())
        } else {
            let rules = self.matched_rules(set).join("; ");
            let place = format!("{}:{}", caller.file, expectation.line);
            (style.error("no"), format!("{place}: Vault grants {granted} ({rules})"))
        };
        let expected = expectation.expected.describe();
        [outcome, caller.name.clone(), expected, expectation.path.clone(), because]
    }

    fn as_json(&self, set: &PolicySet) -> Value {
        json!({
            "ok": self.is_met(),
            "who": self.caller.name,
            "policies": self.caller.policies,
            "path": self.expectation.path,
            "expected": self.expectation.expected.describe(),
            "granted": self.granted.names(),
            "file": self.caller.file,
            "line": self.expectation.line,
            "spoke": if self.is_met() { Vec::new() } else { self.matched_rules(set) },
        })
    }

    /// Returns the effective rules for the path, as far as they are in the files.
    fn matched_rules(&self, set: &PolicySet) -> Vec<String> {
        let named = self.caller.policies.iter().filter_map(|name| Some((name, set.get(name)?)));
        let named: Vec<_> = named.collect();
        let policies: Vec<&Policy> = named.iter().map(|(_, file)| &file.policy).collect();
        let template_value = |selector: &str| self.caller.value(selector);
        let evaluation =
            evaluate(&policies, &self.expectation.path, &template_value).ok().flatten();
        let matches = evaluation.map(|evaluation| evaluation.rules).unwrap_or_default();
        if matches.is_empty() {
            return vec!["no rule in the files matches".to_owned()];
        }
        let words = matches.iter().filter_map(|matched| {
            let (_, file) = named.get(matched.policy)?;
            let path = matched.rule.path();
            let written = path.value.escape_debug();
            Some(format!("{}:{} path \"{written}\"", file.source.file, path.at.line))
        });
        words.collect()
    }
}
