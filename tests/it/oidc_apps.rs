//! OpenID Connect clients: what they are registered with changes, and their secrets.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::oauth::BasicApp;
use crate::support::race::{at_once, counted, delete, none_failed, post, put, told};
use crate::support::{TestServer, text};

/// What all settings are, none of them as in a new client.
fn full() -> Value {
    json!({"redirectUris": ["https://app.example.com/cb"], "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"],
        "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE", "OIDC_GRANT_TYPE_REFRESH_TOKEN"],
        "postLogoutRedirectUris": ["https://app.example.com/out"], "accessTokenType": "OIDC_TOKEN_TYPE_JWT",
        "accessTokenRoleAssertion": true, "idTokenRoleAssertion": true, "idTokenUserinfoAssertion": true,
        "clockSkew": "1s", "additionalOrigins": ["https://other.example.com"], "skipNativeAppSuccessPage": true,
        "backChannelLogoutUri": "https://203.0.113.7/bcl", "loginVersion": {"loginV2": {"baseUri": "https://l.example"}}})
}

/// An object with some members replaced.
fn with(mut object: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().expect("an object") {
        object[name] = value.clone();
    }
    object
}

/// A new client; its path.
async fn client(server: &TestServer, project: &str, body: &Value) -> (String, Value) {
    let app = server.ok(&format!("/projects/{project}/apps/oidc"), body.clone()).await;
    (format!("/projects/{project}/apps/{}", text(&app, "/appId")), app)
}

async fn config(server: &TestServer, path: &str) -> Value {
    server.get(path).await.1["app"]["oidcConfig"].clone()
}

#[tokio::test]
async fn everything_is_replaced_but_the_lists_of_uris() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let (path, _) = client(&server, &project, &with(full(), &json!({"name": "web"}))).await;
    let before = config(&server, &path).await;
    let update = format!("{path}/oidc_config");
    let same = server.put(&update, full()).await;
    assert_eq!(told(&same), (400, 9, "COMMAND-1m88i".to_owned()));
    let padded = server.put(&update, with(full(), &json!({"redirectUris": [" https://app.example.com/cb "]}))).await;
    assert_eq!(told(&padded), (400, 9, "COMMAND-1m88i".to_owned()), "blanks around do not count");

    let (status, answer) = server.put(&update, json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(text(&answer, "/details/sequence"), "4", "one event");
    let least = json!({"redirectUris": ["https://app.example.com/cb"], "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"],
        "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"], "clientId": before["clientId"], "clockSkew": "0s",
        "postLogoutRedirectUris": ["https://app.example.com/out"], "additionalOrigins": ["https://other.example.com"],
        "allowedOrigins": ["https://app.example.com", "https://other.example.com"]});
    assert_eq!(config(&server, &path).await, least);
    let again = server.put(&update, json!({"responseTypes": [9], "grantTypes": [99]})).await;
    assert_eq!(told(&again), (400, 9, "COMMAND-1m88i".to_owned()), "numbers that mean nothing are those of a new one");

    let device =
        json!({"grantTypes": [3], "appType": 2, "authMethodType": 2, "devMode": true, "redirectUris": ["a://b"]});
    assert_eq!(server.put(&update, device).await.0, 200);
    let device = config(&server, &path).await;
    assert_eq!(device["grantTypes"], json!(["OIDC_GRANT_TYPE_DEVICE_CODE"]), "the device asks for the code");
    assert_eq!((&device["redirectUris"], &device["devMode"]), (&json!(["a://b"]), &json!(true)));
    let changes = server.ok(&format!("{path}/changes/_search"), json!({})).await;
    assert_eq!(text(&changes, "/result/0/eventType/key"), "EventTypes.project.application.config.oidc.changed");
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_original() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let (oidc, _) = client(&server, &project, &with(full(), &json!({"name": "web"}))).await;
    let api = format!("/projects/{project}/apps/{}", server.app(&project, "api").await);
    let missing = format!("/projects/{project}/apps/123456789012345678");
    let (before, invalid) = (config(&server, &oidc).await, json!({"additionalOrigins": ["nowhere"]}));
    let blocked = json!({"backChannelLogoutUri": "http://10.1.2.3/bcl"});
    for (path, body, expected) in [
        (&missing, &invalid, (400, 3, "COMMAND-5m9fs")),
        (&missing, &json!({"responseTypes": [2]}), (400, 3, "COMMAND-5m9fs")),
        (&missing, &blocked, (404, 5, "COMMAND-2n8uU")),
        (&api, &blocked, (400, 3, "COMMAND-GBr34")),
        (&oidc, &blocked, (400, 3, "PROJECT-msNebo")),
        (&oidc, &json!({"backChannelLogoutUri": "https://[::1]/"}), (400, 3, "PROJECT-msNebo")),
        (&oidc, &json!({"backChannelLogoutUri": "app.example.com"}), (400, 3, "PROJECT-iZL2Ac")),
        (&oidc, &json!({"clockSkew": "5.000000001s"}), (400, 3, "")),
        (&oidc, &json!({"appType": 9}), (400, 3, "")),
        (&oidc, &json!({"redirectUris": vec!["https://a.example"; 101]}), (400, 3, "")),
    ] {
        let answer = server.put(&format!("{path}/oidc_config"), body.clone()).await;
        assert_eq!(told(&answer), (expected.0, expected.1, expected.2.to_owned()), "{path} {body}");
    }
    let (_, skew) = server.put(&format!("{oidc}/oidc_config"), json!({"clockSkew": "6s"})).await;
    let text_of = text(&skew, "/message");
    assert_eq!(text_of, "invalid UpdateOIDCAppConfigRequest.ClockSkew: value must be inside range [0s, 5s]");
    assert_eq!(config(&server, &oidc).await, before, "nothing of it was written");
    let add = format!("/projects/{project}/apps/oidc");
    let taken = server.post(&add, with(blocked.clone(), &json!({"name": "web"}))).await;
    assert_eq!(told(&taken), (400, 3, "PROJECT-msNebo".to_owned()), "before the name is looked at");
    for id in ["COMMAND-2g66f", "COMMAND-Ghrh3"] {
        let path = if id == "COMMAND-2g66f" { &missing } else { &api };
        let answer = server.post(&format!("{path}/oidc_config/_generate_client_secret"), json!({})).await;
        assert_eq!(told(&answer).2, id);
    }
}

