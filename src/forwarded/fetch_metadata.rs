use crate::headers::RequestHeaders;

/// The kind and the origin of a request, from the headers that browsers add and pages cannot change
/// (<https://www.w3.org/TR/fetch-metadata/>).
#[derive(Clone, Copy)]
pub struct FetchMetadata<'h> {
    method: &'h str,
    headers: RequestHeaders<'h>,
}

/// The origin of a request, compared with the origin that it is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOrigin {
    /// The same origin, or the person (the address bar, a bookmark).
    Same,
    /// Another origin, or an unknown one. Another host of the same site is another origin.
    Other,
}

impl<'h> FetchMetadata<'h> {
    /// Reads the headers of a request with this method.
    #[must_use]
    pub fn new(method: &'h str, headers: RequestHeaders<'h>) -> Self {
        Self { method, headers }
    }

    /// Returns true if a person opens a page, who can be redirected to a login: a `GET` navigation of
    /// a tab. A navigation that a service worker passes on has the destination `empty`. The destination
    /// `iframe` is not redirected, nor is anything that a script requests. Only in a browser that sends
    /// no `Sec-Fetch-Mode` is `Accept` decisive.
    #[must_use]
    pub fn is_page_navigation(&self) -> bool {
        if self.method != "GET" || self.is_websocket() {
            return false;
        }
        if !self.is_present("sec-fetch-mode") {
            return self.accepts_html();
        }
        self.only("sec-fetch-mode") == Some(b"navigate")
            && matches!(self.only("sec-fetch-dest"), Some(b"document" | b"empty"))
    }

    /// Returns true if a page requests this as a part of itself, such as an image or by a script, and not a
    /// person who opens a page. A client that sends no `Sec-Fetch-…` headers is no such page.
    #[must_use]
    pub fn is_subresource(&self) -> bool {
        let is_other = |name, value: &[u8]| self.is_present(name) && self.only(name) != Some(value);
        is_other("sec-fetch-mode", b"navigate") || is_other("sec-fetch-dest", b"document")
    }

    /// Returns true if the response is shown to a person, and has to be a page that a person can read: to
    /// a navigation of any method and in any frame, or in a browser without `Sec-Fetch-Mode` to a request
    /// that accepts HTML.
    #[must_use]
    pub fn expects_page(&self) -> bool {
        match self.only("sec-fetch-mode") {
            Some(mode) => mode == b"navigate" && !self.is_websocket(),
            None => self.accepts_html() && !self.is_websocket(),
        }
    }

    /// Returns true if the browser requests the page before the person opens it. Such a request must
    /// not change anything, since the person may never see the page.
    #[must_use]
    pub fn is_prefetch(&self) -> bool {
        self.is_present("sec-purpose") || self.is_present("purpose") || self.is_present("x-moz")
    }

    /// Returns true if the request may change something at the application: any method but `GET`,
    /// `HEAD` and `OPTIONS` (RFC 9110, 9.2.1), or a `WebSocket` handshake.
    #[must_use]
    pub fn is_unsafe(&self) -> bool {
        let is_safe = matches!(self.method, "GET" | "HEAD" | "OPTIONS");
        !is_safe || self.is_websocket()
    }

    /// Returns the origin of the request, which is sent to this origin: `https://crm.example.com`.
    /// `Origin` is decisive for `WebSocket` handshakes, which have no `Sec-Fetch-Site`, and in browsers
    /// that send none.
    #[must_use]
    pub fn origin(&self, own_origin: &str) -> RequestOrigin {
        let is_same = if self.is_websocket() || !self.is_present("sec-fetch-site") {
            self.only("origin") == Some(own_origin.as_bytes())
        } else {
            matches!(self.only("sec-fetch-site"), Some(b"same-origin" | b"none"))
        };
        if is_same { RequestOrigin::Same } else { RequestOrigin::Other }
    }

    /// Some proxies remove `Upgrade` from the request that they send to `/validate`, and a handshake
    /// over HTTP/2 has no `Sec-WebSocket-Key` (RFC 8441, 5).
    fn is_websocket(&self) -> bool {
        self.headers.has_any(&["sec-websocket-key", "sec-websocket-version", "upgrade"])
    }

    fn accepts_html(&self) -> bool {
        let is_html = self.headers.get_all("accept").any(|value| contains(value, b"text/html"));
        is_html && !self.is_present("x-requested-with")
    }

    fn is_present(&self, name: &'static str) -> bool {
        self.headers.has_any(&[name])
    }

