//! What is remembered, and what must not be: an answer from memory may let somebody in for a moment, it
//! never keeps somebody out.

use std::time::Duration;

use claviger::app::App;
use claviger::auth::OldKey;
use claviger::clock::FixedMonotonic;
use claviger::config::Config;
use claviger::store::BUDGET;
use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::json;

use crate::support::oauth::{BasicApp, Signer, aud};
use crate::support::{Options, TestServer, text};

/// Two servers on one database that clients know under one name; for the second one time stands still, so
/// that it remembers what it saw. None on SQLite, where one server has the file.
async fn pair() -> Option<(TestServer, TestServer, FixedMonotonic)> {
    let one = TestServer::with(Options { settings: settings(), ..Options::default() }).await;
    if one.database.is_sqlite() {
        return None;
    }
    let (two, time) = still(Some(&one)).await;
    Some((one, two, time))
}

fn settings() -> Vec<(&'static str, String)> {
    vec![
        ("CLAVIGER_ISSUER", "http://claviger.test".to_owned()),
        ("CLAVIGER_SERVER_REMEMBER", "900".to_owned()),
        ("CLAVIGER_TOKENS_USAGE_INTERVAL", "3600".to_owned()),
    ]
}

/// A server for which time stands still.
async fn still(beside: Option<&TestServer>) -> (TestServer, FixedMonotonic) {
    let time = FixedMonotonic::default();
    let beside = beside.map(|one| one.database.clone());
    let options = Options { settings: settings(), time: Some(time.clone()), beside, ..Options::default() };
    (TestServer::with(options).await, time)
}

/// A machine that signs for the name of these servers.
async fn machine(server: &TestServer) -> Signer {
    let (_, machine) = server.machine("bot", "ACCESS_TOKEN_TYPE_JWT").await;
    Signer { audience: "http://claviger.test".to_owned(), ..machine }
}

/// How often a server had to ask its database while something was done, and by how many bytes its caches grew.
async fn cost(server: &TestServer, work: impl AsyncFnOnce()) -> (u64, i64) {
    let before = server.app.store.remembered();
    work().await;
    let after = server.app.store.remembered();
    assert!(after.bytes <= BUDGET);
    (after.asked - before.asked, i64::try_from(after.bytes).expect("few") - i64::try_from(before.bytes).expect("few"))
}

#[tokio::test]
async fn what_one_replica_just_made_is_good_at_the_other_at_once() {
    let Some((one, two, _)) = pair().await else { return };
    let project = one.project("p").await;
    let app = one.basic_app(&project, "a").await;
    let machine = machine(&one).await;
    let token = one.access_token(&machine, &aud(&project)).await;
    let path = format!("/projects/{project}/apps/{}", app.id);
    assert_eq!(two.introspect(&app, &token).await.0, 200, "the other one remembers the client");
    let secret = text(&one.ok(&format!("{path}/api_config/_generate_client_secret"), json!({})).await, "/clientSecret");
    let renewed = BasicApp { secret, id: app.id.clone(), client_id: app.client_id.clone() };
    assert_eq!(two.introspect(&renewed, &token).await.0, 200, "a new secret");
    let back = text(&one.ok(&format!("{path}/api_config/_generate_client_secret"), json!({})).await, "/clientSecret");
    let app = BasicApp { secret: back, ..renewed };
    assert_eq!(two.introspect(&app, &token).await.0, 200, "and another one");
    assert_eq!(one.post(&format!("{path}/_deactivate"), json!({})).await.0, 200);
    assert_eq!(one.post(&format!("{path}/_reactivate"), json!({})).await.0, 200);
    assert_eq!(two.introspect(&app, &token).await.0, 200, "a client that is back");
}

