//! Who sees and changes which users in version 2, filters of its lists, and callers that call at once.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::connect::{call, told};
use crate::support::race::{at_once, counted, none_failed};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

const ENDS: &str = "2519-04-01T08:45:00Z";

fn rpc(name: &str) -> String {
    format!("zitadel.user.v2.UserService/{name}")
}

/// Every call about one user, and the way it refuses who has roles there, but too few.
fn about(id: &str) -> Vec<(&'static str, Value, &'static str)> {
    let mut calls = vec![
        ("GetUserByID", json!({"userId": id}), "AUTH-Swrgg2"),
        ("UpdateUser", json!({"userId": id, "machine": {"name": "x"}}), "AUTH-AWfge"),
        ("AddKey", json!({"userId": id, "expirationDate": ENDS}), "AUTH-AWfge"),
        ("RemoveKey", json!({"userId": id, "keyId": "1"}), "AUTH-AWfge"),
        ("AddPersonalAccessToken", json!({"userId": id, "expirationDate": ENDS}), "AUTH-AWfge"),
        ("RemovePersonalAccessToken", json!({"userId": id, "tokenId": "1"}), "AUTH-AWfge"),
        ("SetUserMetadata", json!({"userId": id, "metadata": [{"key": "k", "value": "dg=="}]}), "AUTH-AWfge"),
        ("DeleteUserMetadata", json!({"userId": id, "keys": ["k"]}), "AUTH-AWfge"),
    ];
    for name in
        ["LockUser", "UnlockUser", "DeactivateUser", "ReactivateUser", "AddSecret", "RemoveSecret", "DeleteUser"]
    {
        calls.push((name, json!({"userId": id}), "AUTH-AWfge"));
    }
    calls
}

#[tokio::test]
async fn what_counts_are_the_roles_where_the_user_belongs() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (target, _) = server.user(&org, "target").await;
    let (_, stranger) = server.user(&org, "stranger").await;
    let (far_id, far) = server.user(&other, "far").await;
    server.org_role(&other, &far_id, "ORG_OWNER").await;
    // An owner of a project may read users in version 1; it has no right over them.
    let project = server.project("p").await;
    let (owner_id, owner) = server.user(&org, "owner").await;
    server.project_role(&project, &owner_id, "PROJECT_OWNER").await;
    let (weak_id, weak) = server.user(&org, "weak").await;
    server.org_role(&org, &weak_id, "ORG_USER_SELF_MANAGER").await;
    for (name, body, refused) in about(&target) {
        for (token, wanted) in [
            (&stranger, (404, "AUTHZ-cdgFk")),
            (&far, (404, "AUTHZ-cdgFk")),
            (&owner, (403, refused)),
            (&weak, (403, refused)),
        ] {
            let answer = server.connect(token, &rpc(name), body.clone()).await;
            assert_eq!(told(&answer), (wanted.0, wanted.1.to_owned()), "{name}");
        }
    }
    let create = |org: &str| json!({"organizationId": org, "machine": {"name": "n"}});
    for (token, org, wanted) in [
        (&stranger, org.as_str(), (404, "AUTHZ-cdgFk")),
        (&far, &org, (404, "AUTHZ-cdgFk")),
        (&far, "123456789012345678", (404, "AUTHZ-cdgFk")),
        (&weak, &org, (403, "AUTH-AWfge")),
        (&owner, &org, (403, "AUTH-AWfge")),
    ] {
        let answer = server.connect(token, &rpc("CreateUser"), create(org)).await;
        assert_eq!(told(&answer), (wanted.0, wanted.1.to_owned()), "{org}");
    }
    assert_eq!(server.connect(&far, &rpc("CreateUser"), create(&other)).await.0, 200, "in its own");
    let still = server.connected(&rpc("GetUserByID"), json!({"userId": target})).await;
    assert_eq!(number(&still, "/details/sequence"), 1, "nobody has changed anything");
}

