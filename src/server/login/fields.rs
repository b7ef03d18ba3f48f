//! The fields of a submitted form.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use secrecy::SecretString;
use tokio::time::timeout;
use url::form_urlencoded;
use zeroize::Zeroize;

/// The maximum size of a submitted form, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// The maximum time for a submitted form to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum length of the value of a field, in bytes.
const MAX_FIELD: usize = 8 * 1024;

/// The fields of a submitted form.
#[derive(Default)]
pub(super) struct LoginFields {
    pub(super) to: Option<String>,
    pub(super) browser: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) method: Option<String>,
    pub(super) name: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) pending: Option<String>,
    pub(super) codes: Vec<SecretString>,
}

impl LoginFields {
    /// Reads the fields of a form; `None` if it was not sent by one of the pages.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Option<Self> {
        let body = read_form(headers, body).await?;
        let fields = parse_fields(&body);
        if let Ok(mut body) = body.try_into_mut() {
            body.as_mut().zeroize();
        }
        fields
    }
}

/// Reads a submitted form; `None` if it is none, is too large, or does not arrive in time.
pub(in crate::server) async fn read_form(headers: &HeaderMap, body: Body) -> Option<Bytes> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY)).await.ok()?.ok()
}

fn parse_fields(body: &[u8]) -> Option<LoginFields> {
    let mut fields = LoginFields::default();
    for (name, value) in form_urlencoded::parse(body) {
        // The parser replaces bytes that are not UTF-8, which no browser sends.
        if value.len() > MAX_FIELD || value.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        let field = match &*name {
            "to" => &mut fields.to,
            "browser" => &mut fields.browser,
            "authorization" => &mut fields.authorization,
            "method" => &mut fields.method,
            "name" => &mut fields.name,
            "pending" => &mut fields.pending,
            "password" if fields.password.is_none() => {
                fields.password = Some(SecretString::from(value.into_owned()));
                continue;
            }
            "code" => {
                fields.codes.push(SecretString::from(value.into_owned()));
                continue;
            }
            _ => return None,
        };
        if field.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some(fields)
}
