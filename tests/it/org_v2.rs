//! Organizations in version 2: addressed by their id, over Connect and over REST.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use buffa::Message as _;
use claviger::proto::zitadel::v1::ErrorDetail;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestServer, text};

/// A call over Connect: status, id of the error or nothing, answer.
async fn call(server: &TestServer, token: &str, rpc: &str, body: Value) -> (u16, String, Value) {
    let url = server.url(&format!("/zitadel.org.v2.OrganizationService/{rpc}"));
    let answer = server.http.post(url).bearer_auth(token).json(&body).send().await.expect("an answer");
    let (status, answer): (u16, Value) = (answer.status().as_u16(), answer.json().await.expect("JSON"));
    let id = STANDARD_NO_PAD.decode(text(&answer, "/details/0/value")).ok();
    let id = id.and_then(|detail| ErrorDetail::decode_from_slice(&detail).ok()).map(|detail| detail.id);
    (status, id.unwrap_or_default(), answer)
}

async fn ok(server: &TestServer, rpc: &str, body: Value) -> Value {
    let (status, _, answer) = call(server, &server.token, rpc, body).await;
    assert_eq!(status, 200, "{rpc}: {answer}");
    answer
}

/// A call over REST: status and answer.
async fn rest(server: &TestServer, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = server.http.request(method, server.url(&format!("/v2/organizations{path}")));
    let answer = request.bearer_auth(&server.token).json(&body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn an_organization_lives_from_its_addition_to_its_removal() {
    let server = TestServer::start().await;
    let added = ok(&server, "AddOrganization", json!({"name": "third"})).await;
    let id = text(&added, "/organizationId");
    assert_eq!(
        (text(&added, "/details/sequence"), text(&added, "/details/resourceOwner")),
        ("4".into(), id.clone()),
        "nobody becomes a member"
    );
    let of = |rest: Value| {
        let mut body = json!({"organizationId": id});
        body.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        body
    };
    let renamed = ok(&server, "UpdateOrganization", of(json!({"name": "third 2"}))).await;
    assert!(!text(&renamed, "/changeDate").is_empty());
    for (rpc, id) in [("DeactivateOrganization", "EVENT-Dbs2g"), ("ActivateOrganization", "EVENT-bfnrh")] {
        assert!(!text(&ok(&server, rpc, of(json!({}))).await, "/changeDate").is_empty());
        let (status, told, _) = call(&server, &server.token, rpc, of(json!({}))).await;
        assert_eq!((status, told.as_str()), (400, id));
    }
    let entry = |key: &str, value: &str| json!({"key": key, "value": STANDARD.encode(value)});
    let set = json!({"metadata": [entry("k1", "v1"), entry("k2", "v2"), entry("k3", "")]});
    let set = ok(&server, "SetOrganizationMetadata", of(set)).await;
    let list = ok(&server, "ListOrganizationMetadata", of(json!({}))).await;
    assert_eq!(list["pagination"], json!({"totalResult": "2"}));
    assert_eq!(list["metadata"][0]["creationDate"], set["setDate"]);
    let filter = json!({"filters": [{"keyFilter": {"key": "k2"}}]});
    assert_eq!(text(&ok(&server, "ListOrganizationMetadata", of(filter)).await, "/metadata/0/value"), "djI=");
    ok(&server, "DeleteOrganizationMetadata", of(json!({"keys": ["k1"]}))).await;

    ok(&server, "AddOrganizationDomain", of(json!({"domain": "third.example"}))).await;
    let list = ok(&server, "ListOrganizationDomains", of(json!({"pagination": {"asc": true}}))).await;
    assert_eq!(list["pagination"], json!({"totalResult": "2", "appliedLimit": "100"}));
    let domain = json!({"organizationId": id, "domain": "third-2.localhost", "isVerified": true, "isPrimary": true});
    assert!(list["domains"].as_array().expect("domains").contains(&domain), "{list}");
    ok(&server, "DeleteOrganizationDomain", of(json!({"domain": "third.example"}))).await;

    let removed = ok(&server, "DeleteOrganization", of(json!({}))).await;
    assert!(text(&removed, "/deletionDate").as_str() > "2");
    let again = ok(&server, "DeleteOrganization", of(json!({}))).await;
    assert_eq!(text(&again, "/deletionDate"), "0001-01-01T00:00:00Z");
}

/// Code and id of each refusal.
async fn refused(server: &TestServer, calls: &[(&str, Value, u16, &str)]) {
    for (rpc, body, status, id) in calls {
        let (got, told, answer) = call(server, &server.token, rpc, body.clone()).await;
        assert_eq!((got, told.as_str()), (*status, *id), "{rpc} {body}: {answer}");
    }
}

#[tokio::test]
async fn an_organization_is_refused_as_recorded() {
    let server = TestServer::start().await;
    let first = server.org().await;
    let own = json!({"name": "own", "organizationId": "org-own-id"});
    assert_eq!(text(&ok(&server, "AddOrganization", own).await, "/organizationId"), "org-own-id");
    let none = "123456789012345678";
    let (member, _) = server.user(&first, "member").await;
    let with = json!({"name": "with admin", "admins": [{"userId": member}]});
    assert_eq!(text(&ok(&server, "AddOrganization", with).await, "/details/sequence"), "5");
    let calls = [
        ("AddOrganization", json!({}), 400, ""),
        ("AddOrganization", json!({"name": "  "}), 400, "ORG-mruNY"),
        ("AddOrganization", json!({"name": "!?"}), 400, "ORG-RrfXY"),
        ("AddOrganization", json!({"name": "OWN"}), 409, "V3-DKcYh"),
        ("AddOrganization", json!({"name": "x", "organizationId": "org-own-id"}), 409, "ORG-laho2n"),
        ("AddOrganization", json!({"name": "x", "orgId": "org-own-id"}), 409, "ORG-laho2n"),
        ("AddOrganization", json!({"name": "x", "organizationId": "a b"}), 400, ""),
        ("AddOrganization", json!({"name": "x", "organizationId": "999999999999999999"}), 400, ""),
        ("AddOrganization", json!({"name": "x", "admins": [{"userId": none}]}), 400, "ORG-GoXOn"),
        (
            "AddOrganization",
            json!({"name": "x", "admins": [{"userId": member, "roles": ["ORG_FOO"]}]}),
            400,
            "Org-4N8es",
        ),
        (
            "AddOrganization",
            json!({"name": "x", "admins": [{"userId": member, "roles": ["IAM_OWNER"]}]}),
            400,
            "Org-4N8es",
        ),
        ("AddOrganization", json!({"name": "x", "admins": [{"userId": member}, {"userId": member}]}), 400, "Org-4N8es"),
        ("AddOrganization", json!({"name": "x", "admins": [{"human": {}}]}), 501, ""),
    ];
    refused(&server, &calls).await;
    // An id that was given is never given again.
    ok(&server, "DeleteOrganization", json!({"organizationId": "org-own-id"})).await;
    let again = json!({"name": "own", "organizationId": "org-own-id"});
    assert_eq!(call(&server, &server.token, "AddOrganization", again).await.1, "ORG-laho2n");
}

#[tokio::test]
async fn what_is_done_with_an_organization_is_refused_as_recorded() {
    let server = TestServer::start().await;
    let first = server.org().await;
    ok(&server, "AddOrganization", json!({"name": "own", "organizationId": "org-own-id"})).await;
    let none = "123456789012345678";
    let calls = [
        ("UpdateOrganization", json!({"organizationId": none, "name": "x"}), 404, "ORG-1MRds"),
        ("UpdateOrganization", json!({"organizationId": "org-own-id", "name": "own"}), 400, "ORG-4VSdf"),
        ("DeactivateOrganization", json!({"organizationId": none}), 404, "ORG-oL9nT"),
        ("ActivateOrganization", json!({"organizationId": none}), 404, "ORG-Dgf3g"),
        ("DeleteOrganization", json!({"organizationId": first}), 400, "COMMA-wG9p1"),
        (
            "SetOrganizationMetadata",
            json!({"organizationId": none, "metadata": [{"key": "k", "value": "dg=="}]}),
            400,
            "COMMAND-QXPGs",
        ),
        ("SetOrganizationMetadata", json!({"organizationId": first}), 400, "META-9mm2d"),
        ("DeleteOrganizationMetadata", json!({"organizationId": first}), 400, "META-9mw2d"),
        ("DeleteOrganizationMetadata", json!({"organizationId": first, "keys": ["k"]}), 404, "META-2npds"),
        (
            "ListOrganizationMetadata",
            json!({"organizationId": first, "pagination": {"limit": 1001}}),
            400,
            "QUERY-4M0fs",
        ),
        ("AddOrganizationDomain", json!({"organizationId": none, "domain": "x.example"}), 400, "COMMAND-QXPGs"),
        ("ListOrganizationDomains", json!({"organizationId": none}), 404, "QUERY-leq5Q"),
        ("DeleteOrganizationDomain", json!({"organizationId": none, "domain": "x.example"}), 404, "ORG-GDfA3"),
        (
            "GenerateOrganizationDomainValidation",
            json!({"organizationId": none, "domain": "x", "type": 1}),
            404,
            "ORG-AGD31",
        ),
        (
            "GenerateOrganizationDomainValidation",
            json!({"organizationId": "org-own-id", "domain": "own.localhost", "type": 1}),
            400,
            "ORG-HGw21",
        ),
        ("VerifyOrganizationDomain", json!({"organizationId": none, "domain": "x"}), 404, "ORG-Sjdi3"),
        (
            "VerifyOrganizationDomain",
            json!({"organizationId": "org-own-id", "domain": "own.localhost"}),
            400,
            "ORG-HGw21",
        ),
    ];
    refused(&server, &calls).await;
}

#[tokio::test]
async fn lists_hold_what_the_caller_may_see() {
    let server = TestServer::start().await;
    let first = server.org().await;
    let mut ids = Vec::new();
    for name in ["b", "a", "c"] {
        ids.push(text(&ok(&server, "AddOrganization", json!({"name": name})).await, "/organizationId"));
    }
    let (owner, token) = server.user(&first, "owner").await;
    server.org_role(&ids[1], &owner, "ORG_OWNER").await;
    let names = async |token: &str, body: Value| {
        let (status, _, list) = call(&server, token, "ListOrganizations", body).await;
        assert_eq!(status, 200, "{list}");
        let rows = list["result"].as_array().cloned().unwrap_or_default();
        assert_eq!(text(&list, "/details/totalResult").parse().unwrap_or(0), rows.len(), "{list}");
        rows.iter().map(|row| text(row, "/name")).collect::<Vec<_>>().join(" ")
    };
    let query = |query: Value| json!({"queries": [query]});
    let first_token = server.token.as_str();
    for (token, body, found) in [
        (first_token, json!({}), "ZITADEL b a c"),
        (
            first_token,
            json!({"sortingColumn": "ORGANIZATION_FIELD_NAME_NAME", "query": {"asc": true}}),
            "a b c ZITADEL",
        ),
        (first_token, json!({"sortingColumn": "ORGANIZATION_FIELD_NAME_NAME"}), "ZITADEL c b a"),
        (first_token, json!({"sortingColumn": "ORGANIZATION_FIELD_NAME_CREATION_DATE"}), "c a b ZITADEL"),
        (
            first_token,
            query(json!({"nameQuery": {"name": "zita", "method": "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE"}})),
            "ZITADEL",
        ),
        (first_token, query(json!({"domainQuery": {"domain": "a.localhost"}})), "a"),
        (first_token, query(json!({"stateQuery": {"state": "ORGANIZATION_STATE_INACTIVE"}})), ""),
        (first_token, query(json!({"idQuery": {"id": ids[2]}})), "c"),
        (first_token, query(json!({"defaultQuery": {}})), "ZITADEL"),
        (token.as_str(), json!({}), "a"),
        (token.as_str(), query(json!({"idQuery": {"id": ids[2]}})), ""),
    ] {
        assert_eq!(names(token, body.clone()).await, found, "{body}");
    }
    // What somebody may read shows no more of another organization than that it has nothing.
    let set = json!({"organizationId": ids[2], "metadata": [{"key": "k", "value": "dg=="}]});
    ok(&server, "SetOrganizationMetadata", set).await;
    let (status, _, list) = call(&server, &token, "ListOrganizationMetadata", json!({"organizationId": ids[2]})).await;
    assert_eq!((status, list), (200, json!({"pagination": {}})));
    for rpc in ["UpdateOrganization", "DeactivateOrganization", "DeleteOrganization", "ListOrganizationDomains"] {
        let (status, id, _) = call(&server, &token, rpc, json!({"organizationId": ids[2], "name": "x"})).await;
        assert_eq!((status, id.as_str()), (404, "AUTHZ-cdgFk"), "{rpc}");
        let (viewer, viewer_token) = server.user(&first, &format!("viewer of {rpc}")).await;
        server.org_role(&ids[2], &viewer, "ORG_USER_SELF_MANAGER").await;
        let (status, id, _) = call(&server, &viewer_token, rpc, json!({"organizationId": ids[2], "name": "x"})).await;
        let denied = if rpc == "ListOrganizationDomains" { "AUTH-AWfge" } else { "AUTH-Swrgg2" };
        assert_eq!((status, id.as_str()), (403, denied), "{rpc}");
    }
}

#[tokio::test]
async fn organizations_have_paths_too() {
    let server = TestServer::start().await;
    let (status, added) = rest(&server, Method::POST, "", json!({"name": "rest", "organizationId": "rest-1"})).await;
    assert_eq!((status, text(&added, "/organizationId").as_str()), (201, "rest-1"), "{added}");
    let (status, found) = rest(&server, Method::POST, "/_search", json!({"query": {"limit": 1001}})).await;
    assert_eq!((status, text(&found, "/details/totalResult").as_str()), (200, "2"));
    assert_eq!(rest(&server, Method::POST, "/rest-1", json!({"name": "rest 2"})).await.0, 200);
    let metadata = json!({"metadata": [{"key": "k", "value": "dg=="}, {"key": "l", "value": "dg=="}]});
    assert_eq!(rest(&server, Method::POST, "/rest-1/metadata", metadata).await.0, 200);
    assert_eq!(
        rest(&server, Method::POST, "/rest-1/metadata/search", json!({})).await.1["pagination"]["totalResult"],
        "2"
    );
    assert_eq!(rest(&server, Method::DELETE, "/rest-1/metadata?keys=k&keys=l", json!({})).await.0, 200);
    assert_eq!(rest(&server, Method::POST, "/rest-1/domains", json!({"domain": "r.example"})).await.0, 200);
    assert_eq!(rest(&server, Method::DELETE, "/rest-1/domains?domain=r.example", json!({})).await.0, 200);
    assert_eq!(rest(&server, Method::POST, "/rest-1/deactivate", json!({})).await.0, 200);
    assert_eq!(rest(&server, Method::POST, "/rest-1/activate", json!({})).await.0, 200);
    assert_eq!(rest(&server, Method::DELETE, "/rest-1", json!({})).await.0, 200);
    let (status, gone) = rest(&server, Method::POST, "/rest-1", json!({"name": "x"})).await;
    assert_eq!((status, text(&gone, "/details/0/id").as_str()), (404, "ORG-1MRds"));
}

#[tokio::test]
async fn of_sixteen_who_choose_an_id_one_gets_it() {
    let server = Arc::new(TestServer::start().await);
    let calls = (0..16).map(|n| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let body = json!({"name": format!("org {n}"), "organizationId": "wanted"});
            call(&server, &server.token, "AddOrganization", body).await
        })
    });
    let mut told = Vec::new();
    for answer in futures::future::join_all(calls).await {
        let (status, id, _) = answer.expect("an answer");
        told.push((status, id));
    }
    assert_eq!(told.iter().filter(|(status, _)| *status == 200).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|(status, id)| *status == 409 && id == "ORG-laho2n").count(), 15, "{told:?}");
}
