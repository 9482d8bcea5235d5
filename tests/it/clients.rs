//! Clients that others wrote, unchanged: the `zitadel` crate with its generated tonic client.

use buffa::Message as _;
use claviger::proto::zitadel::v1::ErrorDetail;
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use zitadel::api::clients::ClientBuilder;
use zitadel::api::zitadel::app::v1::ApiAuthMethodType;
use zitadel::api::zitadel::auth::v1::GetMyUserRequest;
use zitadel::api::zitadel::authn::v1::KeyType;
use zitadel::api::zitadel::management::v1::management_service_client::ManagementServiceClient;
use zitadel::api::zitadel::management::v1::{
    AddApiAppRequest, AddAppKeyRequest, AddProjectRequest, GetAppByIdRequest, GetAppKeyRequest, ListActionsRequest,
    ListAppKeysRequest, ListAppsRequest, RemoveAppKeyRequest, RemoveAppRequest, RemoveProjectRequest, UpdateAppRequest,
};
use zitadel::credentials::{AuthenticationOptions, ServiceAccount};

use crate::support::TestServer;
use crate::support::tokens::key_file;

type Auth = Box<dyn FnMut(Request<()>) -> Result<Request<()>, Status> + Send>;
type Client = ManagementServiceClient<InterceptedService<Channel, Auth>>;

async fn client(server: &TestServer, token: &str) -> Client {
    let channel = Endpoint::from_shared(server.url("")).expect("a URL").connect().await.expect("h2c");
    let value: MetadataValue<_> = format!("Bearer {token}").parse().expect("metadata");
    let auth: Auth = Box::new(move |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", value.clone());
        Ok(request)
    });
    ManagementServiceClient::with_interceptor(channel, auth)
}

#[tokio::test]
async fn the_zitadel_crate_creates_lists_and_removes_a_key() {
    let server = TestServer::start().await;
    let mut client = client(&server, &server.token).await;
    let project = AddProjectRequest { name: "tonic".to_owned(), ..Default::default() };
    let project_id = client.add_project(project).await.expect("a project").into_inner().id;
    let app = AddApiAppRequest {
        project_id: project_id.clone(),
        name: "api".to_owned(),
        auth_method_type: ApiAuthMethodType::PrivateKeyJwt as i32,
    };
    let app = client.add_api_app(app).await.expect("an application").into_inner();
    assert!(!app.client_id.is_empty() && app.client_secret.is_empty());
    let (project_id, app_id) = (project_id, app.app_id);

    let key = AddAppKeyRequest {
        project_id: project_id.clone(),
        app_id: app_id.clone(),
        r#type: KeyType::Json as i32,
        expiration_date: None,
    };
    let key = client.add_app_key(key).await.expect("a key").into_inner();
    let file: serde_json::Value = serde_json::from_slice(&key.key_details).expect("the key file is JSON");
    assert_eq!(file["keyId"], key.id);
    assert_eq!(file["clientId"], app.client_id);
    assert_eq!(key.details.as_ref().map(|d| d.sequence), Some(4));

    let list = ListAppKeysRequest { project_id: project_id.clone(), app_id: app_id.clone(), query: None };
    let list = client.list_app_keys(list).await.expect("a list").into_inner();
    assert_eq!(list.details.map(|d| d.total_result), Some(1));
    assert_eq!(list.result[0].id, key.id);
    assert_eq!(list.result[0].expiration_date.as_ref().map(|t| t.seconds), Some(253_402_300_799));

    let at = || (project_id.clone(), app_id.clone(), key.id.clone());
    let (p, a, k) = at();
    client.remove_app_key(RemoveAppKeyRequest { project_id: p, app_id: a, key_id: k }).await.expect("removed");
    let (p, a, k) = at();
    let gone = client.get_app_key(GetAppKeyRequest { project_id: p, app_id: a, key_id: k }).await;
    let gone = gone.expect_err("the key is gone");
    assert_eq!((gone.code(), gone.message()), (Code::NotFound, "Errors.AuthNKey.NotFound (QUERY-Dgr3g)"));
}

