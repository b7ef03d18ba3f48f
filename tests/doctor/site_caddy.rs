//! Caddy with the shipped guard, and with sites and faults of a test.

use std::{fs, process::Command, time::Duration};

use tempfile::TempDir;

use crate::support::{http, process::Process, tools, validator::Validator, wait::eventually};

/// Caddy with the guard and some sites. Dropping it ends it.
pub(super) struct SiteCaddy {
    _process: Process,
    _dir: TempDir,
}

impl SiteCaddy {
    /// Starts it on this port with these sites, and with replacements in the guard.
    pub(super) async fn start(
        port: u16,
        validator: &Validator,
        sites: &str,
        changes: &[(&str, &str)],
    ) -> Self {
        let guard = fs::read_to_string(tools::repository("deploy/caddy/guard.caddy"));
        let guard = changes.iter().fold(guard.expect("the guard"), |guard, (from, to)| {
            assert!(guard.contains(from), "{from}");
            guard.replace(from, to)
        });
        let text = format!("{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}}\n{guard}\n{sites}");
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("Caddyfile");
        fs::write(&config, text).expect("a Caddyfile");
        let mut command = Command::new(tools::caddy());
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(config)
            .env_clear()
            .env("HOME", dir.path())
            .env("PUBLIC_SCHEME", "http://")
            .env("AUTH_UPSTREAM", validator.auth_address())
            .env("LOGIN_UPSTREAM", validator.api_url().trim_start_matches("http://"));
        let process = Process::spawn("caddy", &mut command);
        let (client, url) = (http::client(), format!("http://127.0.0.1:{port}/"));
        eventually(Duration::from_secs(20), "Caddy to come up", async || {
            assert!(process.exit_status().is_none(), "Caddy exited:\n{}", process.log());
            http::send(&client, "GET", &url, &[("host", "none.test")], None).await.ok()
        })
        .await;
        Self { _process: process, _dir: dir }
    }
}
