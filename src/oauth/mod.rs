//! OAuth 2.1 in front of Vault's logins, for clients of the Model Context Protocol.
//!
//! It has no database and no signing key: codes, access tokens and refresh tokens are a person's Vault
//! token in sealed form, each for one issuer, client and resource. What has to happen once only, at
//! whichever replica, is done once by Vault.

mod authorization;
pub mod client;
mod code;
mod consent;
mod error;
mod metadata;
mod parameters;
mod pkce;
mod refresh_token;
mod resources;

pub use authorization::{AuthorizationRequest, ResponseTarget};
pub use client::{
    ClientError, ClientKind, Clients, DynamicRegistration, OAuthClient, RedirectUri,
    RegistrationRequest,
};
pub use code::{AuthorizationCode, CODE_LIFETIME, check_resource};
pub use consent::{CONSENT_TIME, PendingConsent};
pub use error::{OAuthError, OAuthErrorCode};
pub use metadata::{
    AUTHORIZE_PATH, REGISTER_PATH, REVOKE_PATH, ResourceMetadata, SCOPE, SERVER_METADATA_PATH,
    ServerMetadata, TOKEN_PATH,
};
pub use parameters::OAuthParameters;
pub use pkce::CodeChallenge;
pub use refresh_token::{RefreshState, RefreshStore, RefreshToken, RefreshUse};
pub use resources::{ProtectedResource, Resources, ResourcesError};
