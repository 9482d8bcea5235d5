//! How fast introspection is while others hang on the server and ask for keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::scene::Scene;
use crate::wire::{FRIEND, STRANGER, exchange, open, request};
use crate::{SLOWEST, Settings};

const KEY_CALLERS: usize = 1200;
const HALF_SENT: usize = 1100;
const SILENT: usize = 2000;
/// Good callers.
const CALLERS: usize = 4;

/// Prints both rows; what is broken.
pub async fn measure(scene: &Scene, settings: &Settings) -> Vec<String> {
    scene.settled().await;
    report(scene, "alone", &calls(scene, settings.seconds / 4).await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = JoinSet::new();
    for _ in 0..KEY_CALLERS {
        let path = format!("/management/v1{}", scene.keys);
        let bytes = request("POST", &path, &scene.headers(), r#"{"type":1}"#);
        others.spawn(keys(scene.target.address.clone(), bytes, Arc::clone(&stop)));
    }
    let form = "POST /oauth/v2/introspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=";
    for n in 0..HALF_SENT + SILENT {
        let bytes = if n < HALF_SENT { form.as_bytes() } else { b"" };
        others.spawn(hang(scene.target.address.clone(), bytes, Arc::clone(&stop)));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let slowest = report(scene, "beside 1,200, 1,100 and 2,000", &calls(scene, settings.seconds).await);
    stop.store(true, Ordering::Relaxed);
    others.shutdown().await;
    if slowest <= SLOWEST {
        return Vec::new();
    }
    vec![format!("{}, introspection: p99 is {slowest:.1} ms", scene.target.name)]
}

/// Prints a row; the slowest of a hundred, not a number if any failed.
fn report(scene: &Scene, name: &str, calls: &[Option<Duration>]) -> f64 {
    let failed = calls.iter().filter(|time| time.is_none()).count();
    let mut times: Vec<f64> = calls.iter().flatten().map(|time| time.as_secs_f64() * 1000.0).collect();
    times.sort_unstable_by(f64::total_cmp);
    let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or(f64::NAN);
    println!(
        "| {} | {name} | {:.2} | {:.2} | {:.2} | {} | {failed} |",
        scene.target.name,
        at(50),
        at(99),
        at(100),
        calls.len()
    );
    if failed == 0 { at(99) } else { f64::NAN }
}

async fn calls(scene: &Scene, length: Duration) -> Vec<Option<Duration>> {
    let end = Instant::now() + length;
    let callers = (0..CALLERS).map(|_| {
        let (address, bytes) = (scene.target.address.clone(), scene.introspection.clone());
        tokio::spawn(async move {
            let (mut stream, mut times) = (None, Vec::new());
            while Instant::now() < end {
                let begun = Instant::now();
                let mut connection = match stream.take() {
                    Some(connection) => Some(connection),
                    None => open(FRIEND, &address).await,
                };
                let answer = match connection.as_mut() {
                    Some(connection) => exchange(connection, &bytes).await,
                    None => None,
                };
                let good = answer.is_some_and(|(status, _)| status == 200);
                times.push(good.then(|| begun.elapsed()));
                stream = connection.filter(|_| good);
            }
            times
        })
    });
    let mut all = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        all.extend(caller.await.expect("the caller ends"));
    }
    all
}

/// Asks for keys again and again; pauses when it is refused.
async fn keys(address: String, bytes: Vec<u8>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        if let Some(mut stream) = open(STRANGER, &address).await {
            while let Some((200, _)) = exchange(&mut stream, &bytes).await {}
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Says something or nothing, waits until it is thrown out, and comes back.
async fn hang(address: String, bytes: &'static [u8], stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        if let Some(mut stream) = open(STRANGER, &address).await {
            let _ = stream.write_all(bytes).await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
