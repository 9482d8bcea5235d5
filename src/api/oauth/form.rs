//! Parameters of the OAuth endpoints: from the query string and a form body together (contract,
//! `oauth.md` 0), and client credentials from the `authorization` header.

use std::borrow::Cow;

use axum::http::{HeaderMap, header, request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::service::oauth::{Credentials, OAuthError, OAuthResult};

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// The parameters of a request.
pub struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>, Origin)>);

/// Where a parameter stood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Query,
    Body,
}

impl<'a> Params<'a> {
    /// Reads query and body; a body of another type than a form counts as absent.
    pub fn read(head: &'a request::Parts, body: &'a [u8]) -> Self {
        let form = head.headers.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(FORM));
        let query = head.uri.query().unwrap_or_default().as_bytes();
        let pairs = |bytes: &'a [u8], origin| form_urlencoded::parse(bytes).map(move |(n, v)| (n, v, origin));
        let body = if form { body } else { &[] };
        Self(pairs(query, Origin::Query).chain(pairs(body, Origin::Body)).collect())
    }

    /// A parameter; none if it is absent.
    ///
    /// # Errors
    /// It is given twice, or holds what no text may hold.
    pub fn get(&self, name: &str) -> OAuthResult<Option<&str>> {
        let mut found = self.0.iter().filter(|(n, ..)| n == name).map(|(_, value, _)| value.as_ref());
        let value = found.next();
        if found.next().is_some() {
            return Err(OAuthError::invalid_request(format!("{name} is given twice; send it once")));
        }
        if value.is_some_and(|v| v.contains('\0')) {
            return Err(OAuthError::invalid_request(format!("{name} holds a NUL character")));
        }
        Ok(value)
    }

    /// A parameter that may be absent.
    ///
    /// # Errors
    /// As [`Params::get`].
    pub fn text(&self, name: &str) -> OAuthResult<String> {
        Ok(self.get(name)?.unwrap_or_default().to_owned())
    }

    /// A parameter that must not stand in the query string, where logs and histories keep it.
    ///
    /// # Errors
    /// It does; or as [`Params::get`].
    pub fn secret(&self, name: &str) -> OAuthResult<String> {
        if self.0.iter().any(|(n, _, origin)| n == name && *origin == Origin::Query) {
            let text = format!("{name} must not be in the query string; send it in the body");
            return Err(OAuthError::invalid_request(text));
        }
        self.text(name)
    }

    /// How the client authenticates: Basic replaces what the form says (RFC 6749, section 2.3.1).
    ///
    /// # Errors
    /// `invalid_client` for a Basic header whose halves are not form-encoded.
    pub fn credentials(&self, headers: &HeaderMap) -> OAuthResult<Credentials> {
        let mut credentials = Credentials {
            client_id: self.text("client_id")?,
            client_secret: self.secret("client_secret")?,
            assertion_type: self.text("client_assertion_type")?,
            assertion: self.secret("client_assertion")?,
            basic: false,
        };
        if let Some((id, secret)) = basic(headers) {
            let bad = || OAuthError::invalid_client("invalid basic auth header");
            credentials.basic = true;
            credentials.client_id = decoded(&id).ok_or_else(bad)?;
            credentials.client_secret = decoded(&secret).ok_or_else(bad)?;
        }
        Ok(credentials)
    }
}

/// Both halves of a Basic header, still form-encoded; none if there is no such header.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn decoded(text: &str) -> Option<String> {
    let text = crate::api::adapter::json::percent_decode(&text.replace('+', " ")).ok()?;
    (!text.contains('\0')).then_some(text)
}
