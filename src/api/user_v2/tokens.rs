//! Personal access tokens and client secrets of machine users.

use std::sync::Arc;

use super::parts::Parts;
use super::queries;
use crate::api::adapter::details::date;
use crate::api::adapter::pages::{page, pagination};
use crate::api::adapter::routes::Resource;
use crate::api::adapter::times::expiration;
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::proto::zitadel::user::v2::{
    AddPersonalAccessTokenRequest, AddPersonalAccessTokenResponse, AddSecretRequest, AddSecretResponse,
    ListPersonalAccessTokensRequest, ListPersonalAccessTokensResponse, PersonalAccessToken,
    RemovePersonalAccessTokenRequest, RemovePersonalAccessTokenResponse, RemoveSecretRequest, RemoveSecretResponse,
};
use crate::service::tokens;
use crate::store::OwnedCredentialRow;

/// RPCs of tokens and secrets.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table
        .rpc("AddPersonalAccessToken", add_personal_access_token)
        .rpc("RemovePersonalAccessToken", remove_personal_access_token)
        .rpc("ListPersonalAccessTokens", list_personal_access_tokens)
        .rpc("AddSecret", add_secret)
        .rpc("RemoveSecret", remove_secret)
}

async fn add_personal_access_token(
    parts: Arc<Parts>,
    caller: Caller,
    request: AddPersonalAccessTokenRequest,
) -> Result<AddPersonalAccessTokenResponse> {
    let who = parts.admit_or_self(caller, &request, &request.user_id, tokens::no_user).await?;
    let expires_at = expiration(&request.expiration_date)?;
    let created = parts.tokens.add_personal_access_token(&who, &request.user_id, expires_at, None).await?;
    Ok(AddPersonalAccessTokenResponse {
        creation_date: date(created.stamp.created_at),
        token_id: created.id,
        token: created.token.to_string(),
    })
}

async fn remove_personal_access_token(
    parts: Arc<Parts>,
    caller: Caller,
    request: RemovePersonalAccessTokenRequest,
) -> Result<RemovePersonalAccessTokenResponse> {
    let who = parts.admit_or_self(caller, &request, &request.user_id, tokens::no_token).await?;
    let stamp = parts.tokens.remove_personal_access_token(&who, &request.user_id, &request.token_id).await?;
    Ok(RemovePersonalAccessTokenResponse { deletion_date: date(stamp.changed_at) })
}

async fn list_personal_access_tokens(
    parts: Arc<Parts>,
    caller: Caller,
    request: ListPersonalAccessTokensRequest,
) -> Result<ListPersonalAccessTokensResponse> {
    let reach = parts.owners.reach(caller, &request).await?;
    let page = page(&request.pagination)?;
    let filters: Vec<_> = request.filters.iter().filter_map(queries::token_filter).collect();
    let order = queries::credential_order(request.sorting_column.map(|column| column.to_i32()));
    let list = parts.tokens.list_all_personal_access_tokens(&reach, &filters, order, page).await?;
    Ok(ListPersonalAccessTokensResponse {
        pagination: pagination(&list, page),
        result: list.rows.into_iter().map(message).collect(),
    })
}

async fn add_secret(parts: Arc<Parts>, caller: Caller, request: AddSecretRequest) -> Result<AddSecretResponse> {
    let no_user = || Error::precondition("COMMAND-x8910n", "Errors.User.NotExisting");
    let who = parts.admit_or_self(caller, &request, &request.user_id, no_user).await?;
    let made = parts.tokens.generate_machine_secret(&who, &request.user_id, None, no_user).await?;
    Ok(AddSecretResponse { creation_date: date(made.stamp.changed_at), client_secret: made.secret.to_string() })
}

async fn remove_secret(
    parts: Arc<Parts>,
    caller: Caller,
    request: RemoveSecretRequest,
) -> Result<RemoveSecretResponse> {
    let who = parts.admit_or_self(caller, &request, &request.user_id, tokens::no_owner_of_secret).await?;
    let stamp = parts.tokens.remove_machine_secret(&who, &request.user_id).await?;
    Ok(RemoveSecretResponse { deletion_date: date(stamp.changed_at) })
}

/// A token as clients read it, never with its text. It never changes, so both its dates are that of its making.
fn message(token: OwnedCredentialRow) -> PersonalAccessToken {
    PersonalAccessToken {
        creation_date: date(token.row.created_at),
        change_date: date(token.row.created_at),
        id: token.row.id,
        user_id: token.user_id,
        organization_id: token.org_id,
        expiration_date: date(token.row.expires_at),
    }
}
