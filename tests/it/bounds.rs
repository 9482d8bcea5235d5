//! Bounds on input (ADR 4): what is longer than the contract says is refused by name before anything is
//! done with it, and no sum of things that are each allowed swells or slows the server.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claviger::config::Config;
use claviger::crypto::secrets;
use claviger::proto::{Body, DESCRIPTOR_SET, Rest, Rpc, rpcs};
use claviger::store::Store;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::{TestServer, text};

/// The contract and its options on fields.
struct Contract {
    pool: DescriptorPool,
}

/// A request in which one field is as long as `field` says, the others as short as may be.
struct Case {
    field: String,
    body: Map<String, Value>,
}

impl Contract {
    /// From the files: what reflection serves has no options of ours.
    fn read() -> Self {
        let mut compiler = protox::Compiler::new([concat!(env!("CARGO_MANIFEST_DIR"), "/proto")]).expect("the files");
        compiler.include_imports(true);
        let served = DescriptorPool::decode(DESCRIPTOR_SET).expect("the contract");
        let file = |service: &&str| served.get_service_by_name(service).expect("a service").parent_file();
        compiler.open_files(rpcs::SERVICES.iter().map(file).map(|f| f.name().to_owned())).expect("the contract");
        let set = compiler.encode_file_descriptor_set();
        Self { pool: DescriptorPool::decode(set.as_slice()).expect("the contract") }
    }

    fn rules(&self, field: &FieldDescriptor) -> Option<DynamicMessage> {
        let extension = self.pool.get_extension_by_name("zitadel.v1.rules").expect("the option");
        let options = field.options();
        let rules = options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())?;
        rules.as_message().cloned()
    }

    fn number(&self, field: &FieldDescriptor, rule: &str) -> usize {
        let rules = self.rules(field);
        let value = rules.and_then(|r| r.get_field_by_name(rule).and_then(|v| v.as_u32()));
        usize::try_from(value.unwrap_or(0)).expect("a small number")
    }

    fn flag(&self, field: &FieldDescriptor, rule: &str) -> bool {
        self.rules(field).and_then(|r| r.get_field_by_name(rule).and_then(|v| v.as_bool())).unwrap_or(false)
    }

    /// The shortest value that the field rules accept.
    fn shortest(&self, field: &FieldDescriptor) -> Value {
        match field.kind() {
            Kind::String => "x".repeat(self.number(field, "min_len").max(1)).into(),
            Kind::Bytes => STANDARD.encode("x").into(),
            Kind::Enum(kind) => kind.values().last().expect("a value").name().into(),
            Kind::Message(inner) if inner.full_name().starts_with("zitadel.") => Value::Object(self.least(&inner)),
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => "2519-04-01T08:45:00Z".into(),
            Kind::Bool => true.into(),
            _ => 0.into(),
        }
    }

    /// The shortest message that the field rules accept.
    fn least(&self, message: &MessageDescriptor) -> Map<String, Value> {
        let mut body = Map::new();
        for field in message.fields().filter(|f| f.containing_oneof().is_none()) {
            let least = ["min_len", "min_bytes"].iter().any(|rule| self.number(&field, rule) > 0);
            let wanted = least || ["not_zero", "required"].iter().any(|rule| self.flag(&field, rule));
            if field.is_list() && self.number(&field, "min_items") > 0 {
                body.insert(field.json_name().to_owned(), json!([self.shortest(&field)]));
            } else if !field.is_list() && wanted {
                body.insert(field.json_name().to_owned(), self.shortest(&field));
            }
        }
        // A oneof has to be set in most of our messages; its last field holds no other oneof.
        for oneof in message.oneofs() {
            let field = oneof.fields().find(|f| f.kind().as_message().is_none_or(|m| m.oneofs().len() == 0));
            let field = field.expect("a field");
            body.insert(field.json_name().to_owned(), self.shortest(&field));
        }
        body
    }

    /// All cases of a message: each text and list in it, at any depth, by `more` longer than allowed.
    fn cases(&self, message: &MessageDescriptor, more: usize, open: &mut Vec<String>) -> Vec<Case> {
        if open.iter().any(|name| name == message.full_name()) {
            return Vec::new();
        }
        open.push(message.full_name().to_owned());
        let mut all = Vec::new();
        for field in message.fields() {
            let mut add = |name: String, value: Value| {
                let mut body = self.least(message);
                if let Some(oneof) = field.containing_oneof() {
                    for other in oneof.fields() {
                        body.remove(other.json_name());
                    }
                }
                body.insert(field.json_name().to_owned(), value);
                all.push(Case { field: name, body });
            };
            let name = camel(field.name());
            let mut one: Vec<(String, Value)> = Vec::new();
            match field.kind() {
                Kind::String | Kind::Bytes => one.push((name.clone(), self.long(&field, more))),
                Kind::Message(inner) if inner.full_name().starts_with("zitadel.") => {
                    let inside = self.cases(&inner, more, open);
                    one.extend(inside.into_iter().map(|case| (case.field, Value::Object(case.body))));
                }
                _ => {}
            }
            if field.is_list() {
                let max = self.number(&field, "max_items");
                assert!(max > 0, "{} has no bound", field.full_name());
                add(name, vec![self.shortest(&field); max + more].into());
                one = one.into_iter().map(|(name, value)| (name, json!([value]))).collect();
            }
            for (name, value) in one {
                add(name, value);
            }
        }
        open.pop();
        all
    }

    fn long(&self, field: &FieldDescriptor, more: usize) -> Value {
        let (runes, bytes) = (self.number(field, "max_len"), self.number(field, "max_bytes"));
        assert!(runes + bytes > 0, "{} has no bound", field.full_name());
        match field.kind() {
            Kind::Bytes => STANDARD.encode(vec![b'x'; bytes + more]).into(),
            // Lengths count characters, not bytes.
            _ if runes > 0 => "ü".repeat(runes + more).into(),
            _ => "x".repeat(bytes + more).into(),
        }
    }
}

