//! Personal access tokens and client secrets of machine users.

use std::sync::Arc;

use buffa::MessageField;

use super::users::NOT_FOUND;
use super::{Deps, validate};
use crate::auth::{Ctx, Membership, may_give};
use crate::crypto::secrets;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddPersonalAccessTokenRequest, AddPersonalAccessTokenResponse, GenerateMachineSecretRequest,
    GenerateMachineSecretResponse, GetPersonalAccessTokenByIDsRequest, GetPersonalAccessTokenByIDsResponse,
    ListPersonalAccessTokensRequest, ListPersonalAccessTokensResponse, RemoveMachineSecretRequest,
    RemoveMachineSecretResponse, RemovePersonalAccessTokenRequest, RemovePersonalAccessTokenResponse,
};
use crate::proto::zitadel::user::v1::PersonalAccessToken;
use crate::proto::zitadel::v1::ObjectDetails;
use crate::proto::{Part, change_details, full_details, list_details, optional_timestamp, timestamp};
use crate::store::{
    Credential, CredentialAdded, CredentialRemoved, CredentialRow, HeldRolesRow, MachineSecretSet, Stamp, UserAt, Work,
    names,
};

/// Scopes of every personal access token (contract, AddPersonalAccessToken).
pub const PAT_SCOPES: [&str; 4] =
    ["openid", "profile", "urn:zitadel:iam:user:metadata", "urn:zitadel:iam:user:resourceowner"];

/// Tokens and secrets of machine users.
pub struct Tokens(pub(super) Deps);

impl Tokens {
    /// `AddPersonalAccessToken`: the token is in this answer and nowhere else.
    ///
    /// # Errors
    /// `DOMAIN-dv3t5` expiration in the past, `COMMAND-Dggw2` no such user.
    pub async fn add_personal_access_token(
        self: Arc<Self>,
        cx: Ctx,
        request: AddPersonalAccessTokenRequest,
    ) -> Result<AddPersonalAccessTokenResponse> {
        cx.admit(&request)?;
        let expires_at = validate::expiration(&request.expiration_date, cx.now)?;
        let no_user = || Error::precondition("COMMAND-Dggw2", NOT_FOUND);
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let token = secrets::personal_access_token();
        let hash = secrets::hash(&token);
        let work = self.0.store.work(cx.actor(), async |mut work| {
            let mut found = work.user_lock(user).await?.ok_or_else(no_user)?;
            may_speak_for(&cx, found.work, user.id).await?;
            let id = self.0.ids.next().await;
            let pat = CredentialAdded { kind: Credential::Pat, user, id: &id, material: &hash, expires_at };
            let event = found.record(&pat).await?;
            Ok((id, event))
        });
        let (id, event) = work.await?;
        Ok(AddPersonalAccessTokenResponse {
            token_id: id,
            token: token.to_string(),
            details: change_details(&cx.org_id, &event, event.at),
        })
    }

    /// `GetPersonalAccessTokenByIDs`: never the token itself.
    ///
    /// # Errors
    /// `QUERY-fRunu` no such token.
    pub async fn get_personal_access_token_by_ids(
        self: Arc<Self>,
        cx: Ctx,
        request: GetPersonalAccessTokenByIDsRequest,
    ) -> Result<GetPersonalAccessTokenByIDsResponse> {
        cx.admit(&request)?;
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let token = self.0.store.credential_by_id(Credential::Pat, user, &request.token_id).await?;
        let token = token.ok_or_else(|| Error::not_found("QUERY-fRunu", "Errors.PersonalAccessToken.NotFound"))?;
        Ok(GetPersonalAccessTokenByIDsResponse { token: MessageField::some(message(&cx.org_id, token)) })
    }

    /// `ListPersonalAccessTokens`: expired ones included; an unknown user has none.
    ///
    /// # Errors
    /// None of its own.
    pub async fn list_personal_access_tokens(
        self: Arc<Self>,
        cx: Ctx,
        request: ListPersonalAccessTokensRequest,
    ) -> Result<ListPersonalAccessTokensResponse> {
        cx.admit(&request)?;
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let list = self.0.store.credential_list(Credential::Pat, user, validate::page(&request.query)).await?;
        Ok(ListPersonalAccessTokensResponse {
            details: list_details(list.total, list.seen.as_ref()),
            result: list.rows.into_iter().map(|token| message(&cx.org_id, token)).collect(),
        })
    }

    /// `RemovePersonalAccessToken`: void at once.
    ///
    /// # Errors
    /// `COMMAND-4m77G` no such token.
    pub async fn remove_personal_access_token(
        self: Arc<Self>,
        cx: Ctx,
        request: RemovePersonalAccessTokenRequest,
    ) -> Result<RemovePersonalAccessTokenResponse> {
        cx.admit(&request)?;
        let details = remove_pat(&self.0, &cx, &request.user_id, &request.token_id).await?;
        Ok(RemovePersonalAccessTokenResponse { details })
    }

