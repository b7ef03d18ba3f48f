//! Policies that another client changes while a plan is applied.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use serde_json::json;
use vault_auth_validator::{
    policy::{
        ApplyOutcome, PolicyPlan, PolicySet, PolicySource, PolicyStore, PolicyStoreError,
        StoredPolicy, UnmanagedPolicies,
    },
    vault::{Client, ClientSettings, ServiceLogin, VaultPolicies, VaultSession},
};

use super::{reads, stored};
use crate::support::{bao::Bao, platform};

async fn session(bao: &Bao) -> Arc<VaultSession> {
    let settings = ClientSettings {
        addresses: bao.addr().parse::<url::Url>().expect("an address").into(),
        namespace: None,
        trust: vault_auth_validator::vault::TrustRoots::System,
        server_name: None,
        client_cert: None,
        timeout: Duration::from_secs(10),
    };
    let client = Client::new(&settings, Arc::default()).expect("a client");
    let session =
        Arc::new(VaultSession::new(Arc::new(client), ServiceLogin::Token(bao.root_token().into())));
    session.log_in().await.expect("a login");
    session
}

/// Returns policies with these names, each for reading this path.
fn set(path: &str, names: &[&str]) -> PolicySet {
    let source = |name: &&str| PolicySource::new(format!("{name}.hcl"), reads(path));
    let (set, findings) = PolicySet::read(names.iter().map(source).collect());
    assert_eq!(findings, []);
    set
}

async fn compute(
    set: &PolicySet,
    store: &impl PolicyStore,
    unmanaged: UnmanagedPolicies,
) -> PolicyPlan {
    PolicyPlan::compute(set, store, unmanaged).await.expect("a plan")
}

