use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{dev::DevServer, folder::Folder};
use crate::{
    capabilities::Capabilities,
    cli::{
        operator::{Operator, OperatorArgs, block_on},
        output::{OutputArgs, TextStyle, align_columns, pluralize},
        print_error,
        signals::shutdown_signal,
    },
    policy::{Caller, Expectation, Policy, PolicySet, joined},
    vault::TestPrincipals,
};

/// Ask Vault whether policies grant what they should, and nothing that they should not.
///
/// What is expected stands in tests/*.toml. For each caller there, a token with copies of the policies,
/// an entity with the metadata, and groups that stand in for the caller's, are made in Vault, asked
/// about, and taken away again, also after Ctrl-C. The policies that Vault has are neither used nor changed. With --dev, a server that is
/// started for it, in memory, is asked instead.
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
pub(super) struct Test {
    #[command(flatten)]
    folder: Folder,
    /// Start a development server to ask, and end it afterwards.
    #[arg(long)]
    dev: bool,
    /// The server to start: OpenBao or HashiCorp Vault. Without it, `bao` or `vault` in PATH.
    #[arg(long, value_name = "PATH", requires = "dev")]
    bao: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// An expectation, and what Vault said.
struct Tried<'c> {
    caller: &'c Caller,
    expectation: &'c Expectation,
    granted: Capabilities,
}

impl Test {
    pub(super) fn run(self) -> ExitCode {
        // What lint finds is no reason not to try: it may be what the expectations are about.
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
                let stand_ins = TestPrincipals::new(&server.operator.session, &callers);
                let tried = try_all(&stand_ins, &set, &callers, &stop).await?;
                Ok(report(&tried, &set, output))
            });
        }
        self.operator.run(async |operator: Operator| {
            let stop = tokio::spawn(shutdown_signal());
            let stand_ins = TestPrincipals::new(&operator.session, &callers);
            let tried = try_all(&stand_ins, &set, &callers, &stop).await;
            for left in stand_ins.cleanup().await {
                print_error(format!(
                    "this could not be taken away again, please delete it: {left}"
                ));
            }
            Ok(report(&tried?, &set, output))
        })
    }
}

async fn try_all<'c>(
    stand_ins: &TestPrincipals<'_>,
    set: &PolicySet,
    callers: &'c [Caller],
    stop: &JoinHandle<()>,
) -> Result<Vec<Tried<'c>>, String> {
    let policies = set.iter().map(|(name, member)| (name.as_str(), &*member.source.text));
    stand_ins.copy_policies(policies).await?;
    let mut tried = Vec::new();
    for caller in callers {
        // Between two callers, so that no call is under way when all is taken away.
        if stop.is_finished() {
            return Err("stopped".to_owned());
        }
        let token = stand_ins.create_token(caller).await?;
        let paths: BTreeSet<&str> = caller.expectations.iter().map(|e| e.path.as_str()).collect();
        let paths: Vec<&str> = paths.into_iter().collect();
        let granted = stand_ins.capabilities(&token, &paths).await?;
        let on = |path: &str| paths.iter().zip(&granted).find(|(asked, _)| **asked == path);
        for expectation in &caller.expectations {
            let granted = on(&expectation.path).map(|(_, granted)| *granted).unwrap_or_default();
            tried.push(Tried { caller, expectation, granted });
        }
    }
    Ok(tried)
}

fn report(tried: &[Tried<'_>], set: &PolicySet, output: OutputArgs) -> ExitCode {
    let failed = tried.iter().filter(|tried| !tried.holds()).count();
    let named: BTreeSet<&str> =
        tried.iter().flat_map(|tried| &tried.caller.policies).map(String::as_str).collect();
    let untried: Vec<&str> =
        set.iter().map(|(name, _)| name.as_str()).filter(|name| !named.contains(name)).collect();
    let json = || {
        json!({
            "expectations": tried.iter().map(|tried| tried.as_json(set)).collect::<Vec<_>>(),
            "failed": failed,
            "untried": untried,
        })
    };
    output.print(json, |style| {
        let rows: Vec<_> = tried.iter().map(|tried| tried.row(set, style)).collect();
        let summary = format!(
            "{}, {} of {}",
            pluralize(tried.len(), "expectation"),
            pluralize(failed, "failure"),
            pluralize(set.len() - untried.len(), "policy")
        );
        let untried = match untried.as_slice() {
            [] => String::new(),
            untried => format!("\nnothing is expected of {}", untried.join(", ")),
        };
        format!("{}\n\n{summary}{untried}", align_columns(&rows))
    });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Tried<'_> {
    fn holds(&self) -> bool {
        self.expectation.wanted.holds(self.granted)
    }

    fn row(&self, set: &PolicySet, style: &TextStyle) -> [String; 5] {
        let Self { caller, expectation, granted } = self;
        let (outcome, because) = if self.holds() {
            (style.success("ok"), String::new())
        } else {
            let spoke = self.spoke(set).join("; ");
            let place = format!("{}:{}", caller.file, expectation.line);
            (style.error("no"), format!("{place}: Vault grants {granted} ({spoke})"))
        };
        let wanted = expectation.wanted.words();
        [outcome, caller.who.clone(), wanted, expectation.path.clone(), because]
    }

    fn as_json(&self, set: &PolicySet) -> Value {
        json!({
            "ok": self.holds(),
            "who": self.caller.who,
            "policies": self.caller.policies,
            "path": self.expectation.path,
            "expected": self.expectation.wanted.words(),
            "granted": self.granted.names(),
            "file": self.caller.file,
            "line": self.expectation.line,
            "spoke": if self.holds() { Vec::new() } else { self.spoke(set) },
        })
    }

    /// The rules that speak for the path, as far as they are in the files.
    fn spoke(&self, set: &PolicySet) -> Vec<String> {
        let named = self.caller.policies.iter().filter_map(|name| Some((name, set.get(name)?)));
        let named: Vec<_> = named.collect();
        let policies: Vec<&Policy> = named.iter().map(|(_, member)| &member.policy).collect();
        let fill = |selector: &str| self.caller.value(selector);
        let verdict = joined(&policies, &self.expectation.path, &fill).ok().flatten();
        let speakers = verdict.map(|verdict| verdict.sources).unwrap_or_default();
        if speakers.is_empty() {
            return vec!["no rule of the files speaks".to_owned()];
        }
        let words = speakers.iter().filter_map(|speaker| {
            let (_, member) = named.get(speaker.policy)?;
            let path = speaker.rule.path();
            let written = path.value.escape_debug();
            Some(format!("{}:{} path \"{written}\"", member.source.file, path.at.line))
        });
        words.collect()
    }
}
