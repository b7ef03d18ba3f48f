use rustify::{
    endpoint::Endpoint,
    enums::{RequestMethod, RequestType, ResponseType},
    errors::ClientError,
};
use serde::Serialize;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::secrets::to_wiped_json;

/// A call that is put together here. vaultrs has many of them, but lets plaintexts lie about, drops
/// what is needed from the answers, and has none for much of what administrators do.
pub(super) struct Call {
    method: RequestMethod,
    path: String,
    query: Option<String>,
    body: Option<Zeroizing<Vec<u8>>>,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(RequestMethod::GET, path, None)
    }

    pub(super) fn list(path: impl Into<String>) -> Self {
        Self::new(RequestMethod::LIST, path, None)
    }

    pub(super) fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(RequestMethod::POST, path, Some(to_wiped_json(body)))
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new(RequestMethod::DELETE, path, None)
    }

    fn new(
        method: RequestMethod,
        path: impl Into<String>,
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Self {
        Self { method, path: path.into(), query: None, body }
    }

    pub(super) fn with_query(self, pairs: &[(&str, &str)]) -> Self {
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { query: Some(query), ..self }
    }
}

/// By reference, so that a call can be made again.
impl Endpoint for &Call {
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

    /// A copy, which the client wipes.
    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.body.as_ref().map(|body| body.to_vec()))
    }
}
