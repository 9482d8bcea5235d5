//! Lists: order, pages, totals, filters; compared with what plain Rust would select.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{TestServer, number, text};

fn ids(list: &Value) -> Vec<String> {
    list["result"].as_array().map(|rows| rows.iter().map(|r| text(r, "/id")).collect()).unwrap_or_default()
}

#[tokio::test]
async fn pages_totals_and_order_are_true() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let path = format!("/projects/{project}/apps/{app}/keys/_search");
    let empty = server.ok(&path, json!({})).await;
    assert_eq!((number(&empty, "/details/totalResult"), number(&empty, "/details/processedSequence")), (0, 3));
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(text(&server.key(&project, &app).await, "/id"));
    }
    let page = |query: Value| {
        let (server, path) = (&server, &path);
        async move { server.ok(path, json!({"query": query})).await }
    };
    assert_eq!(ids(&page(json!({})).await), made, "order of creation without asc");
    assert_eq!(ids(&page(json!({"asc": true})).await), made);
    let newest: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!(ids(&page(json!({"asc": false})).await), newest, "asc: false turns it round");
    assert_eq!(ids(&page(json!({"asc": false, "limit": 2, "offset": "1"})).await), newest[1..3]);
    assert_eq!(ids(&page(json!({"limit": 3})).await), made[..3]);
    assert_eq!(ids(&page(json!({"offset": 5, "limit": 10})).await), made[5..]);
    for query in [json!({"offset": 7}), json!({"offset": "18446744073709551615"}), json!({"offset": 100, "limit": 1})] {
        let list = page(query).await;
        assert_eq!(
            (ids(&list).len(), number(&list, "/details/totalResult")),
            (0, 7),
            "the total is true beyond the end"
        );
        assert_eq!(number(&list, "/details/processedSequence"), 10);
    }
}

#[tokio::test]
async fn pages_of_applications_and_projects_are_true_too() {
    let server = TestServer::start().await;
    let project = server.project("p0").await;
    let mut apps = Vec::new();
    for name in ["a", "b", "c"] {
        apps.push(server.app(&project, name).await);
    }
    let path = format!("/projects/{project}/apps/_search");
    let list = server.ok(&path, json!({"query": {"limit": 1, "offset": 1}})).await;
    assert_eq!((ids(&list), number(&list, "/details/totalResult")), (apps[1..2].to_vec(), 3));
    let list = server.ok(&path, json!({"query": {"offset": 9}})).await;
    assert_eq!((ids(&list).len(), number(&list, "/details/totalResult")), (0, 3));
    let mut projects = vec![project];
    for name in ["p1", "p2"] {
        projects.push(server.project(name).await);
    }
    let list = server.ok("/projects/_search", json!({"query": {"asc": false, "limit": 2}})).await;
    assert_eq!(
        (ids(&list), number(&list, "/details/totalResult")),
        (vec![projects[2].clone(), projects[1].clone()], 4)
    );
    let owned = json!({"queries": [{"projectResourceOwnerQuery": {"resourceOwner": "1"}}]});
    let none = server.ok("/projects/_search", owned).await;
    assert_eq!((ids(&none).len(), number(&none, "/details/totalResult")), (0, 0));
    let org = server.org().await;
    let both = json!({"queries": [{"projectResourceOwnerQuery": {"resourceOwner": org}},
                                  {"projectResourceOwnerQuery": {"resourceOwner": "1"}}]});
    assert_eq!(ids(&server.ok("/projects/_search", both).await).len(), 0, "queries are combined with AND");
}

#[tokio::test]
async fn removed_keys_leave_the_totals_true() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let path = format!("/projects/{project}/apps/{app}/keys");
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(text(&server.key(&project, &app).await, "/id"));
    }
    for key in &keys[..3] {
        assert_eq!(server.delete(&format!("{path}/{key}")).await.0, 200);
        assert_eq!(server.delete(&format!("{path}/{key}")).await.0, 404, "a second removal changes no count");
    }
    let list = server.ok(&format!("{path}/_search"), json!({})).await;
    assert_eq!((ids(&list), number(&list, "/details/totalResult")), (vec![keys[3].clone()], 1));
}

