//! Errors on the wire: `google.rpc.Status` as JSON for REST, a status with details for the RPC protocols.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use connectrpc::{ConnectError, ErrorCode, ErrorDetail as RpcDetail};
use serde::Serialize;

use super::json::json_response;
use super::outcome;
use crate::error::{Code, Error};
use crate::proto::zitadel::v1::ErrorDetail;

const DETAIL_TYPE: &str = "zitadel.v1.ErrorDetail";

#[derive(Serialize)]
struct Status<'a> {
    code: i32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<[Detail<'a>; 1]>,
}

#[derive(Serialize)]
struct Detail<'a> {
    #[serde(rename = "@type")]
    kind: &'static str,
    id: &'a str,
    message: &'a str,
}

/// The REST answer for an error (contract 1.4).
pub fn response(error: &Error) -> Response<Body> {
    log(error);
    let message = error.status_message();
    let details = (!error.id.is_empty()).then_some([Detail {
        kind: "type.googleapis.com/zitadel.v1.ErrorDetail",
        id: error.id,
        message: &error.message,
    }]);
    let body = serde_json::to_vec(&Status { code: error.code as i32, message: &message, details });
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(status, body.unwrap_or_default());
    if error.code == Code::Unauthenticated
        && let Ok(value) = HeaderValue::from_str(&message)
    {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    retry_after(error, response.headers_mut());
    response
}

/// Tells the client when to try again; gRPC calls it metadata of the same name. What is not available now may be in
/// a second, unless the error knows better.
pub fn retry_after(error: &Error, headers: &mut HeaderMap) {
    let soon = (error.code == Code::Unavailable).then_some(1);
    if let Some(seconds) = error.retry_after.or(soon) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// The routing error of the gateway for a path that exists for other verbs (contract 1.4), which it names
/// (RFC 9110, section 15.5.6).
pub fn method_not_allowed(verbs: &str) -> Response<Body> {
    let body = Status { code: 12, message: "Method Not Allowed", details: None };
    let mut response = json_response(StatusCode::METHOD_NOT_ALLOWED, serde_json::to_vec(&body).unwrap_or_default());
    if let Ok(verbs) = HeaderValue::from_str(verbs) {
        response.headers_mut().insert(header::ALLOW, verbs);
    }
    response
}

/// The routing error for a path that does not exist.
pub fn no_such_path() -> Response<Body> {
    response(&Error::native(Code::NotFound, "Not Found"))
}

/// The error for gRPC, gRPC-web and Connect.
pub fn status(error: &Error) -> ConnectError {
    log(error);
    let code = ErrorCode::from_grpc_code(error.code as u32).unwrap_or(ErrorCode::Internal);
    let mut status = ConnectError::new(code, error.status_message().into_owned());
    retry_after(error, status.response_headers_mut());
    if error.id.is_empty() {
        return status;
    }
    let detail = ErrorDetail { id: error.id.to_owned(), message: error.message.clone().into_owned() };
    let mut told = RpcDetail::from_message(DETAIL_TYPE, &detail);
    // The same for people who read the JSON of Connect; gRPC has no place for it.
    told.debug = Some(serde_json::json!({"id": detail.id, "message": detail.message}));
    status.with_detail(told)
}

/// The answer of an RPC to another verb than POST (contract, `v2.md`, corrections).
pub fn post_only() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// The gRPC answer for a failure outside any handler; it must be gRPC-shaped too.
pub fn grpc_trailers_only(error: &Error) -> Response<Body> {
    log(error);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(error.code as i32));
    let text: String =
        percent_encoding::utf8_percent_encode(&error.status_message(), percent_encoding::CONTROLS).to_string();
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert("grpc-message", value);
    }
    retry_after(error, headers);
    response
}

/// Logs what the client is not told, once, where the error leaves the server. The request id comes
/// from the span of the request.
pub fn log(error: &Error) {
    outcome::note(error.code);
    match (&error.source, error.code) {
        (Some(source), Code::Unavailable) => tracing::warn!(error = %source, "store not reachable"),
        (Some(source), _) => tracing::error!(error = %source, "request failed"),
        (None, _) => tracing::debug!(code = error.code as i32, id = error.id, message = %error.message, "refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_tells_when_to_try_again() {
        let busy = Error::native(Code::ResourceExhausted, "too many").retry_after(7);
        let named = Error::not_found("TEST-1", "text").retry_after(7);
        for error in [&busy, &named] {
            assert_eq!(response(error).headers()["retry-after"], "7");
            assert_eq!(grpc_trailers_only(error).headers()["retry-after"], "7");
            assert_eq!(status(error).response_headers()["retry-after"], "7");
        }
        let plain = Error::native(Code::ResourceExhausted, "too large");
        assert!(response(&plain).headers().get("retry-after").is_none());
        assert!(status(&plain).response_headers().is_empty());
    }
}
