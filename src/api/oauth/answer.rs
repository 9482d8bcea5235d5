//! Answers of the OAuth endpoints: JSON and a newline, never cached, except the key set.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde::Serialize;

use crate::api::adapter::error::{log, retry_after};
use crate::api::adapter::json::json_response;
use crate::error::Error;
use crate::service::oauth::{OAuthError, OAuthResult};

/// How long clients may keep the key set (contract, `oauth.md` 1.4).
const KEEP: HeaderValue = HeaderValue::from_static("max-age=300, must-revalidate");

/// How a client may authenticate that tried Basic (RFC 7617, section 2).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"claviger\", charset=\"UTF-8\"");

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    error_description: &'a str,
}

/// A value as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> OAuthResult<Response<Body>> {
    Ok(line(status, &serde_json::to_vec(value).map_err(Error::internal)?))
}

/// JSON as one line.
pub fn line(status: StatusCode, json: &[u8]) -> Response<Body> {
    let mut body = Vec::with_capacity(json.len() + 1);
    body.extend_from_slice(json);
    body.push(b'\n');
    json_response(status, body)
}

/// The key set.
pub fn key_set(json: Bytes) -> Response<Body> {
    let mut response = json_response(StatusCode::OK, json);
    response.headers_mut().insert(header::CACHE_CONTROL, KEEP);
    response.headers_mut().remove(header::PRAGMA);
    response
}

/// Done, and nothing to say.
pub fn empty() -> Response<Body> {
    let mut response = json_response(StatusCode::OK, Body::empty());
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// An error.
pub fn error(error: &OAuthError) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = ErrorBody { error: error.error, error_description: &error.description };
    let mut response = line(status, &serde_json::to_vec(&body).unwrap_or_default());
    if let Some(source) = &error.source {
        log(source);
        retry_after(source, response.headers_mut());
    }
    if error.challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}