const METHODS: [&str; 8] = [
    "EQUALS",
    "EQUALS_IGNORE_CASE",
    "STARTS_WITH",
    "STARTS_WITH_IGNORE_CASE",
    "CONTAINS",
    "CONTAINS_IGNORE_CASE",
    "ENDS_WITH",
    "ENDS_WITH_IGNORE_CASE",
];

/// What a filter selects, said in plain Rust.
fn selects(method: usize, value: &str, name: &str) -> bool {
    let fold = |t: &str| if method % 2 == 1 { t.to_lowercase() } else { t.to_owned() };
    let (value, name) = (fold(value), fold(name));
    match method / 2 {
        0 => name == value,
        1 => name.starts_with(&value),
        2 => name.contains(&value),
        _ => name.ends_with(&value),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_filters_select_what_plain_rust_selects() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let names =
        ["abc", "ABCD", "a%c", "a_c", "xabcx", "ÄBC", "äbcd", "b'c\"", "\\", "aaa", "  pad  ", "😀 smile", "ß", "İ"];
    for name in names {
        server.app(&project, name).await;
    }
    let path = format!("/projects/{project}/apps/_search");
    let value = prop_oneof![
        "[abcABC%_x' \\\\]{0,4}",
        prop::sample::select(names.to_vec()).prop_map(str::to_owned),
        prop::sample::select(vec!["Ä", "äB", "😀", "SS", "ss", "i̇", "%", "_", ""]).prop_map(str::to_owned),
    ];
    let filters = prop::collection::vec((0..METHODS.len(), value), 1..3);
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runner
            .run(&filters, |filters| {
                let queries: Vec<Value> = filters
                    .iter()
                    .map(|(m, v)| json!({"nameQuery": {"name": v, "method": format!("TEXT_QUERY_METHOD_{}", METHODS[*m])}}))
                    .collect();
                let list = handle.block_on(server.ok(&path, json!({"queries": queries})));
                let rows = list["result"].as_array().cloned().unwrap_or_default();
                let got: Vec<String> = rows.iter().map(|r| text(r, "/name")).collect();
                let wanted: Vec<&str> =
                    names.into_iter().filter(|n| filters.iter().all(|(m, v)| selects(*m, v, n))).collect();
                prop_assert_eq!(&got, &wanted, "{:?}", filters);
                prop_assert_eq!(number(&list, "/details/totalResult"), wanted.len() as u64);
                Ok(())
            })
            .expect("filters agree");
    });
}

#[tokio::test]
async fn change_lists_honour_their_query_and_tell_of_keys() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let app = server.app(&project, "a").await;
    let key = text(&server.key(&project, &app).await, "/id");
    server.delete(&format!("/projects/{project}/apps/{app}/keys/{key}")).await;
    server.app(&project, "other").await;
    let kinds = |list: &Value| -> Vec<String> {
        let rows = list["result"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|r| text(r, "/eventType/key").replace("EventTypes.project.application.", "")).collect()
    };
    let path = format!("/projects/{project}/apps/{app}/changes/_search");
    let list = server.ok(&path, json!({})).await;
    assert_eq!(kinds(&list), ["oidc.key.removed", "oidc.key.added", "config.api.added", "added"]);
    assert_eq!(text(&list, "/result/0/editorDisplayName"), "admin machine");
    assert!(list.get("details").is_none(), "change lists have no details");
    let list = server.ok(&path, json!({"query": {"asc": true, "limit": 1}})).await;
    assert_eq!(kinds(&list), ["added"]);
    let list = server.ok(&path, json!({"query": {"sequence": "3"}})).await;
    assert_eq!(kinds(&list), ["added"], "the newest first: what is before the third");
    let list = server.ok(&path, json!({"query": {"sequence": "3", "asc": true}})).await;
    assert_eq!(kinds(&list), ["oidc.key.added", "oidc.key.removed"], "the oldest first: what is after the third");
    let (_, list) = server.call(reqwest::Method::POST, &format!("{path}?query.asc=true&query.limit=2"), None).await;
    assert_eq!(kinds(&list), ["added", "config.api.added"], "the query string of the original works too");
    let all = server.ok(&format!("/projects/{project}/changes/_search"), json!({})).await;
    assert_eq!(all["result"].as_array().map(Vec::len), Some(7));
    let none = server.ok("/projects/1/apps/2/changes/_search", json!({})).await;
    assert_eq!(none, json!({}));
}
