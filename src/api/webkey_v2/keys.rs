//! Signing keys.

use std::sync::Arc;

use buffa::EnumValue;

use crate::api::adapter::details::{date, optional_timestamp};
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::{Code, Error, Result};
use crate::proto::zitadel::webkey::v2::__buffa::oneof::create_web_key_request::Key as New;
use crate::proto::zitadel::webkey::v2::__buffa::oneof::web_key::Key;
use crate::proto::zitadel::webkey::v2::{
    ActivateWebKeyRequest, ActivateWebKeyResponse, CreateWebKeyRequest, CreateWebKeyResponse, DeleteWebKeyRequest,
    DeleteWebKeyResponse, ListWebKeysRequest, ListWebKeysResponse, RSA, RSABits, RSAHasher, State,
    WebKey as WebKeyMessage,
};
use crate::service::web_keys::{WebKey, WebKeys};
use crate::store::SigningState;

/// RPCs of signing keys.
pub fn routes(table: Resource<WebKeys>) -> Resource<WebKeys> {
    table
        .rpc("CreateWebKey", create_web_key)
        .rpc("ActivateWebKey", activate_web_key)
        .rpc("DeleteWebKey", delete_web_key)
        .rpc("ListWebKeys", list_web_keys)
}

async fn create_web_key(
    keys: Arc<WebKeys>,
    caller: Caller,
    request: CreateWebKeyRequest,
) -> Result<CreateWebKeyResponse> {
    let who = caller.admit(&request)?;
    if !is_ours(request.key.as_ref()) {
        let text = "only RSA keys of 2048 bits that sign with SHA-256 are made here: leave the key out, or send rsa with \
                    RSA_BITS_2048 and RSA_HASHER_SHA256";
        return Err(Error::native(Code::InvalidArgument, text));
    }
    let key = keys.create_web_key(&who).await?;
    Ok(CreateWebKeyResponse { id: key.id, creation_date: date(key.created_at) })
}

async fn activate_web_key(
    keys: Arc<WebKeys>,
    caller: Caller,
    request: ActivateWebKeyRequest,
) -> Result<ActivateWebKeyResponse> {
    let who = caller.admit(&request)?;
    let at = keys.activate_web_key(&who, &request.id).await?;
    Ok(ActivateWebKeyResponse { change_date: date(at) })
}

async fn delete_web_key(
    keys: Arc<WebKeys>,
    caller: Caller,
    request: DeleteWebKeyRequest,
) -> Result<DeleteWebKeyResponse> {
    let who = caller.admit(&request)?;
    let at = keys.delete_web_key(&who, &request.id).await?;
    Ok(DeleteWebKeyResponse { deletion_date: optional_timestamp(at) })
}

async fn list_web_keys(keys: Arc<WebKeys>, caller: Caller, request: ListWebKeysRequest) -> Result<ListWebKeysResponse> {
    let who = caller.admit(&request)?;
    let list = keys.list_web_keys(&who).await?;
    Ok(ListWebKeysResponse { web_keys: list.into_iter().map(message).collect() })
}

/// Whether this is the one kind of key that the server makes; what is left out is that one.
fn is_ours(key: Option<&New>) -> bool {
    match key {
        None => true,
        Some(New::Rsa(rsa)) => rsa.bits == RSABits::RSA_BITS_2048 && rsa.hasher == RSAHasher::RSA_HASHER_SHA256,
        Some(_) => false,
    }
}

fn message(key: WebKey) -> WebKeyMessage {
    let state = match key.state {
        SigningState::Next => State::STATE_INITIAL,
        SigningState::Active => State::STATE_ACTIVE,
        SigningState::Retired => State::STATE_INACTIVE,
    };
    let (bits, hasher) = (RSABits::RSA_BITS_2048, RSAHasher::RSA_HASHER_SHA256);
    let rsa = RSA { bits: EnumValue::from(bits), hasher: EnumValue::from(hasher) };
    WebKeyMessage {
        id: key.id,
        creation_date: date(key.created_at),
        change_date: date(key.changed_at),
        state: EnumValue::from(state),
        key: Some(Key::Rsa(Box::new(rsa))),
    }
}
