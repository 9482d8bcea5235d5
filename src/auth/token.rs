//! From the `authorization` header to a [`Caller`].

use std::sync::Arc;

use super::names::{can_be_token, can_name};
use super::owners::Owners;
use super::permission::{Limit, permits};
use super::presented::Presented;
use super::scopes::Scopes;
use super::signing::SigningKeys;
use super::usage::Usage;
use super::{Caller, Membership};
use crate::clock::Micros;
use crate::crypto::secrets;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::proto::Permission;
use crate::store::{Answer, Cache, CallerRow, Credentials, Found, Heap, OrgState, Store, UserState, Verdict, names};

const BEARER: &str = "Bearer ";
/// Bytes of memory for callers: some ten thousand.
const CALLERS: u64 = 6 << 20;

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
    callers: Cache<(Token, String), Known>,
}

/// What a gate needs.
pub struct GateParts {
    /// Knows tokens and users.
    pub store: Store,
    /// The present time.
    pub env: Env,
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
struct Known {
    user_id: String,
    user_org_id: String,
    org_id: Option<String>,
    org_removed: bool,
    expires_at: Micros,
    is_pat: bool,
    memberships: Arc<[Membership]>,
}

impl Heap for Known {
    fn heap(&self) -> usize {
        let memberships = self.memberships.iter().map(|m| {
            let names = m.roles.capacity() * size_of::<String>() + m.roles.iter().map(Heap::heap).sum::<usize>();
            size_of::<Membership>() + m.org_id.heap() + m.limit.as_ref().map_or(0, |limit| limit.id().heap()) + names
        });
        self.user_id.heap() + self.user_org_id.heap() + self.org_id.heap() + memberships.sum::<usize>()
    }
}

impl Gate {
    /// A gate.
    pub fn new(parts: GateParts) -> Self {
        let callers = Cache::new(&parts.store, CALLERS);
        Self(Arc::new(Inner { parts, callers }))
    }

    /// Finds out whose something is, for calls that address it by its id alone.
    pub fn owners(&self) -> Owners {
        Owners::new(self.0.parts.store.clone())
    }

    /// Who calls with these headers. `org_id` is `x-zitadel-orgid`, empty if absent.
    ///
    /// # Errors
    /// Code 16 for anything wrong with the token (contract 1.6), code 7 for an unknown organization.
    pub async fn admit(&self, permission: Permission, authorization: Option<&[u8]>, org_id: &str) -> Result<Caller> {
        let inner = &*self.0;
        let now = inner.parts.env.clock.now();
        if permission == Permission::Public {
            return Ok(Caller::stranger(now));
        }
        let token = bearer(authorization)?;
        // What cannot be an organization or a token is not looked up.
        if !can_name(org_id) {
            return Err(no_org());
        }
        if !can_be_token(token) {
            return Err(refused("not a token of this server"));
        }
        let hash = secrets::hash(token);
        let judge = |caller: &Known| caller.judge(permission, now);
        let found =
            inner.callers.judged((hash, org_id.to_owned()), judge, || inner.look_up(token, org_id, now)).await?;
        let caller = match found {
            // Who has not the permission is told so where the request is known.
            Found::Good(caller) | Found::No(None, caller) => caller,
            Found::No(Some(error), _) => return Err(error()),
            Found::Unknown => return Err(refused("unknown or void token")),
        };
        if caller.is_pat {
            inner.parts.usage.note(Credentials::Pat(hash), now);
        }
        Ok(Caller {
            user_id: caller.user_id.clone(),
            user_org_id: caller.user_org_id.clone(),
            org_id: caller.org_id.clone().ok_or_else(no_org)?,
            org_removed: caller.org_removed,
            memberships: Arc::clone(&caller.memberships),
            ..Caller::stranger(now)
        })
    }
}

/// Why a caller is not let in; none if it is, but may not do what it wants.
type Refusal = Option<fn() -> Error>;

impl Known {
    /// Whether it may come in: what depends on what others may have changed just now is doubted.
    fn judge(&self, permission: Permission, now: Micros) -> Verdict<Refusal> {
        if self.expires_at <= now {
            return Verdict::No(Some(expired));
        }
        let Some(org_id) = &self.org_id else { return Verdict::Doubt(Some(no_org)) };
        match permission {
            Permission::Named(name) if !permits(&self.memberships, org_id, name) => Verdict::Doubt(None),
            _ => Verdict::Good,
        }
    }
}

impl Inner {
    async fn look_up(&self, token: &str, org_id: &str, now: Micros) -> Result<Option<Answer<Known>>> {
        let parts = &self.parts;
        let presented = Presented::of(token, &parts.signing, &parts.issuer, now).await?;
        let Some(presented) = presented else { return Ok(None) };
        let rows = match &presented {
            Presented::Pat { hash } => parts.store.caller_by_pat(hash, org_id).await?,
            Presented::Opaque { id, .. } | Presented::Jwt { id, .. } => {
                parts.store.caller_by_token(*id, org_id).await?
            }
        };
        let Some(first) = rows.first() else { return Ok(None) };
        let us = parts.project_id.as_str();
        let for_us = |scopes: &String| Scopes(scopes).audience(us).contains(&us);
        if !presented.is(&first.user_id, first.token_hash.as_deref())
            || first.user_state != UserState::Active
            || !first.scopes.as_ref().is_none_or(for_us)
        {
            return Ok(None);
        }
        let org_removed = match first.context_state {
            Some(state) => state == OrgState::Removed,
            None => parts.store.org_was_removed(org_id).await?,
        };
        let held = rows.iter().filter(|row| !org_removed || row.member_org.as_deref() == Some(""));
        let caller = Known {
            user_id: first.user_id.clone(),
            user_org_id: first.org_id.clone(),
            org_id: first.context_org.clone().or_else(|| org_removed.then(|| org_id.to_owned())),
            org_removed,
            expires_at: first.expires_at,
            is_pat: first.scopes.is_none(),
            memberships: held.filter_map(|row| membership(row).transpose()).collect::<Result<_>>()?,
        };
        let of = rows.iter().filter_map(|row| row.member_org.as_deref()).chain(first.context_org.as_deref());
        let of = of.chain([first.org_id.as_str()]).filter(|id| !id.is_empty());
        Ok(Some(of.fold(Answer::new(caller).from(presented.proven()), Answer::of)))
    }
}

fn membership(row: &CallerRow) -> Result<Option<Membership>> {
    let (Some(scope), Some(org_id), Some(roles)) = (row.scope, &row.member_org, &row.roles) else { return Ok(None) };
    let limit = row.object_id.clone().and_then(|id| Limit::of(scope, id));
    Ok(Some(Membership { org_id: org_id.clone(), limit, roles: names(roles)? }))
}

fn expired() -> Error {
    refused("expired token")
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
