//! A cluster of three nodes of OpenBao on raft, whose nodes can be killed, stopped and cut off.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{
    super::{http, ports::free_port, wait::eventually},
    Bao,
    launch::{Launch, Member},
    partition::Links,
};

pub use super::partition::Cut;

/// The time that a change of the leader may take on a busy machine.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(20);

/// The time that a node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// Three nodes, unsealed by themselves, with one root token.
pub struct Cluster {
    nodes: Vec<Bao>,
    links: Links,
    _dir: TempDir,
}

impl Cluster {
    /// Starts the nodes and waits until all of them vote.
    ///
    /// # Panics
    /// If they do not form a cluster.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let ports = [free_port(), free_port(), free_port()];
        let mut links = Links::new();
        let mut nodes = Vec::new();
        for (position, port) in ports.into_iter().enumerate() {
            let others: Vec<u16> = ports.into_iter().filter(|other| *other != port).collect();
            let launch = launch(dir.path(), position, port, &others, &mut links).await;
            nodes.push(Bao::spawn(launch, "").await);
        }
        let mut cluster = Self { nodes, links, _dir: dir };
        cluster.update_pids();
        cluster.initialize().await;
        cluster
    }

    async fn initialize(&mut self) {
        let body = json!({"recovery_shares": 1, "recovery_threshold": 1});
        let first = &self.nodes[0];
        let root_token = eventually(ELECTION_TIMEOUT, "a node to be initialized", async || {
            let (_, answer) = first.try_request("", "PUT", "sys/init", Some(body.clone())).await?;
            answer["root_token"].as_str().map(str::to_owned)
        })
        .await;
        self.nodes.iter_mut().for_each(|node| node.adopt(&root_token));
        let leader = self.leader().await;
        let at_once = json!({"server_stabilization_time": "100ms"});
        let path = "sys/storage/raft/autopilot/configuration";
        self.nodes[leader].must("POST", path, Some(at_once)).await;
        eventually(Duration::from_secs(40), "three voters", async || {
            let path = "sys/storage/raft/configuration";
            let (_, answer) = self.try_request(leader, "GET", path, None).await?;
            let servers = answer["data"]["config"]["servers"].as_array()?;
            let voters = servers.iter().filter(|server| server["voter"] == true).count();
            (voters == 3).then_some(())
        })
        .await;
    }

    /// Returns the addresses of all nodes, as for `VAULT_ADDR`.
    pub fn addresses(&self) -> String {
        self.nodes.iter().map(Bao::addr).collect::<Vec<_>>().join(",")
    }

    /// Returns a node.
    pub fn node(&self, node: usize) -> &Bao {
        &self.nodes[node]
    }

    /// Waits for a leader that accepts writes. Returns its position.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn leader(&self) -> usize {
        self.leader_other_than(None).await
    }

    /// Waits for a leader other than this node.
    ///
    /// # Panics
    /// If there is none in time.
    pub async fn next_leader(&self, former: usize) -> usize {
        self.leader_other_than(Some(former)).await
    }

    async fn leader_other_than(&self, former: Option<usize>) -> usize {
        eventually(ELECTION_TIMEOUT, "a leader", async || {
            for node in (0..self.nodes.len()).filter(|node| Some(*node) != former) {
                let health = self.try_request(node, "GET", "sys/health", None).await;
                let written = Some(json!({"written": true}));
                if health.is_some_and(|(status, _)| status == 200)
                    && let Some((200..300, _)) =
                        self.try_request(node, "PUT", "cubbyhole/leader", written).await
                {
                    return Some(node);
                }
            }
            None
        })
        .await
    }

    /// Returns the position of a node that is not this one.
    pub fn other_than(&self, node: usize) -> usize {
        (node + 1) % self.nodes.len()
    }

    /// Sends a request as root to a node; `None` if it does not answer soon.
    pub async fn try_request(
        &self,
        node: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Option<(u16, Value)> {
        let node = &self.nodes[node];
        let request = node.try_request(node.root_token(), method, path, body);
        timeout(ANSWER_TIMEOUT, request).await.ok().flatten()
    }

    /// Waits until these nodes have applied the same writes.
    ///
    /// # Panics
    /// If they have not in time.
    pub async fn settle(&self, nodes: &[usize]) {
        eventually(ELECTION_TIMEOUT, "the nodes to be up to date", async || {
            let mut applied = Vec::new();
            for &node in nodes {
                let (_, answer) = self.try_request(node, "GET", "sys/leader", None).await?;
                applied.push(answer["raft_applied_index"].as_u64()?);
            }
            applied.iter().all(|index| *index == applied[0]).then_some(())
        })
        .await;
    }

    /// Looks up a token at a node that may not forward the request: `None` if it does not answer soon.
    pub async fn local_lookup(&self, node: usize, token: &str) -> Option<u16> {
        let node = &self.nodes[node];
        let url = format!("{}/v1/auth/token/lookup", node.addr());
        let headers =
            [("x-vault-token", node.root_token()), ("x-vault-no-request-forwarding", "true")];
        let body = Some(json!({"token": token}).to_string());
        let request = http::send(&node.http, "POST", &url, &headers, body);
        timeout(ANSWER_TIMEOUT, request).await.ok()?.ok().map(|answer| answer.status)
    }

    /// Kills a node.
    pub fn kill(&self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a killed node again, with its data.
    ///
    /// # Panics
    /// If it does not serve requests in time.
    pub async fn restart(&mut self, node: usize) {
        let bao = &mut self.nodes[node];
        bao.process = bao.launch.spawn();
        self.update_pids();
        eventually(ELECTION_TIMEOUT, "the node to come up", async || {
            let (status, _) = self.try_request(node, "GET", "sys/health", None).await?;
            matches!(status, 200 | 429).then_some(())
        })
        .await;
    }

    /// Suspends a node: connections stay open and get no response.
    pub fn stop(&self, node: usize) {
        self.nodes[node].freeze();
    }

    /// Resumes a suspended node.
    pub fn resume(&self, node: usize) {
        self.nodes[node].thaw();
    }

    /// Makes the leader step down.
    ///
    /// # Panics
    /// If it refuses.
    pub async fn step_down(&self, leader: usize) {
        self.nodes[leader].must("PUT", "sys/step-down", None).await;
    }

    /// Cuts a node off from the others. Clients still reach it.
    pub fn cut_off(&self, node: usize, cut: Cut) {
        self.links.cut_off(node, cut);
    }

    /// Connects all nodes again.
    pub fn heal(&self) {
        self.links.heal();
    }

    fn update_pids(&self) {
        self.links.set_pids(self.nodes.iter().map(|node| node.process.pid()).collect());
    }
}

async fn launch(
    dir: &Path,
    position: usize,
    port: u16,
    others: &[u16],
    links: &mut Links,
) -> Launch {
    let node_id = format!("n{position}");
    let seal_key = dir.join("seal.key");
    let mut member =
        Member { node_id: &node_id, port, cluster_addr: "", others, seal_key: &seal_key };
    let cluster_addr = links.add(member.cluster_listener()).await;
    member.cluster_addr = &cluster_addr;
    let dir = dir.join(&node_id);
    std::fs::create_dir_all(&dir).expect("the directory of the node");
    Launch::member(&dir, &member)
}
