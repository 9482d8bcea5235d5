//! Requests that fit the types of a message, as JSON and as protobuf.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use buffa::Message as _;
use claviger::proto::zitadel::v1::ErrorDetail;
use proptest::prelude::*;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value as Proto};
use serde_json::{Map, Value};

/// What stands before the place of an id in the world.
pub const REAL: &str = "real id ";

/// Requests of right types; fields that are in a path are always there and not empty.
pub fn request(of: &MessageDescriptor, params: &[&str]) -> BoxedStrategy<Value> {
    let params: Vec<String> = params.iter().map(|name| camel(name)).collect();
    let in_path = params.clone().into_iter().map(|name| (Just(name), path_text()));
    (message(of, 2), in_path.collect::<Vec<_>>())
        .prop_map(move |(mut request, values)| {
            let object = request.as_object_mut().expect("an object");
            object.extend(values);
            request
        })
        .boxed()
}

fn message(of: &MessageDescriptor, depth: u32) -> BoxedStrategy<Value> {
    let mut members: Vec<BoxedStrategy<Option<(String, Value)>>> = Vec::new();
    let alone = |field: &FieldDescriptor| field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic());
    for field in of.fields().filter(alone) {
        members.extend(member(&field, depth).map(|member| prop::option::weighted(0.7, member).boxed()));
    }
    for oneof in of.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let choices: Vec<_> = oneof.fields().filter_map(|field| member(&field, depth)).collect();
        if !choices.is_empty() {
            let one = prop::sample::select(choices).prop_flat_map(|choice| choice);
            members.push(prop::option::weighted(0.9, one).boxed());
        }
    }
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}

fn member(field: &FieldDescriptor, depth: u32) -> Option<BoxedStrategy<(String, Value)>> {
    let one = value(field, depth)?;
    let value = if field.is_list() { prop::collection::vec(one, 0..3).prop_map(Value::from).boxed() } else { one };
    let name = field.json_name().to_owned();
    Some(value.prop_map(move |value| (name.clone(), value)).boxed())
}

fn value(field: &FieldDescriptor, depth: u32) -> Option<BoxedStrategy<Value>> {
    Some(match field.kind() {
        Kind::String => text(field.name()),
        Kind::Bool => any_bool(),
        Kind::Bytes => prop::collection::vec(any::<u8>(), 0..9).prop_map(|b| STANDARD.encode(b).into()).boxed(),
        Kind::Enum(kind) => {
            let names: Vec<String> = kind.values().map(|value| value.name().to_owned()).collect();
            prop_oneof![8 => prop::sample::select(names).prop_map(Value::from), 1 => Just(Value::from(99))].boxed()
        }
        Kind::Uint32 | Kind::Int32 => prop_oneof![0_u32..4, Just(1001_u32)].prop_map(Value::from).boxed(),
        Kind::Uint64 | Kind::Int64 => (0_u64..4).prop_map(|n| n.to_string().into()).boxed(),
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
            let moments = ["2519-04-01T08:45:00Z", "2020-01-01T00:00:00.5Z", "0001-01-01T00:00:00Z"];
            prop::sample::select(moments.to_vec()).prop_map(Value::from).boxed()
        }
        Kind::Message(inner) if inner.full_name() == "google.protobuf.Duration" => {
            prop::sample::select(vec!["1s", "0.5s", "-3s", "6s"]).prop_map(Value::from).boxed()
        }
        Kind::Message(inner) if depth > 0 && inner.full_name().starts_with("zitadel.") => message(&inner, depth - 1),
        _ => return None,
    })
}

fn any_bool() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::from).boxed()
}

fn real() -> impl Strategy<Value = Value> {
    (0_usize..7).prop_map(|place| Value::from(format!("{REAL}{place}")))
}

fn text(name: &str) -> BoxedStrategy<Value> {
    let odd = prop_oneof![
        Just(String::new()),
        Just("x".repeat(201)),
        Just("\u{0}".to_owned()),
        Just("ä  🦀 ".to_owned()),
        "[a-z]{1,8}",
    ];
    let known: &[&str] = match name {
        name if name.contains("role") => &["reader", "PROJECT_OWNER", "ORG_OWNER", "IAM_OWNER_VIEWER"],
        name if name.contains("key") => &["reader", "k1", "k2"],
        name if name.contains("domain") => &["example.com", "zitadel.localhost"],
        name if name.contains("uri") => &["https://app.example.com/cb", "http://localhost/cb"],
        _ => &["a", "b", "world"],
    };
    let known = prop::sample::select(known.to_vec()).prop_map(Value::from);
    if name.contains("id") {
        return prop_oneof![6 => real(), 1 => odd.prop_map(Value::from)].boxed();
    }
    prop_oneof![4 => known, 1 => odd.prop_map(Value::from)].boxed()
}