#[tokio::test]
async fn the_method_in_force_decides_what_opens() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let (path, app) = client(&server, &project, &json!({"name": "web"})).await;
    let of = |secret: String| BasicApp { id: text(&app, "/appId"), client_id: text(&app, "/clientId"), secret };
    let opens = async |secret: &str| server.introspect(&of(secret.to_owned()), &server.token).await.0 == 200;
    let switch =
        async |method: u32| server.put(&format!("{path}/oidc_config"), json!({"authMethodType": method})).await.0;
    let regenerate = format!("{path}/oidc_config/_generate_client_secret");
    let first = text(&app, "/clientSecret");
    assert!(opens(&first).await);
    assert_eq!(switch(1).await, 200);
    assert!(opens(&first).await, "both ways to send a secret take the same one");
    let second = text(&server.ok(&regenerate, json!({})).await, "/clientSecret");
    assert!(!opens(&first).await && opens(&second).await);
    let changes = server.ok(&format!("{path}/changes/_search"), json!({})).await;
    assert_eq!(text(&changes, "/result/0/eventType/key"), "EventTypes.project.application.config.oidc.secret.changed");
    // A secret for a method that has none opens nothing, and is forgotten with the next method.
    assert_eq!(switch(3).await, 200);
    assert!(!opens(&second).await);
    let third = text(&server.ok(&regenerate, json!({})).await, "/clientSecret");
    assert_eq!(third.len(), 64);
    assert_eq!(switch(0).await, 200);
    assert!(!opens(&second).await && !opens(&third).await);
    let key = server.post(&format!("{path}/keys"), json!({"type": 1})).await;
    assert_eq!(told(&key).2, "COMMAND-Dff54");
    assert_eq!(switch(3).await, 200);
    assert_eq!(server.post(&format!("{path}/keys"), json!({"type": 1})).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_at_once_change_it_one_after_the_other_or_find_it_gone() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("p").await;
    let (path, _) = client(&server, &project, &json!({"name": "web"})).await;
    let update = format!("{path}/oidc_config");
    let uri = |n: usize| json!({"redirectUris": [format!("https://app.example.com/{n}")]});
    let answers = at_once((0..16).map(|n| put(&server, &update, uri(n))).collect()).await;
    assert!(answers.iter().all(|a| a.0 == 200), "{}", counted(&answers));
    let mut sequences: Vec<u64> =
        answers.iter().map(|a| text(&a.1, "/details/sequence").parse().expect("a number")).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (4..20).collect::<Vec<_>>(), "none was lost");
    let same = at_once((0..16).map(|_| put(&server, &update, uri(99))).collect()).await;
    assert_eq!(same.iter().filter(|a| a.0 == 200).count(), 1, "{}", counted(&same));

    let mut calls: Vec<_> = (0..15).map(|n| put(&server, &update, uri(n))).collect();
    calls.push(delete(&server, &path));
    calls.push(post(&server, &format!("{path}/oidc_config/_generate_client_secret"), json!({})));
    let answers = at_once(calls).await;
    none_failed("changes of what goes", &answers);
    for answer in &answers {
        let told = told(answer);
        assert!(told.0 == 200 || ["COMMAND-2n8uU", "COMMAND-2g66f"].contains(&told.2.as_str()), "{told:?}");
    }
    assert_eq!(server.get(&path).await.0, 404);
}
