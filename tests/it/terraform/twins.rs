//! The resources of version 2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::organizations::organization;
use super::{M, O2, Resource, World, world};
use crate::support::grpc::Grpc;
use crate::support::text;

const A2: &str = "zitadel.application.v2.ApplicationService";
const P2: &str = "zitadel.project.v2.ProjectService";
const U2: &str = "zitadel.user.v2.UserService";
const W2: &str = "zitadel.webkey.v2.WebKeyService";

#[tokio::test]
async fn an_organization_of_version_2() {
    let world = world().await;
    let by_id = (O2, "ListOrganizations", json!({"queries": [{"idQuery": {"id": "{id}"}}]}));
    let (owner, _) = world.server.user(&world.org, "owner").await;
    let admins = json!([{"userId": owner, "roles": ["ORG_OWNER"]}]);
    let create = json!({"name": "Made", "admins": admins});
    world.applied(&organization(create, by_id, "/result/0", "ORGANIZATION_STATE_ACTIVE")).await;
}

#[tokio::test]
async fn a_project_of_version_2_and_its_roles() {
    let world = world().await;
    let labels = "PRIVATE_LABELING_SETTING_ENFORCE_PROJECT_RESOURCE_OWNER_POLICY";
    let create = json!({"organizationId": world.org, "name": "made", "projectRoleAssertion": true,
        "authorizationRequired": true, "projectAccessRequired": true, "privateLabelingSetting": labels});
    let change = json!({"projectId": "{id}", "name": "renamed", "projectRoleAssertion": false,
        "authorizationRequired": false, "projectAccessRequired": false, "privateLabelingSetting": labels});
    let seen = |name: &str, on: bool| {
        json!({"projectId": "{id}", "organizationId": world.org, "name": name, "projectRoleAssertion": on,
            "authorizationRequired": on, "projectAccessRequired": on, "privateLabelingSetting": labels,
            "state": "PROJECT_STATE_ACTIVE"})
    };
    let project = |read: (&'static str, &'static str, Value), at: &'static str| Resource {
        create: (P2, "CreateProject", create.clone()),
        id: "/projectId",
        read,
        at,
        state: seen("made", true),
        update: vec![(P2, "UpdateProject", change.clone())],
        updated: seen("renamed", false),
        delete: (P2, "DeleteProject", json!({"projectId": "{id}"})),
    };
    world.applied(&project((P2, "GetProject", json!({"projectId": "{id}"})), "/project")).await;
    let listed = json!({"filters": [{"inProjectIdsFilter": {"ids": ["{id}"]}}]});
    world.applied(&project((P2, "ListProjects", listed), "/projects/0")).await;

    let project = world.project().await;
    let by_key = json!([{"roleKeyFilter": {"key": "reader", "method": "TEXT_FILTER_METHOD_EQUALS"}}]);
    let role = |name: &str, group: &str| json!({"projectId": project, "roleKey": "reader", "displayName": name, "group": group});
    let seen =
        |name: &str, group: &str| json!({"projectId": project, "key": "reader", "displayName": name, "group": group});
    world
        .applied(&Resource {
            create: (P2, "AddProjectRole", role("Reader", "all")),
            id: "",
            read: (P2, "ListProjectRoles", json!({"projectId": project, "filters": by_key})),
            at: "/projectRoles/0",
            state: seen("Reader", "all"),
            update: vec![(P2, "UpdateProjectRole", role("Reads", ""))],
            updated: seen("Reads", ""),
            delete: (P2, "RemoveProjectRole", json!({"projectId": project, "roleKey": "reader"})),
        })
        .await;
}

/// Another organization.
async fn org(world: &World, name: &str) -> String {
    text(&world.ok(&world.by_key, &(O2, "AddOrganization", json!({"name": name})), "").await, "/organizationId")
}

#[tokio::test]
async fn a_project_grant_of_version_2() {
    let world = world().await;
    let project = world.project().await;
    let roles = json!({"roles": [{"key": "reader", "displayName": "R"}, {"key": "writer", "displayName": "W"}]});
    world.server.ok(&format!("/projects/{project}/roles/_bulk"), roles).await;
    let [other, third] = [org(&world, "Other").await, org(&world, "Third").await];
    let grant = |to: &str, keys: &[&str]| json!({"projectId": project, "grantedOrganizationId": to, "roleKeys": keys});
    // Those of the same project to others, and of other projects to the same one, are not the one.
    world.ok(&world.by_key, &(P2, "CreateProjectGrant", grant(&third, &["reader"])), "").await;
    let aside = world.server.project("aside").await;
    let aside = json!({"projectId": aside, "grantedOrganizationId": other});
    world.ok(&world.by_key, &(P2, "CreateProjectGrant", aside), "").await;
    let filters = json!([
        {"inProjectIdsFilter": {"ids": [project]}},
        {"grantedOrganizationIdFilter": {"id": other}},
    ]);
    let seen = |keys: &[&str]| {
        json!({"projectId": project, "organizationId": world.org, "grantedOrganizationId": other,
            "grantedOrganizationName": "Other", "projectName": "terraform", "grantedRoleKeys": keys,
            "state": "PROJECT_GRANT_STATE_ACTIVE"})
    };
    let at = json!({"projectId": project, "grantedOrganizationId": other});
    world
        .applied(&Resource {
            create: (P2, "CreateProjectGrant", grant(&other, &["reader"])),
            id: "",
            read: (P2, "ListProjectGrants", json!({"filters": filters})),
            at: "/projectGrants/0",
            state: seen(&["reader"]),
            update: vec![
                (P2, "UpdateProjectGrant", grant(&other, &["writer", "reader"])),
                (P2, "DeactivateProjectGrant", at.clone()),
                (P2, "ActivateProjectGrant", at.clone()),
            ],
            updated: seen(&["writer", "reader"]),
            delete: (P2, "DeleteProjectGrant", at),
        })
        .await;
}

