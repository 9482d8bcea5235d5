//! gRPC-web in its text form: the binary form in base64, both ways, for clients that cannot read
//! bytes. connectrpc speaks the binary form only, so this wraps it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, header};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http_body_util::BodyExt as _;

use crate::error::{Code, Error, Result};

const TEXT: &[u8] = b"application/grpc-web-text";
const BINARY: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const ANSWER: HeaderValue = HeaderValue::from_static("application/grpc-web-text+proto");
/// Padding is required by the protocol and forgotten by some clients.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a request is in the text form.
pub fn is_text(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(TEXT))
}

/// The request in binary form.
///
/// # Errors
/// Code 3 when the body is no base64.
pub fn binary(head: axum::http::request::Parts, body: &Bytes) -> Result<Request<Body>> {
    let bytes = decode(body).ok_or_else(|| {
        Error::native(Code::InvalidArgument, "the body is not base64; send grpc-web-text frames in base64")
    })?;
    let mut request = Request::from_parts(head, Body::from(bytes));
    request.headers_mut().insert(header::CONTENT_TYPE, BINARY);
    request.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(request)
}

/// The answer in text form. Every RPC here is unary, so the answer is small and read as a whole.
pub async fn text(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    head.headers.insert(header::CONTENT_TYPE, ANSWER);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(BASE64.encode(&bytes)))
}

/// Base64 in pieces: each piece may end with padding and the next begins after it.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut rest: Vec<u8> = text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    while !rest.is_empty() {
        let padded = rest.iter().position(|b| *b == b'=');
        let end = padded.map_or(rest.len(), |at| at.next_multiple_of(4).min(rest.len()));
        if end == 0 {
            return None;
        }
        BASE64.decode_vec(&rest[..end], &mut out).ok()?;
        rest.drain(..end);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_with_and_without_padding_are_read() {
        for (text, bytes) in [("", ""), ("YQ==", "a"), ("YQ", "a"), ("YQ==Yg==", "ab"), ("YWJj\nZA==", "abcd")] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        for bad in ["=", "====", "Y", "Y===", "YQ=x", "é"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
