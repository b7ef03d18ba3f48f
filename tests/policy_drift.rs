//! The comparison of the policies in Vault with files, in the background.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    expect::granted,
    support::{
        bao::Bao,
        fault::{Fault, FaultProxy},
        http, metrics,
        platform::{self, Tenant},
        tools::repository,
        validator::Validator,
        wait::eventually,
    },
};

const DEADLINE: Duration = Duration::from_secs(20);

/// The gauge of the differences.
const GAUGE: &str = "vault_auth_policy_drift";

/// The name of the folder with the expected policies.
const FOLDER: &str = "policies";

const DIFFER: &str = "policies in Vault differ from their files";
const EQUAL: &str = "policies in Vault no longer differ from their files";
const FAILED: &str = "policies in Vault cannot be compared with their files";
const RECOVERED: &str = "policies in Vault are compared with their files again";

/// A validator that compares the policies about every second. Fields are in the order in which they
/// are to be stopped.
struct Compared {
    validator: Validator,
    fault: FaultProxy,
    bao: Bao,
    acme: Tenant,
    /// Contains the folder with the expected policies.
    dir: TempDir,
}

impl Compared {
    /// Starts it on a Vault with the policies of the folder. Its AppRole has these policies.
    async fn start(policies: &[&str]) -> Self {
        let bao = Bao::dev().await;
        let role = platform::provision(&bao).await;
        let settings = json!({ "token_policies": policies });
        bao.must("POST", "auth/approle/role/validator", Some(settings)).await;
        let acme = platform::create_tenant(&bao, "acme").await;
        let fault = FaultProxy::start(&bao.authority()).await;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let folder = dir.path().join(FOLDER);
        fs::create_dir(&folder).expect("a folder");
        copy_policies(&folder);
        let validator = Validator::start(
            &bao,
            &role,
            &[
                ("VAULT_ADDR", &fault.addr()),
                ("VALIDATOR_POLICY_DRIFT_DIR", folder.to_str().expect("text")),
                ("VALIDATOR_POLICY_DRIFT_INTERVAL", "1s"),
            ],
        )
        .await;
        Self { validator, fault, bao, acme, dir }
    }

    /// Starts it with the needed policies, and waits until the policies are found equal.
    async fn start_equal() -> Self {
        let compared = Self::start(&["validator", "validator-drift"]).await;
        compared.differences([0, 0, 0]).await;
        compared
    }

    async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.validator.admin_url());
        http::send(&http::client(), "GET", &url, &[], None).await.expect("/metrics").body
    }

    /// Waits for these numbers of changed, missing and extra policies.
    async fn differences(&self, expected: [u32; 3]) {
        eventually(DEADLINE, &format!("the differences {expected:?}"), async || {
            let text = self.metrics().await;
            let found = ["changed", "missing", "extra"].map(|kind| {
                let series = format!("{GAUGE}{{kind=\"{kind}\"}}");
                format!("{:.0}", metrics::sum(&text, &series))
            });
            (text.contains(GAUGE) && found == expected.map(|number| number.to_string()))
                .then_some(())
        })
        .await;
    }

    async fn checks(&self, outcome: &str) -> u64 {
        let series = format!("vault_auth_policy_drift_checks_total{{outcome=\"{outcome}\"}}");
        self.validator.count(&series).await
    }

    /// Waits for two more comparisons with this outcome.
    async fn two_more(&self, outcome: &str) {
        let before = self.checks(outcome).await;
        eventually(DEADLINE, "two comparisons", async || {
            (self.checks(outcome).await >= before + 2).then_some(())
        })
        .await;
    }

    /// Returns the log lines with this message.
    fn logged(&self, message: &str) -> Vec<Value> {
        let log = self.validator.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"] == message).collect()
    }

    /// Replaces the folder by a new one in one step, so that no comparison reads a part of it.
    fn replace_folder(&self, fill: impl FnOnce(&Path)) {
        let [folder, next, old] = [FOLDER, "next", "old"].map(|name| self.dir.path().join(name));
        fs::create_dir(&next).expect("a folder");
        fill(&next);
        if folder.exists() {
            fs::rename(&folder, &old).expect("it is moved away");
            fs::remove_dir_all(old).expect("it is removed");
        }
        fs::rename(next, folder).expect("it is moved here");
    }

    async fn is_unaffected(&self) {
        let headers = [("x-vault-token", self.acme.token())];
        granted(&self.validator.validate("tenant=acme", &headers).await);
    }
}

