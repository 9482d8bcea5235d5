//! Request ids: one in every log line and every answer.

use axum::http::{HeaderName, HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};

use crate::crypto::secrets;
use crate::env::Random;

/// The header that carries the id.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id of a client that is kept, in characters: it is in each log line.
const LONGEST: usize = 128;

/// Makes ids for requests that bring none.
#[derive(Clone)]
pub struct NewRequestId(pub Random);

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _request: &Request<B>) -> Option<RequestId> {
        HeaderValue::from_bytes(&secrets::request_id(&self.0)).ok().map(RequestId::new)
    }
}

/// Forgets an id of a client that is not fit for a log: too long, or of other characters than
/// `A-Z a-z 0-9 . _ : / + = -`.
pub fn checked<B>(mut request: Request<B>) -> Request<B> {
    if request.headers().get(HEADER).is_some_and(|id| !fits(id.as_bytes())) {
        request.headers_mut().remove(HEADER);
    }
    request
}

fn fits(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"._:/+=-".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_clients_are_short_and_plain() {
        for good in ["a", "mine-7", "0af7651916cd43dd8448eb211c80319c", "a.b_c:d/e+f=", &"x".repeat(128)] {
            assert!(fits(good.as_bytes()), "{good}");
        }
        for bad in ["", &"x".repeat(129), "a b", "a\tb", "a;b", "\u{1b}[31m", "<x>", "é", "a\"b"] {
            assert!(!fits(bad.as_bytes()), "{bad}");
        }
    }
}
