//! Documents of servers on the public internet, whose addresses strangers choose.
//!
//! A request goes to public addresses only, so that the URL of a document cannot be used to reach
//! services in private networks. Time, size and number of requests are limited, and redirects are
//! not followed.

mod address;
mod error;
mod fetch;
mod public_url;
mod resolver;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;

pub use error::DocumentError;
pub use fetch::{MAX_DOCUMENT_SIZE, PublicDocuments};
pub use public_url::PublicUrl;
