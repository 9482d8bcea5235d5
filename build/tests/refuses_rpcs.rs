//! What the compiler refuses of services and their RPCs.

use super::{HEAD, MESSAGES, OPEN, compile, refused, service};

/// The RPC `Do` with this route.
fn route(option: &str) -> String {
    service(&format!("{OPEN}\n    option (google.api.http) = {option}; // here"))
}

#[test]
fn options_that_are_none() {
    refused(&service("option (zitadel.v1.auth) = {permission: \"authenticated\"}; // here"), "zitadel.v1.auth");
    refused(&service("option (zitadel.v1.auth_option) = {role: \"x\"}; // here"), "'zitadel.v1.AuthOption'");
    refused(&service(&format!("option idempotency_level = NO_SIDE_EFFECTS; {OPEN} // here")), "idempotency_level");
    refused(&route(r#"{get: "/a", selector: "x"}"#), "selector is not understood");
    refused(&route(r#"{post: "/a", response_body: "x"}"#), "'google.api.HttpRule'");
    refused(&route(r#"{get: "/a", additional_bindings {get: "/b"}}"#), "'google.api.HttpRule'");
    refused(&route(r#"{custom: {kind: "HEAD", path: "/a"}}"#), "'google.api.HttpRule'");
}

#[test]
fn options_of_others() {
    let stray = "import \"google/protobuf/descriptor.proto\";\n\
                 extend google.protobuf.MethodOptions { string stray = 50001; }\n";
    let body = service(&format!("{OPEN}\n    option (zitadel.test.v1.stray) = \"x\"; // here"));
    refused(&format!("{stray}{body}"), "(zitadel.test.v1.stray) is not understood");
}

#[test]
fn routes_that_contradict_themselves() {
    refused(&route(r#"{get: "/a", post: "/b"}"#), "'google.api.HttpRule'");
    refused(&route(r#"{body: "*"}"#), "no verb");
    refused(&route(r#"{get: "/a", body: "*"}"#), "a GET has no body");
    let pieces = "option (google.api.http).get = \"/a\"; // here\n    option (google.api.http).post = \"/b\";";
    refused(&service(&format!("{OPEN}\n    {pieces}")), "in pieces");
}

#[test]
fn bodies_that_are_no_field() {
    refused(&route(r#"{post: "/a", body: "nothing"}"#), "no field \"nothing\"");
    refused(&route(r#"{post: "/a", body: "count"}"#), "no field \"count\" that is one message");
    refused(&route(r#"{post: "/a", body: "names"}"#), "no field \"names\"");
}

#[test]
fn paths_that_fill_no_field() {
    refused(&route(r#"{get: "/a/{other}"}"#), "no text field \"other\"");
    refused(&route(r#"{get: "/a/{count}"}"#), "no text field \"count\"");
    refused(&route(r#"{get: "/a/{names}"}"#), "no text field \"names\"");
    refused(&route(r#"{get: "/a/{note}"}"#), "no text field \"note\"");
    refused(&route(r#"{get: "/a/{part.text}"}"#), "no text field \"part.text\"");
    refused(&route(r#"{get: "/a/{id}/{id}"}"#), "twice");
}

#[test]
fn paths_that_are_not_understood() {
    refused(&route(r#"{get: "a"}"#), "does not begin with /");
    refused(&route(r#"{get: "/a/"}"#), "segment \"\"");
    refused(&route(r#"{get: "/a:do"}"#), "segment \"a:do\"");
    refused(&route(r#"{get: "/a/*"}"#), "segment \"*\"");
    refused(&route(r#"{get: "/a/{id=**}/b"}"#), "nothing can follow");
    refused(&route(r#"{get: "/a/{id=things/*}"}"#), "is not understood");
    let bare = |path: &str| {
        format!(
            "service Things {{\n  option (zitadel.v1.service) = {{prefix: \"\"}};\n  \
             rpc Do(DoRequest) returns (DoResponse) {{\n{OPEN}\n\
             option (google.api.http) = {{get: \"{path}\"}}; // here\n  }}\n}}\n{MESSAGES}"
        )
    };
    refused(&bare("/{id}/a"), "first segment");
    refused(&bare("/zitadel.test.v1.Things/Do"), "first segment");
}

#[test]
fn a_route_without_a_prefix_and_prefixes_that_are_none() {
    let with = |prefix: &str, end: &str| {
        format!(
            "service Things {{ {end}\n{prefix}\n  rpc Do(DoRequest) returns (DoResponse) {{\n\
             option (google.api.http) = {{get: \"/a\"}}; {OPEN}\n  }}\n}}\n{MESSAGES}"
        )
    };
    refused(&with("", "// here"), "say what stands before their paths");
    refused(&with("option (zitadel.v1.service) = {};", "// here"), "say what stands before their paths");
    for bad in ["test", "/test/", "/te st", "/", "/{id}"] {
        refused(&with(&format!("option (zitadel.v1.service) = {{prefix: \"{bad}\"}}; // here"), ""), "the prefix");
    }
}

#[test]
fn a_status_that_is_no_success_or_of_nothing() {
    let with = |status: &str, route: &str| {
        service(&format!("{route} {OPEN}\n    option (zitadel.v1.http_success) = {status}; // here"))
    };
    for bad in ["0", "204", "301", "404"] {
        refused(&with(bad, "option (google.api.http) = {post: \"/a\", body: \"*\"};"), "200, 201 or 202");
    }
    refused(&with("201", ""), "without a REST route");
}

#[test]
fn callers_that_nobody_named() {
    refused(
        &service("")
            .replace("rpc Do(DoRequest) returns (DoResponse) {", "rpc Do(DoRequest) returns (DoResponse) { // here"),
        "say who may call Do",
    );
    let with = |option: &str| service(&format!("option (zitadel.v1.auth_option) = {option}; // here"));
    refused(&with(r#"{permission: "thing.delete"}"#), "no role of roles.txt gives the permission \"thing.delete\"");
    refused(&with(r#"{permission: "not.a.permission"}"#), "no role");
    refused(&with("{}"), "the permission \"\"");
    refused(&with(r#"{permission: "thing.read", check_field_name: "ProjectId"}"#), "no text field ProjectId");
    refused(&with(r#"{permission: "thing.read", check_field_name: "Names"}"#), "no text field Names");
    refused(&with(r#"{permission: "public", check_field_name: "Id"}"#), "says nothing without a permission");
}

#[test]
fn streams() {
    for line in ["rpc Do(stream DoRequest) returns (DoResponse)", "rpc Do(DoRequest) returns (stream DoResponse)"] {
        refused(&format!("service Things {{\n  {line} {{ {OPEN} }} // here\n}}\n{MESSAGES}"), "streams");
    }
}

#[test]
fn two_rpcs_with_one_request_or_one_route() {
    let two = |first: &str, second: &str| {
        format!(
            "service Things {{\n  option (zitadel.v1.service) = {{prefix: \"/test/v1\"}};\n\
             rpc Do({first}\n  rpc Other({second}\n}}\nmessage OtherRequest {{ {ID} }}\n{MESSAGES}"
        )
    };
    let text = two(
        &format!("DoRequest) returns (DoResponse) {{ {OPEN} }}"),
        &format!("DoRequest) returns (DoResponse) {{ {OPEN} }} // here"),
    );
    refused(&text, "is the request of zitadel.test.v1.Things.Do too");
    let text = two(
        &format!("DoRequest) returns (DoResponse) {{ {OPEN} option (google.api.http) = {{get: \"/a/{{id}}\"}}; }}"),
        &format!(
            "OtherRequest) returns (DoResponse) {{\n{OPEN}\noption (google.api.http) = {{get: \"/a/{{other_id}}\"}}; // here\n}}"
        ),
    );
    refused(&text, "GET /test/v1/a/{other_id} is the route of zitadel.test.v1.Things.Do too");
}

const ID: &str = "string other_id = 1 [(zitadel.v1.rules) = {max_len: 9}];";

#[test]
fn messages_and_services_of_others() {
    let empty = "import \"google/protobuf/empty.proto\";\n";
    let text =
        format!("service Things {{\n  rpc Do(google.protobuf.Empty) returns (DoResponse) {{ {OPEN} }} // here\n}}");
    refused(&format!("{empty}{text}\n{MESSAGES}"), "must be messages of the packages zitadel.*");
    let foreign = HEAD.replace("package zitadel.test.v1", "package acme");
    let text = format!("{foreign}service Things {{}}\n");
    let error = compile("acme.proto", &text).err().expect("it is refused");
    assert!(error.starts_with("acme.proto:7: a service outside"), "{error}");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = service("option (google.api.http) = {get: \"/a/{x}\"};").replace("{max_len: 200}", "{min_len: 1}");
    let error = compile("zitadel/test.proto", &format!("{HEAD}{text}")).err().expect("it is refused");
    let lines: Vec<&str> = error.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(lines, [10, 15, 18, 21].map(|line| format!("zitadel/test.proto:{line}")), "{error}");
}
