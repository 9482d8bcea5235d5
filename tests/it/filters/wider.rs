//! Organizations, domains, metadata and project grants of version 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Filter, List, METHODS, NAMES};
use crate::support::{TestServer, text};

/// Names whose domains are what they look like.
const ORGS: [&str; 6] = ["abc", "ABCD", "xabcx", "Zebra", "zoo", "c"];

/// Some more organizations, of which every third one is switched off.
async fn orgs(server: &TestServer) -> Vec<String> {
    let mut ids = Vec::new();
    for (at, name) in ORGS.iter().enumerate() {
        let id = text(&server.ok("/orgs", json!({"name": name})).await, "/id");
        if at % 3 == 0 {
            let body = json!({"organizationId": id});
            server.connected("zitadel.org.v2.OrganizationService/DeactivateOrganization", body).await;
        }
        ids.push(id);
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_organizations_and_domains() {
    let server = TestServer::start().await;
    orgs(&server).await;
    let mut list = List {
        texts: vec![("nameQuery", "name", "/name"), ("domainQuery", "domain", "/primaryDomain")],
        equals: vec![("idQuery", "id", "/id"), ("stateQuery", "state", "/state")],
        sorts: vec![("ORG_FIELD_NAME_NAME", "/name")],
        folded: true,
        ..List::v1("")
    };
    list.path = "/admin/v1/orgs/_search".to_owned();
    list.holds(&server, ORGS.len()).await;
    list = List {
        names: ("queries", "result"),
        filled: true,
        sorts: vec![("ORGANIZATION_FIELD_NAME_NAME", "/name")],
        path: "/zitadel.org.v2.OrganizationService/ListOrganizations".to_owned(),
        ..list
    };
    list.holds(&server, ORGS.len()).await;

    for name in ["abc.example", "xabc.example", "a.b.example", "xn--bc-uia.example", "example"] {
        server.ok("/orgs/me/domains", json!({"domain": name})).await;
    }
    let texts = vec![("domainNameQuery", "name", "/domainName")];
    List { texts, ..List::v1("/orgs/me/domains/_search") }.holds(&server, 5).await;
    let org = server.org().await;
    let list = List {
        base: json!({"organizationId": org}),
        filled: true,
        methods: "TEXT_QUERY_METHOD_",
        texts: vec![("domainFilter", "domain", "/domain")],
        sorts: vec![("DOMAIN_FIELD_NAME_NAME", "/domain")],
        ..List::v2("zitadel.org.v2.OrganizationService/ListOrganizationDomains", "domains")
    };
    list.holds(&server, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_metadata() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (user, _) = server.user(&org, "holder").await;
    let entry = |key: &str| json!({"key": key, "value": STANDARD.encode(key)});
    let all = json!({"metadata": NAMES.iter().map(|name| entry(name)).collect::<Vec<_>>()});
    for path in ["/metadata".to_owned(), format!("/users/{user}/metadata")] {
        server.ok(&format!("{path}/_bulk"), all.clone()).await;
        let texts = vec![("keyQuery", "key", "/key")];
        List { texts, ..List::v1(&format!("{path}/_search")) }.holds(&server, NAMES.len()).await;
    }
    for (rpc, base) in [
        ("zitadel.org.v2.OrganizationService/ListOrganizationMetadata", json!({"organizationId": org})),
        ("zitadel.user.v2.UserService/ListUserMetadata", json!({"userId": user})),
    ] {
        let texts = vec![("keyFilter", "key", "/key")];
        List { base, texts, ..List::v2(rpc, "metadata") }.holds(&server, NAMES.len()).await;
    }
}

/// The filter by a role: its key as it is, whatever the method.
fn roles() -> Vec<Filter> {
    let filter = |key: &'static str, method: &str| {
        let query = json!({"roleKeyQuery": {"roleKey": key, "method": format!("TEXT_QUERY_METHOD_{method}")}});
        Filter::new(query, move |row| row["grantedRoleKeys"].as_array().is_some_and(|keys| keys.contains(&json!(key))))
    };
    let keys = ["reader", "Reader", "Read", "read", "writer", "%"];
    keys.iter().flat_map(|key| METHODS.iter().map(|method| filter(key, method))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_project_grants() {
    let server = TestServer::start().await;
    let orgs = orgs(&server).await;
    let keys: Vec<Value> = ["reader", "Read", "writer"].iter().map(|k| json!({"key": k, "displayName": k})).collect();
    let mut project = String::new();
    for name in NAMES {
        project = server.project(name).await;
        server.ok(&format!("/projects/{project}/roles/_bulk"), json!({"roles": keys})).await;
        for (at, org) in orgs.iter().enumerate().skip(3) {
            let roles = [json!([]), json!(["reader"]), json!(["Read", "writer"])][at % 3].clone();
            let body = json!({"grantedOrgId": org, "roleKeys": roles});
            server.ok(&format!("/projects/{project}/grants"), body).await;
        }
    }
    let list = List {
        texts: vec![("projectNameQuery", "name", "/projectName")],
        others: roles(),
        ..List::v1(&format!("/projects/{project}/grants/_search"))
    };
    list.holds(&server, 3).await;
    let all = List {
        path: "/management/v1/projectgrants/_search".to_owned(),
        equals: vec![
            ("projectIdQuery", "projectId", "/projectId"),
            ("grantedOrgIdQuery", "grantedOrgId", "/grantedOrgId"),
        ],
        ..list
    };
    all.holds(&server, 3 * NAMES.len()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_granted_projects() {
    let server = TestServer::start().await;
    let first = server.org().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    // Of the same names from two organizations, and one that another organization got.
    for (at, name) in NAMES.iter().enumerate() {
        for owner in [&other, &text(&server.ok("/orgs", json!({"name": format!("Giver {at}")})).await, "/id")] {
            let body = json!({"organizationId": owner, "name": name});
            let made = server.connected("zitadel.project.v2.ProjectService/CreateProject", body).await;
            let project = text(&made, "/projectId");
            let body = json!({"projectId": project, "grantedOrganizationId": first});
            server.connected("zitadel.project.v2.ProjectService/CreateProjectGrant", body).await;
        }
    }
    let hidden = server.project("abc").await;
    server.ok(&format!("/projects/{hidden}/grants"), json!({"grantedOrgId": other})).await;
    let list = List {
        texts: vec![("nameQuery", "name", "/projectName")],
        equals: vec![("projectResourceOwnerQuery", "resourceOwner", "/projectOwnerId")],
        ..List::v1("/granted_projects/_search")
    };
    list.holds(&server, 2 * NAMES.len()).await;
}
