//! One HTTP/2 connection as gRPC clients keep it: for hours, with pings, and with many calls on it at once.

use std::collections::BTreeMap;

use crate::support::TestServer;
use crate::support::h2::{ACK, DATA, END_STREAM, GOAWAY, H2, HEADERS, PING, RST_STREAM, WINDOW_UPDATE};

const GET_MY_ORG: &str = "/zitadel.management.v1.ManagementService/GetMyOrg";
/// An empty message in the framing of gRPC.
const EMPTY: &[u8] = &[0; 5];

/// Begins a call that still lacks its message.
async fn begin(h2: &mut H2, stream: u32, authorization: &str) {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "x"),
        (":path", GET_MY_ORG),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", authorization),
    ];
    h2.request(stream, &headers, false).await;
}

/// The messages of so many answers, by stream; the connection may take as much again when they are there.
async fn answers(h2: &mut H2, count: usize) -> BTreeMap<u32, Vec<u8>> {
    let (mut open, mut ended, mut read) = (BTreeMap::<u32, Vec<u8>>::new(), 0, 0_usize);
    while ended < count {
        let frame = h2.next().await.expect("the connection stays open");
        assert!(![RST_STREAM, GOAWAY].contains(&frame.kind), "{frame:?}");
        if frame.kind == DATA {
            read += frame.payload.len();
            open.entry(frame.stream).or_default().extend_from_slice(&frame.payload);
        }
        if [DATA, HEADERS].contains(&frame.kind) && frame.flags & END_STREAM > 0 {
            ended += 1;
        }
    }
    let read = u32::try_from(read).expect("a few bytes");
    h2.send(WINDOW_UPDATE, 0, 0, &read.to_be_bytes()).await;
    open
}

/// Whether all streams were answered with the organization of the caller.
fn are_of(org: &str, streams: &[u32], answers: &BTreeMap<u32, Vec<u8>>) {
    for stream in streams {
        let answer = answers.get(stream).unwrap_or_else(|| panic!("stream {stream} got no message"));
        let found = answer.windows(org.len()).any(|part| part == org.as_bytes());
        assert!(answer[0] == 0 && found, "stream {stream}: {answer:?}");
    }
}

async fn org(server: &TestServer) -> String {
    crate::support::text(&server.get("/orgs/me").await.1, "/org/id")
}

#[tokio::test]
async fn pings_of_many_days_lead_to_no_goaway() {
    let server = TestServer::start().await;
    let authorization = format!("Bearer {}", server.token);
    let mut h2 = H2::connect(server.address, 65_535).await;
    // One every 30 seconds makes 2,880 in a day: without a stream, then with one that is open.
    for streams in [&[][..], &[1]] {
        for stream in streams {
            begin(&mut h2, *stream, &authorization).await;
        }
        for round in 0_u64..3000 {
            h2.send(PING, 0, 0, &round.to_be_bytes()).await;
            let frame = h2.next().await.expect("an answer");
            assert_eq!((frame.kind, frame.flags, frame.payload), (PING, ACK, round.to_be_bytes().to_vec()));
        }
    }
    // Some that come at once, as after a network that was away.
    for round in 0_u64..50 {
        h2.send(PING, 0, 0, &round.to_be_bytes()).await;
    }
    for round in 0_u64..50 {
        let frame = h2.next().await.expect("an answer");
        assert_eq!((frame.kind, frame.payload), (PING, round.to_be_bytes().to_vec()));
    }
    h2.send(DATA, END_STREAM, 1, EMPTY).await;
    are_of(&org(&server).await, &[1], &answers(&mut h2, 1).await);
}

#[tokio::test]
async fn ten_thousand_calls_go_over_one_connection() {
    const CALLS: u32 = 10_000;
    const AT_ONCE: u32 = 50;
    let server = TestServer::start().await;
    let (org, authorization) = (org(&server).await, format!("Bearer {}", server.token));
    let mut h2 = H2::connect(server.address, 65_535).await;
    for first in (0..CALLS).step_by(AT_ONCE as usize) {
        let streams: Vec<u32> = (first..first + AT_ONCE).map(|n| 2 * n + 1).collect();
        for stream in &streams {
            begin(&mut h2, *stream, &authorization).await;
            h2.send(DATA, END_STREAM, *stream, EMPTY).await;
        }
        are_of(&org, &streams, &answers(&mut h2, streams.len()).await);
    }
}

#[tokio::test]
async fn two_hundred_streams_are_open_at_once() {
    let server = TestServer::start().await;
    let (org, authorization) = (org(&server).await, format!("Bearer {}", server.token));
    let mut h2 = H2::connect(server.address, 65_535).await;
    let streams: Vec<u32> = (0..200).map(|n| 2 * n + 1).collect();
    for stream in &streams {
        begin(&mut h2, *stream, &authorization).await;
    }
    // The answer to the ping comes when all of them have been seen, and none was refused.
    h2.send(PING, 0, 0, b"are open").await;
    let frame = h2.next().await.expect("the connection is open");
    assert_eq!((frame.kind, frame.payload.as_slice()), (PING, &b"are open"[..]), "a stream was refused");
    for stream in streams.iter().rev() {
        h2.send(DATA, END_STREAM, *stream, EMPTY).await;
    }
    are_of(&org, &streams, &answers(&mut h2, streams.len()).await);
}