/// A field as error texts name it.
fn camel(field: &str) -> String {
    field.split('_').map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

/// Sends a request over REST, or over Connect if there is no route, or one that takes no list of messages.
async fn send(server: &TestServer, rpc: &Rpc, message: &MessageDescriptor, case: &Case) -> (u16, Value) {
    let plain = case.body.values().all(|value| !value.is_array() && !value.is_object());
    let request = match &rpc.rest {
        Some(route) if plain || route.body != Body::None => rest(server, route, message, case.body.clone()),
        _ => server.http.post(server.url(&format!("/{}", rpc.full))).json(&case.body),
    };
    crate::support::oauth::answer(request.bearer_auth(&server.token)).await
}

/// A request over REST: what is in the path into the path, what is the body into the body, the rest as query.
fn rest(
    server: &TestServer,
    route: &Rest,
    message: &MessageDescriptor,
    mut body: Map<String, Value>,
) -> reqwest::RequestBuilder {
    let mut url = reqwest::Url::parse(&server.url("/")).expect("a URL");
    {
        let mut path = url.path_segments_mut().expect("a path");
        path.clear();
        for segment in route.path.trim_start_matches('/').split('/') {
            match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                None => drop(path.push(segment)),
                Some(name) => {
                    let field = message.get_field_by_name(name.trim_start_matches('*')).expect("a field");
                    let value = body.remove(field.json_name()).expect("a value for the path");
                    path.push(value.as_str().expect("a text"));
                }
            }
        }
    }
    let verb: Method = route.verb.parse().expect("a verb");
    let json = match route.body {
        Body::Whole => return server.http.request(verb, url).json(&body),
        Body::Field(name) => body.remove(message.get_field_by_name(name).expect("the field of the body").json_name()),
        Body::None => None,
    };
    let query: BTreeMap<&str, &str> = body.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect();
    url.query_pairs_mut().extend_pairs(query);
    let request = server.http.request(verb, url);
    match json {
        Some(json) => request.json(&json),
        None => request,
    }
}

