//! Applications and their keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{M, Resource, world};
use crate::support::text;

#[tokio::test]
async fn an_api_application() {
    let world = world().await;
    let project = world.project().await;
    let seen = |name: &str, method: &str| {
        json!({"id": "{id}", "name": name, "apiConfig.authMethodType": method, "details.resourceOwner": world.org,
            "state": "APP_STATE_ACTIVE"})
    };
    let (basic, jwt) = ("API_AUTH_METHOD_TYPE_BASIC", "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT");
    let at = json!({"projectId": project, "appId": "{id}"});
    world
        .applied(&Resource {
            create: (M, "AddAPIApp", json!({"projectId": project, "name": "made", "authMethodType": basic})),
            id: "/appId",
            read: (M, "GetAppByID", at.clone()),
            at: "/app",
            state: seen("made", basic),
            update: vec![
                (M, "UpdateApp", json!({"projectId": project, "appId": "{id}", "name": "renamed"})),
                (M, "UpdateAPIAppConfig", json!({"projectId": project, "appId": "{id}", "authMethodType": jwt})),
            ],
            updated: seen("renamed", jwt),
            delete: (M, "RemoveApp", at),
        })
        .await;
    // What only creating gives, and what a read must repeat.
    let body = json!({"projectId": project, "name": "secret", "authMethodType": basic});
    let made = world.by_key.call(M, "AddAPIApp", body).await.expect("an application");
    let (id, client) = (text(&made, "/appId"), text(&made, "/clientId"));
    assert!(!client.is_empty() && !text(&made, "/clientSecret").is_empty(), "{made}");
    let at = json!({"projectId": project, "appId": id});
    let read = world.by_key.call(M, "GetAppByID", at.clone()).await.expect("it");
    assert_eq!(text(&read, "/app/apiConfig/clientId"), client);
    // The ephemeral resource.
    let again = world.by_key.call(M, "RegenerateAPIClientSecret", at).await.expect("a secret");
    assert!(!text(&again, "/clientSecret").is_empty() && again["clientSecret"] != made["clientSecret"]);
}

#[tokio::test]
async fn an_application_key() {
    let world = world().await;
    let project = world.project().await;
    let app = world.server.app(&project, "with key").await;
    let ends = "2519-04-01T08:45:00Z";
    let create = json!({"projectId": project, "appId": app, "type": "KEY_TYPE_JSON", "expirationDate": ends});
    let at = json!({"projectId": project, "appId": app, "keyId": "{id}"});
    world
        .applied(&Resource {
            create: (M, "AddAppKey", create.clone()),
            id: "/id",
            read: (M, "GetAppKey", at.clone()),
            at: "/key",
            state: json!({"id": "{id}", "type": "KEY_TYPE_JSON", "expirationDate": ends,
                "details.resourceOwner": world.org}),
            update: Vec::new(),
            updated: json!({}),
            delete: (M, "RemoveAppKey", at),
        })
        .await;
    // An empty file would be an error of the provider.
    let made = world.by_token.call(M, "AddAppKey", create).await.expect("a key");
    let file = STANDARD.decode(text(&made, "/keyDetails")).expect("base64");
    let file: serde_json::Value = serde_json::from_slice(&file).expect("a key file");
    assert_eq!((text(&file, "/keyId"), text(&file, "/appId")), (text(&made, "/id"), app));
}

#[tokio::test]
async fn an_oidc_application() {
    let world = world().await;
    let project = world.project().await;
    let config = |uri: &str, on: bool| {
        json!({"redirectUris": [uri], "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"],
            "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE", "OIDC_GRANT_TYPE_REFRESH_TOKEN"],
            "appType": "OIDC_APP_TYPE_WEB", "authMethodType": "OIDC_AUTH_METHOD_TYPE_BASIC",
            "postLogoutRedirectUris": ["https://a.example/out"], "version": "OIDC_VERSION_1_0", "devMode": on,
            "accessTokenType": "OIDC_TOKEN_TYPE_JWT", "accessTokenRoleAssertion": on, "idTokenRoleAssertion": on,
            "idTokenUserinfoAssertion": on, "clockSkew": "1s", "additionalOrigins": ["https://b.example"],
            "skipNativeAppSuccessPage": on})
    };
    let with = |mut of: serde_json::Value, more: serde_json::Value| {
        for (name, value) in more.as_object().expect("an object") {
            of[name] = value.clone();
        }
        of
    };
    let seen = |name: &str, uri: &str, on: bool| {
        let mut seen = json!({"id": "{id}", "name": name, "details.resourceOwner": world.org});
        for (field, value) in config(uri, on).as_object().expect("an object") {
            seen[format!("oidcConfig.{field}")] = value.clone();
        }
        seen
    };
    let at = json!({"projectId": project, "appId": "{id}"});
    let mut changed = with(config("https://c.example/cb", true), at.clone());
    // What cannot be changed is not sent.
    changed.as_object_mut().expect("an object").remove("version");
    let (first, second) = ("https://a.example/cb", "https://c.example/cb");
    world
        .applied(&Resource {
            create: (M, "AddOIDCApp", with(config(first, false), json!({"projectId": project, "name": "made"}))),
            id: "/appId",
            read: (M, "GetAppByID", at.clone()),
            at: "/app",
            state: seen("made", first, false),
            update: vec![
                (M, "UpdateApp", with(at.clone(), json!({"name": "renamed"}))),
                (M, "UpdateOIDCAppConfig", changed),
                (M, "RegenerateOIDCClientSecret", at.clone()),
            ],
            updated: seen("renamed", second, true),
            delete: (M, "RemoveApp", at),
        })
        .await;
}
