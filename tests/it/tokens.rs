//! The token endpoint, what its tokens hold, and where they open doors (contract, `oauth.md` 3 to 5).

use claviger::clock::FixedClock;
use claviger::env::Random;
use serde_json::{Value, json};

use crate::support::oauth::{ASSERTION_TYPE, JWT_BEARER, aud, claims_of};
use crate::support::{Options, TestServer, text};

/// Parameters of a form, and the error and description they get.
type Mistake<'a> = (Vec<(&'a str, &'a str)>, &'a str, &'a str);

const ZITADEL: &str = "urn:zitadel:iam:org:project:id:zitadel:aud";

#[tokio::test]
async fn a_jwt_access_token_and_an_id_token_verify_with_the_key_set() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": "reader", "displayName": "r"})).await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let grant = json!({"projectId": project, "roleKeys": ["reader"]});
    server.ok(&format!("/users/{user}/grants"), grant).await;
    let scope = format!("openid {} urn:zitadel:iam:org:projects:roles", aud(&project));
    let (status, given) = server.jwt_bearer(&signer.assertion(), &scope).await;
    assert_eq!(
        (status, text(&given, "/token_type"), given["expires_in"].as_i64()),
        (200, "Bearer".to_owned(), Some(43_200))
    );
    let set: jsonwebtoken::jwk::JwkSet =
        server.http.get(server.url("/oauth/v2/keys")).send().await.expect("keys").json().await.expect("a key set");
    let verified = |token: &str, audience: &str| -> Value {
        let kid = jsonwebtoken::decode_header(token).expect("a header").kid.expect("kid");
        let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&kid).expect("published")).expect("a key");
        let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        rules.set_audience(&[audience]);
        rules.set_issuer(&[server.issuer()]);
        jsonwebtoken::decode(token, &key, &rules).expect("a good signature").claims
    };
    let access = verified(&text(&given, "/access_token"), &project);
    let roles = json!({"reader": {server.org().await: "zitadel.localhost"}});
    assert_eq!(access[format!("urn:zitadel:iam:org:project:{project}:roles")], roles);
    assert_eq!((text(&access, "/client_id"), text(&access, "/sub")), ("bot".to_owned(), user));
    assert_eq!(text(&access, "/scope"), scope);
    assert!(access["jti"].is_string() && access["nbf"].is_i64() && access.get("name").is_none());
    let id = verified(&text(&given, "/id_token"), "bot");
    assert_eq!(id["aud"], json!([project, "bot"]));
    assert_eq!((text(&id, "/azp"), id["auth_time"].clone()), ("bot".to_owned(), id["iat"].clone()));
    assert!(id.get("jti").is_none() && id["at_hash"].is_string());
    assert_eq!(id["exp"].as_i64().expect("exp") - id["iat"].as_i64().expect("iat"), 43_200);
}

#[tokio::test]
async fn secrets_and_assertions_get_tokens_by_client_credentials() {
    let server = TestServer::start().await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let secret = server.machine_secret(&user).await;
    let grant = ("grant_type", "client_credentials");
    let basic = server.form("/oauth/v2/token", Some(("bot", &secret)), &[grant]).await;
    assert_eq!(basic.0, 200, "{}", basic.1);
    assert!(basic.1.get("id_token").is_none() && basic.1.get("scope").is_none());
    let post = [grant, ("client_id", "bot"), ("client_secret", &secret), ("scope", "openid")];
    let (status, given) = server.form("/oauth/v2/token", None, &post).await;
    assert_eq!(status, 200);
    assert_eq!(claims_of(&text(&given, "/id_token"))["amr"], json!(["pwd"]));
    // The assertion may name the machine by id or by login name.
    for name in [&user, "bot"] {
        let assertion = signer.changed(|c| {
            c.insert("iss".to_owned(), json!(name));
            c.insert("sub".to_owned(), json!(name));
        });
        let form = [grant, ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion.as_str())];
        assert_eq!(server.form("/oauth/v2/token", None, &form).await.0, 200, "{name}");
    }
}

