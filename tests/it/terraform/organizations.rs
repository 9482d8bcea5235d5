//! Organizations, their metadata and domains, and the metadata of users.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{A, Call, M, O2, Resource, world};
use crate::support::grpc::Grpc;
use crate::support::text;

/// An organization that is made so, and how it is read: where it is in the answer, and its state.
pub fn organization(create: Value, read: Call, at: &'static str, state: &str) -> Resource {
    let seen = |name: &str| json!({"id": "{id}", "name": name, "state": state});
    Resource {
        create: (O2, "AddOrganization", create),
        id: "/organizationId",
        read,
        at,
        state: seen("Made"),
        update: vec![(O2, "UpdateOrganization", json!({"organizationId": "{id}", "name": "Renamed"}))],
        updated: seen("Renamed"),
        delete: (O2, "DeleteOrganization", json!({"organizationId": "{id}"})),
    }
}

#[tokio::test]
async fn an_organization() {
    let read = (A, "GetOrgByID", json!({"id": "{id}"}));
    world().await.applied(&organization(json!({"name": "Made"}), read, "/org", "ORG_STATE_ACTIVE")).await;
}

/// As the provider falls back to: the organization's head names what is changed.
#[tokio::test]
async fn an_organization_by_version_1() {
    let world = world().await;
    let made = world.ok(&world.by_key, &(O2, "AddOrganization", json!({"name": "Made"})), "").await;
    let id = text(&made, "/organizationId");
    let inside = world.by_key.in_org(&id);
    world.ok(&inside, &(M, "UpdateOrg", json!({"name": "Renamed"})), "").await;
    let read = world.ok(&world.by_key, &(A, "GetOrgByID", json!({"id": id})), "").await;
    assert_eq!(text(&read, "/org/name"), "Renamed");

    let default = |read: Value| text(&read, "/org/id");
    let first = default(world.ok(&world.by_key, &(A, "GetDefaultOrg", json!({})), "").await);
    assert_eq!(first, world.org);
    world.ok(&world.by_key, &(A, "SetDefaultOrg", json!({"orgId": id})), "").await;
    assert_eq!(default(world.ok(&world.by_key, &(A, "GetDefaultOrg", json!({})), "").await), id);
    world.ok(&world.by_key, &(A, "SetDefaultOrg", json!({"orgId": first})), "").await;

    let queries = json!({"queries": [
        {"nameQuery": {"name": "Ren", "method": "TEXT_QUERY_METHOD_STARTS_WITH"}},
        {"domainQuery": {"domain": "renamed", "method": "TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE"}},
        {"stateQuery": {"state": "ORG_STATE_ACTIVE"}},
    ]});
    let listed = world.ok(&world.by_key, &(A, "ListOrgs", queries.clone()), "").await;
    assert_eq!((text(&listed, "/result/0/id"), listed["result"].as_array().map(Vec::len)), (id.clone(), Some(1)));
    world.ok(&world.by_key, &(A, "RemoveOrg", json!({"orgId": id})), "").await;
    let listed = world.ok(&world.by_key, &(A, "ListOrgs", queries), "").await;
    assert_eq!(listed["result"], json!([]));
}

#[tokio::test]
async fn metadata_of_an_organization_and_of_a_user() {
    let world = world().await;
    let (user, _) = world.server.user(&world.org, "described").await;
    let seen = |value: &str| json!({"key": "cost center", "value": value, "details.resourceOwner": world.org});
    let (first, second) = (STANDARD.encode("4711"), STANDARD.encode("größer"));
    for (what, with) in [("Org", json!({})), ("User", json!({"id": user}))] {
        let (set, get, remove): (&'static str, &'static str, &'static str) = match what {
            "Org" => ("SetOrgMetadata", "GetOrgMetadata", "RemoveOrgMetadata"),
            _ => ("SetUserMetadata", "GetUserMetadata", "RemoveUserMetadata"),
        };
        let at = |value: Option<&str>| {
            let mut request = with.clone();
            request["key"] = json!("cost center");
            if let Some(value) = value {
                request["value"] = json!(value);
            }
            request
        };
        world
            .applied(&Resource {
                create: (M, set, at(Some(&first))),
                id: "",
                read: (M, get, at(None)),
                at: "/metadata",
                state: seen(&first),
                update: vec![(M, set, at(Some(&second)))],
                updated: seen(&second),
                delete: (M, remove, at(None)),
            })
            .await;
    }
    let value = json!({"id": user, "key": "one", "value": first});
    world.ok(&world.by_key, &(M, "SetUserMetadata", value), "").await;
    let listed = world.ok(&world.by_key, &(M, "ListUserMetadata", json!({"id": user})), "").await;
    assert_eq!((text(&listed, "/result/0/key"), text(&listed, "/result/0/value")), ("one".into(), first));
}

#[tokio::test]
async fn a_domain() {
    let world = world().await;
    let by_name = json!({"domainNameQuery": {"name": "shop.example", "method": "TEXT_QUERY_METHOD_EQUALS"}});
    let seen = |primary: bool| {
        json!({"orgId": world.org, "domainName": "shop.example", "isVerified": true, "isPrimary": primary,
            "validationType": "DOMAIN_VALIDATION_TYPE_UNSPECIFIED"})
    };
    let first = text(&world.ok(&world.by_key, &(M, "GetMyOrg", json!({})), "").await, "/org/primaryDomain");
    let primary = |domain: &str| (M, "SetPrimaryOrgDomain", json!({"domain": domain}));
    let domain = |updated: bool| Resource {
        create: (M, "AddOrgDomain", json!({"domain": "shop.example"})),
        id: "",
        read: (M, "ListOrgDomains", json!({"queries": [by_name]})),
        at: "/result/0",
        state: seen(false),
        // One that is primary cannot be removed: another one is made that before.
        update: if updated { vec![primary("shop.example"), primary(&first)] } else { Vec::new() },
        updated: seen(false),
        delete: (M, "RemoveOrgDomain", json!({"domain": "shop.example"})),
    };
    world.applied(&domain(false)).await;
    world.applied(&domain(true)).await;
    world.ok(&world.by_key, &domain(false).create, "").await;
    world.ok(&world.by_key, &primary("shop.example"), "").await;
    world.holds(&world.by_key, &domain(false), "", &seen(true)).await;
    let policy = world.ok(&world.by_key, &(M, "GetDomainPolicy", json!({})), "").await;
    assert_eq!(policy["policy"]["isDefault"], true);
    for field in ["userLoginMustBeDomain", "validateOrgDomains", "smtpSenderAddressMatchesInstanceDomain"] {
        assert_eq!(policy["policy"][field], false, "{field}");
    }
}

/// The organization that the provider's `org_id` names, instead of the caller's own.
#[tokio::test]
async fn resources_of_another_organization() {
    let world = world().await;
    let other = text(&world.server.ok("/orgs", json!({"name": "Elsewhere"})).await, "/id");
    let there: Grpc = world.by_token.in_org(&other);
    let project = text(&world.ok(&there, &(M, "AddProject", json!({"name": "there"})), "").await, "/id");
    let read = world.ok(&there, &(M, "GetProjectByID", json!({"id": project})), "").await;
    assert_eq!(text(&read, "/project/details/resourceOwner"), other);
    let at_home = world.by_token.call(M, "GetProjectByID", json!({"id": project})).await;
    assert_eq!(at_home.expect_err("not here").code(), tonic::Code::NotFound);
}
