//! A forward-auth service that authenticates and authorizes requests with HashiCorp Vault or
//! OpenBao tokens, and an API and a command for tenants' secrets and policies in the same Vault.
//!
//! # Glossary
//!
//! | term | meaning |
//! |---|---|
//! | credential | a well-formed token in a request, not yet looked up |
//! | token information | Vault's information about a valid token and its entity: kind, policies, tenant, expiry |
//! | identity | the caller as the service behind the proxy sees it: the `X-Auth-…` headers |
//! | entry | a cached token: its identity and token information, with freshness times |
//! | lookup | a call to Vault for token information; concurrent lookups of one token are coalesced |
//! | stale | past the freshness lifetime, but still served while Vault is unavailable |
//! | requirement | a condition in the proxy's configuration that a request has to meet (`tenant=acme`) |
//! | forwarded request | the client's original request, as the proxy's `X-Forwarded-…` headers describe it |
//! | decision | a request is allowed, or denied with a refusal |
//! | refusal | the reason of a denial, with one status, code, metric label and log level |
//! | unavailable | Vault gave no reliable response, so the token's state is unknown: 503, never 401 |
//! | tenant | a customer whose secrets, keys and policies are separate from others' |
//!
//! Seal, rewrap, renew, revoke, accessor, entity, alias and policy mean what they mean in Vault.
//!
//! # Flow of a request
//!
//! A proxy sends a subrequest to `/validate` for each request of a client.
//!
//! ```text
//! listener
//!   -> forwarded request + credential + requirements
//!   -> decision: token from the cache
//!        (miss: lookup at Vault with the service's own token)
//!   -> kind and address of the token checked
//!   -> requirements checked against the token information
//!        (acl: capabilities from the cache or Vault)
//!   -> 200 with the identity headers, or a problem document
//! ```
//!
//! Token information and capabilities are cached. Decisions are not: each request is
//! authorized again.
//!
//! # Layers
//!
//! A module uses only modules above it in this table; a test enforces the exact dependencies.
//!
//! | module | purpose |
//! |---|---|
//! | [`capabilities`] | capabilities of Vault's policies |
//! | [`headers`], [`networks`], [`uri`], [`wall_clock`] | header fields of any server, IP networks, URI syntax, the time |
//! | [`mcp_methods`] | methods of the Model Context Protocol |
//! | [`policy`] | parser, linter, evaluation and diff of Vault policies |
//! | [`probe`] | connections to a server for diagnostics |
//! | [`public_documents`] | documents of public servers, such as the metadata of OAuth clients |
//! | [`provisioning`] | desired state of Vault, plan and apply |
//! | [`sealed`] | encrypted credentials that clients keep, for one purpose, audience and time |
//! | [`tenants`] | names of tenants and services, and what they are called in Vault |
//! | [`forwarded`] | forwarded request, trusted proxies, client address |
//! | [`resource_uri`] | URIs of protected resources, such as MCP servers |
//! | [`token`] | credentials, token information, identity, the backend trait, the cache |
//! | [`login`] | browser logins: hosts, methods, tickets, cookies, limits, pages, and the backend trait |
//! | [`oauth`] | OAuth: metadata documents, clients, authorization requests, codes and refresh tokens |
//! | [`requirements`] | parsing, caching and path normalization of requirements |
//! | [`secrets`] | names, data and formats of secrets, and the trait of their store |
//! | [`auth`] | authorization: token, requirement and capability checks, refusals, rate limits, explanations |
//! | [`telemetry`] | logs and metrics |
//! | [`vault`] | Vault's API, the service's session, and the implementations of the traits above |
//! | [`config`] | settings from flags, environment and file |
//! | [`console`] | the page of the admin listener that shows the last hour and explains decisions |
//! | [`server`] | listeners, HTTP/1 and HTTP/2, `/validate`, the secrets API, the admin listener |
//! | [`cli`] | the command's arguments and output |

pub mod audit_feed;
pub mod auth;
pub mod capabilities;
mod child_process;
pub mod cli;
pub mod config;
pub mod console;
pub mod diagnostics;
pub mod forwarded;
pub mod headers;
pub mod login;
pub mod mcp_methods;
pub mod networks;
pub mod oauth;
pub mod policy;
pub mod probe;
pub mod provisioning;
pub mod public_documents;
pub mod requirements;
pub mod resource_uri;
pub mod sealed;
pub mod secrets;
pub mod server;
mod suggestion;
pub mod telemetry;
pub mod tenants;
pub mod token;
pub mod uri;
pub mod vault;
pub mod wall_clock;
