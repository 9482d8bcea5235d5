//! `zitadel.application.v2.ApplicationService`: applications and keys, written by their ids alone.

use std::sync::Arc;

use futures::FutureExt as _;
use serde_json::{Value, json};

use crate::support::oauth::BasicApp;
use crate::support::race::{Answer, Call, at_once, counted};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, text};

const SERVICE: &str = "zitadel.application.v2.ApplicationService";
const MISSING: &str = "123456789012345678";

/// A call of the service.
pub async fn rpc(server: &TestServer, token: &str, name: &str, body: Value) -> Answer {
    let request = server.http.post(server.url(&format!("/{SERVICE}/{name}"))).bearer_auth(token);
    crate::support::oauth::answer(request.json(&body)).await
}

/// A call that must be answered with 200.
pub async fn ok(server: &TestServer, name: &str, body: Value) -> Value {
    let (status, answer) = rpc(server, &server.token, name, body).await;
    assert_eq!(status, 200, "{name}: {answer}");
    answer
}

/// Code, and id of the error as its text tells it.
pub fn told(answer: &Answer) -> (u16, String, String) {
    let message = text(&answer.1, "/message");
    let id = message.rsplit_once(" (").map_or("", |(_, id)| id.trim_end_matches(')'));
    (answer.0, text(&answer.1, "/code"), id.to_owned())
}

fn call(server: &Arc<TestServer>, name: &'static str, body: Value) -> Call {
    let server = Arc::clone(server);
    async move { rpc(&server, &server.token, name, body).await }.boxed()
}

/// A new application; its id and the whole answer.
async fn api(server: &TestServer, project: &str, name: &str, method: u32) -> (String, Value) {
    let body = json!({"projectId": project, "name": name, "apiConfiguration": {"authMethodType": method}});
    let app = ok(server, "CreateApplication", body).await;
    (text(&app, "/applicationId"), app)
}

#[tokio::test]
async fn an_application_lives_by_its_id() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let (id, made) = api(&server, &project, "basic", 0).await;
    let at = json!({"applicationId": id, "projectId": project});
    let of = |secret: &str| BasicApp {
        id: id.clone(),
        client_id: text(&made, "/apiConfiguration/clientId"),
        secret: secret.to_owned(),
    };
    let first = text(&made, "/apiConfiguration/clientSecret");
    assert_eq!(server.introspect(&of(&first), &server.token).await.0, 200);
    let secret = ok(&server, "GenerateClientSecret", at.clone()).await;
    assert!(!text(&secret, "/creationDate").is_empty());
    assert_ne!(server.introspect(&of(&first), &server.token).await.0, 200);
    assert_eq!(server.introspect(&of(&text(&secret, "/clientSecret")), &server.token).await.0, 200);

    assert!(!text(&ok(&server, "DeactivateApplication", at.clone()).await, "/deactivationDate").is_empty());
    let get = async || ok(&server, "GetApplication", json!({"applicationId": id})).await["application"].clone();
    assert_eq!(get().await["state"], "APPLICATION_STATE_INACTIVE");
    assert_eq!(told(&rpc(&server, &server.token, "DeactivateApplication", at.clone()).await).2, "COMMAND-dsh35");
    assert!(!text(&ok(&server, "ReactivateApplication", at.clone()).await, "/reactivationDate").is_empty());
    assert_eq!(told(&rpc(&server, &server.token, "ReactivateApplication", at.clone()).await).2, "COMMAND-1n8cM");

    // Name and configuration are one change: both, or none.
    let before = get().await;
    let update = |more: Value| {
        let mut body = at.clone();
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        rpc(&server, &server.token, "UpdateApplication", body)
    };
    let half = update(json!({"name": "other", "apiConfiguration": {}})).await;
    assert_eq!(told(&half).2, "COMMAND-1m88i");
    assert_eq!(get().await, before, "the name is as it was");
    for nothing in [json!({}), json!({"name": " "})] {
        assert_eq!(update(nothing).await, (200, json!({"changeDate": "0001-01-01T00:00:00Z"})));
    }
    assert_eq!(told(&update(json!({"name": "basic"})).await).2, "COMMAND-2m8vx");
    let both = update(json!({"name": "other", "apiConfiguration": {"authMethodType": 1}})).await;
    let after = get().await;
    assert_eq!((both.0, &both.1["changeDate"]), (200, &after["changeDate"]));
    assert_eq!((&after["name"], text(&after, "/apiConfiguration/authMethodType").len()), (&json!("other"), 36));

    let gone = ok(&server, "DeleteApplication", at.clone()).await;
    assert!(!text(&gone, "/deletionDate").is_empty());
    assert_eq!(told(&rpc(&server, &server.token, "DeleteApplication", at).await).2, "COMMAND-0po9s");
    let missing = rpc(&server, &server.token, "GetApplication", json!({"applicationId": id})).await;
    assert_eq!(told(&missing), (404, "not_found".to_owned(), "QUERY-pCP8P".to_owned()));
}

