//! Callers that call for a while, and what it cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::process::{Cpu, Target};
use crate::scene::{self, Call, Kind};
use crate::{Settings, directory, grpc, http};

/// Prints the head of the table of results.
pub fn head() {
    println!("| server | call | req/s | p50 ms | p99 ms | CPU ms per request: server | database |");
    println!("|---|---|---:|---:|---:|---:|---:|");
}

fn row(target: &Target, name: &str, result: &Measured) {
    let cpu = |seconds: Option<f64>| {
        seconds.map_or_else(|| "–".to_owned(), |s| format!("{:.3}", s * 1000.0 / result.count()))
    };
    println!(
        "| {} | {name} | {:.0} | {:.2} | {:.2} | {} | {} |",
        target.name,
        result.count() / result.elapsed,
        result.at(50),
        result.at(99),
        cpu(result.cpu.server),
        if target.embedded { "in the server".to_owned() } else { cpu(result.cpu.database) },
    );
}

/// Times of calls, and what they cost.
pub struct Measured {
    times: Vec<Duration>,
    elapsed: f64,
    cpu: Cpu,
}

impl Measured {
    /// Calls.
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are small")]
    pub fn count(&self) -> f64 {
        self.times.len() as f64
    }

    /// A percentile in milliseconds.
    pub fn at(&self, percent: usize) -> f64 {
        self.times[(self.times.len() - 1) * percent / 100].as_secs_f64() * 1000.0
    }

    /// CPU milliseconds per request of server and database together.
    pub fn cost(&self) -> f64 {
        (self.cpu.server.unwrap_or(0.0) + self.cpu.database.unwrap_or(0.0)) * 1000.0 / self.count()
    }
}

/// Measures a call and prints its row.
pub async fn measure(target: &Target, call: &Call, settings: &Settings) {
    let result = run(target, &call.kind, settings).await;
    row(target, &call.name, &result);
}

/// Measures a call.
pub async fn run(target: &Target, kind: &Kind, settings: &Settings) -> Measured {
    // A moment to fill caches and pools of connections, which is not measured.
    until(target, kind, settings.connections, Instant::now() + settings.seconds / 10).await;
    let (cpu, start) = (Cpu::now(target), Instant::now());
    let mut times = until(target, kind, settings.connections, start + settings.seconds).await;
    let elapsed = start.elapsed().as_secs_f64();
    let cpu = Cpu::now(target).since(&cpu);
    times.sort_unstable();
    Measured { times, elapsed, cpu }
}

async fn until(target: &Target, kind: &Kind, connections: usize, end: Instant) -> Vec<Duration> {
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..connections).map(|_| caller(target, kind, &stop, end)).collect();
    let mut times = Vec::new();
    for caller in callers {
        times.extend(caller.await.expect("a caller"));
    }
    times
}

fn caller(
    target: &Target,
    kind: &Kind,
    stop: &Arc<AtomicBool>,
    end: Instant,
) -> tokio::task::JoinHandle<Vec<Duration>> {
    let (address, token) = (target.address.clone(), target.token.clone());
    let (kind, stop) = (kind.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut connection = Connection::open(&kind, &address, &token).await;
        let mut times = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            if begun >= end {
                break;
            }
            connection.send(&kind, unique()).await;
            times.push(begun.elapsed());
        }
        times
    })
}

/// How fast reads are while all other callers ask for new keys.
pub async fn reads_beside_keys(target: &Target, settings: &Settings) {
    let calls = scene::prepare_beside(target).await;
    let stop = Arc::new(AtomicBool::new(false));
    let far = Instant::now() + Duration::from_hours(1);
    let makers: Vec<_> = (0..settings.connections).map(|_| caller(target, &calls.add_key, &stop, far)).collect();
    let result = run(target, &calls.get_key, settings).await;
    stop.store(true, Ordering::Relaxed);
    for maker in makers {
        maker.await.expect("a caller");
    }
    row(target, "GetAppKey while 8 callers make keys", &Measured { cpu: Cpu::default(), ..result });
}

fn unique() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

enum Connection {
    Http(http::Connection),
    Grpc(grpc::Connection),
    Grant(directory::Connection),
}

impl Connection {
    async fn open(kind: &Kind, address: &str, token: &str) -> Self {
        match kind {
            Kind::Http(_) => Self::Http(http::Connection::open(address).await),
            Kind::Grpc(_) => Self::Grpc(grpc::Connection::open(address, token).await),
            Kind::Grant(grant) => Self::Grant(directory::Connection::open(address, grant).await),
        }
    }

    async fn send(&mut self, kind: &Kind, number: usize) {
        match (self, kind) {
            (Self::Http(connection), Kind::Http(request)) => {
                let (status, answer) = connection.send(request, number).await;
                assert_eq!(status, 200, "{} {}: {}", request.verb, request.path, String::from_utf8_lossy(&answer));
            }
            (Self::Grpc(connection), Kind::Grpc(call)) => connection.send(call, number).await.expect("an answer"),
            (Self::Grant(connection), Kind::Grant(_)) => connection.send().await,
            _ => unreachable!("a connection is opened for its kind of call"),
        }
    }
}
