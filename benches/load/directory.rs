//! Projects, users and grants: the same reads by version 1 and by version 2, and project grants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::http::{self, Request};
use crate::scene::{Api, Kind, id};

/// Projects and users in the organization.
const ROWS: usize = 50;
/// Organizations that a project is granted to, each by one caller.
const ORGS: usize = 64;

/// What is measured here.
pub async fn calls(api: &mut Api, project: &str) -> Vec<(&'static str, Kind)> {
    let run = std::process::id();
    let mut user = String::new();
    for number in 0..ROWS {
        api.post("/projects", json!({"name": format!("listed {run} {number}")})).await;
        let name = format!("listed-{run}-{number}");
        user = id(&api.post("/users/machine", json!({"userName": name, "name": name})).await, "userId");
    }
    let mut orgs = Vec::new();
    for number in 0..ORGS {
        orgs.push(id(&api.post("/orgs", json!({"name": format!("Buyer {run} {number}")})).await, "id"));
    }
    let token = api.token.clone();
    let v1 = |verb, path: &str, body: &str| Kind::Http(Request::rest(&token, verb, path, body));
    let v2 = |rpc: &str, body: &str| Kind::Http(Request::connect(&token, rpc, body));
    let (pages, queries) = (r#"{"pagination":{"limit":20}}"#, r#"{"query":{"limit":20}}"#);
    let by_id = format!(r#"{{"userId":"{user}"}}"#);
    vec![
        ("ListProjects, 20 rows", v1("POST", "/projects/_search", queries)),
        ("ListProjects v2, 20 rows", v2("zitadel.project.v2.ProjectService/ListProjects", pages)),
        ("ListUsers, 20 rows", v1("POST", "/users/_search", queries)),
        ("ListUsers v2, 20 rows", v2("zitadel.user.v2.UserService/ListUsers", queries)),
        ("GetUserByID", v1("GET", &format!("/users/{user}"), "")),
        ("GetUserByID v2", v2("zitadel.user.v2.UserService/GetUserByID", &by_id)),
        (
            "AddProjectGrant and RemoveProjectGrant",
            Kind::Grant(Grant { token: token.clone(), project: project.to_owned(), orgs: orgs.into() }),
        ),
    ]
}

/// A project and organizations to grant it to.
#[derive(Clone)]
pub struct Grant {
    token: String,
    project: String,
    orgs: Arc<[String]>,
}

/// A caller with an organization of its own.
pub struct Connection {
    http: http::Connection,
    token: String,
    path: String,
    add: Request,
}

impl Connection {
    /// A connection to an address.
    pub async fn open(address: &str, grant: &Grant) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let org = &grant.orgs[NEXT.fetch_add(1, Ordering::Relaxed) % grant.orgs.len()];
        let path = format!("/projects/{}/grants", grant.project);
        let add = Request::rest(&grant.token, "POST", &path, &json!({"grantedOrgId": org, "roleKeys": []}).to_string());
        Self { http: http::Connection::open(address).await, token: grant.token.clone(), path, add }
    }

    /// Grants the project and takes the grant away.
    pub async fn send(&mut self) {
        let (status, answer) = self.http.send(&self.add, 0).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let made: Value = serde_json::from_slice(&answer).expect("JSON");
        let path = format!("{}/{}", self.path, id(&made, "grantId"));
        let (status, answer) = self.http.send(&Request::rest(&self.token, "DELETE", &path, ""), 0).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }
}