#[tokio::test]
async fn a_client_says_what_changes_and_keeps_the_rest() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let create = |name: &str, config: Value| json!({"projectId": project, "name": name, "oidcConfiguration": config});
    let empty = ok(&server, "CreateApplication", create("empty", json!({}))).await;
    let problems = json!([{"key": "Application.OIDC.V1.NotCompliant"}, {"key": "Application.OIDC.V1.NoRedirectUris"}]);
    assert_eq!(empty["oidcConfiguration"]["complianceProblems"], problems);
    assert_eq!(text(&empty, "/oidcConfiguration/clientSecret").len(), 64);
    let config = json!({"redirectUris": ["https://app.example.com/cb"], "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"],
        "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"], "authMethodType": "OIDC_AUTH_METHOD_TYPE_NONE",
        "clockSkew": "2s", "backChannelLogoutUri": "https://203.0.113.7/", "loginVersion": {"loginV1": {}}});
    let app = text(&ok(&server, "CreateApplication", create("web", config.clone())).await, "/applicationId");
    let update = |config: Value| {
        let body = json!({"applicationId": app, "projectId": project, "oidcConfiguration": config});
        rpc(&server, &server.token, "UpdateApplication", body)
    };
    let get = async || {
        ok(&server, "GetApplication", json!({"applicationId": app})).await["application"]["oidcConfiguration"].clone()
    };
    assert_eq!(told(&update(config).await).2, "COMMAND-1m88i");
    assert_eq!(told(&update(json!({"redirectUris": []})).await).2, "COMMAND-1m88i", "an empty list says nothing");
    let mut wanted = get().await;
    assert_eq!(update(json!({"developmentMode": true})).await.0, 200);
    wanted["developmentMode"] = json!(true);
    assert_eq!(get().await, wanted);
    assert_eq!(update(json!({"developmentMode": false, "backChannelLogoutUri": "", "clockSkew": "0s"})).await.0, 200);
    let now = get().await;
    assert_eq!((now.get("developmentMode"), now.get("backChannelLogoutUri")), (None, None), "said to be nothing");
    assert_eq!((&now["clockSkew"], &now["loginVersion"]), (&json!("0s"), &json!({"loginV1": {}})));
    for (config, id) in [
        (json!({"backChannelLogoutUri": "http://localhost/"}), "PROJECT-msNebo"),
        (json!({"backChannelLogoutUri": "://"}), "PROJECT-iZL2Ac"),
        (json!({"responseTypes": ["OIDC_RESPONSE_TYPE_ID_TOKEN"]}), "COMMAND-5m9fs"),
        (json!({"additionalOrigins": ["nowhere"]}), "COMMAND-5m9fs"),
    ] {
        assert_eq!(told(&update(config.clone()).await).2, id, "{config}");
    }
    let far = json!({"clockSkew": "6s"});
    let inside = "OidcConfiguration: embedded message failed validation | caused by: invalid ";
    let text_of = text(&update(far.clone()).await.1, "/message");
    assert_eq!(
        text_of,
        format!(
            "invalid UpdateApplicationRequest.{inside}UpdateOIDCApplicationConfigurationRequest.ClockSkew: value must be inside range [0s, 5s]"
        )
    );
    let text_of = text(&rpc(&server, &server.token, "CreateApplication", create("x", far)).await.1, "/message");
    assert_eq!(
        text_of,
        format!(
            "invalid CreateApplicationRequest.{inside}CreateOIDCApplicationRequest.ClockSkew: value must be inside range [0s, 5s]"
        )
    );
    let zero = rpc(&server, &server.token, "CreateApplication", create("x", json!({"responseTypes": [0]}))).await;
    assert_eq!(told(&zero).0, 400);
}

