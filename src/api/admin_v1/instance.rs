//! The server itself.

use std::sync::Arc;

use buffa::MessageField;

use crate::api::adapter::details::details;
use crate::api::adapter::routes::Resource;
use crate::auth::Caller;
use crate::error::Result;
use crate::proto::zitadel::admin::v1::{
    GetMyInstanceRequest, GetMyInstanceResponse, SetDefaultOrgRequest, SetDefaultOrgResponse,
};
use crate::proto::zitadel::instance::v1::{Domain, InstanceDetail, State};
use crate::service::instance::{Instance, Shown};

/// What the server is called.
const NAME: &str = "ZITADEL";

/// RPCs of the server itself.
pub fn routes(table: Resource<Instance>) -> Resource<Instance> {
    table.rpc("GetMyInstance", get_my_instance).rpc("SetDefaultOrg", set_default_org)
}

async fn get_my_instance(
    instance: Arc<Instance>,
    caller: Caller,
    request: GetMyInstanceRequest,
) -> Result<GetMyInstanceResponse> {
    let who = caller.admit(&request)?;
    let shown = instance.instance(&who).await?;
    Ok(GetMyInstanceResponse { instance: MessageField::some(message(shown)) })
}

fn message(shown: Shown) -> InstanceDetail {
    let details = || details(&shown.id, &shown.stamp);
    let domain = Domain { details: details(), domain: shown.domain, primary: true, generated: false };
    InstanceDetail {
        details: details(),
        state: State::STATE_RUNNING.into(),
        name: NAME.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        domains: vec![domain],
        id: shown.id,
    }
}

async fn set_default_org(
    instance: Arc<Instance>,
    caller: Caller,
    request: SetDefaultOrgRequest,
) -> Result<SetDefaultOrgResponse> {
    let who = caller.admit(&request)?;
    let changed = instance.set_default_org(&who, &request.org_id).await?;
    Ok(SetDefaultOrgResponse { details: details(&changed.owner_id, &changed.value) })
}
