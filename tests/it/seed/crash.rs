//! `kill -9` in the middle of an application: applying again gives what is missing, and no key is without its file.

use std::fmt::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::{Place, private};
use crate::startup::names;

const KEYS: usize = 12;

/// Users with a key and a token each.
fn file() -> String {
    let mut text = "organizations:\n  - id: acme\n    name: Acme\n    users:\n".to_owned();
    for n in 0..KEYS {
        let _ = writeln!(
            text,
            "      - {{id: u{n}, name: u, keys: [{{id: k{n}, write: k{n}.json}}], tokens: [{{id: t{n}, write: t{n}.txt}}]}}"
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kill_9_has_cut_off_is_made_whole_by_applying_again() {
    let place = Place::set_up().await;
    let seed = place.write("seed.yaml", &file());
    // Killed when so many files are there, whole ones or drafts.
    for files in [2, 4, 9, 14, 20] {
        let mut command = place.command(&["seed", "apply", &seed.display().to_string()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        while names(place.dir.path()).len() < files && child.try_wait().expect("its state").is_none() {
            tokio::task::yield_now().await;
        }
        let _ = child.kill();
        child.wait().expect("it ends");
    }
    place.apply(&seed);
    assert_eq!(place.diff(&seed), Vec::<Value>::new());
    let keys = place.export();
    for n in 0..KEYS {
        let key: Value = serde_json::from_str(&private(&place.path(&format!("k{n}.json")))).expect("a key file");
        assert_eq!(key["keyId"], format!("k{n}"));
        let public = public_line(key["key"].as_str().expect("PEM"));
        assert!(keys.contains(&public), "the file of k{n} is of the key that is there");
    }
    let server = place.serve(&[]);
    for n in 0..KEYS {
        let token = private(&place.path(&format!("t{n}.txt")));
        let asked = reqwest::Client::new().get(format!("{}/auth/v1/users/me", server.url)).bearer_auth(token.trim());
        assert_eq!(asked.send().await.expect("an answer").status(), 200, "t{n}");
    }
}

/// The last line but one of the public half of a private key, as PEM.
fn public_line(pem: &str) -> String {
    use rsa::pkcs1::DecodeRsaPrivateKey as _;
    use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
    let key = rsa::RsaPrivateKey::from_pkcs1_pem(pem).expect("a private key");
    let text = key.to_public_key().to_public_key_pem(LineEnding::LF).expect("a public key");
    text.lines().nth(3).expect("a line").to_owned()
}

/// A draft that a crash after the commit has left gets its name, and one that opens nothing stays out of the way.
#[tokio::test]
async fn a_file_that_has_not_its_name_yet_is_found_by_what_it_holds() {
    let place = Place::set_up().await;
    let seed = place.write("seed.yaml", &file());
    place.apply(&seed);
    for name in ["k0.json", "t0.txt"] {
        std::fs::rename(place.path(name), place.path(&format!("{name}.1234-0.new"))).expect("renamed");
    }
    std::fs::write(place.path("k1.json.77-0.new"), "not a key").expect("written");
    std::fs::remove_file(place.path("k1.json")).expect("removed");
    let changes = place.diff(&seed);
    let told: Vec<_> = changes.iter().map(|change| (change["name"].as_str(), change["fields"][0].as_str())).collect();
    assert_eq!(
        told,
        [(Some("k0"), Some("file")), (Some("t0"), Some("file"))],
        "a key whose file was moved away is fine"
    );
    place.apply(&seed);
    assert!(
        private(&place.path("k0.json")).contains("\"k0\"") && private(&place.path("t0.txt")).starts_with("cvg_pat_")
    );
    assert_eq!(place.diff(&seed), Vec::<Value>::new());
    let left: Vec<_> = names(place.dir.path()).into_iter().filter(|name| name.contains(".new")).collect();
    assert_eq!(left, ["k1.json.77-0.new"]);
}