/// As the provider makes a machine with a secret and JWT access tokens: by both versions together.
#[tokio::test]
async fn a_machine_user_of_version_2() {
    let world = world().await;
    let (bearer, jwt) = ("ACCESS_TOKEN_TYPE_BEARER", "ACCESS_TOKEN_TYPE_JWT");
    let seen = |name: &str, what: &str, kind: &str| {
        json!({"userId": "{id}", "username": name, "machine.name": what, "machine.description": what,
            "machine.accessTokenType": kind, "machine.hasSecret": false, "state": "USER_STATE_ACTIVE",
            "details.resourceOwner": world.org})
    };
    let create = json!({"organizationId": world.org, "username": "robot",
        "machine": {"name": "made", "description": "made"}});
    let rename = json!({"userId": "{id}", "username": "android", "machine": {"name": "new", "description": "new"}});
    let change = json!({"userId": "{id}", "name": "new", "description": "new", "accessTokenType": jwt});
    world
        .applied(&Resource {
            create: (U2, "CreateUser", create),
            id: "/id",
            read: (U2, "GetUserByID", json!({"userId": "{id}"})),
            at: "/user",
            state: seen("robot", "made", bearer),
            update: vec![
                (U2, "UpdateUser", rename),
                (M, "UpdateMachine", change),
                (M, "GenerateMachineSecret", json!({"userId": "{id}"})),
                (M, "RemoveMachineSecret", json!({"userId": "{id}"})),
            ],
            updated: seen("android", "new", jwt),
            delete: (U2, "DeleteUser", json!({"userId": "{id}"})),
        })
        .await;
    let body = json!({"organizationId": world.org, "username": "listed", "machine": {"name": "listed"}});
    let user = text(&world.ok(&world.by_key, &(U2, "CreateUser", body), "").await, "/id");
    let machines = json!({"queries": [
        {"typeQuery": {"type": "TYPE_MACHINE"}},
        {"userNameQuery": {"userName": "listed", "method": "TEXT_QUERY_METHOD_EQUALS"}},
    ]});
    let listed = world.ok(&world.by_key, &(U2, "ListUsers", machines), "").await;
    assert_eq!((text(&listed, "/result/0/userId"), listed["result"].as_array().map(Vec::len)), (user, Some(1)));
}

