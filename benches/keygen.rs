//! CPU time per RSA 2048 key of the libraries that could make them, with the encoding that a key file
//! needs: the mean of `KEYS` keys each (default 500), made on one thread.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark ends where it cannot go on, and prints")]

use aws_lc_rs::encoding::AsDer as _;
use claviger::crypto::rsa::KeyPair;
use claviger::env::Random;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;

fn main() {
    let keys = std::env::var("KEYS").ok().and_then(|v| v.parse().ok()).unwrap_or(500);
    let random = Random::system();
    println!("| library | keys | CPU ms per key | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|");
    measure("rsa 0.10 (crypto-primes)", keys, || drop(KeyPair::generate(&random).expect("a key")));
    measure("aws-lc-rs", keys, || {
        let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
        let der = key.as_der().expect("PKCS#8");
        let key = rsa::RsaPrivateKey::from_pkcs8_der(der.as_ref()).expect("the same key");
        drop(key.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).expect("PEM"));
    });
}

fn measure(library: &str, keys: u32, make: impl Fn()) {
    let begun = cpu();
    let mut times: Vec<f64> = (0..keys)
        .map(|_| {
            #[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
            let begun = std::time::Instant::now();
            make();
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    let used = (cpu() - begun) / f64::from(keys);
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("| {library} | {keys} | {used:.1} | {:.1} | {:.1} |", at(50), at(99));
}

/// Milliseconds of CPU that this process has used (Linux).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit_once(") ").expect("a name").1.split(' ').collect();
    fields[11..13].iter().map(|f| f.parse::<f64>().expect("ticks")).sum::<f64>() * 10.0
}
