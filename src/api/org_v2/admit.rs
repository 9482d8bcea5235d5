//! Lets callers do something with an organization that they name.

use crate::auth::{Admitted, Caller, Denied, Owners, Target};
use crate::error::Result;
use crate::proto::Call;

/// Lets a caller do something with an organization; none if there is no such organization.
pub async fn admit<C: Call>(
    owners: &Owners,
    caller: Caller,
    request: &C,
    org_id: &str,
    denied: Denied,
) -> Result<Option<Admitted>> {
    let Some(found) = owners.find(request, Target::Org(org_id)).await? else { return Ok(None) };
    owners.admit(caller, request, &found, denied).await.map(Some)
}
