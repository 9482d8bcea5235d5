//! Introspection: who may ask, which tokens are good for whom, and what is said of them (contract,
//! `oauth.md` 2).

use claviger::clock::FixedClock;
use serde_json::{Value, json};

use crate::support::oauth::{ASSERTION_TYPE, Signer, answer, aud};
use crate::support::{Options, TestServer, text};

/// Parameters of a form, and the error and description they get.
type Mistake<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

fn inactive() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn a_token_is_good_for_applications_of_a_project_in_its_audience() {
    let server = TestServer::start().await;
    let (ours, other) = (server.project("ours").await, server.project("other").await);
    let (app, foreign) = (server.basic_app(&ours, "a").await, server.basic_app(&other, "b").await);
    for kind in ["ACCESS_TOKEN_TYPE_BEARER", "ACCESS_TOKEN_TYPE_JWT"] {
        let (id, signer) = server.machine(kind, kind).await;
        let token = server.access_token(&signer, &format!("openid {}", aud(&ours))).await;
        let (status, seen) = server.introspect(&app, &token).await;
        assert_eq!((status, &seen["active"], text(&seen, "/sub")), (200, &json!(true), id));
        assert_eq!(seen["aud"], json!([ours]));
        assert_eq!(text(&seen, "/client_id"), kind);
        assert_eq!(text(&seen, "/iss"), server.issuer());
        assert_eq!(server.introspect(&foreign, &token).await.1, inactive(), "{kind}");
        let nowhere = server.access_token(&signer, "openid").await;
        assert_eq!(server.introspect(&app, &nowhere).await.1, inactive(), "{kind} without audience");
    }
    // A personal access token is good everywhere.
    for app in [&app, &foreign] {
        let (_, seen) = server.introspect(app, &server.token).await;
        assert_eq!((&seen["active"], &seen["aud"][0]), (&json!(true), &json!(app.client_id)));
    }
}

#[tokio::test]
async fn each_way_to_authenticate_works_and_the_method_in_force_decides() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let basic = server.basic_app(&project, "basic").await;
    let app = server.app(&project, "jwt").await;
    let signer = Signer::new(&server, &server.key(&project, &app).await);
    let form = [("token", server.token.as_str()), ("client_id", &basic.client_id), ("client_secret", &basic.secret)];
    assert_eq!(server.form("/oauth/v2/introspect", None, &form).await.1["active"], true);
    assert_eq!(server.introspect(&basic, &server.token).await.1["active"], true);
    assert_eq!(server.introspect_by_key(&signer.assertion(), &server.token).await.1["active"], true);

    // After the switch the key sleeps, and the secret that is made is good; and back again.
    let config = format!("/projects/{project}/apps/{app}/api_config");
    let switch = |to: &str| {
        let body = json!({"authMethodType": to});
        let (server, config) = (&server, &config);
        async move { assert_eq!(server.put(config, body).await.0, 200) }
    };
    switch("API_AUTH_METHOD_TYPE_BASIC").await;
    let made = server.ok(&format!("{config}/_generate_client_secret"), json!({})).await;
    let secret = text(&made, "/clientSecret");
    let by_secret = || server.form("/oauth/v2/introspect", Some((&signer.subject, &secret)), &form[..1]);
    let by_key = || async { server.introspect_by_key(&signer.assertion(), &server.token).await };
    assert_eq!((by_secret().await.0, by_key().await.0), (200, 400));
    switch("API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT").await;
    assert_eq!((by_secret().await.0, by_key().await.0), (400, 200));
}

#[tokio::test]
async fn basic_credentials_are_form_decoded() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let escaped = format!("%{:02X}{}", app.secret.as_bytes()[0], &app.secret[1..]);
    let form = [("token", server.token.as_str())];
    let (status, seen) = server.form("/oauth/v2/introspect", Some((&app.client_id, &escaped)), &form).await;
    assert_eq!((status, &seen["active"]), (200, &json!(true)));
    let (status, error) = server.form("/oauth/v2/introspect", Some((&app.client_id, "%zz")), &form).await;
    assert_eq!((status, text(&error, "/error_description")), (400, "invalid basic auth header".to_owned()));
}

