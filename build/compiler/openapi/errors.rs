//! How errors look: `google.rpc.Status` over REST, the errors of the Connect protocol elsewhere.

use serde_json::{Map, Value, json};

/// Status, name of google.rpc in the form of Connect, its number, and what it says here.
const ERRORS: [(&str, &str, u8, &str); 10] = [
    (
        "400",
        "invalid_argument",
        3,
        "What was sent breaks a rule; or the state of the object does not allow it \
        (`failed_precondition`, 9).",
    ),
    ("401", "unauthenticated", 16, "There is no valid token."),
    ("403", "permission_denied", 7, "The caller is known, but may not do this here."),
    ("404", "not_found", 5, "The object does not exist, or belongs to others; or the caller has no role where it is."),
    ("409", "already_exists", 6, "A name or an id is taken."),
    ("429", "resource_exhausted", 8, "The body is too large, or too much is asked at once."),
    ("500", "internal", 13, "A defect of the server."),
    ("501", "unimplemented", 12, "The server does not do this."),
    ("503", "unavailable", 14, "The store does not answer now."),
    ("504", "deadline_exceeded", 4, "The deadline passed before the answer was ready."),
];
/// What only a call with a token is told.
const OF_CALLERS: [&str; 2] = ["401", "403"];

/// Names of the schemas.
const STATUS: &str = "google.rpc.Status";
const CONNECT: &str = "connect.Error";
const DETAIL: &str = "zitadel.v1.ErrorDetail";

/// The error answers of an operation, by status.
pub fn of(rest: bool, public: bool) -> Map<String, Value> {
    let protocol = if rest { "rest" } else { "connect" };
    let told = ERRORS.iter().filter(|(status, ..)| !public || !OF_CALLERS.contains(status));
    let mut answers: Map<String, Value> = told
        .map(|(status, name, ..)| {
            ((*status).to_owned(), json!({"$ref": format!("#/components/responses/{protocol}.{name}")}))
        })
        .collect();
    if !rest {
        answers.insert("415".to_owned(), json!({"description": "The body is said to be no JSON."}));
    }
    answers
}

/// All of them.
pub fn responses() -> Map<String, Value> {
    let mut out = Map::new();
    for (status, name, number, text) in ERRORS {
        let id = if status == "404" { "QUERY-1h4J6" } else { "" };
        for (protocol, schema, example) in
            [("rest", STATUS, rest_example(number, id)), ("connect", CONNECT, connect_example(name, id))]
        {
            let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
            let mut answer = json!({
                "description": text,
                "content": {"application/json": {"schema": schema, "example": example}},
            });
            match status {
                "401" if protocol == "rest" => answer["headers"] = header("WWW-Authenticate"),
                "429" | "503" => answer["headers"] = header("Retry-After"),
                _ => {}
            }
            out.insert(format!("{protocol}.{name}"), answer);
        }
    }
    out
}

fn header(name: &str) -> Value {
    json!({name: {"$ref": format!("#/components/headers/{name}")}})
}

fn rest_example(number: u8, id: &str) -> Value {
    if id.is_empty() {
        return json!({"code": number, "message": "what is wrong, and what to do"});
    }
    json!({
        "code": number,
        "message": format!("what is wrong ({id})"),
        "details": [{"@type": format!("type.googleapis.com/{DETAIL}"), "id": id, "message": "what is wrong"}],
    })
}

fn connect_example(name: &str, id: &str) -> Value {
    if id.is_empty() {
        return json!({"code": name, "message": "what is wrong, and what to do"});
    }
    json!({"code": name, "message": format!("what is wrong ({id})")})
}

/// Headers of error answers.
pub fn headers() -> Value {
    json!({
        "WWW-Authenticate": {"description": "The text of the error.", "schema": {"type": "string"}},
        "Retry-After": {
            "description": "Seconds after which trying again may help, where that is known.",
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
        },
    })
}

/// The schemas of the bodies.
pub fn schemas() -> Map<String, Value> {
    let id = json!({"type": "string", "description": "Says which error it is, whatever its text."});
    let text = json!({"type": "string", "description": "The text without the id."});
    let numbers: Vec<u8> = ERRORS.iter().map(|(_, _, number, _)| *number).chain([9]).collect();
    let names: Vec<&str> = ERRORS.iter().map(|(_, name, ..)| *name).chain(["failed_precondition"]).collect();
    let message =
        json!({"type": "string", "description": "What is wrong; ends in the id in brackets if there is one."});
    let entries = [
        (
            STATUS,
            json!({
                "type": "object",
                "description": "An error over REST.",
                "required": ["code", "message"],
                "properties": {
                    "code": {"type": "integer", "description": "The number of google.rpc.Code.", "enum": numbers},
                    "message": message,
                    "details": {"type": "array", "maxItems": 1, "items": {
                        "type": "object",
                        "required": ["@type", "id", "message"],
                        "properties": {
                            "@type": {"type": "string", "const": format!("type.googleapis.com/{DETAIL}")},
                            "id": id,
                            "message": text,
                        },
                    }},
                },
            }),
        ),
        (
            CONNECT,
            json!({
                "type": "object",
                "description": "An error of the Connect protocol.",
                "required": ["code"],
                "properties": {
                    "code": {"type": "string", "description": "The name of google.rpc.Code.", "enum": names},
                    "message": message,
                    "details": {"type": "array", "maxItems": 1, "items": {
                        "type": "object",
                        "required": ["type", "value"],
                        "properties": {
                            "type": {"type": "string", "const": DETAIL},
                            "value": {
                                "type": "string",
                                "contentEncoding": "base64",
                                "description": "The message of that type, without padding.",
                            },
                            "debug": {
                                "type": "object",
                                "description": "The same as JSON.",
                                "properties": {"id": id, "message": text},
                            },
                        },
                    }},
                },
            }),
        ),
    ];
    entries.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