async fn apply(plan: &PolicyPlan, store: &impl PolicyStore) -> Vec<ApplyOutcome> {
    plan.apply(store, |_, _| ControlFlow::Continue(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_policy_is_not_overwritten() {
    let bao = Bao::dev().await;
    let session = session(&bao).await;
    let store = VaultPolicies::new(&session);
    platform::set_policy(&bao, "changed", &reads("a")).await;
    platform::set_policy(&bao, "deleted", &reads("a")).await;
    for name in ["changed", "created", "deleted"] {
        let plan = compute(&set("b", &[name]), &store, UnmanagedPolicies::Keep).await;
        match name {
            "deleted" => drop(bao.must("DELETE", "sys/policies/acl/deleted", None).await),
            name => platform::set_policy(&bao, name, &reads("theirs")).await,
        }
        assert_eq!(apply(&plan, &store).await, [ApplyOutcome::Conflict], "{name}");
    }
    assert_eq!(stored(&bao, "changed").await, Some(reads("theirs")));
    assert_eq!(stored(&bao, "created").await, Some(reads("theirs")));
    assert_eq!(stored(&bao, "deleted").await, None);

    // A changed policy is not deleted either.
    let plan = compute(&set("a", &["created"]), &store, UnmanagedPolicies::Prune).await;
    platform::set_policy(&bao, "changed", &reads("again")).await;
    assert_eq!(apply(&plan, &store).await, [ApplyOutcome::Done, ApplyOutcome::Conflict]);
    assert_eq!(stored(&bao, "changed").await, Some(reads("again")));
}

#[tokio::test(flavor = "multi_thread")]
async fn rewritten_policy_counts_as_changed() {
    let bao = Bao::dev().await;
    let session = session(&bao).await;
    let store = VaultPolicies::new(&session);
    platform::set_policy(&bao, "a", &reads("a")).await;
    let plan = compute(&set("b", &["a"]), &store, UnmanagedPolicies::Keep).await;
    platform::set_policy(&bao, "a", &reads("theirs")).await;
    platform::set_policy(&bao, "a", &reads("a")).await;
    assert_eq!(apply(&plan, &store).await, [ApplyOutcome::Conflict], "its version tells");
}

/// A fault of a write.
enum Mishap {
    /// Another client writes just before it.
    Conflict,
    /// The response is lost.
    AnswerLost,
    /// The request never arrives.
    Lost,
}

/// A store with such a fault.
struct Unlucky<'s> {
    store: VaultPolicies<'s>,
    bao: &'s Bao,
    mishap: Mishap,
}

impl PolicyStore for Unlucky<'_> {
    async fn names(&self) -> Result<Vec<String>, PolicyStoreError> {
        self.store.names().await
    }

    async fn read(&self, name: &str) -> Result<Option<StoredPolicy>, PolicyStoreError> {
        self.store.read(name).await
    }

    async fn write(
        &self,
        name: &str,
        text: &str,
        before: Option<&StoredPolicy>,
    ) -> Result<(), PolicyStoreError> {
        match self.mishap {
            Mishap::Conflict => platform::set_policy(self.bao, name, &reads("theirs")).await,
            Mishap::AnswerLost => self.store.write(name, text, before).await?,
            Mishap::Lost => return Err(PolicyStoreError("lost".to_owned())),
        }
        match self.mishap {
            Mishap::AnswerLost => Err(PolicyStoreError("lost".to_owned())),
            _ => self.store.write(name, text, before).await,
        }
    }

    async fn delete(&self, name: &str) -> Result<(), PolicyStoreError> {
        self.store.delete(name).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn write_checks_planned_version() {
    let bao = Bao::dev().await;
    let session = session(&bao).await;
    platform::set_policy(&bao, "there", &reads("a")).await;
    let unlucky = |mishap| Unlucky { store: VaultPolicies::new(&session), bao: &bao, mishap };
    for name in ["there", "new"] {
        let store = unlucky(Mishap::Conflict);
        let plan = compute(&set("b", &[name]), &store, UnmanagedPolicies::Keep).await;
        assert_eq!(apply(&plan, &store).await, [ApplyOutcome::Conflict], "{name}");
        assert_eq!(stored(&bao, name).await, Some(reads("theirs")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_response_is_resolved_by_reading() {
    let bao = Bao::dev().await;
    let session = session(&bao).await;
    let unlucky = |mishap| Unlucky { store: VaultPolicies::new(&session), bao: &bao, mishap };
    let set = set("a", &["one", "two"]);
    let store = unlucky(Mishap::AnswerLost);
    let plan = compute(&set, &store, UnmanagedPolicies::Keep).await;
    assert_eq!(apply(&plan, &store).await, [ApplyOutcome::Done, ApplyOutcome::Done]);
    bao.must("DELETE", "sys/policies/acl/one", None).await;
    bao.must("DELETE", "sys/policies/acl/two", None).await;
    let store = unlucky(Mishap::Lost);
    let lost = ApplyOutcome::Failed(PolicyStoreError("lost".to_owned()));
    assert_eq!(apply(&plan, &store).await, [lost, ApplyOutcome::Skipped]);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_stops_on_request() {
    let bao = Bao::dev().await;
    let session = session(&bao).await;
    let store = VaultPolicies::new(&session);
    let plan = compute(&set("a", &["one", "two"]), &store, UnmanagedPolicies::Keep).await;
    let outcomes = plan.apply(&store, |_, _| ControlFlow::Break(())).await;
    assert_eq!(outcomes, [ApplyOutcome::Done, ApplyOutcome::Skipped]);
    assert_eq!(stored(&bao, "two").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_keeps_cas_required() {
    let bao = Bao::dev().await;
    let session = session(&bao).await;
    let store = VaultPolicies::new(&session);
    let policy = json!({"policy": reads("a"), "cas": 0, "cas_required": true});
    bao.must("PUT", "sys/policies/acl/one", Some(policy)).await;
    let plan = compute(&set("b", &["one"]), &store, UnmanagedPolicies::Keep).await;
    assert_eq!(apply(&plan, &store).await, [ApplyOutcome::Done]);
    let now = bao.must("GET", "sys/policies/acl/one", None).await;
    assert_eq!(now["data"]["cas_required"], true, "{now}");
    assert_eq!(now["data"]["version"], 2, "{now}");
}
