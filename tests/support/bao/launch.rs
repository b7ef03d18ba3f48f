//! The command line and configuration of a real OpenBao.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use tempfile::TempDir;

use super::super::{ports::free_port, process::Process, tools};

/// The arguments and files with which the same server can be started again.
pub struct Launch {
    port: u16,
    tls_port: Option<u16>,
    arguments: Vec<String>,
    dir: PathBuf,
    client_ca: Option<TempDir>,
    _owned: Option<TempDir>,
}

/// The place of a node in a cluster.
pub struct Member<'m> {
    /// The name of the node.
    pub node_id: &'m str,
    /// The port of its API. The cluster port is the next one.
    pub port: u16,
    /// The `host:port` at which the other nodes reach its cluster port.
    pub cluster_addr: &'m str,
    /// The API ports of the other nodes.
    pub others: &'m [u16],
    /// The file with the key that unseals every node, created if it does not exist.
    pub seal_key: &'m Path,
}

impl Member<'_> {
    /// Returns the `host:port` that the node listens at for the others.
    pub fn cluster_listener(&self) -> String {
        format!("127.0.0.1:{}", self.port + 1)
    }
}

/// Returns the configuration of a seal with the key in this file, which is created if it does not exist.
fn static_seal(key: &Path) -> String {
    if !key.exists() {
        fs::write(key, rand::random::<[u8; 32]>()).expect("the seal key");
    }
    format!(
        "seal \"static\" {{\n current_key_id = \"k1\"\n current_key = \"file://{}\"\n}}",
        key.display()
    )
}

impl Launch {
    /// A server in memory, on a free port.
    pub fn dev(root_token: &str) -> Self {
        Self::unaudited(root_token).configured("")
    }

    /// A server in memory without an audit device.
    pub fn unaudited(root_token: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let arguments = vec![
            "-dev".to_owned(),
            "-dev-no-store-token".to_owned(),
            format!("-dev-root-token-id={root_token}"),
            format!("-dev-listen-address=127.0.0.1:{port}"),
        ];
        let path = dir.path().to_owned();
        let owned = Some(dir);
        Self { port, tls_port: None, arguments, dir: path, client_ca: None, _owned: owned }
    }

    /// A server in memory, with a second port for TLS, this certificate and its key in PEM.
    pub fn tls(root_token: &str, certificate: &str, key: &str) -> Self {
        Self::tls_with(root_token, (certificate, key), "")
    }

    /// The same, which requires a client certificate of this authority in PEM.
    pub fn mutual_tls(root_token: &str, server: (&str, &str), client_ca: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("clients.pem");
        fs::write(&file, client_ca).expect("a PEM file");
        let settings = format!(
            "tls_require_and_verify_client_cert = true\n tls_client_ca_file = \"{}\"",
            file.display()
        );
        let mut launch = Self::tls_with(root_token, server, &settings);
        launch.client_ca = Some(dir);
        launch
    }

    fn tls_with(root_token: &str, (certificate, key): (&str, &str), settings: &str) -> Self {
        let mut launch = Self::unaudited(root_token);
        let port = free_port();
        launch.tls_port = Some(port);
        let file = |name: &str, pem: &str| {
            let file = launch.dir.join(name);
            fs::write(&file, pem).expect("a PEM file");
            file.display().to_string()
        };
        let (certificate, key) = (file("tls.crt", certificate), file("tls.key", key));
        launch.configured(&format!(
            r#"
            listener "tcp" {{
              address = "127.0.0.1:{port}"
              tls_cert_file = "{certificate}"
              tls_key_file = "{key}"
              {settings}
            }}
            "#
        ))
    }

    /// A server with raft storage in `dir`, unsealed by a key beside it.
    pub fn raft(dir: &Path) -> Self {
        Self::on_disk(dir, &static_seal(&dir.join("seal.key")))
    }

    /// A node of a cluster with raft storage in `dir`, unsealed by the key in the cluster's directory,
    /// without an audit device.
    pub fn member(dir: &Path, member: &Member<'_>) -> Self {
        let Member { node_id, port, cluster_addr, others, seal_key } = member;
        let data = dir.join("data");
        fs::create_dir_all(&data).expect("the storage directory");
        let join = |port: &u16| {
            format!("retry_join {{\n leader_api_addr = \"http://127.0.0.1:{port}\"\n }}\n")
        };
        let join = others.iter().map(join).collect::<Vec<_>>().concat();
        let config = format!(
            r#"
            api_addr = "http://127.0.0.1:{port}"
            cluster_addr = "https://{cluster_addr}"
            storage "raft" {{
              path = "{data}"
              node_id = "{node_id}"
              performance_multiplier = "1"
              autopilot_reconcile_interval = "1s"
              autopilot_update_interval = "1s"
              {join}
            }}
            listener "tcp" {{
              address = "127.0.0.1:{port}"
              cluster_address = "{cluster}"
              tls_disable = true
            }}
            {seal}
            {audit}
            "#,
            // All nodes need the same options; each has its own working directory.
            audit = audit_device("file", "feed", &[("file_path", "audit.log")]),
            data = data.display(),
            cluster = member.cluster_listener(),
            seal = static_seal(seal_key),
        );
        let file = dir.join("bao.hcl");
        fs::write(&file, config).expect("the configuration");
        let arguments = vec![format!("-config={}", file.display())];
        Self {
            port: *port,
            tls_port: None,
            arguments,
            dir: dir.to_owned(),
            client_ca: None,
            _owned: None,
        }
    }

