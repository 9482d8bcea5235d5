//! Cross-origin rules of contract 1.8: any origin, with credentials, a fixed list of verbs and headers.
//!
//! The layer of tower-http answers every OPTIONS request as a preflight; the original, and so this
//! server, only those that announce a method, and lets the others fall through to the routes.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

const METHODS: &[&str] = &["OPTIONS", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const HEADERS: &[&str] = &[
    "origin",
    "content-type",
    "accept",
    "accept-language",
    "authorization",
    "x-zitadel-orgid",
    "x-user-agent",
    "x-grpc-web",
    "x-requested-with",
    "connect-protocol-version",
    "connect-timeout-ms",
    "grpc-timeout",
];
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Location, Content-Length, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const VARY: HeaderValue = HeaderValue::from_static("Origin");
/// Seconds a browser may keep the answer to a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Answers preflights and marks the answers to requests from another origin.
pub async fn layer(request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else { return next.run(request).await };
    if request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return preflight(&origin, request.headers());
    }
    let mut response = next.run(request).await;
    allow(response.headers_mut(), origin);
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    headers.append(header::VARY, VARY);
}

fn preflight(origin: &HeaderValue, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let text = |name: HeaderName| asked.get(name).and_then(|v| v.to_str().ok());
    let method = text(header::ACCESS_CONTROL_REQUEST_METHOD).unwrap_or_default();
    let names = text(header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let known = |name: &str| name.is_empty() || HEADERS.iter().any(|h| h.eq_ignore_ascii_case(name));
    if !METHODS.contains(&method) || !names.split(',').all(|name| known(name.trim())) {
        return response;
    }
    let headers = response.headers_mut();
    allow(headers, origin.clone());
    for (from, to) in [
        (header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS),
        (header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = asked.get(from) {
            headers.insert(to, value.clone());
        }
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}
