//! Idempotency keys: a call that is made again gives the same answer and makes nothing.

use claviger::clock::FixedClock;
use claviger::housekeeping::sweep;
use claviger::proto::rpcs;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::connect::told;
use crate::support::grpc::Grpc;
use crate::support::idempotent::MANAGEMENT;
use crate::support::{Options, TestServer, text};

/// A day in microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// What requests name.
struct World {
    org: String,
    other: String,
    grantee: String,
    project: String,
    app: String,
    basic: String,
    oidc: String,
    user: String,
    grant: String,
}

impl World {
    async fn new(server: &TestServer) -> Self {
        let org = server.org().await;
        let other = text(&server.ok("/orgs", json!({"name": "other"})).await, "/id");
        let grantee = text(&server.ok("/orgs", json!({"name": "grantee"})).await, "/id");
        let project = server.project("p").await;
        let app = server.app(&project, "a").await;
        let apps = format!("/projects/{project}/apps");
        let body = json!({"name": "basic", "authMethodType": "API_AUTH_METHOD_TYPE_BASIC"});
        let basic = text(&server.ok(&format!("{apps}/api"), body).await, "/appId");
        let body = json!({"name": "web", "redirectUris": ["https://a.test/cb"], "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"], "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"], "authMethodType": "OIDC_AUTH_METHOD_TYPE_BASIC"});
        let oidc = text(&server.ok(&format!("{apps}/oidc"), body).await, "/appId");
        server.ok(&format!("/projects/{project}/roles"), json!({"roleKey": "reader", "displayName": "r"})).await;
        let (user, _) = server.user(&org, "first").await;
        let body = json!({"grantedOrgId": server.ok("/orgs", json!({"name": "third"})).await["id"]});
        let grant = text(&server.ok(&format!("/projects/{project}/grants"), body).await, "/grantId");
        Self { org, other, grantee, project, app, basic, oidc, user, grant }
    }

    /// A request that the RPC takes; none for those that the server does not do.
    fn request(&self, rpc: &str) -> Option<Value> {
        let Self { org, other, grantee, project, app, basic, oidc, user, grant } = self;
        let (service, name) = rpc.rsplit_once('/').expect("a service and a name");
        let v2 = service.contains(".v2.");
        Some(match name {
            "AddIAMMember" => json!({"userId": user, "roles": ["IAM_OWNER"]}),
            "CreateApplication" => json!({"projectId": project, "name": "b", "apiConfiguration": {}}),
            "GenerateClientSecret" => json!({"projectId": project, "applicationId": basic}),
            "CreateApplicationKey" => json!({"projectId": project, "applicationId": app,
                "expirationDate": "2519-04-01T08:45:00Z"}),
            "AddOrg" => json!({"name": "fourth"}),
            "AddOrganization" => json!({"name": "fifth"}),
            "AddOrgDomain" => json!({"domain": "one.test"}),
            "AddOrganizationDomain" => json!({"organizationId": org, "domain": "two.test"}),
            "AddProject" => json!({"name": "q"}),
            "CreateProject" => json!({"organizationId": org, "name": "r"}),
            "AddOIDCApp" => json!({"projectId": project, "name": "c", "redirectUris": ["https://a.test/cb"],
                "responseTypes": [0], "grantTypes": [0]}),
            "AddAPIApp" => json!({"projectId": project, "name": "d", "authMethodType": 0}),
            "RegenerateAPIClientSecret" => json!({"projectId": project, "appId": basic}),
            "RegenerateOIDCClientSecret" => json!({"projectId": project, "appId": oidc}),
            "AddAppKey" => json!({"projectId": project, "appId": app, "type": 1}),
            "AddMachineUser" => json!({"userName": "m", "name": "m"}),
            "CreateUser" => json!({"organizationId": org, "username": "n", "machine": {"name": "n"},
                "metadata": [{"key": "k", "value": "dg=="}]}),
            "AddMachineKey" => json!({"userId": user, "type": 1}),
            "AddKey" => json!({"userId": user, "expirationDate": "2519-04-01T08:45:00Z"}),
            "AddPersonalAccessToken" if v2 => json!({"userId": user, "expirationDate": "2519-04-01T08:45:00Z"}),
            "GenerateMachineSecret" | "AddSecret" | "AddPersonalAccessToken" => json!({"userId": user}),
            "AddProjectRole" if v2 => json!({"projectId": project, "roleKey": "v2", "displayName": "v2"}),
            "AddProjectRole" => json!({"projectId": project, "roleKey": "v1", "displayName": "v1"}),
            "BulkAddProjectRoles" => json!({"projectId": project, "roles": [{"key": "b", "displayName": "b"}]}),
            "AddProjectGrant" => json!({"projectId": project, "grantedOrgId": other}),
            "CreateProjectGrant" => json!({"projectId": project, "grantedOrganizationId": grantee}),
            "AddProjectGrantMember" => json!({"projectId": project, "grantId": grant, "userId": user,
                "roles": ["PROJECT_GRANT_OWNER"]}),
            "AddOrgMember" => json!({"userId": user, "roles": ["ORG_OWNER"]}),
            "AddProjectMember" => json!({"projectId": project, "userId": user, "roles": ["PROJECT_OWNER"]}),
            "AddUserGrant" => json!({"userId": user, "projectId": project, "roleKeys": ["reader"]}),
            "CreateWebKey" => json!({"rsa": {"bits": "RSA_BITS_2048", "hasher": "RSA_HASHER_SHA256"}}),
            "GenerateOrgDomainValidation" | "GenerateOrganizationDomainValidation" => return None,
            _ => panic!("{rpc} makes something; say here with which request"),
        })
    }
}

