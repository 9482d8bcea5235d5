//! Personal access tokens and client secrets of machine users.

use std::sync::Arc;

use buffa::MessageField;

use super::fields::{expiration, page};
use super::users::not_found;
use crate::api::adapter::details::{date, details, list_details, optional_timestamp};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::management::v1::{
    AddPersonalAccessTokenRequest, AddPersonalAccessTokenResponse, GenerateMachineSecretRequest,
    GenerateMachineSecretResponse, GetPersonalAccessTokenByIDsRequest, GetPersonalAccessTokenByIDsResponse,
    ListPersonalAccessTokensRequest, ListPersonalAccessTokensResponse, RemoveMachineSecretRequest,
    RemoveMachineSecretResponse, RemovePersonalAccessTokenRequest, RemovePersonalAccessTokenResponse,
};
use crate::proto::zitadel::user::v1::PersonalAccessToken;
use crate::service::tokens::{PAT_SCOPES, Tokens};
use crate::store::CredentialRow;

/// RPCs of tokens and secrets of machine users.
pub fn routes(table: Resource<Tokens>) -> Resource<Tokens> {
    table
        .rpc("AddPersonalAccessToken", add_personal_access_token)
        .rpc("GetPersonalAccessTokenByIDs", get_personal_access_token_by_ids)
        .rpc("ListPersonalAccessTokens", list_personal_access_tokens)
        .rpc("RemovePersonalAccessToken", remove_personal_access_token)
        .rpc("GenerateMachineSecret", generate_machine_secret)
        .rpc("RemoveMachineSecret", remove_machine_secret)
}

async fn add_personal_access_token(
    tokens: Arc<Tokens>,
    caller: Caller,
    request: AddPersonalAccessTokenRequest,
) -> Result<AddPersonalAccessTokenResponse> {
    let who = caller.admit(&request)?;
    let expires_at = expiration(&request.expiration_date)?;
    let created = tokens.add_personal_access_token(&who, &request.user_id, expires_at, None).await?;
    Ok(AddPersonalAccessTokenResponse {
        details: details(&who.org_id, &created.stamp),
        token: created.token.to_string(),
        token_id: created.id,
    })
}

async fn get_personal_access_token_by_ids(
    tokens: Arc<Tokens>,
    caller: Caller,
    request: GetPersonalAccessTokenByIDsRequest,
) -> Result<GetPersonalAccessTokenByIDsResponse> {
    let who = caller.admit(&request)?;
    let token = tokens.personal_access_token(&who, &request.user_id, &request.token_id).await?;
    let token = token.ok_or_else(|| Error::not_found("QUERY-fRunu", "Errors.PersonalAccessToken.NotFound"))?;
    Ok(GetPersonalAccessTokenByIDsResponse { token: MessageField::some(message(&who.org_id, token)) })
}

async fn list_personal_access_tokens(
    tokens: Arc<Tokens>,
    caller: Caller,
    request: ListPersonalAccessTokensRequest,
) -> Result<ListPersonalAccessTokensResponse> {
    let who = caller.admit(&request)?;
    let list = tokens.list_personal_access_tokens(&who, &request.user_id, page(&request.query)).await?;
    Ok(ListPersonalAccessTokensResponse {
        details: list_details(&list),
        result: list.rows.into_iter().map(|token| message(&who.org_id, token)).collect(),
    })
}

async fn remove_personal_access_token(
    tokens: Arc<Tokens>,
    caller: Caller,
    request: RemovePersonalAccessTokenRequest,
) -> Result<RemovePersonalAccessTokenResponse> {
    let who = caller.admit(&request)?;
    let stamp = tokens.remove_personal_access_token(&who, &request.user_id, &request.token_id).await?;
    Ok(RemovePersonalAccessTokenResponse { details: details(&who.org_id, &stamp) })
}

async fn generate_machine_secret(
    tokens: Arc<Tokens>,
    caller: Caller,
    request: GenerateMachineSecretRequest,
) -> Result<GenerateMachineSecretResponse> {
    let who = caller.admit(&request)?;
    let made = tokens.generate_machine_secret(&who, &request.user_id, None, not_found).await?;
    Ok(GenerateMachineSecretResponse {
        details: details(&who.org_id, &made.stamp),
        client_secret: made.secret.to_string(),
        client_id: made.client_id,
    })
}

async fn remove_machine_secret(
    tokens: Arc<Tokens>,
    caller: Caller,
    request: RemoveMachineSecretRequest,
) -> Result<RemoveMachineSecretResponse> {
    let who = caller.admit(&request)?;
    let stamp = tokens.remove_machine_secret(&who, &request.user_id).await?;
    Ok(RemoveMachineSecretResponse { details: details(&who.org_id, &stamp) })
}

/// A token as clients read it, never with its text. It never changes, so both its dates are that of its making.
fn message(org_id: &str, token: CredentialRow) -> PersonalAccessToken {
    PersonalAccessToken {
        details: details(org_id, &token.stamp()),
        id: token.id,
        expiration_date: date(token.expires_at),
        scopes: PAT_SCOPES.map(str::to_owned).to_vec(),
        last_used: optional_timestamp(token.last_used_at),
    }
}
