//! A real browser in front of the Caddyfile of `deploy/`.

mod cleanup;
mod login;
mod login_pages;
mod options;
mod page;
mod responses;

use crate::support::{backend::Backend, browser::Options, caddy::tls::TlsCaddy};

/// A path that needs no token, at which the application has a page.
const PAGE: &str = "https://n8n.example.com/webhook/page";

const FORM: &str = r#"<!doctype html><html lang="en"><title>Form</title>
<meta name="viewport" content="width=device-width">
<p id="scripts">off</p><script>document.getElementById('scripts').textContent = 'on'</script>
<form action="/webhook/sent" method="post">
<label for="user">User  name</label><input id="user" name="user">
<label>Password <input type="password" name="password"></label>
<button>Log in</button></form>
<a href="https://chat.example.org/api/v1/messaging/webhooks/other">Other site</a>"#;

/// Sites with answers that no application of the platform has.
const SITES: &str = r#"
https://cookies.example.com {
    TLS
    header +Set-Cookie "__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax"
    header +Set-Cookie "__Host-b=2; Path=/; Domain=example.com; Secure"
    redir /first https://landing.example.com/second
}
https://landing.example.com {
    TLS
    redir /second /third 303
    respond "arrived"
}"#;

/// Caddy in front of an application. Nothing listens where the validator would be.
struct Place {
    caddy: TlsCaddy,
    backend: Backend,
}

impl Place {
    async fn start() -> Self {
        let backend = Backend::start().await;
        backend.set_page("/webhook/page", FORM);
        let caddy = TlsCaddy::start_with(SITES, "127.0.0.1:1", backend.address(), &[]).await;
        Self { caddy, backend }
    }

    fn options(&self) -> Options {
        Options::new(self.caddy.leaf(), self.caddy.port())
    }
}
