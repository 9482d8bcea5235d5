//! The key file: what `keyDetails` holds in base64 (contract, AddAppKey). Member order matters to
//! people who compare files, so it is that of the struct.

use serde::Serialize;

use super::rsa::KeyPair;
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
