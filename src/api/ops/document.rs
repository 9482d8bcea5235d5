//! `/openapi.json`: the contract for people and tools. Anybody may read it and keep it; it is made by the build, so an
//! answer costs what sending it costs.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

use crate::proto::OPENAPI;

/// Seconds for which a reader need not ask again. A new version of the server is another document.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");
/// The answer names the origin it is for.
const VARY: HeaderValue = HeaderValue::from_static("Origin");

/// The route of the document.
pub fn document() -> Router {
    let tag: String = Sha256::digest(OPENAPI).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = HeaderValue::from_str(&format!("\"{tag}\"")).ok();
    Router::new().route("/openapi.json", get(move |headers: HeaderMap| async move { answer(tag.as_ref(), &headers) }))
}

/// The document, or that the reader has it already.
fn answer(tag: Option<&HeaderValue>, asked: &HeaderMap) -> Response<Body> {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).zip(tag.and_then(|t| t.to_str().ok()));
    let fresh = known.is_some_and(|(known, tag)| known.split(',').any(|k| k.trim().trim_start_matches("W/") == tag));
    let mut response = Response::new(if fresh { Body::empty() } else { Body::from(Bytes::from_static(OPENAPI)) });
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, CACHE);
    headers.insert(header::VARY, VARY);
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag.clone());
    }
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
