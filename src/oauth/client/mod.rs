//! OAuth clients: the applications that people let act for them.

mod redirect_uri;

pub use redirect_uri::RedirectUri;
