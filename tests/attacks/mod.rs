//! Known attacks on forward authentication, each by its id in the table of `docs/security.md`.

mod answers;
mod callers;
mod identity;
mod operators;
mod requests;
mod table;

use std::time::Duration;

use crate::support::{
    backend::Backend,
    caddy,
    direct::Direct,
    edge::{Edge, Recipe},
    envoy,
    http::Answer,
    nginx, raw, traefik,
};

/// The maximum time for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Every proxy with a recipe, in front of one validator and one application. The fields are in the
/// order in which they are stopped.
struct Fronts {
    caddy: Edge,
    nginx: Edge,
    traefik: Edge,
    envoy: Edge,
    service: Direct,
    backend: Backend,
}

impl Fronts {
    async fn start() -> Self {
        let service = Direct::start().await;
        let backend = Backend::start().await;
        let (validator, application) = (service.validator.auth_address(), backend.address());
        let (caddy, nginx, traefik, envoy) = tokio::join!(
            caddy::start(validator, application, Recipe::PLAIN),
            nginx::start(validator, application, Recipe::PLAIN),
            traefik::start(validator, application, Recipe::PLAIN),
            envoy::start(validator, application, Recipe::PLAIN),
        );
        Self { caddy, nginx, traefik, envoy, service, backend }
    }

    /// Returns the name and the address of each proxy.
    fn addresses(&self) -> [(&'static str, String); 4] {
        [
            ("Caddy", self.caddy.address()),
            ("nginx", self.nginx.address()),
            ("Traefik", self.traefik.address()),
            ("Envoy", self.envoy.address()),
        ]
    }

    /// Returns each proxy's response to a request for acme's page with acme's token and these
    /// header lines, each ended by CRLF.
    async fn each(&self, lines: &str) -> Vec<(&'static str, Answer)> {
        let token = format!("X-Vault-Token: {}\r\n", self.service.acme.token());
        let mut answers = Vec::new();
        for (name, address) in self.addresses() {
            let bytes = request("GET / HTTP/1.1", "acme.crm.localhost", &[&token, lines]);
            let mut answer = send(&address, bytes).await;
            // Envoy passes on no body of an application that declines a websocket.
            if answer.status == 200 && answer.body.is_empty() {
                answer.body = self.backend.last_answer();
            }
            answers.push((name, answer));
        }
        answers
    }
}

/// Returns a request with this first line and these header lines, each ended by CRLF.
fn request(line: &str, host: &str, lines: &[&str]) -> Vec<u8> {
    format!("{line}\r\nHost: {host}\r\n{}\r\n", lines.concat()).into_bytes()
}

/// Sends these bytes and returns the response.
async fn send(address: &str, bytes: impl AsRef<[u8]>) -> Answer {
    let answer = raw::exchange(address, bytes.as_ref(), RESPONSE_TIMEOUT).await;
    answer.expect("a whole answer").into()
}
