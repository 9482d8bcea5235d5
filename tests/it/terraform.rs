//! What ZITADEL's Terraform provider calls for each of its resources, in its order and with its fields: create, read,
//! a second plan, an import, an update, a removal, and the read that finds it gone. Over gRPC on h2c with prior
//! knowledge, the organization's head sent empty, signed in by the key of a machine and by a personal access token.

mod applications;
mod members;
mod organizations;
mod projects;
mod twins;
mod users;

use serde_json::{Value, json};
use tonic::Code;
use zitadel::credentials::{AuthenticationOptions, ServiceAccount};

use crate::support::grpc::Grpc;
use crate::support::tokens::key_file;
use crate::support::{TestServer, text};

const M: &str = "zitadel.management.v1.ManagementService";
const A: &str = "zitadel.admin.v1.AdminService";
const O2: &str = "zitadel.org.v2.OrganizationService";

/// A call of the provider: service, method, and the request, in which `{id}` stands for what creating gave.
type Call = (&'static str, &'static str, Value);

/// A resource of the provider.
struct Resource {
    create: Call,
    /// Where the id is in the answer of `create`; empty if the resource has no id of its own.
    id: &'static str,
    read: Call,
    /// Where the object is in the answer of `read`. Of a list, exactly one row.
    at: &'static str,
    /// What the provider writes into its state, as it was sent.
    state: Value,
    /// Empty if every change replaces the resource.
    update: Vec<Call>,
    /// The state after the update.
    updated: Value,
    delete: Call,
}

/// A server and the ways in.
struct World {
    server: TestServer,
    org: String,
    by_key: Grpc,
    by_token: Grpc,
}

async fn world() -> World {
    let server = TestServer::start().await;
    let org = server.org().await;
    let first = Grpc::connect(&server, &server.token).await;
    let me = first.call("zitadel.auth.v1.AuthService", "GetMyUser", json!({})).await.expect("the first user");
    let user = text(&me, "/user/id");
    let file = key_file(&server.ok(&format!("/users/{user}/keys"), json!({"type": 1})).await).to_string();
    let account = ServiceAccount::load_from_json(&file).expect("our machine key file");
    let options = AuthenticationOptions { api_access: true, ..AuthenticationOptions::default() };
    let token = account.authenticate_with_options(&server.issuer(), &options).await.expect("a token");
    let personal = text(&server.ok(&format!("/users/{user}/pats"), json!({})).await, "/token");
    let by_key = Grpc::connect(&server, &token).await;
    let by_token = Grpc::connect(&server, &personal).await;
    World { server, org, by_key, by_token }
}

/// The request of a call with the id filled in.
fn filled(request: &Value, id: &str) -> Value {
    serde_json::from_str(&request.to_string().replace("{id}", id)).expect("JSON")
}

impl World {
    /// One call that must succeed.
    async fn ok(&self, client: &Grpc, call: &Call, id: &str) -> Value {
        let (service, method, request) = call;
        let answer = client.call(service, method, filled(request, id)).await;
        answer.unwrap_or_else(|status| panic!("{method} {request}: {status}"))
    }

    /// Reads as the provider does; none if it drops the resource from its state.
    async fn read(&self, client: &Grpc, resource: &Resource, id: &str) -> Option<Value> {
        let (service, method, request) = &resource.read;
        match client.call(service, method, filled(request, id)).await {
            Ok(answer) => {
                if let Some(rows) = resource.at.strip_suffix("/0").and_then(|list| answer.pointer(list)) {
                    let rows = rows.as_array().expect("a list").len();
                    assert!(rows <= 1, "{method} finds one row at most: {answer}");
                }
                // An organization that was removed is told without a state.
                answer.pointer(resource.at).filter(|found| found["state"] != "ORG_STATE_UNSPECIFIED").cloned()
            }
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => panic!("{method}: {status}"),
        }
    }

    /// The life of a resource, by both ways of signing in.
    async fn applied(&self, resource: &Resource) {
        for client in [&self.by_key, &self.by_token] {
            let made = self.ok(client, &resource.create, "").await;
            let id = if resource.id.is_empty() { String::new() } else { text(&made, resource.id) };
            assert!(resource.id.is_empty() || !id.is_empty(), "{} gives an id: {made}", resource.create.1);
            self.holds(client, resource, &id, &resource.state).await;
            for call in &resource.update {
                self.ok(client, call, &id).await;
            }
            if !resource.update.is_empty() {
                self.holds(client, resource, &id, &resource.updated).await;
            }
            self.ok(client, &resource.delete, &id).await;
            let left = self.read(client, resource, &id).await;
            assert!(left.is_none(), "after {}: {left:?}", resource.delete.1);
        }
    }

    /// What is read is what was sent: so a second plan finds nothing to change. An import, which knows the id alone and
    /// comes from another process, reads the same.
    async fn holds(&self, client: &Grpc, resource: &Resource, id: &str, state: &Value) {
        let read = self.read(client, resource, id).await;
        let read = read.unwrap_or_else(|| panic!("{} finds what was made", resource.read.1));
        for (field, wanted) in state.as_object().expect("an object") {
            let pointer = format!("/{}", field.replace('.', "/"));
            let seen = read.pointer(&pointer);
            assert_eq!(seen, Some(&filled(wanted, id)), "{} of {}: {read}", field, resource.read.1);
        }
        let other = Grpc::connect(&self.server, &self.server.token).await;
        let imported = self.read(&other, resource, id).await;
        assert_eq!(imported, Some(read), "{} of an import", resource.read.1);
    }

    /// A project to put things in.
    async fn project(&self) -> String {
        self.server.project("terraform").await
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_answers_unimplemented_in_grpc() {
    let world = world().await;
    for path in [
        "/zitadel.feature.v2.FeatureService/GetInstanceFeatures",
        "/zitadel.user.v2beta.UserService/GetUserByID",
        "/zitadel.management.v1.ManagementService/AddSAMLApp",
        "/zitadel.admin.v1.AdminService/GetSMTPConfig",
    ] {
        // Raw HTTP/2 first, since the status may neither be another HTTP status nor come as JSON.
        let h2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
        let request = h2.post(world.server.url(path)).bearer_auth(&world.server.token);
        let request = request.header("content-type", "application/grpc").header("te", "trailers").body(vec![0; 5]);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        let kind = answer.headers()["content-type"].to_str().expect("text");
        assert!(kind.starts_with("application/grpc"), "{path}: {kind}");
        let (message, output) = Grpc::nothing();
        let status = world.by_key.raw(path, message, output).await.expect_err("not there");
        assert_eq!(status.code(), Code::Unimplemented, "{path}: {status}");
    }
}
