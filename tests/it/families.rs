//! The families of routes: who may call them from where, how their errors are told, and that they are counted.

use std::collections::HashMap;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::h2::{END_STREAM, H2, HEADERS};
use crate::support::raw::{self, Answer};
use crate::support::{Options, TestServer};

const RPC: &str = "/zitadel.management.v1.ManagementService/GetMyOrg";
const REST: &str = "/management/v1/orgs/me";
const OAUTH: &str = "/oauth/v2/introspect";
const ORIGIN: &str = "https://app.example.com";

async fn from_a_page(server: &TestServer, method: &str, path: &str, more: &[(&str, &str)]) -> Answer {
    let headers = [("Origin", ORIGIN)].iter().chain(more).map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    raw::request(server.address, method, path, &headers.collect::<Vec<_>>(), None).await
}

fn cors_headers(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names.filter(|name| name.to_ascii_lowercase().starts_with("access-control-")).collect()
}

#[tokio::test]
async fn pages_of_any_origin_may_call_rpcs_and_oauth_without_credentials() {
    let server = TestServer::start().await;
    let asked = [
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type,x-grpc-web,authorization"),
    ];
    for path in [RPC, REST, OAUTH] {
        let leave = from_a_page(&server, "OPTIONS", path, &asked).await;
        assert_eq!(leave.status, 204, "{path}");
        assert_eq!(leave.header("access-control-allow-methods"), Some("POST"));
        assert_eq!(leave.header("access-control-allow-headers"), Some(asked[1].1));
        assert_eq!(leave.header("access-control-max-age"), Some("600"));
        let answer = from_a_page(&server, "POST", path, &[("Content-Length", "0")]).await;
        assert!(answer.header("access-control-expose-headers").is_some(), "{path}");
        for answer in [leave, answer] {
            assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{path}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{path}");
        }
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_not_read_probes() {
    let server = TestServer::start().await;
    for path in ["/debug/healthz", "/debug/ready"] {
        let answer = from_a_page(&server, "GET", path, &[]).await;
        assert_eq!((answer.status, cors_headers(&answer)), (200, vec![]), "{path}");
        let leave = from_a_page(&server, "OPTIONS", path, &[("Access-Control-Request-Method", "GET")]).await;
        assert_eq!((leave.status, cors_headers(&leave)), (405, vec![]), "{path}");
    }
}

/// The counters of the metrics, by family and class.
async fn counted(server: &TestServer) -> HashMap<(String, String), u64> {
    let text = server.metrics().await;
    let line = |line: &str| {
        let rest = line.strip_prefix("claviger_requests_total{family=\"")?;
        let (family, rest) = rest.split_once("\",status=\"")?;
        let (status, count) = rest.split_once("\"} ")?;
        Some(((family.to_owned(), status.to_owned()), count.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[tokio::test]
async fn answers_are_counted_by_family_and_class() {
    let server = TestServer::start().await;
    let before = counted(&server).await;
    assert_eq!(before.len(), 12, "three families, four classes: {before:?}");
    for path in ["/debug/healthz", "/oauth/v2/keys", "/oauth/v2/introspect", "/management/v1/healthz", "/nowhere", REST]
    {
        server.http.get(server.url(path)).send().await.expect("an answer");
    }
    from_a_page(&server, "GET", "/management/v1//healthz", &[]).await;
    // A refusal over gRPC has HTTP status 200.
    let mut h2 = H2::connect(server.address, 65_535).await;
    h2.grpc(1, RPC, &[], true).await;
    h2.until(HEADERS).await;
    server.app.store.close().await;
    assert_eq!(server.get("/orgs/me").await.0, 503);
    let after = counted(&server).await;
    let more = |family: &str, status: &str| {
        let key = (family.to_owned(), status.to_owned());
        after[&key] - before[&key]
    };
    let grown = |family: &str| ["2xx", "3xx", "4xx", "5xx"].map(|status| more(family, status));
    // The metrics are read before they count themselves: the first reading counts, the second not yet.
    assert_eq!(grown("ops"), [2, 0, 0, 0]);
    assert_eq!(grown("oauth"), [1, 0, 1, 0]);
    assert_eq!(grown("rpc"), [1, 1, 3, 1]);
}

async fn half_a_form(server: &TestServer) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let head = format!("POST {OAUTH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nt");
    stream.write_all(head.as_bytes()).await.expect("half a request");
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn who_is_too_slow_is_told_so_in_the_protocol_of_the_family() {
    let settings = vec![("CLAVIGER_SERVER_REQUEST_TIMEOUT", "1".to_owned())];
    let server = TestServer::with(Options { settings, ..Options::default() }).await;
    let answer = half_a_form(&server).await;
    assert!(answer.starts_with("HTTP/1.1 50") && answer.contains("{\"error\":\""), "{answer}");
    let mut h2 = H2::connect(server.address, 65_535).await;
    h2.grpc(1, "/grpc.health.v1.Health/Check", &[], false).await;
    let head = h2.until(HEADERS).await;
    assert_eq!(head.flags & END_STREAM, END_STREAM, "one block of headers ends the answer");
    let after = counted(&server).await;
    for family in ["oauth", "rpc"] {
        assert_eq!(after[&(family.to_owned(), "5xx".to_owned())], 1, "{family}: {after:?}");
    }
}