    /// `GenerateMachineSecret`: the client id is the login name; an old secret is void at once.
    ///
    /// # Errors
    /// `QUERY-Dfbg2` no such user.
    pub async fn generate_machine_secret(
        self: Arc<Self>,
        cx: Ctx,
        request: GenerateMachineSecretRequest,
    ) -> Result<GenerateMachineSecretResponse> {
        cx.admit(&request)?;
        let no_user = || Error::not_found("QUERY-Dfbg2", NOT_FOUND);
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let secret = secrets::client_secret();
        let hash = secrets::hash(&secret);
        let (client_id, details) = self
            .0
            .store
            .work(cx.actor(), async |mut work| {
                let mut found = work.user_lock(user).await?.ok_or_else(no_user)?;
                may_speak_for(&cx, found.work, user.id).await?;
                let event = found.record(&MachineSecretSet { at: user, hash: Some(&hash) }).await?;
                let details = change_details(user.org_id, &event, found.row.stamp.created_at);
                Ok((found.row.user_name.clone(), details))
            })
            .await?;
        Ok(GenerateMachineSecretResponse { client_id, client_secret: secret.to_string(), details })
    }

    /// `RemoveMachineSecret`.
    ///
    /// # Errors
    /// `COMMAND-x7s802` no such user, `COMMAND-coi82n` it has no secret.
    pub async fn remove_machine_secret(
        self: Arc<Self>,
        cx: Ctx,
        request: RemoveMachineSecretRequest,
    ) -> Result<RemoveMachineSecretResponse> {
        cx.admit(&request)?;
        let no_user = || Error::precondition("COMMAND-x7s802", "Errors.User.NotExisting");
        let user = UserAt { org_id: &cx.org_id, id: &request.user_id };
        let details = self.0.store.work(cx.actor(), async |mut work| {
            let mut found = work.user_lock(user).await?.ok_or_else(no_user)?;
            if !found.row.has_secret {
                return Err(Error::precondition("COMMAND-coi82n", "Secret doesn't exist"));
            }
            let event = found.record(&MachineSecretSet { at: user, hash: None }).await?;
            Ok(change_details(user.org_id, &event, found.row.stamp.created_at))
        });
        Ok(RemoveMachineSecretResponse { details: details.await? })
    }
}

/// Nobody can make a credential for a user with more rights than the own ones: who could would have them.
///
/// # Errors
/// `COMMAND-8gK2d` the user has a role somewhere that the caller may not give.
pub(super) async fn may_speak_for(cx: &Ctx, work: &mut Work, user_id: &str) -> Result<()> {
    if user_id == cx.user_id {
        return Ok(());
    }
    let theirs = memberships(work, user_id).await?;
    // What a project of another organization gives is for that organization to say.
    let counts = |m: &Membership| m.project_id.is_none() || m.org_id == cx.org_id;
    if !theirs.iter().any(counts) {
        return Ok(());
    }
    let own = memberships(work, &cx.user_id).await?;
    if theirs.iter().filter(|m| counts(m)).all(|m| may_give(&own, m)) {
        return Ok(());
    }
    let text = "The user has roles that you may not give; ask somebody who may";
    Err(Error::denied("COMMAND-8gK2d", text))
}

async fn memberships(work: &mut Work, user_id: &str) -> Result<Vec<Membership>> {
    let rows = work.roles_held(user_id).await?;
    let one = |row: HeldRolesRow| {
        let project_id = (row.scope == 2).then_some(row.object_id);
        Ok(Membership { org_id: row.org_id, project_id, roles: names(&row.roles)? })
    };
    rows.into_iter().map(one).collect()
}

/// Removes a personal access token.
///
/// # Errors
/// `COMMAND-4m77G` no such token.
pub(super) async fn remove_pat(deps: &Deps, cx: &Ctx, user_id: &str, token_id: &str) -> Result<Part<ObjectDetails>> {
    let no_token = || Error::not_found("COMMAND-4m77G", "Personal Access Token not found");
    let user = UserAt { org_id: &cx.org_id, id: user_id };
    let work = deps.store.work(cx.actor(), async |mut work| {
        let mut found = work.user_lock(user).await?.ok_or_else(no_token)?;
        let token = found.work.credential_by_id(Credential::Pat, user, token_id).await?.ok_or_else(no_token)?;
        let event = found.record(&CredentialRemoved { kind: Credential::Pat, user, id: &token.id }).await?;
        Ok(change_details(user.org_id, &event, token.created_at))
    });
    work.await
}

fn message(org_id: &str, token: CredentialRow) -> PersonalAccessToken {
    let stamp = Stamp { sequence: token.sequence, created_at: token.created_at, changed_at: token.created_at };
    PersonalAccessToken {
        id: token.id,
        details: full_details(org_id, &stamp),
        expiration_date: MessageField::some(timestamp(token.expires_at)),
        scopes: PAT_SCOPES.map(str::to_owned).to_vec(),
        last_used: optional_timestamp(token.last_used_at),
    }
}
