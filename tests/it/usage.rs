//! When credentials were last used, how long an old secret is good, and that expired tokens go.

use claviger::clock::FixedClock;
use claviger::housekeeping::sweep;
use serde_json::{Value, json};

use crate::support::oauth::{BasicApp, Signer, aud};
use crate::support::{Options, TestServer, text};

/// 2027-01-15T08:00:00Z.
const NOW: i64 = 1_800_000_000_000_000;
const SHOWN: &str = "2027-01-15T08:00:00Z";

async fn at(clock: &FixedClock) -> TestServer {
    // Nothing is written in the background: the test says when.
    let settings = ["USAGE", "SWEEP"].map(|n| (format!("CLAVIGER_TOKENS_{n}_INTERVAL"), "100000".to_owned()));
    let settings = settings.map(|(name, value)| (&*name.leak(), value)).into();
    TestServer::with(Options { clock: Some(clock.clone()), settings, ..Options::default() }).await
}

#[tokio::test]
async fn each_credential_tells_when_it_was_last_used() {
    let clock = FixedClock::new(NOW);
    let server = at(&clock).await;
    let project = server.project("p").await;
    let basic = server.basic_app(&project, "basic").await;
    let app = server.app(&project, "jwt").await;
    let signer = Signer::new(&server, &server.key(&project, &app).await);
    let (user, machine) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let secret = server.machine_secret(&user).await;
    let pat = server.ok(&format!("/users/{user}/pats"), json!({})).await;
    let places = [
        (format!("/projects/{project}/apps/{}", basic.id), "/app/apiConfig/secretLastUsed"),
        (format!("/projects/{project}/apps/{app}/keys/{}", signer.kid), "/key/lastUsed"),
        (format!("/users/{user}"), "/user/machine/secretLastUsed"),
        (format!("/users/{user}/keys/{}", machine.kid), "/key/lastUsed"),
        (format!("/users/{user}/pats/{}", text(&pat, "/tokenId")), "/token/lastUsed"),
    ];
    let shown = async || -> Vec<String> {
        server.app.usage.write(&server.app.store).await.expect("written");
        let mut all = Vec::new();
        for (path, pointer) in &places {
            all.push(text(&server.get(path).await.1, pointer));
        }
        all
    };
    let use_all = async || {
        assert_eq!(server.introspect(&basic, &server.token).await.0, 200);
        let assertion = Signer { now: server.now(), ..signer.clone() }.assertion();
        assert_eq!(server.introspect_by_key(&assertion, &server.token).await.0, 200);
        let form = [("grant_type", "client_credentials")];
        assert_eq!(server.form("/oauth/v2/token", Some(("bot", &secret)), &form).await.0, 200);
        let assertion = Signer { now: server.now(), ..machine.clone() }.assertion();
        assert_eq!(server.jwt_bearer(&assertion, "openid").await.0, 200);
        assert_eq!(server.userinfo(&text(&pat, "/token")).await.0, 200);
    };
    assert_eq!(shown().await, [""; 5], "never used");
    use_all().await;
    assert_eq!(shown().await, [SHOWN; 5]);
    clock.advance(59_000_000);
    use_all().await;
    assert_eq!(shown().await, [SHOWN; 5], "at most once a minute");
    clock.advance(1_000_000);
    use_all().await;
    assert_eq!(shown().await, ["2027-01-15T08:01:00Z"; 5]);
    // What failed is no use.
    clock.advance(60_000_000);
    assert_eq!(server.introspect(&BasicApp { secret: "x".to_owned(), ..basic }, &server.token).await.0, 400);
    assert_eq!(shown().await, ["2027-01-15T08:01:00Z"; 5]);
}

#[tokio::test]
async fn a_stop_writes_what_waits() {
    let clock = FixedClock::new(NOW);
    let server = at(&clock).await;
    let project = server.project("p").await;
    let basic = server.basic_app(&project, "basic").await;
    assert_eq!(server.introspect(&basic, &server.token).await.0, 200);
    let database = server.database.clone();
    server.stop().await;
    let again = TestServer::with(Options { beside: Some(database), ..Options::default() }).await;
    let (_, seen) = again.get(&format!("/projects/{project}/apps/{}", basic.id)).await;
    assert_eq!(text(&seen, "/app/apiConfig/secretLastUsed"), SHOWN);
}

#[tokio::test]
async fn an_old_secret_is_good_for_as_long_as_was_asked() {
    let clock = FixedClock::new(NOW);
    let server = at(&clock).await;
    let project = server.project("p").await;
    let first = server.basic_app(&project, "a").await;
    let path = format!("/projects/{project}/apps/{}/api_config/_generate_client_secret", first.id);
    let regenerate = async |body: Value| -> BasicApp {
        let secret = text(&server.ok(&path, body).await, "/clientSecret");
        BasicApp { id: first.id.clone(), client_id: first.client_id.clone(), secret }
    };
    let works = async |app: &BasicApp| server.introspect(app, &server.token).await.0 == 200;
    let second = regenerate(json!({"oldSecretLifetime": "3600s"})).await;
    assert!(works(&first).await && works(&second).await, "both for an hour");
    clock.advance(3_599_000_000);
    assert!(works(&first).await && works(&second).await);
    clock.advance(1_000_000);
    assert!(!works(&first).await && works(&second).await);
    let third = regenerate(json!({"oldSecretLifetime": "60s"})).await;
    let fourth = regenerate(json!({})).await;
    assert!(!works(&second).await && !works(&third).await, "by default the old one is void at once");
    assert!(works(&fourth).await);
    for bad in ["-1s", "2592001s", "2592000.5s"] {
        let (status, answer) = server.post(&path, json!({"oldSecretLifetime": bad})).await;
        assert_eq!((status, text(&answer, "/details/0/id").as_str()), (400, "COMMAND-Gr4ce"), "{bad}");
    }
    assert!(works(&fourth).await, "what was refused changed nothing");
}

#[tokio::test]
async fn expired_tokens_are_swept_and_good_ones_stay() {
    let clock = FixedClock::new(NOW);
    let server = at(&clock).await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let (_, machine) = server.machine("bot", "ACCESS_TOKEN_TYPE_BEARER").await;
    let scope = aud(&project);
    server.access_token(&machine, &scope).await;
    let sql = server.sql().await;
    // More than one step of the sweep.
    let copies = "INSERT INTO access_tokens (id, org_id, user_id, epoch, token_hash, scopes, by_secret, created_at, \
                  expires_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
                  SELECT n.i, org_id, user_id, epoch, token_hash, scopes, by_secret, created_at, expires_at \
                  FROM access_tokens, n";
    sql.run(copies, &[]).await;
    clock.advance(43_200_000_000);
    let good = server.access_token(&Signer { now: server.now(), ..machine }, &scope).await;
    assert_eq!(sql.count("SELECT count(*) FROM access_tokens").await, 2502);
    assert_eq!(sweep(&server.app.store, &clock).await.expect("swept"), 2501);
    assert_eq!(sql.count("SELECT count(*) FROM access_tokens").await, 1);
    assert_eq!(server.introspect(&app, &good).await.1["active"], true);
}
