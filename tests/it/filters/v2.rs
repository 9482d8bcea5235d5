//! Lists of version 2, over all organizations.

use std::cmp::Ordering;

use serde_json::json;

use super::{Filter, List, NAMES, users};
use crate::support::{TestServer, text};

impl List {
    /// A list of version 2, by its RPC and the name of its rows.
    pub fn v2(rpc: &str, rows: &'static str) -> Self {
        Self {
            path: format!("/{rpc}"),
            base: json!({"pagination": {"limit": 1000}}),
            names: ("filters", rows),
            pages: "pagination",
            methods: "TEXT_FILTER_METHOD_",
            ..Self::v1("")
        }
    }
}

/// What a comparison of dates lets through.
type Passes = fn(Ordering) -> bool;

/// A date with nine digits after the second, so that dates compare as their texts do.
fn whole(date: &str) -> String {
    let date = date.trim_end_matches('Z');
    let (seconds, rest) = date.split_once('.').unwrap_or((date, ""));
    format!("{seconds}.{rest:0<9}")
}

/// Filters by a date, before, at and after each of these.
fn dates(filter: &'static str, at: &'static str, values: &[String]) -> Vec<Filter> {
    let mut all = Vec::new();
    for value in values {
        let methods: [(&str, Passes); 5] = [
            ("EQUALS", Ordering::is_eq),
            ("AFTER", Ordering::is_gt),
            ("AFTER_OR_EQUALS", Ordering::is_ge),
            ("BEFORE", Ordering::is_lt),
            ("BEFORE_OR_EQUALS", Ordering::is_le),
        ];
        for (name, passes) in methods {
            let query = json!({filter: {"timestamp": value, "method": format!("TIMESTAMP_FILTER_METHOD_{name}")}});
            let value = whole(value);
            all.push(Filter::new(query, move |row| passes(whole(&text(row, at)).cmp(&value))));
        }
    }
    all
}

/// Three dates.
fn ends() -> [String; 3] {
    ["2119-04-01T08:45:00Z", "2319-04-01T08:45:00Z", "2519-04-01T08:45:00Z"].map(str::to_owned)
}

