use bytes::Bytes;
use http::{Request, header::ACCEPT};
use serde_json::{Map, Value};

use super::other_scheme;
use crate::{
    diagnostics::{
        finding::Finding,
        host_probe::HostProbe,
        problem::{ProblemDocument, describe},
        proxy::Site,
    },
    probe::ProbeResponse,
};

const OTHER_PROXY: &str = "the service does not trust the proxy, or the proxy does not name the host: \
                           VALIDATOR_TRUSTED_PROXIES, X-Forwarded-Host, X-Forwarded-Proto";

/// A metadata document, and the remedies for other responses at its URL.
pub(super) struct MetadataDocument {
    pub(super) check: &'static str,
    pub(super) url: String,
    /// The remedy if the response is not that of the service.
    pub(super) route: &'static str,
    /// The remedy if the document is that of a service with other settings.
    pub(super) settings: &'static str,
}

impl MetadataDocument {
    /// Requests the document as a client does.
    pub(super) async fn fetch(
        &self,
        authority: &str,
        origin: &str,
        proxy: &Site,
    ) -> Result<Map<String, Value>, Finding> {
        if let Some(finding) = other_scheme(self.check, origin, proxy) {
            return Err(finding);
        }
        let path = self.url.strip_prefix(origin).unwrap_or(&self.url);
        let request = Request::get(path).header(ACCEPT, "application/json");
        let response = HostProbe::new(proxy, authority).send(request, Bytes::new()).await;
        let response =
            response.map_err(|error| self.failed(&format!(": {error}"), super::NO_SITE))?;
        if response.status != 200 {
            return Err(self.refused(&response));
        }
        serde_json::from_slice(&response.body)
            .map_err(|_| self.not_ours("is 200, but no JSON object: the application answers"))
    }

    /// Returns the finding for a response that is no document.
    fn refused(&self, response: &ProbeResponse) -> Finding {
        let remedy = match (response.status, ProblemDocument::parse(response)) {
            (400, Some(_)) => OTHER_PROXY,
            (404, Some(_)) => self.settings,
            (421, None) => "the proxy needs a site for this host",
            (502..=504, _) => "the proxy cannot reach the api listener: check LOGIN_UPSTREAM",
            _ => self.route,
        };
        self.failed(&format!(" is {}, and no metadata", describe(response)), remedy)
    }

    /// Returns the finding for a response of another program than the service.
    pub(super) fn not_ours(&self, problem: &str) -> Finding {
        self.failed(&format!(" {problem}"), self.route)
    }

    /// Returns the finding for the document of a service with other settings.
    pub(super) fn of_other_settings(&self, problem: &str) -> Finding {
        self.failed(&format!(" {problem}"), self.settings)
    }

    fn failed(&self, problem: &str, remedy: &str) -> Finding {
        Finding::failed(self.check, format!("{}{problem}", self.url), remedy)
    }
}
