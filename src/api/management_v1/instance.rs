//! The server itself.

use std::sync::Arc;

use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::management::v1::{
    GetIAMRequest, GetIAMResponse, GetOIDCInformationRequest, GetOIDCInformationResponse, GetSupportedLanguagesRequest,
    GetSupportedLanguagesResponse,
};
use crate::service::instance::Instance;
use crate::service::oauth::{DISCOVERY_PATH, Issuer};

/// Languages of our texts.
const LANGUAGES: [&str; 1] = ["en"];

/// RPCs of the server itself.
pub fn routes(table: Resource<Instance>) -> Resource<Instance> {
    table.rpc("GetIAM", get_iam).rpc("GetSupportedLanguages", get_supported_languages)
}

/// The RPC that tells anybody where discovery is.
pub fn issuer_routes(table: Resource<Issuer>) -> Resource<Issuer> {
    table.rpc("GetOIDCInformation", get_oidc_information)
}

async fn get_oidc_information(
    issuer: Arc<Issuer>,
    caller: Caller,
    request: GetOIDCInformationRequest,
) -> Result<GetOIDCInformationResponse> {
    caller.admit(&request)?;
    let issuer = issuer.name();
    Ok(GetOIDCInformationResponse {
        issuer: issuer.to_owned(),
        discovery_endpoint: format!("{issuer}{DISCOVERY_PATH}"),
    })
}

/// The default organization stands under both of its names.
async fn get_iam(instance: Arc<Instance>, caller: Caller, request: GetIAMRequest) -> Result<GetIAMResponse> {
    let who = caller.admit(&request)?;
    let ids = instance.ids(&who).await?;
    Ok(GetIAMResponse {
        global_org_id: ids.default_org_id.clone(),
        iam_project_id: ids.iam_project_id,
        default_org_id: ids.default_org_id,
    })
}

async fn get_supported_languages(
    _: Arc<Instance>,
    caller: Caller,
    request: GetSupportedLanguagesRequest,
) -> Result<GetSupportedLanguagesResponse> {
    caller.admit(&request)?;
    Ok(GetSupportedLanguagesResponse { languages: LANGUAGES.map(str::to_owned).to_vec() })
}
