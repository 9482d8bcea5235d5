//! RPCs as operations.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::super::access::{Permission, creates};
use super::super::contract::Rpc;
use super::super::is_ours;
use super::super::rest::{Body, Rest};
use super::schemas::Schemas;
use super::{comment, errors, examples};

/// Parameters that many operations have.
pub fn parameters() -> Value {
    json!({"organization": {
        "name": "x-zitadel-orgid",
        "in": "header",
        "description": "The organization that the call is about; that of the caller if it is not there or empty.",
        "schema": {"type": "string"},
    }, "idempotency": {
        "name": "idempotency-key",
        "in": "header",
        "description": "A name of your own for this call, such as a UUID. Whoever calls again with the same name, \
                        token and request within 24 hours gets the same answer, and nothing is made twice.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }})
}

/// Path, verb and description of an RPC.
pub fn write(rpc: &Rpc, schemas: &Schemas) -> (String, String, Value) {
    let service = rpc.method.parent_service();
    let said = comment(&rpc.method);
    let title = said.split_inclusive(['.', ';', ':']).next().unwrap_or_default().trim_end_matches(['.', ';', ':']);
    let public = matches!(rpc.access.permission, Permission::Public);
    let mut operation = json!({
        "operationId": rpc.method.full_name(),
        "tags": [service.full_name()],
        "summary": if title.is_empty() { rpc.method.name() } else { title },
        "description": format!("{said}\n\n{}", permission(&rpc.access.permission)).trim(),
        "responses": answers(rpc, schemas, public),
    });
    if public {
        operation["security"] = json!([]);
    }
    let mut parameters =
        if public { Vec::new() } else { vec![json!({"$ref": "#/components/parameters/organization"})] };
    if creates(rpc.method.name()) && !public {
        parameters.push(json!({"$ref": "#/components/parameters/idempotency"}));
    }
    let input = rpc.method.input();
    let (path, verb) = match &rpc.rest {
        None => {
            operation["requestBody"] = body(&schemas.input(&input), &schemas.example(&input, true), true);
            (format!("/{}/{}", service.full_name(), rpc.method.name()), "post".to_owned())
        }
        Some(rest) => {
            parameters.extend(rest.params.iter().filter_map(|name| of_path(&input, name, schemas)));
            route(rest, &input, schemas, &mut operation, &mut parameters);
            (rest.path.replace("{*", "{"), rest.verb.to_ascii_lowercase())
        }
    };
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    (path, verb, operation)
}

fn permission(permission: &Permission) -> String {
    match permission {
        Permission::Public => "Needs no token.".to_owned(),
        Permission::Authenticated => "Any valid token will do.".to_owned(),
        Permission::Named(name) => format!("Permission: `{name}`."),
        Permission::OfOwner(name) => format!("Permission: `{name}`, in the organization of the addressed object."),
    }
}

fn answers(rpc: &Rpc, schemas: &Schemas, public: bool) -> Map<String, Value> {
    let mut answers = errors::of(rpc.rest.is_some(), public);
    let output = rpc.method.output();
    let success = rpc.rest.as_ref().map_or(200, |rest| rest.success);
    let content = json!({"schema": schemas.output(&output), "example": schemas.example(&output, false)});
    let said = comment(&output);
    let said = if said.is_empty() { "It is done.".to_owned() } else { said };
    answers.insert(success.to_string(), json!({"description": said, "content": {"application/json": content}}));
    answers
}

/// Body and query of a route.
fn route(
    rest: &Rest,
    input: &MessageDescriptor,
    schemas: &Schemas,
    operation: &mut Value,
    parameters: &mut Vec<Value>,
) {
    let elsewhere = |field: &FieldDescriptor| {
        rest.params.iter().any(|name| name == field.name())
            || matches!(&rest.body, Body::Field(name) if name == field.name())
    };
    if matches!(rest.body, Body::Whole) {
        operation["requestBody"] = body(&schemas.input(input), &schemas.example(input, true), schemas.is_needed(input));
        return;
    }
    for field in input.fields().filter(|field| !elsewhere(field)) {
        query("", &field, schemas, 0, parameters);
    }
    if let Body::Field(name) = &rest.body
        && let Some(Kind::Message(inner)) = input.get_field_by_name(name).map(|field| field.kind())
    {
        operation["requestBody"] = body(&schemas.input(&inner), &schemas.example(&inner, true), false);
    }
}

fn body(schema: &Value, example: &Value, required: bool) -> Value {
    json!({"required": required, "content": {"application/json": {"schema": schema, "example": example}}})
}

fn of_path(input: &MessageDescriptor, name: &str, schemas: &Schemas) -> Option<Value> {
    let field = input.get_field_by_name(name)?;
    let mut schema = schemas.plain(&field);
    schema["minLength"] = 1.into();
    Some(json!({
        "name": name, "in": "path", "required": true, "description": of_id(&field), "schema": schema,
        "example": examples::text(&field),
    }))
}

/// What a parameter of a path is: what the contract says of it, or what its name does.
fn of_id(field: &FieldDescriptor) -> String {
    let said = comment(field);
    match field.name().strip_suffix("_id") {
        _ if !said.is_empty() => said,
        Some(what) => format!("Id of the {}.", what.replace('_', " ")),
        None => format!("The {} that is addressed.", field.name().replace('_', " ")),
    }
}

/// A field of the query string; those of a message inside by their dotted names.
fn query(before: &str, field: &FieldDescriptor, schemas: &Schemas, depth: usize, out: &mut Vec<Value>) {
    const DEEPEST: usize = 3;
    let name = format!("{before}{}", field.json_name());
    match field.kind() {
        Kind::Message(inner) if is_ours(inner.full_name()) => {
            if !field.is_list() && depth < DEEPEST {
                inner.fields().for_each(|field| query(&format!("{name}."), &field, schemas, depth + 1, out));
            }
        }
        _ => {
            let mut parameter = json!({
                "name": name, "in": "query", "schema": schemas.of_query(field),
            });
            let said = comment(field);
            if !said.is_empty() {
                parameter["description"] = said.into();
            }
            if schemas.is_required(field) {
                parameter["required"] = true.into();
            }
            if field.is_list() {
                parameter["explode"] = true.into();
            }
            out.push(parameter);
        }
    }
}
