//! The resources of version 2.

use serde_json::json;

use super::{Resource, world};
use crate::support::text;

const A2: &str = "zitadel.application.v2.ApplicationService";

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
