//! nginx as a contestant: with cached lookups in OpenBao, and with an empty response.

use std::{fs, path::Path, process::Command, time::Duration};

use tempfile::TempDir;

use crate::{
    cpu::{SERVER_CORE, TASKSET},
    support::{ports::free_port, process::Process, raw::exchange, tools, wait::eventually},
};

/// nginx with the two servers in `nginx.conf`, on the servers' core.
pub struct Nginx {
    process: Process,
    cached: String,
    empty: String,
    socket: String,
    _dir: TempDir,
}

impl Nginx {
    /// Starts nginx in front of an OpenBao (`host:port`).
    pub async fn start(openbao: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let address = || format!("127.0.0.1:{}", free_port());
        let (cached, empty) = (address(), address());
        let socket = dir.path().join("empty.sock").display().to_string();
        let template = fs::read_to_string(tools::repository("benches/load/nginx.conf"));
        let config = template
            .expect("nginx.conf")
            .replace("OPENBAO", openbao)
            .replace("CACHED", &cached)
            .replace("EMPTY", &empty)
            .replace("SOCKET", &socket);
        let file = dir.path().join("nginx.conf");
        fs::write(&file, config).expect("the configuration");
        let process = spawn(dir.path(), &file);
        let nginx = Self { process, cached, empty, socket, _dir: dir };
        let request = b"GET / HTTP/1.0\r\n\r\n";
        eventually(Duration::from_secs(10), "nginx to start", async || {
            assert!(nginx.process.exit_status().is_none(), "nginx: {}", nginx.process.log());
            exchange(&nginx.empty, request, Duration::from_secs(1)).await
        })
        .await;
        nginx
    }

    /// Returns the id of the master process; the worker is its child.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Returns `host:port` of the server that sends requests to OpenBao and caches the responses.
    pub fn cached(&self) -> &str {
        &self.cached
    }

    /// Returns `host:port` of the server that always responds with 200.
    pub fn empty(&self) -> &str {
        &self.empty
    }

    /// Returns the path of the socket.
    pub fn socket(&self) -> &str {
        &self.socket
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // After a kill of the master process, the worker would keep running.
        self.process.signal("QUIT");
        for _ in 0..50 {
            if self.process.exit_status().is_some() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn spawn(dir: &Path, file: &Path) -> Process {
    let mut command = Command::new(TASKSET);
    command.args(["-c", SERVER_CORE]).arg(tools::nginx()).arg("-p").arg(dir).arg("-c").arg(file);
    if Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n") {
        // Started by root, nginx would run its worker as a user who cannot write to the directory.
        command.args(["-g", "user root;"]);
    }
    Process::spawn("nginx", &mut command)
}
