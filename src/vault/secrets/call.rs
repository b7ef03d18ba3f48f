use rustify::{
    endpoint::Endpoint,
    enums::{RequestMethod, RequestType, ResponseType},
    errors::ClientError,
};
use serde::Serialize;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::secrets::to_wiped_json;

/// A call of the KV or the transit engine. vaultrs has most of them, but lets plaintexts lie about
/// and drops what is needed from the answers.
pub(super) struct Call {
    method: RequestMethod,
    path: String,
    query: Option<String>,
    body: Option<Zeroizing<Vec<u8>>>,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self { method: RequestMethod::GET, path, query: None, body: None }
    }

    pub(super) fn post(path: String, body: &impl Serialize) -> Self {
        let body = Some(to_wiped_json(body));
        Self { method: RequestMethod::POST, path, query: None, body }
    }

    pub(super) fn delete(path: String) -> Self {
        Self { method: RequestMethod::DELETE, path, query: None, body: None }
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
