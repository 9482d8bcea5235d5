//! The RPC protocols: framing, errors in their own shape, health and reflection.

use buffa::EnumValue;
use buffa::Message as _;
use claviger::proto::zitadel::app::v1::APIAuthMethodType;
use claviger::proto::zitadel::authn::v1::KeyType;
use claviger::proto::zitadel::management::v1::{
    AddAPIAppRequest, AddAPIAppResponse, AddAppKeyRequest, AddAppKeyResponse, AddProjectRequest, AddProjectResponse,
    ListAppKeysRequest, ListAppKeysResponse,
};
use reqwest::header::{HeaderMap, HeaderValue};

use crate::support::TestServer;

const ADD_PROJECT: &str = "/zitadel.management.v1.ManagementService/AddProject";

fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend_from_slice(&u32::try_from(message.len()).expect("a length").to_be_bytes());
    out.extend_from_slice(message);
    out
}

/// Frames of a body: flag and content.
fn frames(mut body: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut out = Vec::new();
    while body.len() >= 5 {
        let length = u32::from_be_bytes([body[1], body[2], body[3], body[4]]) as usize;
        out.push((body[0], body[5..5 + length].to_vec()));
        body = &body[5 + length..];
    }
    out
}

fn headers(server: &TestServer, kind: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(kind));
    headers.insert("te", HeaderValue::from_static("trailers"));
    headers.insert("authorization", format!("Bearer {}", server.token).parse().expect("a header"));
    headers
}

fn h2() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client")
}

fn add_project(name: &str) -> Vec<u8> {
    AddProjectRequest { name: name.to_owned(), ..Default::default() }.encode_to_vec()
}

#[tokio::test]
async fn grpc_web_over_http_1_creates_and_refuses() {
    let server = TestServer::start().await;
    for kind in ["application/grpc-web", "application/grpc-web+proto"] {
        let request = server.http.post(server.url(ADD_PROJECT)).headers(headers(&server, kind));
        let answer = request.body(frame(&add_project(kind))).send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_11));
        let frames = frames(&answer.bytes().await.expect("a body"));
        let made = AddProjectResponse::decode_from_slice(&frames[0].1).expect("a message");
        assert_eq!(made.id.len(), 18);
        let trailer = String::from_utf8(frames[1].1.clone()).expect("text");
        assert!(frames[1].0 == 0x80 && trailer.contains("grpc-status: 0"), "{trailer}");
    }
    let request = server.http.post(server.url(ADD_PROJECT)).headers(headers(&server, "application/grpc-web+proto"));
    let answer = request.body(frame(&add_project("application/grpc-web"))).send().await.expect("an answer");
    let status = answer.headers().get("grpc-status").cloned();
    let body = String::from_utf8_lossy(&answer.bytes().await.expect("a body")).into_owned();
    assert!(status.is_some_and(|s| s == "6") || body.contains("grpc-status: 6"), "{body}");
}

/// One unary call over gRPC-web on HTTP/1.1.
async fn web<Req: buffa::Message, Res: buffa::Message + Default>(
    server: &TestServer,
    name: &str,
    request: &Req,
) -> Res {
    let url = server.url(&format!("/zitadel.management.v1.ManagementService/{name}"));
    let call = server.http.post(url).headers(headers(server, "application/grpc-web+proto"));
    let answer = call.body(frame(&request.encode_to_vec())).send().await.expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_11);
    let frames = frames(&answer.bytes().await.expect("a body"));
    assert_eq!(frames.len(), 2, "{name}: {:?}", frames.last().map(|f| String::from_utf8_lossy(&f.1).into_owned()));
    Res::decode_from_slice(&frames[0].1).expect("a message")
}

#[tokio::test]
async fn a_key_is_created_and_listed_over_grpc_web() {
    let server = TestServer::start().await;
    let project_id = server.project("web").await;
    let app = AddAPIAppRequest {
        project_id: project_id.clone(),
        name: "web".to_owned(),
        auth_method_type: EnumValue::from(APIAuthMethodType::API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT),
    };
    let app: AddAPIAppResponse = web(&server, "AddAPIApp", &app).await;
    let key = AddAppKeyRequest {
        project_id: project_id.clone(),
        app_id: app.app_id.clone(),
        r#type: EnumValue::from(KeyType::KEY_TYPE_JSON),
        ..Default::default()
    };
    let key: AddAppKeyResponse = web(&server, "AddAppKey", &key).await;
    let file: serde_json::Value = serde_json::from_slice(&key.key_details).expect("the key file");
    assert_eq!((file["keyId"].as_str(), file["clientId"].as_str()), (Some(&*key.id), Some(&*app.client_id)));
    let list = ListAppKeysRequest { project_id, app_id: app.app_id, ..Default::default() };
    let list: ListAppKeysResponse = web(&server, "ListAppKeys", &list).await;
    assert_eq!(list.result.iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), [&*key.id]);
}

