//! Random files: valid ones are applied, exported and change nothing when they are applied again; broken ones are
//! refused, and nothing is written.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::Place;
use crate::startup::printed;
use crate::support::server::Sql;

/// Files that are tried.
const FILES: u32 = 6;
/// Broken ones of each.
const BROKEN: usize = 8;

/// A text that YAML could misread.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 ]{1,20}",
        Just("true".to_owned()),
        Just("- x: #y".to_owned()),
        Just("\"q\" 'r' \\ {}[]&*!|>%@`".to_owned()),
        Just("\u{e9}\u{4e2d}\u{1f511}\u{2028}\u{85}".to_owned()),
        Just("1e3".to_owned()),
        Just("null".to_owned()),
    ]
    .prop_map(|text| if text.trim().is_empty() { "blank".to_owned() } else { text })
}

fn user(n: usize) -> impl Strategy<Value = Value> {
    (text(), any::<bool>(), 0..3_usize, any::<bool>(), proptest::option::of(text())).prop_map(
        move |(name, jwt, state, secret, value)| {
            let mut user = json!({
                "id": format!("u{n}"), "name": name, "token_type": if jwt { "jwt" } else { "bearer" },
                "state": (["active", "inactive", "locked"][state]),
            });
            if secret {
                user["secret"] = json!({"value": format!("{n}{}", "s".repeat(40))});
            }
            if let Some(value) = value {
                user["metadata"] = json!({"a key: #": value, "raw": {"base64": "AP8="}});
            }
            user
        },
    )
}

fn app(n: usize) -> impl Strategy<Value = Value> {
    (text(), 0..6_usize, any::<bool>(), any::<bool>()).prop_map(move |(name, kind, off, key)| {
        let mut app = json!({"id": format!("a{n}"), "name": format!("{name} {n}"), "client_id": format!("c{n}")});
        match kind {
            0 => app["api"] = json!({}),
            1 => app["api"] = json!({"auth_method": "private_key_jwt"}),
            kind => {
                app["oidc"] = json!({
                    "auth_method": (["basic", "post", "none", "private_key_jwt"][kind - 2]), "dev_mode": off,
                    "redirect_uris": [format!("https://{n}.example/cb"), " https://x.example "], "clock_skew": "0.25s",
                    "app_type": (["web", "native", "user_agent"][kind % 3]),
                });
            }
        }
        if off {
            app["state"] = json!("inactive");
        }
        if key && (kind == 1 || kind == 5) {
            app["keys"] = json!([{"id": format!("k{n}"), "public_key": super::PUBLIC_KEY}]);
        }
        app
    })
}

/// A file with up to three organizations, each with users, and a project that others get.
fn file() -> impl Strategy<Value = Value> {
    let org = |o: usize| {
        let users = (0..3).map(move |n| user(o * 10 + n)).collect::<Vec<_>>();
        let apps = (0..4).map(move |n| app(o * 10 + n)).collect::<Vec<_>>();
        (text(), users, apps, any::<bool>(), any::<bool>(), 0..4_usize).prop_map(
            move |(name, users, apps, check, off, some)| {
                let project = json!({
                    "id": format!("p{o}"), "name": name, "role_check": check, "grant_check": !check,
                    "roles": [{"key": "r1", "name": name, "group": "g"}, {"key": "r: 2"}],
                    "apps": apps[..some], "members": [{"user": format!("u{o}0"), "roles": ["PROJECT_OWNER"]}],
                });
                json!({
                    "id": format!("o{o}"), "name": format!("{name} o{o}"), "users": users, "projects": [project],
                    "state": if off { "inactive" } else { "active" },
                    "members": [{"user": format!("u{o}1"), "roles": ["ORG_OWNER", "ORG_OWNER_VIEWER"]}],
                    "user_grants": [{"user": format!("u{o}2"), "project": format!("p{o}"), "roles": ["r1"],
                        "state": if check { "inactive" } else { "active" }}],
                })
            },
        )
    };
    (org(1), org(2), any::<bool>()).prop_map(|(mut one, two, granted)| {
        if granted {
            one["projects"][0]["grants"] = json!([{"organization": "o2", "roles": ["r: 2", "r1"],
                "members": [{"user": "u20", "roles": ["PROJECT_GRANT_OWNER"]}]}]);
        }
        json!({"organizations": [one, two], "members": [{"user": "u10", "roles": ["IAM_OWNER_VIEWER"]}]})
    })
}

/// Breaks a file in one place: a field of an unknown name, a value of another kind, or half of it.
fn broken(file: &Value, n: usize) -> String {
    let text = format!("{file:#}");
    let quotes: Vec<usize> = text.match_indices("\": ").map(|(at, _)| at).collect();
    let at = quotes[n * 7919 % quotes.len()];
    match n % 4 {
        0 => format!("{}_x{}", &text[..at], &text[at..]),
        1 => {
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
            format!("{}\": [[]]{}", &text[..at], &text[end.min(text.len())..])
        }
        2 => text[..at].to_owned(),
        _ => text.replacen("\"id\": \"u", "\"id\": \"_u", n + 1),
    }
}

async fn events(place: &Place) -> i64 {
    Sql::connect(&place.database).await.count("SELECT count(*) FROM events").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_files_are_applied_and_exported_and_broken_ones_refused() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for round in 0..FILES {
        let tree = file().new_tree(&mut runner).expect("a file");
        let wanted = proptest::strategy::ValueTree::current(&tree);
        let place = Place::set_up().await;
        let seed = place.write("seed.yaml", &format!("{wanted:#}"));
        let before = events(&place).await;
        for n in 0..BROKEN {
            let text = broken(&wanted, n + BROKEN * round as usize);
            let output = place.run(&["seed", "apply"], &place.write("broken.yaml", &text));
            let told = printed(&output);
            assert!(output.status.code() == Some(1) && told.contains("nothing of it was written"), "{text}\n{told}");
        }
        assert_eq!(events(&place).await, before, "nothing was written");
        place.apply(&seed);
        assert_eq!(place.diff(&seed), Vec::<Value>::new(), "{wanted:#}");
        let after = events(&place).await;
        let export = place.write("export.yaml", &place.export());
        assert_eq!(place.apply(&export).trim(), "nothing to change");
        assert_eq!(place.apply(&seed).trim(), "nothing to change");
        assert_eq!(events(&place).await, after, "nothing was written");
        let elsewhere = Place::set_up().await;
        elsewhere.apply(&export);
        assert_eq!(elsewhere.diff(&export), Vec::<Value>::new(), "{}", place.export());
    }
}

/// Noise is told as noise, and ends.
#[test]
fn noise_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let place = runtime.block_on(Place::fresh());
    let mut runner = TestRunner::deterministic();
    let mut noise = String::new();
    for _ in 0..12 {
        let tree = "[-:{}\\[\\]?|>&*!%#a-c \n\t\"']{0,200}".new_tree(&mut runner).expect("noise");
        noise.clear();
        let _ = write!(noise, "x{}", proptest::strategy::ValueTree::current(&tree));
        let output = place.run(&["serve", "--seed"], &place.write("noise.yaml", &noise));
        assert_eq!(output.status.code(), Some(1), "{noise:?}: {}", printed(&output));
    }
}
