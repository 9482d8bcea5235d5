//! Replays the recorded calls of the original and compares status, headers and bodies. What differs
//! on purpose stands in `tests/golden/differences.txt` with its reason.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claviger::clock::FixedClock;
use serde_json::Value;

use crate::support::golden::{Fill, Names, Recording, compare, differences, fills, recordings};
use crate::support::raw::{self, Answer};
use crate::support::tokens::{Tokens, aliases};
use crate::support::{Options, TestServer};

/// 2026-11-21T01:48:42Z: within the recordings, whose expiration dates are relative to it.
const RECORDED_AT: i64 = 1_795_225_722_000_000;
/// Issuer of the recordings.
const ISSUER: &str = "http://localhost:58080";
/// The first recording of the OAuth section, and how much later it was made, in microseconds.
const FIRST_OAUTH: &str = "378";
const UNTIL_OAUTH: i64 = 56_000_000;
const COMPARED_HEADERS: &[&str] = &[
    "Content-Type",
    "Cache-Control",
    "Pragma",
    "Location",
    "Www-Authenticate",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
];

#[tokio::test]
async fn recorded_calls_are_answered_as_recorded() {
    let clock = FixedClock::new(RECORDED_AT);
    let settings = vec![
        ("CLAVIGER_ISSUER", ISSUER.to_owned()),
        // What was used when must not show within the recordings.
        ("CLAVIGER_TOKENS_USAGE_INTERVAL", "3600".to_owned()),
    ];
    let server = TestServer::with(Options { clock: Some(clock.clone()), settings, ..Options::default() }).await;
    let mut names = Names::default();
    names.set("TOKEN", &server.token);
    let mut tokens = Tokens {
        answers: HashMap::new(),
        issuer: ISSUER.to_owned(),
        admin: server.token.clone(),
        now: (RECORDED_AT + UNTIL_OAUTH) / 1_000_000,
    };
    let (differences, fills) = (differences(), fills());
    let mut used = BTreeSet::new();
    let mut failures = Vec::new();
    for recording in &recordings() {
        if recording.n == FIRST_OAUTH {
            clock.advance(UNTIL_OAUTH);
        }
        for fill in fills.iter().filter(|f| f.before == recording.n) {
            make(&server, fill, &mut names).await;
        }
        for (literal, name) in aliases() {
            names.alias(literal, name);
        }
        let answer = send(&server, recording, &names, &tokens).await;
        if let Ok(body) = serde_json::from_slice(&answer.body) {
            tokens.answers.insert(recording.n.clone(), body);
        }
        for (place, what) in differing(recording, &answer, &mut names) {
            match differences.iter().find(|d| d.covers(&recording.n, &place)) {
                Some(known) => drop(used.insert(known.line)),
                None => failures.push(format!("{} {}: {place}: {what}", recording.n, recording.name)),
            }
        }
    }
    for unused in differences.iter().filter(|d| !used.contains(&d.line)) {
        failures.push(format!("differences.txt line {} covers nothing any more", unused.line));
    }
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

async fn make(server: &TestServer, fill: &Fill, names: &mut Names) {
    let method = fill.method.parse().expect("a method");
    let body = fill.body.as_ref().map(|b| serde_json::from_str(&names.fill(&b.to_string())).expect("JSON"));
    let (status, answer) = server.call(method, &names.fill(&fill.path), body).await;
    assert_eq!(status, 200, "fill-in before {}: {answer}", fill.before);
    for (name, pointer) in &fill.bind {
        names.set(name, answer.pointer(pointer).and_then(Value::as_str).expect(pointer));
    }
}

async fn send(server: &TestServer, recording: &Recording, names: &Names, tokens: &Tokens) -> Answer {
    let (n, request) = (&recording.n, &recording.request);
    let headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, v)| (name.clone(), header(n, name, v, names, tokens))).collect();
    let path = names.fill(&with_tokens(n, &request.path, tokens));
    let body = request.body.as_ref().map(|b| body(n, &with_tokens(n, b, tokens), names));
    raw::request(server.address, &request.method, &path, &headers, body.as_deref()).await
}

/// A header with names and tokens in their places, also inside Basic.
fn header(n: &str, name: &str, value: &str, names: &Names, tokens: &Tokens) -> String {
    if let Some(encoded) = value.strip_prefix("Basic ")
        && let Ok(Ok(text)) = STANDARD.decode(encoded).map(String::from_utf8)
    {
        return format!("Basic {}", STANDARD.encode(names.fill(&text)));
    }
    match tokens.of(n, "bearer").filter(|_| value.contains("{TOKEN}")) {
        Some(token) => value.replace("{TOKEN}", &token),
        None => names.fill(&whole(n, name, value)),
    }
}

/// A query string or form with the tokens that its parameters stand for.
fn with_tokens(n: &str, text: &str, tokens: &Tokens) -> String {
    let mut out = text.to_owned();
    for parameter in ["client_assertion", "assertion", "token"] {
        let place = format!("{parameter}={{TOKEN}}");
        let found = out.match_indices(&place).map(|(at, _)| at).find(|at| {
            let before = at.checked_sub(1).map(|b| out.as_bytes()[b]);
            matches!(before, None | Some(b'&' | b'?'))
        });
        if let Some(at) = found {
            let token = tokens.of(n, parameter).unwrap_or_else(|| panic!("tokens.txt lacks {n} {parameter}"));
            out.replace_range(at..at + place.len(), &format!("{parameter}={token}"));
        }
    }
    out
}

/// Long headers are cut in the recordings.
fn whole(n: &str, name: &str, value: &str) -> String {
    match (n, name) {
        ("593", "X-Big") => "a".repeat(2 << 20),
        ("594", "X-Zitadel-Big") => "a".repeat(16 << 10),
        _ => value.to_owned(),
    }
}

/// Long bodies are described in the recordings, and bytes that are no text are written as `\xff`.
fn body(n: &str, recorded: &str, names: &Names) -> Vec<u8> {
    let named = |length: usize| format!(r#"{{"name": "{}","authMethodType":1}}"#, "a".repeat(length)).into_bytes();
    match n {
        "050" => b"{\"name\":\"api-\xff\xfe\",\"authMethodType\":1}".to_vec(),
        "586" => named(1_000_000),
        "587" => named(5_000_000),
        "588" => named(20_000_000),
        "589" => format!(r#"{{"name":"ws20","authMethodType":1{}}}"#, " ".repeat(20_000_000)).into_bytes(),
        _ => names.fill(recorded).into_bytes(),
    }
}

fn differing(recording: &Recording, answer: &Answer, names: &mut Names) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let recorded = &recording.response;
    if recorded.status != answer.status {
        let body: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
        out.push((format!("status {}", answer.status), format!("{} -> {}: {body}", recorded.status, answer.status)));
        return out;
    }
    for name in COMPARED_HEADERS {
        let theirs = recorded.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| names.fill(v));
        let ours = answer.header(name).map(str::to_owned);
        if theirs != ours {
            out.push((format!("header {name}"), format!("{theirs:?} -> {ours:?}")));
        }
    }
    let theirs: Option<Value> = serde_json::from_str(&recorded.body).ok();
    let ours: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => compare(&theirs, &ours, "body", names, &mut out),
        _ if recorded.body.as_bytes() == answer.body => {}
        _ => {
            out.push((
                "body".to_owned(),
                format!("{:?} -> {:?}", recorded.body, String::from_utf8_lossy(&answer.body)),
            ));
        }
    }
    out
}
