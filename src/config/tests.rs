//! The configuration from its parts, and mistakes in it.

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
        (None, Some(("CLAVIGER_LISTEN", "nowhere")), "socket address"),
        (None, Some(("DATABASE_URL", "mysql://u:secret@h/d")), "must begin with"),
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
