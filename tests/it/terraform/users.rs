//! Machine users, their keys and tokens.

use serde_json::json;

use super::{M, Resource, world};
use crate::support::text;

const ENDS: &str = "2519-04-01T08:45:00Z";

/// As the provider falls back to when there is no service of version 2.
#[tokio::test]
async fn a_machine_user_by_version_1() {
    let world = world().await;
    let (bearer, jwt) = ("ACCESS_TOKEN_TYPE_BEARER", "ACCESS_TOKEN_TYPE_JWT");
    let seen = |name: &str, text: &str, kind: &str| {
        json!({"id": "{id}", "userName": name, "machine.name": text, "machine.description": text,
            "machine.accessTokenType": kind, "machine.hasSecret": false, "details.resourceOwner": world.org,
            "state": "USER_STATE_ACTIVE"})
    };
    let create = json!({"userName": "robot", "name": "made", "description": "made", "accessTokenType": bearer});
    let change = json!({"userId": "{id}", "name": "new", "description": "new", "accessTokenType": jwt});
    world
        .applied(&Resource {
            create: (M, "AddMachineUser", create),
            id: "/userId",
            read: (M, "GetUserByID", json!({"id": "{id}"})),
            at: "/user",
            state: seen("robot", "made", bearer),
            update: vec![
                (M, "UpdateUserName", json!({"userId": "{id}", "userName": "android"})),
                (M, "UpdateMachine", change),
                (M, "GenerateMachineSecret", json!({"userId": "{id}"})),
                (M, "RemoveMachineSecret", json!({"userId": "{id}"})),
            ],
            updated: seen("android", "new", jwt),
            delete: (M, "RemoveUser", json!({"id": "{id}"})),
        })
        .await;
    let body = json!({"userName": "secret", "name": "secret", "accessTokenType": bearer});
    let user = text(&world.by_key.call(M, "AddMachineUser", body).await.expect("a user"), "/userId");
    let secret = world.by_key.call(M, "GenerateMachineSecret", json!({"userId": user})).await.expect("a secret");
    assert!(!text(&secret, "/clientId").is_empty() && !text(&secret, "/clientSecret").is_empty(), "{secret}");
    let read = world.by_key.call(M, "GetUserByID", json!({"id": user})).await.expect("the user");
    assert_eq!(read["user"]["machine"]["hasSecret"], true);
    let machines = json!({"queries": [
        {"typeQuery": {"type": "TYPE_MACHINE"}},
        {"userNameQuery": {"userName": "secret", "method": "TEXT_QUERY_METHOD_EQUALS"}},
    ]});
    let listed = world.by_key.call(M, "ListUsers", machines).await.expect("a list");
    assert_eq!((text(&listed, "/result/0/id"), listed["result"].as_array().map(Vec::len)), (user, Some(1)));
}

#[tokio::test]
async fn a_machine_key() {
    let world = world().await;
    let (user, _) = world.server.user(&world.org, "keyed").await;
    let at = json!({"userId": user, "keyId": "{id}"});
    world
        .applied(&Resource {
            create: (M, "AddMachineKey", json!({"userId": user, "type": "KEY_TYPE_JSON", "expirationDate": ENDS})),
            id: "/keyId",
            read: (M, "GetMachineKeyByIDs", at.clone()),
            at: "/key",
            state: json!({"id": "{id}", "type": "KEY_TYPE_JSON", "expirationDate": ENDS,
                "details.resourceOwner": world.org}),
            update: Vec::new(),
            updated: json!({}),
            delete: (M, "RemoveMachineKey", at),
        })
        .await;
}

#[tokio::test]
async fn a_personal_access_token() {
    let world = world().await;
    let (user, _) = world.server.user(&world.org, "holder").await;
    let at = json!({"userId": user, "tokenId": "{id}"});
    world
        .applied(&Resource {
            create: (M, "AddPersonalAccessToken", json!({"userId": user, "expirationDate": ENDS})),
            id: "/tokenId",
            read: (M, "GetPersonalAccessTokenByIDs", at.clone()),
            at: "/token",
            state: json!({"id": "{id}", "expirationDate": ENDS, "details.resourceOwner": world.org}),
            update: Vec::new(),
            updated: json!({}),
            delete: (M, "RemovePersonalAccessToken", at),
        })
        .await;
}