#[tokio::test]
async fn own_ids_are_used_once_in_all_organizations() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let theirs =
        server.call_as(&server.token, Some(&other), reqwest::Method::POST, "/projects", Some(json!({"name": "p"})));
    let theirs = text(&theirs.await.1, "/id");
    let create = |project: &str, id: &str, name: &str, kind: &str| {
        let mut body = json!({"projectId": project, "applicationId": id, "name": name});
        body[kind] = json!({});
        body
    };
    let mine = ok(&server, "CreateApplication", create(&project, "my-app", "a", "apiConfiguration")).await;
    assert_eq!(mine["applicationId"], "my-app");
    let (api, oidc) = ("apiConfiguration", "oidcConfiguration");
    for (project, id, name, kind, expected) in [
        (&project, "my-app", "b", api, "PROJECT-mabu12"),
        (&theirs, "my-app", "b", api, "PROJECT-mabu12"),
        (&theirs, "my-app", "b", oidc, "PROJECT-lxowmp"),
        (&project, "my-app", "a", oidc, "PROJECT-lxowmp"),
        (&project, "fresh", "A", api, "V3-DKcYh"),
        (&project, MISSING, "b", api, "COMMAND-EbFMN"),
    ] {
        let project = if id == MISSING { MISSING } else { project };
        let answer = rpc(&server, &server.token, "CreateApplication", create(project, id, name, kind)).await;
        // A project that is not there is told first.
        assert_eq!(told(&answer).2, expected, "{id} {name} {kind}");
    }
    let given =
        text(&ok(&server, "GetApplication", json!({"applicationId": "my-app"})).await, "/application/projectId");
    for (id, code) in [
        (given.as_str(), "failed_precondition"),
        ("a/b", "invalid_argument"),
        ("system", "invalid_argument"),
        ("_x", "invalid_argument"),
    ] {
        let answer = rpc(&server, &server.token, "CreateApplication", create(&project, id, "b", api)).await;
        assert_eq!((told(&answer).0, told(&answer).1), (400, code.to_owned()), "{id}");
    }
    ok(&server, "DeleteApplication", json!({"applicationId": "my-app", "projectId": project})).await;
    ok(&server, "CreateApplication", create(&theirs, "my-app", "a", oidc)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_at_once_with_one_id_or_one_name_make_one_application() {
    let server = Arc::new(TestServer::start().await);
    let (p, q) = (server.project("p").await, server.project("q").await);
    for (what, id, name) in [("id", "same", ""), ("name", "", "same"), ("both", "again", "again")] {
        let calls = (0..16).map(|n| {
            let project = if n % 2 == 0 || id.is_empty() { &p } else { &q };
            let (id, name) = (
                if id.is_empty() { format!("id-{n}") } else { id.to_owned() },
                if name.is_empty() { format!("n{n}") } else { name.to_owned() },
            );
            call(
                &server,
                "CreateApplication",
                json!({"projectId": project, "applicationId": id, "name": name, "apiConfiguration": {}}),
            )
        });
        let answers = at_once(calls.collect()).await;
        let lost = |a: &Answer| ["PROJECT-mabu12", "V3-DKcYh"].contains(&told(a).2.as_str());
        let won = answers.iter().filter(|a| a.0 == 200).count();
        assert!(won == 1 && answers.iter().all(|a| a.0 == 200 || lost(a)), "{what}: {}", counted(&answers));
    }
    // The project goes while applications come: each is told so, and none is left.
    let server_of = Arc::clone(&server);
    let path = format!("/projects/{q}");
    let gone: Call = async move { server_of.delete(&path).await }.boxed();
    let mut calls: Vec<Call> = (0..15)
        .map(|n| {
            call(&server, "CreateApplication", json!({"projectId": q, "name": format!("z{n}"), "apiConfiguration": {}}))
        })
        .collect();
    calls.push(gone);
    let answers = at_once(calls).await;
    assert!(answers.iter().all(|a| a.0 == 200 || told(a).2 == "COMMAND-EbFMN"), "{}", counted(&answers));
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn keys_are_made_found_and_removed_by_their_ids() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let (app, _) = api(&server, &project, "jwt", 1).await;
    let (basic, _) = api(&server, &project, "basic", 0).await;
    let create = |app: &str, expires: Option<&str>| {
        let mut body = json!({"applicationId": app, "projectId": project});
        if let Some(expires) = expires {
            body["expirationDate"] = json!(expires);
        }
        rpc(&server, &server.token, "CreateApplicationKey", body)
    };
    let (status, made) = create(&app, Some("2519-04-01T08:45:00Z")).await;
    assert_eq!(status, 200, "{made}");
    let key = text(&made, "/keyId");
    let file = crate::support::tokens::key_file(&made);
    assert_eq!((&file["keyId"], &file["appId"], &file["type"]), (&json!(key), &json!(app), &json!("application")));
    let found = ok(&server, "GetApplicationKey", json!({"keyId": key})).await;
    let wanted = json!({"keyId": key, "creationDate": made["creationDate"], "expirationDate": "2519-04-01T08:45:00Z"});
    assert_eq!(found, wanted);
    let never = create(&app, Some("0001-01-01T00:00:00Z")).await;
    let never = ok(&server, "GetApplicationKey", json!({"keyId": never.1["keyId"]})).await;
    assert_eq!(never["expirationDate"], "9999-12-31T23:59:59Z");
    let later = Some("2519-04-01T08:45:00Z");
    for (answer, id) in [
        (create(&app, None).await, "DOMAIN-dv3t5"),
        (create(&basic, later).await, "COMMAND-Dff54"),
        (create(MISSING, later).await, "COMMAND-sak25"),
        (rpc(&server, &server.token, "GetApplicationKey", json!({"keyId": MISSING})).await, "QUERY-Dgr3g"),
    ] {
        assert_eq!(told(&answer).2, id);
    }
    // Keys of an application that takes none sleep.
    let switch = |method: u32| json!({"applicationId": app, "projectId": project, "apiConfiguration": {"authMethodType": method}});
    ok(&server, "UpdateApplication", switch(0)).await;
    assert_eq!(told(&rpc(&server, &server.token, "GetApplicationKey", json!({"keyId": key})).await).2, "QUERY-Dgr3g");
    ok(&server, "UpdateApplication", switch(1)).await;
    let delete = |app: &str| json!({"keyId": key, "applicationId": app, "projectId": project});
    assert_eq!(told(&rpc(&server, &server.token, "DeleteApplicationKey", delete(&basic)).await).2, "COMMAND-4m77G");
    assert!(!text(&ok(&server, "DeleteApplicationKey", delete(&app)).await, "/deletionDate").is_empty());
    assert_eq!(told(&rpc(&server, &server.token, "DeleteApplicationKey", delete(&app)).await).2, "COMMAND-4m77G");
}

#[tokio::test]
async fn nobody_writes_without_a_role_where_the_application_belongs() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (project, elsewhere) = (server.project("p").await, server.project("q").await);
    let (app, _) = api(&server, &project, "a", 1).await;
    let key = text(&server.key(&project, &app).await, "/id");
    let (_, stranger) = server.user(&org, "stranger").await;
    let (viewer, viewer_token) = server.user(&org, "viewer").await;
    server.org_role(&org, &viewer, "ORG_OWNER_VIEWER").await;
    let (owner, owner_token) = server.user(&org, "owner").await;
    server.project_role(&elsewhere, &owner, "PROJECT_OWNER").await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (far, far_token) = server.user(&other, "far").await;
    server.org_role(&other, &far, "ORG_OWNER").await;
    let at = json!({"applicationId": app, "projectId": project, "name": "denied", "keyId": key, "apiConfiguration": {},
        "expirationDate": "2519-04-01T08:45:00Z"});
    let calls = [
        ("CreateApplication", "COMMAND-EbFMN"),
        ("UpdateApplication", "COMMAND-28di9"),
        ("DeleteApplication", "COMMAND-0po9s"),
        ("DeactivateApplication", "COMMAND-ov9d3"),
        ("ReactivateApplication", "COMMAND-ov9d3"),
        ("GenerateClientSecret", "COMMAND-Kd92s"),
        ("CreateApplicationKey", "COMMAND-sak25"),
        ("DeleteApplicationKey", "COMMAND-4m77G"),
    ];
    for (name, missing) in calls {
        let mut body = at.clone();
        if name == "CreateApplication" {
            body["applicationId"] = json!("denied");
        }
        for (token, expected) in [
            (&stranger, (404, "AUTHZ-cdgFk")),
            (&far_token, (404, "AUTHZ-cdgFk")),
            (&viewer_token, (403, "AUTH-AWfge")),
            (&owner_token, (403, "AUTH-AWfge")),
        ] {
            let answer = told(&rpc(&server, token, name, body.clone()).await);
            assert_eq!((answer.0, answer.2.as_str()), expected, "{name}");
        }
        // An application that is not there, or not in this project, is not there for anybody.
        body["projectId"] = json!(if name == "CreateApplication" { MISSING } else { elsewhere.as_str() });
        for token in [&stranger, &server.token] {
            assert_eq!(told(&rpc(&server, token, name, body.clone()).await).2, missing, "{name}");
        }
    }
    for (token, id) in [(&stranger, "AUTHZ-cdgFk"), (&far_token, "AUTHZ-cdgFk"), (&owner_token, "AUTH-Swrgg2")] {
        assert_eq!(told(&rpc(&server, token, "GetApplicationKey", json!({"keyId": key})).await).2, id);
    }
    assert_eq!(rpc(&server, &viewer_token, "GetApplicationKey", json!({"keyId": key})).await.0, 200);
    let saml = json!({"projectId": project, "name": "s", "samlConfiguration": {"metadataUrl": "https://a.example"}});
    let (status, answer) = rpc(&server, &server.token, "CreateApplication", saml).await;
    assert_eq!((status, text(&answer, "/code")), (501, "unimplemented".to_owned()));
    assert!(text(&answer, "/message").starts_with("SAML applications are not served here"), "{answer}");
    let none = rpc(&server, &server.token, "CreateApplication", json!({"projectId": project, "name": "n"})).await;
    assert_eq!(text(&none.1, "/message"), "invalid CreateApplicationRequest.ApplicationType: value is required");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_at_once_change_an_application_that_goes() {
    let server = Arc::new(TestServer::start().await);
    let project = server.project("p").await;
    let (app, _) = api(&server, &project, "a", 1).await;
    let at = json!({"applicationId": app, "projectId": project, "expirationDate": "2519-04-01T08:45:00Z"});
    let mut calls: Vec<Call> = Vec::new();
    for n in 0..5 {
        let mut named = at.clone();
        named["name"] = json!(format!("n{n}"));
        calls.push(call(&server, "UpdateApplication", named));
        calls.push(call(&server, "CreateApplicationKey", at.clone()));
        calls.push(call(&server, "GenerateClientSecret", at.clone()));
    }
    calls.push(call(&server, "DeleteApplication", at.clone()));
    let answers = at_once(calls).await;
    let gone = ["COMMAND-28di9", "COMMAND-sak25", "COMMAND-Kd92s", "COMMAND-0po9s"];
    assert!(answers.iter().all(|a| a.0 == 200 || gone.contains(&told(a).2.as_str())), "{}", counted(&answers));
    assert_eq!(answers[15].0, 200, "{:?}", answers[15]);
    assert_sound(&server.database).await;
}
