//! A caller that costs little: one kept-alive HTTP/1.1 connection, requests as bytes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request without its connection.
#[derive(Clone)]
pub struct Request {
    /// Verb.
    pub verb: &'static str,
    /// Whole path.
    pub path: String,
    /// Header lines, each with its line end.
    pub headers: String,
    /// Body; `#` in it becomes a number that no other request has.
    pub body: String,
}

impl Request {
    /// A call of the management API.
    pub fn rest(token: &str, verb: &'static str, path: &str, body: &str) -> Self {
        let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        Self { verb, path: format!("/management/v1{path}"), headers, body: body.to_owned() }
    }

    /// A call of a service of version 2, over Connect.
    pub fn connect(token: &str, rpc: &str, body: &str) -> Self {
        Self { path: format!("/{rpc}"), ..Self::rest(token, "POST", "", body) }
    }

    /// A form.
    pub fn form(path: &str, authorization: Option<&str>, body: String) -> Self {
        let authorization = authorization.map(|a| format!("Authorization: {a}\r\n")).unwrap_or_default();
        let headers = format!("{authorization}Content-Type: application/x-www-form-urlencoded\r\n");
        Self { verb: "POST", path: path.to_owned(), headers, body }
    }
}

/// A connection of one caller.
pub struct Connection {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

impl Connection {
    /// A connection to an address.
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, host: address.to_owned(), buffer: Vec::with_capacity(16 << 10) }
    }

    /// One request: status and body.
    pub async fn send(&mut self, request: &Request, number: usize) -> (u16, Vec<u8>) {
        let numbered;
        let body = if request.body.contains('#') {
            numbered = request.body.replace('#', &number.to_string());
            &numbered
        } else {
            &request.body
        };
        let Request { verb, path, headers, .. } = request;
        let text = format!(
            "{verb} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.write_all(text.as_bytes()).await.expect("the request is sent");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the answer is read");
            assert!(read > 0, "the server closed the connection");
            if let Some(answer) = self.parse() {
                return answer;
            }
        }
    }

    /// The answer, if all of it has come.
    fn parse(&self) -> Option<(u16, Vec<u8>)> {
        let end = self.buffer.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&self.buffer[..end]).expect("a head");
        let status = head.get(9..12)?.parse().expect("a status");
        let header = |name: &str| head.lines().find_map(|line| strip(line, name));
        let body = &self.buffer[end + 4..];
        match header("content-length: ") {
            Some(length) => {
                let length: usize = length.parse().expect("a length");
                (body.len() >= length).then(|| (status, body[..length].to_vec()))
            }
            // Another server may send chunks; only their end matters here.
            None => body.ends_with(b"0\r\n\r\n").then(|| (status, unchunked(body))),
        }
    }
}

fn strip<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &line[name.len()..])
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = body.windows(2).position(|w| w == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).ok().and_then(|t| usize::from_str_radix(t, 16).ok()).unwrap_or(0);
        let start = end + 2;
        out.extend_from_slice(&body[start..(start + size).min(body.len())]);
        body = body.get(start + size + 2..).unwrap_or_default();
        if size == 0 {
            break;
        }
    }
    out
}