    /// A server with raft storage in `dir`, unsealed by people with key shares.
    pub fn shamir(dir: &Path) -> Self {
        Self::on_disk(dir, "")
    }

    fn on_disk(dir: &Path, seal: &str) -> Self {
        let (port, cluster) = (free_port(), free_port());
        let data = dir.join("data");
        fs::create_dir_all(&data).expect("the storage directory");
        let config = format!(
            r#"
            api_addr = "http://127.0.0.1:{port}"
            cluster_addr = "http://127.0.0.1:{cluster}"
            storage "raft" {{
              path = "{data}"
              node_id = "n1"
              performance_multiplier = "1"
            }}
            listener "tcp" {{
              address = "127.0.0.1:{port}"
              cluster_address = "127.0.0.1:{cluster}"
              tls_disable = true
            }}
            {seal}
            "#,
            data = data.display(),
        );
        let (arguments, dir) = (Vec::new(), dir.to_owned());
        let launch = Self { port, tls_port: None, arguments, dir, client_ca: None, _owned: None };
        launch.configured(&config)
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the port of its TLS listener, if it has one.
    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// Returns the file that its audit device writes.
    pub fn audit_log(&self) -> PathBuf {
        self.dir.join("audit.log")
    }

    /// Adds a configuration file: `config` and an audit device.
    fn configured(mut self, config: &str) -> Self {
        let file = self.dir.join("bao.hcl");
        fs::write(&file, format!("{config}{}", self.file_device())).expect("the configuration");
        self.arguments.push(format!("-config={}", file.display()));
        self
    }

    fn file_device(&self) -> String {
        audit_device("file", "tests", &[("file_path", &self.audit_log().display().to_string())])
    }

    /// Writes a configuration with this one audit device: entries are posted to the URL.
    pub fn post_audit_to(&self, url: &str) {
        let device = audit_device("http", "posted", &[("uri", url)]);
        fs::write(self.dir.join("bao.hcl"), device).expect("the configuration");
    }

    /// Adds a device to the configuration of a development server: entries are posted to the URL, sent again
    /// if the connection was closed, with this `Authorization`.
    pub fn add_feed(&self, url: &str, authorization: &str) {
        let headers = json!({"Idempotency-Key": ["audit"], "Authorization": [authorization]});
        let headers = headers.to_string().replace('"', "\\\"");
        let device = audit_device("http", "feed", &[("uri", url), ("headers", &headers)]);
        let config = format!("{}{device}", self.file_device());
        fs::write(self.dir.join("bao.hcl"), config).expect("the configuration");
    }

    /// Removes that device from the configuration.
    pub fn remove_feed(&self) {
        fs::write(self.dir.join("bao.hcl"), self.file_device()).expect("the configuration");
    }

    /// Replaces the certificate of the TLS listener and its key, for a server that reads them again.
    pub fn replace_certificate(&self, certificate: &str, key: &str) {
        fs::write(self.dir.join("tls.crt"), certificate).expect("a PEM file");
        fs::write(self.dir.join("tls.key"), key).expect("a PEM file");
    }

    /// Starts the server.
    pub fn spawn(&self) -> Process {
        let mut command = Command::new(tools::bao());
        command
            .arg("server")
            .args(&self.arguments)
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.dir)
            // Garbage collection is a fifth of the CPU time of a server that lives for seconds.
            .env("GOGC", "off")
            .env("GOMEMLIMIT", "256MiB");
        Process::spawn("bao", &mut command)
    }
}

/// Returns the configuration of an audit device that writes accessors as they are.
fn audit_device(kind: &str, path: &str, options: &[(&str, &str)]) -> String {
    let all = options.iter().chain(&[("hmac_accessor", "false"), ("elide_list_responses", "true")]);
    let lines: Vec<_> = all.map(|(name, value)| format!("    {name} = \"{value}\"\n")).collect();
    format!("audit \"{kind}\" \"{path}\" {{\n  options {{\n{}  }}\n}}\n", lines.concat())
}