fn copy_policies(folder: &Path) {
    for entry in fs::read_dir(repository("policies")).expect("policies/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "hcl") {
            fs::copy(&path, folder.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_reported_until_they_end() {
    let compared = Compared::start_equal().await;
    let bao = &compared.bao;
    let tenant = fs::read_to_string(repository("policies/tenant.hcl")).expect("a policy");
    platform::set_policy(bao, "tenant", &format!("# another comment\n{tenant}")).await;
    compared.two_more("ok").await;
    compared.differences([0, 0, 0]).await;
    assert_eq!(compared.logged(DIFFER), Vec::<Value>::new(), "comments are no difference");

    let rule = "path \"canary/+\" { capabilities = [\"read\"] }";
    platform::set_policy(bao, "tenant", &format!("{tenant}\n{rule}")).await;
    compared.differences([1, 0, 0]).await;
    bao.must("DELETE", "sys/policies/acl/staff", None).await;
    compared.differences([1, 1, 0]).await;
    platform::set_policy(bao, "foreign", rule).await;
    compared.differences([1, 1, 1]).await;
    compared.two_more("ok").await;
    let lines = compared.logged(DIFFER);
    let names = |line: &Value| {
        ["changed", "missing", "extra"].map(|kind| line[kind].as_str().map(str::to_owned))
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(
        lines.iter().map(names).collect::<Vec<_>>(),
        [
            [some("tenant"), None, None],
            [some("tenant"), some("staff"), None],
            [some("tenant"), some("staff"), some("foreign")],
        ]
    );
    assert!(!compared.validator.log().contains("canary"), "contents are not logged");
    compared.is_unaffected().await;

    platform::load_policies(bao).await;
    bao.must("DELETE", "sys/policies/acl/foreign", None).await;
    compared.differences([0, 0, 0]).await;
    assert_eq!(compared.logged(EQUAL).len(), 1);
    assert_eq!(compared.logged(FAILED), Vec::<Value>::new());
    let checked = compared.validator.metric(&format!("{GAUGE}_checked_timestamp_seconds")).await;
    assert!(checked > 1.7e9, "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_comparison_finds_nothing() {
    let compared = Compared::start(&["validator"]).await;
    compared.two_more("failed").await;
    let text = compared.metrics().await;
    assert!(!text.contains(&format!("{GAUGE}{{")), "the differences are unknown: {text}");
    assert!(!text.contains(&format!("{GAUGE}_checked_timestamp_seconds ")), "{text}");
    assert_eq!(compared.checks("ok").await, 0);
    let lines = compared.logged(FAILED);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let reason = lines[0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("cannot list policies: "), "{reason}");
    let remedy = "needs list on sys/policies/acl, as policies/validator-drift.hcl has it";
    assert!(reason.ends_with(remedy), "{reason}");
    compared.is_unaffected().await;
    compared.validator.ready().await;
    let logins = compared.bao.audited("auth/approle/login");
    assert_eq!(logins, 2, "the tenant and the service log in once");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_comparison_keeps_differences() {
    let compared = Compared::start_equal().await;
    platform::set_policy(&compared.bao, "foreign", "path \"a\" { capabilities = [\"read\"] }")
        .await;
    compared.differences([0, 0, 1]).await;
    compared.bao.seal().await;
    compared.two_more("failed").await;
    compared.differences([0, 0, 1]).await;
    let lines = compared.logged(FAILED);
    let reason = lines.last().expect("a line")["reason"].to_string();
    assert!(reason.contains("sealed"), "{reason}");
    compared.bao.unseal().await;
    compared.two_more("ok").await;
    assert_eq!(compared.logged(RECOVERED).len(), 1);
    compared.differences([0, 0, 1]).await;
    assert_eq!(compared.logged(DIFFER).len(), 1, "the same differences are logged once");

    // One policy that cannot be read: neither missing nor equal.
    compared.fault.set_for("GET /v1/sys/policies/acl/tenant", Fault::Garbage).await;
    compared.two_more("failed").await;
    compared.differences([0, 0, 1]).await;
    compared.is_unaffected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_folder_is_no_difference() {
    let compared = Compared::start_equal().await;
    compared.replace_folder(|folder| {
        copy_policies(folder);
        fs::write(folder.join("tenant.hcl"), "path \"a\" {").expect("a file");
    });
    compared.two_more("failed").await;
    compared.replace_folder(|_| ());
    compared.two_more("failed").await;
    fs::remove_dir(compared.dir.path().join(FOLDER)).expect("the folder is removed");
    compared.two_more("failed").await;
    compared.differences([0, 0, 0]).await;
    let reasons: Vec<String> =
        compared.logged(FAILED).iter().map(|line| line["reason"].to_string()).collect();
    for expected in ["tenant.hcl:1:", "no *.hcl files found", "No such file or directory"] {
        assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:?}");
    }
    compared.is_unaffected().await;
    compared.replace_folder(copy_policies);
    compared.two_more("ok").await;
    compared.differences([0, 0, 0]).await;
    assert_eq!(compared.logged(RECOVERED).len(), 1);
    assert_eq!(compared.logged(DIFFER), Vec::<Value>::new());
}
