//! A cluster of three nodes, all of which the validator has the addresses of: whichever of them fails, no
//! valid token is rejected, and no revoked one is accepted.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{task::JoinHandle, time::sleep};

use crate::support::{
    bao::cluster::{Cluster, Cut},
    platform,
    validator::Validator,
    wait::eventually,
};

/// Every request makes a lookup.
const UNCACHED: [(&str, &str); 3] = [
    ("VALIDATOR_CACHE_TTL", "0s"),
    ("VALIDATOR_NEGATIVE_TTL", "0s"),
    ("VALIDATOR_VAULT_TIMEOUT", "2s"),
];

/// The time after the election of a leader within which the validator has to serve again.
const RECOVERY: Duration = Duration::from_secs(2);

/// The time between two requests of the steady traffic.
const PACE: Duration = Duration::from_millis(25);

/// A cluster and a validator with steady traffic.
struct Scene {
    traffic: Traffic,
    validator: Arc<Validator>,
    cluster: Cluster,
}

/// Requests with a valid token, one after another, and their statuses.
struct Traffic {
    statuses: Arc<Mutex<Vec<(Instant, u16)>>>,
    task: JoinHandle<()>,
}

impl Traffic {
    fn start(validator: &Arc<Validator>, token: String) -> Self {
        let statuses: Arc<Mutex<Vec<_>>> = Arc::default();
        let (record, validator) = (Arc::clone(&statuses), Arc::clone(validator));
        let task = tokio::spawn(async move {
            loop {
                let start = Instant::now();
                let status = validator.validate("", &[("x-vault-token", &token)]).await.status;
                record.lock().unwrap_or_else(PoisonError::into_inner).push((start, status));
                sleep(PACE).await;
            }
        });
        Self { statuses, task }
    }

