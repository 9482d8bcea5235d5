//! Applications.

use std::sync::Arc;

use buffa::MessageField;

use super::oidc;
use crate::api::adapter::details::{numbered, timestamp};
use crate::api::adapter::routes::Resource;
use crate::auth::{Caller, Denied, Owners, Target};
use crate::error::{Error, Result};
use crate::proto::zitadel::application::v2::__buffa::oneof::application::Configuration;
use crate::proto::zitadel::application::v2::{
    APIConfiguration, Application, GetApplicationRequest, GetApplicationResponse,
};
use crate::service::apps::{App, AppId, Apps};

/// What the functions of this file work with.
pub struct Parts {
    /// Applications.
    pub apps: Arc<Apps>,
    /// Whose they are.
    pub owners: Owners,
}

/// RPCs of applications.
pub fn routes(table: Resource<Parts>) -> Resource<Parts> {
    table.rpc("GetApplication", get_application)
}

async fn get_application(
    parts: Arc<Parts>,
    caller: Caller,
    request: GetApplicationRequest,
) -> Result<GetApplicationResponse> {
    let found = parts.owners.find(&request, Target::App(&request.application_id)).await?.ok_or_else(not_found)?;
    let who = parts.owners.admit(caller, &request, &found, Denied::Object).await?;
    let project_id = found.project_id.ok_or_else(not_found)?;
    let id = AppId { project_id: &project_id, id: &request.application_id };
    let app = parts.apps.app(&who, id).await?.ok_or_else(not_found)?;
    Ok(GetApplicationResponse { application: MessageField::some(message(project_id, app)) })
}

fn not_found() -> Error {
    Error::not_found("QUERY-pCP8P", "Errors.App.NotExisting")
}

fn message(project_id: String, app: App) -> Application {
    let App { row, oidc } = app;
    let configuration = match oidc {
        Some(config) => Configuration::OidcConfiguration(Box::new(oidc::message(config, row.client_id))),
        None => Configuration::ApiConfiguration(Box::new(APIConfiguration {
            client_id: row.client_id,
            auth_method_type: numbered(row.auth_method),
        })),
    };
    Application {
        application_id: row.id,
        creation_date: MessageField::some(timestamp(row.stamp.created_at)),
        change_date: MessageField::some(timestamp(row.stamp.changed_at)),
        state: numbered(row.state.number()),
        name: row.name,
        configuration: Some(configuration),
        project_id,
    }
}