#[tokio::test]
async fn grpc_web_text_is_base64_both_ways() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let server = TestServer::start().await;
    let request =
        server.http.post(server.url(ADD_PROJECT)).headers(headers(&server, "application/grpc-web-text+proto"));
    let body = STANDARD.encode(frame(&add_project("text")));
    let answer = request.body(body).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(kind.starts_with("application/grpc-web-text"), "{kind}");
    let text = answer.text().await.expect("a body");
    // Several base64 pieces may follow each other, each with its padding.
    let mut bytes = Vec::new();
    for quantum in text.trim().as_bytes().chunks(4) {
        bytes.extend(STANDARD.decode(quantum).expect("base64"));
    }
    let frames = frames(&bytes);
    assert_eq!(AddProjectResponse::decode_from_slice(&frames[0].1).expect("a message").id.len(), 18);
}

#[tokio::test]
async fn unknown_services_and_methods_get_a_grpc_answer() {
    let server = TestServer::start().await;
    for path in [
        "/no.such.Service/Call",
        "/zitadel.management.v1.ManagementService/NoSuchCall",
        "/nowhere",
        "/management/v1/healthz",
    ] {
        let request = h2().post(server.url(path)).headers(headers(&server, "application/grpc"));
        let answer = request.body(frame(&[])).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        assert_eq!(answer.headers()["grpc-status"], "12", "{path}");
        assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("application/grpc"), "{path}");
    }
}

#[tokio::test]
async fn malformed_messages_are_refused_with_code_3() {
    let server = TestServer::start().await;
    for body in [frame(b"\xff\xff\xff"), frame(b"\x0a\x02\xff\xfe"), frame(&add_project(""))] {
        let request = h2().post(server.url(ADD_PROJECT)).headers(headers(&server, "application/grpc"));
        let answer = request.body(body).send().await.expect("an answer");
        assert_eq!(answer.headers()["grpc-status"], "3");
    }
    let large = frame(&add_project(&"x".repeat(5 << 20)));
    let request = h2().post(server.url(ADD_PROJECT)).headers(headers(&server, "application/grpc"));
    let answer = request.body(large).send().await.expect("an answer");
    assert_eq!(answer.headers()["grpc-status"], "8");
}

#[tokio::test]
async fn errors_carry_their_detail() {
    let server = TestServer::start().await;
    server.project("taken").await;
    let request = h2().post(server.url(ADD_PROJECT)).headers(headers(&server, "application/grpc"));
    let answer = request.body(frame(&add_project("taken"))).send().await.expect("an answer");
    assert_eq!(answer.headers()["grpc-status"], "6");
    let message = answer.headers()["grpc-message"].to_str().expect("text").to_owned();
    assert_eq!(message, "Project already exists on organization (V3-DKcYh)");
    let request = server.http.post(server.url(ADD_PROJECT)).headers(headers(&server, "application/json"));
    let answer = request.body(r#"{"name": "taken"}"#).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 409);
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(answer["code"], "already_exists");
    assert_eq!(answer["details"][0]["type"], "zitadel.v1.ErrorDetail");
}

#[tokio::test]
async fn health_and_reflection_know_the_services() {
    let server = TestServer::start().await;
    let health = "zitadel.management.v1.ManagementService";
    let mut message = vec![0x0a, u8::try_from(health.len()).expect("short")];
    message.extend_from_slice(health.as_bytes());
    let request = h2().post(server.url("/grpc.health.v1.Health/Check")).headers(headers(&server, "application/grpc"));
    let answer = request.body(frame(&message)).send().await.expect("an answer");
    let body = answer.bytes().await.expect("a body");
    assert_eq!(frames(&body)[0].1, [0x08, 0x01], "SERVING");

    // ServerReflectionRequest { list_services: "" }
    for version in ["v1", "v1alpha"] {
        let url = server.url(&format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"));
        let request = h2().post(url).headers(headers(&server, "application/grpc"));
        let answer = request.body(frame(&[0x3a, 0x00])).send().await.expect("an answer");
        let body = String::from_utf8_lossy(&answer.bytes().await.expect("a body")).into_owned();
        for service in [health, "zitadel.auth.v1.AuthService"] {
            assert!(body.contains(service), "{version}: {body}");
        }
    }
}
