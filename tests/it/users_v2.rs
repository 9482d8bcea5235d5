//! Machine users in version 2: addressed by their ids alone, with its own ids of errors.

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use crate::support::connect::told;
use crate::support::{TestServer, number, text};

const NOBODY: &str = "123456789012345678";

fn rpc(name: &str) -> String {
    format!("zitadel.user.v2.UserService/{name}")
}

/// What a call as the first user is told.
async fn why(server: &TestServer, name: &str, body: Value) -> (u16, String) {
    told(&server.connect(&server.token, &rpc(name), body).await)
}

async fn user(server: &TestServer, id: &str) -> Value {
    server.connected(&rpc("GetUserByID"), json!({"userId": id})).await
}

#[tokio::test]
async fn a_machine_lives_from_creation_to_deletion_in_another_organization() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let machine = json!({"name": "One", "description": "first", "accessTokenType": "ACCESS_TOKEN_TYPE_JWT"});
    let body = json!({"organizationId": org, "username": "m1", "machine": machine});
    let made = server.connected(&rpc("CreateUser"), body).await;
    let id = text(&made, "/id");
    let got = user(&server, &id).await;
    assert_eq!(got["details"], got["user"]["details"]);
    assert_eq!(got["details"]["resourceOwner"], json!(org));
    assert_eq!((&got["details"]["creationDate"], &got["details"]["sequence"]), (&made["creationDate"], &json!("1")));
    assert_eq!(got["user"]["machine"], machine);
    assert_eq!((text(&got, "/user/state"), text(&got, "/user/username")), ("USER_STATE_ACTIVE".into(), "m1".into()));
    assert_eq!((&got["user"]["loginNames"], &got["user"]["preferredLoginName"]), (&json!(["m1"]), &json!("m1")));

    // Only what is given changes, in one call and with an event for each of the two.
    let change = |body: Value| {
        let mut whole = json!({"userId": id});
        whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        whole
    };
    let update = rpc("UpdateUser");
    let body = change(json!({"username": "m2", "machine": {"name": "Two"}}));
    let changed = server.connected(&update, body).await;
    let got = user(&server, &id).await;
    assert_eq!(got["details"]["changeDate"], changed["changeDate"]);
    assert_eq!((number(&got, "/details/sequence"), text(&got, "/user/username")), (3, "m2".to_owned()));
    assert_eq!(text(&got, "/user/machine/name"), "Two");
    assert_eq!(text(&got, "/user/machine/description"), "first", "kept");
    for nothing in [json!({"machine": {}}), json!({"username": "m2", "machine": {"name": "Two"}})] {
        assert_eq!(server.connected(&update, change(nothing)).await, changed, "the date of the last change");
    }
    server.connected(&update, change(json!({"machine": {"description": "", "accessTokenType": 0}}))).await;
    assert_eq!(user(&server, &id).await["user"]["machine"], json!({"name": "Two"}), "emptied");

    let deleted = server.connected(&rpc("DeleteUser"), json!({"userId": id})).await;
    assert_eq!((number(&deleted, "/details/sequence"), text(&deleted, "/details/resourceOwner")), (5, org));
    assert_eq!(why(&server, "DeleteUser", json!({"userId": id})).await, (404, "COMMAND-bd4ir1mblj".to_owned()));
}

#[tokio::test]
async fn a_machine_without_a_login_name_has_its_id_for_one() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let create = async |more: Value| {
        let mut body = json!({"organizationId": org, "machine": {"name": "n"}});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        server.connect(&server.token, &rpc("CreateUser"), body).await
    };
    let id = text(&create(json!({})).await.1, "/id");
    assert_eq!(text(&user(&server, &id).await, "/user/username"), id);
    assert_eq!(text(&create(json!({"userId": "own"})).await.1, "/id"), "own");
    assert_eq!(text(&user(&server, "own").await, "/user/username"), "own");
    // Its own id stays a name that it may have, and nobody else may.
    let update = |id: &str, name: &str| json!({"userId": id, "username": name, "machine": {}});
    server.connected(&rpc("UpdateUser"), update(&id, "else")).await;
    server.connected(&rpc("UpdateUser"), update(&id, &id)).await;
    assert_eq!(why(&server, "UpdateUser", update(&id, "own")).await, (409, "V3-DKcYh".to_owned()));
    assert_eq!(told(&create(json!({"username": "own"})).await), (409, "V3-DKcYh".to_owned()));
    assert_eq!(told(&create(json!({"userId": "OWN", "username": "x"})).await), (400, "COMMAND-k2una".to_owned()));
    assert_eq!(text(&create(json!({"userId": "a b"})).await.1, "/code"), "invalid_argument");
    let number = format!("9{id}");
    assert_eq!(text(&create(json!({"username": number})).await.1, "/code"), "invalid_argument", "as the server's ids");
    assert_eq!(create(json!({"username": "  "})).await.0, 200, "kept as it is");
}

