//! A caller that costs little: one kept-alive HTTP/1.1 connection, requests as bytes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::Server;

/// A connection of one caller.
pub struct Connection {
    stream: TcpStream,
    host: String,
    token: String,
    buffer: Vec<u8>,
}

impl Connection {
    /// A connection to the server.
    pub async fn open(server: &Server) -> Self {
        Self::to(&server.address, &server.token).await
    }

    /// A connection to an address.
    pub async fn to(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, host: address.to_owned(), token: token.to_owned(), buffer: Vec::with_capacity(16 << 10) }
    }

    /// One call of the management API: status and body.
    pub async fn call(&mut self, verb: &str, path: &str, body: Option<&str>) -> (u16, Vec<u8>) {
        let body = body.unwrap_or_default();
        let request = format!(
            "{verb} /management/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.expect("the request is sent");
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
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .and_then(|text| text.parse::<usize>().ok())
            .expect("a length");
        let body = &self.buffer[end + 4..];
        (body.len() >= length).then(|| (status, body[..length].to_vec()))
    }
}