#[tokio::test]
async fn tonic_reads_codes_details_and_unimplemented_methods() {
    let server = TestServer::start().await;
    let missing = GetAppByIdRequest { project_id: "1".to_owned(), app_id: "2".to_owned() };
    let status = client(&server, "nonsense").await.get_app_by_id(missing.clone()).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unauthenticated);
    let mut client = client(&server, &server.token).await;
    let status = client.get_app_by_id(missing).await.expect_err("not found");
    assert_eq!(status.code(), Code::NotFound);
    // google.rpc.Status in `grpc-status-details-bin`: the packed detail holds id and text.
    let detail =
        ErrorDetail { id: "QUERY-pCP8P".to_owned(), message: "Errors.App.NotExisting".to_owned() }.encode_to_vec();
    assert!(status.details().windows(detail.len()).any(|w| w == detail), "the detail is in {:?}", status.details());
    let status = client.list_actions(ListActionsRequest::default()).await.expect_err("not served");
    assert_eq!(status.code(), Code::Unimplemented);
}

/// The crate's own way in: a machine key, for which it gets tokens by itself; and a personal access token.
// Its interceptor blocks the thread while it gets a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_zitadel_crate_signs_in_and_manages_an_application() {
    let server = TestServer::start().await;
    let (user, personal) = server.user(&server.org().await, "crate").await;
    server.org_role(&server.org().await, &user, "ORG_OWNER").await;
    let file = key_file(&server.ok(&format!("/users/{user}/keys"), serde_json::json!({"type": 1})).await).to_string();
    let account = ServiceAccount::load_from_json(&file).expect("our machine key file");
    let options = AuthenticationOptions { api_access: true, ..AuthenticationOptions::default() };
    let builder = || ClientBuilder::new(&server.issuer()).with_service_account(&account, Some(options.clone()));
    let me = builder().build_auth_client().await.expect("a client").get_my_user(GetMyUserRequest {}).await;
    assert_eq!(me.expect("itself").into_inner().user.map(|u| u.id), Some(user.clone()));
    let mut client = builder().build_management_client().await.expect("a client");
    let project = AddProjectRequest { name: "crate".to_owned(), ..Default::default() };
    let project_id = client.add_project(project).await.expect("a project").into_inner().id;
    let app = AddApiAppRequest { project_id: project_id.clone(), name: "api".to_owned(), auth_method_type: 0 };
    let app = client.add_api_app(app).await.expect("an application").into_inner();
    assert!(!app.client_secret.is_empty());
    let at = || (project_id.clone(), app.app_id.clone());
    let (p, a) = at();
    let rename = UpdateAppRequest { project_id: p, app_id: a, name: "renamed".to_owned() };
    client.update_app(rename).await.expect("renamed");
    let list = ListAppsRequest { project_id: project_id.clone(), ..Default::default() };
    let list = client.list_apps(list).await.expect("a list").into_inner();
    let names: Vec<_> = list.result.iter().map(|app| (app.id.as_str(), app.name.as_str())).collect();
    assert_eq!(names, [(app.app_id.as_str(), "renamed")]);
    let (p, a) = at();
    client.remove_app(RemoveAppRequest { project_id: p, app_id: a }).await.expect("removed");
    let (p, a) = at();
    let gone = client.get_app_by_id(GetAppByIdRequest { project_id: p, app_id: a }).await.expect_err("it is gone");
    assert_eq!((gone.code(), gone.message()), (Code::NotFound, "Errors.App.NotExisting (QUERY-pCP8P)"));
    client.remove_project(RemoveProjectRequest { id: project_id }).await.expect("removed");

    let by_token = ClientBuilder::new(&server.issuer()).with_access_token(&personal);
    let me = by_token.build_auth_client().await.expect("a client").get_my_user(GetMyUserRequest {}).await;
    assert_eq!(me.expect("itself").into_inner().user.map(|u| u.id), Some(user));
}