#[tokio::test]
async fn each_rpc_that_makes_something_does_so_once() {
    let server = TestServer::start().await;
    let world = World::new(&server).await;
    let mut tried = 0;
    for rpc in rpcs::ALL.iter().filter(|rpc| rpc.creates) {
        let Some(request) = world.request(rpc.full) else { continue };
        let call = |key| server.named_call(&server.token, key, rpc.full, request.clone());
        let first = call("once").await;
        assert_eq!(first.0, 200, "{}: {}", rpc.full, first.1);
        assert_eq!(call("once").await, first, "{}: the same answer", rpc.full);
        assert_ne!(call("other").await, first, "{}: another call", rpc.full);
        tried += 1;
    }
    assert!(tried > 30, "{tried} RPCs");
}

#[tokio::test]
async fn the_transport_of_the_second_call_does_not_matter() {
    let server = TestServer::start().await;
    let world = World::new(&server).await;
    let path = format!("/projects/{}/apps/{}/keys", world.project, world.app);
    let (status, rest) = server.named_post("k", &path, &json!({"type": "KEY_TYPE_JSON"})).await;
    assert_eq!(status, 200);
    assert_eq!(server.named_post("k", &path, &json!({"type": 1})).await.1, rest, "equal bytes");
    let rest: Value = serde_json::from_slice(&rest).expect("JSON");
    let request = world.request(&format!("{MANAGEMENT}/AddAppKey")).expect("a request");
    let connect = server.named_call(&server.token, "k", &format!("{MANAGEMENT}/AddAppKey"), request.clone()).await;
    assert_eq!(connect, (200, rest.clone()));
    let grpc = Grpc::connect(&server, &server.token).await.under("k");
    let grpc = grpc.call(MANAGEMENT, "AddAppKey", request).await.expect("an answer");
    assert_eq!((text(&grpc, "/id"), text(&grpc, "/keyDetails")), (text(&rest, "/id"), text(&rest, "/keyDetails")));
    assert_eq!(server.sql().await.count("SELECT count(*) FROM app_keys").await, 1);
}

#[tokio::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    let server = TestServer::start().await;
    let world = World::new(&server).await;
    let rpc = format!("{MANAGEMENT}/AddAppKey");
    let request = world.request(&rpc).expect("a request");
    let first = server.named_call(&server.token, "k", &rpc, request.clone()).await;

    let mut other = request.clone();
    other["expirationDate"] = "2519-04-01T08:45:00Z".into();
    let refused = server.named_call(&server.token, "k", &rpc, other).await;
    assert_eq!(told(&refused), (400, "IDEMPOTENCY-Rq3st".to_owned()));
    let here = server.call_with_key("k", Some(&world.other), "/projects", json!({"name": "z"})).await;
    let there = server.call_with_key("k", Some(&world.org), "/projects", json!({"name": "z"})).await;
    assert_eq!((here.0, there.0), (200, 400), "the organization is part of the request: {}", there.1);

    // Somebody else has keys of its own, and learns nothing.
    let (user, token) = server.user(&world.org, "second").await;
    server.org_role(&world.org, &user, "ORG_OWNER").await;
    let its_own = server.named_call(&token, "k", &rpc, request.clone()).await;
    assert_eq!(its_own.0, 200);
    assert_ne!(text(&its_own.1, "/id"), text(&first.1, "/id"));
    // Another token of the same user does not open what was answered, and makes nothing.
    let another = text(&server.ok(&format!("/users/{user}/pats"), json!({})).await, "/token");
    let refused = server.named_call(&another, "k", &rpc, request.clone()).await;
    assert_eq!(told(&refused), (409, "IDEMPOTENCY-T0ken".to_owned()));
    assert_eq!(server.sql().await.count("SELECT count(*) FROM app_keys").await, 2);
    // Nobody without a token uses one.
    let stranger = server.named_call("none", "k", &rpc, request).await;
    assert_eq!(stranger.0, 401);
}