#[tokio::test]
async fn what_is_not_a_machine_is_told_so() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let human = json!({"profile": {"givenName": "A", "familyName": "B"}, "email": {"email": "a@b.example"}});
    let body = json!({"organizationId": org, "username": "a", "human": human});
    let (status, answer) = server.connect(&server.token, &rpc("CreateUser"), body).await;
    assert_eq!((status, text(&answer, "/code").as_str()), (501, "unimplemented"), "{answer}");
    assert!(text(&answer, "/message").contains("send machine"), "{answer}");
    let (machine, _) = server.user(&org, "m").await;
    let missing = (404, "COMMAND-ugjs0upun6".to_owned());
    assert_eq!(why(&server, "UpdateUser", json!({"userId": machine, "human": human})).await, missing);
    assert_eq!(why(&server, "UpdateUser", json!({"userId": NOBODY, "machine": {}})).await, missing);
    for id in [machine.as_str(), NOBODY] {
        let body = json!({"userId": id, "username": "x"});
        let (status, answer) = server.connect(&server.token, &rpc("UpdateUser"), body).await;
        assert_eq!((status, text(&answer, "/code").as_str()), (501, "unimplemented"), "{answer}");
    }
    for (body, field) in [
        (json!({"username": "x", "machine": {"name": "n"}}), "CreateUserRequest.OrganizationId: "),
        (json!({"organizationId": org}), "CreateUserRequest.UserType: value is required"),
        (json!({"organizationId": org, "machine": {}}), "CreateUserRequest_Machine.Name: value length must be"),
        (json!({"organizationId": org, "machine": {"name": "n", "description": ""}}), "_Machine.Description: "),
        (json!({"organizationId": org, "username": "", "machine": {"name": "n"}}), "CreateUserRequest.Username: "),
    ] {
        let (status, answer) = server.connect(&server.token, &rpc("CreateUser"), body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(text(&answer, "/message").contains(field), "{answer}");
    }
    let body = json!({"organizationId": NOBODY, "machine": {"name": "n"}});
    assert_eq!(why(&server, "CreateUser", body).await, (400, "COMMAND-QXPGs".to_owned()));
}

#[tokio::test]
async fn users_are_switched_with_the_ids_of_this_version() {
    let server = TestServer::start().await;
    let (id, token) = server.user(&server.org().await, "m").await;
    // Its token is the second event.
    let mut sequence = 2;
    for (call, state, again) in [
        ("LockUser", "USER_STATE_LOCKED", "COMMAND-lgws8wtsqf"),
        ("UnlockUser", "USER_STATE_ACTIVE", "COMMAND-olb9vb0oca"),
        ("LockUser", "USER_STATE_LOCKED", "COMMAND-lgws8wtsqf"),
        ("DeactivateUser", "USER_STATE_INACTIVE", "COMMAND-5gunjw0cd7"),
        ("ReactivateUser", "USER_STATE_ACTIVE", "COMMAND-s5qqcz97hf"),
    ] {
        let answer = server.connected(&rpc(call), json!({"userId": id})).await;
        sequence += 1;
        assert_eq!(number(&answer, "/details/sequence"), sequence, "{call}");
        let got = user(&server, &id).await;
        assert_eq!((text(&got, "/user/state"), &got["details"]), (state.to_owned(), &answer["details"]), "{call}");
        assert_eq!(why(&server, call, json!({"userId": id})).await, (400, again.to_owned()), "{call}");
        let good = server.connect(&token, &rpc("GetUserByID"), json!({"userId": id})).await.0 == 200;
        assert_eq!(good, state == "USER_STATE_ACTIVE", "{call}");
    }
    for (call, missing) in [
        ("LockUser", "COMMAND-450yxuqrh1"),
        ("UnlockUser", "COMMAND-x377t913pw"),
        ("DeactivateUser", "COMMAND-5gp2p62iin"),
        ("ReactivateUser", "COMMAND-9hy5kzbuk6"),
        ("DeleteUser", "COMMAND-bd4ir1mblj"),
        ("GetUserByID", "QUERY-Dfbg2"),
    ] {
        assert_eq!(why(&server, call, json!({"userId": NOBODY})).await, (404, missing.to_owned()), "{call}");
    }
}

