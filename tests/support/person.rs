//! A person with a browser: keeps cookies for each host, follows redirects, and sends the headers that
//! Chromium sends.

use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use super::{
    http::{self, Answer},
    validator::Validator,
};

/// The server that requests of a person are sent to.
#[derive(Clone, Debug)]
pub enum Route {
    /// The validator itself, as a proxy calls it: `/validate` with this requirement, and the pages below
    /// `/.vault-auth/`, `/oauth/` and `/.well-known/` on the api listener.
    Validator {
        /// URL of the auth listener.
        auth: String,
        /// URL of the api listener.
        api: String,
        /// The requirement of every application.
        requirement: String,
    },
    /// A proxy at this URL, which serves every host.
    Proxy(String),
}

/// A person with a browser.
pub struct Person {
    route: Route,
    http: reqwest::Client,
    cookies: BTreeMap<(String, String), String>,
    /// Headers that are added to every request.
    pub headers: Vec<(String, String)>,
    /// The start of the addresses of another program, to which redirects are not followed.
    pub other_program: Option<String>,
}

/// The page that a person has arrived at.
#[derive(Debug)]
pub struct Page {
    /// Its URL.
    pub url: String,
    /// The responses on the way, the last one being the page.
    pub hops: Vec<(String, Answer)>,
}

/// Where a request comes from, as the browser tells the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// The address bar.
    Typed,
    /// A page of the same origin.
    SameOrigin,
    /// A page of another host of the same site.
    SameSite,
    /// A page of another site.
    CrossSite,
}

impl Route {
    /// The route to this validator, with a requirement.
    pub fn to_validator(validator: &Validator, requirement: &str) -> Self {
        Self::Validator {
            auth: validator.auth_url(),
            api: validator.api_url(),
            requirement: requirement.to_owned(),
        }
    }
}

impl Page {
    /// Returns the last response.
    pub fn answer(&self) -> &Answer {
        &self.hops.last().expect("a response").1
    }

    /// Returns the status of the page.
    pub fn status(&self) -> u16 {
        self.answer().status
    }

    /// Returns the statuses of all responses.
    pub fn statuses(&self) -> Vec<u16> {
        self.hops.iter().map(|(_, answer)| answer.status).collect()
    }

    /// Returns the value of a hidden field of the page.
    pub fn hidden(&self, name: &str) -> Option<String> {
        let body = &self.answer().body;
        let inputs = body.split("<input").skip(1);
        let input = inputs
            .filter_map(|rest| rest.split('>').next())
            .find(|input| input.contains(&format!("name=\"{name}\"")))?;
        let value = input.split("value=\"").nth(1)?.split('"').next()?;
        let decoded =
            [("&amp;", "&"), ("&#38;", "&"), ("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<")];
        Some(decoded.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)))
    }
}

impl Person {
    /// A person without cookies.
    pub fn new(route: Route) -> Self {
        Self {
            route,
            http: http::client(),
            cookies: BTreeMap::new(),
            headers: Vec::new(),
            other_program: None,
        }
    }

    /// Uses another route from now on.
    pub fn switch_to(&mut self, route: Route) {
        self.route = route;
    }

