//! Replays the recorded calls of the original and compares status, headers and bodies. What differs
//! on purpose stands in `tests/golden/differences.txt` with its reason.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claviger::clock::FixedClock;
use serde_json::Value;

use crate::support::golden::{Book, Difference, Fill, Names, Recording, absent, compare};
use crate::support::raw::{self, Answer};
use crate::support::tokens::{Tokens, aliases};
use crate::support::{Options, TestServer};

/// 2026-11-21T01:48:42Z: within the first recordings, whose expiration dates are relative to it.
const RECORDED_AT: i64 = 1_795_225_722_000_000;
/// When the others were made; nothing in them is relative to it.
const WIDER_AT: i64 = 1_795_262_021_000_000;
const SECOND_AT: i64 = 1_795_268_232_000_000;
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
    "Allow",
    "Www-Authenticate",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
];

#[tokio::test]
async fn recorded_calls_are_answered_as_recorded() {
    let mut replay = Replay::of(Book::first(), RECORDED_AT).await;
    replay.tokens = Some(Tokens {
        answers: HashMap::new(),
        issuer: ISSUER.to_owned(),
        admin: replay.server.token.clone(),
        now: (RECORDED_AT + UNTIL_OAUTH) / 1_000_000,
    });
    replay.run().await;
}

#[tokio::test]
async fn recorded_calls_of_the_wider_version_1_are_answered_as_recorded() {
    Replay::of(Book::wider(), WIDER_AT).await.run().await;
}

#[tokio::test]
async fn recorded_calls_of_version_2_are_answered_as_recorded() {
    let mut replay = Replay::of(Book::second(), SECOND_AT).await;
    // Some of its lists are in the order of creation.
    replay.step = 1_000;
    replay.run().await;
}

#[test]
fn what_is_absent_is_recorded() {
    let books = [Book::first(), Book::wider(), Book::second()];
    for (line, call) in absent() {
        let recorded = books.iter().flat_map(|book| &book.recordings).any(|r| r.request.is(&call));
        assert!(recorded, "absent.txt line {line} covers nothing");
    }
}

/// A file of recordings, and the server that it is held against.
struct Replay {
    book: Book,
    server: TestServer,
    clock: FixedClock,
    names: Names,
    /// Makes the tokens that the recordings do not name.
    tokens: Option<Tokens>,
    /// How much later each call is made, in microseconds.
    step: i64,
}

impl Replay {
    async fn of(book: Book, at: i64) -> Self {
        let clock = FixedClock::new(at);
        let settings = vec![
            ("CLAVIGER_ISSUER", ISSUER.to_owned()),
            // What was used when must not show within the recordings.
            ("CLAVIGER_TOKENS_USAGE_INTERVAL", "3600".to_owned()),
        ];
        let server = TestServer::with(Options { clock: Some(clock.clone()), settings, ..Options::default() }).await;
        let mut names = Names::default();
        names.set("TOKEN", &server.token);
        Self { book, server, clock, names, tokens: None, step: 0 }
    }

    /// Makes all calls and compares the answers.
    async fn run(mut self) {
        let absent = absent();
        let (mut used, mut failures) = (BTreeSet::new(), Vec::new());
        for recording in std::mem::take(&mut self.book.recordings) {
            for fill in self.book.fills.iter().filter(|f| f.before == recording.n) {
                make(&self.server, fill, &mut self.names).await;
            }
            if absent.iter().any(|(_, call)| recording.request.is(call)) {
                continue;
            }
            self.clock.advance(self.step);
            let answer = self.answer(&recording).await;
            for (place, what) in differing(&recording, &answer, &mut self.names) {
                let known: Vec<&Difference> =
                    self.book.differences.iter().filter(|d| d.covers(&recording.n, &place)).collect();
                used.extend(known.iter().map(|d| d.line));
                if known.is_empty() {
                    failures.push(format!("{} {}: {place}: {what}", recording.n, recording.name));
                }
            }
        }
        for unused in self.book.differences.iter().filter(|d| !used.contains(&d.line)) {
            failures.push(format!("line {} of the reviewed differences covers nothing any more", unused.line));
        }
        assert!(failures.is_empty(), "{}: {} differences:\n{}", self.book.name, failures.len(), failures.join("\n"));
    }

    async fn answer(&mut self, recording: &Recording) -> Answer {
        let Some(tokens) = &mut self.tokens else {
            return send(&self.server, recording, &self.names, None).await;
        };
        if recording.n == FIRST_OAUTH {
            self.clock.advance(UNTIL_OAUTH);
        }
        for (literal, name) in aliases() {
            self.names.alias(literal, name);
        }
        let answer = send(&self.server, recording, &self.names, Some(tokens)).await;
        if let Ok(body) = serde_json::from_slice(&answer.body) {
            tokens.answers.insert(recording.n.clone(), body);
        }
        answer
    }
}

async fn make(server: &TestServer, fill: &Fill, names: &mut Names) {
    let mut headers: Vec<(String, String)> =
        fill.headers.iter().map(|(name, value)| (name.clone(), names.fill(value))).collect();
    if !fill.headers.contains_key("Authorization") {
        headers.push(("Authorization".to_owned(), format!("Bearer {}", server.token)));
    }
    if fill.body.is_some() {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    let body = fill.body.as_ref().map(|b| names.fill(&b.to_string()).into_bytes());
    let answer = raw::request(server.address, &fill.method, &names.fill(&fill.path), &headers, body.as_deref()).await;
    let said = String::from_utf8_lossy(&answer.body);
    assert!((200..300).contains(&answer.status), "fill-in before {}: {} {said}", fill.before, answer.status);
    let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
    for (name, pointer) in &fill.bind {
        names.set(name, answer.pointer(pointer).and_then(Value::as_str).expect(pointer));
    }
}

async fn send(server: &TestServer, recording: &Recording, names: &Names, tokens: Option<&Tokens>) -> Answer {
    let request = &recording.request;
    let header = |name: &str, value: &str| match tokens {
        Some(tokens) => header(&recording.n, name, value, names, tokens),
        None => names.fill(value),
    };
    let headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, value)| (name.clone(), header(name, value))).collect();
    let text = |text: &str| tokens.map_or_else(|| text.to_owned(), |t| with_tokens(&recording.n, text, t));
    let path = names.fill(&text(&request.path));
    let body = request.body.as_ref().map(|recorded| match tokens {
        Some(_) => body(&recording.n, &text(recorded), names),
        None => names.fill(&described(recorded)).into_bytes(),
    });
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

/// The one body of the later recordings that is told by its length: a value of 500,001 bytes.
fn described(recorded: &str) -> String {
    if recorded.starts_with("<666681 bytes") {
        return serde_json::json!({"value": STANDARD.encode("x".repeat(500_001))}).to_string();
    }
    recorded.to_owned()
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
