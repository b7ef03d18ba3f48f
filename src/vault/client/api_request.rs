use rustify::{
    endpoint::Endpoint,
    enums::{RequestMethod, RequestType, ResponseType},
    errors::ClientError,
};
use serde::Serialize;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::secrets::to_zeroizing_json;

/// A request to Vault's API, built from a method, a path and a body. It replaces vaultrs' request
/// types where those leave plaintext in memory, where vaultrs' responses drop needed fields, and for
/// the many administrative endpoints that vaultrs lacks. The body is wiped when it is dropped.
pub(in crate::vault) struct ApiRequest {
    method: RequestMethod,
    path: String,
    query: Option<String>,
    body: Option<Zeroizing<Vec<u8>>>,
}

impl ApiRequest {
    pub(in crate::vault) fn get(path: impl Into<String>) -> Self {
        Self::new(RequestMethod::GET, path, None)
    }

    pub(in crate::vault) fn list(path: impl Into<String>) -> Self {
        Self::new(RequestMethod::LIST, path, None)
    }

    pub(in crate::vault) fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(RequestMethod::POST, path, Some(to_zeroizing_json(body)))
    }

    pub(in crate::vault) fn delete(path: impl Into<String>) -> Self {
        Self::new(RequestMethod::DELETE, path, None)
    }

    fn new(
        method: RequestMethod,
        path: impl Into<String>,
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Self {
        Self { method, path: path.into(), query: None, body }
    }

    pub(in crate::vault) fn with_query(self, pairs: &[(&str, &str)]) -> Self {
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { query: Some(query), ..self }
    }
}

/// Implemented for a reference, so that a request can be sent again.
impl Endpoint for &ApiRequest {
    type Response = ();

    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        self.method.clone()
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        Ok(self.query.clone())
    }

    /// Returns a copy, which the client wipes.
    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.body.as_ref().map(|body| body.to_vec()))
    }
}