/// Two organizations with things of the same names in both.
async fn orgs(server: &TestServer) -> [String; 2] {
    [server.org().await, text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_projects_roles_and_applications_everywhere() {
    const P: &str = "zitadel.project.v2.ProjectService";
    const A: &str = "zitadel.application.v2.ApplicationService";
    let server = TestServer::start().await;
    let orgs = orgs(&server).await;
    let ends = ends();
    let mut project = String::new();
    for (at, name) in NAMES.iter().enumerate() {
        for org in &orgs {
            let body = json!({"organizationId": org, "name": name});
            project = text(&server.connected(&format!("{P}/CreateProject"), body).await, "/projectId");
            let method =
                if at % 2 == 0 { "API_AUTH_METHOD_TYPE_BASIC" } else { "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT" };
            let body = json!({"projectId": project, "name": name, "apiConfiguration": {"authMethodType": method}});
            let app = text(&server.connected(&format!("{A}/CreateApplication"), body).await, "/applicationId");
            // Each takes a while to be made.
            for end in ends[at % 3..].iter().filter(|_| at % 2 == 1 && at < 6) {
                let body = json!({"applicationId": app, "projectId": project, "expirationDate": end});
                server.connected(&format!("{A}/CreateApplicationKey"), body).await;
            }
            if at % 3 == 0 {
                let body = json!({"applicationId": app, "projectId": project});
                server.connected(&format!("{A}/DeactivateApplication"), body).await;
            }
        }
    }
    for name in NAMES {
        let role = json!({"projectId": project, "roleKey": name, "displayName": format!("{name} role")});
        server.connected(&format!("{P}/AddProjectRole"), role).await;
    }
    let roles = List {
        texts: vec![("roleKeyFilter", "key", "/key"), ("displayNameFilter", "displayName", "/displayName")],
        sorts: vec![("PROJECT_ROLE_FIELD_NAME_KEY", "/key")],
        ..List::v2(&format!("{P}/ListProjectRoles"), "projectRoles")
    };
    let base = json!({"projectId": project, "pagination": {"limit": 1000}});
    List { base, ..roles }.holds(&server, NAMES.len()).await;
    apps(&format!("{A}/ListApplications")).holds(&server, 2 * NAMES.len()).await;
    keys(&format!("{A}/ListApplicationKeys")).holds(&server, 6).await;
}

fn apps(rpc: &str) -> List {
    let state = |name: &'static str| Filter::new(json!({"stateFilter": name}), move |row| text(row, "/state") == name);
    List {
        texts: vec![("nameFilter", "name", "/name")],
        equals: vec![
            ("projectIdFilter", "projectId", "/projectId"),
            ("clientIdFilter", "clientId", "/apiConfiguration/clientId"),
        ],
        others: vec![state("APPLICATION_STATE_ACTIVE"), state("APPLICATION_STATE_INACTIVE")],
        nothing: vec![json!({"entityIdFilter": {"entityId": "x"}}), json!({"typeFilter": "APPLICATION_TYPE_OIDC"})],
        sorts: vec![("APPLICATION_SORT_BY_NAME", "/name"), ("APPLICATION_SORT_BY_ID", "/applicationId")],
        ..List::v2(rpc, "applications")
    }
}

fn keys(rpc: &str) -> List {
    List {
        equals: vec![
            ("applicationIdFilter", "applicationId", "/applicationId"),
            ("projectIdFilter", "projectId", "/projectId"),
            ("organizationIdFilter", "organizationId", "/organizationId"),
        ],
        sorts: vec![
            ("APPLICATION_KEYS_SORT_BY_ID", "/keyId"),
            ("APPLICATION_KEYS_SORT_BY_PROJECT_ID", "/projectId"),
            ("APPLICATION_KEYS_SORT_BY_APPLICATION_ID", "/applicationId"),
            ("APPLICATION_KEYS_SORT_BY_ORGANIZATION_ID", "/organizationId"),
            ("APPLICATION_KEYS_SORT_BY_EXPIRATION", "/expirationDate"),
        ],
        ..List::v2(rpc, "keys")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_users_their_keys_and_tokens_everywhere() {
    const U: &str = "zitadel.user.v2.UserService";
    let server = TestServer::start().await;
    let orgs = orgs(&server).await;
    let ends = ends();
    for (at, name) in NAMES.iter().enumerate() {
        let body = json!({"organizationId": orgs[at % 2], "username": name, "machine": {"name": name}});
        let user = text(&server.connected(&format!("{U}/CreateUser"), body).await, "/id");
        for end in &ends[..=at % 3] {
            let body = json!({"userId": user, "expirationDate": end});
            server.connected(&format!("{U}/AddPersonalAccessToken"), body.clone()).await;
        }
        if at < 4 {
            let body = json!({"userId": user, "expirationDate": ends[at % 3]});
            server.connected(&format!("{U}/AddKey"), body).await;
        }
        if at % 3 == 0 {
            server.connected(&format!("{U}/DeactivateUser"), json!({"userId": user})).await;
        }
    }
    let mut list = users();
    list.path = format!("/{U}/ListUsers");
    list.filled = true;
    list.texts = vec![
        ("userNameQuery", "userName", "/username"),
        ("loginNameQuery", "loginName", "/preferredLoginName"),
        ("displayNameQuery", "displayName", "/machine/name"),
    ];
    list.equals.push(("organizationIdQuery", "organizationId", "/details/resourceOwner"));
    list.one_of = vec![("inUserIdsQuery", "userIds", "/userId")];
    list.sorts = vec![
        ("USER_FIELD_NAME_USER_NAME", "/username"),
        ("USER_FIELD_NAME_DISPLAY_NAME", "/machine/name"),
        ("USER_FIELD_NAME_UNSPECIFIED", "/userId"),
    ];
    list.holds(&server, NAMES.len()).await;
    for (rpc, id, column) in [
        ("ListKeys", "keyIdFilter", "KEY_FIELD_NAME"),
        ("ListPersonalAccessTokens", "tokenIdFilter", "PERSONAL_ACCESS_TOKEN_FIELD_NAME"),
    ] {
        credentials(&server, &format!("{U}/{rpc}"), id, column, &ends).await;
    }
}

/// The filters by what these organizations have: as their own, granted to them, or either.
fn had_by(orgs: &[String]) -> Vec<Filter> {
    let mut all = Vec::new();
    for org in orgs {
        for kind in ["TYPE_UNSPECIFIED", "OWNED", "GRANTED"] {
            let query = json!({"organizationIdFilter": {"organizationId": org, "type": kind}});
            let org = org.clone();
            all.push(Filter::new(query, move |row| {
                let to = row["grantedOrganizationId"].as_str();
                let fits = kind == "TYPE_UNSPECIFIED" || to.is_some() == (kind == "GRANTED");
                fits && to.unwrap_or(&text(row, "/organizationId")) == org
            }));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_projects_and_their_grants_everywhere() {
    const P: &str = "zitadel.project.v2.ProjectService";
    let server = TestServer::start().await;
    let mut orgs = orgs(&server).await.to_vec();
    orgs.push(text(&server.ok("/orgs", json!({"name": "Third"})).await, "/id"));
    for (at, name) in NAMES.iter().enumerate() {
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let body = json!({"organizationId": orgs[from], "name": name});
            let project = text(&server.connected(&format!("{P}/CreateProject"), body).await, "/projectId");
            let role = json!({"projectId": project, "roleKey": "reader", "displayName": "Reader"});
            server.connected(&format!("{P}/AddProjectRole"), role).await;
            let keys = if at % 3 == 0 { json!(["reader"]) } else { json!([]) };
            let grant = json!({"projectId": project, "grantedOrganizationId": orgs[to], "roleKeys": keys});
            if at % 4 != 3 {
                server.connected(&format!("{P}/CreateProjectGrant"), grant).await;
            }
        }
    }
    let projects = List {
        texts: vec![("projectNameFilter", "projectName", "/name")],
        one_of: vec![("inProjectIdsFilter", "ids", "/projectId")],
        others: had_by(&orgs),
        sorts: vec![("PROJECT_FIELD_NAME_NAME", "/name"), ("PROJECT_FIELD_NAME_ID", "/projectId")],
        ..List::v2(&format!("{P}/ListProjects"), "projects")
    };
    projects.holds(&server, 5 * NAMES.len()).await;
    let with_role = |key: &'static str| {
        let query = json!({"roleKeyFilter": {"key": key, "method": "TEXT_FILTER_METHOD_CONTAINS"}});
        Filter::new(query, move |row| row["grantedRoleKeys"].as_array().is_some_and(|keys| keys.contains(&json!(key))))
    };
    let grants = List {
        texts: vec![("projectNameFilter", "projectName", "/projectName")],
        equals: vec![
            ("organizationIdFilter", "id", "/organizationId"),
            ("grantedOrganizationIdFilter", "id", "/grantedOrganizationId"),
        ],
        one_of: vec![("inProjectIdsFilter", "ids", "/projectId")],
        others: ["reader", "read"].map(with_role).to_vec(),
        sorts: vec![("PROJECT_GRANT_FIELD_NAME_PROJECT_ID", "/projectId")],
        ..List::v2(&format!("{P}/ListProjectGrants"), "projectGrants")
    };
    grants.holds(&server, 2 * NAMES.len()).await;
}

/// A list of keys or tokens.
async fn credentials(server: &TestServer, rpc: &str, id: &'static str, column: &str, ends: &[String]) {
    let expires = match column {
        "KEY_FIELD_NAME" => "KEY_FIELD_NAME_KEY_EXPIRATION_DATE",
        _ => "PERSONAL_ACCESS_TOKEN_FIELD_NAME_EXPIRATION_DATE",
    };
    let sorts: [(&'static str, &'static str); 1] = [(expires, "/expirationDate")];
    let made = List::v2(rpc, "result").ask(server, &[], &json!({})).await;
    let made: Vec<String> = made.iter().map(|row| text(row, "/creationDate")).collect();
    let ends = dates("expirationDateFilter", "/expirationDate", ends);
    let list = List {
        equals: vec![
            (id, "id", "/id"),
            ("userIdFilter", "id", "/userId"),
            ("organizationIdFilter", "id", "/organizationId"),
        ],
        others: [dates("createdDateFilter", "/creationDate", &made), ends].concat(),
        sorts: sorts.to_vec(),
        ..List::v2(rpc, "result")
    };
    list.holds(server, 4).await;
}
