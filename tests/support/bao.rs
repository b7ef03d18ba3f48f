//! A real OpenBao: in memory, or on disk so that it survives a kill.

pub mod cluster;
mod launch;
mod partition;
mod requests;

use std::{path::Path, time::Duration};

use reqwest::Client;
use serde_json::json;

use self::launch::Launch;
use super::{http, process::Process, rewording::Rewording, wait::eventually};

/// The way in which a server is unsealed after a start.
#[derive(Debug, Clone, Copy)]
pub enum Unsealed {
    /// Auto-unseal, with a key stored beside the data.
    ByItself,
    /// People, with the key shares printed at initialization.
    ByPeople,
}

/// One server on the loopback interface.
pub struct Bao {
    process: Process,
    launch: Launch,
    root_token: String,
    /// The namespace of requests; the root namespace if empty.
    namespace: String,
    http: Client,
    /// The proxy that rewords responses as another Vault's, if there is one.
    rewording: Option<Rewording>,
}

impl Bao {
    /// A development server: in memory, unsealed, KV v2 at `secret/`, a fresh root token.
    ///
    /// # Panics
    /// If it does not start on any of several ports.
    pub async fn dev() -> Self {
        Self::in_memory(Launch::dev).await
    }

    /// A development server without an audit log, whose writing costs about as much as a lookup.
    ///
    /// # Panics
    /// As [`Bao::dev`].
    pub async fn unaudited() -> Self {
        Self::in_memory(Launch::unaudited).await
    }

    /// A development server that also speaks TLS, with this certificate and its key in PEM.
    ///
    /// # Panics
    /// As [`Bao::dev`].
    pub async fn tls(certificate: &str, key: &str) -> Self {
        Self::in_memory(|root_token| Launch::tls(root_token, certificate, key)).await
    }

    /// A development server that also speaks TLS, and requires a client certificate of this authority.
    ///
    /// # Panics
    /// As [`Bao::dev`].
    pub async fn mutual_tls(server: (&str, &str), client_ca: &str) -> Self {
        Self::in_memory(|root_token| Launch::mutual_tls(root_token, server, client_ca)).await
    }

    async fn in_memory(launch: impl Fn(&str) -> Launch) -> Self {
        let root_token = format!("root-{:032x}", rand::random::<u128>());
        for _ in 0..5 {
            let bao = Self::spawn(launch(&root_token), &root_token).await;
            if bao.becomes_ready().await {
                return bao;
            }
        }
        panic!("OpenBao found no free port");
    }

    /// A server with raft storage in `dir`, which it unseals by itself: initialized,
    /// empty, and with its data after [`Bao::kill`] and [`Bao::restart`].
    ///
    /// # Panics
    /// If it does not start.
    pub async fn raft(dir: &Path) -> Self {
        let mut bao = Self::spawn(Launch::raft(dir), "").await;
        let body = json!({"recovery_shares": 1, "recovery_threshold": 1});
        let deadline = Duration::from_secs(20);
        bao.root_token = eventually(deadline, "OpenBao to be initialized", async || {
            let (_, answer) = bao.try_request("", "PUT", "sys/init", Some(body.clone())).await?;
            answer["root_token"].as_str().map(str::to_owned)
        })
        .await;
        assert!(bao.becomes_ready().await, "OpenBao exited:\n{}", bao.log());
        bao
    }

