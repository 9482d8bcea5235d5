//! From the `authorization` header to a [`Ctx`].

use std::sync::Arc;

use super::{Ctx, Membership};
use crate::clock::Clock;
use crate::crypto::secrets;
use crate::error::{Code, Error, Result};
use crate::proto::Permission;
use crate::store::{CallerRow, Store};

/// Number of `USER_STATE_ACTIVE`.
const ACTIVE: i64 = 1;
const BEARER: &str = "Bearer ";

/// The token of an `authorization` header (contract 1.6).
///
/// # Errors
/// Code 16 when the header is missing, empty or not of the form `Bearer <token>`.
pub fn bearer(header: Option<&[u8]>) -> Result<&str> {
    let header = header.filter(|h| !h.is_empty());
    let header = header.ok_or_else(|| Error::native(Code::Unauthenticated, "auth header missing"))?;
    std::str::from_utf8(header)
        .ok()
        .and_then(|h| h.strip_prefix(BEARER))
        .map(str::trim)
        .filter(|t| !t.is_empty() && !t.contains(BEARER))
        .ok_or_else(|| Error::unauthenticated("AUTH-toLo1", "invalid auth header"))
}

/// Lets calls in: knows tokens, users and organizations.
#[derive(Clone)]
pub struct Gate {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Gate {
    /// A gate over the store.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// The context of a call with these headers. `org_id` is `x-zitadel-orgid`, empty if absent.
    ///
    /// # Errors
    /// Code 16 for anything wrong with the token (contract 1.6), code 7 for an unknown organization.
    pub async fn admit(&self, permission: Permission, authorization: Option<&[u8]>, org_id: &str) -> Result<Ctx> {
        let now = self.clock.now();
        if permission == Permission::Public {
            return Ok(Ctx::public(now));
        }
        let token = bearer(authorization)?;
        if !secrets::is_personal_access_token(token) {
            return Err(refused("not a token of this server"));
        }
        if org_id.contains('\0') {
            return Err(no_org());
        }
        let rows = self.store.caller_by_pat(&secrets::hash(token), org_id).await?;
        let first = rows.first().ok_or_else(|| refused("unknown token"))?;
        if first.expires_at <= now {
            return Err(refused("expired token"));
        }
        if first.user_state != ACTIVE {
            return Err(refused("user is not active"));
        }
        let org_id = first.context_org.clone().ok_or_else(no_org)?;
        Ok(Ctx {
            user_id: first.user_id.clone(),
            user_org_id: first.org_id.clone(),
            org_id,
            now,
            memberships: rows.iter().filter_map(membership).collect(),
        })
    }
}

fn membership(row: &CallerRow) -> Option<Membership> {
    let project_id = (row.scope? == 2).then(|| row.object_id.clone()).flatten();
    Some(Membership {
        org_id: row.member_org.clone()?,
        project_id,
        roles: row.roles.as_deref()?.split(' ').map(str::to_owned).collect(),
    })
}

fn no_org() -> Error {
    Error::denied("AUTH-Bs7Ds", "Organisation doesn't exist")
}

/// The client is told nothing; the reason goes to the log.
fn refused(reason: &'static str) -> Error {
    tracing::info!(reason, "authentication failed");
    Error::unauthenticated("AUTH-7fs1e", "Errors.Token.Invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_headers_are_read_as_the_contract_says() {
        assert_eq!(bearer(Some(b"Bearer abc")).expect("plain"), "abc");
        assert_eq!(bearer(Some(b"Bearer  abc")).expect("two blanks"), "abc");
        for (header, id) in [
            (None, ""),
            (Some(&b""[..]), ""),
            (Some(b"Bearer"), "AUTH-toLo1"),
            (Some(b"Bearer "), "AUTH-toLo1"),
            (Some(b"bearer abc"), "AUTH-toLo1"),
            (Some(b"Basic abc"), "AUTH-toLo1"),
            (Some(b"Bearer Bearer abc"), "AUTH-toLo1"),
            (Some(b"Bearer \xff"), "AUTH-toLo1"),
        ] {
            let error = bearer(header).expect_err("refused");
            assert_eq!((error.code, error.id), (Code::Unauthenticated, id), "{header:?}");
        }
    }
}