#[tokio::test]
async fn metadata_of_version_2() {
    let world = world().await;
    let (user, _) = world.server.user(&world.org, "described").await;
    let by_key = json!([{"keyFilter": {"key": "cost center", "method": "TEXT_FILTER_METHOD_EQUALS"}}]);
    let (first, second) = (STANDARD.encode("4711"), STANDARD.encode("größer"));
    let calls: [(_, _, [&'static str; 3]); 2] = [
        (
            O2,
            ("organizationId", &world.org),
            ["SetOrganizationMetadata", "ListOrganizationMetadata", "DeleteOrganizationMetadata"],
        ),
        (U2, ("userId", &user), ["SetUserMetadata", "ListUserMetadata", "DeleteUserMetadata"]),
    ];
    for (service, (owner, id), [set, list, delete]) in calls {
        let value =
            |value: &str| (service, set, json!({owner: id, "metadata": [{"key": "cost center", "value": value}]}));
        world
            .applied(&Resource {
                create: value(&first),
                id: "",
                read: (service, list, json!({owner: id, "filters": by_key})),
                at: "/metadata/0",
                state: json!({"key": "cost center", "value": first}),
                update: vec![value(&second)],
                updated: json!({"key": "cost center", "value": second}),
                delete: (service, delete, json!({owner: id, "keys": ["cost center"]})),
            })
            .await;
    }
}

/// The states of all keys, by their ids.
async fn web_keys(world: &World, client: &Grpc) -> Vec<(String, String)> {
    let listed = world.ok(client, &(W2, "ListWebKeys", json!({})), "").await;
    let keys = listed["webKeys"].as_array().expect("keys").iter();
    keys.map(|key| (text(key, "/id"), text(key, "/state"))).collect()
}

#[tokio::test]
async fn a_web_key() {
    let world = world().await;
    let state = |keys: &[(String, String)], id: &str| keys.iter().find(|key| key.0 == id).map(|key| key.1.clone());
    let bits = json!({"rsa": {"bits": "RSA_BITS_2048", "hasher": "RSA_HASHER_SHA256"}});
    for client in [&world.by_key, &world.by_token] {
        let before = web_keys(&world, client).await;
        let active = before.iter().find(|key| key.1 == "STATE_ACTIVE").expect("a key signs").0.clone();
        let id = text(&world.ok(client, &(W2, "CreateWebKey", bits.clone()), "").await, "/id");
        let made = web_keys(&world, client).await;
        assert_eq!(state(&made, &id).as_deref(), Some("STATE_INITIAL"), "{made:?}");
        let delete = (W2, "DeleteWebKey", json!({"id": "{id}"}));
        for (signs, other) in [(&id, &active), (&active, &id)] {
            world.ok(client, &(W2, "ActivateWebKey", json!({"id": signs})), "").await;
            let keys = web_keys(&world, client).await;
            assert_eq!(state(&keys, signs).as_deref(), Some("STATE_ACTIVE"), "{keys:?}");
            assert_eq!(state(&keys, other).as_deref(), Some("STATE_INACTIVE"), "{keys:?}");
            assert_eq!(web_keys(&world, client).await, keys, "a second plan finds nothing to change");
            let imported = Grpc::connect(&world.server, &world.server.token).await;
            assert_eq!(web_keys(&world, &imported).await, keys, "an import");
        }
        world.ok(client, &delete, &id).await;
        assert_eq!(state(&web_keys(&world, client).await, &id), None);
    }
}

#[tokio::test]
async fn an_application_of_version_2() {
    let world = world().await;
    let project = world.project().await;
    let (basic, jwt) = ("API_AUTH_METHOD_TYPE_BASIC", "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT");
    let seen = |name: &str, method: &str| {
        json!({"applicationId": "{id}", "projectId": project, "name": name, "state": "APPLICATION_STATE_ACTIVE",
            "apiConfiguration.authMethodType": method})
    };
    let create = json!({"projectId": project, "name": "made", "apiConfiguration": {"authMethodType": basic}});
    let change = json!({"applicationId": "{id}", "projectId": project, "name": "renamed",
        "apiConfiguration": {"authMethodType": jwt}});
    world
        .applied(&Resource {
            create: (A2, "CreateApplication", create.clone()),
            id: "/applicationId",
            read: (A2, "GetApplication", json!({"applicationId": "{id}"})),
            at: "/application",
            state: seen("made", basic),
            update: vec![(A2, "UpdateApplication", change)],
            updated: seen("renamed", jwt),
            delete: (A2, "DeleteApplication", json!({"applicationId": "{id}", "projectId": project})),
        })
        .await;
    let made = world.ok(&world.by_key, &(A2, "CreateApplication", create), "").await;
    let at = json!({"applicationId": text(&made, "/applicationId"), "projectId": project});
    let again = world.ok(&world.by_key, &(A2, "GenerateClientSecret", at), "").await;
    assert!(!text(&again, "/clientSecret").is_empty());
}

#[tokio::test]
async fn an_oidc_application_of_version_2() {
    let world = world().await;
    let project = world.project().await;
    let config = |uri: &str, method: &str| {
        json!({"redirectUris": [uri], "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"],
            "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"], "applicationType": "OIDC_APP_TYPE_WEB",
            "authMethodType": method, "postLogoutRedirectUris": ["https://a.example/out"],
            "accessTokenType": "OIDC_TOKEN_TYPE_JWT", "clockSkew": "1s"})
    };
    let seen = |uri: &str, method: &str| {
        let mut seen = json!({"applicationId": "{id}", "name": "made"});
        for (field, value) in config(uri, method).as_object().expect("an object") {
            seen[format!("oidcConfiguration.{field}")] = value.clone();
        }
        seen
    };
    let (basic, none) = ("OIDC_AUTH_METHOD_TYPE_BASIC", "OIDC_AUTH_METHOD_TYPE_NONE");
    let (first, second) = ("https://a.example/cb", "https://b.example/cb");
    let create = json!({"projectId": project, "name": "made", "oidcConfiguration": config(first, basic)});
    let change = json!({"applicationId": "{id}", "projectId": project, "oidcConfiguration": config(second, none)});
    world
        .applied(&Resource {
            create: (A2, "CreateApplication", create),
            id: "/applicationId",
            read: (A2, "GetApplication", json!({"applicationId": "{id}"})),
            at: "/application",
            state: seen(first, basic),
            update: vec![(A2, "UpdateApplication", change)],
            updated: seen(second, none),
            delete: (A2, "DeleteApplication", json!({"applicationId": "{id}", "projectId": project})),
        })
        .await;
}