    /// Returns a cookie of a host.
    pub fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.cookies.get(&(host.to_owned(), name.to_owned())).map(String::as_str)
    }

    /// Replaces a cookie of a host.
    pub fn set_cookie(&mut self, host: &str, name: &str, value: &str) {
        self.cookies.insert((host.to_owned(), name.to_owned()), value.to_owned());
    }

    /// Removes all cookies of a host.
    pub fn forget(&mut self, host: &str) {
        self.cookies.retain(|(at, _), _| at != host);
    }

    /// Opens a page by its address, and follows redirects.
    ///
    /// # Panics
    /// After 20 redirects, as browsers give up.
    pub async fn open(&mut self, url: &str) -> Page {
        self.navigate("GET", url, None, Initiator::Typed).await
    }

    /// Sends a form of a page at this URL to this path of the same host, and follows redirects.
    ///
    /// # Panics
    /// As [`Person::open`].
    pub async fn submit(&mut self, url: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let target = Url::parse(url).expect("a URL").join(path).expect("a path");
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.navigate("POST", target.as_str(), Some(body), Initiator::SameOrigin).await
    }

    /// Logs in on the login form that this page shows.
    ///
    /// # Panics
    /// As [`Person::open`].
    pub async fn log_in(&mut self, form: &Page, name: &str, password: &str) -> Page {
        let hidden = ["to", "browser", "authorization"].map(|field| (field, form.hidden(field)));
        let mut fields = vec![("method", "0"), ("name", name), ("password", password)];
        fields.extend(hidden.iter().filter_map(|(field, value)| Some((*field, value.as_deref()?))));
        self.submit(&form.url, "/.vault-auth/login", &fields).await
    }

    /// Navigates, and follows redirects.
    ///
    /// # Panics
    /// As [`Person::open`].
    pub async fn navigate(
        &mut self,
        method: &str,
        url: &str,
        body: Option<String>,
        initiator: Initiator,
    ) -> Page {
        let (mut method, mut url, mut body) = (method.to_owned(), url.to_owned(), body);
        let mut hops = Vec::new();
        for _ in 0..20 {
            let answer = self.hop(&method, &url, body.take(), initiator).await;
            let location = answer.header("location").map(str::to_owned);
            let status = answer.status;
            hops.push((url.clone(), answer));
            match (status, location) {
                (302 | 303, Some(location)) if !self.stops_at(&location) => {
                    let next = Url::parse(&url).expect("a URL").join(&location);
                    next.expect("a location").as_str().clone_into(&mut url);
                    "GET".clone_into(&mut method);
                }
                _ => return Page { url, hops },
            }
        }
        panic!("too many redirects: {:?}", hops.iter().map(|(url, _)| url).collect::<Vec<_>>());
    }

    fn stops_at(&self, location: &str) -> bool {
        self.other_program.as_ref().is_some_and(|other| location.starts_with(other.as_str()))
    }

    /// Sends one request of a navigation.
    pub async fn hop(
        &mut self,
        method: &str,
        url: &str,
        body: Option<String>,
        initiator: Initiator,
    ) -> Answer {
        let site = match initiator {
            Initiator::Typed => "none",
            Initiator::SameOrigin => "same-origin",
            Initiator::SameSite => "same-site",
            Initiator::CrossSite => "cross-site",
        };
        let mut headers = vec![
            ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", site),
        ];
        if body.is_some() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        self.send(method, url, &headers, body).await
    }

    /// Sends a request of a script: `fetch` from a page of the same origin.
    pub async fn fetch(&mut self, method: &str, url: &str) -> Answer {
        let headers = [
            ("accept", "*/*"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "empty"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(method, url, &headers, None).await
    }

    /// Sends a request with the cookies of its host and these headers, and keeps the cookies of the
    /// response.
    ///
    /// # Panics
    /// If no response comes.
    pub async fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let parsed = Url::parse(url).expect("a URL");
        let host = parsed.host_str().expect("a host").to_owned();
        let authority = &parsed[url::Position::BeforeHost..url::Position::AfterPort];
        let target = &parsed[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .filter(|((at, _), _)| *at == host)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let extra = self.headers.clone();
        let mut all: Vec<(&str, &str)> = headers.to_vec();
        all.extend(extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let (address, method) = match &self.route {
            Route::Proxy(proxy) => {
                all.push(("host", authority));
                (format!("{proxy}{target}"), method)
            }
            Route::Validator { auth, api, requirement } => {
                all.extend([
                    ("x-forwarded-host", authority),
                    ("x-forwarded-proto", parsed.scheme()),
                    ("x-forwarded-for", "192.0.2.7"),
                ]);
                let is_page = ["/.vault-auth/", "/oauth/", "/.well-known/"];
                if is_page.iter().any(|prefix| target.starts_with(prefix)) {
                    (format!("{api}{target}"), method)
                } else {
                    all.extend([("x-forwarded-method", method), ("x-forwarded-uri", target)]);
                    (format!("{auth}/validate?{requirement}"), "GET")
                }
            }
        };
        let answer =
            http::send(&self.http, method, &address, &all, body).await.expect("a response");
        for cookie in answer.headers.get_all("set-cookie") {
            self.keep(&host, cookie.to_str().expect("a cookie"));
        }
        answer
    }

    fn keep(&mut self, host: &str, cookie: &str) {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
        assert!(cookie.len() <= 4096, "a browser drops this cookie: {name}");
        if name.starts_with("__Host-") {
            let attributes: Vec<_> = parts.clone().collect();
            for needed in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(attributes.contains(&needed), "{needed} is missing: {name}");
            }
            assert!(!cookie.contains("Domain"), "{name}");
        }
        let key = (host.to_owned(), name.to_owned());
        if parts.any(|attribute| attribute == "Max-Age=0") {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}
