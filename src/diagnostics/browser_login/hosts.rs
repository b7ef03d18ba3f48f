//! Checks of the login hosts and the hosts of applications, through the proxy.

use bytes::Bytes;
use http::{
    Request,
    header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION},
};

use super::cookie;
use crate::{
    diagnostics::{
        finding::{Finding, skipped},
        host_probe::HostProbe,
        proxy::Site,
    },
    login::{LoginOrigin, LoginSite, pages::LOGIN_PATH},
    probe::ProbeResponse,
};

const LOGIN_PAGE: &str = "login page";
const APPLICATION: &str = "application host";
const COOKIE_CHECK: &str = "login cookie";

/// The checks.
pub(super) const CHECKS: [&str; 3] = [LOGIN_PAGE, APPLICATION, COOKIE_CHECK];

const ROUTE: &str = "the proxy has to send /.vault-auth/ of this host to the api listener: `import app` or \
                     `import login_pages` (deploy/caddy)";

/// Runs the checks.
pub(super) async fn check(site: &LoginSite, proxy: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    for origin in site.origins.iter() {
        findings.push(check_login_page(origin, proxy).await);
    }
    let mut cookies = Vec::new();
    for host in hosts(site, proxy) {
        let probe = HostProbe::new(proxy, authority(&host, proxy));
        match check_application(&probe, site).await {
            Ok(response) => {
                findings.push(Finding::ok(
                    APPLICATION,
                    format!("{host} has the login pages, and sends people to its login host"),
                ));
                cookies.push(check_cookie(&probe, &response).await);
            }
            Err(finding) => findings.push(finding),
        }
    }
    let wildcards = site.hosts.wildcards().map(|wildcard| {
        let reason = format!("{wildcard} names no host that can be asked");
        Finding::skipped(APPLICATION, reason, "--host, one of its hosts")
    });
    findings.extend(wildcards);
    findings.push(summarize_cookies(cookies));
    findings
}

/// Returns the hosts that are listed by name, and the one that was given with the proxy.
fn hosts(site: &LoginSite, proxy: &Site) -> Vec<String> {
    let given = proxy.host.host().to_ascii_lowercase();
    let mut hosts: Vec<String> = site.hosts.exact_hosts().map(str::to_owned).collect();
    if site.hosts.contains(&given) && !hosts.contains(&given) {
        hosts.push(given);
    }
    hosts
}

/// Returns the authority of a host, with the port of the proxy if it is not the default one.
fn authority(host: &str, proxy: &Site) -> String {
    proxy.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

async fn check_login_page(origin: &LoginOrigin, proxy: &Site) -> Finding {
    let probe = HostProbe::new(proxy, origin.authority());
    let page = format!("{origin}{LOGIN_PATH}");
    match get(&probe, LOGIN_PATH, None).await {
        Err(error) => Finding::failed(
            LOGIN_PAGE,
            format!("{page}: {error}"),
            "the proxy needs a site, a DNS name and a certificate for every login host",
        ),
        Ok(response) if is_login_page(&response) => {
            Finding::ok(LOGIN_PAGE, format!("{page} shows the login form"))
        }
        Ok(response) => failed_page(LOGIN_PAGE, &page, &response),
    }
}

/// Checks that a host of an application has the login pages: it redirects a person to the login host.
async fn check_application(
    probe: &HostProbe<'_>,
    site: &LoginSite,
) -> Result<ProbeResponse, Finding> {
    let authority = probe.authority();
    let response = get(probe, LOGIN_PATH, None).await.map_err(|error| {
        Finding::failed(
            APPLICATION,
            format!("{authority}: {error}"),
            "the proxy needs a site, a DNS name and a certificate for this host; or remove it from \
             VALIDATOR_LOGIN_HOSTS",
        )
    })?;
    let page = format!("{authority}{LOGIN_PATH}");
    let location = response.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let login = site.origins.nearest_to(authority).map(|origin| format!("{origin}{LOGIN_PATH}?"));
    match (response.status, location, login) {
        (303, Some(location), Some(login)) if location.starts_with(&login) => Ok(response),
        _ => Err(failed_page(APPLICATION, &page, &response)),
    }
}

/// Returns the finding for a response that is not that of a login page.
fn failed_page(check: &'static str, page: &str, response: &ProbeResponse) -> Finding {
    let remedy = match response.status {
        400 if is_page(response) => {
            "the service does not trust the proxy: VALIDATOR_TRUSTED_PROXIES has to have its address"
        }
        403 if is_page(response) => {
            "the request was not made over TLS: use the https:// address in --caddy, and let the proxy \
             send X-Forwarded-Proto"
        }
        421 if is_page(response) => {
            "the running service has other VALIDATOR_LOGIN_URL and VALIDATOR_LOGIN_HOSTS than this \
             command"
        }
        502..=504 => "the proxy cannot reach the api listener: check LOGIN_UPSTREAM",
        _ => ROUTE,
    };
    Finding::failed(check, format!("{page} is {}, and no login page", response.status), remedy)
}

async fn check_cookie(probe: &HostProbe<'_>, response: &ProbeResponse) -> Result<(), Finding> {
    let authority = probe.authority();
    let id = cookie::read(&response.headers).map_err(|problem| {
        Finding::failed(
            COOKIE_CHECK,
            format!("{authority}: {problem}"),
            "the proxy must not change `Set-Cookie` headers: browsers would drop the cookie, and \
             logins would start over and over",
        )
    })?;
    let again = get(probe, LOGIN_PATH, Some(&id)).await;
    match again.map(|response| cookie::read(&response.headers)) {
        Ok(Err(_)) => Ok(()),
        Ok(Ok(_)) => Err(Finding::failed(
            COOKIE_CHECK,
            format!("{authority}: the service does not receive the cookie that it has set"),
            "the proxy has to pass the `Cookie` header of /.vault-auth/ on unchanged",
        )),
        Err(error) => Err(Finding::failed(
            COOKIE_CHECK,
            format!("{authority} with a cookie: {error}"),
            "see the proxy's log",
        )),
    }
}

fn summarize_cookies(results: Vec<Result<(), Finding>>) -> Finding {
    let count = results.len();
    let failed = results.into_iter().find_map(Result::err);
    match (failed, count) {
        (Some(finding), _) => finding,
        (None, 0) => {
            let reason = "no host of an application has the login pages";
            skipped([COOKIE_CHECK], reason)
                .next()
                .unwrap_or_else(|| Finding::skipped(COOKIE_CHECK, reason, ""))
        }
        (None, _) => Finding::ok(
            COOKIE_CHECK,
            "it arrives as it was set (`__Host-`, Secure, Path=/), and returns to the service",
        ),
    }
}

/// Returns true for a page of the login.
fn is_page(response: &ProbeResponse) -> bool {
    let html = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    html.is_some_and(|html| html.starts_with("text/html"))
        && response.headers.contains_key(CONTENT_SECURITY_POLICY)
}

/// Returns true for the login form: its fields and links lead to the same path.
fn is_login_page(response: &ProbeResponse) -> bool {
    let body = String::from_utf8_lossy(&response.body);
    response.status == 200 && is_page(response) && body.contains(&format!("\"{LOGIN_PATH}"))
}

/// Sends the request of a person who opens a page, with this cookie.
async fn get(
    probe: &HostProbe<'_>,
    target: &str,
    cookie: Option<&str>,
) -> Result<ProbeResponse, String> {
    let mut request = Request::builder()
        .uri(target)
        .header(ACCEPT, "text/html")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-site", "none");
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, cookie);
    }
    probe.send(request, Bytes::new()).await
}
