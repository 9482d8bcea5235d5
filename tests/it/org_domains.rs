//! Domains of organizations.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::race::{at_once, call, one_wins};
use crate::support::sound::assert_sound;
use crate::support::{TestServer, number, text};

const DOMAINS: &str = "/orgs/me/domains";

/// A call for an organization: status, error id, answer.
async fn done(server: &TestServer, org: &str, method: Method, path: &str, body: Value) -> (u16, String, Value) {
    let (status, answer) = server.call_as(&server.token, Some(org), method, path, Some(body)).await;
    (status, text(&answer, "/details/0/id"), answer)
}

/// Domains and whether each is the primary one.
async fn domains(server: &TestServer, org: &str, queries: Value) -> Vec<(String, bool)> {
    let (_, _, list) =
        done(server, org, Method::POST, &format!("{DOMAINS}/_search"), json!({"queries": queries})).await;
    let rows = list["result"].as_array().cloned().unwrap_or_default();
    assert_eq!(rows.len() as u64, number(&list, "/details/totalResult"), "{list}");
    let verified = |row: &&Value| row["isVerified"] == true && row.get("validationType").is_none();
    assert_eq!(rows.iter().filter(verified).count(), rows.len(), "{list}");
    rows.iter().map(|row| (text(row, "/domainName"), row["isPrimary"] == true)).collect()
}

#[tokio::test]
async fn a_domain_lives_from_its_addition_to_its_removal() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    let add = json!({"domain": " Example.COM "});
    let (status, _, added) = done(&server, &org, Method::POST, DOMAINS, add).await;
    assert_eq!((status, number(&added, "/details/sequence")), (200, 7), "{added}");
    let first = ("wide.localhost".to_owned(), true);
    assert_eq!(domains(&server, &org, json!([])).await, [first.clone(), ("Example.COM".into(), false)]);
    let named = |name: &str, method: &str| json!([{"domainNameQuery": {"name": name, "method": method}}]);
    assert_eq!(domains(&server, &org, named("wide.localhost", "TEXT_QUERY_METHOD_EQUALS")).await, [first]);
    let any_case = named("EXAMPLE", "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE");
    assert_eq!(domains(&server, &org, any_case).await.len(), 1);

    let primary = format!("{DOMAINS}/Example.COM/_set_primary");
    for sequence in [8, 9] {
        let (status, _, set) = done(&server, &org, Method::POST, &primary, json!({})).await;
        assert_eq!((status, number(&set, "/details/sequence")), (200, sequence), "also when it is so already");
    }
    let (_, _, seen) = done(&server, &org, Method::GET, "/orgs/me", json!({})).await;
    assert_eq!(text(&seen, "/org/primaryDomain"), "Example.COM");
    assert_eq!(server.get("/global/orgs/_by_domain?domain=wide.localhost").await.0, 404);
    assert_eq!(server.get("/global/orgs/_by_domain?domain=Example.COM").await.0, 200);

    // Another name moves the domain that followed from the old one, and leaves the primary one alone.
    assert_eq!(done(&server, &org, Method::PUT, "/orgs/me", json!({"name": "Broad"})).await.0, 200);
    let expected = [("Example.COM".to_owned(), true), ("broad.localhost".to_owned(), false)];
    assert_eq!(domains(&server, &org, json!([])).await, expected);
    let remove = format!("{DOMAINS}/BROAD.localhost");
    assert_eq!(done(&server, &org, Method::DELETE, &remove, json!({})).await.0, 200);
    // Where the domain of the name is gone, another name brings none.
    assert_eq!(done(&server, &org, Method::PUT, "/orgs/me", json!({"name": "Vast"})).await.0, 200);
    assert_eq!(domains(&server, &org, json!([])).await, [("Example.COM".to_owned(), true)]);
    assert_eq!(done(&server, &org, Method::POST, DOMAINS, json!({"domain": "broad.localhost"})).await.0, 200);
    assert_sound(&server.database).await;
}