    /// Returns the value of a header that occurs exactly once.
    fn only(&self, name: &'static str) -> Option<&'h [u8]> {
        let mut values = self.headers.get_all(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use httparse::Header;

    use super::{FetchMetadata, RequestOrigin};
    use crate::headers::RequestHeaders;

    const OWN: &str = "https://crm.example.com";

    fn raw<'h>(headers: &[(&'h str, &'h str)]) -> Vec<Header<'h>> {
        headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect()
    }

    fn read<'h>(method: &'h str, headers: &'h [Header<'h>]) -> FetchMetadata<'h> {
        FetchMetadata::new(method, RequestHeaders::Raw(headers))
    }

    #[test]
    fn only_page_navigations_are_redirected() {
        let is_page = |headers: &[(&str, &str)]| read("GET", &raw(headers)).is_page_navigation();
        let html = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let fetch = |mode, dest| [("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)];
        assert!(is_page(&fetch("navigate", "document")));
        assert!(is_page(&fetch("navigate", "empty")));
        assert!(is_page(&[html]));
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("cors", "empty"),
            ("no-cors", "image"),
            ("no-cors", "empty"),
            ("same-origin", "serviceworker"),
            ("websocket", "empty"),
            ("Navigate", "document"),
        ] {
            let [first, second] = fetch(mode, dest);
            assert!(!is_page(&[first, second, html]), "{mode} {dest}");
        }
        assert!(!is_page(&[("Sec-Fetch-Mode", "navigate"), html]));
        let [mode, dest] = fetch("navigate", "document");
        assert!(!is_page(&[mode, mode, dest]));
        assert!(!is_page(&[mode, dest, ("Upgrade", "websocket")]));
        assert!(!is_page(&[html, ("X-Requested-With", "XMLHttpRequest")]));
        assert!(!is_page(&[html, ("Sec-WebSocket-Key", "AQ==")]));
        assert!(!is_page(&[("Accept", "*/*")]));
        assert!(!is_page(&[("Accept", "text/event-stream")]));
        assert!(!is_page(&[]));
        for method in ["POST", "HEAD", "PUT"] {
            assert!(!read(method, &raw(&fetch("navigate", "document"))).is_page_navigation());
        }
    }

    #[test]
    fn other_origins_are_distinguished() {
        let origin = |headers: &[(&str, &str)]| read("POST", &raw(headers)).origin(OWN);
        for site in ["same-origin", "none"] {
            assert_eq!(origin(&[("Sec-Fetch-Site", site)]), RequestOrigin::Same);
            let null = [("Sec-Fetch-Site", site), ("Origin", "null")];
            assert_eq!(origin(&null), RequestOrigin::Same);
        }
        for site in ["same-site", "cross-site", "", "Same-Origin", "none, cross-site"] {
            let both = [("Sec-Fetch-Site", site), ("Origin", OWN)];
            assert_eq!(origin(&both), RequestOrigin::Other, "{site}");
        }
        let twice = [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "none")];
        assert_eq!(origin(&twice), RequestOrigin::Other);
        assert_eq!(origin(&[("Origin", OWN)]), RequestOrigin::Same);
        for other in [
            "null",
            "http://crm.example.com",
            "https://crm.example.com:444",
            "https://crm.example.com.evil.test",
            "https://acme.crm.example.com",
            "https://CRM.example.com",
        ] {
            assert_eq!(origin(&[("Origin", other)]), RequestOrigin::Other, "{other}");
        }
        assert_eq!(origin(&[]), RequestOrigin::Other);
    }

    #[test]
    fn l06_websocket_origin_is_compared() {
        let key = ("Sec-WebSocket-Key", "AQ==");
        let origin = |headers: &[(&str, &str)]| read("GET", &raw(headers)).origin(OWN);
        assert_eq!(origin(&[key, ("Origin", OWN)]), RequestOrigin::Same);
        assert_eq!(origin(&[key, ("Origin", "https://login.example.com")]), RequestOrigin::Other);
        assert_eq!(origin(&[key, ("Sec-Fetch-Site", "none")]), RequestOrigin::Other);
        assert_eq!(origin(&[key]), RequestOrigin::Other);
        assert!(read("GET", &raw(&[key])).is_unsafe());
    }

    #[test]
    fn unsafe_methods_and_prefetches_are_recognized() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(!read(method, &raw(&[])).is_unsafe(), "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE"] {
            assert!(read(method, &raw(&[])).is_unsafe(), "{method}");
        }
        for purpose in ["prefetch", "prefetch;prerender"] {
            assert!(read("GET", &raw(&[("Sec-Purpose", purpose)])).is_prefetch());
        }
        assert!(!read("GET", &raw(&[])).is_prefetch());
    }
}
