//! The contract and the server agree: each RPC of the descriptor is served on every transport.

use claviger::proto::{Body, Permission, rpcs};
use serde_json::Value;

use crate::support::TestServer;

#[tokio::test]
async fn every_rpc_of_the_contract_has_a_line_in_a_route_table() {
    let server = TestServer::start().await;
    let unserved = claviger::api::unserved(&server.app.services, server.app.gate.clone());
    assert_eq!(unserved, Vec::<&str>::new(), "add a line to the table of the resource in src/api");
}

#[tokio::test]
async fn every_rpc_is_served_over_rest_grpc_grpc_web_and_connect() {
    let server = TestServer::start().await;
    let h2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    for rpc in rpcs::ALL {
        if let Some(route) = &rpc.rest {
            let path = route.path.replace(['{', '}'], "");
            let rest = server.http.request(route.verb.parse().expect("a verb"), server.url(&path));
            let rest = rest.send().await.expect("an answer").status().as_u16();
            assert!(rest == 401 || rest == route.success, "REST {}: {rest}", rpc.full);
        }

        let url = server.url(&format!("/{}", rpc.full));
        let grpc =
            h2.post(&url).header("content-type", "application/grpc").header("te", "trailers").body(EMPTY.to_vec());
        let grpc = grpc.send().await.expect("an answer");
        let code = grpc.headers().get("grpc-status").and_then(|v| v.to_str().ok()).unwrap_or("0").to_owned();
        assert!(code == "16" || code == "0", "gRPC {}: {code}", rpc.full);

        let web = server.http.post(&url).header("content-type", "application/grpc-web+proto").body(EMPTY.to_vec());
        let web = web.send().await.expect("an answer");
        let head = web.headers().get("grpc-status").is_some_and(|v| v == "16");
        let body = web.bytes().await.expect("a body");
        let trailer = String::from_utf8_lossy(&body).into_owned();
        let fine = head || trailer.contains("grpc-status: 16") || trailer.contains("grpc-status: 0");
        assert!(fine, "gRPC-web {}: {trailer}", rpc.full);

        let connect = server.http.post(&url).json(&Value::Object(serde_json::Map::new()));
        let connect = connect.send().await.expect("an answer").status().as_u16();
        assert!(connect == 401 || connect == 200, "Connect {}: {connect}", rpc.full);
    }
}

/// An empty message in the framing of gRPC.
const EMPTY: &[u8] = &[0; 5];

#[test]
fn paths_and_permissions_are_those_of_the_contract() {
    let of = |full: &str| rpcs::ALL.iter().find(|rpc| rpc.full == full).expect(full);
    let rest = |full: &str| of(full).rest.as_ref().map(|rest| (rest.verb, rest.path, rest.body, rest.success));
    assert_eq!(
        rest("zitadel.management.v1.ManagementService/AddAppKey"),
        Some(("POST", "/management/v1/projects/{project_id}/apps/{app_id}/keys", Body::Whole, 200))
    );
    assert_eq!(rest("zitadel.auth.v1.AuthService/GetMyUser"), Some(("GET", "/auth/v1/users/me", Body::None, 200)));
    let public: Vec<&str> =
        rpcs::ALL.iter().filter(|rpc| rpc.permission == Permission::Public).map(|rpc| rpc.full).collect();
    let open = [
        "zitadel.admin.v1.AdminService/Healthz",
        "zitadel.auth.v1.AuthService/Healthz",
        "zitadel.management.v1.ManagementService/Healthz",
        "zitadel.management.v1.ManagementService/GetOIDCInformation",
    ];
    assert_eq!(public, open, "nothing else is for anybody");
}