#[tokio::test]
async fn each_call_on_a_domain_is_refused_as_recorded() {
    let server = TestServer::start().await;
    let org = text(&server.ok("/orgs", json!({"name": "Wide"})).await, "/id");
    let other = text(&server.ok("/orgs", json!({"name": "Other"})).await, "/id");
    let is = |domain: &str| json!({"domain": domain});
    assert_eq!(done(&server, &org, Method::POST, DOMAINS, is("a.example")).await.0, 200);
    let at = |end: &str| format!("{DOMAINS}/{end}");
    let post = Method::POST;
    for (org, method, path, body, status, id) in [
        (&org, &post, DOMAINS.to_owned(), is("  "), 400, "ORG-r3h4J"),
        (&org, &post, DOMAINS.to_owned(), is("a.example"), 409, "V2-e1wse"),
        (&org, &post, DOMAINS.to_owned(), is("A.example"), 409, "V3-DKcYh"),
        (&other, &post, DOMAINS.to_owned(), is("a.Example"), 409, "V3-DKcYh"),
        (&org, &post, at("b.example/_set_primary"), json!({}), 404, "ORG-GDfA3"),
        (&other, &post, at("a.example/_set_primary"), json!({}), 404, "ORG-GDfA3"),
        (&other, &Method::DELETE, at("a.example"), json!({}), 404, "ORG-GDfA3"),
        (&org, &Method::DELETE, at("wide.localhost"), json!({}), 400, "ORG-Sjdi3"),
        (&org, &post, at("b.example/validation/_generate"), json!({"type": 1}), 404, "ORG-AGD31"),
        (&org, &post, at("a.example/validation/_generate"), json!({"type": 1}), 400, "ORG-HGw21"),
        (&org, &post, at("a.example/validation/_generate"), json!({}), 400, ""),
        (&org, &post, at("b.example/validation/_validate"), json!({}), 404, "ORG-Sjdi3"),
        (&org, &post, at("a.example/validation/_validate"), json!({}), 400, "ORG-HGw21"),
    ] {
        let (got, told, answer) = done(&server, org, method.clone(), &path, body).await;
        assert_eq!((got, told.as_str()), (status, id), "{path}: {answer}");
    }
    // A name whose domain somebody has, and one whose domain it has itself.
    let rename = json!({"name": "Other"});
    assert_eq!(done(&server, &org, Method::PUT, "/orgs/me", rename).await.1, "V3-DKcYh");
    assert_eq!(done(&server, &org, Method::POST, DOMAINS, is("mine.localhost")).await.0, 200);
    assert_eq!(done(&server, &org, Method::PUT, "/orgs/me", json!({"name": "mine"})).await.1, "V3-DKcYh");
    let added = server.post("/orgs", json!({"name": "Mine"})).await;
    assert_eq!((added.0, text(&added.1, "/details/0/message").as_str()), (409, "Domain already exists"));
}

#[tokio::test]
async fn an_organization_has_a_hundred_domains_at_most() {
    let server = TestServer::start().await;
    let org = server.org().await;
    for n in 1..100 {
        assert_eq!(server.post(DOMAINS, json!({"domain": format!("{n}.example")})).await.0, 200);
    }
    let (status, id, _) = done(&server, &org, Method::POST, DOMAINS, json!({"domain": "more.example"})).await;
    assert_eq!((status, id.as_str()), (400, "ORG-Dm7c2"));
}

#[tokio::test]
async fn of_sixteen_organizations_that_want_a_domain_one_gets_it() {
    let server = Arc::new(TestServer::start().await);
    let mut orgs = Vec::new();
    for n in 0..16 {
        orgs.push(text(&server.ok("/orgs", json!({"name": format!("org {n}")})).await, "/id"));
    }
    let calls = orgs.iter().enumerate().map(|(n, org)| {
        let domain = if n % 2 == 0 { "wanted.example" } else { "WANTED.example" };
        call(&server, Some(org), &Method::POST, DOMAINS, json!({"domain": domain}))
    });
    let answers = at_once(calls.collect()).await;
    let second = server.post(DOMAINS, json!({"domain": "Wanted.Example"})).await;
    one_wins("a domain", &answers, &second);
    // The primary domain cannot be removed from under the one who makes it so.
    let org = &orgs[answers.iter().position(|answer| answer.0 == 200).expect("one of them")];
    let path = format!("{DOMAINS}/wanted.example");
    let calls = (0..16).map(|n| match n % 2 {
        0 => call(&server, Some(org), &Method::POST, &format!("{path}/_set_primary"), json!({})),
        _ => call(&server, Some(org), &Method::DELETE, &path, json!({})),
    });
    at_once(calls.collect()).await;
    assert_sound(&server.database).await;
}