#[tokio::test]
async fn a_key_just_added_opens_every_replica_although_it_was_asked_for_before() {
    let Some((one, two, _)) = pair().await else { return };
    let project = one.project("p").await;
    let app = one.app(&project, "a").await;
    let first =
        Signer { audience: "http://claviger.test".to_owned(), ..Signer::new(&one, &one.key(&project, &app).await) };
    assert_eq!(two.introspect_by_key(&first.assertion(), &two.token).await.0, 200);
    let second =
        Signer { audience: "http://claviger.test".to_owned(), ..Signer::new(&one, &one.key(&project, &app).await) };
    // The method changes here and there; what the other one remembers of it is no reason to refuse.
    let method = |name: &str| json!({"authMethodType": format!("API_AUTH_METHOD_TYPE_{name}")});
    let path = format!("/projects/{project}/apps/{app}/api_config");
    assert_eq!(one.put(&path, method("BASIC")).await.0, 200);
    let secret = text(&one.ok(&format!("{path}/_generate_client_secret"), json!({})).await, "/clientSecret");
    let refused = two.introspect_by_key(&second.assertion(), &two.token).await;
    assert_eq!(refused.0, 400, "it takes no keys at present");
    let basic = BasicApp { id: app.clone(), client_id: first.subject.clone(), secret };
    assert_eq!(two.introspect(&basic, &two.token).await.0, 200, "by secret now");
    assert_eq!(one.put(&path, method("PRIVATE_KEY_JWT")).await.0, 200);
    assert_eq!(two.introspect_by_key(&first.assertion(), &two.token).await.0, 200, "by key again");
    assert_eq!(
        two.introspect_by_key(&second.assertion(), &two.token).await.0,
        200,
        "a key asked for while none was taken"
    );
}

#[tokio::test]
async fn an_organization_just_made_is_known_to_every_replica() {
    let Some((one, two, _)) = pair().await else { return };
    assert_eq!(two.me(&two.token).await.0, 200);
    let made = one.ok("/orgs", json!({"name": "second"})).await;
    let org = text(&made, "/id");
    let seen = two.call_as(&two.token, Some(&org), Method::GET, "/orgs/me", None).await;
    assert_eq!((seen.0, text(&seen.1, "/org/id")), (200, org));
}

#[tokio::test]
async fn a_role_just_given_counts_at_once() {
    let (server, _) = still(None).await;
    let org = server.org().await;
    let (user, token) = server.user(&org, "viewer").await;
    server.org_role(&org, &user, "ORG_OWNER_VIEWER").await;
    assert_eq!(server.me(&token).await.0, 200);
    let add = || server.call_as(&token, None, Method::POST, "/projects", Some(json!({"name": "p"})));
    assert_eq!(add().await.0, 403);
    // As another replica would: this server does not notice.
    server.sql().await.run("UPDATE memberships SET roles = '[\"ORG_OWNER\"]' WHERE user_id = $1", &[&user]).await;
    assert_eq!(add().await.0, 200);
}

/// The keys of a database, as another process has them.
async fn rotate(server: &TestServer, old: OldKey) {
    let config = Config::from_parts(None, &server.database.settings()).expect("a valid configuration");
    let (store, keys) = App::signing_keys(&config).await.expect("the keys");
    keys.rotate(old).await.expect("rotated");
    store.close().await;
}

#[tokio::test]
async fn what_a_leaked_key_signed_is_refused_as_soon_as_the_key_is_forgotten() {
    let Some((one, two, time)) = pair().await else { return };
    let project = one.project("p").await;
    let app = one.basic_app(&project, "a").await;
    let machine = machine(&one).await;
    let tokens = [one.access_token(&machine, &aud(&project)).await, one.access_token(&machine, &aud(&project)).await];
    assert_eq!(two.introspect(&app, &tokens[0]).await.1["active"], true, "the other one remembers the keys");
    rotate(&one, OldKey::Revoke).await;
    time.advance(Duration::from_millis(899));
    assert_eq!(two.introspect(&app, &tokens[1]).await.1["active"], true, "an answer that follows from them");
    time.advance(Duration::from_millis(1));
    for token in &tokens {
        assert_eq!(two.introspect(&app, token).await.1["active"], false, "no answer is older than the keys");
    }
}

