//! The configuration from its parts, and mistakes in it.

use std::collections::BTreeMap;

use super::load::RANGES;
use super::*;

fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::from_parts(file, &environment)
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nrequest_timeout = 5";
    let config = load(Some(file), &[("CLAVIGER_LISTEN", "127.0.0.1:2")]).expect("valid");
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.request_timeout, 5);
    assert_eq!(config.server.max_concurrent_requests, 1024);
    let config = load(None, &[("CLAVIGER_KEYS_POOL", "0")]).expect("valid");
    assert_eq!(config.keys.pool, 0);
}

#[test]
fn mistakes_are_named() {
    for (file, environment, part) in [
        (Some("[sever]\nlisten = 1"), None, "unknown section [sever]"),
        (Some("[server]\nlisen = 1"), None, "unknown key server.lisen"),
        (Some("listen = 1"), None, "listen is not a section"),
        (None, Some(("CLAVIGER_LISEN", "x")), "CLAVIGER_LISEN"),
        (None, Some(("CLAVIGER_SERVER_LISEN", "x")), "CLAVIGER_SERVER_LISEN"),
        (None, Some(("CLAVIGER_KEYS_POOL", "x")), "whole number"),
        (None, Some(("CLAVIGER_SERVER_MAX_BODY_MEMORY", "15")), "server.max_body_memory"),
        (None, Some(("CLAVIGER_SERVER_BODY_TIMEOUT", "0")), "server.body_timeout"),
        (None, Some(("CLAVIGER_ISSUER", "localhost")), "server.issuer"),
        (None, Some(("CLAVIGER_SERVER_REFLECTION", "maybe")), "true or false"),
        (None, Some(("CLAVIGER_SERVER_HEAD_TIMEOUT", "0")), "server.head_timeout"),
        (None, Some(("CLAVIGER_SERVER_IDLE_TIMEOUT", "2592001")), "server.idle_timeout"),
        (None, Some(("CLAVIGER_SERVER_SHUTDOWN_DELAY", "86401")), "server.shutdown_delay"),
        (None, Some(("CLAVIGER_LISTEN", "nowhere")), "socket address"),
        (None, Some(("DATABASE_URL", "mysql://u:secret@h/d")), "must begin with"),
        (None, Some(("DATABASE_URL", "postgres://u:1/secret@h/d")), "percent-encoded"),
        (None, Some(("DATABASE_URL", "postgres://u@h/d?secret=secret")), "a parameter that is not known"),
        (None, Some(("DATABASE_URL", "sqlite:x.db?mode=secret")), "has no parameters"),
        (None, Some(("CLAVIGER_MASTER_KEY", "secret")), "32 bytes in base64"),
    ] {
        let error = load(file, environment.as_slice()).expect_err("refused").to_string();
        assert!(error.contains(part), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn variables_of_an_orchestrator_are_not_settings() {
    for name in ["CLAVIGER_SERVICE_HOST", "CLAVIGER_PORT", "CLAVIGER_PORT_8080_TCP_ADDR"] {
        assert!(load(None, &[(name, "tcp://10.0.0.1:8080")]).is_ok(), "{name}");
    }
}

#[test]
fn the_domain_is_the_host_of_the_issuer() {
    for (issuer, host) in [
        ("", "localhost"),
        ("http://localhost:8080", "localhost"),
        ("https://keys.example.com", "keys.example.com"),
        ("https://keys.example.com:8443", "keys.example.com"),
    ] {
        assert_eq!(load(None, &[("CLAVIGER_ISSUER", issuer)]).expect(issuer).domain(), host);
    }
}

#[test]
fn every_range_is_of_a_whole_number_and_holds_its_default() {
    let table: toml::Table = DEFAULTS.parse().expect("TOML");
    for (name, range, _) in RANGES {
        let (section, key) = name.split_once('.').expect("a section");
        let value = table[section][key].as_integer().unwrap_or_else(|| panic!("{name}"));
        assert!(range.contains(&value), "{name}");
    }
}

#[test]
fn the_form_of_complaints_is_the_one_that_was_asked_for() {
    let environment = |value: &str| [("CLAVIGER_LOG_FORMAT".to_owned(), value.to_owned())].into();
    let of = |file: Option<&str>, environment: &BTreeMap<String, String>| {
        load::format(&load::Sources { file: file.map(|text| ("file", text)), environment })
    };
    let json = "[log]\nformat = \"json\"\n[sever]";
    assert_eq!(of(Some(json), &BTreeMap::new()), LogFormat::Json);
    assert_eq!(of(Some(json), &environment("text")), LogFormat::Text);
    assert_eq!(of(None, &environment("json")), LogFormat::Json);
    assert_eq!(of(Some("not TOML"), &BTreeMap::new()), LogFormat::Text);
}
