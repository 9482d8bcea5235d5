//! What the roles are tried on: three organizations with the same things in them, and somebody for each role.

use std::sync::atomic::{AtomicU32, Ordering};

use claviger::proto::Rpc;
use reqwest::Method;
use serde_json::{Value, json};

use super::table::{Kind, PLACES, Place, TABLE, kind_of};
use crate::support::{TestServer, text};

/// An organization, project grant or project that is not there.
pub const UNKNOWN: &str = "123456789012345678";

/// Roles of the system are given by nobody, and no call gives them.
const INSTANCE_ROLE: &str = "INSERT INTO memberships (org_id, scope, object_id, user_id, user_org_id, roles, sequence, \
     created_at, changed_at) SELECT '', 0, '', id, org_id, '[\"' || $2 || '\"]', 1, 0, 0 FROM users WHERE id = $1";

static SPARES: AtomicU32 = AtomicU32::new(0);

/// What there is in an organization.
struct Objects {
    org: String,
    project: String,
    app: String,
    key: String,
    user: String,
    user_key: String,
    user_token: String,
}

/// Somebody who has one role.
pub struct Holder {
    pub role: &'static str,
    id: String,
    token: String,
}

pub struct Scene {
    server: TestServer,
    places: [Objects; 3],
    /// A second project of the first organization, for which nobody has a role.
    pub second_project: String,
    grant: String,
    pub holders: Vec<Holder>,
}

impl Scene {
    pub async fn new() -> Self {
        let server = TestServer::start().await;
        // Nobody can remove the first organization.
        let orgs = [server.org().await, org(&server, "granted").await, org(&server, "other").await];
        let mut places = Vec::new();
        for org in orgs {
            places.push(objects(&server, org).await);
        }
        let places: [Objects; 3] = places.try_into().ok().expect("three of them");
        let second_project = server.project("second").await;
        let project = &places[0].project;
        let body = json!({"grantedOrgId": places[1].org, "roleKeys": [format!("role-{project}")]});
        let grant = text(&server.ok(&format!("/projects/{project}/grants"), body).await, "/grantId");
        let mut scene = Self { server, places, second_project, grant, holders: Vec::new() };
        for (role, _) in &TABLE.roles {
            let holder = scene.holder(role).await;
            scene.holders.push(holder);
        }
        scene
    }

    fn at(&self, place: Place) -> &Objects {
        &self.places[PLACES.iter().position(|p| *p == place).expect("one of the three")]
    }

    async fn holder(&self, role: &'static str) -> Holder {
        let own = self.at(Place::Own);
        let (id, token) = self.server.user(&own.org, role).await;
        let holder = Holder { role, id, token };
        match kind_of(role) {
            Kind::Instance => self.server.sql().await.run(INSTANCE_ROLE, &[&holder.id, role]).await,
            Kind::Org => self.server.org_role(&own.org, &holder.id, role).await,
            Kind::Project => self.server.project_role(&own.project, &holder.id, role).await,
            Kind::Grant => {
                let path = format!("/projects/{}/grants/{}/members", own.project, self.grant);
                self.server.ok(&path, json!({"userId": holder.id, "roles": [role]})).await;
            }
        }
        holder
    }

    /// What a field that limits names: what the role is held for, or something beside it.
    pub fn context(&self, field: &str, own: bool) -> &str {
        match (field, own) {
            ("GrantId", true) => &self.grant,
            ("GrantId", false) => UNKNOWN,
            (_, true) => &self.at(Place::Own).project,
            (_, false) => &self.second_project,
        }
    }

    /// A call of version 1 over REST, in an organization: status and answer. All of its other fields are `1` or empty.
    pub async fn rest(&self, holder: &Holder, rpc: &Rpc, org: &str, (field, id): (&str, &str)) -> String {
        let route = rpc.rest.as_ref().expect("version 1 has paths");
        let field = match field {
            "ProjectId" => "{project_id}",
            "Id" => "{id}",
            "GrantId" => "{grant_id}",
            _ => "-",
        };
        let segment = |s: &str| match s {
            s if s == field => id.to_owned(),
            s if s.starts_with('{') => "1".to_owned(),
            s => s.to_owned(),
        };
        let path = route.path.split('/').map(segment).collect::<Vec<_>>().join("/");
        let method: Method = route.verb.parse().expect("a verb");
        let request = self.server.http.request(method, self.server.url(&path)).bearer_auth(&holder.token);
        answered(request.header("x-zitadel-orgid", org)).await
    }

