//! The key file: what `keyDetails` holds in base64 (contract, AddAppKey). Member order matters to
//! people who compare files, so it is that of the struct.

use serde::Serialize;

use super::rsa::KeyPair;
use crate::clock::Micros;
use crate::error::{Error, Result};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationKey<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    key_id: &'a str,
    key: &'a str,
    app_id: &'a str,
    client_id: &'a str,
}

/// The file of an application key as compact JSON.
///
/// # Errors
/// Never in practice: all members are text.
pub fn application(pair: &KeyPair, key_id: &str, app_id: &str, client_id: &str) -> Result<Vec<u8>> {
    serde_json::to_vec(&ApplicationKey { kind: "application", key_id, key: &pair.private_pem, app_id, client_id })
        .map_err(Error::internal)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceAccountKey<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    key_id: &'a str,
    key: &'a str,
    expiration_date: String,
    user_id: &'a str,
}

/// The file of a machine key as compact JSON (contract, AddMachineKey).
///
/// # Errors
/// Never in practice: all members are text.
pub fn service_account(pair: &KeyPair, key_id: &str, user_id: &str, expires_at: Micros) -> Result<Vec<u8>> {
    let expires = chrono::DateTime::from_timestamp_micros(expires_at).unwrap_or_default();
    serde_json::to_vec(&ServiceAccountKey {
        kind: "serviceaccount",
        key_id,
        key: &pair.private_pem,
        expiration_date: expires.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        user_id,
    })
    .map_err(Error::internal)
}