/// What field rules say of a length or count.
fn is_of_rules(answer: &Value) -> bool {
    let message = text(answer, "/message");
    message.contains("value length must be") || message.contains("value must contain")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_text_and_list_of_every_request_has_a_bound_that_holds() {
    let (server, contract) = (TestServer::start().await, Contract::read());
    let mut count = 0;
    for rpc in rpcs::ALL {
        let service = contract.pool.get_service_by_name(rpc.service).expect("a service");
        let message = service.methods().find(|m| m.name() == rpc.name).expect("a method").input();
        for case in contract.cases(&message, 1, &mut Vec::new()) {
            let (status, answer) = send(&server, rpc, &message, &case).await;
            let invalid = answer["code"] == 3 || answer["code"] == "invalid_argument";
            assert!(status == 400 && invalid, "{}.{}: {status} {answer}", rpc.full, case.field);
            let message = text(&answer, "/message");
            assert!(message.contains(&case.field) && is_of_rules(&answer), "{}.{}: {message}", rpc.full, case.field);
            count += 1;
        }
        for case in contract.cases(&message, 0, &mut Vec::new()) {
            let (status, answer) = send(&server, rpc, &message, &case).await;
            assert!(
                (status < 500 || status == 501) && !is_of_rules(&answer),
                "{}.{} at its bound: {answer}",
                rpc.full,
                case.field
            );
        }
    }
    assert!(count > 150, "{count} fields");
}

/// Each of these lists is allowed; together they were more than a statement takes.
#[tokio::test]
async fn values_of_all_filters_of_a_list_are_bounded_together() {
    let server = TestServer::start().await;
    let ids = |count: usize| vec!["1"; count];
    let users = |count: usize| json!({"inUserIdsQuery": {"userIds": ids(count)}});
    let grants = |count: usize| json!({"inUserIdsQuery": {"inUserIds": ids(count)}});
    let nested = json!({"orQuery": {"queries": [users(500), {"notQuery": {"query": users(501)}}]}});
    for (path, queries, status) in [
        ("/users/_search", vec![users(1000); 33], 400),
        ("/users/_search", vec![users(1000), users(1)], 400),
        ("/users/_search", vec![nested], 400),
        ("/users/_search", vec![users(10); 100], 200),
        ("/users/_search", vec![json!({"orQuery": {"queries": vec![users(1); 100]}})], 400),
        ("/users/grants/_search", vec![grants(1000); 33], 400),
        ("/users/grants/_search", vec![grants(1000), grants(1)], 400),
        ("/users/grants/_search", vec![grants(10); 100], 200),
    ] {
        let (got, answer) = server.post(path, json!({"queries": queries})).await;
        assert_eq!(got, status, "{path}: {answer}");
        let message = text(&answer, "/message");
        assert!(status == 200 || answer["code"] == 3 && message.contains("send at most"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_application_and_a_grant_are_bounded_as_a_whole() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let path = format!("/projects/{project}/apps/oidc");
    let uris = |count: usize| vec![format!("https://example.com/{}", "x".repeat(1500)); count];
    let body = |count: usize| json!({"name": format!("a{count}"), "redirectUris": uris(count), "postLogoutRedirectUris": uris(20)});
    assert_eq!(server.post(&path, body(20)).await.0, 200);
    let (status, answer) = server.post(&path, body(30)).await;
    assert_eq!((status, &answer["code"]), (400, &json!(3)), "{answer}");
    assert!(text(&answer, "/message").contains("AddOIDCAppRequest: its texts must be at most 65536 bytes"), "{answer}");
    let user = server.user(&server.org().await, "bot").await.0;
    let keys: Vec<String> = (0..400).map(|i| format!("{i:0>200}")).collect();
    let grant = json!({"projectId": project, "roleKeys": keys});
    let (status, answer) = server.post(&format!("/users/{user}/grants"), grant).await;
    assert!(status == 400 && text(&answer, "/message").contains("at most 65536 bytes together"), "{answer}");
}

/// Roles are counted before they are compared, and compared by a set.
#[tokio::test]
async fn many_roles_are_refused_by_their_number() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let (user, _) = server.user(&server.org().await, "bot").await;
    let many: Vec<String> = (0..40_000).map(|i| format!("r{i}")).collect();
    let roles: Vec<Value> = many.iter().map(|key| json!({"key": key, "displayName": key})).collect();
    let (members, member) = (format!("/projects/{project}/members"), format!("/projects/{project}/members/{user}"));
    for (method, path, body, field, max) in [
        (Method::POST, &members, json!({"userId": user, "roles": many}), "Roles", "100 items"),
        (Method::PUT, &member, json!({"roles": many}), "Roles", "100 items"),
        (
            Method::POST,
            &format!("/users/{user}/grants"),
            json!({"projectId": project, "roleKeys": many}),
            "RoleKeys",
            "1000 items",
        ),
        (Method::PUT, &format!("/users/{user}/grants/1"), json!({"roleKeys": many}), "RoleKeys", "1000 items"),
        (Method::POST, &format!("/projects/{project}/roles/_bulk"), json!({"roles": roles}), "Roles", "1000 items"),
    ] {
        let (status, answer) = server.call(method, path, Some(body)).await;
        let message = text(&answer, "/message");
        assert!(status == 400 && message.contains(field) && message.contains(max), "{path}: {answer}");
    }
    let twice = json!({"userId": user, "roles": ["PROJECT_OWNER", "PROJECT_OWNER"]});
    assert_eq!(text(&server.post(&members, twice).await.1, "/details/0/id"), "PROJECT-3m9ds");
    let twice = json!({"projectId": project, "roleKeys": ["a", "a"]});
    assert_eq!(server.post(&format!("/users/{user}/grants"), twice).await.1["code"], 3);
}

/// 1,500 projects of the organization `$1`.
const PROJECTS: &str = "INSERT INTO projects (org_id, id, name, name_folded, state, role_assertion, role_check, \
     has_project_check, private_labeling, sequence, created_at, changed_at) \
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) \
     SELECT $1, 'p' || i, 'p' || i, 'p' || i, 1, false, false, false, 0, 1, 0, 0 FROM n";
/// `$1` user, `$2` its organization, `$3` organization: memberships in all these projects.
const MANY: &str = "INSERT INTO memberships (org_id, scope, object_id, user_id, user_org_id, of_org, of_project, roles, \
     sequence, created_at, changed_at) \
     SELECT org_id, 2, id, $1, $2, org_id, id, '[\"PROJECT_OWNER\"]', 1, 0, 0 FROM projects \
     WHERE org_id = $3 AND id LIKE 'p%'";

/// Makes a user a member of 1,500 projects of an organization.
async fn many(server: &TestServer, user: &str, user_org: &str, org: &str) {
    let sql = server.sql().await;
    sql.run(PROJECTS, &[org]).await;
    sql.run(MANY, &[user, user_org, org]).await;
}

async fn store(server: &TestServer) -> Store {
    let config = Config::from_parts(None, &server.database.settings()).expect("a valid configuration");
    Store::connect(&config.target().expect("a target"), 1).await.expect("the database is there")
}

#[tokio::test]
async fn a_call_reads_no_memberships_of_other_organizations() {
    let server = TestServer::start().await;
    let (own, other) = (server.org().await, text(&server.ok("/orgs", json!({"name": "other"})).await, "/id"));
    let (user, token) = server.user(&own, "bot").await;
    server.org_role(&own, &user, "ORG_OWNER").await;
    many(&server, &user, &own, &other).await;
    let store = store(&server).await;
    let rows = async |org: &str| store.caller_by_pat(&secrets::hash(&token), org).await.expect("the store").len();
    assert_eq!(rows("").await, 1, "its own organization");
    assert_eq!(rows(&own).await, 1);
    assert_eq!(rows("nowhere").await, 1);
    assert_eq!(rows(&other).await, 1500, "only where it calls them");
    // What they give holds as before.
    let list =
        async |org: &str| server.call_as(&token, Some(org), Method::POST, "/projects/_search", Some(json!({}))).await;
    assert_eq!((list(&own).await.0, list(&other).await.0), (200, 200));
    assert_eq!(server.call_as(&token, Some(&own), Method::GET, "/orgs/me", None).await.0, 200);
    let first = store.caller_by_pat(&secrets::hash(&server.token), &other).await.expect("the store");
    assert!(
        first.iter().any(|row| row.member_org.as_deref() == Some("")),
        "roles for the whole server count everywhere"
    );
}

#[tokio::test]
async fn memberships_of_a_user_are_bounded_in_each_organization() {
    let server = TestServer::start().await;
    let (own, other) = (server.org().await, text(&server.ok("/orgs", json!({"name": "other"})).await, "/id"));
    let (user, _) = server.user(&own, "bot").await;
    let (free, full) = (server.user(&own, "free").await.0, server.project("full").await);
    many(&server, &user, &own, &other).await;
    server.project_role(&full, &user, "PROJECT_OWNER").await;
    many(&server, &user, &own, &own).await;
    let one = server.project("one").await;
    let body = |user: &str| json!({"userId": user, "roles": ["PROJECT_OWNER"]});
    let (status, answer) = server.post(&format!("/projects/{one}/members"), body(&user)).await;
    assert_eq!((status, &answer["code"], text(&answer, "/details/0/id").as_str()), (400, &json!(9), "PROJECT-Mb1k8"));
    assert_eq!(server.post(&format!("/projects/{one}/members"), body(&free)).await.0, 200);
}