#[tokio::test]
async fn users_read_themselves_and_look_after_their_own_credentials() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (id, token) = server.user(&org, "self").await;
    let mine = |name: &'static str, body: Value| {
        let (server, token) = (&server, &token);
        async move { server.connect(token, &rpc(name), body).await }
    };
    assert_eq!(mine("GetUserByID", json!({"userId": id})).await.0, 200);
    let key = mine("AddKey", json!({"userId": id, "expirationDate": ENDS})).await.1;
    assert_eq!(mine("RemoveKey", json!({"userId": id, "keyId": key["keyId"]})).await.0, 200);
    let pat = mine("AddPersonalAccessToken", json!({"userId": id, "expirationDate": ENDS})).await.1;
    assert_eq!(mine("RemovePersonalAccessToken", json!({"userId": id, "tokenId": pat["tokenId"]})).await.0, 200);
    assert_eq!(mine("AddSecret", json!({"userId": id})).await.0, 200);
    assert_eq!(mine("RemoveSecret", json!({"userId": id})).await.0, 200);
    for (name, body) in [
        ("UpdateUser", json!({"userId": id, "machine": {"name": "x"}})),
        ("DeactivateUser", json!({"userId": id})),
        ("DeleteUser", json!({"userId": id})),
    ] {
        assert_eq!(told(&mine(name, body).await), (404, "AUTHZ-cdgFk".to_owned()), "{name}");
    }
    let (_, list) = mine("ListUsers", json!({})).await;
    assert_eq!((number(&list, "/details/totalResult"), text(&list, "/result/0/userId")), (1, id.clone()), "itself");
    for name in ["ListKeys", "ListPersonalAccessTokens"] {
        let (_, list) = mine(name, json!({})).await;
        let own = list["result"].as_array().is_none_or(|rows| rows.iter().all(|row| row["userId"] == id.as_str()));
        assert!(own, "{name}: {list}");
    }
}

#[tokio::test]
async fn nobody_speaks_for_users_with_more_rights() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (boss, _) = server.user(&org, "boss").await;
    server.org_role(&org, &boss, "ORG_OWNER").await;
    let (manager_id, manager) = server.user(&org, "manager").await;
    server.org_role(&org, &manager_id, "ORG_USER_MANAGER").await;
    for (name, body) in [
        ("AddKey", json!({"userId": boss, "expirationDate": ENDS})),
        ("AddPersonalAccessToken", json!({"userId": boss, "expirationDate": ENDS})),
        ("AddSecret", json!({"userId": boss})),
    ] {
        let answer = server.connect(&manager, &rpc(name), body).await;
        assert_eq!(told(&answer), (403, "COMMAND-8gK2d".to_owned()), "{name}");
    }
    let (other, _) = server.user(&org, "other").await;
    let body = json!({"userId": other, "expirationDate": ENDS});
    assert_eq!(server.connect(&manager, &rpc("AddKey"), body).await.0, 200);
}

/// Logins of the users of a list.
fn names(list: &Value) -> Vec<String> {
    list["result"].as_array().map(|rows| rows.iter().map(|r| text(r, "/username")).collect()).unwrap_or_default()
}

