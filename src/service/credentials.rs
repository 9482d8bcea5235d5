//! What holds for each kind of credential of a user: who may make one, and how one goes.

use super::outcome::{changed, made};
use super::{Deps, chosen};
use crate::auth::{Admitted, Membership, may_give};
use crate::clock::Micros;
use crate::error::{Error, Result};
use crate::store::{Credential, CredentialAdded, CredentialRemoved, Stamp, UserAt, Work};

/// A new credential.
#[derive(Clone, Copy)]
pub(super) struct NewCredential<'a> {
    /// Its kind.
    pub kind: Credential,
    /// Its user.
    pub user: UserAt<'a>,
    /// The identifier that the caller chooses; one is made if there is none.
    pub id: Option<&'a str>,
    /// SubjectPublicKeyInfo in DER of a key, SHA-256 of a token.
    pub material: &'a [u8],
    /// When it ends.
    pub expires_at: Micros,
}

/// Keeps a new credential; gives its id and the stamp of its first event.
///
/// # Errors
/// `no_user` no such user, `COMMAND-8gK2d` the user has roles that the caller may not give, code 6 the chosen id
/// is used, or looks like one of the server.
pub(super) async fn add(
    deps: &Deps,
    who: &Admitted,
    new: NewCredential<'_>,
    no_user: fn() -> Error,
) -> Result<(String, Stamp)> {
    let NewCredential { kind, user, id: own, material, expires_at } = new;
    if let Some(id) = own {
        chosen::check(deps, id, "key or token id", chosen::used).await?;
    }
    let work = deps.store.work(who.actor(), async |mut work| {
        let mut found = work.user_held(user).await?.ok_or_else(no_user)?;
        may_speak_for(who, found.work, user.id).await?;
        let id = match own {
            Some(id) => id.to_owned(),
            None => deps.env.ids.next().await,
        };
        let event = found.record(&CredentialAdded { kind, user, id: &id, material, expires_at }).await;
        let event = event.map_err(|e| if own.is_some() { chosen::taken(e) } else { e.into() })?;
        Ok((id, made(&event)))
    });
    work.await
}

/// Removes a credential; it is void at once.
///
/// # Errors
/// `missing` no such user, or no such credential of it.
pub(super) async fn remove(
    deps: &Deps,
    who: &Admitted,
    (kind, user_id, id): (Credential, &str, &str),
    missing: fn() -> Error,
) -> Result<Stamp> {
    let user = UserAt { org_id: &who.org_id, id: user_id };
    let work = deps.store.work(who.actor(), async |mut work| {
        let mut found = work.user_held(user).await?.ok_or_else(missing)?;
        let row = found.work.credential_by_id(kind, user, id).await?.ok_or_else(missing)?;
        let event = found.record(&CredentialRemoved { kind, user, id: &row.id }).await?;
        Ok(changed(&event, row.created_at))
    });
    work.await
}

/// Nobody can make a credential for a user with more rights than the own ones: who could would have them.
///
/// # Errors
/// `COMMAND-8gK2d` the user has a role somewhere that the caller may not give.
pub(super) async fn may_speak_for(who: &Admitted, work: &mut Work, user_id: &str) -> Result<()> {
    if user_id == who.user_id || who.is_server {
        return Ok(());
    }
    let theirs = memberships(work, user_id).await?;
    // What a project of another organization gives, or a grant to one, is for that organization to say.
    let counts = |m: &Membership| m.limit.is_none() || m.org_id == who.org_id;
    if !theirs.iter().any(counts) {
        return Ok(());
    }
    let own = memberships(work, &who.user_id).await?;
    if theirs.iter().filter(|m| counts(m)).all(|m| may_give(&own, m)) {
        return Ok(());
    }
    let text = "The user has roles that you may not give; ask somebody who may";
    Err(Error::denied("COMMAND-8gK2d", text))
}

async fn memberships(work: &mut Work, user_id: &str) -> Result<Vec<Membership>> {
    work.roles_held(user_id).await?.into_iter().map(Membership::try_from).collect()
}