/// Rows of contract, `oauth.md` 2.2: form, error, description.
#[tokio::test]
async fn each_mistake_has_its_error() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (id, secret) = (app.client_id.as_str(), app.secret.as_str());
    let provided = "client_id or client_assertion must be provided";
    let cases: &[Mistake] = &[
        (&[("token", "x")], "invalid_request", provided),
        (&[("token", "x"), ("client_id", id)], "invalid_client", "client must be authenticated"),
        (&[("client_id", id), ("client_secret", secret)], "invalid_request", "token missing"),
        (&[("client_id", id), ("client_secret", "wrong")], "invalid_request", "token missing"),
        (&[("token", "x"), ("client_id", "1"), ("client_secret", "x")], "unauthorized_client", ""),
        (&[("token", "x"), ("client_id", id), ("client_secret", "x")], "unauthorized_client", ""),
        (&[("token", "x"), ("client_id", id), ("client_secret", &secret[1..])], "unauthorized_client", ""),
        (&[("token", "x"), ("client_assertion", "x")], "invalid_request", "invalid client_assertion_type "),
        (
            &[("token", "x"), ("client_assertion", "x"), ("client_assertion_type", "y")],
            "invalid_request",
            "invalid client_assertion_type y",
        ),
        (
            &[("token", "x"), ("client_assertion", "x"), ("client_assertion_type", ASSERTION_TYPE)],
            "unauthorized_client",
            "",
        ),
        (&[("token", "x"), ("token", "y")], "invalid_request", "token is given twice; send it once"),
        (&[("token", "x"), ("client_id", "\0")], "invalid_request", "client_id holds a NUL character"),
    ];
    for (form, error, description) in cases {
        let (status, answer) = server.form("/oauth/v2/introspect", None, form).await;
        assert_eq!(status, 400, "{form:?}: {answer}");
        assert_eq!(
            (text(&answer, "/error").as_str(), text(&answer, "/error_description").as_str()),
            (*error, *description)
        );
        assert_eq!(answer.get("error_description").is_some(), !description.is_empty());
    }
    let body = format!(r#"{{"token":"x","client_id":"{id}","client_secret":"{secret}"}}"#);
    let request = server.http.post(server.url("/oauth/v2/introspect")).header("content-type", "application/json");
    assert_eq!(answer(request.body(body)).await.0, 400, "a JSON body is not read");
}

#[tokio::test]
async fn what_is_no_good_token_is_inactive_and_nothing_more_is_said() {
    let clock = FixedClock::new(1_800_000_000_000_000);
    let server = TestServer::with(Options { clock: Some(clock.clone()), ..Options::default() }).await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (_, signer) = server.machine("m", "ACCESS_TOKEN_TYPE_JWT").await;
    let (_, given) = server.jwt_bearer(&signer.assertion(), &format!("openid {}", aud(&project))).await;
    let jwt = text(&given, "/access_token");
    assert_eq!(server.introspect(&app, &jwt).await.1["active"], true);
    let tampered = crate::support::tokens::tamper(&jwt);
    let id_token = text(&given, "/id_token");
    for bad in ["x", "a.b.c", "cvg_pat_x", &server.token[1..], &tampered, &id_token, &signer.assertion(), "é\u{0}"] {
        let (status, seen) = server.introspect(&app, bad).await;
        assert!(seen == inactive() || status == 400 && bad.contains('\0'), "{bad}: {seen}");
    }
    clock.advance(43_200_000_000);
    assert_eq!(server.introspect(&app, &jwt).await.1, inactive(), "expired");
}

/// One scope at a time (contract, `oauth.md` 2.4).
#[tokio::test]
async fn claims_follow_the_scopes() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let base =
        ["active", "aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "nbf", "scope", "sub", "token_type"];
    let owner = ["id", "name", "primary_domain"].map(|m| format!("urn:zitadel:iam:user:resourceowner:{m}"));
    let owner = owner.each_ref().map(String::as_str);
    let with_org = [&owner[..], &["urn:zitadel:iam:org:id"]].concat();
    let org_scope = format!("urn:zitadel:iam:org:id:{org}");
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("openid email offline_access", &[]),
        ("profile", &["name", "preferred_username", "updated_at", "username"]),
        ("urn:zitadel:iam:user:resourceowner", &owner),
        (&org_scope, &with_org),
        ("urn:zitadel:iam:org:id:1", &[]),
    ];
    for (scope, more) in cases {
        let token = server.access_token(&signer, &format!("{} {scope}", aud(&project))).await;
        let (_, seen) = server.introspect(&app, &token).await;
        let mut expected: Vec<&str> = base.iter().chain(more.iter()).copied().collect();
        expected.sort_unstable();
        let members: Vec<&str> = seen.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(members, expected, "{scope}");
        assert_eq!(seen["exp"].as_i64().expect("exp") - seen["iat"].as_i64().expect("iat"), 43_200);
    }
    let secret = server.machine_secret(&user).await;
    let form = [("grant_type", "client_credentials"), ("scope", &aud(&project))];
    let (_, given) = server.form("/oauth/v2/token", Some(("bot", &secret)), &form).await;
    let (_, seen) = server.introspect(&app, &text(&given, "/access_token")).await;
    assert_eq!(seen["amr"], json!(["pwd"]));
}

