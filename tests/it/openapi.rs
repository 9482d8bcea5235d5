//! `/openapi.json`: it is served as the build makes it, the copy in `docs/` is that of this contract, and what it says
//! holds together.

use std::collections::BTreeSet;
use std::path::Path;

use claviger::proto::{OPENAPI, rpcs};
use serde_json::Value;

use crate::support::TestServer;

/// Makes the copy anew.
const RENEW: &str = "RENEW_OPENAPI=1 cargo test --test it openapi::the_copy";

fn document() -> Value {
    serde_json::from_slice(OPENAPI).expect("the document is JSON")
}

#[test]
fn the_copy_in_docs_is_that_of_this_contract() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let now = format!("{:#}\n", document());
    if std::env::var_os("RENEW_OPENAPI").is_some() {
        std::fs::write(&file, &now).expect("docs/openapi.json is written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == now, "docs/openapi.json is old; renew it with: {RENEW}");
}

#[tokio::test]
async fn anybody_may_read_it_and_keep_it() {
    let server = TestServer::start().await;
    let get = || server.http.get(server.url("/openapi.json"));
    let answer = get().send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let head = |name: &str| answer.headers().get(name).map(|v| v.to_str().expect("text").to_owned());
    assert_eq!(head("content-type").as_deref(), Some("application/json"));
    assert_eq!(head("cache-control").as_deref(), Some("public, max-age=300"));
    assert_eq!(head("access-control-allow-origin"), None, "nobody has named an origin");
    let tag = head("etag").expect("a tag");
    assert!(answer.bytes().await.expect("a body") == OPENAPI, "it is the document of the build");

    for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}")] {
        let again = get().header("if-none-match", known).send().await.expect("an answer");
        assert_eq!((again.status().as_u16(), again.headers().get("etag").is_some()), (304, true));
        assert!(again.bytes().await.expect("a body").is_empty());
    }
    assert_eq!(get().header("if-none-match", "\"other\"").send().await.expect("an answer").status(), 200);

    let page = get().header("origin", "https://docs.example.com").send().await.expect("an answer");
    assert_eq!(page.headers()["access-control-allow-origin"], "https://docs.example.com");
    let post = server.http.post(server.url("/openapi.json")).body("{}").send().await.expect("an answer");
    assert_eq!(post.status(), 405);
}

/// A path whatever its parameters are called.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn every_rpc_has_one_operation_with_its_texts() {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let mut seen = BTreeSet::new();
    for rpc in rpcs::ALL {
        let path = rpc.rest.as_ref().map_or_else(|| format!("/{}", rpc.full), |rest| rest.path.replace("{*", "{"));
        let verb = rpc.rest.as_ref().map_or("post".to_owned(), |rest| rest.verb.to_lowercase());
        let at = paths.iter().find(|(known, _)| shape(known) == shape(&path));
        let operation = &at.unwrap_or_else(|| panic!("{path} is not described")).1[&verb];
        assert_eq!(operation["operationId"], rpc.full.replace('/', "."));
        assert!(seen.insert((shape(&path), verb)), "{}: another has its place", rpc.full);
        for text in ["summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|t| t.len() > 5), "{} has no {text}", rpc.full);
        }
        let answers = operation["responses"].as_object().expect("answers");
        let success = rpc.rest.as_ref().map_or(200, |rest| rest.success).to_string();
        assert!(answers.contains_key(&success) && answers.contains_key("400"), "{}", rpc.full);
    }
    let shapes: BTreeSet<_> = paths.keys().map(|path| shape(path)).collect();
    assert_eq!(shapes.len(), paths.len(), "no two paths differ in the names of their parameters only");
    let described: usize = paths.values().map(|at| at.as_object().expect("operations").len()).sum();
    assert_eq!(described, rpcs::ALL.len(), "nothing else is described");
}

#[test]
fn every_reference_leads_somewhere_and_nothing_is_left_over() {
    let document = document();
    let (mut open, mut used) = (vec![&document], BTreeSet::new());
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    let pointer = reference.strip_prefix('#').expect("a reference within the document");
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                    used.insert(reference.trim_start_matches("#/components/").to_owned());
                }
                open.extend(object.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][kind].as_object().expect("components").keys() {
            assert!(used.contains(&format!("{kind}/{name}")), "nobody refers to {kind}/{name}");
        }
    }
}

#[test]
fn what_the_contract_demands_is_said() {
    let document = document();
    let schema = |name: &str| &document["components"]["schemas"][name];
    let key = schema("zitadel.management.v1.AddAppKeyRequest");
    assert!(key["properties"].get("projectId").is_none(), "what is in the path is not in the body: {key}");
    assert_eq!(key["required"], serde_json::json!(["type"]), "an enum that must not be 0: {key}");
    let project = schema("zitadel.management.v1.AddProjectRequest");
    assert_eq!(project["properties"]["name"]["maxLength"], 200, "{project}");
    assert_eq!(project["properties"]["name"]["minLength"], 1, "{project}");
    assert_eq!(project["required"], serde_json::json!(["name"]), "{project}");
    let details = schema("zitadel.v1.ObjectDetails");
    assert_eq!(details["properties"]["sequence"]["type"], "string", "64 bits are a text: {details}");
    assert_eq!(details["properties"]["creationDate"]["format"], "date-time", "{details}");
    let open = &document["paths"]["/management/v1/healthz"]["get"];
    assert_eq!(open["security"], serde_json::json!([]), "{open}");
    assert!(open["responses"].get("401").is_none(), "nobody is refused: {open}");
}
