//! Connections of callers who need not behave: bytes out, a status line back.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Where strangers come from, and where a good caller does.
pub const STRANGER: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// See [`STRANGER`].
pub const FRIEND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Longest wait of a caller for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection from an address; none if the server does not want one.
pub async fn open(from: Ipv4Addr, to: &str) -> Option<TcpStream> {
    let to: SocketAddr = to.parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    // It ends with a reset, so that no port stays taken for a minute.
    socket.set_zero_linger().expect("an option");
    socket.bind(SocketAddr::from((from, 0))).expect("an address of the loopback interface");
    let stream = timeout(PATIENCE, socket.connect(to)).await.ok()?.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// A request with a body.
pub fn request(verb: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{verb} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// One request on a connection: status and body; none if the connection broke or nothing came in time.
pub async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    timeout(PATIENCE, talk(stream, bytes)).await.ok().flatten()
}

async fn talk(stream: &mut TcpStream, bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let (mut read, mut write) = stream.split();
    // The server may answer before all of it is sent, and then read no further.
    let mut answer = Vec::with_capacity(4 << 10);
    let sending = async {
        let _ = write.write_all(bytes).await;
        std::future::pending::<()>().await;
    };
    let reading = async {
        loop {
            if read.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
            if let Some(whole) = whole(&answer) {
                return Some(whole);
            }
        }
    };
    tokio::select! {
        () = sending => None,
        answer = reading => answer,
    }
}

/// Status and body, if all of the answer has come.
fn whole(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let body = &bytes[end + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    let done = length.map_or_else(|| body.ends_with(b"0\r\n\r\n"), |length| body.len() >= length);
    done.then(|| (status, body.to_vec()))
}
