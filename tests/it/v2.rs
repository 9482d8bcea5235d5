//! The services that address objects by their id alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use buffa::Message as _;
use claviger::proto::zitadel::v1::ErrorDetail;
use serde_json::{Value, json};

use crate::support::{TestServer, text};

const GET: &str = "zitadel.application.v2.ApplicationService/GetApplication";

async fn get(server: &TestServer, token: &str, org: &str, id: &str) -> (u16, Value) {
    let request = server.http.post(server.url(&format!("/{GET}"))).bearer_auth(token).header("x-zitadel-orgid", org);
    let answer = request.json(&json!({"applicationId": id})).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Code and id of an error.
fn told(answer: &Value) -> (String, String) {
    let detail = STANDARD_NO_PAD.decode(text(answer, "/details/0/value")).expect("base64");
    (text(answer, "/code"), ErrorDetail::decode_from_slice(&detail).expect("a message").id)
}

#[tokio::test]
async fn an_application_is_found_by_its_id_in_whichever_organization() {
    let server = TestServer::start().await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let body = |name: &str| Some(json!({"name": name, "authMethodType": "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT"}));
    let post = reqwest::Method::POST;
    let project = server.call_as(&server.token, Some(&other), post.clone(), "/projects", body("p")).await.1;
    let project = text(&project, "/id");
    let path = format!("/projects/{project}/apps/api");
    let app = server.call_as(&server.token, Some(&other), post, &path, body("a")).await.1;
    let id = text(&app, "/appId");
    // Without the header, and with that of another organization: neither chooses.
    for org in ["", &server.org().await] {
        let (status, answer) = get(&server, &server.token, org, &id).await;
        assert_eq!((status, text(&answer, "/application/applicationId")), (200, id.clone()), "{answer}");
        let found = &answer["application"];
        assert_eq!(found["apiConfiguration"]["authMethodType"], "API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT");
        assert_eq!(found["apiConfiguration"]["clientId"], app["clientId"]);
        assert_eq!((&found["projectId"], &found["state"]), (&json!(project), &json!("APPLICATION_STATE_ACTIVE")));
        assert_eq!(found["creationDate"], found["changeDate"]);
    }
}

#[tokio::test]
async fn an_oidc_client_has_the_numbers_of_this_version() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let body = json!({"name": "o", "redirectUris": ["http://a.example/cb"], "devMode": true,
        "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"], "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"],
        "appType": "OIDC_APP_TYPE_USER_AGENT", "authMethodType": "OIDC_AUTH_METHOD_TYPE_NONE"});
    let app = server.ok(&format!("/projects/{project}/apps/oidc"), body).await;
    let (_, answer) = get(&server, &server.token, "", &text(&app, "/appId")).await;
    let config = &answer["application"]["oidcConfiguration"];
    assert_eq!(config["responseTypes"], json!(["OIDC_RESPONSE_TYPE_CODE"]));
    assert_eq!(config["grantTypes"], json!(["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"]));
    assert_eq!((&config["developmentMode"], &config["nonCompliant"]), (&json!(true), &json!(true)));
    assert_eq!(config["clockSkew"], "0s");
    assert!(config["complianceProblems"][0].get("localizedMessage").is_none(), "{config}");
}

#[tokio::test]
async fn what_counts_are_the_roles_where_the_application_belongs() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let (mine, theirs) = (server.project("mine").await, server.project("theirs").await);
    let (app, foreign) = (server.app(&mine, "a").await, server.app(&theirs, "b").await);
    let (_, stranger) = server.user(&org, "stranger").await;
    let (weak, weak_token) = server.user(&org, "weak").await;
    server.org_role(&org, &weak, "ORG_USER_SELF_MANAGER").await;
    let (owner, owner_token) = server.user(&org, "owner").await;
    server.project_role(&mine, &owner, "PROJECT_OWNER").await;
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let (far, far_token) = server.user(&other, "far").await;
    server.org_role(&other, &far, "ORG_OWNER").await;

    assert_eq!(get(&server, &owner_token, "", &app).await.0, 200);
    let none = ("not_found".to_owned(), "AUTHZ-cdgFk".to_owned());
    let denied = ("permission_denied".to_owned(), "AUTH-Swrgg2".to_owned());
    for (token, id, expected) in [
        (&stranger, &app, &none),
        (&far_token, &app, &none),
        (&weak_token, &app, &denied),
        (&owner_token, &foreign, &denied),
    ] {
        assert_eq!(&told(&get(&server, token, "", id).await.1), expected);
    }
    // A header that names the own organization opens nothing of another one.
    assert_eq!(told(&get(&server, &far_token, &other, &app).await.1), none);
    let missing = ("not_found".to_owned(), "QUERY-pCP8P".to_owned());
    assert_eq!(told(&get(&server, &stranger, "", "123456789012345678").await.1), missing, "whoever asks");
    assert_eq!(told(&get(&server, &server.token, "123", &app).await.1).1, "AUTH-Bs7Ds");
    let (status, answer) = get(&server, &server.token, "", "").await;
    assert_eq!((status, text(&answer, "/code")), (400, "invalid_argument".to_owned()));
    assert!(text(&answer, "/message").starts_with("invalid GetApplicationRequest.ApplicationId: "), "{answer}");
}

#[tokio::test]
async fn two_services_have_a_health_call_each() {
    let server = TestServer::start().await;
    for path in ["/admin/v1/healthz", "/management/v1/healthz"] {
        let answer = server.http.get(server.url(path)).send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.text().await.expect("text").as_str()), (200, "{}"));
    }
    let unknown = server.http.get(server.url("/admin/v1/nothing")).send().await.expect("an answer");
    assert_eq!(unknown.status().as_u16(), 404);
}
