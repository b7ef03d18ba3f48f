//! The registration endpoint (RFC 7591).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{
    request::ClientCall,
    response::{error_response, json_response, log_refused},
};
use crate::{
    oauth::{DynamicRegistration, RegistrationRequest},
    server::problem,
};

/// Registers a client, without keeping anything: its id is the sealed registration.
pub(super) async fn register(ClientCall { request, body }: ClientCall) -> Response {
    if request.state.clients.registration() == DynamicRegistration::Off {
        return problem::not_found(&request.headers).map(Body::from);
    }
    let checked = request.check_headers("application/json");
    let counted = match checked {
        Ok(()) => request.count_registration().await,
        error => error,
    };
    if let Err(error) = counted {
        return error_response(&error, &request.id, &request.client()).into_response();
    }
    let keys = &request.state.login.keys;
    let asked = match RegistrationRequest::parse(&body) {
        Ok(asked) => asked,
        Err(error) => {
            let code = error.code();
            log_refused(&request.id, &request.client(), code, &error.to_string());
            let body = serde_json::json!({ "error": code, "error_description": error.to_string() });
            return json_response(StatusCode::BAD_REQUEST, &body);
        }
    };
    match asked.register(keys, &request.issuer.to_string()) {
        Ok(registered) => json_response(StatusCode::CREATED, &registered),
        Err(_) => problem::internal_error(&request.headers).map(Body::from),
    }
}
