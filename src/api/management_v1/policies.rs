//! What holds for all organizations alike.

use std::sync::Arc;

use buffa::MessageField;

use crate::api::adapter::details::details;
use crate::api::adapter::routes::Resource;
use crate::auth::{Admitted, Caller};
use crate::error::Result;
use crate::proto::Part;
use crate::proto::zitadel::management::v1::{
    GetDomainPolicyRequest, GetDomainPolicyResponse, GetOrgIAMPolicyRequest, GetOrgIAMPolicyResponse,
};
use crate::proto::zitadel::policy::v1::{DomainPolicy, OrgIAMPolicy};
use crate::proto::zitadel::v1::ObjectDetails;
use crate::service::instance::Instance;
use crate::store::Stamp;

/// RPCs of policies.
pub fn routes(table: Resource<Instance>) -> Resource<Instance> {
    table.rpc("GetDomainPolicy", get_domain_policy).rpc("GetOrgIAMPolicy", get_org_iam_policy)
}

async fn get_domain_policy(
    instance: Arc<Instance>,
    caller: Caller,
    request: GetDomainPolicyRequest,
) -> Result<GetDomainPolicyResponse> {
    let who = caller.admit(&request)?;
    let policy = DomainPolicy { details: since(&instance, &who).await?, is_default: true, ..DomainPolicy::default() };
    Ok(GetDomainPolicyResponse { policy: MessageField::some(policy) })
}

async fn get_org_iam_policy(
    instance: Arc<Instance>,
    caller: Caller,
    request: GetOrgIAMPolicyRequest,
) -> Result<GetOrgIAMPolicyResponse> {
    let who = caller.admit(&request)?;
    let policy = OrgIAMPolicy { details: since(&instance, &who).await?, is_default: true, ..OrgIAMPolicy::default() };
    Ok(GetOrgIAMPolicyResponse { policy: MessageField::some(policy) })
}

/// The default has held since the server was set up.
async fn since(instance: &Instance, who: &Admitted) -> Result<Part<ObjectDetails>> {
    let instance = instance.instance(who).await?;
    let at = instance.stamp.created_at;
    Ok(details(&instance.id, &Stamp { sequence: 1, created_at: at, changed_at: at }))
}
