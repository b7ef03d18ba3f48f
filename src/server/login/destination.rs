use std::borrow::Cow;

use http::StatusCode;
use url::Url;

use super::{PageResponse, request::LoginRequest};
use crate::{
    login::{
        BrowserIdDigest, Destination, ReturnUrl,
        pages::{AuthorizationTarget, LoginTarget, Notice},
    },
    oauth::AuthorizationRequest,
};

/// The purpose of a login.
#[derive(Clone, Debug, Default)]
pub(in crate::server) enum LoginDestination {
    /// The page of the login host about the session.
    #[default]
    Account,
    /// A page of an application, and the browser that opens it.
    Page(ReturnUrl, Option<BrowserIdDigest>),
    /// The request of an OAuth client.
    Authorization(Box<AuthorizationLogin>),
}

/// A login for the request of an OAuth client.
#[derive(Clone, Debug)]
pub(in crate::server) struct AuthorizationLogin {
    /// The sealed request.
    pub(in crate::server) sealed: String,
    pub(in crate::server) request: AuthorizationRequest,
    /// The name of the resource.
    pub(in crate::server) resource: String,
}

/// The parameters of a query or a form that name the purpose of a login.
#[derive(Default)]
pub(super) struct DestinationParameters<'p> {
    pub(super) to: Option<Cow<'p, str>>,
    pub(super) browser: Option<Cow<'p, str>>,
    pub(super) authorization: Option<Cow<'p, str>>,
}

impl LoginDestination {
    /// Reads the purpose of a login, or returns the page that says why there is none.
    pub(super) fn read(
        request: &LoginRequest,
        parameters: &DestinationParameters<'_>,
    ) -> Result<Self, PageResponse> {
        if let Some(sealed) = &parameters.authorization {
            return Self::authorization(request, sealed)
                .ok_or_else(|| request.authorization_expired());
        }
        let Some(to) = parameters.to.as_deref().filter(|to| !to.is_empty()) else {
            return Ok(Self::Account);
        };
        let page = ReturnUrl::parse(to, &request.state.site.hosts).ok_or_else(|| {
            let url = Url::parse(to).ok();
            let host = url.as_ref().and_then(Url::host_str).filter(|host| host.len() <= 253);
            request.notice(StatusCode::BAD_REQUEST, Notice::ReturnRefused { host })
        })?;
        let browser = parameters.browser.as_deref().and_then(BrowserIdDigest::parse);
        Ok(Self::Page(page, browser))
    }

    /// Restores the purpose of a login that was kept. A page that may not be returned to any more becomes the
    /// account page; for an authorization that took too long there is no login.
    pub(super) fn restore(
        request: &LoginRequest,
        kept: &Destination,
    ) -> Result<Self, PageResponse> {
        match kept {
            Destination::Account => Ok(Self::Account),
            Destination::Page(page, browser) => {
                let page = ReturnUrl::parse(page, &request.state.site.hosts);
                let browser = browser.as_deref().and_then(BrowserIdDigest::parse);
                Ok(page.map_or(Self::Account, |page| Self::Page(page, browser)))
            }
            Destination::Authorization(sealed) => {
                Self::authorization(request, sealed).ok_or_else(|| request.authorization_expired())
            }
        }
    }

    /// Returns the form that is kept until the login ends.
    pub(super) fn to_kept(&self) -> Destination {
        match self {
            Self::Account => Destination::Account,
            Self::Page(page, browser) => {
                let browser = browser.as_ref().map(|browser| browser.as_str().to_owned());
                Destination::Page(page.to_string(), browser)
            }
            Self::Authorization(login) => Destination::Authorization(login.sealed.clone()),
        }
    }

    fn authorization(request: &LoginRequest, sealed: &str) -> Option<Self> {
        let resources = request.state.resources.as_ref()?;
        let keys = &request.state.keys;
        let asked = AuthorizationRequest::unseal(keys, &request.origin, sealed)?;
        let resource = resources.get(&asked.resource)?.name().to_owned();
        let sealed = sealed.to_owned();
        Some(Self::Authorization(Box::new(AuthorizationLogin { sealed, request: asked, resource })))
    }

    /// Returns the page that the login is for, if it is one of an application.
    pub(super) fn page(&self) -> Option<&ReturnUrl> {
        match self {
            Self::Page(page, _) => Some(page),
            Self::Account | Self::Authorization(_) => None,
        }
    }

    /// Returns the purpose in the form that the pages pass on.
    pub(super) fn target(&self) -> LoginTarget<'_> {
        match self {
            Self::Account => LoginTarget::default(),
            Self::Page(page, browser) => LoginTarget {
                to: Some(page),
                browser: browser.as_ref().map(BrowserIdDigest::as_str),
                authorization: None,
            },
            Self::Authorization(login) => LoginTarget {
                authorization: Some(AuthorizationTarget {
                    sealed: &login.sealed,
                    client: login.request.client_label(),
                    resource: &login.resource,
                }),
                ..LoginTarget::default()
            },
        }
    }

    /// Returns the schemes of the addresses that the login form may be redirected to. Browsers check the
    /// whole chain of redirects, and the application may redirect to any other host.
    pub(super) fn form_actions(&self) -> &'static [&'static str] {
        match self {
            // The question for consent is the response to the form.
            Self::Account | Self::Authorization(_) => &[],
            Self::Page(page, _) if page.as_str().starts_with("https:") => &["https:"],
            Self::Page(..) => &["https:", "http:"],
        }
    }
}