#[tokio::test]
async fn lists_of_users_are_filtered_and_sorted() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let mut ids = Vec::new();
    for (of, name) in [(&org, "alpha"), (&org, "Beta"), (&other, "gamma")] {
        ids.push(server.user(of, name).await.0);
    }
    server.connected(&rpc("LockUser"), json!({"userId": ids[1]})).await;
    let mine = json!({"inUserIdsQuery": {"userIds": ids}});
    let name = |text: &str, how: &str| json!({"userNameQuery": {"userName": text, "method": how}});
    let equals = |text: &str| name(text, "TEXT_QUERY_METHOD_EQUALS");
    for (query, wanted) in [
        (equals("alpha"), &["alpha"][..]),
        (name("BETA", "TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE"), &["Beta"]),
        (name("a", "TEXT_QUERY_METHOD_ENDS_WITH"), &["alpha", "Beta", "gamma"]),
        (json!({"loginNameQuery": {"loginName": "gam", "method": "TEXT_QUERY_METHOD_STARTS_WITH"}}), &["gamma"]),
        (json!({"displayNameQuery": {"displayName": "MM", "method": 5}}), &["gamma"]),
        (json!({"stateQuery": {"state": "USER_STATE_LOCKED"}}), &["Beta"]),
        (json!({"stateQuery": {"state": "USER_STATE_INITIAL"}}), &[]),
        (json!({"typeQuery": {"type": "TYPE_HUMAN"}}), &[]),
        (json!({"organizationIdQuery": {"organizationId": other}}), &["gamma"]),
        (json!({"orQuery": {"queries": [equals("alpha"), equals("gamma")]}}), &["alpha", "gamma"]),
        (json!({"andQuery": {"queries": [equals("alpha"), equals("gamma")]}}), &[]),
        (json!({"notQuery": {"query": equals("alpha")}}), &["Beta", "gamma"]),
        (json!({"emailQuery": {"emailAddress": "a"}}), &[]),
        (json!({"phoneQuery": {"number": "1"}}), &[]),
        (json!({"inUserEmailsQuery": {"userEmails": ["a"]}}), &[]),
    ] {
        let body = json!({"queries": [mine, query], "query": {"asc": true}});
        let list = server.connected(&rpc("ListUsers"), body).await;
        assert_eq!(names(&list), wanted, "{query}");
        assert_eq!(number(&list, "/details/totalResult"), wanted.len() as u64, "{query}");
    }
    for (sorted, wanted) in [
        (json!({"query": {}}), &["gamma", "Beta", "alpha"]),
        (json!({"sortingColumn": "USER_FIELD_NAME_USER_NAME", "query": {"asc": true}}), &["Beta", "alpha", "gamma"]),
        (json!({"sortingColumn": "USER_FIELD_NAME_STATE"}), &["Beta", "gamma", "alpha"]),
        (json!({"sortingColumn": "USER_FIELD_NAME_CREATION_DATE"}), &["gamma", "Beta", "alpha"]),
        (json!({"sortingColumn": 99, "query": {"limit": 5000}}), &["gamma", "Beta", "alpha"]),
    ] {
        let mut body = sorted.clone();
        body["queries"] = json!([mine]);
        assert_eq!(names(&server.connected(&rpc("ListUsers"), body).await), wanted, "{sorted}");
    }
    let page = json!({"queries": [mine], "query": {"limit": 1, "offset": "1", "asc": true}});
    let list = server.connected(&rpc("ListUsers"), page).await;
    assert_eq!((names(&list), number(&list, "/details/totalResult")), (vec!["Beta".to_owned()], 3));
}

#[tokio::test]
async fn filters_of_lists_are_bounded() {
    let server = TestServer::start().await;
    let list =
        async |queries: Value| server.connect(&server.token, &rpc("ListUsers"), json!({"queries": queries})).await;
    for (what, queries) in [
        ("no ids", json!([{"inUserIdsQuery": {}}])),
        ("no query", json!([{}])),
        ("an empty name", json!([{"userNameQuery": {}}])),
        ("too many", json!(vec![json!({"typeQuery": {"type": 2}}); 101])),
    ] {
        let (status, answer) = list(queries).await;
        assert_eq!((status, text(&answer, "/code").as_str()), (400, "invalid_argument"), "{what}: {answer}");
    }
    let mut deep = json!({"typeQuery": {"type": "TYPE_MACHINE"}});
    for _ in 0..20 {
        deep = json!({"notQuery": {"query": deep}});
    }
    assert_eq!(told(&list(json!([deep])).await), (400, "USER-zsQ97".to_owned()));
}