#[tokio::test]
async fn keys_tokens_and_secrets_open_what_the_machine_may() {
    let server = TestServer::start().await;
    let (id, _) = server.user(&server.org().await, "m").await;
    let ends = "2519-04-01T08:45:00Z";
    let with = |more: Value| {
        let mut body = json!({"userId": id});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let key = server.connected(&rpc("AddKey"), with(json!({"expirationDate": ends}))).await;
    assert!(text(&key, "/keyContent").len() > 1000, "a key file");
    let list = server.connected(&rpc("ListKeys"), json!({"filters": [{"userIdFilter": {"id": id}}]})).await;
    assert_eq!(list["pagination"], json!({"totalResult": "1", "appliedLimit": "100"}));
    let org = server.org().await;
    let date = &key["creationDate"];
    let told_key = json!({"id": key["keyId"], "userId": id, "organizationId": org, "creationDate": date,
        "changeDate": date, "expirationDate": ends});
    assert_eq!(list["result"], json!([told_key]));
    let gone = server.connected(&rpc("RemoveKey"), with(json!({"keyId": key["keyId"]}))).await;
    assert!(!text(&gone, "/deletionDate").is_empty());

    let pat = server.connected(&rpc("AddPersonalAccessToken"), with(json!({"expirationDate": ends}))).await;
    let (token, me) = (text(&pat, "/token"), json!({"userId": id}));
    assert_eq!(server.connect(&token, &rpc("GetUserByID"), me.clone()).await.0, 200);
    let by_id = json!({"filters": [{"tokenIdFilter": {"id": pat["tokenId"]}}]});
    let list = server.connected(&rpc("ListPersonalAccessTokens"), by_id.clone()).await;
    assert_eq!((&list["result"][0]["userId"], &list["result"][0]["expirationDate"]), (&json!(id), &json!(ends)));
    server.connected(&rpc("RemovePersonalAccessToken"), with(json!({"tokenId": pat["tokenId"]}))).await;
    assert_eq!(told(&server.connect(&token, &rpc("GetUserByID"), me.clone()).await), (401, "AUTH-7fs1e".to_owned()));
    let list = server.connected(&rpc("ListPersonalAccessTokens"), by_id).await;
    assert_eq!(list, json!({"pagination": {"appliedLimit": "100"}}));

    let secret = server.connected(&rpc("AddSecret"), me.clone()).await;
    let grant = |secret: String| {
        let form = [("grant_type", "client_credentials"), ("scope", "openid")];
        let request = server.http.post(server.url("/oauth/v2/token")).basic_auth("m", Some(secret)).form(&form);
        async { request.send().await.expect("an answer").status().as_u16() }
    };
    assert_eq!(grant(text(&secret, "/clientSecret")).await, 200);
    assert_eq!(user(&server, &id).await["user"]["machine"]["hasSecret"], json!(true));
    server.connected(&rpc("RemoveSecret"), me.clone()).await;
    assert_eq!(grant(text(&secret, "/clientSecret")).await, 401);
    assert_eq!(why(&server, "RemoveSecret", me).await, (400, "COMMAND-coi82n".to_owned()));
}

#[tokio::test]
async fn keys_tokens_and_secrets_are_refused_with_their_ids() {
    let server = TestServer::start().await;
    let (id, _) = server.user(&server.org().await, "m").await;
    let ends = "2519-04-01T08:45:00Z";
    for (call, body, wanted) in [
        ("AddKey", json!({"userId": NOBODY, "expirationDate": ends}), (400, "COMMAND-bnipwm1")),
        ("AddPersonalAccessToken", json!({"userId": NOBODY, "expirationDate": ends}), (400, "COMMAND-Dggw2")),
        ("AddSecret", json!({"userId": NOBODY}), (400, "COMMAND-x8910n")),
        ("RemoveSecret", json!({"userId": NOBODY}), (400, "COMMAND-x7s802")),
        ("RemoveKey", json!({"userId": NOBODY, "keyId": "1"}), (404, "COMMAND-4m77G")),
        ("RemoveKey", json!({"userId": id, "keyId": NOBODY}), (404, "COMMAND-4m77G")),
        ("RemovePersonalAccessToken", json!({"userId": id, "tokenId": NOBODY}), (404, "COMMAND-4m77G")),
        ("AddKey", json!({"userId": id, "expirationDate": ends, "publicKey": "bm8ga2V5"}), (400, "COMMAND-5F3h1")),
        ("AddKey", json!({"userId": id, "expirationDate": "2020-01-01T00:00:00Z"}), (400, "DOMAIN-dv3t5")),
        ("AddKey", json!({"userId": id}), (400, "")),
        ("AddPersonalAccessToken", json!({"userId": id}), (400, "")),
        ("AddSecret", json!({}), (400, "")),
        ("ListKeys", json!({"pagination": {"limit": 1001}}), (400, "QUERY-4M0fs")),
        ("ListPersonalAccessTokens", json!({"pagination": {"limit": 1001}}), (400, "QUERY-4M0fs")),
        ("ListKeys", json!({"sortingColumn": 99}), (400, "")),
        ("ListKeys", json!({"filters": [{}]}), (400, "")),
    ] {
        assert_eq!(why(&server, call, body.clone()).await, (wanted.0, wanted.1.to_owned()), "{call} {body}");
    }
}

#[tokio::test]
async fn rest_has_the_paths_of_the_original() {
    let server = TestServer::start().await;
    let call = async |method: Method, path: &str, body: Option<Value>| {
        let mut request =
            server.http.request(method, server.url(&format!("/v2/users{path}"))).bearer_auth(&server.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
    };
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let body = json!({"organizationId": server.org().await, "username": "r", "machine": {"name": "R"}});
    let (status, made) = call(post.clone(), "/new", Some(body)).await;
    assert_eq!(status, 200, "{made}");
    let id = text(&made, "/id");
    assert_eq!(text(&call(get.clone(), &format!("/{id}"), None).await.1, "/user/username"), "r");
    let (status, answer) = call(get, &format!("/{NOBODY}"), None).await;
    assert_eq!((status, text(&answer, "/details/0/id").as_str()), (404, "QUERY-Dfbg2"));
    assert_eq!(call(Method::PATCH, &format!("/{id}"), Some(json!({"machine": {"name": "S"}}))).await.0, 200);
    for state in ["lock", "unlock", "deactivate", "reactivate"] {
        assert_eq!(call(post.clone(), &format!("/{id}/{state}"), Some(json!({}))).await.0, 200, "{state}");
    }
    let ends = json!({"expirationDate": "2030-01-01T00:00:00Z"});
    let key = text(&call(post.clone(), &format!("/{id}/keys"), Some(ends.clone())).await.1, "/keyId");
    let pat = text(&call(post.clone(), &format!("/{id}/pats"), Some(ends)).await.1, "/tokenId");
    assert!(!text(&call(post.clone(), &format!("/{id}/secret"), Some(json!({}))).await.1, "/clientSecret").is_empty());
    for (path, of) in [("/keys/search", &key), ("/pats/search", &pat)] {
        let (_, list) = call(post.clone(), path, Some(json!({"pagination": {"limit": 1}}))).await;
        assert_eq!(text(&list, "/result/0/id"), *of, "the newest first");
    }
    let (_, list) = call(post.clone(), "", Some(json!({"queries": [{"inUserIdsQuery": {"userIds": [id]}}]}))).await;
    assert_eq!(number(&list, "/details/totalResult"), 1);
    for path in [format!("/{id}/keys/{key}"), format!("/{id}/pats/{pat}"), format!("/{id}/secret"), format!("/{id}")] {
        assert_eq!(call(delete.clone(), &path, None).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn what_is_for_people_is_not_there() {
    let server = TestServer::start().await;
    let h2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    for name in ["AddHumanUser", "SetEmail", "RegisterPasskey", "PasswordReset"] {
        let url = server.url(&format!("/{}", rpc(name)));
        let grpc = h2.post(&url).header("content-type", "application/grpc").header("te", "trailers");
        let grpc = grpc.bearer_auth(&server.token).body(vec![0; 5]).send().await.expect("an answer");
        assert_eq!(grpc.headers().get("grpc-status").map(HeaderValue::as_bytes), Some(&b"12"[..]), "{name}");
        let (status, answer) = server.connect(&server.token, &rpc(name), json!({})).await;
        assert_eq!((status, text(&answer, "/code").as_str()), (404, "unimplemented"), "{name}: {answer}");
    }
    let rest = server.http.post(server.url("/v2/users/human")).bearer_auth(&server.token).json(&json!({}));
    let rest = rest.send().await.expect("an answer").status().as_u16();
    assert!(rest == 404 || rest == 405 || rest == 501, "{rest}");
}