/// A text that a path can hold.
fn path_text() -> BoxedStrategy<Value> {
    let odd = prop_oneof![
        Just("x".repeat(201)),
        Just("\u{0}".to_owned()),
        Just("ä 🦀".to_owned()),
        Just("reader".to_owned()),
        Just("123456789012345678".to_owned()),
    ];
    prop_oneof![5 => real(), 1 => odd.prop_map(Value::from)].boxed()
}

/// The same request or answer as protobuf.
pub fn dynamic(of: &MessageDescriptor, json: &Value) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for (name, value) in json.as_object().expect("an object") {
        let field = of.get_field_by_json_name(name).unwrap_or_else(|| panic!("{} has no {name}", of.full_name()));
        let value = match value {
            Value::Array(list) => Proto::List(list.iter().map(|value| proto(&field, value)).collect()),
            value => proto(&field, value),
        };
        message.set_field(&field, value);
    }
    message
}

fn proto(field: &FieldDescriptor, value: &Value) -> Proto {
    let text = || value.as_str().unwrap_or_else(|| panic!("{}: {value}", field.full_name()));
    let number = || value.as_i64().unwrap_or_else(|| text().parse().expect("a number"));
    match field.kind() {
        Kind::String => Proto::String(text().to_owned()),
        Kind::Bool => Proto::Bool(value.as_bool().expect("true or false")),
        Kind::Bytes => Proto::Bytes(STANDARD.decode(text()).expect("base64").into()),
        Kind::Enum(kind) => Proto::EnumNumber(match value.as_str() {
            Some(name) => kind.get_value_by_name(name).expect(name).number(),
            None => i32::try_from(number()).expect("a number of an enum"),
        }),
        Kind::Uint32 => Proto::U32(u32::try_from(number()).expect("32 bits")),
        Kind::Int32 => Proto::I32(i32::try_from(number()).expect("32 bits")),
        Kind::Uint64 => Proto::U64(u64::try_from(number()).expect("64 bits")),
        Kind::Int64 => Proto::I64(number()),
        Kind::Message(inner) => match inner.full_name() {
            "google.protobuf.Timestamp" => Proto::Message(moment(&inner, text())),
            "google.protobuf.Duration" => Proto::Message(duration(&inner, text())),
            _ => Proto::Message(dynamic(&inner, value)),
        },
        kind => panic!("{}: {kind:?} is not of this contract yet", field.full_name()),
    }
}

fn seconds(of: &MessageDescriptor, seconds: i64, nanos: i32) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    message.set_field_by_name("seconds", Proto::I64(seconds));
    message.set_field_by_name("nanos", Proto::I32(nanos));
    message
}

fn moment(of: &MessageDescriptor, text: &str) -> DynamicMessage {
    let time: buffa_types::google::protobuf::Timestamp =
        serde_json::from_value(Value::from(text)).expect("a point in time");
    seconds(of, time.seconds, time.nanos)
}

fn duration(of: &MessageDescriptor, text: &str) -> DynamicMessage {
    let time: buffa_types::google::protobuf::Duration = serde_json::from_value(Value::from(text)).expect("a duration");
    seconds(of, time.seconds, time.nanos)
}

/// What is in a message, to be compared and shown.
pub fn plain(message: &DynamicMessage) -> Value {
    Value::Object(message.fields().map(|(field, value)| (field.name().to_owned(), plain_value(value))).collect())
}

fn plain_value(value: &Proto) -> Value {
    match value {
        Proto::Message(message) => plain(message),
        Proto::List(list) => list.iter().map(plain_value).collect(),
        Proto::String(text) => Value::from(text.as_str()),
        other => Value::from(format!("{other:?}")),
    }
}

/// `project_id` as JSON writes it.
pub fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let (head, tail) = part.split_at(part.len().min(1));
        out + &head.to_uppercase() + tail
    })
}

/// The detail in a `google.rpc.Status`: field 3 is an Any, of which field 2 is the message.
pub fn detail(status: &[u8]) -> Option<(String, String)> {
    let any = parts(status).into_iter().find(|(number, _)| *number == 3)?.1;
    let bytes = parts(any).into_iter().find(|(number, _)| *number == 2)?.1;
    let detail = ErrorDetail::decode_from_slice(bytes).ok()?;
    Some((detail.id, detail.message))
}

/// The fields of a message that have a length; numbers are passed over.
fn parts(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = varint(&mut bytes);
        if tag & 7 == 2 {
            let (field, rest) = bytes.split_at(usize::try_from(value).expect("short"));
            out.push((tag >> 3, field));
            bytes = rest;
        }
    }
    out
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// A short field in protobuf.
pub fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(bytes.len()).expect("short")], bytes].concat()
}
