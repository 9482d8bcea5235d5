//! What the compiler refuses of messages and their fields.

use super::{HEAD, OPEN, compile, refused};

/// A request with these lines in it.
fn request(lines: &str) -> String {
    format!(
        "service Things {{\n  rpc Do(DoRequest) returns (DoResponse) {{ {OPEN} }}\n}}\n\
         message DoRequest {{\n{lines}\n}}\n\
         message DoResponse {{}}\nenum Color {{ COLOR_UNSPECIFIED = 0; COLOR_RED = 1; }}\n"
    )
}

#[test]
fn fields_of_requests_without_a_bound() {
    for (field, why) in [
        ("string a = 1;", "give it max_len or max_bytes"),
        ("string a = 1 [(zitadel.v1.rules) = {min_len: 1}];", "give it max_len or max_bytes"),
        ("bytes a = 1;", "give it max_bytes"),
        ("repeated uint32 a = 1;", "give it max_items"),
        ("oneof kind { string a = 1; }", "give it max_len or max_bytes"),
        ("google.protobuf.Struct a = 1;", "google.protobuf.Struct is not understood"),
    ] {
        refused(&request(&format!("{field} // here")), why);
    }
    refused(&request("Inner inner = 1;\nmessage Inner {\nstring a = 1; // here\n}"), "DoRequest.Inner.a can be sent");
}

#[test]
fn rules_that_nothing_holds_to() {
    for (field, rule) in [
        ("uint32 a = 1", "max_len: 1"),
        ("uint32 a = 1", "required: true"),
        ("Color a = 1", "min_len: 1"),
        ("Color a = 1", "required: true"),
        ("DoResponse a = 1", "not_zero: true"),
        ("google.protobuf.Timestamp a = 1", "max_items: 1"),
    ] {
        refused(&request(&format!("{field} [(zitadel.v1.rules) = {{{rule}}}]; // here")), "means nothing");
    }
    for rules in ["max_len: 1, defined_only: true", "max_len: 1, max_items: 1", "max_len: 1, required: true"] {
        refused(&request(&format!("string a = 1 [(zitadel.v1.rules) = {{{rules}}}]; // here")), "means nothing");
    }
    let chosen = "oneof kind { DoResponse a = 1 [(zitadel.v1.rules) = {required: true}]; } // here";
    refused(&request(chosen), "means nothing");
}

#[test]
fn rules_that_contradict_each_other() {
    refused(&request("string a = 1 [(zitadel.v1.rules) = {min_len: 3, max_len: 2}]; // here"), "more than max_len");
    let list = "repeated uint32 a = 1 [(zitadel.v1.rules) = {min_items: 3, max_items: 2}]; // here";
    refused(&request(list), "more than max_items");
    refused(&request("option (zitadel.v1.message_rules) = {max_bytes: 5}; // here"), "texts of its own");
    refused(&request("string a = 1 [(zitadel.v1.rules) = {max_length: 2}]; // here"), "'zitadel.v1.FieldRules'");
}

#[test]
fn fields_that_there_is_no_code_for() {
    let map = "map<string, string> a = 1 [(zitadel.v1.rules) = {max_items: 2}]; // here";
    refused(&format!("message Thing {{\n{}\n}}\n", "map<string, string> a = 1; // here"), "maps are not understood");
    let error = compile("zitadel/test.proto", &format!("{HEAD}{}", request(map))).err().expect("it is refused");
    assert!(error.contains("maps are not understood"), "{error}");
    refused(&request("optional DoResponse a = 1; // here"), "leave the word out");
    refused(&request("uint32 a = 1 [jstype = JS_STRING]; // here"), "jstype");
}

#[test]
fn files_that_are_no_proto3() {
    let file = |head: &str| format!("{head}\npackage zitadel.test.v1;\nmessage Thing {{ optional string a = 1; }}\n");
    let error = compile("zitadel/test.proto", &file("syntax = \"proto2\";")).err().expect("it is refused");
    assert!(error.starts_with("zitadel/test.proto:1: the syntax is not understood"), "{error}");
    let error = compile("zitadel/test.proto", &file("syntax = \"proto3\";\nmessage {}")).err().expect("it is refused");
    assert!(error.starts_with("zitadel/test.proto:2: "), "{error}");
    let import = "syntax = \"proto3\";\n\nimport \"zitadel/nothing.proto\";\n";
    let error = compile("zitadel/test.proto", import).err().expect("it is refused");
    assert!(error.starts_with("zitadel/test.proto:3: import 'zitadel/nothing.proto' not found"), "{error}");
}
