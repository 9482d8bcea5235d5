//! What the compiler makes of what it understands.

use super::{MESSAGES, OPEN, accepted, service};

#[test]
fn a_route_has_verb_path_body_and_permission() {
    let made = accepted(&service(
        r#"option (google.api.http) = {put: "/things/{id}/_do", body: "*"};
    option (zitadel.v1.auth_option) = {permission: "thing.write", check_field_name: "Id"};"#,
    ));
    for part in [
        "pub static ZITADEL_TEST_V1_THINGS_DO: Rpc",
        r#"service: "zitadel.test.v1.Things", name: "Do", full: "zitadel.test.v1.Things/Do""#,
        r#"Some(Rest { verb: "PUT", path: "/test/v1/things/{id}/_do", body: Body::Whole, success: 200 })"#,
        r#"permission: Permission::Named("thing.write")"#,
        "impl Call for crate::proto::zitadel::test::v1::DoRequest",
        "fn context(&self) -> &str { &self.id }",
        r#""id" => self.id = value"#,
        r#"SERVICES: &[&str] = &["zitadel.test.v1.Things"]"#,
        r#"REST_ROOTS: &[&str] = &["test"]"#,
    ] {
        assert!(made.rpcs.contains(part), "{part} is not in\n{}", made.rpcs);
    }
    assert!(made.shapes.contains("pub static ZITADEL_TEST_V1_DO_REQUEST"));
}

#[test]
fn a_route_stands_in_the_document_with_its_fields() {
    let made =
        accepted(&service(&format!(r#"option (google.api.http) = {{put: "/things/{{id}}/_do", body: "*"}}; {OPEN}"#)));
    for part in [r#""openapi":"3.1"#, r#""/test/v1/things/{id}/_do""#, r#""put""#] {
        assert!(made.openapi.contains(part), "{part} is not in\n{}", made.openapi);
    }
}

#[test]
fn an_rpc_needs_no_route_and_then_its_service_no_prefix() {
    let made =
        accepted(&format!("service Things {{\n  rpc Do(DoRequest) returns (DoResponse) {{ {OPEN} }}\n}}\n{MESSAGES}"));
    assert!(made.rpcs.contains("rest: None,"), "{}", made.rpcs);
    assert!(made.rpcs.contains("REST_ROOTS: &[&str] = &[]"), "{}", made.rpcs);
}

#[test]
fn the_prefix_may_be_empty_and_success_another_status() {
    let made = accepted(&format!(
        r#"service Things {{
  option (zitadel.v1.service) = {{prefix: ""}};
  rpc Do(DoRequest) returns (DoResponse) {{
    option (google.api.http) = {{post: "/v2/things", body: "*"}};
    option (zitadel.v1.http_success) = 201;
    {OPEN}
  }}
}}
{MESSAGES}"#
    ));
    assert!(made.rpcs.contains(r#"path: "/v2/things", body: Body::Whole, success: 201"#), "{}", made.rpcs);
    assert!(made.rpcs.contains(r#"REST_ROOTS: &[&str] = &["v2"]"#), "{}", made.rpcs);
}

#[test]
fn the_body_may_be_one_field() {
    let made =
        accepted(&service(&format!(r#"option (google.api.http) = {{post: "/things/{{id}}", body: "part"}}; {OPEN}"#)));
    assert!(made.rpcs.contains(r#"body: Body::Field("part")"#), "{}", made.rpcs);
}

#[test]
fn two_services_may_have_a_method_of_one_name() {
    let made = accepted(&format!(
        r#"service Things {{
  option (zitadel.v1.service) = {{prefix: "/things/v1"}};
  rpc Healthz(DoRequest) returns (DoResponse) {{ option (google.api.http) = {{get: "/healthz"}}; {OPEN} }}
}}
service Others {{
  option (zitadel.v1.service) = {{prefix: "/others/v1"}};
  rpc Healthz(OtherRequest) returns (DoResponse) {{ option (google.api.http) = {{get: "/healthz"}}; {OPEN} }}
}}
message OtherRequest {{}}
{MESSAGES}"#
    ));
    for part in
        ["ZITADEL_TEST_V1_THINGS_HEALTHZ: Rpc", "ZITADEL_TEST_V1_OTHERS_HEALTHZ: Rpc", r#"&["others", "things"]"#]
    {
        assert!(made.rpcs.contains(part), "{part} is not in\n{}", made.rpcs);
    }
}

#[test]
fn rules_become_checks_and_names_are_those_of_the_generator_of_messages() {
    let made = accepted(
        r"message Outer {
  message U2FKey {
    oneof kind {
      option (zitadel.v1.oneof_rules) = {required: true};
      string type = 1 [(zitadel.v1.rules) = {min_len: 1, max_len: 5}];
    }
    bytes self = 2 [(zitadel.v1.rules) = {max_bytes: 9}];
  }
  option (zitadel.v1.message_rules) = {max_bytes: 100};
  repeated string names = 1 [(zitadel.v1.rules) = {max_len: 7, min_items: 1, max_items: 3}];
  U2FKey key = 2 [(zitadel.v1.rules) = {required: true}];
}
",
    );
    for part in [
        "impl Validate for crate::proto::zitadel::test::v1::outer::U2FKey",
        r#"rule::required(self.kind.is_some(), "Outer_U2FKey", &"Kind")?;"#,
        "crate::proto::zitadel::test::v1::__buffa::oneof::outer::u2f_key::Kind::Type(item)",
        r#"rule::bytes(self.self_.len(), 0, 9, "Outer_U2FKey", &"Self")?;"#,
        r#"rule::items(self.names.len(), 1, 3, "Outer", &"Names")?;"#,
        r#"rule::required(self.key.is_set(), "Outer", &"Key")?;"#,
        r#"rule::sum(self.names.iter().map(|t| t.len()).sum::<usize>(), 100, "Outer")?;"#,
    ] {
        assert!(made.rules.contains(part), "{part} is not in\n{}", made.rules);
    }
}

#[test]
fn the_document_says_what_is_in_path_body_and_query() {
    let made =
        accepted(&service(&format!(r#"option (google.api.http) = {{post: "/things/{{id}}", body: "part"}}; {OPEN}"#)));
    for part in [
        r#""/test/v1/things/{id}":{"post""#,
        r##""$ref":"#/components/schemas/zitadel.test.v1.Part""##,
        r#""in":"query","name":"names""#,
        r#""in":"query","name":"count""#,
        r#""zitadel.test.v1.Part":{"#,
    ] {
        assert!(made.openapi.contains(part), "{part} is not in\n{}", made.openapi);
    }
    let whole =
        accepted(&service(&format!(r#"option (google.api.http) = {{put: "/things/{{id}}", body: "*"}}; {OPEN}"#)));
    assert!(!whole.openapi.contains(r#""in":"query""#), "{}", whole.openapi);
    let first = r#""zitadel.test.v1.DoRequest":{"properties":{"count""#;
    assert!(whole.openapi.contains(first), "what is in the path is in no body: {}", whole.openapi);
}