    /// A call over Connect: status and answer.
    pub async fn connect(&self, holder: &Holder, rpc: &Rpc, org: &str, request: &str) -> String {
        let call = self.server.http.post(self.server.url(&format!("/{}", rpc.full))).bearer_auth(&holder.token);
        let call = call.header("x-zitadel-orgid", org).header("content-type", "application/json");
        answered(call.body(request.to_owned())).await
    }

    pub fn org(&self, place: Place) -> &str {
        &self.at(place).org
    }

    /// A request of the table for the objects of a place; what it removes is made for it if it will go.
    pub async fn request(&self, template: &str, place: Place, holder: &Holder, goes: bool) -> String {
        let mut request = template.to_owned();
        for what in ["app", "project", "user", "org"] {
            let spare = format!("{{spare_{what}}}");
            if template.contains(&spare) {
                let id = if goes { self.spare(what, place, holder).await } else { format!("{{{what}}}") };
                request = request.replace(&spare, &id);
            }
        }
        self.filled(&request, place)
    }

    /// A text of the table with the ids of a place.
    pub fn filled(&self, template: &str, place: Place) -> String {
        let of = self.at(place);
        template
            .replace("{org}", &of.org)
            .replace("{far_org}", &self.at(Place::Other).org)
            .replace("{granted_org}", &self.at(Place::Granted).org)
            .replace("{project}", &of.project)
            .replace("{app}", &of.app)
            .replace("{key}", &of.key)
            .replace("{user}", &of.user)
            .replace("{user_key}", &of.user_key)
            .replace("{user_token}", &of.user_token)
    }

    /// Something that may be removed, on which the role holds as on what it is like.
    pub async fn spare(&self, what: &str, place: Place, holder: &Holder) -> String {
        let of = self.at(place);
        let name = format!("spare {}", SPARES.fetch_add(1, Ordering::Relaxed));
        match what {
            "app" => app(&self.server, &of.org, &of.project, &name).await,
            "user" => user(&self.server, &of.org, &name).await,
            "project" => {
                let id = text(&post(&self.server, &of.org, "/projects", json!({"name": name})).await, "/id");
                if kind_of(holder.role) == Kind::Project {
                    self.server.project_role(&id, &holder.id, holder.role).await;
                }
                id
            }
            // The first one stays whoever removes it.
            _ if place == Place::Own => of.org.clone(),
            _ => org(&self.server, &name).await,
        }
    }
}

async fn answered(request: reqwest::RequestBuilder) -> String {
    let answer = request.send().await.expect("an answer");
    format!("{} {}", answer.status().as_u16(), answer.text().await.expect("a body"))
}

async fn post(server: &TestServer, org: &str, path: &str, body: Value) -> Value {
    let (status, answer) = server.call_as(&server.token, Some(org), Method::POST, path, Some(body)).await;
    assert_eq!(status, 200, "POST {path}: {answer}");
    answer
}

async fn org(server: &TestServer, name: &str) -> String {
    text(&server.ok("/orgs", json!({"name": name})).await, "/id")
}

async fn app(server: &TestServer, org: &str, project: &str, name: &str) -> String {
    let body = json!({"name": name, "authMethodType": "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT"});
    text(&post(server, org, &format!("/projects/{project}/apps/api"), body).await, "/appId")
}

async fn user(server: &TestServer, org: &str, name: &str) -> String {
    text(&post(server, org, "/users/machine", json!({"userName": name, "name": name})).await, "/userId")
}

async fn objects(server: &TestServer, org: String) -> Objects {
    let project = text(&post(server, &org, "/projects", json!({"name": "project"})).await, "/id");
    let role = json!({"roleKey": format!("role-{project}"), "displayName": "R"});
    post(server, &org, &format!("/projects/{project}/roles"), role).await;
    let app = app(server, &org, &project, "app").await;
    let kind = json!({"type": "KEY_TYPE_JSON"});
    let key = text(&post(server, &org, &format!("/projects/{project}/apps/{app}/keys"), kind.clone()).await, "/id");
    let user = user(server, &org, &format!("user of {org}")).await;
    let user_key = text(&post(server, &org, &format!("/users/{user}/keys"), kind).await, "/keyId");
    let user_token = text(&post(server, &org, &format!("/users/{user}/pats"), json!({})).await, "/tokenId");
    let value = json!({"value": "dg=="});
    post(server, &org, &format!("/metadata/seen-{org}"), value.clone()).await;
    post(server, &org, &format!("/users/{user}/metadata/seen-{user}"), value).await;
    Objects { org, project, app, key, user, user_key, user_token }
}