/// Rows of contract, `oauth.md` 3: form, error, description.
#[tokio::test]
async fn each_mistake_has_its_error() {
    let server = TestServer::start().await;
    let (_, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let good = signer.assertion();
    let cc = ("grant_type", "client_credentials");
    let many = "openid ".repeat(201);
    let cases: Vec<Mistake> = vec![
        (vec![], "invalid_request", "grant_type missing"),
        (vec![("grant_type", "foo")], "unsupported_grant_type", "foo not supported"),
        (vec![("grant_type", "authorization_code")], "unsupported_grant_type", "authorization_code not supported"),
        (vec![("grant_type", JWT_BEARER), ("scope", "openid")], "invalid_request", "assertion missing"),
        (vec![("grant_type", JWT_BEARER), ("assertion", "x"), ("scope", "")], "invalid_grant", "invalid assertion"),
        (
            vec![("grant_type", JWT_BEARER), ("assertion", &good)],
            "invalid_request",
            "scope missing; send the parameter, even if it is empty",
        ),
        (
            vec![("grant_type", JWT_BEARER), ("assertion", &good), ("scope", &many)],
            "invalid_scope",
            "too many scopes: send at most 200, of 8192 characters in all",
        ),
        (vec![cc], "invalid_request", "client_id or client_assertion must be provided"),
    ];
    for (form, error, description) in cases {
        let (status, answer) = server.form("/oauth/v2/token", None, &form).await;
        assert_eq!(status, 400, "{form:?}: {answer}");
        assert_eq!(
            (text(&answer, "/error").as_str(), text(&answer, "/error_description").as_str()),
            (error, description)
        );
    }
}

/// Nobody learns here which names exist or have secrets (RFC 6749, section 5.2).
#[tokio::test]
async fn a_client_that_does_not_prove_itself_gets_one_answer() {
    let server = TestServer::start().await;
    let (user, _) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    server.machine("none", "ACCESS_TOKEN_TYPE_BEARER").await;
    let secret = server.machine_secret(&user).await;
    let app = server.basic_app(&server.project("p").await, "a").await;
    let cases: [(&str, &str, &str); 8] = [
        ("unknown", "nobody", "x"),
        ("unknown, without a secret", "nobody", ""),
        ("an id is no name", &user, &secret),
        ("an application", &app.client_id, &app.secret),
        ("a machine without a secret", "none", "x"),
        ("a machine without a secret, and none sent", "none", ""),
        ("wrong secret", "bot", "x"),
        ("missing secret", "bot", ""),
    ];
    for path in ["/oauth/v2/token", "/oauth/v2/revoke"] {
        let mut seen = Vec::new();
        for (what, id, secret) in cases {
            if path.ends_with("revoke") && id == app.client_id {
                continue;
            }
            for basic in [false, true] {
                let mut request = server.http.post(server.url(path));
                let mut form = vec![("grant_type", "client_credentials"), ("token", "x")];
                if basic {
                    request = request.basic_auth(id, Some(secret));
                } else {
                    form.extend([("client_id", id), ("client_secret", secret)]);
                }
                let response = request.form(&form).send().await.expect("an answer");
                let (status, header) =
                    (response.status().as_u16(), response.headers().get("www-authenticate").cloned());
                // RFC 6749, section 5.2: 401 and a challenge for a client that tried the header.
                let expected = if basic { 401 } else { 400 };
                assert_eq!((status, header.is_some()), (expected, basic), "{path} {what}");
                let mut names: Vec<String> = response.headers().keys().map(ToString::to_string).collect();
                names.retain(|name| name != "www-authenticate");
                seen.push((names, response.text().await.expect("a body"), what));
            }
        }
        assert!(seen[0].1.contains(r#""error":"invalid_client""#), "{}", seen[0].1);
        for (names, body, what) in &seen {
            assert_eq!((names, body), (&seen[0].0, &seen[0].1), "{path} {what}");
        }
    }
    let good = [("grant_type", "client_credentials")];
    assert_eq!(server.form("/oauth/v2/token", Some(("bot", &secret)), &good).await.0, 200);
    let assertion = [good[0], ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", "x")];
    let (status, answer) = server.form("/oauth/v2/token", None, &assertion).await;
    assert_eq!((status, text(&answer, "/error").as_str()), (400, "invalid_client"));
}

#[tokio::test]
async fn machines_that_are_switched_off_get_no_token() {
    let server = TestServer::start().await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let secret = server.machine_secret(&user).await;
    for (off, on) in [("_deactivate", "_reactivate"), ("_lock", "_unlock")] {
        server.ok(&format!("/users/{user}/{off}"), json!({})).await;
        for answer in [
            server.jwt_bearer(&signer.assertion(), "openid").await,
            server.form("/oauth/v2/token", Some(("bot", &secret)), &[("grant_type", "client_credentials")]).await,
        ] {
            assert_eq!((answer.0, text(&answer.1, "/error_description").as_str()), (400, "Errors.User.NotActive"));
        }
        server.ok(&format!("/users/{user}/{on}"), json!({})).await;
    }
    assert_eq!(server.jwt_bearer(&signer.assertion(), "openid").await.0, 200);
    let (status, answer) = server.form("/oauth/v2/authorize", None, &[]).await;
    assert_eq!((status, text(&answer, "/error").as_str()), (400, "invalid_request"), "there is no login");
}

#[tokio::test]
async fn a_token_opens_the_management_api_only_with_its_audience() {
    let server = TestServer::start().await;
    let org = server.org().await;
    for kind in ["ACCESS_TOKEN_TYPE_BEARER", "ACCESS_TOKEN_TYPE_JWT"] {
        let (user, signer) = server.machine(kind, kind).await;
        server.org_role(&org, &user, "ORG_OWNER").await;
        let token = server.access_token(&signer, ZITADEL).await;
        assert_eq!(server.me(&token).await.0, 200, "{kind}");
        let other = server.access_token(&signer, "openid").await;
        let (status, answer) = server.me(&other).await;
        assert_eq!((status, text(&answer, "/details/0/id").as_str()), (401, "AUTH-7fs1e"), "{kind}");
        assert_eq!(server.me(&crate::support::tokens::tamper(&token)).await.0, 401);
        server.ok(&format!("/users/{user}/_deactivate"), json!({})).await;
        assert_eq!(server.me(&token).await.0, 401, "{kind}");
        server.ok(&format!("/users/{user}/_reactivate"), json!({})).await;
        assert_eq!(server.me(&token).await.0, 401, "{kind} stays void");
    }
}

#[tokio::test]
async fn userinfo_says_what_the_scopes_ask_for() {
    let clock = FixedClock::new(1_800_000_000_000_000);
    let server = TestServer::with(Options { clock: Some(clock.clone()), ..Options::default() }).await;
    let project = server.project("p").await;
    server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": "reader", "displayName": "r"})).await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let grant = json!({"projectId": project, "roleKeys": ["reader"]});
    server.ok(&format!("/users/{user}/grants"), grant).await;
    let scope = format!("openid profile {} urn:zitadel:iam:org:projects:roles", aud(&project));
    let token = server.access_token(&signer, &scope).await;
    let (status, seen) = server.userinfo(&token).await;
    let updated_at = seen["updated_at"].clone();
    let roles = json!({"reader": {server.org().await: "zitadel.localhost"}});
    let mut expected = json!({
        "sub": user, "name": "bot machine", "preferred_username": "bot", "updated_at": updated_at,
    });
    expected[format!("urn:zitadel:iam:org:project:{project}:roles")] = roles;
    assert_eq!((status, seen), (200, expected));
    assert_eq!(server.userinfo(&server.token).await.0, 200, "a personal access token");
    let (status, seen) = server.form("/oidc/v1/userinfo", None, &[("access_token", &token)]).await;
    assert_eq!((status, text(&seen, "/sub")), (200, user));
    for (token, error) in [("", "invalid_request"), ("nonsense", "access_denied"), ("a.b.c", "access_denied")] {
        let (status, answer) = server.form("/oidc/v1/userinfo", None, &[("access_token", token)]).await;
        assert_eq!((status, text(&answer, "/error").as_str()), (401, error), "{token}");
    }
    clock.advance(43_200_000_000);
    assert_eq!(server.userinfo(&token).await.0, 401, "expired");
}

#[tokio::test]
async fn a_machine_revokes_its_own_tokens_and_no_others() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (user, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let (other, _) = server.machine("other", "ACCESS_TOKEN_TYPE_BEARER").await;
    let (secret, foreign) = (server.machine_secret(&user).await, server.machine_secret(&other).await);
    let token = server.access_token(&signer, &aud(&project)).await;
    let revoke = |basic: (String, String), token: String| {
        let server = &server;
        async move { server.form("/oauth/v2/revoke", Some((&basic.0, &basic.1)), &[("token", &token)]).await }
    };
    let (me, them) = (("bot".to_owned(), secret), ("other".to_owned(), foreign));
    let active = async |token: &str| server.introspect(&app, token).await.1["active"].clone();
    assert_eq!(active(&token).await, true);
    for caller in [them, (app.client_id.clone(), app.secret.clone())] {
        let (status, answer) = revoke(caller, token.clone()).await;
        assert_eq!((status, text(&answer, "/error").as_str()), (401, "invalid_client"), "{answer}");
    }
    assert_eq!(revoke(("bot".to_owned(), "wrong".to_owned()), token.clone()).await.0, 401);
    assert_eq!(active(&token).await, true);
    assert_eq!(revoke(me.clone(), token.clone()).await, (200, Value::Null));
    assert_eq!(active(&token).await, false);
    for dead in [token, "nonsense".to_owned()] {
        assert_eq!(revoke(me.clone(), dead).await.0, 200, "unknown tokens are no error");
    }
    assert_eq!(text(&revoke(me.clone(), String::new()).await.1, "/error_description"), "token missing");
    // By assertion, and a personal access token of its own, which leaves an event.
    let pat = text(&server.ok(&format!("/users/{user}/pats"), json!({})).await, "/token");
    let assertion = signer.assertion();
    let form = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &*assertion), ("token", &*pat)];
    assert_eq!(server.form("/oauth/v2/revoke", None, &form).await.0, 200);
    assert_eq!((server.me(&pat).await.0, active(&pat).await), (401, json!(false)));
    let changes = server.ok(&format!("/users/{user}/changes/_search"), json!({})).await;
    assert_eq!(text(&changes, "/result/0/editorId"), user, "{org}");
}

#[tokio::test]
async fn life_times_are_those_of_the_configuration() {
    let settings =
        vec![("CLAVIGER_TOKENS_ACCESS_LIFETIME", "3600".to_owned()), ("CLAVIGER_TOKENS_ID_LIFETIME", "60".to_owned())];
    let server = TestServer::with(Options { settings, ..Options::default() }).await;
    let (_, signer) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let (_, given) = server.jwt_bearer(&signer.assertion(), "openid").await;
    assert_eq!(given["expires_in"], 3600);
    for (token, seconds) in [("/access_token", 3600), ("/id_token", 60)] {
        let claims = claims_of(&text(&given, token));
        assert_eq!(claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat"), seconds);
    }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_secrets() {
    let made = async |seed| {
        let options = Options { random: Some(Random::seeded(seed)), ..Options::default() };
        let server = TestServer::with(options).await;
        let app = server.basic_app(&server.project("p").await, "a").await;
        let token = server.user(&server.org().await, "bot").await.1;
        (server.token.clone(), app.secret, token)
    };
    let (one, two, other) = tokio::join!(made(1), made(1), made(2));
    assert_eq!(one, two);
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2);
    assert!(one.0 != one.2, "but no token twice");
}
