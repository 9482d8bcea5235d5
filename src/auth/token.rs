//! From the `authorization` header to a [`Ctx`].

use std::sync::Arc;

use super::presented::Presented;
use super::scopes::Scopes;
use super::signing::SigningKeys;
use super::usage::Usage;
use super::{Ctx, Membership};
use crate::clock::{Clock, Micros};
use crate::crypto::secrets;
use crate::error::{Code, Error, Result};
use crate::proto::Permission;
use crate::store::{Cache, CallerRow, Credentials, Store, UserState, names};

const BEARER: &str = "Bearer ";
/// Callers remembered for a moment.
const CALLERS: usize = 10_000;

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

/// Lets calls in: knows tokens, users and organizations. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    parts: GateParts,
    callers: Cache<(Token, String), Caller>,
}

/// What a gate needs.
pub struct GateParts {
    /// Knows tokens and users.
    pub store: Store,
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// Verifies tokens that are JWTs.
    pub signing: SigningKeys,
    /// Notes which personal access tokens are used.
    pub usage: Usage,
    /// Issuer of our tokens.
    pub issuer: Arc<str>,
    /// The project of the management API itself, audience of tokens for it.
    pub project_id: String,
}

/// SHA-256 of a token, so that no cache holds tokens.
type Token = [u8; 32];

/// Who is behind a token, for an organization it names.
struct Caller {
    user_id: String,
    user_org_id: String,
    org_id: Option<String>,
    expires_at: Micros,
    is_pat: bool,
    memberships: Arc<[Membership]>,
}

impl Gate {
    /// A gate.
    pub fn new(parts: GateParts) -> Self {
        let callers = Cache::new(&parts.store, CALLERS);
        Self(Arc::new(Inner { parts, callers }))
    }

    /// The context of a call with these headers. `org_id` is `x-zitadel-orgid`, empty if absent.
    ///
    /// # Errors
    /// Code 16 for anything wrong with the token (contract 1.6), code 7 for an unknown organization.
    pub async fn admit(&self, permission: Permission, authorization: Option<&[u8]>, org_id: &str) -> Result<Ctx> {
        let inner = &*self.0;
        let now = inner.parts.clock.now();
        if permission == Permission::Public {
            return Ok(Ctx::public(now));
        }
        let token = bearer(authorization)?;
        if org_id.contains('\0') {
            return Err(no_org());
        }
        let hash = secrets::hash(token);
        let caller = inner.callers.get((hash, org_id.to_owned()), inner.look_up(token, org_id, now)).await?;
        let caller = caller.ok_or_else(|| refused("unknown token"))?;
        if caller.expires_at <= now {
            return Err(refused("expired token"));
        }
        if caller.is_pat {
            inner.parts.usage.note(Credentials::Pat(hash), now);
        }
        Ok(Ctx {
            user_id: caller.user_id.clone(),
            user_org_id: caller.user_org_id.clone(),
            org_id: caller.org_id.clone().ok_or_else(no_org)?,
            now,
            memberships: Arc::clone(&caller.memberships),
        })
    }
}

impl Inner {
    async fn look_up(&self, token: &str, org_id: &str, now: Micros) -> Result<Option<Caller>> {
        let parts = &self.parts;
        let presented = Presented::of(token, &parts.signing, &parts.issuer, now).await?;
        let presented = presented.ok_or_else(|| refused("not a token of this server"))?;
        let rows = match &presented {
            Presented::Pat { hash } => parts.store.caller_by_pat(hash, org_id).await?,
            Presented::Opaque { id, .. } | Presented::Jwt { id, .. } => {
                parts.store.caller_by_token(*id, org_id).await?
            }
        };
        let Some(first) = rows.first() else { return Ok(None) };
        if !presented.is(&first.user_id, first.token_hash.as_deref()) {
            return Err(refused("not the token of that id"));
        }
        if first.user_state != UserState::Active {
            return Err(refused("user is not active"));
        }
        let us = parts.project_id.as_str();
        if first.scopes.as_ref().is_some_and(|scopes| !Scopes(scopes).audience(us).contains(&us)) {
            return Err(refused("token is not for this API"));
        }
        Ok(Some(Caller {
            user_id: first.user_id.clone(),
            user_org_id: first.org_id.clone(),
            org_id: first.context_org.clone(),
            expires_at: first.expires_at,
            is_pat: first.scopes.is_none(),
            memberships: rows.iter().filter_map(|row| membership(row).transpose()).collect::<Result<_>>()?,
        }))
    }
}

fn membership(row: &CallerRow) -> Result<Option<Membership>> {
    let (Some(scope), Some(org_id), Some(roles)) = (row.scope, &row.member_org, &row.roles) else { return Ok(None) };
    let project_id = (scope == 2).then(|| row.object_id.clone()).flatten();
    Ok(Some(Membership { org_id: org_id.clone(), project_id, roles: names(roles)? }))
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