    /// Returns the statuses of the requests since this time.
    fn since(&self, start: Instant) -> Vec<(Instant, u16)> {
        let statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.iter().filter(|(at, _)| *at >= start).copied().collect()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scene {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let bao = cluster.node(cluster.leader().await);
        let role = platform::provision(bao).await;
        let token = create_token(&cluster, cluster.leader().await).await;
        let addresses = cluster.addresses();
        let env = [&UNCACHED[..], &[("VAULT_ADDR", addresses.as_str())]].concat();
        let validator = Arc::new(Validator::start(bao, &role, &env).await);
        let traffic = Traffic::start(&validator, token);
        Self { traffic, validator, cluster }
    }

    async fn status(&self, token: &str) -> u16 {
        self.validator.validate("", &[("x-vault-token", token)]).await.status
    }

    /// Asserts that the validator serves soon after this time at which there is a leader, and that its
    /// decisions are those of the leader.
    async fn assert_recovered(&self, what: &str, leader: usize, fault: Instant, revoked: &str) {
        let led = Instant::now();
        let new = create_token(&self.cluster, leader).await;
        // The first answer that is one: 503 says nothing about the token.
        let first = async |token: &str| {
            eventually(RECOVERY, what, async || {
                Some(self.status(token).await).filter(|status| *status != 503)
            })
            .await
        };
        assert_eq!(first(&new).await, 200, "{what}: a new token");
        assert_eq!(first(revoked).await, 401, "{what}: a revoked token");
        sleep((led + RECOVERY + PACE * 8).saturating_duration_since(Instant::now())).await;
        let since = self.traffic.since(fault);
        let served = since.iter().filter(|(_, status)| *status == 200).count();
        let failed: Vec<_> = since.iter().filter(|(_, status)| *status != 200).collect();
        assert!(failed.iter().all(|(_, status)| *status == 503), "{what}: {failed:?}");
        assert!(failed.iter().all(|(at, _)| *at < led + RECOVERY), "{what}: {failed:?}");
        assert!(served > failed.len(), "{what}: {served} served, {} not", failed.len());
    }

    /// Creates and revokes a token at a node.
    async fn revoked_token(&self, node: usize) -> String {
        let token = create_token(&self.cluster, node).await;
        assert_eq!(self.status(&token).await, 200);
        revoke(&self.cluster, node, &token).await;
        token
    }
}

/// Returns a token that all nodes have, and the time from which on the nodes are as they are.
async fn settled_token(cluster: &Cluster, node: usize) -> (String, Instant) {
    let token = create_token(cluster, node).await;
    cluster.settle(&[0, 1, 2]).await;
    (token, Instant::now())
}

async fn create_token(cluster: &Cluster, node: usize) -> String {
    let body = json!({"policies": ["default"], "no_parent": true, "ttl": "1h"});
    eventually(Duration::from_secs(10), "a token", async || {
        let answer =
            cluster.try_request(node, "POST", "auth/token/create", Some(body.clone())).await;
        answer?.1["auth"]["client_token"].as_str().map(str::to_owned)
    })
    .await
}

async fn revoke(cluster: &Cluster, node: usize, token: &str) {
    eventually(Duration::from_secs(10), "a revocation", async || {
        let body = Some(json!({"token": token}));
        let (status, _) = cluster.try_request(node, "POST", "auth/token/revoke", body).await?;
        (status == 204).then_some(())
    })
    .await;
}

/// Waits until a node answers from its own data that it has a token.
async fn has_token(cluster: &Cluster, node: usize, token: &str) {
    eventually(Duration::from_secs(10), "the token at the node", async || {
        cluster.local_lookup(node, token).await.filter(|status| *status == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn change_of_the_leader_is_survived() {
    let mut scene = Scene::start().await;

    let leader = scene.cluster.leader().await;
    let (fault, revoked) = (Instant::now(), scene.revoked_token(leader).await);
    scene.cluster.step_down(leader).await;
    let next = scene.cluster.next_leader(leader).await;
    scene.assert_recovered("step-down", next, fault, &revoked).await;

    let (token, fault) = settled_token(&scene.cluster, next).await;
    scene.cluster.stop(next);
    let third = scene.cluster.next_leader(next).await;
    revoke(&scene.cluster, third, &token).await;
    scene.assert_recovered("stopped leader", third, fault, &token).await;
    scene.cluster.resume(next);

    let leader = scene.cluster.leader().await;
    let (token, fault) = settled_token(&scene.cluster, leader).await;
    scene.cluster.cut_off(leader, Cut::Rejected);
    let next = scene.cluster.next_leader(leader).await;
    revoke(&scene.cluster, next, &token).await;
    scene.assert_recovered("leader cut off", next, fault, &token).await;
    assert_eq!(scene.cluster.local_lookup(leader, &token).await, Some(200), "not cut off");
    scene.cluster.heal();

    let leader = scene.cluster.leader().await;
    let (token, fault) = settled_token(&scene.cluster, leader).await;
    scene.cluster.kill(leader);
    let next = scene.cluster.next_leader(leader).await;
    revoke(&scene.cluster, next, &token).await;
    scene.assert_recovered("killed leader", next, fault, &token).await;
    scene.cluster.restart(leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standby_does_not_reject_new_token() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let role = platform::provision(cluster.node(leader)).await;
    cluster.settle(&[0, 1, 2]).await;
    let standby = cluster.node(cluster.other_than(leader)).addr();
    let env = [&UNCACHED[..], &[("VAULT_ADDR", standby.as_str())]].concat();
    let validator = Validator::start(cluster.node(leader), &role, &env).await;
    for round in 0..100 {
        let token = create_token(&cluster, leader).await;
        let answer = validator.validate("", &[("x-vault-token", &token)]).await;
        assert_eq!(answer.status, 200, "token {round}: {answer:?}");
    }
    let answer = validator.validate("", &[("x-vault-token", "s.unknown")]).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn outdated_node_is_not_believed() {
    let scene = Scene::start().await;
    let leader = scene.cluster.leader().await;
    let outdated = scene.cluster.other_than(leader);
    let token = create_token(&scene.cluster, leader).await;
    has_token(&scene.cluster, outdated, &token).await;
    scene.cluster.cut_off(outdated, Cut::Dropped);
    revoke(&scene.cluster, leader, &token).await;
    assert_eq!(scene.cluster.local_lookup(outdated, &token).await, Some(200), "not outdated");
    assert_eq!(scene.status(&token).await, 401);
    let third = (0..3).find(|node| ![leader, outdated].contains(node)).expect("a third node");
    scene.cluster.settle(&[leader, third]).await;
    // A rejection has no index; the validator learns it from the next answer of the leader.
    let rejected = Instant::now();
    eventually(RECOVERY, "an answer of the leader", async || {
        scene.traffic.since(rejected).first().filter(|(_, status)| *status == 200).map(drop)
    })
    .await;

    // Without a quorum the third node knows of the revocation, and the outdated one does not.
    let fault = Instant::now();
    scene.cluster.stop(leader);
    while fault.elapsed() < Duration::from_secs(5) {
        let status = scene.status(&token).await;
        assert!(matches!(status, 401 | 503), "{status} after {:?}", fault.elapsed());
    }
    let statuses = scene.traffic.since(fault);
    assert!(statuses.iter().all(|(_, status)| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(statuses.iter().any(|(_, status)| *status == 200), "{statuses:?}");
    scene.cluster.resume(leader);
    scene.cluster.heal();

    // One node is left.
    let leader = scene.cluster.leader().await;
    let revoked = scene.revoked_token(leader).await;
    scene.cluster.settle(&[0, 1, 2]).await;
    let fault = Instant::now();
    scene.cluster.kill(leader);
    scene.cluster.kill(scene.cluster.other_than(leader));
    while fault.elapsed() < Duration::from_secs(3) {
        let status = scene.status(&revoked).await;
        assert!(matches!(status, 401 | 503), "{status} after {:?}", fault.elapsed());
    }
    let statuses = scene.traffic.since(fault);
    assert!(statuses.iter().all(|(_, status)| matches!(status, 200 | 503)), "{statuses:?}");
}
