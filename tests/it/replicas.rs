//! Several servers on one database: what one revokes, all refuse within a second. On PostgreSQL only: a
//! SQLite file has one server.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::oauth::{BasicApp, Signer, answer, aud};
use crate::support::process::Process;
use crate::support::{Options, TestServer, text};

/// How long a replica may still let somebody in (design, section 3).
const SOON: Duration = Duration::from_secs(1);

/// Two servers that clients know under one name; none on an engine that does not allow it.
async fn pair() -> Option<(TestServer, TestServer)> {
    let settings = || vec![("CLAVIGER_ISSUER", "http://claviger.test".to_owned())];
    let one = TestServer::with(Options { settings: settings(), ..Options::default() }).await;
    if one.database.is_sqlite() {
        return None;
    }
    let beside = Some(one.database.clone());
    let two = TestServer::with(Options { settings: settings(), beside, ..Options::default() }).await;
    Some((one, two))
}

/// Asks a server until it refuses, and says how long that took.
async fn until_refused(server: &TestServer, app: &BasicApp, token: &str, since: Instant) -> Duration {
    loop {
        let (status, seen) = server.introspect(app, token).await;
        if status == 400 || seen["active"] == false {
            return since.elapsed();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_revocation_reaches_every_replica_within_a_second() {
    let Some((one, two)) = pair().await else { return };
    let project = one.project("p").await;
    let app = one.basic_app(&project, "a").await;
    let (user, machine) = one.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let signer = Signer { audience: "http://claviger.test".to_owned(), ..machine };
    let secret = one.machine_secret(&user).await;
    let scope = format!("{} urn:zitadel:iam:org:project:id:zitadel:aud", aud(&project));
    one.org_role(&one.org().await, &user, "ORG_OWNER").await;
    for case in ["revoked", "token removed", "user deactivated", "application deactivated"] {
        let token = one.access_token(&signer, &scope).await;
        let pat = one.ok(&format!("/users/{user}/pats"), json!({})).await;
        let (pat_id, pat) = (text(&pat, "/tokenId"), text(&pat, "/token"));
        let (token, path) = match case {
            "revoked" => (token, None),
            "token removed" => (pat.clone(), None),
            "user deactivated" => (token, Some(format!("/users/{user}/_deactivate"))),
            _ => (token, Some(format!("/projects/{project}/apps/{}/_deactivate", app.id))),
        };
        for server in [&one, &two] {
            assert_eq!(server.introspect(&app, &token).await.1["active"], true, "{case}: known to both");
            assert_eq!(server.me(&token).await.0, 200);
        }
        match path {
            Some(path) => drop(one.ok(&path, json!({})).await),
            None if token == pat => assert_eq!(one.delete(&format!("/users/{user}/pats/{pat_id}")).await.0, 200),
            None => {
                let form = [("token", token.as_str())];
                assert_eq!(one.form("/oauth/v2/revoke", Some(("bot", &secret)), &form).await.0, 200);
            }
        }
        let since = Instant::now();
        let (status, seen) = one.introspect(&app, &token).await;
        assert!(status == 400 || seen["active"] == false, "{case}: at once where it was done");
        let took = until_refused(&two, &app, &token, since).await;
        assert!(took < SOON, "{case}: {took:?}");
        if case == "user deactivated" {
            assert_eq!(one.me(&token).await.0, 401);
            while two.me(&token).await.0 == 200 {
                assert!(since.elapsed() < SOON);
            }
            one.ok(&format!("/users/{user}/_reactivate"), json!({})).await;
        }
    }
}

#[tokio::test]
async fn tokens_of_one_replica_are_good_at_the_other() {
    let Some((one, two)) = pair().await else { return };
    let project = one.project("p").await;
    let app = one.basic_app(&project, "a").await;
    let (_, machine) = one.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let signer = Signer { audience: "http://claviger.test".to_owned(), ..machine };
    for (made, asked) in [(&one, &two), (&two, &one)] {
        let token = made.access_token(&signer, &aud(&project)).await;
        assert_eq!(asked.introspect(&app, &token).await.1["active"], true);
    }
    let keys = async |server: &TestServer| {
        let answer = server.http.get(server.url("/oauth/v2/keys")).send().await.expect("an answer");
        answer.text().await.expect("a key set")
    };
    assert_eq!(keys(&one).await, keys(&two).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_refuses_what_this_one_revoked_within_a_second() {
    let settings = vec![("CLAVIGER_ISSUER", "http://claviger.test".to_owned())];
    let one = TestServer::with(Options { settings, ..Options::default() }).await;
    if one.database.is_sqlite() {
        return;
    }
    let other = Process::start(&one.database, &[("CLAVIGER_ISSUER", "http://claviger.test")]);
    let project = one.project("p").await;
    let app = one.basic_app(&project, "a").await;
    let (user, machine) = one.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    let signer = Signer { audience: "http://claviger.test".to_owned(), ..machine };
    let secret = one.machine_secret(&user).await;
    let token = one.access_token(&signer, &aud(&project)).await;
    let url = format!("{}/oauth/v2/introspect", other.url);
    let active = async || {
        let request = one.http.post(&url).basic_auth(&app.client_id, Some(&app.secret)).form(&[("token", &token)]);
        answer(request).await.1["active"].clone()
    };
    assert_eq!(active().await, true);
    let form = [("token", token.as_str())];
    assert_eq!(one.form("/oauth/v2/revoke", Some(("bot", &secret)), &form).await.0, 200);
    let since = Instant::now();
    while active().await == true {
        assert!(since.elapsed() < SOON);
    }
}
