//! Paths of the real servers and of this project's binary.

use std::path::{Path, PathBuf};

/// Returns the path of a file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// OpenBao. What `.tools` holds is a script that replaces itself with the server, so
/// its process id is the server's.
pub fn bao() -> PathBuf {
    tool("BAO_BIN", "bao")
}

/// Caddy.
pub fn caddy() -> PathBuf {
    tool("CADDY_BIN", "caddy")
}

/// nginx.
pub fn nginx() -> PathBuf {
    tool("NGINX_BIN", "nginx")
}

/// Traefik.
pub fn traefik() -> PathBuf {
    tool("TRAEFIK_BIN", "traefik")
}

/// Envoy. What `.tools` holds is a script that replaces itself with the server.
pub fn envoy() -> PathBuf {
    tool("ENVOY_BIN", "envoy")
}

/// Prometheus.
pub fn prometheus() -> PathBuf {
    tool("PROMETHEUS_BIN", "prometheus")
}

/// Alertmanager.
pub fn alertmanager() -> PathBuf {
    tool("ALERTMANAGER_BIN", "alertmanager")
}

/// Chromium.
pub fn chromium() -> PathBuf {
    tool("CHROMIUM_BIN", "chromium")
}

/// The driver of Chromium, of the same version.
pub fn chromedriver() -> PathBuf {
    tool("CHROMEDRIVER_BIN", "chromedriver")
}

/// Schemathesis.
pub fn schemathesis() -> PathBuf {
    tool("SCHEMATHESIS_BIN", "schemathesis")
}

/// The checker of Prometheus's files: that of `.tools`, or the system's.
pub fn promtool() -> PathBuf {
    let own = repository(".tools/bin/promtool");
    if own.is_file() { own } else { PathBuf::from("promtool") }
}

/// The Python that has python-dotenv and podman-compose.
pub fn python() -> PathBuf {
    tool("PYTHON_BIN", "python")
}

/// The Python that has a line of the MCP SDK: `mcp-1` or `mcp-2`.
pub fn mcp_python(line: &str) -> PathBuf {
    let path = repository(".tools").join(line).join("bin/python");
    assert!(path.is_file(), "{} is missing: run `make tools`", path.display());
    path
}

/// The Python that has `ClickHouse` as a library.
pub fn chdb_python() -> PathBuf {
    let path = repository(".tools/chdb/bin/python");
    assert!(path.is_file(), "{} is missing: run `make tools`", path.display());
    path
}

/// podman-compose.
pub fn podman_compose() -> PathBuf {
    tool("PODMAN_COMPOSE_BIN", "podman-compose")
}

/// The validator: the one that cargo built for this test, or, for an example, the one
/// built into the folder above its own.
pub fn validator() -> PathBuf {
    const NAME: &str = "vault-auth-validator";
    let path = match option_env!("CARGO_BIN_EXE_vault-auth-validator") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()
            .expect("own path")
            .ancestors()
            .nth(2)
            .expect("target/<profile>")
            .join(NAME),
    };
    assert!(path.is_file(), "{} is missing: run `cargo build`", path.display());
    path
}

#[expect(clippy::disallowed_methods, reason = "a developer may name other binaries")]
fn tool(variable: &str, name: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .map_or_else(|| repository(".tools/bin").join(name), PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `make tools`, or set {variable}", path.display());
    path
}