#[tokio::test]
async fn lists_of_keys_and_tokens_are_filtered_and_sorted() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (a, b) = (server.user(&org, "a").await.0, server.user(&other, "b").await.0);
    for (add, list, id_of, filter) in [
        ("AddKey", "ListKeys", "/keyId", "keyIdFilter"),
        ("AddPersonalAccessToken", "ListPersonalAccessTokens", "/tokenId", "tokenIdFilter"),
    ] {
        let mut made = Vec::new();
        for (user, ends) in [(&a, "2030-01-01T00:00:00Z"), (&a, "2040-01-01T00:00:00Z"), (&b, ENDS)] {
            let answer = server.connected(&rpc(add), json!({"userId": user, "expirationDate": ends})).await;
            made.push((text(&answer, id_of), text(&answer, "/creationDate")));
        }
        let ids = async |filters: Value, more: Value| {
            let mut body = json!({"filters": filters});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let answer = server.connected(&rpc(list), body).await;
            let rows = answer["result"].as_array().cloned().unwrap_or_default();
            let ids: Vec<usize> =
                rows.iter().filter_map(|row| made.iter().position(|(id, _)| *id == text(row, "/id"))).collect();
            ids
        };
        let since = |of: usize, how: &str| json!({"createdDateFilter": {"timestamp": made[of].1, "method": how}});
        let until = |at: &str, how: &str| json!({"expirationDateFilter": {"timestamp": at, "method": how}});
        let of_test = since(0, "TIMESTAMP_FILTER_METHOD_AFTER_OR_EQUALS");
        for (query, wanted) in [
            (json!({filter: {"id": made[1].0}}), &[1][..]),
            (json!({filter: {"id": ""}}), &[]),
            (json!({"userIdFilter": {"id": b}}), &[2]),
            (json!({"organizationIdFilter": {"id": other}}), &[2]),
            (since(2, "TIMESTAMP_FILTER_METHOD_EQUALS"), &[2]),
            (since(1, "TIMESTAMP_FILTER_METHOD_AFTER"), &[2]),
            (since(1, "TIMESTAMP_FILTER_METHOD_BEFORE"), &[0]),
            (since(1, "TIMESTAMP_FILTER_METHOD_BEFORE_OR_EQUALS"), &[1, 0]),
            (until("2040-01-01T00:00:00Z", "TIMESTAMP_FILTER_METHOD_EQUALS"), &[1]),
            (until("2040-01-01T00:00:00Z", "TIMESTAMP_FILTER_METHOD_BEFORE"), &[0]),
            (json!({"expirationDateFilter": {}}), &[]),
        ] {
            assert_eq!(ids(json!([of_test, query]), json!({})).await, wanted, "{list} {query}");
        }
        for (column, wanted) in [("1", [0, 1, 2]), ("2", [0, 1, 2]), ("5", [0, 1, 2])] {
            let more = json!({"sortingColumn": column.parse::<u8>().expect("a number"), "pagination": {"asc": true}});
            assert_eq!(ids(json!([of_test]), more).await, wanted, "{list} by {column}");
        }
        assert_eq!(ids(json!([of_test]), json!({"sortingColumn": 3})).await.len(), 3);
        assert_eq!(ids(json!([of_test]), json!({"sortingColumn": 4, "pagination": {"limit": 2}})).await.len(), 2);
    }
}

#[tokio::test]
async fn sixteen_at_once_on_one_user_leave_it_sound() {
    let server = Arc::new(TestServer::start().await);
    let org = server.org().await;
    let body = json!({"organizationId": org, "userId": "chosen", "machine": {"name": "n"}});
    let answers = at_once((0..16).map(|_| call(&server, &rpc("CreateUser"), body.clone())).collect()).await;
    let won = answers.iter().filter(|a| a.0 == 200).count();
    let lost = answers.iter().filter(|a| told(a) == (400, "COMMAND-k2una".to_owned())).count();
    assert_eq!((won, lost), (1, 15), "{}", counted(&answers));

    let lock = at_once((0..16).map(|_| call(&server, &rpc("LockUser"), json!({"userId": "chosen"}))).collect()).await;
    let again = (400, "COMMAND-lgws8wtsqf".to_owned());
    assert_eq!(lock.iter().filter(|a| a.0 == 200).count(), 1, "{}", counted(&lock));
    assert!(lock.iter().all(|a| a.0 == 200 || told(a) == again), "{}", counted(&lock));
    server.connected(&rpc("UnlockUser"), json!({"userId": "chosen"})).await;

    // Whatever is done to it while it is deleted, nothing of it stays.
    let mut calls = vec![call(&server, &rpc("DeleteUser"), json!({"userId": "chosen"}))];
    for n in 0..5 {
        let name = json!({"userId": "chosen", "username": format!("n{n}"), "machine": {"name": n.to_string()}});
        calls.push(call(&server, &rpc("UpdateUser"), name));
        calls.push(call(&server, &rpc("AddKey"), json!({"userId": "chosen", "expirationDate": ENDS})));
        calls.push(call(&server, &rpc("AddSecret"), json!({"userId": "chosen"})));
    }
    let answers = at_once(calls).await;
    none_failed("while it is deleted", &answers);
    assert_eq!(answers[0].0, 200, "{}", counted(&answers));
    assert_eq!(
        server.connected(&rpc("ListKeys"), json!({"filters": [{"userIdFilter": {"id": "chosen"}}]})).await,
        json!({"pagination": {"appliedLimit": "100"}})
    );
    let (status, _) = server.call_as(&server.token, None, Method::GET, "/users/chosen", None).await;
    assert_eq!(status, 404);
    assert_sound(&server.database).await;
}
