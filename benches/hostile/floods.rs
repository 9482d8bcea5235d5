//! Kinds of hostile requests, each sent many times by callers side by side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::scene::Scene;
use crate::wire::{STRANGER, exchange, open, request};

/// Callers side by side, and connections that one caller of the silent kinds holds at once.
const CALLERS: usize = 64;
const HELD: usize = 16;
/// How long a silent caller waits before it goes.
const SILENCE: Duration = Duration::from_millis(500);
/// One request in so many is as large as a body may be; all of them would only measure the network.
const LARGE: usize = 1000;

/// A kind of hostile request.
pub struct Kind {
    /// Its name in the table.
    pub name: &'static str,
    how: How,
}

enum How {
    /// A request that is answered.
    Asked(fn(&Scene, usize) -> Vec<u8>),
    /// Bytes after which nothing comes.
    Left(fn(usize) -> Vec<u8>),
}

/// All kinds.
pub const KINDS: [Kind; 6] = [
    Kind { name: "padded gRPC-web-text", how: How::Asked(padded) },
    Kind { name: "half-sent bodies", how: How::Left(half) },
    Kind { name: "silent connections", how: How::Left(silent) },
    Kind { name: "assertions with a kid of 34 kB", how: How::Asked(assertion) },
    Kind { name: "x-zitadel-orgid of 50 kB", how: How::Asked(organization) },
    Kind { name: "huge lists", how: How::Asked(list) },
];

fn size(number: usize, small: usize, large: usize) -> usize {
    if number.is_multiple_of(LARGE) { large } else { small }
}

fn padded(_: &Scene, number: usize) -> Vec<u8> {
    let body = "YQ==".repeat(size(number, 4 << 10, 1 << 20));
    let path = "/zitadel.management.v1.ManagementService/ListProjects";
    request("POST", path, "Content-Type: application/grpc-web-text\r\n", &body)
}

fn half(number: usize) -> Vec<u8> {
    let length = size(number, 60 << 10, 4 << 20);
    let path = if length > 1 << 20 { "/management/v1/projects" } else { "/oauth/v2/introspect" };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.into_bytes(), vec![b'a'; length / 2]].concat()
}

fn silent(number: usize) -> Vec<u8> {
    // The first bytes of HTTP/2, or none at all.
    if number.is_multiple_of(2) { Vec::new() } else { b"PRI * HTTP"[..].to_vec() }
}

fn assertion(scene: &Scene, number: usize) -> Vec<u8> {
    let head = format!(r#"{{"alg":"RS256","kid":"{number:0>34000}"}}"#);
    let (client, now) = (&scene.client_id, jsonwebtoken::get_current_timestamp());
    let port = scene.target.address.rsplit(':').next().expect("a port");
    let times = format!(r#""iat":{now},"exp":{}"#, now + 600);
    let claims = format!(r#"{{"iss":"{client}","sub":"{client}","aud":"http://localhost:{port}",{times}}}"#);
    let encoded = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let jwt = format!("{}.{}.{}", encoded(head.as_bytes()), encoded(claims.as_bytes()), encoded(&[7; 256]));
    let kind = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let form = format!("{kind}&client_assertion={jwt}&token=x");
    request("POST", "/oauth/v2/introspect", "Content-Type: application/x-www-form-urlencoded\r\n", &form)
}

fn organization(scene: &Scene, number: usize) -> Vec<u8> {
    let headers = format!("{}x-zitadel-orgid: {number:0>50000}\r\n", scene.headers());
    request("GET", "/management/v1/orgs/me", &headers, "")
}

fn list(scene: &Scene, number: usize) -> Vec<u8> {
    // 40,000 roles at once, 33,000 ids in filters, and lists of an application, in turn.
    let count = size(number, 1200, 40_000);
    let (path, body) = match number % 3 {
        0 => {
            let roles: Vec<String> = (0..count).map(|n| format!(r#"{{"key":"k{n}","displayName":"n"}}"#)).collect();
            ("/roles/_bulk", format!(r#"{{"roles":[{}]}}"#, roles.join(",")))
        }
        1 => {
            let ids: Vec<String> = (0..count).map(|n| format!(r#"{{"userIdQuery":{{"userId":"{n}"}}}}"#)).collect();
            ("/members/_search", format!(r#"{{"queries":[{}]}}"#, ids.join(",")))
        }
        _ => {
            let uris: Vec<String> = (0..count).map(|n| format!(r#""https://example.com/{n}""#)).collect();
            ("/apps/oidc", format!(r#"{{"name":"huge","redirectUris":[{}],"version":7}}"#, uris.join(",")))
        }
    };
    request("POST", &format!("/management/v1{}{path}", scene.project), &scene.headers(), &body)
}

/// Sends so many of a kind; how often each status came, 0 for none.
pub async fn run(scene: &Arc<Scene>, kind: &Kind, requests: usize) -> BTreeMap<u16, usize> {
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (scene, next) = (Arc::clone(scene), Arc::clone(&next));
            match kind.how {
                How::Asked(make) => tokio::spawn(ask(scene, next, requests, make)),
                How::Left(make) => tokio::spawn(leave(scene, next, requests, make)),
            }
        })
        .collect();
    let mut all = BTreeMap::new();
    for caller in callers {
        for (status, n) in caller.await.expect("the caller ends") {
            *all.entry(status).or_default() += n;
        }
    }
    all
}

async fn ask(
    scene: Arc<Scene>,
    next: Arc<AtomicUsize>,
    requests: usize,
    make: fn(&Scene, usize) -> Vec<u8>,
) -> BTreeMap<u16, usize> {
    let (mut answers, mut stream) = (BTreeMap::new(), None);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= requests {
            return answers;
        }
        let connection = match stream.take() {
            Some(connection) => Some(connection),
            None => open(STRANGER, &scene.target.address).await,
        };
        let Some(mut connection) = connection else {
            *answers.entry(0).or_default() += 1;
            continue;
        };
        let answer = exchange(&mut connection, &make(&scene, number)).await.map(|a| a.0);
        *answers.entry(answer.unwrap_or(0)).or_default() += 1;
        // After an error the rest of the body may still be on its way.
        stream = answer.filter(|status| ![408, 413, 429, 431, 503].contains(status)).map(|_| connection);
    }
}

async fn leave(
    scene: Arc<Scene>,
    next: Arc<AtomicUsize>,
    requests: usize,
    make: fn(usize) -> Vec<u8>,
) -> BTreeMap<u16, usize> {
    let mut sent = 0;
    loop {
        let mut held: Vec<TcpStream> = Vec::new();
        for _ in 0..HELD {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= requests {
                return [(0, sent)].into();
            }
            sent += 1;
            if let Some(mut stream) = open(STRANGER, &scene.target.address).await {
                let bytes = make(number);
                let _ = tokio::time::timeout(SILENCE, stream.write_all(&bytes)).await;
                held.push(stream);
            }
        }
        tokio::time::sleep(SILENCE).await;
    }
}
