//! Lets callers in by the head of their request, before a byte of the body is read.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, HeaderValue, header};
use bytes::Bytes;

use super::idempotency;
use super::limits::Limits;
use super::upload::{Received, Upload};
use crate::auth::{Caller, Gate, bearer};
use crate::error::{Code, Error, Result};
use crate::place::Place;
use crate::proto::{Permission, Rpc};
use crate::telemetry;

/// The header that names the organization (contract 1.5).
const ORG_HEADER: &str = "x-zitadel-orgid";
/// Largest body in bytes of a call that anybody may make.
pub const PUBLIC_BODY: usize = 4 << 10;

/// The door of the RPCs of the contract.
pub struct Door {
    gate: Gate,
    limits: Limits,
}

/// A caller who has been let in, with a body that is there and a place.
pub struct Entered {
    /// Who calls.
    pub caller: Caller,
    /// The body, which counts against the budget as long as this lives.
    pub body: Received,
    /// Its place among the requests in work.
    pub place: Place,
}

impl Door {
    /// A door that `gate` watches.
    pub fn new(gate: Gate, limits: Limits) -> Self {
        Self { gate, limits }
    }

    /// Lets in who may call at all, then reads a body of at most `size` bytes. What is refused here has
    /// not been read.
    ///
    /// # Errors
    /// As [`Gate::admit`] and [`Upload::read`]; code 3 for two `authorization` headers or a bad idempotency key; code
    /// 14 when too many wait.
    pub async fn enter(&self, rpc: &Rpc, headers: &HeaderMap, upload: Upload, size: usize) -> Result<Entered> {
        let permission = rpc.permission;
        let authorization = single(headers)?.map(HeaderValue::as_bytes);
        // What is no text is no organization either; the gate says so, after it has looked at the token.
        let org_id = headers.get(ORG_HEADER).map_or("", |v| v.to_str().unwrap_or("\u{fffd}"));
        if permission == Permission::Public {
            let caller = self.gate.admit(permission, authorization, org_id).await?;
            let (body, place) = self.limits.read_of_stranger(upload, PUBLIC_BODY).await?;
            return Ok(Entered { caller, body, place });
        }
        let place = self.limits.place(upload.peer).await?;
        let mut caller = self.gate.admit(permission, authorization, org_id).await?;
        if rpc.creates
            && let Some(key) = idempotency::key(headers)?
        {
            caller.name_call(rpc, bearer(authorization)?, key)?;
        }
        telemetry::called_by(caller.user_id(), caller.org_id());
        let (body, place) = self.limits.read_of_caller(upload, size, place).await?;
        Ok(Entered { caller, body, place })
    }
}

/// The `authorization` header. Of two, each part of a chain of proxies and servers may take another one.
///
/// # Errors
/// Code 3 when there are two.
pub fn single(headers: &HeaderMap) -> Result<Option<&HeaderValue>> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let first = all.next();
    if all.next().is_some() {
        return Err(Error::native(Code::InvalidArgument, "there is more than one authorization header; send one"));
    }
    Ok(first)
}

/// Why a call was refused before its handler saw it; the handler answers so in the caller's protocol.
#[derive(Clone)]
struct Refused(Arc<Error>);

/// Notes for the handler of an RPC that its caller is refused. The body that goes with it is an empty
/// message in the caller's encoding.
pub fn refuse(extensions: &mut Extensions, headers: &mut HeaderMap, error: Error) -> Bytes {
    extensions.insert(Refused(Arc::new(error)));
    headers.remove(header::CONTENT_ENCODING);
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let json = kind.ends_with(b"json") || kind.starts_with(b"application/json");
    Bytes::from_static(match (kind.starts_with(b"application/grpc"), json) {
        (true, true) => b"\0\0\0\0\x02{}",
        (true, false) => b"\0\0\0\0\0",
        (false, true) => b"{}",
        (false, false) => b"",
    })
}

/// The caller of an RPC, as the door noted it.
///
/// # Errors
/// Why it is refused.
pub fn caller(extensions: &mut Extensions) -> std::result::Result<Caller, Arc<Error>> {
    if let Some(Refused(error)) = extensions.remove() {
        return Err(error);
    }
    // Nothing comes this far without the door; if it did, it would be a stranger.
    let stranger = || Arc::new(Error::native(Code::Unauthenticated, "auth header missing"));
    extensions.remove().ok_or_else(stranger)
}