    /// A server with raft storage that is not initialized and has no root token.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn empty(dir: &Path, unsealed: Unsealed) -> Self {
        let launch = match unsealed {
            Unsealed::ByItself => Launch::raft(dir),
            Unsealed::ByPeople => Launch::shamir(dir),
        };
        let bao = Self::spawn(launch, "").await;
        bao.answers(501).await;
        bao
    }

    /// Puts a proxy in front that answers as HashiCorp Vault does.
    pub async fn reworded(mut self) -> Self {
        self.rewording = Some(Rewording::start(&self.launch.authority()).await);
        self
    }

    async fn spawn(launch: Launch, root_token: &str) -> Self {
        Self {
            process: launch.spawn(),
            rewording: Rewording::start_if_asked(&launch.authority()).await,
            launch,
            root_token: root_token.to_owned(),
            namespace: String::new(),
            http: http::client(),
        }
    }

    /// Makes further requests with this root token, which the initialization returned.
    pub fn adopt(&mut self, root_token: &str) {
        root_token.clone_into(&mut self.root_token);
    }

    /// Restarts a server that people unseal, and waits until they can.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn restart_sealed(&mut self) {
        self.process.kill();
        self.process = self.launch.spawn();
        self.answers(503).await;
    }

    /// Waits until its health endpoint returns this status.
    async fn answers(&self, health: u16) {
        eventually(Duration::from_secs(20), "OpenBao to answer", async || {
            let (status, _) = self.try_request("", "GET", "sys/health", None).await?;
            (status == health).then_some(())
        })
        .await;
    }

    /// Returns its URL, as for `VAULT_ADDR`.
    pub fn addr(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// Returns the URL of its TLS listener.
    ///
    /// # Panics
    /// If it has none.
    pub fn tls_addr(&self) -> String {
        format!("https://127.0.0.1:{}", self.launch.tls_port().expect("a server with TLS"))
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        match &self.rewording {
            Some(rewording) => rewording.address().to_owned(),
            None => self.launch.authority(),
        }
    }

    /// Returns whether a proxy in front answers as HashiCorp Vault does.
    pub fn is_reworded(&self) -> bool {
        self.rewording.is_some()
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The root token.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// Makes all further requests in this namespace, creating it if it is not there; in the root
    /// namespace if it is empty. The root token is good in each.
    pub async fn enter(&mut self, namespace: &str) {
        self.namespace.clear();
        if !namespace.is_empty() {
            self.must("POST", &format!("sys/namespaces/{namespace}"), Some(json!({}))).await;
        }
        namespace.clone_into(&mut self.namespace);
    }

    /// Makes a development server write its audit log to this URL alone, from now on.
    ///
    /// # Panics
    /// If it doesn't.
    pub async fn post_audit_to(&self, url: &str) {
        self.launch.post_audit_to(url);
        self.process.signal("HUP");
        eventually(Duration::from_secs(10), "the http audit device", async || {
            let devices = self.request("GET", "sys/audit", None).await.1["data"].clone();
            let only = devices.as_object()?.keys().collect::<Vec<_>>();
            (only == ["posted/"]).then_some(())
        })
        .await;
    }

    /// Makes a development server post its audit entries to this URL as well, from now on, with this
    /// `Authorization`.
    ///
    /// # Panics
    /// If it doesn't.
    pub async fn add_feed(&self, url: &str, authorization: &str) {
        self.launch.add_feed(url, authorization);
        self.process.signal("HUP");
        eventually(Duration::from_secs(10), "the feed's audit device", async || {
            let devices = self.request("GET", "sys/audit", None).await.1["data"].clone();
            devices.get("feed/").map(drop)
        })
        .await;
    }

    /// Removes the device that [`Bao::add_feed`] added.
    ///
    /// # Panics
    /// If it stays.
    pub async fn remove_feed(&self) {
        self.launch.remove_feed();
        self.process.signal("HUP");
        eventually(Duration::from_secs(10), "the removal of the feed", async || {
            let devices = self.request("GET", "sys/audit", None).await.1["data"].clone();
            devices.get("feed/").is_none().then_some(())
        })
        .await;
    }

    /// Makes the server open its audit file again.
    pub fn reload(&self) {
        self.process.signal("HUP");
    }

    /// Returns the file that the server writes its audit entries to.
    pub fn audit_file(&self) -> std::path::PathBuf {
        self.launch.audit_log()
    }

    /// Makes it use another certificate soon, without a restart.
    pub fn replace_certificate(&self, certificate: &str, key: &str) {
        self.launch.replace_certificate(certificate, key);
        self.process.signal("HUP");
    }

    /// Returns the server's log.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Suspends the process: connections stay open and get no response.
    pub fn freeze(&self) {
        self.process.signal("STOP");
    }

    /// Resumes a suspended process.
    pub fn thaw(&self) {
        self.process.signal("CONT");
    }

    /// Kills the process. Connections are refused afterwards.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Restarts it on the same port, killing it first if it runs. Afterwards a server in
    /// memory is empty; one on raft has its data and is unsealed.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = self.launch.spawn();
        assert!(self.becomes_ready().await, "OpenBao exited:\n{}", self.log());
    }

    /// Seals it: everything but its health returns 503 from now on.
    pub async fn seal(&self) {
        self.must("PUT", "sys/seal", None).await;
    }

    /// Unseals a development server. One on raft unseals itself at its next [`Bao::restart`].
    ///
    /// # Panics
    /// If the log shows no unseal key.
    pub async fn unseal(&self) {
        let log = self.log();
        let (_, key) = log.split_once("Unseal Key: ").expect("an unseal key in the log");
        let key = key.lines().next().unwrap_or_default().trim();
        self.must("PUT", "sys/unseal", Some(json!({ "key": key }))).await;
        assert!(self.becomes_ready().await, "OpenBao exited:\n{}", self.log());
    }

    /// Waits until the root token is accepted, which a foreign server on a port taken in the
    /// meantime does not do. Returns false if the process has exited instead.
    async fn becomes_ready(&self) -> bool {
        eventually(Duration::from_secs(30), "OpenBao to come up", async || {
            if self.process.exit_status().is_some() {
                return Some(false);
            }
            // The write waits for the storage's leader; reads answer earlier.
            let path = "auth/token/renew-self";
            let (write, _) = self.try_request(&self.root_token, "PUT", path, None).await?;
            let (health, _) = self.try_request("", "GET", "sys/health", None).await?;
            (write < 403 && health == 200).then_some(true)
        })
        .await
    }
}