#[tokio::test]
async fn tokens_of_a_key_made_just_now_are_good_at_every_replica() {
    let Some((one, two, _)) = pair().await else { return };
    let project = one.project("p").await;
    let app = one.basic_app(&project, "a").await;
    let machine = machine(&one).await;
    let old = one.access_token(&machine, &aud(&project)).await;
    assert_eq!(two.introspect(&app, &old).await.1["active"], true, "the other one remembers the keys");
    // Twice, for the first announced key was known to the other one already.
    for _ in 0..2 {
        rotate(&one, OldKey::Keep { lifetime: 1 << 40 }).await;
    }
    let (three, _) = still(Some(&one)).await;
    let new = three.access_token(&machine, &aud(&project)).await;
    assert_eq!(two.introspect(&app, &new).await.1["active"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_herd_costs_one_look_up_of_each_kind() {
    let (server, _) = still(None).await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let token = server.access_token(&machine(&server).await, &aud(&project)).await;
    let (asked, _) = cost(&server, async || {
        let herd = (0..200).map(|_| server.introspect(&app, &token));
        assert!(futures::future::join_all(herd).await.iter().all(|(_, answer)| answer["active"] == true));
    })
    .await;
    assert!(asked <= 3, "the application, the signing keys, the token: {asked}");
}

#[tokio::test]
async fn strangers_leave_nothing_behind_and_cost_one_look_up_at_most() {
    let (server, _) = still(None).await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let keyed = server.app(&project, "k").await;
    let signer = Signer::new(&server, &server.key(&project, &keyed).await);
    let signer = Signer { audience: "http://claviger.test".to_owned(), ..signer };
    let token = server.token.clone();
    let long = "x".repeat(30_000);
    let (asked, grown) = cost(&server, async || {
        for n in 0..20 {
            for (kid, subject) in
                [(format!("{long}{n}"), signer.subject.clone()), (n.to_string(), long[..9_000].to_owned())]
            {
                let forged = Signer { kid, subject, ..signer.clone() }.assertion();
                assert_eq!(server.introspect_by_key(&forged, &token).await.0, 400);
                assert_eq!(server.jwt_bearer(&forged, "openid").await.0, 400);
            }
            let named = BasicApp { client_id: format!("{long}{n}"), id: String::new(), secret: "s".to_owned() };
            assert_eq!(server.introspect(&named, &token).await.0, 400);
            let seen = server.call_as(&token, Some(&long), Method::GET, "/orgs/me", None).await;
            assert_eq!((seen.0, text(&seen.1, "/details/0/id").as_str()), (403, "AUTH-Bs7Ds"));
        }
    })
    .await;
    // What others left may go meanwhile.
    assert!(asked == 0 && grown <= 0, "what can be no name is not looked up: {asked}, {grown}");
    let (asked, grown) = cost(&server, async || {
        for n in 0..20 {
            let forged = Signer { kid: n.to_string(), ..signer.clone() };
            assert_eq!(server.introspect_by_key(&forged.assertion(), &token).await.0, 400, "unknown kid");
            let wrong = BasicApp { secret: n.to_string(), id: String::new(), client_id: app.client_id.clone() };
            assert_eq!(server.introspect(&wrong, &token).await.0, 400, "wrong secret");
            let seen = server.call_as(&token, Some(&n.to_string()), Method::GET, "/orgs/me", None).await;
            assert_eq!(seen.0, 403, "unknown organization");
            let foreign = Signer { kid: n.to_string(), ..signer.clone() }.sign(&signer.claims(), Algorithm::RS256);
            assert_eq!(server.me(&foreign).await.0, 401, "a token with a key of nobody");
            let noise = format!("{}.{n}.", "y".repeat(60_000));
            assert_eq!(server.me(&noise).await.0, 401);
        }
    })
    .await;
    // A token of nobody is asked for twice: who calls, and, in the database, the keys that might have signed it.
    // Noise is asked for once, and not in the database.
    assert!(asked == 20 * 6 && grown <= 0, "{asked}, {grown}");
    assert_eq!(server.introspect(&app, &token).await.0, 200);
    assert!(server.app.store.remembered().bytes > 0);
    let metrics = server.metrics().await;
    assert!(metrics.contains(&format!("claviger_cache_budget_bytes {BUDGET}\n")), "{metrics}");
}

#[tokio::test]
async fn a_write_to_one_organization_leaves_the_memory_of_others() {
    let (server, _) = still(None).await;
    let project = server.project("p").await;
    let app = server.basic_app(&project, "a").await;
    let token = server.token.clone();
    let introspect = || cost(&server, async || assert_eq!(server.introspect(&app, &token).await.0, 200));
    assert_eq!(introspect().await.0, 2, "application and token");
    assert_eq!(introspect().await.0, 0);
    let mut undisturbed = 0;
    // Two organizations may share a stripe; three hardly all do.
    for name in ["x", "y", "z"] {
        let org = text(&server.ok("/orgs", json!({"name": name})).await, "/id");
        introspect().await;
        let body = Some(json!({"name": "theirs"}));
        assert_eq!(server.call_as(&token, Some(&org), Method::POST, "/projects", body).await.0, 200);
        undisturbed += u8::from(introspect().await.0 == 0);
    }
    assert!(undisturbed > 0);
    server.project("ours").await;
    assert_eq!(introspect().await.0, 2, "our own writes are seen at once");
}
