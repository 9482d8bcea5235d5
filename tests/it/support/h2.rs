//! HTTP/2 by hand: exactly the frames of a test (RFC 9113), also those of a client that means no good.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A connection.
pub struct H2 {
    stream: TcpStream,
}

impl H2 {
    /// Connects with this window for each stream.
    pub async fn connect(address: SocketAddr, window: u32) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("the preface");
        let mut this = Self { stream };
        let setting = [&4_u16.to_be_bytes()[..], &window.to_be_bytes()].concat();
        this.send(SETTINGS, 0, 0, &setting).await;
        this
    }

    /// Sends a frame.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.try_send(kind, flags, stream, payload).await.expect("a frame is sent");
    }

    /// Sends a frame, if the server has not closed yet.
    pub async fn try_send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.stream.write_all(&[&head, payload].concat()).await
    }

    /// Begins a request whose body, if any, is sent by the test.
    pub async fn request(&mut self, stream: u32, headers: &[(&str, &str)], end: bool) {
        let mut block = Vec::new();
        for (name, value) in headers {
            // A literal that is not indexed, without Huffman code (RFC 7541, 6.2.2).
            block.push(0);
            for text in [name, value] {
                assert!(text.len() < 127, "one byte tells the length");
                block.push(u8::try_from(text.len()).expect("short"));
                block.extend_from_slice(text.as_bytes());
            }
        }
        self.send(HEADERS, END_HEADERS | (u8::from(end) * END_STREAM), stream, &block).await;
    }

    /// A GET without a body.
    pub async fn get(&mut self, stream: u32, path: &str) {
        let headers = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", path)];
        self.request(stream, &headers, true).await;
    }

    /// A gRPC call with one message.
    pub async fn grpc(&mut self, stream: u32, path: &str, message: &[u8], end: bool) {
        let headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "x"),
            (":path", path),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        self.request(stream, &headers, false).await;
        let length = u32::try_from(message.len()).expect("a length").to_be_bytes();
        let body = [&[0], &length[..], message].concat();
        self.send(DATA, u8::from(end) * END_STREAM, stream, &body).await;
    }

    /// The next frame that is not the other side's housekeeping; none once it has closed. Pings and
    /// settings are acknowledged.
    pub async fn next(&mut self) -> Option<Frame> {
        within("a frame or the end", async {
            loop {
                let frame = self.read().await?;
                match (frame.kind, frame.flags & ACK) {
                    (SETTINGS, 0) => drop(self.try_send(SETTINGS, ACK, 0, &[]).await),
                    (PING, 0) => drop(self.try_send(PING, ACK, 0, &frame.payload).await),
                    (SETTINGS | WINDOW_UPDATE, _) => {}
                    _ => return Some(frame),
                }
            }
        })
        .await
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        self.stream.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The first frame of a kind; fails if the other side closes before.
    pub async fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("closed before a frame of kind {kind}"));
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// All frames until the other side closes.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The body of an answer; fails if the stream or the connection is ended before.
    pub async fn body(&mut self, stream: u32) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let frame = self.next().await.expect("the connection is open");
            assert!(frame.kind != RST_STREAM || frame.stream != stream, "stream {stream} was reset");
            if frame.stream == stream && frame.kind == DATA {
                body.extend_from_slice(&frame.payload);
            }
            if frame.stream == stream && frame.flags & END_STREAM > 0 && frame.kind <= HEADERS {
                return body;
            }
        }
    }
}