#[tokio::test]
async fn roles_are_those_of_the_moment_and_of_the_callers_project() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    for key in ["reader", "writer"] {
        let role = json!({"roleKey": key, "displayName": key});
        server.ok(&format!("/projects/{project}/roles"), role).await;
    }
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let plain = server.access_token(&signer, &aud(&project)).await;
    let one = format!("{} urn:zitadel:iam:org:project:role:writer", aud(&project));
    let narrow = server.access_token(&signer, &one).await;
    let own = format!("/urn:zitadel:iam:org:project:{project}:roles");
    let roles = async |token: &str| -> Value {
        let (_, seen) = server.introspect(&app, token).await;
        let of_project = seen.pointer(&own).cloned().unwrap_or_default();
        assert_eq!(of_project, seen["urn:zitadel:iam:org:project:roles"]);
        of_project
    };
    assert_eq!(roles(&plain).await, Value::Null);
    let grant = json!({"projectId": project, "roleKeys": ["reader", "writer"]});
    let grant = text(&server.ok(&format!("/users/{user}/grants"), grant).await, "/userGrantId");
    let entry = json!({&org: "zitadel.localhost"});
    assert_eq!(roles(&plain).await, json!({"reader": entry, "writer": entry}));
    assert_eq!(roles(&narrow).await, json!({"writer": entry}));
    server.ok(&format!("/users/{user}/grants/{grant}/_deactivate"), json!({})).await;
    assert_eq!(roles(&plain).await, Value::Null);
    server.ok(&format!("/users/{user}/grants/{grant}/_reactivate"), json!({})).await;
    assert_eq!(server.delete(&format!("/projects/{project}/roles/reader")).await.0, 200);
    assert_eq!(roles(&plain).await, json!({"writer": entry}));
}

/// Everything that ends a token or an application does so for the very next call.
#[tokio::test]
async fn what_is_switched_off_is_void_at_once() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let scope = aud(&project);
    let token = server.access_token(&signer, &scope).await;
    let pat = server.ok(&format!("/users/{user}/pats"), json!({})).await;
    let (pat_id, pat) = (text(&pat, "/tokenId"), text(&pat, "/token"));
    let see = async |token: &str| -> Value {
        let (status, seen) = server.introspect(&app, token).await;
        if status == 200 { seen["active"].clone() } else { json!(status) }
    };
    let switch = async |path: &str| drop(server.ok(path, json!({})).await);
    assert_eq!((see(&token).await, see(&pat).await), (json!(true), json!(true)));
    for (off, on) in [
        (
            format!("/projects/{project}/apps/{}/_deactivate", app.id),
            format!("/projects/{project}/apps/{}/_reactivate", app.id),
        ),
        (format!("/projects/{project}/_deactivate"), format!("/projects/{project}/_reactivate")),
    ] {
        switch(&off).await;
        assert_eq!(see(&token).await, json!(400), "{off}");
        switch(&on).await;
        assert_eq!(see(&token).await, json!(true), "{on}");
    }
    // Access tokens of a user that was away stay void; personal access tokens are back with it.
    for (off, on) in [("_deactivate", "_reactivate"), ("_lock", "_unlock")] {
        let token = server.access_token(&signer, &scope).await;
        assert_eq!(see(&token).await, json!(true));
        switch(&format!("/users/{user}/{off}")).await;
        assert_eq!((see(&token).await, see(&pat).await), (json!(false), json!(false)), "{off}");
        switch(&format!("/users/{user}/{on}")).await;
        assert_eq!((see(&token).await, see(&pat).await), (json!(false), json!(true)), "{on}");
    }
    let token = server.access_token(&signer, &scope).await;
    assert_eq!(server.delete(&format!("/users/{user}/pats/{pat_id}")).await.0, 200);
    assert_eq!((see(&token).await, see(&pat).await), (json!(true), json!(false)));
    assert_eq!(server.delete(&format!("/users/{user}")).await.0, 200);
    assert_eq!(see(&token).await, json!(false));
    // Nobody gets its id, and with it its tokens.
    let again = json!({"userName": "bot", "name": "bot", "userId": user});
    assert_eq!(server.post("/users/machine", again).await.0, 400);
    assert_eq!(see(&token).await, json!(false));
    assert_eq!(server.delete(&format!("/projects/{project}/apps/{}", app.id)).await.0, 200);
    assert_eq!(see(&server.token).await, json!(400));
}
