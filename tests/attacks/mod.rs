//! Known attacks on forward authentication, each by its id in the table of `docs/security.md`.

mod answers;
mod callers;
mod identity;
mod operators;
mod requests;
mod table;

use std::time::Duration;

use crate::support::{
    backend::Backend, caddy::Caddy, direct::Direct, edge::Edge, http::Answer, nginx, raw, traefik,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Every proxy that there is a recipe for, in front of one validator and one application. Fields
/// are in the order in which they are to be stopped.
struct Fronts {
    caddy: Caddy,
    nginx: Edge,
    traefik: Edge,
    service: Direct,
    _backend: Backend,
}

impl Fronts {
    async fn start() -> Self {
        let service = Direct::start().await;
        let backend = Backend::start().await;
        let (validator, application) = (service.validator.auth_address(), backend.address());
        let (caddy, nginx, traefik) = tokio::join!(
            Caddy::start(validator, application, &[]),
            nginx::start(validator, application),
            traefik::start(validator, application),
        );
        Self { caddy, nginx, traefik, service, _backend: backend }
    }

    /// Each with its name.
    fn addresses(&self) -> [(&'static str, String); 3] {
        [
            ("Caddy", self.caddy.address()),
            ("nginx", self.nginx.address()),
            ("Traefik", self.traefik.address()),
        ]
    }

    /// What each answers to a request for acme's page with acme's token and these header lines,
    /// each ended by CRLF.
    async fn each(&self, lines: &str) -> Vec<(&'static str, Answer)> {
        let token = format!("X-Vault-Token: {}\r\n", self.service.acme.token());
        let mut answers = Vec::new();
        for (name, address) in self.addresses() {
            let bytes = request("GET / HTTP/1.1", "acme.crm.localhost", &[&token, lines]);
            answers.push((name, send(&address, bytes).await));
        }
        answers
    }
}

/// A request with this first line and these header lines, each ended by CRLF.
fn request(line: &str, host: &str, lines: &[&str]) -> Vec<u8> {
    format!("{line}\r\nHost: {host}\r\n{}\r\n", lines.concat()).into_bytes()
}

/// The answer to these bytes, which has to come.
async fn send(address: &str, bytes: impl AsRef<[u8]>) -> Answer {
    let answer = raw::exchange(address, bytes.as_ref(), PATIENCE).await;
    answer.expect("a whole answer").into()
}