#[tokio::test]
async fn what_is_kept_is_no_use_to_who_has_the_database() {
    let server = TestServer::start().await;
    let world = World::new(&server).await;
    let path = format!("/projects/{}/apps/{}/keys", world.project, world.app);
    let (_, answer) = server.named_post("k", &path, &json!({"type": 1})).await;
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let kept = server.sql().await;
    let kept = kept.bytes("SELECT answer FROM idempotency_keys WHERE user_id <> $1", "").await;
    let file = text(&answer, "/keyDetails");
    assert!(kept.len() > file.len() / 4 * 3, "the whole answer is kept: {} bytes", kept.len());
    for shown in [file.as_bytes(), b"BEGIN RSA", text(&answer, "/id").as_bytes(), server.token.as_bytes()] {
        assert!(!kept.windows(shown.len()).any(|w| w == shown));
    }
}

#[tokio::test]
async fn what_was_refused_is_not_kept() {
    let server = TestServer::start().await;
    let rpc = format!("{MANAGEMENT}/AddProjectRole");
    let project = server.project("p").await;
    let request = json!({"projectId": project, "roleKey": "r", "displayName": "r"});
    let gone = json!({"projectId": "1", "roleKey": "r", "displayName": "r"});
    assert_eq!(server.named_call(&server.token, "k", &rpc, gone).await.0, 400);
    let (status, answer) = server.named_call(&server.token, "k", &rpc, request.clone()).await;
    assert_eq!(status, 200, "nothing was made under the key: {answer}");
    server.delete(&format!("/projects/{project}/roles/r")).await;
    assert_eq!(server.named_call(&server.token, "k", &rpc, request.clone()).await, (200, answer), "not made again");
    assert_eq!(server.named_call(&server.token, "l", &rpc, request).await.0, 200);
}

#[tokio::test]
async fn keys_that_are_none_are_refused() {
    let server = TestServer::start().await;
    let long = "k".repeat(256);
    for key in ["", "a b", "\u{e4}", &long] {
        let (status, body) = server.named_post(key, "/projects", &json!({"name": "p"})).await;
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(status == 400 && body.contains("visible ASCII"), "{key:?}: {status} {body}");
    }
    let two = server.http.post(server.url("/management/v1/projects")).bearer_auth(&server.token);
    let two = two.header("idempotency-key", "a").header("idempotency-key", "b").json(&json!({"name": "p"}));
    assert_eq!(two.send().await.expect("an answer").status(), 400);
    // Where nothing is made, nobody looks at it.
    let project = server.project("p").await;
    let get = server.http.get(server.url(&format!("/management/v1/projects/{project}"))).bearer_auth(&server.token);
    assert_eq!(get.header("idempotency-key", "a b").send().await.expect("an answer").status(), 200);
    assert_eq!(server.sql().await.count("SELECT count(*) FROM idempotency_keys").await, 0);
}

#[tokio::test]
async fn after_a_day_a_key_is_as_new() {
    let clock = FixedClock::new(1_795_262_400_000_000);
    let server = TestServer::with(Options { clock: Some(clock.clone()), ..Options::default() }).await;
    let machine = json!({"userName": "m", "name": "m"});
    let call = |key: &'static str| server.named_post(key, "/users/machine", &machine);
    let first = call("k").await;
    assert_eq!(first.0, 200);
    clock.advance(DAY - 1);
    assert_eq!(call("k").await, first);
    clock.advance(1);
    assert_eq!(call("k").await.0, 409, "made anew: the name is taken");
    let id = text(&serde_json::from_slice(&first.1).expect("JSON"), "/userId");
    server.call(Method::DELETE, &format!("/users/{id}"), None).await;
    let second = call("k").await;
    assert!(second.0 == 200 && second != first, "{second:?}");
    assert_eq!(call("k").await, second, "kept from now on");
    call("l").await;
    let kept = async || server.sql().await.count("SELECT count(*) FROM idempotency_keys").await;
    clock.advance(DAY - 1);
    sweep(&server.app.store, &clock).await.expect("swept");
    assert_eq!(kept().await, 1);
    clock.advance(1);
    assert_eq!(sweep(&server.app.store, &clock).await.expect("swept"), 1);
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn what_is_kept_for_a_user_is_bounded() {
    let server = TestServer::start().await;
    assert_eq!(server.named_post("k", "/projects", &json!({"name": "p"})).await.0, 200);
    // As if its answer had been as large as all may be.
    server.sql().await.run("UPDATE idempotency_keys SET bytes = 8388608 WHERE user_id <> $1", &[""]).await;
    let (status, body) = server.named_post("l", "/projects", &json!({"name": "q"})).await;
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(status == 429 && body.contains("too many answers"), "{status} {body}");
    assert_eq!(server.named_post("k", "/projects", &json!({"name": "p"})).await.0, 200, "the answer is still there");
    assert_eq!(server.post("/projects", json!({"name": "q"})).await.0, 200, "without a key nothing is kept");
    let (user, token) = server.user(&server.org().await, "second").await;
    server.org_role(&server.org().await, &user, "ORG_OWNER").await;
    let rpc = format!("{MANAGEMENT}/AddProject");
    assert_eq!(server.named_call(&token, "l", &rpc, json!({"name": "r"})).await.0, 200, "others have their own");
}
