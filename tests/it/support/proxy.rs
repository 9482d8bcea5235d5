//! A TCP proxy in front of the PostgreSQL server of the run: what a network can do to connections,
//! done to this test alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::server::Database;

/// What happens to the bytes of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Open,
    /// They are swallowed by a network that says nothing.
    Hung,
    /// The connection is cut; a new one as soon as it is there.
    Cut,
}

/// The proxy; gone when dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    upstream: String,
    /// What happens to new connections.
    fresh: Mutex<Way>,
    links: Mutex<Vec<watch::Sender<Way>>>,
    accepted: AtomicUsize,
}

impl Proxy {
    /// A proxy to where a database is, and the database as it is seen through it.
    pub async fn before(database: &Database) -> (Self, Database) {
        let rest = database.url.split_once('@').expect("a user in the URL").1;
        let upstream = rest.split('/').next().expect("a host").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut through = database.clone();
        through.url = database.url.replace(&upstream, &address.to_string());
        let shared = Arc::new(Shared {
            upstream,
            fresh: Mutex::new(Way::Open),
            links: Mutex::default(),
            accepted: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        (Self { shared, task }, through)
    }

    /// What happens to the connections there are.
    pub fn existing(&self, way: Way) {
        for link in &*self.links() {
            link.send_replace(way);
        }
    }

    /// What happens to connections that come.
    pub fn fresh(&self, way: Way) {
        *self.shared.fresh.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    /// What happens to all of them.
    pub fn all(&self, way: Way) {
        self.fresh(way);
        self.existing(way);
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.links().len()
    }

    /// How often somebody connected.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    fn links(&self) -> std::sync::MutexGuard<'_, Vec<watch::Sender<Way>>> {
        let mut links = self.shared.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| !link.is_closed());
        links
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.existing(Way::Cut);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let fresh = *shared.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let (link, way) = watch::channel(fresh);
        shared.links.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        let upstream = shared.upstream.clone();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(upstream).await else { return };
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::select! {
                () = pump(from_client, to_server, way.clone()) => {}
                () = pump(from_server, to_client, way) => {}
            }
        });
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let now = *way.borrow_and_update();
        let read = match now {
            Way::Cut => return,
            Way::Open => Some(from.read(&mut buffer)),
            Way::Hung => None,
        };
        let read = async {
            match read {
                Some(read) => read.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = read => match read {
                Ok(bytes) if bytes > 0 => {
                    if to.write_all(&buffer[..bytes]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            changed = way.changed() => if changed.is_err() { return },
        }
    }
}
